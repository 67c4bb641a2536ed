//! The first bytes of a packet as they are on an Ethernet: what a switch copies into a sample.
//!
//! Lengths, header checksums and options are those of real packets. The checksum of TCP is not: it would be that of payload
//! that is not there.

use std::net::{IpAddr, SocketAddr};

/// How much of a packet a switch copies: what practically all of them do.
pub const MOST_HEADER: usize = 128;

/// The shortest frame of an Ethernet, without its checksum.
const SHORTEST: usize = 60;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// How the operating system of a host makes its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    Linux,
    Bsd,
    Windows,
    /// Windows XP, which most machines of bots were.
    OldWindows,
    /// A program that makes its packets itself.
    Bare,
}

impl Stack {
    /// With how many hops to go a packet starts.
    pub(crate) const fn hops(self) -> u8 {
        match self {
            Self::Linux | Self::Bsd => 64,
            Self::Windows | Self::OldWindows => 128,
            Self::Bare => 255,
        }
    }

    const fn window(self, first: bool) -> u16 {
        match self {
            Self::Linux if first => 29_200,
            Self::Linux => 229,
            Self::Windows if first => 64_240,
            Self::Windows => 513,
            Self::Bsd | Self::OldWindows => 65_535,
            Self::Bare => 16_384,
        }
    }

    const fn has_timestamps(self) -> bool {
        matches!(self, Self::Linux | Self::Bsd)
    }

    /// Bytes of a full segment.
    pub(crate) const fn most_payload(self) -> u16 {
        if self.has_timestamps() { 1448 } else { 1460 }
    }

    /// The options, and how many bytes of them there are.
    fn options(self, first: bool, clock: u32) -> ([u8; 20], usize) {
        let mut options = [1; 20];
        let mut put = |at: usize, bytes: &[u8]| options[at..at + bytes.len()].copy_from_slice(bytes);
        const SEGMENT: [u8; 4] = [2, 4, 5, 0xb4];
        let timestamp = |at: usize, put: &mut dyn FnMut(usize, &[u8])| {
            put(at, &[8, 10]);
            put(at + 2, &clock.to_be_bytes());
            put(at + 6, &if first { 0 } else { clock ^ 0x5a5a }.to_be_bytes());
        };
        if !first {
            if !self.has_timestamps() {
                return (options, 0);
            }
            timestamp(2, &mut put);
            return (options, 12);
        }
        put(0, &SEGMENT);
        let length = match self {
            Self::Linux => {
                put(4, &[4, 2]);
                timestamp(6, &mut put);
                put(17, &[3, 3, 7]);
                20
            }
            Self::Bsd => {
                put(5, &[3, 3, 6, 4, 2]);
                timestamp(10, &mut put);
                20
            }
            Self::Windows => {
                put(5, &[3, 3, 8, 1, 1, 4, 2]);
                12
            }
            Self::OldWindows => {
                put(6, &[4, 2]);
                8
            }
            Self::Bare => 4,
        };
        (options, length)
    }
}

/// Where a frame goes within the exchange point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) from: [u8; 6],
    pub(crate) to: [u8; 6],
    /// The VLAN, where its tag is still in the frame.
    pub(crate) tag: Option<u16>,
}

/// A packet of TCP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) flags: u8,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    pub(crate) stack: Stack,
    /// Hops it has behind it.
    pub(crate) hops: u8,
    /// As much of the payload as a switch may copy.
    pub(crate) payload: &'a [u8],
    /// Bytes of all its payload.
    pub(crate) length: u16,
}

impl Segment<'_> {
    /// Writes the first bytes of its frame into `out`, which is cleared, and gives the length of the whole frame without
    /// checksum.
    pub(crate) fn write(&self, link: Link, out: &mut Vec<u8>) -> u32 {
        let first = self.flags & SYN != 0;
        let (options, count) = self.stack.options(first, self.sequence.rotate_left(9));
        let tcp = 20 + count;
        let ends = (self.source.ip(), self.destination.ip());
        let hops = self.stack.hops().saturating_sub(self.hops);
        let length = ip(link, ends, 6, tcp + usize::from(self.length), hops, self.sequence as u16, out);
        out.extend(self.source.port().to_be_bytes());
        out.extend(self.destination.port().to_be_bytes());
        out.extend(self.sequence.to_be_bytes());
        out.extend(if self.flags & ACK == 0 { 0 } else { self.acknowledged }.to_be_bytes());
        out.extend([(tcp as u8 / 4) << 4, self.flags]);
        out.extend(self.stack.window(first).to_be_bytes());
        out.extend((self.sequence.wrapping_mul(0x9e37) as u16).to_be_bytes()); // see the head of this file
        out.extend([0, 0]);
        out.extend(&options[..count]);
        let there = self.payload.len().min(usize::from(self.length));
        out.extend(&self.payload[..there]);
        cut(length, out)
    }
}

