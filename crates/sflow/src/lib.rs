//! sFlow datagrams, read into the packets that were sampled ([`Packet`]).
//!
//! Nothing of a payload is told: what stands behind a TCP header is of no concern here.
#![forbid(unsafe_code)]

mod packet;

pub use packet::{Flags, Packet};
