//! The folder of an observatory: what lies where.

use std::path::{Path, PathBuf};

use evidence::SensorName;

/// A data folder.
#[derive(Debug, Clone)]
pub(crate) struct Data(pub(crate) PathBuf);

/// Where `up` keeps its data, and the questions look for it.
pub(crate) const DEFAULT: &str = "spamtrail-data";

impl Data {
    /// The evidence lake: tables to read with any program.
    pub(crate) fn lake(&self) -> PathBuf {
        self.0.join("lake")
    }

    /// Segments that the collector has and the lake does not have yet.
    pub(crate) fn inbox(&self) -> PathBuf {
        self.0.join("inbox")
    }

    /// Tables of origins that were imported.
    pub(crate) fn origin(&self) -> PathBuf {
        self.0.join("origin")
    }

    /// Signatures of operating systems that the operator added.
    pub(crate) fn signatures(&self) -> PathBuf {
        self.0.join("signatures")
    }

    /// Decisions on tests and what became of them.
    pub(crate) fn release(&self) -> PathBuf {
        self.0.join("release")
    }

    /// What was learned of mail from logs.
    pub(crate) fn maillog(&self) -> PathBuf {
        self.0.join("maillog")
    }

    /// What mail servers told over sockets, in logs that are followed.
    pub(crate) fn inlet(&self) -> PathBuf {
        self.0.join("maillog/inlet")
    }

    /// What a person said while a run reads logs, until that takes it.
    pub(crate) fn words(&self) -> PathBuf {
        self.0.join("maillog/words")
    }

    /// What was learned of sampled traffic.
    pub(crate) fn traffic(&self) -> PathBuf {
        self.0.join("traffic")
    }

    /// The table of block lists, as sensors are given it.
    pub(crate) fn lists(&self) -> PathBuf {
        self.0.join("lists")
    }

    /// The collector's authority: who holds its key can make sensors.
    pub(crate) fn authority(&self) -> PathBuf {
        self.0.join("identity/authority")
    }

    /// Where the seal of offered passwords and its key are; the key may be moved away.
    pub(crate) fn seal(&self) -> PathBuf {
        self.0.join("seal")
    }

    /// Who opened sealed passwords, and when.
    pub(crate) fn reveals(&self) -> PathBuf {
        self.0.join("reveals.log")
    }

    /// The collector's own identity.
    pub(crate) fn collector_identity(&self) -> PathBuf {
        self.0.join("identity/collector")
    }

    /// The identity of the sensor that `up` runs beside the collector.
    pub(crate) fn sensor_identity(&self, name: &SensorName) -> PathBuf {
        self.0.join("identity/sensors").join(name.as_str())
    }

    /// That sensor's spool.
    pub(crate) fn spool(&self, name: &SensorName) -> PathBuf {
        self.0.join("spool").join(name.as_str())
    }

    /// The configuration files that `up` writes for its roles.
    pub(crate) fn config(&self, role: &str) -> PathBuf {
        self.0.join("config").join(format!("{role}.toml"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}
