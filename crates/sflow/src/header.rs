//! A sampled header to the TCP packet in it, when its ports are asked for. What is not told of it is wiped.

use crate::ip::{Ip, TCP};
use crate::link::{self, Place, Version};
use crate::{Ports, Reason};

/// The place of a packet of the ports asked for. Addresses are read when it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inner<'a> {
    /// From the IP header to the end of TCP's, as far as it was sampled.
    header: &'a [u8],
    /// Where TCP begins in it.
    tcp: usize,
    bytes: u32,
    pub(crate) vlan: Option<u16>,
}

impl<'a> Inner<'a> {
    /// Reads what the exporter says is a header of this protocol: the first `length` bytes of `body`. Wipes all of the body that
    /// stands behind the headers that are told; when none are told, all of it.
    #[inline(always)]
    pub(crate) fn read(ports: &Ports, protocol: u32, body: &'a mut [u8], length: usize) -> Result<Self, Reason> {
        let found = look(ports, protocol, &body[..length]);
        let kept = found.map_or(0, |(_, found)| found.end);
        body[kept..].fill(0);
        let (at, found) = found?;
        let header = &body[at..found.end];
        Ok(Self { header, tcp: found.tcp - at, bytes: found.bytes, vlan: found.vlan })
    }

    /// The whole of what was kept.
    #[inline(always)]
    pub(crate) fn header(&self) -> &'a [u8] {
        self.header
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> u32 {
        self.bytes
    }

    /// The part of the TCP header up to its flags.
    #[inline(always)]
    pub(crate) fn tcp(&self) -> Option<&'a [u8; 14]> {
        self.header.get(self.tcp..)?.first_chunk()
    }
}

/// Places within the sampled header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    tcp: usize,
    end: usize,
    bytes: u32,
    vlan: Option<u16>,
}

/// Where the IP header begins, and what is behind it.
#[inline(always)]
fn look(ports: &Ports, protocol: u32, header: &[u8]) -> Result<(usize, Found), Reason> {
    let usual = if protocol == 1 { usual(ports, header) } else { None };
    usual.unwrap_or_else(|| general(ports, protocol, header))
}

/// The same for what nearly all frames are: Ethernet with at most one tag, IPv4 without options, TCP to its flags. There all
/// places are known beforehand, which halves the work. `None`: it is another frame.
#[inline(always)]
fn usual(ports: &Ports, header: &[u8]) -> Option<Result<(usize, Found), Reason>> {
    let frame: &[u8; 18] = header.first_chunk()?;
    let (at, vlan) = match [frame[12], frame[13], frame[16], frame[17]] {
        [0x08, 0x00, _, _] => (14, None),
        [0x81, 0x00, 0x08, 0x00] => (18, Some(u16::from_be_bytes([frame[14], frame[15]]) & 0x0fff)),
        _ => return None,
    };
    let packet: &[u8; 34] = header.get(at..)?.first_chunk()?;
    let half = |place: usize| u16::from_be_bytes([packet[place], packet[place + 1]]);
    let told = usize::from(half(2));
    if packet[0] != 0x45 || half(6) & 0x1fff != 0 || told < packet.len() {
        return None;
    }
    if packet[9] != TCP {
        return Some(Err(Reason::NotTcp));
    }
    if !ports.either(half(20), half(22)) {
        return Some(Err(Reason::OtherPort));
    }
    let length = 20 + usize::from(packet[32] >> 4).max(5) * 4;
    let end = (at + length.min(told)).min(header.len());
    Some(Ok((at, Found { tcp: at + 20, end, bytes: told as u32, vlan })))
}

