//! sFlow as exporters write it: versions 2, 4 and 5, and the expanded samples of version 5.
//!
//! It writes what the specifications say. What exporters do wrong (wrong lengths, markers that nobody counts) it does not do.

use std::net::IpAddr;

use super::frame::MOST_HEADER;

/// Which form the datagrams have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// RFC 3176, with the short form of routes.
    V2,
    V4,
    #[default]
    V5,
    /// Version 5 with expanded samples, for interfaces of great numbers.
    V5Expanded,
}

impl Version {
    pub const ALL: [Self; 4] = [Self::V2, Self::V4, Self::V5, Self::V5Expanded];

    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 => "2",
            Self::V4 => "4",
            Self::V5 => "5",
            Self::V5Expanded => "5-expanded",
        }
    }

    const fn number(self) -> u32 {
        match self {
            Self::V2 => 2,
            Self::V4 => 4,
            Self::V5 | Self::V5Expanded => 5,
        }
    }

    /// Samples of version 5 tell their length.
    const fn has_lengths(self) -> bool {
        self.number() == 5
    }
}

impl std::str::FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(name: &str) -> Result<Self, UnknownVersion> {
        Self::ALL.into_iter().find(|version| version.name() == name).ok_or(UnknownVersion)
    }
}

/// There is no such version.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("versions are 2, 4, 5 and 5-expanded")]
pub struct UnknownVersion;

/// What a switch says of itself and of the state of its counters when it takes a sample.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Source {
    pub(crate) sequence: u32,
    /// The interface that samples.
    pub(crate) index: u32,
    pub(crate) rate: u32,
    /// Packets that could have been sampled.
    pub(crate) pool: u32,
    /// Samples that the switch had no time for.
    pub(crate) drops: u32,
}

/// What the exporter's routes say of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) next_hop: IpAddr,
    pub(crate) own_as: u32,
    pub(crate) source_as: u32,
    /// The neighbour it came from.
    pub(crate) source_peer: u32,
    /// The neighbour it goes to, and the AS in which its destination is.
    pub(crate) path: [u32; 2],
}

impl Route {
    fn path(&self) -> &[u32] {
        if self.path[0] == self.path[1] { &self.path[1..] } else { &self.path }
    }
}

/// A sampled packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow<'a> {
    pub(crate) source: Source,
    pub(crate) input: u32,
    pub(crate) output: u32,
    pub(crate) header: &'a [u8],
    /// Bytes of the whole frame, without its checksum.
    pub(crate) length: u32,
    pub(crate) vlan: u32,
    pub(crate) route: Option<Route>,
}

/// The counters of an interface.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sequence: u32,
    pub(crate) index: u32,
    /// Seconds between two of them.
    pub(crate) interval: u32,
    pub(crate) speed: u64,
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

/// The longest sample of a flow that is written here.
pub(crate) const MOST_SAMPLE: usize = 160 + MOST_HEADER;

/// Bytes of checksum that a switch takes off.
const CHECKSUM: u32 = 4;

/// Writes units of 32 bits.
pub(crate) trait Units {
    fn units(&mut self, units: &[u32]);
    fn address(&mut self, address: IpAddr);
}

impl Units for Vec<u8> {
    fn units(&mut self, units: &[u32]) {
        for unit in units {
            self.extend(unit.to_be_bytes());
        }
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                self.units(&[1]);
                self.extend(address.octets());
            }
            IpAddr::V6(address) => {
                self.units(&[2]);
                self.extend(address.octets());
            }
        }
    }
}

impl Version {
    /// What is in front of the samples.
    pub(crate) fn head(self, agent: IpAddr, sequence: u32, uptime: u32, samples: u32, out: &mut Vec<u8>) {
        out.units(&[self.number()]);
        out.address(agent);
        if self.has_lengths() {
            out.units(&[0]); // the sub agent
        }
        out.units(&[sequence, uptime, samples]);
    }

    pub(crate) fn flow(self, flow: &Flow<'_>, out: &mut Vec<u8>) {
        if !self.has_lengths() {
            return self.flow_without_lengths(flow, out);
        }
        let Source { sequence, index, rate, pool, drops } = flow.source;
        let records = 2 + u32::from(flow.route.is_some());
        let start = if self == Self::V5Expanded {
            let start = begin(3, out);
            out.units(&[sequence, 0, index, rate, pool, drops, 0, flow.input, 0, flow.output, records]);
            start
        } else {
            let start = begin(1, out);
            out.units(&[sequence, index, rate, pool, drops, flow.input, flow.output, records]);
            start
        };
        let record = begin(1, out);
        out.units(&[1, flow.length + CHECKSUM, CHECKSUM, flow.header.len() as u32]);
        header(flow.header, out);
        end(record, out);
        let record = begin(1001, out);
        out.units(&[flow.vlan, 0, flow.vlan, 0]);
        end(record, out);
        if let Some(route) = &flow.route {
            let record = begin(1003, out);
            out.address(route.next_hop);
            gateway(route, out);
            end(record, out);
        }
        end(start, out);
    }

