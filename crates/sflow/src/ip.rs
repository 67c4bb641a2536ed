//! The IP header: whose packet it is, of what protocol, and where the next header begins. Reads no further.

use std::net::IpAddr;

use crate::Reason;
use crate::link::{Place, Version, half};

/// What an IP header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ip {
    pub(crate) protocol: u8,
    /// Length of the packet by its own word.
    pub(crate) bytes: u32,
    /// Where the header behind IP's begins, and where the packet ends, as far as it was captured.
    pub(crate) next: usize,
    pub(crate) end: usize,
    /// The first of several fragments.
    pub(crate) fragmented: bool,
}

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

impl Ip {
    #[inline(always)]
    pub(crate) fn read(frame: &[u8], place: Place) -> Result<Self, Reason> {
        let packet = frame.get(place.at..).ok_or(Reason::NotIp)?;
        let version = packet.first().ok_or(Reason::NotIp)? >> 4;
        match (version, place.version) {
            (4, Version::V4 | Version::Any) => v4(packet, place.at),
            (6, Version::V6 | Version::Any) => v6(packet, place.at),
            _ => Err(Reason::NotIp),
        }
    }

    /// Source and destination of a packet that was read.
    #[inline(always)]
    pub(crate) fn addresses(packet: &[u8]) -> Option<[IpAddr; 2]> {
        if packet.first()? >> 4 == 4 {
            let (addresses, _) = packet.get(12..20)?.as_chunks::<4>();
            return Some([IpAddr::from(addresses[0]), IpAddr::from(addresses[1])]);
        }
        let (addresses, _) = packet.get(8..40)?.as_chunks::<16>();
        Some([IpAddr::from(addresses[0]), IpAddr::from(addresses[1])])
    }
}

#[inline(always)]
fn v4(packet: &[u8], at: usize) -> Result<Ip, Reason> {
    let head: &[u8; 20] = packet.first_chunk().ok_or(Reason::NotIp)?;
    let length = usize::from(head[0] & 15) * 4;
    if length < 20 {
        return Err(Reason::NotIp);
    }
    let fragment = u16::from_be_bytes([head[6], head[7]]);
    if fragment & 0x1fff != 0 {
        return Err(Reason::Fragment);
    }
    let told = u16::from_be_bytes([head[2], head[3]]);
    Ok(Ip {
        protocol: head[9],
        bytes: u32::from(told),
        next: at + length,
        end: at + captured(packet, usize::from(told), length),
        fragmented: fragment & 0x2000 != 0,
    })
}

/// What was captured of the packet: padding of the frame is none of it. A length that has no room for the header itself is
/// the work of hardware that divides packets later, and says nothing.
#[inline(always)]
fn captured(packet: &[u8], told: usize, head: usize) -> usize {
    if told < head { packet.len() } else { packet.len().min(told) }
}

fn v6(packet: &[u8], at: usize) -> Result<Ip, Reason> {
    let head: &[u8; 40] = packet.first_chunk().ok_or(Reason::NotIp)?;
    let behind = u32::from(u16::from_be_bytes([head[4], head[5]]));
    let told = if behind == 0 { 0 } else { 40 + behind as usize };
    let mut ip =
        Ip { protocol: head[6], bytes: 40 + behind, next: 40, end: captured(packet, told, 40), fragmented: false };
    extensions(packet, &mut ip)?;
    ip.next += at;
    ip.end += at;
    Ok(ip)
}

/// Passes the extension headers. Each turn is at least eight bytes further on.
fn extensions(packet: &[u8], ip: &mut Ip) -> Result<(), Reason> {
    loop {
        let length =
            |unit: usize, more: usize| packet.get(ip.next + 1).map(|count| (usize::from(*count) + more) * unit);
        let step = match ip.protocol {
            // Hop by hop, routing, destination, mobility, HIP, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => length(8, 1),
            // Authentication.
            51 => length(4, 2),
            44 => {
                let offset = half(packet, ip.next + 2).ok_or(Reason::NotTcp)?;
                if offset & 0xfff8 != 0 {
                    return Err(Reason::Fragment);
                }
                ip.fragmented = offset & 1 != 0;
                Some(8)
            }
            _ => return Ok(()),
        };
        let next = packet.get(ip.next);
        let (Some(step), Some(next)) = (step, next) else { return Err(Reason::NotTcp) };
        ip.protocol = *next;
        ip.next += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packet: &[u8]) -> Result<Ip, Reason> {
        Ip::read(packet, Place { at: 0, version: Version::Any, vlan: None })
    }

    fn v4(length: u8, told: u8, fragment: u16) -> Vec<u8> {
        let [high, low] = fragment.to_be_bytes();
        let mut packet = vec![0x40 | length, 0, 0, told, 0, 0, high, low, 64, TCP, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1];
        packet.resize(60, 9);
        packet
    }

    fn v6(next: u8, behind: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, behind.len() as u8, next, 64];
        packet.extend([1; 16]);
        packet.extend([2; 16]);
        packet.extend(behind);
        packet
    }

    #[test]
    fn options_and_padding_of_ipv4_are_passed() {
        let ip = read(&v4(6, 44, 0x4000)).unwrap();
        assert_eq!((ip.next, ip.end, ip.bytes, ip.protocol), (24, 44, 44, TCP));
        assert_eq!(Ip::addresses(&v4(6, 44, 0x4000)).unwrap()[0], IpAddr::from([192, 0, 2, 7]));
        assert_eq!(read(&v4(5, 0, 0)).unwrap().end, 60, "a length of zero says nothing");
    }

    #[test]
    fn a_broken_head_is_no_ip_and_a_later_fragment_has_no_ports() {
        assert_eq!(read(&v4(4, 44, 0)), Err(Reason::NotIp));
        assert_eq!(read(&v4(5, 44, 1)), Err(Reason::Fragment));
        assert!(read(&v4(5, 44, 0x2000)).unwrap().fragmented);
        assert_eq!(read(&[0x45; 19]), Err(Reason::NotIp));
        assert_eq!(read(&[0x50; 60]), Err(Reason::NotIp));
        assert_eq!(read(&[]), Err(Reason::NotIp));
    }

    #[test]
    fn extension_headers_of_ipv6_are_passed() {
        let plain = read(&v6(TCP, &[0; 20])).unwrap();
        assert_eq!((plain.next, plain.end, plain.bytes), (40, 60, 60));
        let hop = [60, 0, 0, 0, 0, 0, 0, 0, 51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let auth = [TCP, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let ip = read(&v6(0, &[&hop[..], &auth, &[0; 20]].concat())).unwrap();
        assert_eq!((ip.protocol, ip.next), (TCP, 40 + 24 + 16));
        assert_eq!(read(&v6(44, &[TCP, 0, 0, 8, 0, 0, 0, 0])), Err(Reason::Fragment));
        assert!(read(&v6(44, &[TCP, 0, 0, 1, 0, 0, 0, 0])).unwrap().fragmented);
        assert_eq!(read(&v6(0, &[TCP])), Err(Reason::NotTcp), "cut in an extension header");
    }
}
