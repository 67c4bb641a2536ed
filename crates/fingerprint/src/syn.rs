//! The packet that opens a connection: its IP and TCP headers, read into what systems differ in.
//!
//! The bytes come from a peer. Whatever they are, reading them ends in a [`Syn`] or says why not.

use std::fmt;

use crate::layout::{EOL, MSS, NOP, SACK, SACK_OK, SCALE, TIMESTAMP};
use crate::{Layout, Quirk, Quirks};

/// What a SYN says about the system that sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syn {
    pub version: IpVersion,
    /// Time to live (hop limit) on arrival.
    pub ttl: u8,
    /// Bytes of IPv4 options or IPv6 extension headers.
    pub ip_options: u16,
    /// Maximum segment size; 0 without the option, as p0f counts it.
    pub mss: u16,
    pub window: u16,
    /// Window scale; 0 without the option, as p0f counts it.
    pub scale: u8,
    pub layout: Layout,
    pub quirks: Quirks,
    /// The own timestamp; 0 without the option.
    pub timestamp: u32,
    /// Bytes of IP and TCP headers.
    pub headers: u16,
    /// Bytes of the whole packet, as its header tells.
    pub length: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpVersion {
    V4,
    V6,
}

/// Why bytes are no SYN that tells anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotASyn {
    #[error("the headers are cut off")]
    Truncated,
    #[error("IP version {0}")]
    Version(u8),
    #[error("a header shorter than its fixed part")]
    HeaderLength,
    #[error("the packet is shorter than its headers")]
    PacketLength,
    #[error("a fragment")]
    Fragment,
    #[error("protocol {0} is not TCP")]
    Protocol(u8),
    #[error("TCP flags {0:#04x} are not those of a SYN")]
    Flags(u8),
}

/// Fixed bytes of an IPv4, IPv6 and TCP header.
pub(crate) const IPV4: usize = 20;
pub(crate) const IPV6: usize = 40;
pub(crate) const TCP: usize = 20;

/// More hops than this are not believed, as p0f and experience have it.
pub(crate) const MOST_HOPS: u8 = 35;

/// IPv6 extension headers that are read over; a packet with more tells nothing.
const MAX_EXTENSIONS: usize = 8;

/// IP protocol numbers.
const HOP_BY_HOP: u8 = 0;
const IS_TCP: u8 = 6;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PUSH: u8 = 0x08;
const ACK: u8 = 0x10;
const URGENT: u8 = 0x20;
const ECE_OR_CWR: u8 = 0xc0;

/// The largest window scale that means anything (RFC 7323).
const MAX_SCALE: u8 = 14;

impl Syn {
    /// Reads a packet from its IP header on, as the kernel keeps it for a listener (`TCP_SAVED_SYN`). What follows the
    /// TCP header may be missing.
    pub fn parse(packet: &[u8]) -> Result<Self, NotASyn> {
        let mut quirks = Quirks::default();
        let ip = match packet.first().ok_or(NotASyn::Truncated)? >> 4 {
            4 => ipv4(packet, &mut quirks)?,
            6 => ipv6(packet, &mut quirks)?,
            other => return Err(NotASyn::Version(other)),
        };
        let segment = packet.get(ip.header..).ok_or(NotASyn::Truncated)?;
        let head: &[u8; TCP] = segment.first_chunk().ok_or(NotASyn::Truncated)?;
        let flags = head[13];
        if flags & (SYN | ACK | RST | FIN) != SYN {
            return Err(NotASyn::Flags(flags));
        }
        let tcp = usize::from(head[12] >> 4) * 4;
        let options = segment.get(..tcp).ok_or(NotASyn::Truncated)?.get(TCP..).ok_or(NotASyn::HeaderLength)?;
        if ip.length < ip.header + tcp {
            return Err(NotASyn::PacketLength);
        }
        note_tcp(head, &mut quirks);
        let options = Options::read(options, &mut quirks);
        Ok(Self {
            version: ip.version,
            ttl: ip.ttl,
            ip_options: ip.options as u16,
            mss: options.mss,
            window: u16::from_be_bytes([head[14], head[15]]),
            scale: options.scale,
            layout: options.layout,
            quirks,
            timestamp: options.timestamp,
            headers: (ip.header + tcp) as u16,
            length: ip.length as u32,
        })
    }

    /// The time to live it was probably sent with.
    pub const fn initial_ttl(&self) -> u8 {
        match self.ttl {
            0..=32 => 32,
            33..=64 => 64,
            65..=128 => 128,
            129.. => 255,
        }
    }

