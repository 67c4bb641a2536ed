//! The role `collect`: receives segments, takes them into the lake, keeps the lake tidy.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use evidence::SensorName;
use lake::{Lake, Reader, Rows, Value};
use origin::Atlas;
use spamtrail_sensor::{announce_ready, stopped};
use spool::{Arrival, Authority, Identity, Inbox, Seal};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::CollectConfig;
use crate::data::Data;
use crate::ingest::{Ingest, RecordId};
use crate::judge::Judge;
use crate::lists::Lists;
use crate::release;
use crate::signatures::catalogue;
use crate::tables::Tables;

/// The shortest time from one commit to the next: what arrives in between goes together.
const COMMIT_EVERY: Duration = Duration::from_millis(700);

/// How often the inbox is looked at when nothing tells of an arrival.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The most bytes of segments that are taken in at once; more wait for the next commit.
const BATCH: usize = 48 * 1024 * 1024;

/// How often files are merged, old ones deleted, and the tables of origins looked at.
const COMPACT_EVERY: Duration = Duration::from_secs(10);
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);
const TABLES_EVERY: Duration = Duration::from_secs(2);

/// The pause after the lake could not be written.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How far back the lake is asked which records it has, at the start.
const REMEMBER: Duration = Duration::from_secs(3600);

/// Collects until told to stop, then takes in what has arrived.
pub(crate) async fn collect(config: CollectConfig) -> anyhow::Result<()> {
    let stop = stopped()?;
    let data = Data(config.data.clone());
    prepare_identity(&data)?;
    let lake = Arc::new(Lake::open(&data.lake()).await?);
    let taken = lake.taken().await?;
    let inbox = Arc::new(Mutex::new(Inbox::open(&data.inbox(), taken.by_all)?));
    let folder = data.origin();
    let tables = Arc::new(tokio::task::spawn_blocking(move || Tables::open(&folder)).await??);
    let lists = Arc::new(Lists::open(&config, &data.lists())?);
    let judge = Judge::new(config.public_addresses.clone());
    let mut ingest = Ingest::new(catalogue(&data.signatures())?, judge, Arc::clone(&lists));
    remember_recent(&mut ingest, &data.lake()).await?;
    let listener =
        TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    let identity = Identity::read(&data.collector_identity())?;
    tracing::info!(listen = %config.listen, data = %data.path().display(), "the collector listens");
    announce_ready();

    let arrived = Arc::new(Notify::new());
    let notify = Arc::clone(&arrived);
    let received = Arc::clone(&inbox);
    let given = Arc::clone(&lists);
    let handout = move || given.handout();
    let receiving = spool::receive(listener, identity, received, move || notify.notify_one(), handout, stop.clone());
    let stop_taking = CancellationToken::new();
    let folder = data.lake();
    let taker = Taker { lake: Arc::clone(&lake), folder, inbox, tables: Arc::clone(&tables), ingest, arrived };
    let taking = tokio::spawn(taker.run(stop_taking.clone()));
    let releasing = tokio::spawn(release::run(data, config.release.clone(), stop.clone()));
    let keeping = tokio::spawn(keep(lake, tables, config, stop.clone()));
    let listing = tokio::spawn(lists.keep(stop.clone()));
    let done = receiving.await;
    // Nothing arrives any more; what has is taken in.
    stop_taking.cancel();
    taking.await?;
    keeping.await?;
    releasing.await?;
    listing.await?;
    Ok(done?)
}

/// Makes the authority and the collector's identity, if they are not there.
pub(crate) fn prepare_identity(data: &Data) -> anyhow::Result<Authority> {
    let authority = Authority::open(&data.authority())?;
    let folder = data.collector_identity();
    if Identity::read(&folder).is_err() {
        authority.issue_collector(&folder)?;
    }
    Ok(authority)
}

/// Takes segments from the inbox into the lake.
struct Taker {
    lake: Arc<Lake>,
    /// Where the lake is.
    folder: PathBuf,
    inbox: Arc<Mutex<Inbox>>,
    tables: Arc<Tables>,
    ingest: Ingest,
    arrived: Arc<Notify>,
}

