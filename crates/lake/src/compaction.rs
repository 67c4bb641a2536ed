//! Housekeeping: many small files become few, old ones go.
//!
//! Files are merged by appending them in the order of time; no row is changed, dropped or moved to another quarter.

use std::collections::BTreeMap;
use std::time::Duration;

use evidence::{QUARTER, Time};
use tokio::sync::Mutex;

use crate::error::LakeError;
use crate::files::{DataFile, FileWriter, TARGET, read};
use crate::schema::TableName;
use crate::table::{Change, Table};
use crate::tables::Tables;

/// Small files of an open quarter that are merged as soon as there are this many; a query opens no more than that.
const SMALL_FILES: usize = 16;

/// A file that counts as small there. Merging larger ones while they still grow would write each row too often.
const SMALL: u64 = 1024 * 1024;

/// How long after its end a quarter, or a day, counts as closed. Rows that come later make it open again.
const CLOSED_AFTER: Duration = Duration::from_secs(120);

impl Tables {
    /// Merges files, sums up logs and deletes what no reader needs any more. Cheap when there is nothing to do.
    pub(crate) async fn compact(&self, now: Time) -> Result<(), LakeError> {
        for table in &self.tables {
            let (name, files) = {
                let table = table.lock().await;
                (table.name, table.files()?)
            };
            for group in groups(name, files, now) {
                merge(table, group, now).await?;
            }
            table.lock().await.checkpoint().await?;
        }
        Ok(())
    }
}

/// Groups of files to be merged, each into one place.
fn groups(table: TableName, files: Vec<DataFile>, now: Time) -> Vec<Vec<DataFile>> {
    let mut quarters = BTreeMap::<Time, Vec<DataFile>>::new();
    for file in files.into_iter().filter(|file| file.size < TARGET / 2) {
        quarters.entry(file.times.from.quarter()).or_default().push(file);
    }
    let closed = |end: Time| end + CLOSED_AFTER <= now;
    let mut groups = Vec::new();
    let mut days = BTreeMap::<Time, Vec<DataFile>>::new();
    for (quarter, mut files) in quarters {
        if !closed(quarter + QUARTER) {
            files.retain(|file| file.size < SMALL);
            if files.len() >= SMALL_FILES {
                groups.push(files);
            }
        } else if files.len() > 1 {
            groups.push(files);
        } else if table != TableName::Contents && closed(quarter.day() + Duration::from_secs(86_400)) {
            // Contents stay by quarter: they are large, and looked up one at a time.
            days.entry(quarter.day()).or_default().append(&mut files);
        }
    }
    groups.extend(days.into_values().filter(|files| files.len() > 1));
    for group in &mut groups {
        group.sort_by_key(|file| (file.times.from, file.times.until));
    }
    groups
}

async fn merge(table: &Mutex<Table>, group: Vec<DataFile>, now: Time) -> Result<(), LakeError> {
    let (name, folder) = {
        let table = table.lock().await;
        (table.name, table.folder.clone())
    };
    let place = folder.clone();
    let removed: Vec<_> = group.iter().map(|file| file.path.clone()).collect();
    // Reading and writing files blocks; it is not done among the connections.
    let added = tokio::task::spawn_blocking(move || append_all(name, &folder, &group, now)).await;
    let added = added.map_err(|error| LakeError::Io { path: place, error: std::io::Error::other(error) })??;
    tracing::debug!(table = name.as_str(), from = removed.len(), to = added.len(), "merged files");
    table.lock().await.commit(Change { added, removed, data_change: false, taken: None }, now).await
}

fn append_all(
    name: TableName,
    folder: &std::path::Path,
    group: &[DataFile],
    now: Time,
) -> Result<Vec<deltalake_core::kernel::Add>, LakeError> {
    let mut added = Vec::new();
    let mut writer: Option<FileWriter> = None;
    for file in group {
        for batch in read(folder, &file.path, name.arrow())? {
            let mut open = match writer.take() {
                Some(open) => open,
                None => FileWriter::create(name, folder, file.times.from.quarter())?,
            };
            open.write(&batch?)?;
            if open.size() >= TARGET {
                added.push(open.finish(now, false)?);
            } else {
                writer = Some(open);
            }
        }
    }
    if let Some(open) = writer {
        added.push(open.finish(now, false)?);
    }
    Ok(added)
}
