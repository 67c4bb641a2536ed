//! How a port meets those who come.

use std::net::IpAddr;
use std::time::Duration;

use crate::policy::{Auth, Encryption, Latency, Web};

/// How a listener meets a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// How long the server waits for the client to speak first before it greets as a mail server; `None`: for ever.
    pub banner_after: Option<Duration>,
    /// Whether text that names no protocol is taken for mail commands rather than for a proxy request.
    pub mail: bool,
    /// What becomes of logins.
    pub auth: Auth,
    /// What is found at web sites of which no page is known.
    pub web: Web,
    /// Whether far sides are as far as real ones.
    pub latency: Latency,
    /// What becomes of TLS.
    pub encryption: Encryption,
    /// The sensor's address as the world knows it, where it is not the one that connections are addressed to.
    pub public: Option<IpAddr>,
    /// Whether the client's address has more connections here than it may: it is told so and sent away.
    pub crowded: bool,
}

impl Listener {
    /// A mail port: the server greets at once.
    pub const fn smtp() -> Self {
        Self { banner_after: Some(Duration::ZERO), mail: true, ..Self::sniffing(None) }
    }

    /// Any other port: the client's first bytes decide; a client that waits is greeted as by a mail server.
    pub const fn sniffing(banner_after: Option<Duration>) -> Self {
        Self {
            banner_after,
            mail: false,
            auth: Auth::Accept,
            web: Web::Refuse,
            latency: Latency::Natural,
            encryption: Encryption::Off,
            public: None,
            crowded: false,
        }
    }
}
