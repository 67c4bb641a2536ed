//! Which operating system opened a connection, by its SYN.

use std::sync::Arc;

/// What signature files said of a connection's SYN when the collector had it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// The label that tables show. Where no signature fits it is [`Self::UNKNOWN`], where there was no SYN to look at
    /// because of SYN cookies [`Self::COOKIE`]; `None` where the sensor could not tell.
    pub label: Option<Arc<str>>,
    /// The SYN as a signature, in the syntax of p0f; `None` without one that can be read.
    pub signature: Option<String>,
}

impl System {
    /// The label of a SYN that no signature fits, or that cannot be read.
    pub const UNKNOWN: &str = "unknown";

    /// The label of a connection whose SYN the kernel did not keep: it was flooded and answered with a cookie.
    pub const COOKIE: &str = "unknown (cookie)";
}
