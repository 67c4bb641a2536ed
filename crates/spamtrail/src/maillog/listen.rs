//! What mail servers tell over sockets: the inlet keeps it in logs below the data folder, and these are followed as others are.

use std::path::{Path, PathBuf};

use anyhow::Context;
use inlet::{Doors, Inlet, ROOM, Secure, Status};
use tokio_util::sync::CancellationToken;

use crate::arguments::MaillogRead;
use crate::data::Data;

/// The log of what Postfix asked.
const POLICY: &str = "policy";

/// An open inlet.
pub(super) struct Listening {
    inlet: Inlet,
    /// What was told to the operator.
    told: Status,
}

/// One of its logs.
#[derive(Debug)]
pub(super) struct InletLog {
    pub(super) path: PathBuf,
    /// The peer, or `policy`.
    pub(super) name: String,
}

impl InletLog {
    /// By which it is known over runs, wherever the data folder is.
    pub(super) fn key(&self) -> String {
        format!("inlet:{}", self.name)
    }

    pub(super) fn is_of_requests(&self) -> bool {
        self.name == POLICY
    }
}

impl Listening {
    /// Listens as the arguments say. `None` when they say nothing of it.
    pub(super) fn open(arguments: &MaillogRead, data: &Data) -> anyhow::Result<Option<Self>> {
        if arguments.listen.is_empty() && arguments.policy.is_empty() {
            return Ok(None);
        }
        let secure = arguments.certificate.clone().zip(arguments.key.clone());
        let clients = arguments.clients.clone();
        let doors = Doors {
            syslog: arguments.listen.clone(),
            policy: arguments.policy.clone(),
            secure: secure.map(|(certificate, key)| Secure { certificate, key, clients }),
            from: arguments.from.clone(),
        };
        let inlet = Inlet::open(&data.inlet(), doors, CancellationToken::new())?;
        tracing::info!(addresses = ?inlet.addresses(), sockets = ?arguments.policy, "listening");
        Ok(Some(Self { inlet, told: Status::default() }))
    }

    pub(super) fn logs(&self) -> anyhow::Result<Vec<InletLog>> {
        let log = |path: PathBuf| {
            let name = path.file_stem()?.to_str()?.to_owned();
            Some(InletLog { path, name })
        };
        Ok(self.inlet.logs()?.into_iter().filter_map(log).collect())
    }

    /// Whether so much waits to be let go of that this should be soon.
    pub(super) fn is_pressed(&self) -> bool {
        self.inlet.status().behind > ROOM / 2
    }

    /// What was read of a log, up to the file of this number, is kept elsewhere.
    pub(super) fn release(&self, log: &Path, reached: u64) {
        if let Err(error) = self.inlet.release(log, reached) {
            tracing::warn!(%error, log = %log.display(), "what was read cannot be removed");
        }
    }

    /// What is counted; whether it changed since it was told last, which is told now.
    pub(super) fn status(&mut self) -> (Status, bool) {
        let status = self.inlet.status();
        let changed = status != self.told;
        if changed {
            tracing::info!(counts = shown(&status), "what came over sockets so far");
        }
        self.told = status;
        (status, changed)
    }

    /// Stops listening; what was sent before is in the logs.
    pub(super) async fn close(self) -> Status {
        let status = self.inlet.close().await;
        tracing::info!(counts = shown(&status), "what came over sockets");
        status
    }
}

/// Counts that are not zero.
fn shown(status: &Status) -> String {
    let counts = status.counts().into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// Says what the arguments need besides.
pub(super) fn check(arguments: &MaillogRead) -> anyhow::Result<()> {
    let has_logs = !arguments.files.is_empty() || !arguments.listen.is_empty();
    has_logs.then_some(()).context("no log is named; `-` reads standard input, --listen takes lines of syslog")
}
