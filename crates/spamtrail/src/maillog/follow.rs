//! Following logs as they grow: what is found goes to the lake every minute, with how far the logs were read.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use maillog::{Reader, Source};
use spamtrail_sensor::stopped;
use tail::{Log, Status};
use tokio::time::{Instant, sleep};

use super::memory::{Followed, Read};
use super::site::Settings;
use super::watch::Watch;
use super::{Store, written};
use crate::arguments::MaillogRead;
use crate::data::Data;

/// How often logs are looked at when they had nothing new.
const LOOK: Duration = Duration::from_millis(500);

/// How often what was found goes to the lake.
const KEEP_EVERY: Duration = Duration::from_secs(60);

/// A log, and who reads it.
struct Following {
    log: Log,
    reader: Reader,
    piece: Vec<u8>,
    /// What of the log's files was told to the operator.
    told: Status,
}

/// Follows logs until it is stopped; then everything read is kept.
pub(super) async fn follow(arguments: MaillogRead) -> anyhow::Result<()> {
    let data = arguments.data.clone().context("--follow keeps what it finds: name a data folder with --data")?;
    let stop = stopped()?;
    let mut store = Store::open(Data(data)).await?;
    let mut watch = store.watch(Settings::read(&arguments)?).await?;
    let mut sources = sources(&arguments.files, store.memory.logs(), &watch)?;
    tracing::info!(logs = sources.len(), "following");
    let (mut kept_at, mut unkept) = (Instant::now(), false);
    loop {
        let mut news = false;
        for source in &mut sources {
            news |= source.read(&mut watch);
        }
        unkept |= news;
        if unkept && (kept_at.elapsed() >= KEEP_EVERY || watch.is_full() || stop.is_cancelled()) {
            let logs = sources.iter().map(Following::followed).collect();
            store.keep(&mut watch, Read { files: Vec::new(), logs }).await?;
            (kept_at, unkept) = (Instant::now(), false);
        }
        if stop.is_cancelled() {
            return Ok(());
        }
        if !news {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}

/// The logs, each from where an earlier run left it.
fn sources(files: &[PathBuf], known: &[Followed], watch: &Watch) -> anyhow::Result<Vec<Following>> {
    let mut sources = Vec::new();
    for path in files {
        let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
        let name = path.display().to_string();
        let before = known.iter().find(|followed| followed.path == name);
        let near = path.metadata().map_or_else(|_| sensor::now(), |about| written(&about));
        let source = Source { zone: watch.settings().zone.clone(), ..Source::new(near, watch.settings().seed) };
        let (log, reader) = match before {
            None => (Log::new(&path, None, Status::default()), Reader::new(&source)),
            Some(Followed { position, status, reader, .. }) => {
                (Log::new(&path, position.clone(), *status), Reader::restore(reader, &source).context(name)?)
            }
        };
        let told = log.status();
        sources.push(Following { log, reader, piece: Vec::new(), told });
    }
    Ok(sources)
}

impl Following {
    /// Reads what is new, at most a piece; whether there was anything.
    fn read(&mut self, watch: &mut Watch) -> bool {
        if let Err(error) = self.log.read(&mut self.piece) {
            tracing::warn!(%error, log = %self.log.path().display(), "a log cannot be read; it is tried again");
            return false;
        }
        self.reader.feed(&self.piece, |happening| watch.hear(happening));
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

    fn followed(&self) -> Followed {
        let path = self.log.path().display().to_string();
        let (position, status) = (self.log.position().cloned(), self.log.status());
        Followed { path, position, status, reader: self.reader.save() }
    }
}