    fn flow_without_lengths(self, flow: &Flow<'_>, out: &mut Vec<u8>) {
        let Source { sequence, index, rate, pool, drops } = flow.source;
        out.units(&[1, sequence, index, rate, pool, drops, flow.input, flow.output]);
        out.units(&[1, 1, flow.length, flow.header.len() as u32]);
        header(flow.header, out);
        out.units(&[1 + u32::from(flow.route.is_some()), 1, flow.vlan, 0, flow.vlan, 0]);
        let Some(route) = &flow.route else { return };
        out.units(&[3]);
        if self == Self::V2 {
            out.units(&[route.own_as, route.source_as, route.source_peer, route.path().len() as u32]);
            out.units(route.path());
        } else {
            gateway(route, out);
        }
    }

    pub(crate) fn counters(self, counters: &Counters, out: &mut Vec<u8>) {
        let Counters { sequence, index, interval, .. } = *counters;
        match self {
            Self::V2 | Self::V4 => {
                out.units(&[2, sequence, index, interval, 1]);
                generic(counters, out);
            }
            Self::V5 | Self::V5Expanded => {
                let expanded = self == Self::V5Expanded;
                let start = begin(if expanded { 4 } else { 2 }, out);
                out.units(&[sequence]);
                if expanded {
                    out.units(&[0]);
                }
                out.units(&[index, 1]);
                let record = begin(1, out);
                generic(counters, out);
                end(record, out);
                end(start, out);
            }
        }
    }
}

/// A tag, and room for the length, whose place it gives.
fn begin(tag: u32, out: &mut Vec<u8>) -> usize {
    out.units(&[tag, 0]);
    out.len()
}

fn end(start: usize, out: &mut [u8]) {
    let length = (out.len() - start) as u32;
    out[start - 4..start].copy_from_slice(&length.to_be_bytes());
}

fn header(header: &[u8], out: &mut Vec<u8>) {
    out.extend(header);
    out.extend(&[0; 3][..header.len().next_multiple_of(4) - header.len()]);
}

fn gateway(route: &Route, out: &mut Vec<u8>) {
    out.units(&[route.own_as, route.source_as, route.source_peer, 1, 2, route.path().len() as u32]);
    out.units(route.path());
    out.units(&[0, 100]); // no communities; the usual preference
}

fn generic(counters: &Counters, out: &mut Vec<u8>) {
    let long = |value: u64| [(value >> 32) as u32, value as u32];
    let Counters { index, speed, bytes, packets, .. } = *counters;
    let count = [packets as u32, 0, 0, 0, 0, 0];
    out.units(&[index, 6]);
    out.units(&long(speed));
    out.units(&[1, 3]);
    out.units(&long(bytes));
    out.units(&count);
    out.units(&long(bytes));
    out.units(&count[..5]);
    out.units(&[0]); // promiscuous mode
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(header: &[u8]) -> Flow<'_> {
        let route = Route {
            next_hop: IpAddr::from([192, 0, 2, 254]),
            own_as: 64_500,
            source_as: 64_512,
            source_peer: 64_513,
            path: [64_514, 64_515],
        };
        let source = Source { sequence: 5, index: 3, rate: 512, pool: 2560, drops: 1 };
        Flow { source, input: 3, output: 4, header, length: 74, vlan: 100, route: Some(route) }
    }

    #[test]
    fn a_sample_of_version_5_tells_its_length_and_those_of_its_records() {
        for version in [Version::V5, Version::V5Expanded] {
            let mut out = Vec::new();
            version.flow(&flow(&[7; 73]), &mut out);
            version.counters(&Counters::default(), &mut out);
            let unit = |at: usize| u32::from_be_bytes(out[at..at + 4].try_into().unwrap()) as usize;
            let fixed = if version == Version::V5 { 32 } else { 44 };
            assert_eq!(unit(4), fixed + 8 + 16 + 76 + 8 + 16 + 8 + 48, "{version:?}: header padded to 76");
            let next = 8 + unit(4);
            assert!([2, 4].contains(&unit(next)));
            assert_eq!(next + 8 + unit(next + 4), out.len(), "the counters' length goes to the end");
            assert!(next < MOST_SAMPLE + 44);
        }
    }

    #[test]
    fn versions_without_lengths_differ_in_the_route_alone() {
        let [mut two, mut four] = [Vec::new(), Vec::new()];
        Version::V2.flow(&flow(&[7; 74]), &mut two);
        Version::V4.flow(&flow(&[7; 74]), &mut four);
        let common = 4 * 12 + 76 + 4 * 7;
        assert!(two[..common] == four[..common]);
        assert_eq!((two.len() - common, four.len() - common), (6 * 4, 10 * 4));
    }

    #[test]
    fn the_counters_of_an_interface_are_88_bytes() {
        let mut out = Vec::new();
        generic(&Counters::default(), &mut out);
        assert_eq!(out.len(), 88);
    }
}
