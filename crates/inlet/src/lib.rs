//! What mail servers tell over sockets: lines of syslog over UDP, TCP and TLS ([`Door`]), and the requests that Postfix makes
//! of a policy service ([`Tap`]).
//!
//! Who tells something says it once, and is not told whether it was understood. So everything is put into files first: one
//! log for each peer, `192.0.2.7.log`, and `policy.log`. They grow and are rotated as any log, and are followed as any log,
//! over restarts ([`Inlet::logs`]); what was read and is kept elsewhere is let go of ([`Inlet::release`]). What could not be
//! kept is counted ([`Status`]).
//!
//! A line is kept as it came, whatever stands in it. The tap answers at once, and always the same: it has no opinion. Nothing
//! here opens a connection, but to a socket of its own name that may be left over, or resolves a name.
//!
//! What cannot be helped: syslog has no answer, so what a peer had sent and was not read yet goes with the process or the
//! connection; over UDP the network loses what it will.
#![forbid(unsafe_code)]

mod doors;
mod frames;
mod inlet;
mod journal;
mod policy;
mod requests;
mod secure;
mod status;
mod stream;
mod udp;
mod writer;

pub use doors::{Door, Doors, Tap, UnknownDoor};
pub use frames::{Frames, MAX_LINE};
pub use inlet::{Inlet, OpenError};
pub use journal::{ROOM, SOURCES, TARGET};
pub use policy::MAX_SERVERS;
pub use requests::{MAX_REQUEST, Requests};
pub use secure::{Secure, SecureError};
pub use status::Status;
pub use stream::MAX_CONNECTIONS;