    /// How many routers it probably passed.
    pub const fn distance(&self) -> u8 {
        self.initial_ttl() - self.ttl
    }

    /// Whether data came with it.
    pub const fn has_payload(&self) -> bool {
        self.length > self.headers as u32
    }

    /// The window as a multiple of the segment or packet size, where it is one: systems differ in which size they
    /// multiply, and some are wrong about it. In the order in which p0f tries them.
    pub(crate) fn multiple(&self) -> Option<Multiple> {
        /// A smaller segment divides everything.
        const LEAST_MSS: u16 = 100;
        if self.window == 0 || self.mss < LEAST_MSS {
            return None;
        }
        let (window, mss) = (u32::from(self.window), u32::from(self.mss));
        let (v6, stamped) = (self.version == IpVersion::V6, self.timestamp != 0);
        let segments = [(true, mss), (stamped, mss - 12), (true, 1460), (true, 1448), (v6, 1440), (v6, 1428)];
        let packets = [(true, mss + 40), (true, mss + u32::from(self.headers)), (v6, mss + 60), (true, 1500)];
        let times = |sizes: &[(bool, u32)]| {
            let fits = sizes.iter().find(|(applies, size)| *applies && window % size == 0);
            fits.map(|(_, size)| (window / size) as u16)
        };
        times(&segments).map(Multiple::Mss).or_else(|| times(&packets).map(Multiple::Mtu))
    }
}

/// What a window is a multiple of, and how many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Multiple {
    Mss(u16),
    Mtu(u16),
}

/// As p0f writes it: `4:50+14:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0`.
impl fmt::Display for Syn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = match self.version {
            IpVersion::V4 => 4,
            IpVersion::V6 => 6,
        };
        write!(f, "{version}:{}+", self.ttl)?;
        match self.distance() {
            hops if hops > MOST_HOPS => f.write_str("?")?,
            hops => write!(f, "{hops}")?,
        }
        write!(f, ":{}:{}:", self.ip_options, self.mss)?;
        match self.multiple() {
            Some(Multiple::Mss(times)) => write!(f, "mss*{times}")?,
            Some(Multiple::Mtu(times)) => write!(f, "mtu*{times}")?,
            None => write!(f, "{}", self.window)?,
        }
        let payload = if self.has_payload() { "+" } else { "0" };
        write!(f, ",{}:{}:{}:{payload}", self.scale, self.layout, self.quirks)
    }
}

/// What the IP header says.
struct Ip {
    version: IpVersion,
    ttl: u8,
    /// Bytes before the TCP header, and how many of them are options or extensions.
    header: usize,
    options: usize,
    /// Bytes of the packet.
    length: usize,
}

fn ipv4(packet: &[u8], quirks: &mut Quirks) -> Result<Ip, NotASyn> {
    let head: &[u8; IPV4] = packet.first_chunk().ok_or(NotASyn::Truncated)?;
    let header = usize::from(head[0] & 0x0f) * 4;
    let options = header.checked_sub(IPV4).ok_or(NotASyn::HeaderLength)?;
    let place = u16::from_be_bytes([head[6], head[7]]);
    // More fragments, or an offset.
    if place & 0x3fff != 0 {
        return Err(NotASyn::Fragment);
    }
    if head[9] != IS_TCP {
        return Err(NotASyn::Protocol(head[9]));
    }
    let (df, id) = (place & 0x4000 != 0, head[4] != 0 || head[5] != 0);
    quirks.note(Quirk::Df, df);
    quirks.note(Quirk::IdWithDf, df && id);
    quirks.note(Quirk::ZeroId, !df && !id);
    quirks.note(Quirk::Reserved, place & 0x8000 != 0);
    quirks.note(Quirk::Ecn, head[1] & 3 != 0);
    let length = u16::from_be_bytes([head[2], head[3]]).into();
    Ok(Ip { version: IpVersion::V4, ttl: head[8], header, options, length })
}

