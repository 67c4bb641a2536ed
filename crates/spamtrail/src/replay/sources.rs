//! Which source address a message is presented with.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, ensure};

use super::corpus::Mail;

/// Where source addresses come from.
#[derive(Debug)]
pub(super) enum Sources {
    /// None is presented: the sensor sees loopback.
    Ours,
    /// These, in turn.
    Listed(Vec<IpAddr>),
    /// The first public address in the message's Received headers, from the top.
    FromReceived,
}

impl Sources {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut addresses = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                let address = line.parse().with_context(|| format!("{}:{}: `{line}`", path.display(), number + 1))?;
                addresses.push(address);
            }
        }
        ensure!(!addresses.is_empty(), "{} has no addresses", path.display());
        Ok(Self::Listed(addresses))
    }

    pub(super) fn presents(&self) -> bool {
        !matches!(self, Self::Ours)
    }

    /// The source of a message that is the first of the `turn`th connection.
    pub(super) fn of(&self, mail: &Mail, turn: usize) -> Option<IpAddr> {
        match self {
            Self::Ours => None,
            Self::Listed(addresses) => addresses.get(turn % addresses.len()).copied(),
            Self::FromReceived => from_received(&mail.content),
        }
    }
}

/// The first public address that stands in brackets in a Received header, from the top.
fn from_received(message: &[u8]) -> Option<IpAddr> {
    let head = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message, |end| &message[..end]);
    let mut in_received = false;
    for line in head.split(|byte| *byte == b'\n') {
        if !line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            in_received = line.get(..9).is_some_and(|name| name.eq_ignore_ascii_case(b"received:"));
        }
        if in_received && let Some(address) = bracketed(line).find(is_public) {
            return Some(address);
        }
    }
    None
}

/// Addresses between `[` and `]`.
fn bracketed(line: &[u8]) -> impl Iterator<Item = IpAddr> {
    line.split(|byte| *byte == b'[').skip(1).filter_map(|rest| {
        let inside = rest.split(|byte| *byte == b']').next()?;
        let text = std::str::from_utf8(inside).ok()?;
        text.strip_prefix("IPv6:").unwrap_or(text).parse().ok()
    })
}

/// Whether an address can be the source of a packet on the Internet.
fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            !(four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || four.is_broadcast()
                || four.is_unspecified()
                || four.is_multicast()
                || four.is_documentation()
                || four.octets()[0] == 0
                || four.octets()[0] >= 240)
        }
        IpAddr::V6(six) => (six.segments()[0] & 0xe000) == 0x2000 && six.segments()[..2] != [0x2001, 0xdb8],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_public_address_is_the_source() {
        let message = b"Received: from a (a [127.0.0.1])\r\n\tby b with ESMTP\r\nReceived: from c\r\n ([10.0.0.1] [193.0.2.9])\r\nX: [1.2.3.4]\r\n\r\nReceived: [5.6.7.8]";
        assert_eq!(from_received(message), "193.0.2.9".parse().ok());
        assert_eq!(from_received(b"Subject: [1.2.3.4]\r\n\r\n"), None);
        assert_eq!(from_received(b"received: [IPv6:2a00:1450::1]\r\n\r\n"), "2a00:1450::1".parse().ok());
    }
}