impl Taker {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let next = Instant::now() + COMMIT_EVERY;
            let more = match self.take_some().await {
                Ok(more) => more,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "arrivals cannot be taken into the lake; they wait");
                    if stop.is_cancelled() {
                        return;
                    }
                    sleep(RETRY_AFTER).await;
                    continue;
                }
            };
            if more {
                continue;
            }
            if stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = self.arrived.notified() => {}
                () = sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => continue,
            }
            tokio::select! {
                () = sleep_until(next) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Takes in a batch: whether there are more.
    async fn take_some(&mut self) -> anyhow::Result<bool> {
        // Before the first, and not before the collector serves: sensors need not wait for it.
        self.ingest.recall(&self.folder).await?;
        let waiting = self.with_inbox(|inbox| inbox.list()).await?;
        let Some(first) = waiting.first().map(|arrival| arrival.number) else { return Ok(false) };
        // What some tables have, since the last attempt failed half-way, goes first, and alone.
        let taken = self.lake.taken().await?;
        let until = if taken.by_any >= first { taken.by_any } else { u64::MAX };
        let total = waiting.len();
        let (mut rows, mut size, mut last, mut count) = (Rows::default(), 0, first, 0);
        let atlas = self.tables.atlas();
        self.ingest.forget_unkept();
        for arrival in waiting.into_iter().take_while(|arrival| arrival.number <= until) {
            if size > BATCH && until == u64::MAX {
                break;
            }
            (last, count) = (arrival.number, count + 1);
            size += self.add(arrival, &atlas, &mut rows).await?;
        }
        // All that was waiting up to `until` may be gone from the disk; the tables that lack it still learn its number.
        if until != u64::MAX {
            last = until;
        }
        self.lake.append(rows, first..=last, sensor::now()).await?;
        self.ingest.kept();
        self.with_inbox(move |inbox| inbox.take(last)).await?;
        Ok(count < total)
    }

    /// Adds the rows of an arrival: its bytes.
    async fn add(&mut self, arrival: Arrival, atlas: &Atlas, rows: &mut Rows) -> anyhow::Result<usize> {
        let reading = arrival.clone();
        let (records, bytes) = match tokio::task::spawn_blocking(move || reading.read()).await? {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(segment = %arrival.id, %error, "a segment on this disk cannot be read any more; it is set aside");
                self.with_inbox(move |inbox| inbox.set_aside(&arrival)).await?;
                return Ok(0);
            }
        };
        let received_at = sensor::now();
        let added = records.into_iter().map(|record| self.ingest.add(record, atlas, received_at, rows));
        let again = added.filter(|added| !added).count();
        if again > 0 {
            tracing::warn!(segment = %arrival.id, records = again, "records came again in another segment; they count once");
        }
        Ok(bytes)
    }

    async fn with_inbox<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Inbox) -> Result<T, spool::InboxError> + Send + 'static,
    ) -> anyhow::Result<T> {
        let inbox = Arc::clone(&self.inbox);
        let work = move || work(&mut inbox.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(work).await??)
    }
}

/// Asks the lake which records of the last hour it has.
async fn remember_recent(ingest: &mut Ingest, lake: &Path) -> anyhow::Result<()> {
    let snapshot = Reader::open(lake).await?.snapshot().await?;
    let since = [("since", Value::Instant(sensor::now() - REMEMBER))];
    for (table, id) in [("sessions", "session_id"), ("messages", "message_id"), ("heartbeats", "heartbeat_id")] {
        let query = format!("SELECT {id} FROM {table} WHERE received_at >= $since");
        for row in snapshot.sql(&query, &since).await?.rows {
            let Some(text) = row[0].as_text() else { continue };
            let parsed = match table {
                "sessions" => text.parse().map(RecordId::Session),
                "messages" => text.parse().map(RecordId::Message),
                _ => text.parse().map(RecordId::Heartbeat),
            };
            ingest.remember(parsed?);
        }
    }
    Ok(())
}

/// Housekeeping: merges, retention, new tables of origins.
async fn keep(lake: Arc<Lake>, tables: Arc<Tables>, config: CollectConfig, stop: CancellationToken) {
    let mut compact = tokio::time::interval(COMPACT_EVERY);
    let mut expire = tokio::time::interval(EXPIRE_EVERY);
    let mut look = tokio::time::interval(TABLES_EVERY);
    loop {
        tokio::select! {
            _ = compact.tick() => {
                if let Err(error) = lake.compact(sensor::now()).await {
                    tracing::warn!(%error, "files cannot be merged now");
                }
            }
            _ = expire.tick() => {
                if let Err(error) = lake.expire(config.retention(), sensor::now()).await {
                    tracing::warn!(%error, "old data cannot be deleted now");
                }
            }
            _ = look.tick() => {
                let tables = Arc::clone(&tables);
                match tokio::task::spawn_blocking(move || tables.refresh()).await {
                    Ok(Ok(true)) => tracing::info!("the tables of origins are loaded anew"),
                    Ok(Ok(false)) | Err(_) => {}
                    Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "new tables of origins cannot be used; the former stay"),
                }
            }
            () = stop.cancelled() => return,
        }
    }
}

/// Makes the identity of a sensor.
pub(crate) fn enroll(data: &Data, name: &SensorName, out: &Path) -> anyhow::Result<()> {
    prepare_identity(data)?.issue_sensor(name, out)?;
    Ok(Seal::open(&data.seal())?.put(out)?)
}
