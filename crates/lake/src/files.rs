//! Data files: how they are written, and what their table's log says of them.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use deltalake_core::kernel::Add;
use evidence::{Time, Window};

use crate::batch::conform;
use crate::error::LakeError;
use crate::schema::TableName;

/// A merged file is closed when it has this size; closing it costs a little more.
pub(crate) const TARGET: u64 = 128 * 1024 * 1024;

/// Rows of a row group: what a query reads or skips as a whole.
const ROW_GROUP: usize = 128 * 1024;

/// A file of a table, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataFile {
    /// Path below the table's folder.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) rows: u64,
    /// The instants of the table's time column: from the first to after the last.
    pub(crate) times: Window,
    /// The first instant at which a connection of its rows was accepted; that of `times` where the table has none.
    pub(crate) earliest_session: Time,
}

/// Writes a file of a table, in pieces, and tells what the log is to say of it.
pub(crate) struct FileWriter {
    table: TableName,
    folder: PathBuf,
    path: String,
    writer: ArrowWriter<File>,
    rows: u64,
    /// First and last value of each time column that the log tells.
    bounds: Vec<(&'static str, Option<(i64, i64)>)>,
}

impl FileWriter {
    /// Begins a file at the place of a quarter of an hour, under a name of its own.
    pub(crate) fn create(table: TableName, folder: &Path, place: Time) -> Result<Self, LakeError> {
        let path = format!("{}-{}.parquet", place.to_path(), uuid::Uuid::new_v4());
        let full = folder.join(&path);
        let failed = |error| LakeError::Io { path: full.clone(), error };
        if let Some(parent) = full.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let file = File::create(&full).map_err(failed)?;
        let writer = ArrowWriter::try_new(file, table.arrow(), Some(properties(table)))?;
        let bounds = time_columns(table).iter().map(|name| (*name, None)).collect();
        Ok(Self { table, folder: folder.to_owned(), path, writer, rows: 0, bounds })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        for (name, bounds) in &mut self.bounds {
            if let Some((first, last)) = batch_bounds(batch, name) {
                let (a, b) = bounds.unwrap_or((first, last));
                *bounds = Some((a.min(first), b.max(last)));
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(self.writer.write(batch)?)
    }

    /// Bytes written and held so far.
    pub(crate) fn size(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Ends the file durably. `now` is the time the log tells of its making.
    pub(crate) fn finish(self, now: Time, data_change: bool) -> Result<Add, LakeError> {
        let full = self.folder.join(&self.path);
        let failed = |error| LakeError::Io { path: full.clone(), error };
        let mut file = self.writer.into_inner()?;
        file.flush().map_err(failed)?;
        file.sync_all().map_err(failed)?;
        sync_parents(&full, &self.folder)?;
        let size = file.metadata().map_err(failed)?.len();
        let bound = |pick: fn((i64, i64)) -> i64| -> serde_json::Map<String, serde_json::Value> {
            let told = self.bounds.iter().filter_map(|(name, bounds)| Some((name, (*bounds)?)));
            told.map(|(name, bounds)| ((*name).to_owned(), Time::from_micros(pick(bounds)).to_string().into()))
                .collect()
        };
        let stats = serde_json::json!({
            "numRecords": self.rows,
            "minValues": bound(|(first, _)| first),
            "maxValues": bound(|(_, last)| last),
            "nullCount": {},
        });
        tracing::trace!(table = self.table.as_str(), path = self.path, rows = self.rows, size, "wrote a file");
        Ok(Add {
            path: self.path,
            size: i64::try_from(size).unwrap_or(i64::MAX),
            modification_time: now.micros() / 1000,
            data_change,
            stats: Some(stats.to_string()),
            ..Add::default()
        })
    }
}

/// The columns whose first and last value the log tells.
pub(crate) fn time_columns(table: TableName) -> &'static [&'static str] {
    match table {
        TableName::Messages => &["accepted_at", "session_accepted_at"],
        TableName::Sessions => &["accepted_at"],
        TableName::Contents => &["first_seen"],
        TableName::Heartbeats | TableName::Customers => &["at"],
        TableName::TrafficHosts | TableName::TrafficAses | TableName::TrafficCoverage => &["at"],
        TableName::Findings | TableName::TrafficVerdicts => &["told_at"],
        TableName::Complaints => &["received_at"],
    }
}

fn batch_bounds(batch: &RecordBatch, name: &str) -> Option<(i64, i64)> {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::TimestampMicrosecondType;
    let times = batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()?;
    Some((datafusion::arrow::compute::min(times)?, datafusion::arrow::compute::max(times)?))
}

fn properties(table: TableName) -> WriterProperties {
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_created_by(concat!("spamtrail ", env!("CARGO_PKG_VERSION")).to_owned());
    if table == TableName::Contents {
        // Contents are large and all different: no dictionary, no bounds, and a filter by which to find a digest.
        properties = properties
            .set_max_row_group_row_count(Some(ROW_GROUP / 16))
            .set_column_dictionary_enabled("content".into(), false)
            .set_column_statistics_enabled("content".into(), EnabledStatistics::None)
            .set_column_bloom_filter_enabled("sha256".into(), true);
    }
    properties.build()
}

/// Reads a file piece by piece, in today's schema.
pub(crate) fn read(
    folder: &Path,
    path: &str,
    schema: SchemaRef,
) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>>, LakeError> {
    let full = folder.join(path);
    let file = File::open(&full).map_err(|error| LakeError::Io { path: full, error })?;
    let batches = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(8192).build()?;
    Ok(batches.map(move |batch| conform(&batch?, &schema)))
}

/// Makes the names of a file durable, and of every folder from it up to the table's.
fn sync_parents(file: &Path, top: &Path) -> Result<(), LakeError> {
    for folder in file.ancestors().skip(1).take_while(|folder| folder.starts_with(top)) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| LakeError::Io { path: folder.to_owned(), error })?;
    }
    Ok(())
}

impl DataFile {
    /// What a log entry says, given its path, size and statistics. Where these are missing the file may hold any time.
    pub(crate) fn of_log(table: TableName, path: String, size: u64, stats: Option<&str>) -> Self {
        let stats: serde_json::Value = stats.and_then(|stats| serde_json::from_str(stats).ok()).unwrap_or_default();
        let bound = |side: &str, column: &str| stats[side][column].as_str().and_then(|time| time.parse::<Time>().ok());
        let column = table.time_column();
        let from = bound("minValues", column).unwrap_or(Time::from_micros(i64::MIN));
        // Logs may cut instants to milliseconds, downwards.
        let last = bound("maxValues", column).map(|last| last + std::time::Duration::from_millis(1));
        Self {
            path,
            size,
            rows: stats["numRecords"].as_u64().unwrap_or(0),
            times: Window { from, until: last.unwrap_or(Time::from_micros(i64::MAX)) },
            earliest_session: bound("minValues", "session_accepted_at").unwrap_or(from),
        }
    }
}
