//! The protocols a decoy speaks, in the order in which tables print them.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// What the client spoke. Ordered and labelled as in the SpamPots tables: HTTP, SMTP, S4, S4a, S5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Protocol {
    /// HTTP proxy requests: CONNECT, absolute-form GET and HEAD, POST to a mail port.
    #[n(0)]
    Http,
    #[n(1)]
    Smtp,
    /// SOCKS version 4, the target given as an address.
    #[n(2)]
    Socks4,
    /// SOCKS version 4a, the target given as a name.
    #[n(3)]
    Socks4a,
    /// SOCKS version 5 (RFC 1928).
    #[n(4)]
    Socks5,
    /// A TLS layer. It stands in paths and is no row of the tables: those ask what was spoken on the outer layer, and that is
    /// what TLS carries.
    #[n(5)]
    Tls,
}

impl Protocol {
    /// Those that the tables tell apart.
    pub const ALL: [Self; 5] = [Self::Http, Self::Smtp, Self::Socks4, Self::Socks4a, Self::Socks5];

    /// The label of the tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Smtp => "SMTP",
            Self::Socks4 => "S4",
            Self::Socks4a => "S4a",
            Self::Socks5 => "S5",
            Self::Tls => "TLS",
        }
    }

    /// This protocol's bit in a [`ProtocolSet`].
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// What the client spoke on the outer layer of a path: the first that is not TLS.
    pub fn outer(path: &[Self]) -> Option<Self> {
        path.iter().copied().find(|protocol| *protocol != Self::Tls)
    }

    /// The layers of a connection, outermost first: `S5>SMTP`, `TLS>HTTP>SMTP`.
    pub fn path(layers: &[Self]) -> String {
        layers.iter().map(|layer| layer.label()).collect::<Vec<_>>().join(">")
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for Protocol {
    type Err = ();

    fn from_str(label: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|protocol| protocol.label().eq_ignore_ascii_case(label)).ok_or(())
    }
}

/// A set of protocols as a bit mask; printed `HTTP, SMTP, S4`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProtocolSet(pub u8);

impl ProtocolSet {
    pub fn iter(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL.into_iter().filter(move |protocol| self.0 & protocol.bit() != 0)
    }
}

impl fmt::Display for ProtocolSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.iter().map(Protocol::label).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_prints_in_the_order_of_the_tables() {
        let set = ProtocolSet(Protocol::Socks5.bit() | Protocol::Http.bit() | Protocol::Socks4a.bit());
        assert_eq!(set.to_string(), "HTTP, S4a, S5");
        assert_eq!(ProtocolSet::default().to_string(), "");
    }

    #[test]
    fn the_outer_layer_is_what_tls_carries() {
        assert_eq!(Protocol::outer(&[Protocol::Tls, Protocol::Http, Protocol::Smtp]), Some(Protocol::Http));
        assert_eq!(Protocol::outer(&[Protocol::Smtp, Protocol::Tls, Protocol::Smtp]), Some(Protocol::Smtp));
        assert_eq!(Protocol::outer(&[Protocol::Tls]), None);
        assert!(!Protocol::ALL.contains(&Protocol::Tls));
    }

    #[test]
    fn labels_are_read_back() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.label().parse(), Ok(protocol));
        }
        assert_eq!("s4A".parse(), Ok(Protocol::Socks4a));
        assert!("gopher".parse::<Protocol>().is_err());
    }
}
