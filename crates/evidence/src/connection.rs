//! One TCP connection as a sensor accepted it: who, where, when, and how well the clock was known.

use std::net::{IpAddr, SocketAddr};

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::{Factors, SessionId, Time};

/// The facts known at the instant of accept. A session and each of its messages carry them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Connection {
    #[n(0)]
    pub id: SessionId,
    #[n(1)]
    pub accepted_at: Time,
    /// The abuser's end. Never an IPv4-mapped IPv6 address ([`canonical`]).
    #[n(2)]
    pub source: SocketAddr,
    /// The sensor's end, as the abuser addressed it.
    #[n(3)]
    pub local: SocketAddr,
    /// The trusted load balancer that presented `source` with the PROXY protocol, if there was one.
    #[n(4)]
    pub balancer: Option<IpAddr>,
    #[n(5)]
    pub clock: Clock,
    /// The packet that opened the connection, from its IP header on. Empty when the kernel kept none, as it does while it
    /// answers with SYN cookies; `None` when it was not asked, could not be, or the packet was a balancer's.
    #[n(6)]
    pub syn: Option<ByteVec>,
    /// The factors of the listener that accepted it.
    #[n(7)]
    pub factors: Factors,
}

/// What the kernel knew of the sensor's clock (`adjtimex(2)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Clock {
    /// Estimated offset of the clock from UTC, in microseconds; positive when the clock is behind.
    #[n(0)]
    pub offset_us: i64,
    /// Largest possible error, in microseconds; `None` when the clock is not synchronised at all.
    #[n(1)]
    pub uncertainty_us: Option<u64>,
}

/// An IPv4-mapped IPv6 address, as a dual-stack listener reports IPv4 peers, becomes the IPv4 address it is.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
