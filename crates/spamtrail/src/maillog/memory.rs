//! What was learned of mail, kept over runs, and which files were read.
//!
//! The lake takes each run once, by number. What was learned is written before the lake is, under the number of the run; so
//! after a crash between the two the run is either done, or is done again from what was learned before it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use lake::Taken;
use minicbor::{Decode, Encode};
use origin::Atlas;

use super::site::Settings;
use super::watch::{Learned, Watch};
use crate::data::Data;

/// Runs whose memory is kept: the last that is done, and one that may not be.
const KEPT: u64 = 2;

/// The folder of what was learned.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    /// The run that the memory in use was written by; 0 for none.
    run: u64,
    files: Vec<ReadFile>,
    /// Held for as long as this is open.
    _lock: File,
}

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

/// What is on disk.
#[derive(Debug, Encode, Decode)]
struct Kept {
    #[n(0)]
    files: Vec<ReadFile>,
    #[n(1)]
    learned: Learned,
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
            Err(fs::TryLockError::WouldBlock) => bail!("another run reads logs into {}", folder.display()),
            Err(fs::TryLockError::Error(error)) => return Err(error).context(path.display().to_string()),
        }
        Ok(Self { folder, run: 0, files: Vec::new(), _lock: lock })
    }

    /// A watch that goes on where the last run that is done ended. A run that the lake has whole is done.
    pub(super) fn watch(&mut self, settings: Settings, atlas: Arc<Atlas>, taken: Taken) -> anyhow::Result<Watch> {
        let mut run = self.done()?;
        if taken.by_all == run + 1 && self.file(taken.by_all).exists() {
            run = taken.by_all;
            self.end(run)?;
        }
        ensure!(
            taken.by_all == run,
            "the lake has {} runs and {} knows of {run}: one of the two was replaced",
            taken.by_all,
            self.folder.display()
        );
        if run == 0 {
            return Ok(Watch::new(settings, atlas));
        }
        let path = self.file(run);
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let Kept { files, learned } =
            minicbor::decode(&bytes).with_context(|| format!("{} is not what was learned", path.display()))?;
        (self.run, self.files) = (run, files);
        Watch::restore(settings, atlas, learned).with_context(|| path.display().to_string())
    }

    /// Writes what was learned, before the lake is told: the number of the run.
    pub(super) fn begin(&self, watch: &Watch, digests: &[(PathBuf, [u8; 32])], taken: Taken) -> anyhow::Result<u64> {
        for (path, digest) in digests {
            if let Some(before) = self.files.iter().find(|before| before.sha256 == *digest) {
                let name = &before.path;
                bail!(
                    "{} was read before (as {name}, run {}); nothing of this run is kept",
                    path.display(),
                    before.run
                );
            }
        }
        let run = self.run + 1;
        if taken.by_any > self.run {
            self.same_files(run, digests)?;
        }
        let file =
            |(path, sha256): &(PathBuf, [u8; 32])| ReadFile { run, path: path.display().to_string(), sha256: *sha256 };
        let files = self.files.iter().cloned().chain(digests.iter().map(file)).collect();
        let kept = Kept { files, learned: watch.learned() };
        let bytes = minicbor::to_vec(&kept).context("what was learned")?;
        write_whole(&self.file(run), &bytes)?;
        Ok(run)
    }

    /// The run is in the lake.
    pub(super) fn end(&mut self, run: u64) -> anyhow::Result<()> {
        write_whole(&self.folder.join("done"), run.to_string().as_bytes())?;
        for old in self.run.saturating_sub(KEPT)..run.saturating_sub(1) {
            match fs::remove_file(self.file(old)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        self.run = run;
        Ok(())
    }

    /// A part of a run is in the lake already: only the same run may complete it.
    fn same_files(&self, run: u64, digests: &[(PathBuf, [u8; 32])]) -> anyhow::Result<()> {
        let path = self.file(run);
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let kept: Kept = minicbor::decode(&bytes).with_context(|| path.display().to_string())?;
        let before: Vec<_> = kept.files.iter().filter(|file| file.run == run).collect();
        let same = before.len() == digests.len() && before.iter().zip(digests).all(|(a, (_, b))| a.sha256 == *b);
        let names: Vec<_> = before.iter().map(|file| file.path.as_str()).collect();
        ensure!(same, "the last run ended in the middle: read the same files again first ({})", names.join(" "));
        Ok(())
    }

    /// The last run that is done; 0 for none.
    fn done(&self) -> anyhow::Result<u64> {
        let path = self.folder.join("done");
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().with_context(|| path.display().to_string()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error).context(path.display().to_string()),
        }
    }

    fn file(&self, run: u64) -> PathBuf {
        self.folder.join(format!("learned-{run}"))
    }
}

/// Puts a file in place, durably and whole.
fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    });
    written.with_context(|| path.display().to_string())
}
