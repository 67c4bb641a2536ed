//! Bounds of a sensor. Each says what happens beyond it.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Most bytes of message bodies in memory, over all connections. A body that would go beyond is let go of, and its
/// message answered `452` (counter `refused_memory`).
pub(crate) const BODY_BYTES: usize = 64 * 1024 * 1024;

/// Longest life of a connection. Then it is closed (`lifetime`).
pub(crate) const LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// How long a peer may take to take what it was sent. Then it is closed (`unread`).
pub(crate) const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// How long a client may take for a TLS handshake, from the moment at which it may begin. Then the connection is closed
/// (`idle`), and the handshake is recorded as `late`.
pub(crate) const HANDSHAKE_WITHIN: Duration = Duration::from_secs(30);

/// How long a trusted balancer may take to send its PROXY header. Then the connection is closed (`bad-proxy-header`).
pub(crate) const PROXY_HEADER_WITHIN: Duration = Duration::from_secs(5);

/// Longest PROXY header: the longest of version 2 that holds addresses and a few extensions. A longer one cannot be read.
pub(crate) const PROXY_HEADER: usize = 1024;

/// Connections that the kernel completes and holds for a listener. Beyond it the kernel drops SYNs.
pub(crate) const BACKLOG: i32 = 4096;

/// Longest SYN: the headers of IPv6 and TCP with all options, and extension headers. A longer one is not kept.
pub(crate) const SYN: usize = 512;

/// Bytes read in one go: of commands as many as Postfix's buffer takes, of the body of a message more. What an engine does
/// not take of them, as when it pauses or has replies to send first, is all that a connection keeps of input; the rest waits
/// in the kernel, and then at the peer.
pub(crate) const READ: usize = 4 * 1024;
pub(crate) const READ_BODY: usize = 16 * 1024;

/// Bytes of replies that the kernel holds for a connection (it takes twice as much for its own needs). Without a bound it
/// would hold megabytes for each client that asks and does not listen, and be short of memory for all. Beyond it the
/// connection waits, for [`WRITE_WITHIN`]. What the kernel holds of input is left to it: its size shows in the window that a
/// client sees, and a system that is not tuned is what a client expects.
pub(crate) const SEND_BUFFER: usize = 64 * 1024;

/// Most connections of one network at once, unless the configuration says otherwise: of an IPv4 /24 or an IPv6 /64. One
/// more is accepted and closed without a word (`crowded`, counter `refused_crowded`), so that one network cannot take all
/// seats.
pub const NETWORK_CONNECTIONS: u32 = 1024;

/// The part of an address that tells its network: what one owner usually has in one place.
pub(crate) const NETWORK_V4: u8 = 24;
pub(crate) const NETWORK_V6: u8 = 64;

/// Most networks whose arrivals are counted within one minute. In that minute those of further networks are not bounded;
/// the bound on their open connections holds for them too.
pub(crate) const COUNTED_NETWORKS: usize = 65_536;

/// Open files of a sensor besides its connections and listeners: the spool's, the runtime's, and some room. There are never
/// more seats than the limit of open files leaves beyond these: what was caught can be written however many come.
pub const OWN_FILES: u64 = 64;

/// The pause after a failed accept: doubled each time, within these bounds.
pub(crate) const ACCEPT_PAUSE: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(1);

/// Raises the limit of open files as far as this process may, and tells it. A sensor needs one for each connection.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(_) => limit.current.unwrap_or(u64::MAX),
    }
}
