//! The logs that are followed, and who reads each of them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use maillog::{Overheard, Reader, Source};
use tail::{Log, Status};

use super::listen::InletLog;
use super::memory::Followed;
use super::watch::Watch;
use super::written;

/// Pieces of the log of requests that are read at a time, at most.
const REQUESTS_AT_ONCE: usize = 16;

/// All logs that are followed.
pub(super) struct Sources {
    logs: Vec<Following>,
    /// What Postfix asked, which tells of the mail in the other logs.
    requests: Option<Following>,
}

/// A log, and who reads it.
struct Following {
    /// By which it is known over runs.
    key: String,
    is_of_inlet: bool,
    log: Log,
    reader: Reader,
    piece: Vec<u8>,
    /// What of the log's files was told to the operator.
    told: Status,
}

impl Sources {
    /// Files, each from where an earlier run left it.
    pub(super) fn new(files: &[PathBuf], known: &[Followed], watch: &Watch) -> anyhow::Result<Self> {
        let mut logs = Vec::new();
        for path in files {
            let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
            logs.push(Following::new(path.display().to_string(), &path, known, watch)?);
        }
        tracing::info!(logs = logs.len(), "following");
        Ok(Self { logs, requests: None })
    }

    /// Follows a log of the inlet, if that is not done yet.
    pub(super) fn add_inlet(&mut self, log: InletLog, known: &[Followed], watch: &Watch) -> anyhow::Result<()> {
        let key = log.key();
        if self.all().any(|following| following.key == key) {
            return Ok(());
        }
        let following = Following { is_of_inlet: true, ..Following::new(key, &log.path, known, watch)? };
        match log.is_of_requests() {
            true => self.requests = Some(following),
            false => self.logs.push(following),
        }
        Ok(())
    }

    /// Reads what is new, at most a piece of each log; whether there was anything.
    pub(super) fn read(&mut self, watch: &mut Watch) -> bool {
        let mut news = false;
        for following in &mut self.logs {
            news |= following.look();
        }
        // Looked at after the others: what Postfix logs after it asked is not read before that.
        news |= self.overhear(watch);
        for following in &mut self.logs {
            following.take(watch);
        }
        news
    }

    /// Reads what Postfix asked, not far ahead of what it logged.
    fn overhear(&mut self, watch: &mut Watch) -> bool {
        let Some(requests) = &mut self.requests else { return false };
        for read in 0..REQUESTS_AT_ONCE {
            let is_behind = |log: &Following| !log.piece.is_empty() && log.reader.is_behind();
            if self.logs.iter().any(is_behind) || !requests.look() {
                return read > 0;
            }
            for heard in requests.piece.split(|byte| *byte == b'\n').filter_map(Overheard::read) {
                self.logs.iter_mut().for_each(|log| log.reader.overhear(&heard));
            }
            requests.take(watch);
        }
        true
    }

    fn all(&self) -> impl Iterator<Item = &Following> {
        self.logs.iter().chain(&self.requests)
    }

    /// How far all were read.
    pub(super) fn followed(&self) -> Vec<Followed> {
        self.all().map(Following::followed).collect()
    }

    /// Of logs of the inlet, the number of the file that is being read.
    pub(super) fn reached(&self) -> impl Iterator<Item = (&Path, u64)> {
        let of_inlet = self.all().filter(|following| following.is_of_inlet);
        of_inlet.filter_map(|Following { log, .. }| Some((log.path(), log.position()?.number())))
    }
}

impl Following {
    fn new(key: String, path: &Path, known: &[Followed], watch: &Watch) -> anyhow::Result<Self> {
        let before = known.iter().find(|followed| followed.path == key);
        let near = path.metadata().map_or_else(|_| sensor::now(), |about| written(&about));
        let source = Source { zone: watch.settings().zone.clone(), ..Source::new(near, watch.settings().seed) };
        let (log, reader) = match before {
            None => (Log::new(path, None, Status::default()), Reader::new(&source)),
            Some(Followed { position, status, reader, .. }) => {
                let reader = Reader::restore(reader, &source).with_context(|| key.clone())?;
                (Log::new(path, position.clone(), *status), reader)
            }
        };
        let told = log.status();
        Ok(Self { key, is_of_inlet: false, log, reader, piece: Vec::new(), told })
    }

    /// Reads what is new into the piece; whether there was anything.
    fn look(&mut self) -> bool {
        if let Err(error) = self.log.read(&mut self.piece) {
            tracing::warn!(%error, log = %self.log.path().display(), "a log cannot be read; it is tried again");
            return false;
        }
        let status = self.log.status();
        let news = Status { absences: 0, ..status } != Status { absences: 0, ..self.told };
        if news || (status.absences > 0) != (self.told.absences > 0) {
            let Status { rotations, truncations, losses, absences } = status;
            let log = self.log.path().display();
            tracing::info!(%log, rotations, truncations, losses, absences, "what happened to a log so far");
        }
        self.told = status;
        !self.piece.is_empty()
    }

    /// Takes the piece.
    fn take(&mut self, watch: &mut Watch) {
        self.reader.feed(&self.piece, |happening| watch.hear(happening));
        self.piece.clear();
    }

    fn followed(&self) -> Followed {
        let (position, status) = (self.log.position().cloned(), self.log.status());
        let (tally, reader) = (self.reader.tally(), self.reader.save());
        Followed { path: self.key.clone(), position, status, reader, lines: tally.lines, known: tally.classified() }
    }
}
