//! The block lists of a collector: files, and zones of the DNS that are asked about sources as they come. They become one
//! table for the sensors, and the column `listed`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use blocklist::{Draft, STALE_AFTER, Table, TableError};
use dnsbl::{Verdict, Zone, ZoneConfig};
use evidence::{IpNet, Time};
use spool::Handout;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{CollectConfig, DnsListConfig, FileListConfig};

/// How often a new table is made, if there is anything new.
const MAKE_EVERY: Duration = Duration::from_secs(2);

/// How often sensors are told that the table still holds. They take one for none that nobody has confirmed for
/// [`STALE_AFTER`].
const RENEW_EVERY: Duration = Duration::from_secs(STALE_AFTER.as_secs() / 24);

/// All lists, in the order in which a server asks them: files first.
#[derive(Debug)]
pub(crate) struct Lists {
    files: Vec<FileList>,
    zones: Vec<(DnsListConfig, Arc<Zone>)>,
    /// Where the table is kept.
    path: PathBuf,
    table: RwLock<Option<Made>>,
}

/// The table as sensors are given it.
#[derive(Debug, Clone)]
struct Made {
    table: Arc<Table>,
    handout: Handout,
}

/// A list in a file, read again when it changes.
#[derive(Debug)]
struct FileList {
    config: FileListConfig,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    prefixes: Arc<Vec<IpNet>>,
    /// The same to look an address up.
    table: Option<Arc<Table>>,
    seen: Option<(u64, Option<SystemTime>)>,
}

impl Lists {
    /// Reads the files and the table of the run before. A file that is wrong stops the start.
    pub(crate) fn open(config: &CollectConfig, path: &Path) -> anyhow::Result<Self> {
        let files: Vec<_> = config
            .file_list
            .iter()
            .map(|config| FileList { config: config.clone(), current: Mutex::default() })
            .collect();
        for file in &files {
            file.look()?;
        }
        let zones = config.dns_list.iter().map(|config| (config.clone(), Arc::new(Zone::new(config.zone_config()))));
        let lists = Self { files, zones: zones.collect(), path: path.to_owned(), table: RwLock::default() };
        if !lists.is_empty() {
            lists.recall()?;
            lists.make(sensor::now())?;
        }
        Ok(lists)
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.zones.is_empty()
    }

    /// What sensors are given.
    pub(crate) fn handout(&self) -> Option<Handout> {
        self.made().map(|made| made.handout)
    }

    /// A source was seen: it is asked about, soon, unless it was lately. Nobody waits.
    pub(crate) fn seen(&self, source: IpAddr) {
        let source = source.to_canonical();
        if is_somebodys(source) {
            self.zones.iter().for_each(|(_, zone)| zone.want(source));
        }
    }

    /// The lists that have a source, as far as is known; `None` where none is known to have it and not all are known.
    pub(crate) fn listed(&self, source: IpAddr) -> Option<Vec<String>> {
        if self.is_empty() {
            return None;
        }
        let source = source.to_canonical();
        let mut all_known = true;
        let mut listed = Vec::new();
        for file in self.files.iter().filter(|file| file.has(source)) {
            listed.push(shown(&file.config.name, file.config.operator.as_deref()));
        }
        for (config, zone) in &self.zones {
            match zone.about(source) {
                Some(Verdict::Listed { .. }) => listed.push(shown(config.shown_name(), config.operator.as_deref())),
                Some(Verdict::Unlisted) => {}
                None => all_known = false,
            }
        }
        (all_known || !listed.is_empty()).then_some(listed)
    }

