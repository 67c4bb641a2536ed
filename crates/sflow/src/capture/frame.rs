//! A captured frame to the UDP datagram in it.

use std::net::IpAddr;
use std::ops::Range;

use crate::Reason;
use crate::ip::{Ip, UDP};
use crate::link::{self, Place, Version, half};

/// How captured frames begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Ethernet,
    /// Linux's head of any interface, with the type behind fourteen bytes.
    Cooked,
    /// The same of 20 bytes, with the type in front.
    Cooked2,
    Ip(Version),
    /// Loopback: four bytes that tell the family, in one of several ways.
    Loopback,
}

/// A datagram's facts, and the place of its payload in the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Udp {
    pub(super) source: IpAddr,
    pub(super) payload: Range<usize>,
    pub(super) is_short: bool,
    pub(super) is_fragment: bool,
}

impl Frame {
    /// By the link type of a capture.
    pub(super) fn of(link: u16) -> Option<Self> {
        match link {
            0 | 108 => Some(Self::Loopback),
            1 => Some(Self::Ethernet),
            12 | 14 | 101 => Some(Self::Ip(Version::Any)),
            113 => Some(Self::Cooked),
            228 => Some(Self::Ip(Version::V4)),
            229 => Some(Self::Ip(Version::V6)),
            276 => Some(Self::Cooked2),
            _ => None,
        }
    }

    #[inline]
    fn place(self, frame: &[u8]) -> Option<Place> {
        let ip = |at, version| Some(Place { at, version, vlan: None });
        match self {
            Self::Ethernet => link::ethernet(frame),
            Self::Cooked => link::typed(frame, 14),
            Self::Cooked2 => match half(frame, 0)? {
                0x0800 => ip(20, Version::V4),
                0x86dd => ip(20, Version::V6),
                0x8100 | 0x88a8 => link::typed(frame, 22),
                _ => None,
            },
            Self::Ip(version) => ip(0, version),
            Self::Loopback => ip(4, Version::Any),
        }
    }

    #[inline]
    pub(super) fn udp(self, frame: &[u8], port: Option<u16>) -> Result<Udp, Reason> {
        let place = self.place(frame).ok_or(Reason::NotIp)?;
        let ip = Ip::read(frame, place)?;
        let udp = frame.get(ip.next..ip.end).ok_or(Reason::NotIp)?;
        if ip.protocol != UDP {
            return Err(Reason::NotIp);
        }
        let head: &[u8; 8] = udp.first_chunk().ok_or(Reason::NotIp)?;
        let to = u16::from_be_bytes([head[2], head[3]]);
        if port.is_some_and(|port| port != to) {
            return Err(Reason::OtherPort);
        }
        let there = udp.len() - 8;
        let told = usize::from(u16::from_be_bytes([head[4], head[5]])).saturating_sub(8);
        // What IP says of the same, where it says anything.
        let carried = (place.at + ip.bytes as usize).saturating_sub(ip.next + 8);
        let [source, _] = Ip::addresses(&frame[place.at..]).ok_or(Reason::NotIp)?;
        Ok(Udp {
            source,
            payload: ip.next + 8..ip.next + 8 + told.min(there),
            is_short: told != there || carried != there,
            is_fragment: ip.fragmented,
        })
    }
}
