//! The desk: opens the lake once it is there, lets few questions be asked at once, and keeps the last documents, so that
//! the same page of the same tables is computed once. It knows nothing of what a document says.

use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use statistics::{Snapshot, Statistics};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::refusal::Refusal;

/// Documents computed at once: each keeps all processors busy, and its facts in memory.
const AT_ONCE: usize = 2;

/// Requests that may wait for that. More are told to come again.
const MAX_WAITING: usize = 64;

/// Documents that are kept, and the most bytes of them. The oldest go first.
const MAX_KEPT: usize = 128;
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// What the handlers share.
pub(crate) struct Desk {
    lake: PathBuf,
    statistics: OnceCell<Statistics>,
    turns: Semaphore,
    waiting: Semaphore,
    kept: Mutex<Kept>,
}

/// A document, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub(crate) media: &'static str,
    pub(crate) body: Bytes,
    /// The same, packed for those who take it so: a tenth.
    pub(crate) packed: Bytes,
}

impl Rendered {
    pub(crate) fn new(media: &'static str, body: String) -> Result<Self, Refusal> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(body.as_bytes())?;
        Ok(Self { media, packed: packer.finish()?.into(), body: body.into() })
    }

    fn bytes(&self) -> usize {
        self.body.len() + self.packed.len()
    }
}

#[derive(Default)]
struct Kept {
    documents: VecDeque<(String, Rendered)>,
    bytes: usize,
}

impl Desk {
    pub(crate) fn new(lake: PathBuf) -> Self {
        Self {
            lake,
            statistics: OnceCell::new(),
            turns: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(AT_ONCE + MAX_WAITING),
            kept: Mutex::default(),
        }
    }

    /// The newest version of the lake; `None` while there is no lake.
    pub(crate) async fn snapshot(&self) -> Result<Option<Snapshot>, Refusal> {
        match self.statistics.get_or_try_init(|| Statistics::open(&self.lake)).await {
            Ok(statistics) => Ok(Some(statistics.snapshot().await?)),
            Err(error) if error.is_no_lake() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the turn to compute something.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let Ok(_waiting) = self.waiting.try_acquire() else { return Err(Refusal::busy()) };
        self.turns.acquire().await.map_err(Refusal::inside)
    }

    /// The document that was kept under a key. The key holds all that it depends on.
    pub(crate) fn kept(&self, key: &str) -> Option<Rendered> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.documents.iter().find(|(other, _)| other == key).map(|(_, rendered)| rendered.clone())
    }

    pub(crate) fn keep(&self, key: String, rendered: Rendered) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += rendered.bytes();
        kept.documents.push_back((key, rendered));
        while kept.documents.len() > MAX_KEPT || kept.bytes > MAX_KEPT_BYTES {
            let Some((_, gone)) = kept.documents.pop_front() else { break };
            kept.bytes -= gone.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(bytes: usize) -> Rendered {
        Rendered { media: "text/plain", body: "x".repeat(bytes).into(), packed: Bytes::new() }
    }

    #[test]
    fn few_documents_are_kept_and_the_oldest_go_first() {
        let desk = Desk::new(PathBuf::new());
        for number in 0..=MAX_KEPT {
            desk.keep(number.to_string(), rendered(1));
        }
        assert!(desk.kept("0").is_none() && desk.kept("1").is_some());
        desk.keep("huge".into(), rendered(MAX_KEPT_BYTES));
        assert!(desk.kept(&MAX_KEPT.to_string()).is_none() && desk.kept("huge").is_some());
    }
}
