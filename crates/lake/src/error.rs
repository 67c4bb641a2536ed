//! What can go wrong in a lake.

use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;

/// A lake that cannot be written or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    #[error("{0}: there is no lake here")]
    NotALake(PathBuf),
    #[error("{0}: another process writes to this lake")]
    InUse(PathBuf),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("table {table}: {error}")]
    Table { table: &'static str, error: Box<DeltaTableError> },
    #[error("table {table}: {what}")]
    Schema { table: &'static str, what: String },
    /// The caller's fault.
    #[error("table {table} has the arrivals up to {taken}: {} to {} cannot be added to it", .arrivals.start(), .arrivals.end())]
    Arrivals { table: &'static str, taken: u64, arrivals: RangeInclusive<u64> },
    /// The question's fault or the engine's: the text says which.
    #[error("{0}")]
    Query(Box<DataFusionError>),
}

impl From<DataFusionError> for LakeError {
    fn from(error: DataFusionError) -> Self {
        Self::Query(Box::new(error))
    }
}

impl From<datafusion::arrow::error::ArrowError> for LakeError {
    fn from(error: datafusion::arrow::error::ArrowError) -> Self {
        Self::Query(Box::new(error.into()))
    }
}

impl From<datafusion::parquet::errors::ParquetError> for LakeError {
    fn from(error: datafusion::parquet::errors::ParquetError) -> Self {
        Self::Query(Box::new(error.into()))
    }
}
