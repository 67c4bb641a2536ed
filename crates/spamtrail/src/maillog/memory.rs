//! What was learned of mail, kept over runs, and how far logs were read.
//!
//! What a run learned, and what it has for the lake, is written first, under the number of the run; the lake takes each
//! number once. So a run that was broken off before that never was, and one that was broken off after it is completed by
//! the next.

use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use evidence::Time;
use lake::MailLake;
use minicbor::{Decode, Encode};
use origin::Atlas;
use tail::{Position, Status};

use super::pending::Pending;
use super::site::Settings;
use super::watch::{Learned, Watch};
use crate::data::Data;

/// Complaints that are known again; an older one that is read again counts again.
const REPORTS_KNOWN: usize = 200_000;

/// Looks for what the last run left while the next may replace it.
const LOOKS: u32 = 3;

/// The folder of what was learned.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    /// The run that the memory in use was written by; 0 for none.
    run: u64,
    files: Vec<ReadFile>,
    logs: Vec<Followed>,
    reports: Vec<[u8; 32]>,
    inlet: Option<Counted>,
    /// The number of the last file of words that was taken.
    pub(super) words: u64,
    /// Held for as long as this is open.
    _lock: File,
}

/// Another run has the folder.
#[derive(Debug)]
pub(super) struct InUse(PathBuf);

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another run reads logs into {}", self.0.display())
    }
}

impl std::error::Error for InUse {}

/// A file that was read whole.
#[derive(Clone, Debug, Encode, Decode)]
struct ReadFile {
    #[n(0)]
    run: u64,
    #[n(1)]
    path: String,
    #[n(2)]
    sha256: [u8; 32],
}

/// A log that is followed.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Followed {
    #[n(0)]
    pub(super) path: String,
    #[n(1)]
    pub(super) position: Option<Position>,
    #[n(2)]
    pub(super) status: Status,
    /// Its reader, with the messages under way.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(super) reader: Vec<u8>,
    /// Lines that were read, and how many of them are understood or known to be without interest.
    #[n(4)]
    #[cbor(default)]
    pub(super) lines: u64,
    #[n(5)]
    #[cbor(default)]
    pub(super) known: u64,
}

/// What was counted of the sockets in a run, by name.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Counted {
    #[n(0)]
    pub(super) at: Time,
    #[n(1)]
    pub(super) counts: Vec<(String, u64)>,
}

impl Counted {
    pub(super) fn new(status: &inlet::Status, at: Time) -> Self {
        Self { at, counts: status.counts().into_iter().map(|(name, count)| (name.to_owned(), count)).collect() }
    }
}

/// What is on disk.
#[derive(Debug, Encode, Decode)]
struct Kept {
    #[n(0)]
    files: Vec<ReadFile>,
    #[n(1)]
    logs: Vec<Followed>,
    #[n(2)]
    learned: Learned,
    #[n(3)]
    pending: Pending,
    /// Digests of the complaints that were read, the newest last.
    #[n(4)]
    reports: Vec<[u8; 32]>,
    #[n(5)]
    inlet: Option<Counted>,
    #[n(6)]
    #[cbor(default)]
    words: u64,
}

/// What was read since the last run.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Files that were read whole, with the digests of their bytes.
    pub(super) files: Vec<(PathBuf, [u8; 32])>,
    /// Logs that are followed. Others stay as they were left.
    pub(super) logs: Vec<Followed>,
    /// What was counted of the sockets.
    pub(super) inlet: Option<Counted>,
}

