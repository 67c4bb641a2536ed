//! A sensor's sign of life: so that silence differs from absence, and nothing that was dropped goes unseen.

use minicbor::{Decode, Encode};

use crate::{Clock, Factors, HeartbeatId, Time};

/// Sent every minute, at the start and at an orderly stop. Counters run from the start of the boot.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Heartbeat {
    #[n(0)]
    pub id: HeartbeatId,
    #[n(1)]
    pub at: Time,
    #[n(2)]
    pub started_at: Time,
    /// The version of the sensor program.
    #[n(3)]
    pub version: String,
    /// Ports that listen.
    #[n(4)]
    pub ports: Vec<u16>,
    /// Connections open now.
    #[n(5)]
    pub open: u64,
    #[n(6)]
    pub counters: Counters,
    #[n(7)]
    pub spool: SpoolState,
    #[n(8)]
    pub clock: Clock,
    /// Whether this is the last sign of life before an orderly stop.
    #[n(9)]
    pub last: bool,
    /// Whether the kernel holds the sensor to its calls and files, and every known way out failed when it was tried at the
    /// start. `None` from sensors that are older than the attempt.
    #[n(10)]
    pub confined: Option<bool>,
    /// Each listener with its factors. `None` from sensors that knew of no factors.
    #[n(11)]
    pub listening: Option<Vec<Listening>>,
    /// The block lists in use; `None` where no listener asks for them, or none have come.
    #[n(12)]
    pub lists: Option<ListsState>,
}

/// A listener. Its address is not told: two at one port are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Listening {
    #[n(0)]
    pub port: u16,
    #[n(1)]
    pub factors: Factors,
}

/// The table of block lists that a sensor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListsState {
    #[n(0)]
    pub version: u64,
    /// When the collector last said that it holds.
    #[n(1)]
    pub made_at: Time,
    #[n(2)]
    pub entries: u64,
    /// Whether it is too old: then nobody is refused by it.
    #[n(3)]
    pub stale: bool,
}

/// What waits on the sensor's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct SpoolState {
    /// Segments not yet acknowledged by the collector, the open one included.
    #[n(0)]
    pub segments: u64,
    #[n(1)]
    pub bytes: u64,
    /// The most bytes the spool may take.
    #[n(2)]
    pub limit: u64,
}

/// One thing that a sensor counts. The number is its place in [`Counters`]: never reuse or reorder one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum Counter {
    Accepted = 0,
    Sessions = 1,
    Messages = 2,
    Recipients = 3,
    BytesReceived = 4,
    BytesSent = 5,
    RefusedDisk = 6,
    RefusedMemory = 7,
    RefusedSize = 8,
    Panics = 9,
    BadProxyHeaders = 10,
    AcceptErrors = 11,
    RecordsRetried = 12,
    TornBytes = 13,
    LostSessions = 14,
    RefusedCrowded = 15,
    RefusedTooOften = 16,
    SeatsTaken = 17,
    RefusedListed = 18,
    RefusedTooMany = 19,
}

impl Counter {
    pub const ALL: [Self; 20] = [
        Self::Accepted,
        Self::Sessions,
        Self::Messages,
        Self::Recipients,
        Self::BytesReceived,
        Self::BytesSent,
        Self::RefusedDisk,
        Self::RefusedMemory,
        Self::RefusedSize,
        Self::Panics,
        Self::BadProxyHeaders,
        Self::AcceptErrors,
        Self::RecordsRetried,
        Self::TornBytes,
        Self::LostSessions,
        Self::RefusedCrowded,
        Self::RefusedTooOften,
        Self::SeatsTaken,
        Self::RefusedListed,
        Self::RefusedTooMany,
    ];

    /// The name of the column and of the status page.
    pub const fn name(self) -> &'static str {
        self.describe().0
    }

    pub const fn doc(self) -> &'static str {
        self.describe().1
    }

    const fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Accepted => ("accepted", "Connections accepted."),
            Self::Sessions => ("sessions", "Sessions written to the spool."),
            Self::Messages => ("messages", "Messages written to the spool and answered 250."),
            Self::Recipients => ("recipients", "Recipients of those messages."),
            Self::BytesReceived => ("bytes_received", "Bytes received on connections that have ended."),
            Self::BytesSent => ("bytes_sent", "Bytes sent on connections that have ended."),
            Self::RefusedDisk => ("refused_disk", "Messages answered 452 because the spool was full or not writable."),
            Self::RefusedMemory => ("refused_memory", "Messages answered 452 because too many bodies were in memory."),
            Self::RefusedSize => ("refused_size", "Messages answered 552 because they were too big."),
            Self::Panics => ("panics", "Connections whose code failed; each has its session."),
            Self::BadProxyHeaders => ("bad_proxy_headers", "PROXY protocol headers that could not be read."),
            Self::AcceptErrors => ("accept_errors", "Failed calls to accept, such as too many open files."),
            Self::RecordsRetried => {
                ("records_retried", "Times that sessions or heartbeats waited for a writable disk.")
            }
            Self::TornBytes => ("torn_bytes", "Bytes cut off torn segments at the start."),
            Self::LostSessions => ("lost_sessions", "Sessions of a killed run that were recovered at the start."),
            Self::RefusedCrowded => {
                ("refused_crowded", "Connections closed at once because too many from their network were open.")
            }
            Self::RefusedTooOften => {
                ("refused_too_often", "Connections closed at once because too many of their network came in a minute.")
            }
            Self::SeatsTaken => ("seats_taken", "Times that no seat was free and the next connection had to wait."),
            Self::RefusedListed => {
                ("refused_listed", "Connections that were refused because their source is on a block list.")
            }
            Self::RefusedTooMany => {
                ("refused_too_many", "Connections that were refused because their source had as many as it may have.")
            }
        }
    }
}

/// A value for each [`Counter`]. Counters that an older sensor does not know are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Counters(#[n(0)] Vec<u64>);

impl Counters {
    pub fn of(values: impl Fn(Counter) -> u64) -> Self {
        Self(Counter::ALL.map(values).to_vec())
    }

    pub fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_place_and_name() {
        for (index, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, index);
            assert_eq!(Counter::ALL.iter().filter(|other| other.name() == counter.name()).count(), 1);
        }
        let counters = Counters::of(|counter| counter as u64 * 2);
        assert_eq!(counters.get(Counter::LostSessions), 28);
        assert_eq!(Counters::default().get(Counter::LostSessions), 0);
    }
}
