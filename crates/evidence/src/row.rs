//! What stands in the lake: a record, joined with what the collector knows of it.

use std::fmt::Write;

use crate::{Connection, Heartbeat, Message, Origin, Session, System, Time, Verdict, address};

/// A session with its source's origin as of its start.
#[derive(Clone, Debug)]
pub struct SessionRow {
    pub session: Session,
    pub origin: Origin,
    pub system: System,
    /// The block lists that had the source; `None` where that is not known.
    pub listed: Option<Vec<String>>,
    pub received_at: Time,
}

/// A message with its source's origin. The content itself is a [`ContentRow`].
#[derive(Clone, Debug)]
pub struct MessageRow {
    pub message: Message,
    pub origin: Origin,
    pub system: System,
    pub verdict: Verdict,
    /// The block lists that had the source; `None` where that is not known.
    pub listed: Option<Vec<String>>,
    pub received_at: Time,
    pub sha256: [u8; 32],
}

impl MessageRow {
    /// The domains of the recipients with the number of recipients in each, most recipients first, then by name.
    pub fn recipient_domains(&self) -> Vec<(String, i64)> {
        let mut counts = std::collections::BTreeMap::<String, i64>::new();
        for recipient in &self.message.recipients {
            *counts.entry(address::domain(recipient).unwrap_or_default()).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        counts
    }
}

/// A message's content, kept once for all messages that have it.
#[derive(Clone, Debug)]
pub struct ContentRow {
    pub sha256: [u8; 32],
    pub first_seen: Time,
    pub content: Vec<u8>,
}

/// A sign of life as the collector received it.
#[derive(Clone, Debug)]
pub struct HeartbeatRow {
    pub heartbeat: Heartbeat,
    pub received_at: Time,
}

/// Rows about an address whose origin was looked up.
pub(crate) trait OfOrigin {
    fn origin(&self) -> &Origin;
}

/// Rows that came of one TCP connection.
pub(crate) trait OfConnection: OfOrigin {
    fn connection(&self) -> &Connection;
    fn system(&self) -> &System;
    fn listed(&self) -> Option<&[String]>;
}

impl OfOrigin for SessionRow {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl OfConnection for SessionRow {
    fn connection(&self) -> &Connection {
        &self.session.connection
    }

    fn system(&self) -> &System {
        &self.system
    }

    fn listed(&self) -> Option<&[String]> {
        self.listed.as_deref()
    }
}

impl OfOrigin for MessageRow {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl OfConnection for MessageRow {
    fn connection(&self) -> &Connection {
        &self.message.connection
    }

    fn system(&self) -> &System {
        &self.system
    }

    fn listed(&self) -> Option<&[String]> {
        self.listed.as_deref()
    }
}

/// A digest as 64 lower-case hexadecimal digits.
pub fn sha256_hex(digest: &[u8; 32]) -> String {
    hex(digest)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}"); // writing to a string does not fail
        hex
    })
}
