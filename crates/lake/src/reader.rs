//! The reading end: a consistent version of all tables, and SQL on it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::ParamValues;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{SessionConfig, SessionContext};
use evidence::{Time, Window};
use futures::StreamExt;

use crate::answer::{Answer, Value};
use crate::error::LakeError;
use crate::files::DataFile;
use crate::schema::TableName;
use crate::table::Table;

/// A lake that others write. It follows the newest version.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    tables: tokio::sync::Mutex<Vec<Table>>,
}

/// All tables as they were at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    tables: Vec<TableSnapshot>,
}

#[derive(Debug, Clone)]
struct TableSnapshot {
    name: TableName,
    folder: PathBuf,
    /// `None` while nobody has written it.
    version: Option<u64>,
    files: Vec<DataFile>,
}

/// Which version of a table an answer was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableVersion {
    pub table: &'static str,
    pub version: u64,
    pub files: usize,
    pub rows: u64,
}

impl Reader {
    /// Opens the lake of a folder to read.
    pub async fn open(folder: &Path) -> Result<Self, LakeError> {
        let reader = Self { folder: folder.to_owned(), tables: tokio::sync::Mutex::default() };
        reader.snapshot().await?;
        Ok(reader)
    }

    /// The newest version. Tables that nobody has written yet are empty.
    pub async fn snapshot(&self) -> Result<Snapshot, LakeError> {
        let mut tables = self.tables.lock().await;
        self.connect(&mut tables).await?;
        // Contents last: a message's content, which is written before it, is always there.
        for table in tables.iter_mut().rev() {
            table.refresh().await?;
        }
        let mut snapshot = Snapshot { tables: Vec::new() };
        for name in TableName::all() {
            let folder = self.folder.join(name.as_str());
            snapshot.tables.push(match tables.iter().find(|table| table.name == name) {
                None => TableSnapshot { name, folder, version: None, files: Vec::new() },
                Some(table) => TableSnapshot { name, folder, version: Some(table.version()), files: table.files()? },
            });
        }
        Ok(snapshot)
    }

    /// Connects to the tables that are new here.
    async fn connect(&self, tables: &mut Vec<Table>) -> Result<(), LakeError> {
        for name in TableName::all() {
            let is_there = self.folder.join(name.as_str()).join("_delta_log").is_dir();
            if is_there && !tables.iter().any(|table| table.name == name) {
                tables.push(Table::open(name, &self.folder).await?);
            }
        }
        if tables.is_empty() { Err(LakeError::NotALake(self.folder.clone())) } else { Ok(()) }
    }
}

impl Snapshot {
    /// The versions of the tables that there are.
    pub fn versions(&self) -> Vec<TableVersion> {
        let version = |table: &TableSnapshot| {
            let rows = table.files.iter().map(|file| file.rows).sum();
            let version = table.version?;
            Some(TableVersion { table: table.name.as_str(), version, files: table.files.len(), rows })
        };
        self.tables.iter().filter_map(version).collect()
    }

    /// The same, without the files that cannot hold anything of a window: a message or session accepted in it, or a
    /// message of a session that was.
    pub fn within(&self, window: Window) -> Self {
        let mut snapshot = self.clone();
        for table in &mut snapshot.tables {
            table.files.retain(|file| file.times.until > window.from && file.earliest_session < window.until);
        }
        snapshot
    }

    /// Answers a query. It may only read.
    pub async fn sql(&self, query: &str, parameters: &[(&str, Value)]) -> Result<Answer, LakeError> {
        ask(&self.session()?, query, parameters).await
    }

    /// Answers a query piece by piece; `take` is given each piece and says whether it wants more.
    pub async fn sql_in_pieces(&self, query: &str, mut take: impl FnMut(Answer) -> bool) -> Result<(), LakeError> {
        let frame = plan(&self.session()?, query, &[]).await?;
        let columns: Vec<_> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut pieces = frame.execute_stream().await?;
        let mut asked = take(Answer { columns: columns.clone(), rows: Vec::new() });
        while asked && let Some(batch) = pieces.next().await {
            let mut answer = Answer { columns: columns.clone(), rows: Vec::new() };
            answer.extend(&batch?)?;
            asked = take(answer);
        }
        Ok(())
    }

