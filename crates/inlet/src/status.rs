//! What was taken and what was not, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::journal::ROOM;

/// How often something happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Messages of syslog and requests of Postfix that were put into logs, and their bytes.
    pub lines: u64,
    pub bytes: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// Longer than [`MAX_LINE`](crate::MAX_LINE) or [`MAX_REQUEST`](crate::MAX_REQUEST): the rest was left out.
    pub cut: u64,
    /// Messages with line ends within.
    pub broken: u64,
    /// Connections that ended within a message, which was left out.
    pub torn: u64,
    /// Connections and datagrams of peers who are not listened to.
    pub refused: u64,
    /// TLS handshakes that failed.
    pub handshakes: u64,
    /// Requests that were answered and not kept: there was no room, or the disk was behind.
    pub unkept: u64,
    /// Datagrams that the kernel dropped because we were behind.
    pub dropped: u64,
    /// Times that a log could not be written; it is tried again.
    pub failures: u64,
    /// Looks at which there was no room, until what was read is let go of.
    pub full: u64,
    /// Connections that are open.
    pub connections: u64,
    /// Bytes that were moved away and are not let go of yet, of [`ROOM`].
    pub behind: u64,
}

impl Status {
    /// All counts with their names.
    pub fn counts(&self) -> [(&'static str, u64); 14] {
        [
            ("lines", self.lines),
            ("bytes", self.bytes),
            ("requests", self.requests),
            ("cut", self.cut),
            ("broken", self.broken),
            ("torn", self.torn),
            ("refused", self.refused),
            ("handshakes", self.handshakes),
            ("unkept", self.unkept),
            ("dropped", self.dropped),
            ("failures", self.failures),
            ("full", self.full),
            ("connections", self.connections),
            ("behind", self.behind),
        ]
    }
}

/// The same, while it is counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) lines: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) broken: AtomicU64,
    pub(crate) torn: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) handshakes: AtomicU64,
    pub(crate) unkept: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) full: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) behind: AtomicU64,
}

/// Adds to a count.
pub(crate) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

impl Tally {
    /// Whether nothing more is taken for now.
    pub(crate) fn is_full(&self) -> bool {
        self.behind.load(Ordering::Relaxed) >= ROOM
    }

    /// `dropped` is what the kernel counts.
    pub(crate) fn status(&self, dropped: u64) -> Status {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Status {
            lines: of(&self.lines),
            bytes: of(&self.bytes),
            requests: of(&self.requests),
            cut: of(&self.cut),
            broken: of(&self.broken),
            torn: of(&self.torn),
            refused: of(&self.refused),
            handshakes: of(&self.handshakes),
            unkept: of(&self.unkept),
            dropped,
            failures: of(&self.failures),
            full: of(&self.full),
            connections: of(&self.connections),
            behind: of(&self.behind),
        }
    }
}