    /// Asks the zones, and makes new tables, until told to stop.
    pub(crate) async fn keep(self: Arc<Self>, stop: CancellationToken) {
        if self.is_empty() {
            return;
        }
        let asking: Vec<JoinHandle<()>> = self
            .zones
            .iter()
            .map(|(_, zone)| {
                let (zone, stop) = (Arc::clone(zone), stop.clone());
                tokio::spawn(async move { zone.run(stop).await })
            })
            .collect();
        let mut times = tokio::time::interval(MAKE_EVERY);
        times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = times.tick() => {}
                () = stop.cancelled() => break,
            }
            let lists = Arc::clone(&self);
            let renewing = move || {
                lists.files.iter().for_each(FileList::look_again);
                lists.make(sensor::now())
            };
            match tokio::task::spawn_blocking(renewing).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "no new table of block lists is made"),
            }
        }
        for zone in asking {
            _ = zone.await;
        }
    }

    /// Makes a table of what is known now, if it says anything new or the last one is to be confirmed.
    fn make(&self, now: Time) -> anyhow::Result<()> {
        let mut draft = Draft::default();
        for file in &self.files {
            let prefixes = Arc::clone(&file.current().prefixes);
            prefixes.iter().for_each(|prefix| draft.add(*prefix, &file.config.zone, ""));
        }
        for (config, zone) in &self.zones {
            for (address, reason) in zone.listed() {
                draft.add(IpNet::from(address), &config.zone, &reason);
            }
        }
        let left_out = draft.left_out;
        let before = self.made();
        // By the clock, so that a collector that lost its table does not give an old number to a new one.
        let next = before.as_ref().map_or(0, |made| made.table.version) + 1;
        let version = next.max(u64::try_from(now.micros()).unwrap_or(0));
        let table = draft.finish(version, now);
        let confirmed = |made: &Made| made.table.says_the_same(&table) && now.since(made.table.made_at) < RENEW_EVERY;
        if before.as_ref().is_some_and(confirmed) {
            return Ok(());
        }
        if left_out > 0 {
            tracing::error!(left_out, "block lists have more entries than a table can hold; the last are left out");
        }
        let bytes = table.encode();
        replace(&self.path, &bytes).with_context(|| self.path.display().to_string())?;
        tracing::debug!(version, entries = table.len(), "a new table of block lists");
        let made = Made { table: Arc::new(table), handout: Handout { version, bytes: bytes.into() } };
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(())
    }

    /// Remembers what zones said in the run before, so that a new start lets nobody off.
    fn recall(&self) -> anyhow::Result<()> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(|| self.path.display().to_string()),
        };
        let table = match Table::decode(&bytes) {
            Ok(table) => table,
            // It is made again of the lists themselves; only its number would be missed.
            Err(TableError::Checksum | TableError::Kind) => {
                tracing::warn!(path = %self.path.display(), "the table of block lists is damaged and made anew");
                return Ok(());
            }
            Err(error) => return Err(error).with_context(|| self.path.display().to_string()),
        };
        let zones: BTreeMap<&str, &Zone> = self.zones.iter().map(|(_, zone)| (zone.name(), &**zone)).collect();
        for (prefix, listing) in table.entries() {
            if let Some(zone) = zones.get(listing.list.as_str())
                && prefix.prefix_len() == prefix.max_prefix_len()
            {
                zone.recall(prefix.addr(), listing.template(), STALE_AFTER);
            }
        }
        let handout = Handout { version: table.version, bytes: bytes.into() };
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Some(Made { table: Arc::new(table), handout });
        Ok(())
    }

    fn made(&self) -> Option<Made> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl FileList {
    fn current(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, address: IpAddr) -> bool {
        let table = self.current().table.clone();
        table.is_some_and(|table| table.find(address).is_some())
    }

    /// Reads the file if it has changed.
    fn look(&self) -> anyhow::Result<()> {
        let path = &self.config.path;
        let named = || format!("the list {}", path.display());
        let mut current = self.current();
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // It is told once, not at every look.
            Err(_) if current.seen.take().is_none() && current.table.is_some() => return Ok(()),
            Err(error) => return Err(error).with_context(named),
        };
        let seen = Some((metadata.len(), metadata.modified().ok()));
        if std::mem::replace(&mut current.seen, seen) == seen {
            return Ok(());
        }
        let prefixes = blocklist::parse(&fs::read_to_string(path).with_context(named)?).with_context(named)?;
        let mut draft = Draft::default();
        prefixes.iter().for_each(|prefix| draft.add(*prefix, &self.config.zone, ""));
        ensure!(draft.left_out == 0, "{}: {} entries are more than a table holds", named(), prefixes.len());
        tracing::info!(list = self.config.name, entries = prefixes.len(), "a block list is read");
        (current.prefixes, current.table) = (Arc::new(prefixes), Some(Arc::new(draft.finish(0, Time::default()))));
        Ok(())
    }

    fn look_again(&self) {
        if let Err(error) = self.look() {
            tracing::error!(error = format!("{error:#}"), "a block list cannot be used; what it said before stays");
        }
    }
}

/// Puts a file in the place of another: a reader sees either of them.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}

/// Whether a list can know an address: those inside a network say nothing to anybody outside.
fn is_somebodys(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => {
            !(v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified())
        }
    }
}

/// How a list stands in rows and tables: with who keeps it.
fn shown(name: &str, operator: Option<&str>) -> String {
    operator.map_or_else(|| name.to_owned(), |operator| format!("{name} ({operator})"))
}

impl DnsListConfig {
    fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.zone)
    }

    fn zone_config(&self) -> ZoneConfig {
        ZoneConfig {
            zone: self.zone.clone(),
            resolver: self.resolver,
            hold: Duration::from_secs(u64::from(self.hold_minutes) * 60),
            per_second: self.per_second,
        }
    }
}
