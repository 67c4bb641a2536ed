//! The thread that writes all logs: a slow disk holds up nobody but who can wait.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::journal::Journal;
use crate::status::{Tally, add};

/// Pieces of lines that wait for the disk, each some 128 KiB at most. More wait with their connections, or in the kernel.
const WAITING: usize = 1024;

/// Most bytes that are written together.
const GROUP: usize = 4 << 20;

/// What was written is on the disk after this time: a crash of the machine loses no more.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The pause after a failure, and between two looks for room.
const PAUSE: Duration = Duration::from_millis(200);

/// Whole lines of one source.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) source: String,
    pub(crate) lines: Vec<u8>,
}

/// Starts the thread. It ends when nobody can send any more, and everything is written.
pub(crate) fn start(
    journal: Journal,
    tally: Arc<Tally>,
    stop: CancellationToken,
) -> io::Result<(Sender<Piece>, JoinHandle<()>)> {
    let (sender, pieces) = channel(WAITING);
    let writer = Writer { journal, tally, pieces, stop };
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name("inlet".to_owned());
    Ok((sender, thread.spawn(move || runtime.block_on(writer.run()))?))
}

struct Writer {
    journal: Journal,
    tally: Arc<Tally>,
    pieces: Receiver<Piece>,
    stop: CancellationToken,
}

impl Writer {
    async fn run(mut self) {
        let mut sync_at = Instant::now() + SYNC_EVERY;
        loop {
            let ended = match timeout_at(sync_at, self.pieces.recv()).await {
                Ok(first) => {
                    let ended = first.is_none();
                    self.take(first);
                    self.write().await;
                    ended
                }
                Err(_) => false,
            };
            if ended || Instant::now() >= sync_at {
                self.sync();
                sync_at = Instant::now() + SYNC_EVERY;
            }
            if ended {
                return;
            }
        }
    }

    /// Takes what waits, as much as is written together.
    fn take(&mut self, first: Option<Piece>) {
        let (mut next, mut length) = (first, 0);
        while let Some(Piece { source, lines }) = next {
            length += lines.len();
            match self.journal.add(&source, &lines) {
                Ok(()) => {
                    add(&self.tally.lines, memchr::memchr_iter(b'\n', &lines).count() as u64);
                    add(&self.tally.bytes, lines.len() as u64);
                }
                Err(error) => {
                    tracing::error!(%error, source, "a log cannot be begun, and lines are lost");
                    add(&self.tally.failures, 1);
                }
            }
            next = if length < GROUP { self.pieces.try_recv().ok() } else { None };
        }
    }

    /// Writes what was taken, as soon as there is room and the disk takes it. At the stop there is no other time: what waits
    /// is let in, and tried once.
    async fn write(&mut self) {
        let mut told = false;
        loop {
            let last = self.stop.is_cancelled();
            let is_full = !last && self.tally.is_full();
            add(&self.tally.full, u64::from(is_full));
            if !is_full {
                let (gone, result) = self.journal.write();
                add(&self.tally.behind, gone);
                let Err(error) = result else { return };
                add(&self.tally.failures, 1);
                if last {
                    return tracing::error!(%error, "what came over sockets last could not be written");
                }
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "what comes over sockets cannot be written; it is tried again and again");
                }
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    fn sync(&mut self) {
        if let Err(error) = self.journal.sync() {
            add(&self.tally.failures, 1);
            tracing::warn!(%error, "what came over sockets may not be on the disk");
        }
    }
}
