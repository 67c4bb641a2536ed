//! The other end of a connection as servers write it: name, address, port. Only the address can be trusted.

use std::net::IpAddr;

use memchr::memchr;

use crate::happening::Client;
use crate::scan::{number, text};

/// `name[address]:port`, in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer<'a> {
    /// As the server found it in the DNS; empty where the line has none.
    pub name: &'a [u8],
    /// An address, `unknown`, or the path of a socket.
    pub address: &'a [u8],
    pub port: Option<u16>,
}

impl<'a> Peer<'a> {
    /// `name[address]` or `[address]`, with `:port` or without, at the start; and what follows.
    pub fn parse(line: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let open = memchr(b'[', line)?;
        let name = &line[..open];
        // A name has no blanks: otherwise the bracket belongs to something else.
        if memchr(b' ', name).is_some() {
            return None;
        }
        let inner = &line[open + 1..];
        let close = memchr(b']', inner)?;
        let rest = &inner[close + 1..];
        let (port, rest) = match rest.strip_prefix(b":").and_then(number) {
            Some((port, rest)) if port <= u64::from(u16::MAX) => (Some(port as u16), rest),
            _ => (None, rest),
        };
        Some((Self { name, address: &inner[..close], port }, rest))
    }

    /// The address as an address.
    pub fn ip(&self) -> Option<IpAddr> {
        ip(self.address)
    }

    /// As happenings tell it.
    pub fn client(&self) -> Client<'a> {
        let name = text(self.name).filter(|name| !name.is_empty() && *name != "unknown");
        Client { address: self.ip(), port: self.port, name, helo: None, account: None }
    }
}

/// An address as text, in the forms that logs have (`::ffff:192.0.2.1` and `IPv6:2001:db8::1` as well).
pub(crate) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Some(address) = v4(bytes) {
        return Some(IpAddr::from(address));
    }
    let bytes = bytes.strip_prefix(b"IPv6:").unwrap_or(bytes);
    // A zone (`fe80::1%eth0`) is not part of the address.
    let bytes = memchr(b'%', bytes).map_or(bytes, |at| &bytes[..at]);
    let address: IpAddr = text(bytes)?.parse().ok()?;
    Some(address.to_canonical())
}

/// Four decimal numbers: most addresses are that, and this is quicker than asking for any form.
fn v4(bytes: &[u8]) -> Option<[u8; 4]> {
    if bytes.len() > 15 {
        return None;
    }
    let (mut address, mut part, mut value, mut digits) = ([0; 4], 0, 0u16, 0);
    for &byte in bytes {
        if byte == b'.' {
            if digits == 0 || part == 3 {
                return None;
            }
            address[part] = u8::try_from(value).ok()?;
            (part, value, digits) = (part + 1, 0, 0);
        } else {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 || digits == 3 {
                return None;
            }
            (value, digits) = (value * 10 + u16::from(digit), digits + 1);
        }
    }
    if part != 3 || digits == 0 {
        return None;
    }
    address[3] = u8::try_from(value).ok()?;
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_a_name_an_address_and_perhaps_a_port() {
        let (peer, rest) = Peer::parse(b"mx.example[192.0.2.7]:4984: 550").unwrap();
        assert_eq!((peer.name, peer.address, peer.port), (&b"mx.example"[..], &b"192.0.2.7"[..], Some(4984)));
        assert_eq!(rest, b": 550");
        let (peer, rest) = Peer::parse(b"[2001:db8::1]:25").unwrap();
        assert_eq!((peer.ip(), peer.port, rest), ("2001:db8::1".parse().ok(), Some(25), &b""[..]));
        assert_eq!(Peer::parse(b"unknown[unknown]").unwrap().0.client().name, None);
        assert_eq!(Peer::parse(b"no bracket [here]"), None);
    }

    #[test]
    fn addresses_are_read_in_every_form_that_logs_have() {
        for (text, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("IPv6:2001:db8::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
        ] {
            assert_eq!(ip(text.as_bytes()), address.parse().ok(), "{text}");
        }
        for wrong in ["", "unknown", "1.2.3", "1.2.3.4.5", "1..2.3", "256.1.1.1", "1.2.3.0004", "private/lmtp", "."] {
            assert_eq!(ip(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
