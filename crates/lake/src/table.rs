//! One Delta table on a local folder: its commit log, kept durable and short.
//!
//! The library commits atomically but does not sync: what is told here to be done is on disk.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::operations::vacuum::VacuumMode;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use evidence::Time;
use url::Url;

use crate::error::LakeError;
use crate::files::{DataFile, time_columns};
use crate::schema::TableName;

/// Commits after which the log is summed up in a checkpoint.
const CHECKPOINT_EVERY: u64 = 100;

/// How long old versions of the log, and files that are no longer part of the table, stay for readers that are still at
/// an older version.
const KEEP_OLD: Duration = Duration::from_secs(3600);

/// Under this name the log tells the last arrival that was taken in.
const INBOX: &str = "inbox";

/// A table and its latest version known here.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: TableName,
    pub(crate) folder: PathBuf,
    table: DeltaTable,
    checkpointed: u64,
}

impl Table {
    /// Opens a table, making it if it is not there, and adding columns that this version knows and it does not have.
    pub(crate) async fn open_or_create(name: TableName, lake: &Path) -> Result<Self, LakeError> {
        let folder = lake.join(name.as_str());
        std::fs::create_dir_all(&folder).map_err(|error| LakeError::Io { path: folder.clone(), error })?;
        let mut table = connect(name, &folder)?;
        if folder.join("_delta_log").is_dir() {
            table.load().await.map_err(of(name))?;
        } else {
            table = create(table, name).await.map_err(of(name))?;
            sync_log(&folder)?;
        }
        let mut table = Self { name, folder, table, checkpointed: 0 };
        table.checkpointed = table.version();
        table.add_missing_columns().await?;
        Ok(table)
    }

    /// Opens a table to read.
    pub(crate) async fn open(name: TableName, lake: &Path) -> Result<Self, LakeError> {
        let folder = lake.join(name.as_str());
        let mut table = connect(name, &folder)?;
        table.load().await.map_err(of(name))?;
        Ok(Self { name, folder, table, checkpointed: 0 })
    }

    /// Looks for newer versions.
    pub(crate) async fn refresh(&mut self) -> Result<(), LakeError> {
        self.table.update_incremental(None).await.map_err(of(self.name))
    }

    pub(crate) fn version(&self) -> u64 {
        self.table.version().unwrap_or(0)
    }

    /// The last arrival that this table took in.
    pub(crate) async fn taken(&self) -> Result<u64, LakeError> {
        let snapshot = self.table.snapshot().map_err(of(self.name))?;
        let number =
            snapshot.transaction_version(self.table.log_store().as_ref(), INBOX).await.map_err(of(self.name))?;
        Ok(number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
    }

    /// The files of this version.
    pub(crate) fn files(&self) -> Result<Vec<DataFile>, LakeError> {
        let snapshot = self.table.snapshot().map_err(of(self.name))?;
        let file = |view: deltalake_core::kernel::LogicalFileView| {
            let size = u64::try_from(view.size()).unwrap_or(0);
            DataFile::of_log(self.name, view.path().into_owned(), size, view.stats().as_deref())
        };
        Ok(snapshot.log_data().iter().map(file).collect())
    }

    /// Commits added and removed files, durably. `taken` is the last arrival whose rows are among them.
    pub(crate) async fn commit(&mut self, change: Change, now: Time) -> Result<(), LakeError> {
        let mut removed = Vec::new();
        if !change.removed.is_empty() {
            let snapshot = self.table.snapshot().map_err(of(self.name))?;
            let log = snapshot.log_data();
            let gone = log.iter().filter(|view| change.removed.iter().any(|path| *path == view.path()));
            removed.extend(gone.map(|view| Action::Remove(view.remove_action(change.data_change))));
        }
        let actions = removed.into_iter().chain(change.added.into_iter().map(Action::Add)).collect();
        let mut properties =
            CommitProperties::default().with_create_checkpoint(false).with_cleanup_expired_logs(Some(false));
        if let Some(number) = change.taken {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let transaction = Transaction::new_with_last_update(INBOX, number, Some(now.micros() / 1000));
            properties = properties.with_application_transaction(transaction);
        }
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let snapshot = self.table.snapshot().map_err(of(self.name))?;
        let commit = CommitBuilder::from(properties).with_actions(actions);
        commit.build(Some(snapshot), self.table.log_store(), operation).await.map_err(of(self.name))?;
        self.refresh().await?;
        sync_commit(&self.folder, self.version())
    }

    /// Sums up the log when it has grown, and forgets old versions once that is durable.
    pub(crate) async fn checkpoint(&mut self) -> Result<(), LakeError> {
        if self.version() < self.checkpointed + CHECKPOINT_EVERY {
            return Ok(());
        }
        deltalake_core::checkpoints::create_checkpoint(&self.table, None).await.map_err(of(self.name))?;
        sync_log(&self.folder)?;
        self.checkpointed = self.version();
        deltalake_core::checkpoints::cleanup_metadata(&self.table, None).await.map_err(of(self.name))?;
        Ok(())
    }

    /// Deletes files that no version in use has, among them those of writers that died.
    pub(crate) async fn vacuum(&mut self) -> Result<u64, LakeError> {
        let keep = chrono::TimeDelta::from_std(KEEP_OLD).unwrap_or(chrono::TimeDelta::MAX);
        let builder = self.table.clone().vacuum();
        let (table, metrics) = builder
            .with_mode(VacuumMode::Full)
            .with_retention_period(keep)
            .with_enforce_retention_duration(false)
            .await
            .map_err(of(self.name))?;
        self.table = table;
        self.refresh().await?;
        sync_log(&self.folder)?;
        Ok(metrics.files_deleted.len() as u64)
    }

    async fn add_missing_columns(&mut self) -> Result<(), LakeError> {
        let schema = self.table.snapshot().map_err(of(self.name))?.schema();
        let mut missing = Vec::new();
        for field in self.name.delta() {
            match schema.field(field.name()) {
                None => missing.push(deltalake_core::kernel::StructField { nullable: true, ..field }),
                Some(found) if found.data_type() == field.data_type() => {}
                Some(found) => {
                    let what = format!("column {} is {}, not {}", field.name(), found.data_type(), field.data_type());
                    return Err(LakeError::Schema { table: self.name.as_str(), what });
                }
            }
        }
        if !missing.is_empty() {
            let builder = self.table.clone().add_columns().with_fields(missing);
            self.table = builder.await.map_err(of(self.name))?;
            sync_log(&self.folder)?;
        }
        Ok(())
    }
}

/// What a commit changes.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) added: Vec<deltalake_core::kernel::Add>,
    /// Paths.
    pub(crate) removed: Vec<String>,
    /// The last arrival taken in with it.
    pub(crate) taken: Option<u64>,
    /// Whether rows come or go; `false` when files are only merged.
    pub(crate) data_change: bool,
}

