//! The block lists that a collector gave: a file in the spool's folder, written by the role `ship`, read again whenever it
//! changes. Nobody is asked.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;
use std::{fs, io};

use blocklist::{MAX_BYTES, Table, TableError};
use decoy::Listed;
use evidence::{ListsState, Time};
use tokio::time::Duration;

/// How often the file is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The table in use.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// `None` where no listener asks for them.
    file: Option<PathBuf>,
    table: RwLock<Option<Arc<Table>>>,
    seen: Mutex<Option<Seen>>,
}

/// A file as it was seen: changed when any of this has.
type Seen = (u64, Option<SystemTime>);

/// A file that is no table.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Table(#[from] TableError),
}

impl Lists {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file, ..Self::default() }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.file.is_some()
    }

    /// Reads the file if it has changed. While it cannot be read the former table stays in use.
    pub(crate) fn look(&self) {
        let Some(file) = &self.file else { return };
        let Ok(metadata) = fs::metadata(file) else { return };
        let now = (metadata.len(), metadata.modified().ok());
        // Also after an error: it is told once, not at every look.
        if self.seen.lock().unwrap_or_else(PoisonError::into_inner).replace(now) == Some(now) {
            return;
        }
        match read(file, now.0) {
            Ok(table) => {
                tracing::info!(version = table.version, entries = table.len(), "block lists are loaded");
                *self.table.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(table));
            }
            Err(error) => {
                tracing::error!(%error, file = %file.display(), "block lists cannot be used; the former stay")
            }
        }
    }

    /// The list that an address is on, as its refusal tells it. A table that is too old lists nobody.
    pub(crate) fn about(&self, address: IpAddr, now: Time) -> Option<Listed> {
        let table = self.table()?;
        let listing = table.find(address).filter(|_| !table.is_stale(now))?;
        Some(Listed { list: listing.list.clone(), reason: listing.reason(address) })
    }

    pub(crate) fn state(&self, now: Time) -> Option<ListsState> {
        Some(self.table()?.state(now))
    }

    fn table(&self) -> Option<Arc<Table>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(file: &Path, length: u64) -> Result<Table, Unreadable> {
    // Before it is in memory: whoever could write a huge file here would have the sensor read it.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX_BYTES {
        return Err(TableError::TooLong(length).into());
    }
    Ok(Table::decode(&fs::read(file)?)?)
}

#[cfg(test)]
mod tests {
    use blocklist::{Draft, STALE_AFTER};

    use super::*;

    fn table(list: &str, version: u64, made_at: Time) -> Vec<u8> {
        let mut draft = Draft::default();
        draft.add("192.0.2.7/32".parse().unwrap(), list, "");
        draft.finish(version, made_at).encode()
    }

    #[test]
    fn a_new_file_is_used_a_bad_one_changes_nothing_and_an_old_one_lists_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lists");
        let lists = Lists::new(Some(file.clone()));
        let made_at = Time::from_micros(1_000_000);
        let found = |now| lists.about([192, 0, 2, 7].into(), now).map(|listed| listed.list);
        lists.look();
        assert_eq!((found(made_at), lists.state(made_at)), (None, None));
        fs::write(&file, table("one.example", 1, made_at)).unwrap();
        lists.look();
        assert_eq!(found(made_at).as_deref(), Some("one.example"));
        fs::write(&file, b"no table").unwrap();
        lists.look();
        assert_eq!(found(made_at).as_deref(), Some("one.example"));
        fs::write(&file, table("another.example", 2, made_at)).unwrap();
        lists.look();
        assert_eq!(found(made_at + STALE_AFTER).as_deref(), Some("another.example"));
        let late = made_at + STALE_AFTER + Duration::from_secs(1);
        assert_eq!(found(late), None);
        assert!(lists.state(late).is_some_and(|state| state.stale && state.version == 2 && state.entries == 1));
    }
}
