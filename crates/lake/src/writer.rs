//! The writing end: rows in, files and commits out.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evidence::column::{CONTENTS, HEARTBEATS, MESSAGES, SESSIONS};
use evidence::{ContentRow, HeartbeatRow, MessageRow, SessionRow, Time};
use tokio::sync::Mutex;

use crate::error::LakeError;
use crate::reader::Reader;
use crate::schema::TableName;
use crate::tables::{Tables, Taken};

/// Quarters of an hour whose contents are remembered, so that a content is kept once in each. Contents of older ones are
/// kept again.
const QUARTERS_REMEMBERED: usize = 4;

/// A lake that this process, and no other, writes.
#[derive(Debug)]
pub struct Lake {
    pub(crate) tables: Tables,
    folder: PathBuf,
    /// Digests of the contents kept, by quarter of an hour.
    kept: Mutex<BTreeMap<Time, HashSet<[u8; 32]>>>,
}

/// Rows of one batch.
#[derive(Debug, Default)]
pub struct Rows {
    pub sessions: Vec<SessionRow>,
    pub messages: Vec<MessageRow>,
    pub contents: Vec<ContentRow>,
    pub heartbeats: Vec<HeartbeatRow>,
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

impl Retention {
    pub(crate) fn of(self, table: TableName) -> Option<Duration> {
        match table {
            TableName::Contents => self.contents,
            TableName::Heartbeats => self.heartbeats,
            _ => self.facts,
        }
    }
}

impl Lake {
    /// Opens the lake of a folder to write, making what is not there.
    pub async fn open(folder: &Path) -> Result<Self, LakeError> {
        let tables = Tables::open(folder, &TableName::DECOYS, "writer.lock").await?;
        let lake = Self { tables, folder: folder.to_owned(), kept: Mutex::default() };
        lake.remember_contents().await?;
        Ok(lake)
    }

    /// Which arrivals the tables have.
    pub async fn taken(&self) -> Result<Taken, LakeError> {
        self.tables.taken().await
    }

    /// Adds the rows of arrivals, durably. A table that has all of them already, since an earlier call failed between two
    /// tables, is left as it is. A table that has some of them fails the call ([`Taken`] tells how to avoid that).
    pub async fn append(&self, rows: Rows, arrivals: RangeInclusive<u64>, now: Time) -> Result<(), LakeError> {
        let Rows { sessions, messages, contents, heartbeats } = rows;
        let contents = self.only_new(contents).await;
        let new: Vec<_> = contents.iter().map(|row| (row.first_seen.quarter(), row.sha256)).collect();
        self.tables.append(TableName::Contents, &CONTENTS, contents, |row| row.first_seen, &arrivals, now).await?;
        self.remember(new).await;
        self.tables
            .append(TableName::Messages, &MESSAGES, messages, |row| row.message.accepted_at, &arrivals, now)
            .await?;
        let accepted_at = |row: &SessionRow| row.session.connection.accepted_at;
        self.tables.append(TableName::Sessions, &SESSIONS, sessions, accepted_at, &arrivals, now).await?;
        self.tables.append(TableName::Heartbeats, &HEARTBEATS, heartbeats, |row| row.heartbeat.at, &arrivals, now).await
    }

    /// Merges files, sums up logs and deletes what no reader needs any more. Cheap when there is nothing to do.
    pub async fn compact(&self, now: Time) -> Result<(), LakeError> {
        self.tables.compact(now).await
    }

    /// Lets go of files whose rows are all older than they are to be kept, and deletes files from the disk that no version
    /// in use has.
    pub async fn expire(&self, retention: Retention, now: Time) -> Result<(), LakeError> {
        self.tables.expire(|table| retention.of(table), now).await
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
        let files = self.tables.table(TableName::Contents).lock().await.files()?;
        let Some(newest) = files.into_iter().map(|file| file.times.until.quarter()).max() else { return Ok(()) };
        let since = newest - evidence::QUARTER * QUARTERS_REMEMBERED as u32;
        let snapshot = Reader::open(&self.folder).await?.snapshot().await?;
        let contents = snapshot.contents_since(since).await?;
        self.remember(contents.into_iter().map(|(digest, first_seen)| (first_seen.quarter(), digest))).await;
        Ok(())
    }
}
