//! The PROXY protocol, versions 1 and 2, as a trusted load balancer sends it before the client's first byte.

use std::net::SocketAddr;

use ppp::{PartialResult, v1, v2};

use crate::limits;

/// What a header said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    /// The client's address, and the one it had connected to.
    Client { source: SocketAddr, destination: SocketAddr },
    /// The balancer speaks for itself (a health check), or does not know.
    Nobody,
}

/// How much of the bytes is a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// The header and its length.
    Whole(Presented, usize),
    /// More bytes are needed.
    Incomplete,
    /// No header, or one that cannot be read.
    Bad,
}

/// The first bytes of version 1.
const TEXT: &[u8] = b"PROXY";

/// Longest header of version 1, its CR LF included. A longer one is bad.
const LONGEST_TEXT: usize = 107;

pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let length = bytes.len().min(TEXT.len());
    if bytes[..length] == TEXT[..length] { parse_text(bytes) } else { parse_binary(bytes) }
}

fn parse_text(bytes: &[u8]) -> Parsed {
    let head = &bytes[..bytes.len().min(LONGEST_TEXT)];
    // The crate takes some cut-off lines for bad ones, so it is given whole lines only.
    let Some(end) = head.windows(2).position(|window| window == b"\r\n") else {
        return if bytes.len() < LONGEST_TEXT { Parsed::Incomplete } else { Parsed::Bad };
    };
    match v1::Header::try_from(&bytes[..end + 2]) {
        Ok(header) => Parsed::Whole(version_1(&header.addresses), end + 2),
        Err(_) => Parsed::Bad,
    }
}

fn parse_binary(bytes: &[u8]) -> Parsed {
    // No more is looked at than may be waited for: whether a header is bad does not depend on how it was split.
    let bytes = &bytes[..bytes.len().min(limits::PROXY_HEADER)];
    match v2::Header::try_from(bytes) {
        Ok(header) => {
            let presented = match header.command {
                v2::Command::Local => Presented::Nobody,
                v2::Command::Proxy => version_2(&header.addresses),
            };
            Parsed::Whole(presented, header.len())
        }
        Err(error) if error.is_incomplete() && bytes.len() < limits::PROXY_HEADER => Parsed::Incomplete,
        Err(_) => Parsed::Bad,
    }
}

fn version_1(addresses: &v1::Addresses) -> Presented {
    match addresses {
        v1::Addresses::Tcp4(tcp) => Presented::Client {
            source: (tcp.source_address, tcp.source_port).into(),
            destination: (tcp.destination_address, tcp.destination_port).into(),
        },
        v1::Addresses::Tcp6(tcp) => Presented::Client {
            source: (tcp.source_address, tcp.source_port).into(),
            destination: (tcp.destination_address, tcp.destination_port).into(),
        },
        v1::Addresses::Unknown => Presented::Nobody,
    }
}

fn version_2(addresses: &v2::Addresses) -> Presented {
    match addresses {
        v2::Addresses::IPv4(ip) => Presented::Client {
            source: (ip.source_address, ip.source_port).into(),
            destination: (ip.destination_address, ip.destination_port).into(),
        },
        v2::Addresses::IPv6(ip) => Presented::Client {
            source: (ip.source_address, ip.source_port).into(),
            destination: (ip.destination_address, ip.destination_port).into(),
        },
        v2::Addresses::Unix(_) | v2::Addresses::Unspecified => Presented::Nobody,
    }
}

#[cfg(test)]
#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[path = "../../../fuzz/harness/proxy_header.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_a_header_or_are_none_whatever_comes_behind_them() {
        corpus::replay("proxy_header", harness::proxy_header);
    }

    fn client(source: &str, destination: &str) -> Presented {
        Presented::Client { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
    }

    fn parse_in_all_pieces(header: &[u8], expected: Presented) {
        let mut stream = header.to_vec();
        stream.extend_from_slice(b"HELO x\r\n");
        for cut in 1..header.len() {
            assert_eq!(parse(&stream[..cut]), Parsed::Incomplete, "{cut} bytes");
        }
        for cut in header.len()..=stream.len() {
            assert_eq!(parse(&stream[..cut]), Parsed::Whole(expected, header.len()), "{cut} bytes");
        }
    }

    #[test]
    fn version_1_presents_the_client() {
        parse_in_all_pieces(
            b"PROXY TCP4 192.0.2.7 198.51.100.1 40112 25\r\n",
            client("192.0.2.7:40112", "198.51.100.1:25"),
        );
        parse_in_all_pieces(
            b"PROXY TCP6 2001:db8::7 2001:db8::1 40112 25\r\n",
            client("[2001:db8::7]:40112", "[2001:db8::1]:25"),
        );
        parse_in_all_pieces(b"PROXY UNKNOWN\r\n", Presented::Nobody);
    }

    #[test]
    fn version_2_presents_the_client() {
        let header = |command: v2::Command, source: &str, destination: &str| {
            let addresses = (source.parse::<SocketAddr>().unwrap(), destination.parse::<SocketAddr>().unwrap());
            v2::Builder::with_addresses(v2::Version::Two | command, v2::Protocol::Stream, addresses).build().unwrap()
        };
        let v4 = header(v2::Command::Proxy, "192.0.2.7:40112", "198.51.100.1:25");
        parse_in_all_pieces(&v4, client("192.0.2.7:40112", "198.51.100.1:25"));
        let v6 = header(v2::Command::Proxy, "[2001:db8::7]:40112", "[2001:db8::1]:25");
        parse_in_all_pieces(&v6, client("[2001:db8::7]:40112", "[2001:db8::1]:25"));
        let local = header(v2::Command::Local, "192.0.2.7:40112", "198.51.100.1:25");
        parse_in_all_pieces(&local, Presented::Nobody);
    }

    #[test]
    fn other_bytes_and_endless_headers_are_bad() {
        for bad in [&b"HELO x\r\n"[..], b"\x05\x01\0", b"PROXY TCP4 a b c d\r\n", b"PROXY TCP4 1.2.3.4\r\n"] {
            assert_eq!(parse(bad), Parsed::Bad, "{bad:?}");
        }
        let mut endless = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".to_vec();
        endless.resize(limits::PROXY_HEADER, 0);
        assert_eq!(parse(&endless), Parsed::Bad);
        endless.resize(16 + 0xffff, 0);
        assert_eq!(parse(&endless), Parsed::Bad, "a header too long to wait for is bad also when it came at once");
    }
}