/// The same for every other frame.
fn general(ports: &Ports, protocol: u32, header: &[u8]) -> Result<(usize, Found), Reason> {
    let place = place(protocol, header)?;
    let ip = Ip::read(header, place)?;
    if ip.protocol != TCP {
        return Err(Reason::NotTcp);
    }
    let tcp = header.get(ip.next..ip.end).ok_or(Reason::TcpCut)?;
    let head: &[u8; 4] = tcp.first_chunk().ok_or(Reason::TcpCut)?;
    if !ports.either(u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]])) {
        return Err(Reason::OtherPort);
    }
    let head: &[u8; 14] = tcp.first_chunk().ok_or(Reason::TcpCut)?;
    let length = usize::from(head[12] >> 4).max(5) * 4;
    let end = ip.next + length.min(tcp.len());
    Ok((place.at, Found { tcp: ip.next, end, bytes: ip.bytes, vlan: place.vlan }))
}

#[inline(always)]
fn place(protocol: u32, header: &[u8]) -> Result<Place, Reason> {
    let raw = |version| Some(Place { at: 0, version, vlan: None });
    match protocol {
        1 => link::ethernet(header),
        7 => link::ppp(header, 0),
        11 => raw(Version::V4),
        12 => raw(Version::V6),
        13 => link::mpls(header, 0),
        14 => link::pos(header),
        _ => return Err(Reason::Protocol),
    }
    .ok_or(Reason::NotIp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ethernet, IPv4 and TCP with an option, then payload of ones.
    fn frame(source: u16, destination: u16) -> Vec<u8> {
        let mut frame = vec![0xee; 12];
        frame.extend([8, 0, 0x45, 0, 1, 0, 0, 0, 0x40, 0, 64, TCP, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1]);
        frame.extend(source.to_be_bytes());
        frame.extend(destination.to_be_bytes());
        frame.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4]);
        frame.resize(128, 0xff);
        frame
    }

    fn read(protocol: u32, header: &mut [u8]) -> Result<Inner<'_>, Reason> {
        let length = header.len();
        Inner::read(&Ports::MAIL, protocol, header, length)
    }

    #[test]
    fn a_packet_of_mail_is_told_without_payload() {
        let mut header = frame(40_112, 25);
        let whole = header.clone();
        let told = read(1, &mut header).unwrap();
        assert_eq!((told.bytes(), told.tcp()), (256, whole[34..].first_chunk()));
        assert_eq!(told.header(), &whole[14..58]);
        assert_eq!(header[..58], whole[..58]);
        assert!(header[58..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn of_a_packet_that_is_not_told_nothing_stays() {
        for (mut header, protocol, reason) in [
            (frame(40_112, 80), 1, Reason::OtherPort),
            (frame(40_112, 25), 5, Reason::Protocol),
            (frame(40_112, 25), 11, Reason::NotIp),
            (frame(40_112, 25)[..46].to_vec(), 1, Reason::TcpCut),
            (frame(40_112, 80)[..46].to_vec(), 1, Reason::OtherPort),
            (frame(40_112, 25)[..33].to_vec(), 1, Reason::NotIp),
        ] {
            assert_eq!(read(protocol, &mut header), Err(reason));
            assert!(header.iter().all(|byte| *byte == 0), "{reason:?}");
        }
    }

    #[test]
    fn a_header_cut_within_tcp_is_told_as_far_as_it_goes() {
        let mut header = frame(25, 40_112);
        header.truncate(50);
        assert_eq!(read(1, &mut header).unwrap().header().len(), 36);
    }

    proptest! {
        #[test]
        fn the_way_for_usual_frames_finds_what_the_way_for_all_finds(
            tagged: bool,
            changes in prop::collection::vec((12usize..60, any::<u8>()), 0..4),
            length in 0usize..129,
            port in prop::sample::select(vec![25u16, 80]),
        ) {
            let mut header = frame(40_112, port);
            if tagged {
                header.splice(12..12, [0x81, 0, 0x20, 100]);
            }
            changes.iter().for_each(|(at, value)| header[*at] = *value);
            header.truncate(length);
            if let Some(usual) = usual(&Ports::MAIL, &header) {
                prop_assert_eq!(usual, general(&Ports::MAIL, 1, &header));
            }
        }
    }
}
