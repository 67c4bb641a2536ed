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

/// How long a trusted balancer may take to send its PROXY header. Then the connection is closed (`bad-proxy-header`).
pub(crate) const PROXY_HEADER_WITHIN: Duration = Duration::from_secs(5);

/// Longest PROXY header: the longest of version 2 that holds addresses and a few extensions. A longer one cannot be read.
pub(crate) const PROXY_HEADER: usize = 1024;

/// Connections that the kernel completes and holds for a listener. Beyond it the kernel drops SYNs.
pub(crate) const BACKLOG: i32 = 4096;

/// Longest SYN: the headers of IPv6 and TCP with all options, and extension headers. A longer one is not kept.
pub(crate) const SYN: usize = 512;

/// Bytes read in one go.
pub(crate) const READ: usize = 64 * 1024;

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
