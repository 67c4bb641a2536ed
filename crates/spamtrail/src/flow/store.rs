//! What was learned of traffic, kept over runs: the days of the window, who is known, which captures were read.
//!
//! A run over captures says first what it will read, and keeps what it learned last; its batches for the lake have numbers that
//! follow from the captures alone. So a run that was broken off is done again, with the same captures, and the lake takes what it
//! does not have. What is received live cannot be read again: each five minutes go to the lake, and then what was learned.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use evidence::Time;
use lake::{Retention, TrafficLake, TrafficRows};
use minicbor::{Decode, Encode};
use traffic::Ledger;

use super::input;
use crate::data::Data;
use crate::maillog::write_whole;

/// Rows of hosts that are written at once, of captures: a batch of five minutes each would make many small files.
const BATCH: usize = 100_000;

/// How often old rows are let go of, in a run that goes on.
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);

/// A capture that was read.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct ReadFile {
    #[n(0)]
    path: String,
    #[n(1)]
    sha256: [u8; 32],
}

/// What is on disk.
#[derive(Debug, Default, Encode, Decode)]
struct State {
    /// The last batch that is done.
    #[n(0)]
    batch: u64,
    /// Of the tables of hosts; parts of a day have the same.
    #[n(1)]
    seed: u64,
    #[n(2)]
    files: Vec<ReadFile>,
    #[cbor(n(3), with = "minicbor::bytes")]
    ledger: Vec<u8>,
    /// Captures of a run that has not ended.
    #[n(4)]
    begun: Vec<ReadFile>,
}

/// The memory and the lake of a data folder, which this process alone writes.
pub(super) struct Store {
    path: PathBuf,
    lake: TrafficLake,
    state: State,
    /// The last batch that was given to the lake.
    batch: u64,
    waiting: TrafficRows,
    /// How long rows are kept; `None`: for ever.
    keep: Option<Duration>,
    expired_at: Option<Instant>,
    _lock: File,
}

impl Store {
    pub(super) async fn open(data: &Data, seed: u64, keep: Option<Duration>) -> anyhow::Result<Self> {
        let folder = data.traffic();
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = folder.join("lock");
        let lock = File::create(&path).with_context(|| path.display().to_string())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => bail!("another run reads samples into {}", folder.display()),
            Err(fs::TryLockError::Error(error)) => return Err(error).context(path.display().to_string()),
        }
        let path = folder.join("learned");
        let known = read(&path)?;
        let lake = TrafficLake::open(&data.lake()).await?;
        ensure!(
            known.is_some() || lake.taken().await?.by_any == 0,
            "the lake has sampled traffic and {} is not there: one of the two was replaced",
            path.display()
        );
        let is_new = known.is_none();
        let state = known.unwrap_or_else(|| State { seed, ..State::default() });
        let waiting = TrafficRows::default();
        let store = Self { path, lake, batch: state.batch, state, waiting, keep, expired_at: None, _lock: lock };
        if is_new {
            store.write()?;
        }
        Ok(store)
    }

    pub(super) fn seed(&self) -> u64 {
        self.state.seed
    }

    pub(super) fn ledger(&self) -> anyhow::Result<Ledger> {
        if self.state.ledger.is_empty() {
            return Ok(Ledger::default());
        }
        Ledger::restore(&self.state.ledger).with_context(|| self.path.display().to_string())
    }

    /// A run over captures begins. One that was read before is refused; a run that was broken off is done again first.
    pub(super) fn begin(&mut self, files: &[PathBuf]) -> anyhow::Result<()> {
        let mut begun = Vec::new();
        for path in files {
            ensure!(
                path != Path::new("-"),
                "standard input cannot be told apart from what was read before: with --data, name a file"
            );
            let sha256 = input::digest(path)?;
            if let Some(before) = self.state.files.iter().find(|before| before.sha256 == sha256) {
                bail!("{} was read before (as {}); nothing of this run is kept", path.display(), before.path);
            }
            ensure!(begun.iter().all(|other: &ReadFile| other.sha256 != sha256), "{} is named twice", path.display());
            begun.push(ReadFile { path: path.display().to_string(), sha256 });
        }
        if !self.state.begun.is_empty() {
            let digests = |files: &[ReadFile]| {
                let mut digests: Vec<_> = files.iter().map(|file| file.sha256).collect();
                digests.sort_unstable();
                digests
            };
            ensure!(digests(&self.state.begun) == digests(&begun), "{}", self.broken_off());
            eprintln!("spamtrail: a run over these captures was broken off: it is done again");
        }
        self.state.begun = begun;
        self.write()
    }

    /// Receiving begins.
    pub(super) async fn begin_live(&mut self) -> anyhow::Result<()> {
        ensure!(self.state.begun.is_empty(), "{}", self.broken_off());
        // A batch that was broken off between tables stays so: what it was made from is gone.
        self.batch = self.state.batch.max(self.lake.taken().await?.by_any);
        Ok(())
    }

    fn broken_off(&self) -> String {
        let names: Vec<_> = self.state.begun.iter().map(|file| file.path.as_str()).collect();
        format!("a run over {} was broken off with a part of it in the lake: read these again first", names.join(", "))
    }

    /// Rows that are to go to the lake with the next batch.
    pub(super) fn add(&mut self, rows: TrafficRows) {
        let TrafficRows { hosts, ases, verdicts, coverage } = rows;
        self.waiting.hosts.extend(hosts);
        self.waiting.ases.extend(ases);
        self.waiting.verdicts.extend(verdicts);
        self.waiting.coverage.extend(coverage);
    }

    /// Whether so many rows wait that they should go now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.hosts.len() >= BATCH
    }

    /// What waits goes to the lake.
    pub(super) async fn flush(&mut self, now: Time) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.waiting);
        self.batch += 1;
        self.lake.append(rows, self.batch, now).await?;
        Ok(())
    }

    /// Keeps what was learned. A run over captures ends with it.
    pub(super) async fn keep(&mut self, ledger: &Ledger, now: Time) -> anyhow::Result<()> {
        self.flush(now).await?;
        self.state.batch = self.batch;
        self.state.ledger = ledger.save();
        self.state.files.append(&mut self.state.begun);
        self.write()?;
        self.lake.compact(now).await?;
        if self.expired_at.is_none_or(|at| at.elapsed() >= EXPIRE_EVERY) {
            let keep = Retention { contents: None, facts: self.keep, heartbeats: None };
            self.lake.expire(keep, now).await?;
            self.expired_at = Some(Instant::now());
        }
        Ok(())
    }

    fn write(&self) -> anyhow::Result<()> {
        let bytes = minicbor::to_vec(&self.state).context("what was learned of traffic")?;
        write_whole(&self.path, &bytes)
    }
}

fn read(path: &Path) -> anyhow::Result<Option<State>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| path.display().to_string())?,
    };
    let state = minicbor::decode(&bytes);
    state.map(Some).with_context(|| format!("{} is not what was learned", path.display()))
}