/// A packet of UDP with nothing but zeros in it: a switch carries more than mail.
pub(crate) fn datagram(link: Link, ends: (SocketAddr, SocketAddr), length: u16, out: &mut Vec<u8>) -> u32 {
    let (source, destination) = ends;
    let total = 8 + length;
    let frame = ip(link, (source.ip(), destination.ip()), 17, usize::from(total), 57, length, out);
    out.extend(source.port().to_be_bytes());
    out.extend(destination.port().to_be_bytes());
    out.extend(total.to_be_bytes());
    out.extend([0, 0]);
    cut(frame, out)
}

/// Ethernet and IP in front of so many bytes; the length of the frame.
fn ip(
    link: Link,
    ends: (IpAddr, IpAddr),
    protocol: u8,
    inner: usize,
    hops: u8,
    number: u16,
    out: &mut Vec<u8>,
) -> usize {
    out.clear();
    out.extend(link.to);
    out.extend(link.from);
    if let Some(tag) = link.tag {
        out.extend([0x81, 0x00]);
        out.extend(tag.to_be_bytes());
    }
    match ends {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            out.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            out.extend((inner as u16).to_be_bytes());
            out.extend([protocol, hops]);
            out.extend(source.octets());
            out.extend(destination.octets());
        }
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            out.extend([0x08, 0x00]);
            let at = out.len();
            out.extend([0x45, 0]);
            out.extend((20 + inner as u16).to_be_bytes());
            out.extend(number.to_be_bytes());
            out.extend([0x40, 0, hops, protocol, 0, 0]);
            out.extend(source.octets());
            out.extend(destination.octets());
            let sum = checksum(0, &out[at..]);
            out[at + 10..at + 12].copy_from_slice(&sum.to_be_bytes());
        }
        _ => unreachable!("the two ends of a conversation are of one family"),
    }
    out.len() + inner
}

/// Pads a short frame and cuts a long one; the length of the frame.
fn cut(length: usize, out: &mut Vec<u8>) -> u32 {
    let length = length.max(SHORTEST);
    out.resize(length.min(MOST_HEADER), 0);
    length as u32
}

/// The sum of the Internet's headers (RFC 1071), on top of another one.
pub(crate) fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut sum = start + pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum::<u32>();
    sum += rest.first().map_or(0, |last| u32::from(*last) << 8);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Link = Link { from: [2; 6], to: [4; 6], tag: None };

    fn segment(stack: Stack, flags: u8, payload: &[u8], length: u16) -> Segment<'_> {
        Segment {
            source: "100.64.0.1:40000".parse().unwrap(),
            destination: "100.64.0.2:25".parse().unwrap(),
            flags,
            sequence: 7,
            acknowledged: 9,
            stack,
            hops: 3,
            payload,
            length,
        }
    }

    #[test]
    fn a_header_is_whole_whatever_made_it_and_its_checksum_is_right() {
        let mut out = Vec::new();
        for stack in [Stack::Linux, Stack::Bsd, Stack::Windows, Stack::OldWindows, Stack::Bare] {
            for flags in [SYN, SYN | ACK, ACK] {
                let length = segment(stack, flags, &[], 0).write(LINK, &mut out);
                let tcp = usize::from(out[14 + 20 + 12] >> 4) * 4;
                let total = usize::from(u16::from_be_bytes([out[16], out[17]]));
                assert_eq!((total, length as usize), (20 + tcp, (34 + tcp).max(60)), "{stack:?} {flags:x}");
                assert_eq!(checksum(0, &out[14..34]), 0);
                assert!(out.len() == length as usize && out[34 + 13] == flags);
            }
        }
    }

    #[test]
    fn a_full_segment_is_cut_where_a_switch_cuts_it() {
        let (mut out, payload) = (Vec::new(), [b'x'; 200]);
        let length = segment(Stack::Linux, ACK, &payload, 1448).write(LINK, &mut out);
        assert_eq!((length, out.len()), (1514, MOST_HEADER));
        let tagged = Link { tag: Some(100), ..LINK };
        assert_eq!(segment(Stack::Linux, ACK, &payload, 1448).write(tagged, &mut out), 1518);
        assert_eq!(out[12..18], [0x81, 0, 0, 100, 8, 0]);
    }

    #[test]
    fn a_packet_of_the_newer_protocol_has_its_own_header() {
        let mut out = Vec::new();
        let (source, destination) = ("[2001:db8::1]:1".parse().unwrap(), "[2001:db8::2]:25".parse().unwrap());
        let length = Segment { source, destination, ..segment(Stack::Bare, SYN, &[], 0) }.write(LINK, &mut out);
        assert_eq!((length, out.len()), (14 + 40 + 24, 14 + 40 + 24));
        assert_eq!((&out[12..15], out[20], out[54..58].to_vec()), (&[0x86, 0xdd, 0x60][..], 6, vec![0, 1, 0, 25]));
    }
}
