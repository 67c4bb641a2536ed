//! What was read and what was not, by reason. Nothing is lost without a number here.

use std::ops::{AddAssign, Index};

/// Why something of a datagram was not told. The name is that of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The datagram is of no version that is read.
    Version,
    /// The datagram is NetFlow or IPFIX: its first two bytes are 5, 9 or 10.
    Netflow,
    /// The datagram ends within its head.
    DatagramCut,
    /// The agent's address is of an unknown type.
    AddressType,
    /// The lengths of UDP, IP and capture disagree; the least was taken.
    UdpLength,
    /// The datagram ends before the samples that it announces do.
    SampleCut,
    /// A sample of an unknown type; version 5 steps over it.
    SampleUnknown,
    /// Bytes in a sample behind its last record.
    SampleSlack,
    /// Bytes behind the last sample.
    DatagramSlack,
    /// A type in version 2 or 4, where nothing has a length: the rest of the datagram cannot be read.
    V24Unknown,
    /// A sample ends before the records that it announces do, or the record of a path of ASes does.
    RecordCut,
    /// A record of a type that is not read.
    RecordUnknown,
    /// A sampled header is said to be longer than its record, or than the frame; it is read as far as the record goes.
    HeaderCut,
    /// The packet is TCP, of other ports.
    OtherPort,
    /// The sample tells no packet.
    NoHeader,
    /// The sampled header is of a protocol that is not read.
    Protocol,
    /// The packet is not IP, or its IP header is cut or broken.
    NotIp,
    /// The packet is a fragment behind the first: it has no ports.
    Fragment,
    /// The packet is not TCP.
    NotTcp,
    /// The sample ends before the flags of the TCP header.
    TcpCut,
}

impl Reason {
    pub const ALL: [Self; 20] = [
        Self::Version,
        Self::Netflow,
        Self::DatagramCut,
        Self::AddressType,
        Self::UdpLength,
        Self::SampleCut,
        Self::SampleUnknown,
        Self::SampleSlack,
        Self::DatagramSlack,
        Self::V24Unknown,
        Self::RecordCut,
        Self::RecordUnknown,
        Self::HeaderCut,
        Self::OtherPort,
        Self::NoHeader,
        Self::Protocol,
        Self::NotIp,
        Self::Fragment,
        Self::NotTcp,
        Self::TcpCut,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Netflow => "netflow",
            Self::DatagramCut => "datagram_cut",
            Self::AddressType => "address_type",
            Self::UdpLength => "udp_length",
            Self::SampleCut => "sample_cut",
            Self::SampleUnknown => "sample_unknown",
            Self::SampleSlack => "sample_slack",
            Self::DatagramSlack => "datagram_slack",
            Self::V24Unknown => "v24_unknown",
            Self::RecordCut => "record_cut",
            Self::RecordUnknown => "record_unknown",
            Self::HeaderCut => "header_cut",
            Self::OtherPort => "other_port",
            Self::NoHeader => "no_header",
            Self::Protocol => "protocol",
            Self::NotIp => "not_ip",
            Self::Fragment => "fragment",
            Self::NotTcp => "not_tcp",
            Self::TcpCut => "tcp_cut",
        }
    }

    /// Refused datagrams: they tell no sample.
    pub fn refuses_datagram(self) -> bool {
        self <= Self::AddressType
    }

    /// What became of a flow sample that was not told; each has one of these.
    pub fn passes_flow(self) -> bool {
        self >= Self::OtherPort
    }
}

/// What came, by kind and by [`Reason`].
///
/// `datagrams` are those read and those refused; `announced` is `seen() + lost`; `flows` are those told, less
/// `told_of_cut`, and those with a reason that [passes](Reason::passes_flow) them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub datagrams: u64,
    /// Samples by the word of the datagrams' heads.
    pub announced: u64,
    /// Whole flow samples, expanded ones among them.
    pub flows: u64,
    /// Whole counter samples.
    pub counters: u64,
    /// Whole samples of packets that the switch discarded: no sample of traffic.
    pub discarded: u64,
    /// Markers of Foundry, which most datagrams do not announce.
    pub markers: u64,
    /// … of them, those that were announced.
    pub markers_announced: u64,
    /// Whole samples of unknown types.
    pub unknown: u64,
    /// Announced and not there as a whole.
    pub lost: u64,
    /// Packets told.
    pub told: u64,
    /// … of them, of samples that were cut behind their header: those samples are among the lost.
    pub told_of_cut: u64,
    /// … of them, by fields in place of a header.
    pub told_of_fields: u64,
    by_reason: [u64; Reason::ALL.len()],
}

impl Counts {
    /// Whole samples that were announced.
    pub fn seen(&self) -> u64 {
        self.flows + self.counters + self.discarded + self.markers_announced + self.unknown
    }

    pub(crate) fn count(&mut self, reason: Reason) {
        self.by_reason[reason as usize] += 1;
    }

    /// Each reason with its number.
    pub fn by_reason(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.by_reason)
    }
}

impl Index<Reason> for Counts {
    type Output = u64;

    fn index(&self, reason: Reason) -> &u64 {
        &self.by_reason[reason as usize]
    }
}

impl AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, other: &Counts) {
        self.datagrams += other.datagrams;
        self.announced += other.announced;
        self.flows += other.flows;
        self.counters += other.counters;
        self.discarded += other.discarded;
        self.markers += other.markers;
        self.markers_announced += other.markers_announced;
        self.unknown += other.unknown;
        self.lost += other.lost;
        self.told += other.told;
        self.told_of_cut += other.told_of_cut;
        self.told_of_fields += other.told_of_fields;
        self.by_reason.iter_mut().zip(other.by_reason).for_each(|(sum, more)| *sum += more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_in_the_order_of_their_numbers_and_have_names_of_their_own() {
        assert!(Reason::ALL.iter().enumerate().all(|(number, reason)| *reason as usize == number));
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
    }
}