    /// Holds the answer of a query in memory as a table of this name, for questions that go over it again.
    pub async fn hold(&self, table: &str, query: &str, parameters: &[(&str, Value)]) -> Result<Held, LakeError> {
        let frame = plan(&self.session()?, query, parameters).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let rows = frame.collect().await?;
        // What is held is small: planning costs more than the query. So it is not shared out among processors, and the
        // plan is improved once, not until nothing changes.
        let mut config = config().with_target_partitions(1);
        config.options_mut().optimizer.max_passes = 1;
        let session = SessionContext::new_with_config(config);
        session.register_table(table, Arc::new(MemTable::try_new(schema, vec![rows])?))?;
        Ok(Held { session })
    }

    /// Digests of contents first seen at or after an instant.
    pub(crate) async fn contents_since(&self, since: Time) -> Result<Vec<([u8; 32], Time)>, LakeError> {
        let query = "SELECT sha256, first_seen FROM contents WHERE first_seen >= $since";
        let answer = self.sql(query, &[("since", Value::Instant(since))]).await?;
        let digest = |hex: &str| {
            let mut digest = [0; 32];
            for (index, byte) in digest.iter_mut().enumerate() {
                *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
            }
            Some(digest)
        };
        let row = |row: &Vec<Value>| Some((digest(row[0].as_text()?)?, row[1].as_instant()?));
        Ok(answer.rows.iter().filter_map(row).collect())
    }

    /// An engine that sees these files as tables.
    fn session(&self) -> Result<SessionContext, LakeError> {
        let session = SessionContext::new_with_config(config());
        for table in &self.tables {
            table.register(&session)?;
        }
        Ok(session)
    }
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new().with_information_schema(true);
    config.options_mut().execution.parquet.pushdown_filters = true;
    // The log told which files to read; their footers are not read twice.
    config.options_mut().execution.collect_statistics = false;
    config.options_mut().execution.time_zone = Some("UTC".into());
    config
}

impl TableSnapshot {
    fn register(&self, session: &SessionContext) -> Result<(), LakeError> {
        let schema = self.name.query();
        if self.files.is_empty() {
            session.register_table(self.name.as_str(), Arc::new(MemTable::try_new(schema, vec![Vec::new()])?))?;
            return Ok(());
        }
        let mut urls = Vec::new();
        for file in &self.files {
            let path = self.folder.join(&file.path);
            // The engine would take a file that is not there for an empty one.
            path.metadata().map_err(|error| LakeError::Io { path: path.clone(), error })?;
            urls.push(ListingTableUrl::parse(path.to_string_lossy())?);
        }
        let options = ListingOptions::new(Arc::new(ParquetFormat::new())).with_file_extension(".parquet");
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(schema);
        session.register_table(self.name.as_str(), Arc::new(ListingTable::try_new(config)?))?;
        Ok(())
    }
}

/// A snapshot with an intermediate result in memory.
pub struct Held {
    session: SessionContext,
}

impl Held {
    pub async fn sql(&self, query: &str, parameters: &[(&str, Value)]) -> Result<Answer, LakeError> {
        ask(&self.session, query, parameters).await
    }
}

async fn ask(session: &SessionContext, query: &str, parameters: &[(&str, Value)]) -> Result<Answer, LakeError> {
    let frame = plan(session, query, parameters).await?;
    let columns = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut answer = Answer { columns, rows: Vec::new() };
    for batch in frame.collect().await? {
        answer.extend(&batch)?;
    }
    Ok(answer)
}

async fn plan(session: &SessionContext, query: &str, parameters: &[(&str, Value)]) -> Result<DataFrame, LakeError> {
    // Nothing that makes or changes anything, outside or inside the engine.
    let only_reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = session.sql_with_options(query, only_reading).await?;
    if parameters.is_empty() {
        return Ok(frame);
    }
    let values: HashMap<_, _> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), value.to_scalar())).collect();
    Ok(frame.with_param_values(ParamValues::from(values))?)
}
