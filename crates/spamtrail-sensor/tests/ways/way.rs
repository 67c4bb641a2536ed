//! The ways to a mail server that abusers take, and what the record of each says.

/// A mail server behind proxies, by name and by address, and the second proxy of a chain.
pub(crate) const FAR_NAME: &str = "mx.example.net";
pub(crate) const FAR_ADDRESS: &str = "192.0.2.25";
pub(crate) const SECOND_PROXY: (&str, u16) = ("proxy.example.org", 3128);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    Direct,
    Connect,
    Post,
    Socks4,
    Socks4a,
    Socks5,
    Chain,
    StartTls,
    Implicit,
}

impl Way {
    pub(crate) const ALL: [Self; 9] = [
        Self::Direct,
        Self::Connect,
        Self::Post,
        Self::Socks4,
        Self::Socks4a,
        Self::Socks5,
        Self::Chain,
        Self::StartTls,
        Self::Implicit,
    ];

    /// What the record has: the protocol of the tables, and the layers.
    pub(crate) fn recorded(self) -> (&'static str, &'static str) {
        match self {
            Self::Direct => ("SMTP", "SMTP"),
            Self::Connect | Self::Post => ("HTTP", "HTTP>SMTP"),
            Self::Socks4 => ("S4", "S4>SMTP"),
            Self::Socks4a => ("S4a", "S4a>SMTP"),
            Self::Socks5 => ("S5", "S5>SMTP"),
            Self::Chain => ("S5", "S5>HTTP>SMTP"),
            Self::StartTls => ("SMTP", "SMTP>TLS>SMTP"),
            Self::Implicit => ("SMTP", "TLS>SMTP"),
        }
    }
}