impl Memory {
    /// Opens the memory of a data folder, and keeps other runs out.
    pub(super) fn open(data: &Data) -> anyhow::Result<Self> {
        let folder = data.maillog();
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = folder.join("lock");
        let lock = File::create(&path).with_context(|| path.display().to_string())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(InUse(folder).into()),
            Err(fs::TryLockError::Error(error)) => return Err(error).context(path.display().to_string()),
        }
        let (files, logs, reports, inlet) = (Vec::new(), Vec::new(), Vec::new(), None);
        Ok(Self { folder, run: 0, files, logs, reports, inlet, words: 0, _lock: lock })
    }

    /// A watch that goes on where the last run ended. One that was broken off on its way to the lake is completed.
    pub(super) async fn watch(
        &mut self,
        settings: Settings,
        atlas: Arc<Atlas>,
        lake: &MailLake,
        now: Time,
    ) -> anyhow::Result<Watch> {
        let (done, taken) = (self.done()?, lake.taken().await?);
        ensure!(
            taken.by_any == done || taken.by_any == done + 1,
            "the lake has {} runs and {} knows of {done}: one of the two was replaced",
            taken.by_any,
            self.folder.display()
        );
        let next = done + 1;
        if let Some(kept) = self.read(next)? {
            lake.append(kept.pending.rows(&atlas, now), next, now).await?;
            self.end(next)?;
            return self.restore(kept, settings, atlas);
        }
        ensure!(taken.by_any == done, "{} is not there", self.file(next).display());
        match self.read(done)? {
            Some(kept) => {
                self.run = done;
                self.restore(kept, settings, atlas)
            }
            None if done == 0 => Ok(Watch::new(settings, atlas)),
            None => bail!("{} is not there", self.file(done).display()),
        }
    }

    /// Where the logs were left that are followed.
    pub(super) fn logs(&self) -> &[Followed] {
        &self.logs
    }

    /// Digests of the complaints that were read before.
    pub(super) fn reports(&self) -> &[[u8; 32]] {
        &self.reports
    }

    /// Says which of these files were read before.
    pub(super) fn refuse_known(&self, files: &[(PathBuf, [u8; 32])]) -> anyhow::Result<()> {
        for (path, digest) in files {
            if let Some(before) = self.files.iter().find(|before| before.sha256 == *digest) {
                let name = &before.path;
                bail!(
                    "{} was read before (as {name}, run {}); nothing of this run is kept",
                    path.display(),
                    before.run
                );
            }
        }
        Ok(())
    }

    /// Keeps what a run learned and takes what it found into the lake.
    pub(super) async fn keep(
        &mut self,
        watch: &mut Watch,
        read: Read,
        lake: &MailLake,
        now: Time,
    ) -> anyhow::Result<()> {
        let run = self.run + 1;
        let file = |(path, sha256): (PathBuf, [u8; 32])| ReadFile { run, path: path.display().to_string(), sha256 };
        self.files.extend(read.files.into_iter().map(file));
        self.logs.retain(|old| read.logs.iter().all(|new| new.path != old.path));
        self.logs.extend(read.logs);
        self.inlet = read.inlet.or(self.inlet.take());
        let (files, logs, pending) = (self.files.clone(), self.logs.clone(), watch.take_pending());
        self.reports.extend(pending.reports.iter().map(|report| report.sha256));
        let too_many = self.reports.len().saturating_sub(REPORTS_KNOWN);
        self.reports.drain(..too_many);
        let (reports, inlet) = (self.reports.clone(), self.inlet.clone());
        let kept = Kept { files, logs, learned: watch.learned(), pending, reports, inlet, words: self.words };
        let bytes = minicbor::to_vec(&kept).context("what was learned")?;
        write_whole(&self.file(run), &bytes)?;
        lake.append(kept.pending.rows(watch.atlas(), now), run, now).await?;
        self.end(run)
    }

    fn restore(&mut self, kept: Kept, settings: Settings, atlas: Arc<Atlas>) -> anyhow::Result<Watch> {
        (self.files, self.logs, self.reports, self.inlet) = (kept.files, kept.logs, kept.reports, kept.inlet);
        self.words = kept.words;
        Watch::restore(settings, atlas, kept.learned).with_context(|| self.file(self.run).display().to_string())
    }

    /// The run is in the lake; what the one before it learned is not needed any more.
    fn end(&mut self, run: u64) -> anyhow::Result<()> {
        write_whole(&self.folder.join("done"), run.to_string().as_bytes())?;
        match fs::remove_file(self.file(run - 1)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        self.run = run;
        Ok(())
    }

    fn read(&self, run: u64) -> anyhow::Result<Option<Kept>> {
        read(&self.folder, run)
    }

    fn done(&self) -> anyhow::Result<u64> {
        done(&self.folder)
    }

    fn file(&self, run: u64) -> PathBuf {
        file(&self.folder, run)
    }
}

/// How far logs were read in the last run, and what was counted of the sockets, also while one goes on.
pub(super) fn progress(data: &Data) -> anyhow::Result<(Vec<Followed>, Option<Counted>)> {
    Ok(newest(data)?.map(|kept| (kept.logs, kept.inlet)).unwrap_or_default())
}

/// A watch as the last run left it, to try words on, and the last of these that was taken. `None` before there is a run.
pub(super) fn trial(data: &Data, settings: Settings, atlas: Arc<Atlas>) -> anyhow::Result<Option<(Watch, u64)>> {
    let Some(kept) = newest(data)? else { return Ok(None) };
    Ok(Some((Watch::restore(settings, atlas, kept.learned)?, kept.words)))
}

/// Digests of the complaints that are known, and the last of the words that was taken, also while a run goes on.
pub(super) fn reported(data: &Data) -> anyhow::Result<(Vec<[u8; 32]>, u64)> {
    Ok(newest(data)?.map(|kept| (kept.reports, kept.words)).unwrap_or_default())
}

fn newest(data: &Data) -> anyhow::Result<Option<Kept>> {
    let folder = data.maillog();
    // The next run may end while we look.
    for _ in 0..LOOKS {
        if let Some(kept) = read(&folder, done(&folder)?)? {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

fn read(folder: &Path, run: u64) -> anyhow::Result<Option<Kept>> {
    let path = file(folder, run);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| path.display().to_string())?,
    };
    let kept = minicbor::decode(&bytes);
    kept.map(Some).with_context(|| format!("{} is not what was learned", path.display()))
}

/// The last run that is done; 0 for none.
fn done(folder: &Path) -> anyhow::Result<u64> {
    let path = folder.join("done");
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().with_context(|| path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).context(path.display().to_string()),
    }
}

fn file(folder: &Path, run: u64) -> PathBuf {
    folder.join(format!("learned-{run}"))
}

/// Puts a file in place, durably and whole.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    });
    written.with_context(|| path.display().to_string())
}
