//! The tables that one process writes, and no other does.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use evidence::Time;
use evidence::column::Column;
use tokio::sync::Mutex;

use crate::batch;
use crate::error::LakeError;
use crate::files::FileWriter;
use crate::schema::TableName;
use crate::table::{Change, Table};

/// Rows that become columns at once: those of a day's hosts with their weeks would take gigabytes.
const PIECE: usize = 16_384;

/// Tables, locked against other writers.
#[derive(Debug)]
pub(crate) struct Tables {
    /// Each behind a lock of its own: files are merged while others are added, and only commits wait for each other.
    pub(crate) tables: Vec<Mutex<Table>>,
    names: &'static [TableName],
    _lock: File,
}

/// Which arrivals the tables have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The last one that all tables have.
    pub by_all: u64,
    /// The last one that any table has. Where it is greater, the arrivals between are appended first, and alone.
    pub by_any: u64,
}

impl Tables {
    /// Opens these tables of a lake, making what is not there.
    pub(crate) async fn open(folder: &Path, names: &'static [TableName], lock_name: &str) -> Result<Self, LakeError> {
        std::fs::create_dir_all(folder).map_err(|error| LakeError::Io { path: folder.to_owned(), error })?;
        let lock = lock(folder, lock_name)?;
        let mut tables = Vec::new();
        for name in names {
            tables.push(Mutex::new(Table::open_or_create(*name, folder).await?));
        }
        Ok(Self { tables, names, _lock: lock })
    }

    pub(crate) async fn taken(&self) -> Result<Taken, LakeError> {
        let mut taken = Taken { by_all: u64::MAX, by_any: 0 };
        for table in &self.tables {
            let last = table.lock().await.taken().await?;
            taken = Taken { by_all: taken.by_all.min(last), by_any: taken.by_any.max(last) };
        }
        Ok(taken)
    }

    /// Adds rows of arrivals to a table, unless it has them all.
    pub(crate) async fn append<R>(
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
            let mut file = FileWriter::create(name, &table.folder, quarter)?;
            for piece in rows.chunks(PIECE) {
                let batch: RecordBatch = batch::build(name, columns, piece)?;
                file.write(&batch)?;
            }
            change.added.push(file.finish(now, true)?);
        }
        table.commit(change, now).await
    }

    /// Lets go of files whose rows are all older than they are to be kept, and deletes files from the disk that no version
    /// in use has.
    pub(crate) async fn expire(
        &self,
        keep: impl Fn(TableName) -> Option<Duration>,
        now: Time,
    ) -> Result<(), LakeError> {
        for table in &self.tables {
            let mut table = table.lock().await;
            if let Some(keep) = keep(table.name) {
                let old = table.files()?.into_iter().filter(|file| file.times.until <= now - keep);
                let removed: Vec<_> = old.map(|file| file.path).collect();
                if !removed.is_empty() {
                    tracing::info!(table = table.name.as_str(), files = removed.len(), "old data goes");
                    table.commit(Change { removed, data_change: true, ..Change::default() }, now).await?;
                }
            }
            table.vacuum().await?;
        }
        Ok(())
    }

    pub(crate) fn table(&self, name: TableName) -> &Mutex<Table> {
        match self.names.iter().position(|table| *table == name) {
            Some(place) => &self.tables[place],
            None => unreachable!("all tables are opened, in this order"),
        }
    }
}

fn lock(folder: &Path, name: &str) -> Result<File, LakeError> {
    let path = folder.join(name);
    let failed = |error| LakeError::Io { path: path.clone(), error };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LakeError::InUse(folder.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}