fn ipv6(packet: &[u8], quirks: &mut Quirks) -> Result<Ip, NotASyn> {
    let head: &[u8; IPV6] = packet.first_chunk().ok_or(NotASyn::Truncated)?;
    let mut next = head[6];
    let mut header = IPV6;
    for _ in 0..MAX_EXTENSIONS {
        if !matches!(next, HOP_BY_HOP | ROUTING | DESTINATION) {
            break;
        }
        let extension = packet.get(header..).and_then(|rest| rest.first_chunk::<2>()).ok_or(NotASyn::Truncated)?;
        next = extension[0];
        header += (usize::from(extension[1]) + 1) * 8;
    }
    match next {
        IS_TCP => {}
        FRAGMENT => return Err(NotASyn::Fragment),
        other => return Err(NotASyn::Protocol(other)),
    }
    quirks.note(Quirk::Flow, head[1] & 0x0f != 0 || head[2] != 0 || head[3] != 0);
    quirks.note(Quirk::Ecn, head[1] & 0x30 != 0);
    let length = IPV6 + usize::from(u16::from_be_bytes([head[4], head[5]]));
    Ok(Ip { version: IpVersion::V6, ttl: head[7], header, options: header - IPV6, length })
}

fn note_tcp(head: &[u8; TCP], quirks: &mut Quirks) {
    let flags = head[13];
    quirks.note(Quirk::Ecn, flags & ECE_OR_CWR != 0 || head[12] & 1 != 0);
    quirks.note(Quirk::ZeroSequence, head[4..8] == [0; 4]);
    quirks.note(Quirk::Acknowledgement, head[8..12] != [0; 4]);
    quirks.note(Quirk::Urgent, flags & URGENT != 0);
    quirks.note(Quirk::UrgentPointer, flags & URGENT == 0 && head[18..20] != [0; 2]);
    quirks.note(Quirk::Push, flags & PUSH != 0);
}

/// The TCP options.
#[derive(Default)]
struct Options {
    mss: u16,
    scale: u8,
    timestamp: u32,
    layout: Layout,
}

impl Options {
    /// Reads as far as can be read; where that is not to the end, the quirk tells.
    fn read(mut rest: &[u8], quirks: &mut Quirks) -> Self {
        let mut options = Self::default();
        while let Some((&kind, behind)) = rest.split_first() {
            options.layout.push(kind);
            let taken = match kind {
                EOL => {
                    options.layout.pad(behind.len() as u8);
                    quirks.note(Quirk::Padding, behind.iter().any(|byte| *byte != 0));
                    Some(behind.len())
                }
                NOP => Some(0),
                _ => options.value(kind, behind, quirks),
            };
            match taken {
                Some(taken) => rest = &behind[taken..],
                None => {
                    quirks.note(Quirk::Malformed, true);
                    break;
                }
            }
        }
        options
    }

    /// Reads the length and value of an option: how many bytes, unless they are not all there.
    fn value(&mut self, kind: u8, behind: &[u8], quirks: &mut Quirks) -> Option<usize> {
        let length = *behind.first()?;
        let fixed = match kind {
            MSS => Some(4),
            SCALE => Some(3),
            SACK_OK => Some(2),
            TIMESTAMP => Some(10),
            _ => None,
        };
        // Options of a known size are that long whatever they say, as every system reads them.
        quirks.note(Quirk::Malformed, fixed.is_some_and(|fixed| fixed != length));
        quirks.note(Quirk::Malformed, kind == SACK && !(10..=34).contains(&length));
        let taken = usize::from(fixed.unwrap_or(length)).checked_sub(1).filter(|taken| *taken > 0)?;
        match (kind, behind.get(1..taken)?) {
            (MSS, value) => self.mss = u16::from_be_bytes(value.try_into().ok()?),
            (SCALE, value) => {
                self.scale = *value.first()?;
                quirks.note(Quirk::Scale, self.scale > MAX_SCALE);
            }
            (TIMESTAMP, value) => {
                let (own, peer) = value.split_first_chunk::<4>()?;
                self.timestamp = u32::from_be_bytes(*own);
                quirks.note(Quirk::ZeroTimestamp, self.timestamp == 0);
                quirks.note(Quirk::PeerTimestamp, peer.iter().any(|byte| *byte != 0));
            }
            _ => {}
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SYN of Linux 6, by way of IPv4.
    pub(crate) fn linux() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 60, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1];
        packet.extend([0x9c, 0xb0, 0, 25, 1, 2, 3, 4, 0, 0, 0, 0, 0xa0, 2, 0xfa, 0xf0, 0, 0, 0, 0]);
        packet.extend([2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7]);
        packet
    }

    /// The same behind an IPv6 header and what stands between them.
    fn linux_v6(next: u8, extensions: &[u8]) -> Vec<u8> {
        let length = (extensions.len() + 40) as u8;
        let mut packet = vec![0x60, 0, 0, 9, 0, length, next, 61];
        packet.extend([0x20; 32]);
        packet.extend(extensions);
        packet.extend(&linux()[20..]);
        packet
    }

