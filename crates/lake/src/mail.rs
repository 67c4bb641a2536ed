//! The writing end of what a provider's own mail servers told: other tables of the same lake, behind a lock of their own,
//! so that the collector and a reader of logs run side by side.

use std::path::Path;
use std::time::Duration;

use evidence::column::{COMPLAINTS, CUSTOMERS, FINDINGS};
use evidence::{ComplaintRow, CustomerRow, FindingRow, Time};

use crate::error::LakeError;
use crate::schema::TableName;
use crate::tables::{Tables, Taken};

/// The tables of mail, which this process, and no other, writes.
#[derive(Debug)]
pub struct MailLake {
    tables: Tables,
}

/// Rows of one batch.
#[derive(Debug, Default)]
pub struct MailRows {
    pub customers: Vec<CustomerRow>,
    pub findings: Vec<FindingRow>,
    pub complaints: Vec<ComplaintRow>,
}

impl MailRows {
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty() && self.findings.is_empty() && self.complaints.is_empty()
    }
}

impl MailLake {
    /// Opens the tables of mail in the lake of a folder to write, making what is not there.
    pub async fn open(folder: &Path) -> Result<Self, LakeError> {
        Ok(Self { tables: Tables::open(folder, &TableName::MAIL, "mail.lock").await? })
    }

    /// Which batches the tables have.
    pub async fn taken(&self) -> Result<Taken, LakeError> {
        self.tables.taken().await
    }

    /// Adds the rows of a batch, durably. A table that has the batch already, since an earlier call failed between two
    /// tables, is left as it is. Numbers of batches go up.
    pub async fn append(&self, rows: MailRows, batch: u64, now: Time) -> Result<(), LakeError> {
        let MailRows { customers, findings, complaints } = rows;
        let batch = batch..=batch;
        self.tables.append(TableName::Customers, &CUSTOMERS, customers, |row| row.at, &batch, now).await?;
        self.tables.append(TableName::Findings, &FINDINGS, findings, |row| row.told_at, &batch, now).await?;
        self.tables.append(TableName::Complaints, &COMPLAINTS, complaints, |row| row.received_at, &batch, now).await
    }

    /// Merges files, sums up logs and deletes what no reader needs any more. Cheap when there is nothing to do.
    pub async fn compact(&self, now: Time) -> Result<(), LakeError> {
        self.tables.compact(now).await
    }

    /// Lets go of files whose rows are all older than `keep` (`None`: of none), and deletes files from the disk that no version
    /// in use has.
    pub async fn expire(&self, keep: Option<Duration>, now: Time) -> Result<(), LakeError> {
        self.tables.expire(|_| keep, now).await
    }
}