fn of(table: TableName) -> impl Fn(DeltaTableError) -> LakeError {
    move |error| LakeError::Table { table: table.as_str(), error: Box::new(error) }
}

fn connect(name: TableName, folder: &Path) -> Result<DeltaTable, LakeError> {
    let absolute = std::path::absolute(folder).map_err(|error| LakeError::Io { path: folder.to_owned(), error })?;
    let Ok(url) = Url::from_directory_path(&absolute) else {
        let what = format!("{} cannot be written as a URL", absolute.display());
        return Err(LakeError::Schema { table: name.as_str(), what });
    };
    DeltaTableBuilder::from_url(url).and_then(DeltaTableBuilder::build).map_err(of(name))
}

async fn create(table: DeltaTable, name: TableName) -> Result<DeltaTable, DeltaTableError> {
    let keep = format!("interval {} seconds", KEEP_OLD.as_secs());
    table
        .create()
        .with_table_name(name.as_str())
        .with_columns(name.delta())
        .with_configuration([
            // Readers that filter believe to know the bounds of every column that is not left out here.
            ("delta.dataSkippingStatsColumns", Some(time_columns(name).join(","))),
            ("delta.logRetentionDuration", Some(keep.clone())),
            ("delta.deletedFileRetentionDuration", Some(keep)),
        ])
        .await
}

/// Makes one commit durable.
fn sync_commit(folder: &Path, version: u64) -> Result<(), LakeError> {
    let log = folder.join("_delta_log");
    let commit = log.join(format!("{version:020}.json"));
    for path in [&commit, &log] {
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|error| LakeError::Io { path: path.clone(), error })?;
    }
    Ok(())
}

/// Makes the newest files of a log durable, a checkpoint among them. Older ones were when they were new.
fn sync_log(folder: &Path) -> Result<(), LakeError> {
    let log = folder.join("_delta_log");
    let failed = |error| LakeError::Io { path: log.clone(), error };
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&log).map_err(failed)? {
        names.push(entry.map_err(failed)?.path());
    }
    // Zero-padded numbers first, then `_last_checkpoint`: the newest commit, a checkpoint of it, and the pointer to it.
    names.sort();
    for path in names.iter().rev().take(4) {
        if let Ok(file) = File::open(path) {
            file.sync_all().map_err(failed)?;
        }
    }
    File::open(&log).and_then(|folder| folder.sync_all()).map_err(failed)
}