    #[test]
    fn a_syn_is_written_as_p0f_writes_it() {
        let syn = Syn::parse(&linux()).unwrap();
        assert_eq!(syn.to_string(), "4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0");
        let syn = Syn::parse(&linux_v6(6, &[])).unwrap();
        assert_eq!(syn.to_string(), "6:61+3:0:1460:mss*44,7:mss,sok,ts,nop,ws:flow:0");
        assert_eq!((syn.initial_ttl(), syn.distance(), syn.headers), (64, 3, 80));
    }

    #[test]
    fn extension_headers_are_read_over_and_fragments_refused() {
        let extension = [IS_TCP, 0, 1, 4, 0, 0, 0, 0];
        let syn = Syn::parse(&linux_v6(HOP_BY_HOP, &extension)).unwrap();
        assert_eq!((syn.ip_options, syn.headers), (8, 88));
        assert_eq!(Syn::parse(&linux_v6(FRAGMENT, &extension)), Err(NotASyn::Fragment));
        assert_eq!(Syn::parse(&linux_v6(58, &[])), Err(NotASyn::Protocol(58)));
        let endless = [HOP_BY_HOP, 0, 1, 4, 0, 0, 0, 0].repeat(20);
        assert_eq!(Syn::parse(&linux_v6(HOP_BY_HOP, &endless)), Err(NotASyn::Protocol(HOP_BY_HOP)));
        let mut fragment = linux();
        fragment[6] |= 0x20;
        assert_eq!(Syn::parse(&fragment), Err(NotASyn::Fragment));
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        for packet in [linux(), linux_v6(DESTINATION, &[IS_TCP, 0, 1, 4, 0, 0, 0, 0])] {
            for length in 0..packet.len() {
                assert_eq!(Syn::parse(&packet[..length]), Err(NotASyn::Truncated), "{length} bytes");
            }
        }
    }

    #[test]
    fn other_packets_are_named() {
        let with = |at: usize, byte: u8| {
            let mut packet = linux();
            packet[at] = byte;
            Syn::parse(&packet)
        };
        assert_eq!(with(0, 0x55), Err(NotASyn::Version(5)));
        assert_eq!(with(0, 0x44), Err(NotASyn::HeaderLength));
        assert_eq!(with(32, 0x40), Err(NotASyn::HeaderLength));
        assert_eq!(with(3, 59), Err(NotASyn::PacketLength));
        assert_eq!(with(9, 17), Err(NotASyn::Protocol(17)));
        assert_eq!(with(33, 0x12), Err(NotASyn::Flags(0x12)));
        // Data that came with the SYN is not kept, but the length tells of it.
        assert!(with(3, 61).unwrap().has_payload());
    }

    #[test]
    fn every_oddity_is_seen() {
        let quirks = |changes: &[(usize, u8)]| {
            let mut packet = linux();
            changes.iter().for_each(|(at, byte)| packet[*at] = *byte);
            Syn::parse(&packet).unwrap().quirks.to_string()
        };
        assert_eq!(quirks(&[(4, 0), (5, 0)]), "df");
        assert_eq!(quirks(&[(4, 0), (5, 0), (6, 0)]), "id-");
        assert_eq!(quirks(&[(6, 0x80)]), "0+");
        assert_eq!(quirks(&[(1, 1)]), "df,id+,ecn");
        assert_eq!(quirks(&[(33, 0xc2)]), "df,id+,ecn");
        assert_eq!(quirks(&[(24, 0), (25, 0), (26, 0), (27, 0)]), "df,id+,seq-");
        assert_eq!(quirks(&[(31, 1)]), "df,id+,ack+");
        assert_eq!(quirks(&[(39, 1)]), "df,id+,uptr+");
        assert_eq!(quirks(&[(33, 0x2a), (39, 1)]), "df,id+,urgf+,pushf+");
        assert_eq!(quirks(&[(51, 0)]), "df,id+,ts1-");
        assert_eq!(quirks(&[(55, 1)]), "df,id+,ts2+");
        assert_eq!(quirks(&[(59, 15)]), "df,id+,exws");
        assert_eq!(quirks(&[(56, 0)]), "df,id+,opt+");
        assert_eq!(quirks(&[(41, 3)]), "df,id+,bad");
        assert_eq!(quirks(&[(56, 77), (57, 9)]), "df,id+,bad");
        assert_eq!(quirks(&[(59, 2)]), "df,id+");
    }
}
