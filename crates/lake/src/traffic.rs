//! The writing end of what switches sampled: other tables of the same lake, behind a lock of their own, so that it is written
//! beside the collector and a reader of logs.

use std::path::Path;

use evidence::column::{TRAFFIC_ASES, TRAFFIC_COVERAGE, TRAFFIC_HOSTS, TRAFFIC_VERDICTS};
use evidence::{Time, TrafficAsRow, TrafficCoverageRow, TrafficHostRow, TrafficVerdictRow};

use crate::error::LakeError;
use crate::schema::TableName;
use crate::tables::{Tables, Taken};
use crate::writer::Retention;

/// The tables of sampled traffic, which this process, and no other, writes.
#[derive(Debug)]
pub struct TrafficLake {
    tables: Tables,
}

/// Rows of one batch.
#[derive(Clone, Debug, Default)]
pub struct TrafficRows {
    pub hosts: Vec<TrafficHostRow>,
    pub ases: Vec<TrafficAsRow>,
    pub verdicts: Vec<TrafficVerdictRow>,
    pub coverage: Vec<TrafficCoverageRow>,
}

impl TrafficRows {
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.ases.is_empty() && self.verdicts.is_empty() && self.coverage.is_empty()
    }
}

impl TrafficLake {
    /// Opens the tables of sampled traffic in the lake of a folder to write, making what is not there.
    pub async fn open(folder: &Path) -> Result<Self, LakeError> {
        Ok(Self { tables: Tables::open(folder, &TableName::TRAFFIC, "traffic.lock").await? })
    }

    /// Which batches the tables have.
    pub async fn taken(&self) -> Result<Taken, LakeError> {
        self.tables.taken().await
    }

    /// Adds the rows of a batch, durably. A table that has the batch already, since an earlier call failed between two
    /// tables, is left as it is. Numbers of batches go up.
    pub async fn append(&self, rows: TrafficRows, batch: u64, now: Time) -> Result<(), LakeError> {
        let TrafficRows { hosts, ases, verdicts, coverage } = rows;
        let batch = batch..=batch;
        self.tables.append(TableName::TrafficHosts, &TRAFFIC_HOSTS, hosts, |row| row.at, &batch, now).await?;
        self.tables.append(TableName::TrafficAses, &TRAFFIC_ASES, ases, |row| row.at, &batch, now).await?;
        self.tables
            .append(TableName::TrafficVerdicts, &TRAFFIC_VERDICTS, verdicts, |row| row.told_at, &batch, now)
            .await?;
        self.tables.append(TableName::TrafficCoverage, &TRAFFIC_COVERAGE, coverage, |row| row.at, &batch, now).await
    }

    /// Merges files, sums up logs and deletes what no reader needs any more. Cheap when there is nothing to do.
    pub async fn compact(&self, now: Time) -> Result<(), LakeError> {
        self.tables.compact(now).await
    }

    /// Lets go of what is older than facts are to be kept.
    pub async fn expire(&self, retention: Retention, now: Time) -> Result<(), LakeError> {
        self.tables.expire(|table| retention.of(table), now).await
    }
}
