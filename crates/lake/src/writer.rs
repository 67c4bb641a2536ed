//! The writing end: rows in, files and commits out.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use evidence::column::{CONTENTS, Column, HEARTBEATS, MESSAGES, SESSIONS};
use evidence::{ContentRow, HeartbeatRow, MessageRow, SessionRow, Time};
use tokio::sync::Mutex;

use crate::batch;
use crate::error::LakeError;
use crate::files::FileWriter;
use crate::reader::Reader;
use crate::schema::TableName;
use crate::table::{Change, Table};

/// Quarters of an hour whose contents are remembered, so that a content is kept once in each. Contents of older ones are
/// kept again.
const QUARTERS_REMEMBERED: usize = 4;

/// A lake that this process, and no other, writes.
#[derive(Debug)]
pub struct Lake {
    /// Each behind a lock of its own: files are merged while others are added, and only commits wait for each other.
    pub(crate) tables: Vec<Mutex<Table>>,
    folder: PathBuf,
    /// Digests of the contents kept, by quarter of an hour.
    kept: Mutex<BTreeMap<Time, HashSet<[u8; 32]>>>,
    _lock: File,
}

/// Rows of one batch.
#[derive(Debug, Default)]
pub struct Rows {
    pub sessions: Vec<SessionRow>,
    pub messages: Vec<MessageRow>,
    pub contents: Vec<ContentRow>,
    pub heartbeats: Vec<HeartbeatRow>,
}

/// Which arrivals the tables have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The last one that all tables have.
    pub by_all: u64,
    /// The last one that any table has. Where it is greater, the arrivals between are appended first, and alone.
    pub by_any: u64,
}

/// How long each class of data is kept; `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Contents of messages: the personal part.
    pub contents: Option<Duration>,
    /// Facts about messages and connections.
    pub facts: Option<Duration>,
    pub heartbeats: Option<Duration>,
}

impl Lake {
    /// Opens the lake of a folder to write, making what is not there.
    pub async fn open(folder: &Path) -> Result<Self, LakeError> {
        std::fs::create_dir_all(folder).map_err(|error| LakeError::Io { path: folder.to_owned(), error })?;
        let lock = lock(folder)?;
        let mut tables = Vec::new();
        for name in TableName::ALL {
            tables.push(Mutex::new(Table::open_or_create(name, folder).await?));
        }
        let lake = Self { tables, folder: folder.to_owned(), kept: Mutex::default(), _lock: lock };
        lake.remember_contents().await?;
        Ok(lake)
    }

    /// Which arrivals the tables have.
    pub async fn taken(&self) -> Result<Taken, LakeError> {
        let mut taken = Taken { by_all: u64::MAX, by_any: 0 };
        for table in &self.tables {
            let last = table.lock().await.taken().await?;
            taken = Taken { by_all: taken.by_all.min(last), by_any: taken.by_any.max(last) };
        }
        Ok(taken)
    }

    /// Adds the rows of arrivals, durably. A table that has all of them already, since an earlier call failed between two
    /// tables, is left as it is. A table that has some of them fails the call ([`Taken`] tells how to avoid that).
    pub async fn append(&self, rows: Rows, arrivals: RangeInclusive<u64>, now: Time) -> Result<(), LakeError> {
        let Rows { sessions, messages, contents, heartbeats } = rows;
        let contents = self.only_new(contents).await;
        let new: Vec<_> = contents.iter().map(|row| (row.first_seen.quarter(), row.sha256)).collect();
        self.append_to(TableName::Contents, &CONTENTS, contents, |row| row.first_seen, &arrivals, now).await?;
        self.remember(new).await;
        self.append_to(TableName::Messages, &MESSAGES, messages, |row| row.message.accepted_at, &arrivals, now).await?;
        let accepted_at = |row: &SessionRow| row.session.connection.accepted_at;
        self.append_to(TableName::Sessions, &SESSIONS, sessions, accepted_at, &arrivals, now).await?;
        self.append_to(TableName::Heartbeats, &HEARTBEATS, heartbeats, |row| row.heartbeat.at, &arrivals, now).await
    }

    async fn append_to<R>(
        &self,
        name: TableName,
        columns: &[Column<R>],
        rows: Vec<R>,
        time: impl Fn(&R) -> Time,
        arrivals: &RangeInclusive<u64>,
        now: Time,
    ) -> Result<(), LakeError> {
        let mut table = self.table(name).lock().await;
        let taken = table.taken().await?;
        if taken >= *arrivals.end() {
            return Ok(());
        }
        if taken >= *arrivals.start() {
            return Err(LakeError::Arrivals { table: name.as_str(), taken, arrivals: arrivals.clone() });
        }
        let mut quarters = BTreeMap::<Time, Vec<R>>::new();
        for row in rows {
            quarters.entry(time(&row).quarter()).or_default().push(row);
        }
        let mut change = Change { taken: Some(*arrivals.end()), data_change: true, ..Change::default() };
        for (quarter, mut rows) in quarters {
            rows.sort_by_key(&time);
            let batch: RecordBatch = batch::build(name, columns, &rows)?;
            let mut file = FileWriter::create(name, &table.folder, quarter)?;
            file.write(&batch)?;
            change.added.push(file.finish(now, true)?);
        }
        table.commit(change, now).await
    }

    /// Contents that are not kept in their quarter yet, each once.
    async fn only_new(&self, contents: Vec<ContentRow>) -> Vec<ContentRow> {
        let kept = self.kept.lock().await;
        let is_kept = |row: &ContentRow| kept.get(&row.first_seen.quarter()).is_some_and(|q| q.contains(&row.sha256));
        let mut seen = HashSet::new();
        let new =
            contents.into_iter().filter(|row| !is_kept(row) && seen.insert((row.first_seen.quarter(), row.sha256)));
        new.collect()
    }

    /// Remembers contents, once they are kept.
    async fn remember(&self, contents: impl IntoIterator<Item = (Time, [u8; 32])>) {
        let mut kept = self.kept.lock().await;
        for (quarter, digest) in contents {
            kept.entry(quarter).or_default().insert(digest);
        }
        while kept.len() > QUARTERS_REMEMBERED {
            kept.pop_first();
        }
    }

    /// Reads back which contents the newest quarters hold.
    async fn remember_contents(&self) -> Result<(), LakeError> {
        let files = self.table(TableName::Contents).lock().await.files()?;
        let Some(newest) = files.into_iter().map(|file| file.times.until.quarter()).max() else { return Ok(()) };
        let since = newest - evidence::QUARTER * QUARTERS_REMEMBERED as u32;
        let snapshot = Reader::open(&self.folder).await?.snapshot().await?;
        let contents = snapshot.contents_since(since).await?;
        self.remember(contents.into_iter().map(|(digest, first_seen)| (first_seen.quarter(), digest))).await;
        Ok(())
    }

    fn table(&self, name: TableName) -> &Mutex<Table> {
        match TableName::ALL.iter().position(|table| *table == name) {
            Some(place) => &self.tables[place],
            None => unreachable!("all tables are opened, in this order"),
        }
    }
}

fn lock(folder: &Path) -> Result<File, LakeError> {
    let path = folder.join("writer.lock");
    let failed = |error| LakeError::Io { path: path.clone(), error };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LakeError::InUse(folder.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}
