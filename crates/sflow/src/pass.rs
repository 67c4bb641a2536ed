//! One datagram on its way through the decoder: what its samples become, in all versions.

use std::net::{IpAddr, SocketAddr};

use evidence::Time;

use crate::agents::{Agents, Opening};
use crate::ip::Ip;
use crate::record::Found;
use crate::source::{Head, Interface, RawInterface, SourceId};
use crate::words::Words;
use crate::{Counts, Flags, Packet, Ports, Reason};

/// A packet that was sampled, and who saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// As the caller gave it with the datagram.
    pub at: Time,
    /// Who sent the datagram. An agent may have several addresses.
    pub exporter: IpAddr,
    /// The switch, by its own word.
    pub agent: IpAddr,
    pub sub_agent: u32,
    /// `None` when the tables are full.
    pub source: Option<SourceId>,
    input: RawInterface,
    output: RawInterface,
    /// The outermost tag, in the frame or taken off by the switch.
    pub vlan: Option<u16>,
    /// How many packets stand behind this one, by the pool of its source over the last span whose rate was believed; without
    /// such a span it is the exporter's word, `packet.rate`. At least 1.
    pub scale: u32,
    pub packet: Packet<'a>,
}

impl Seen<'_> {
    /// Where the packet came in.
    pub fn input(&self) -> Interface {
        self.input.into()
    }

    /// Where it went out.
    pub fn output(&self) -> Interface {
        self.output.into()
    }
}

/// What the reading of one datagram needs.
pub(crate) struct Pass<'p, F> {
    pub(crate) ports: &'p Ports,
    pub(crate) counts: &'p mut Counts,
    pub(crate) agents: &'p mut Agents,
    pub(crate) agent: Option<u32>,
    pub(crate) at: Time,
    pub(crate) exporter: IpAddr,
    pub(crate) opening: Opening,
    pub(crate) see: F,
}

impl<F: FnMut(&Seen<'_>)> Pass<'_, F> {
    /// A whole flow sample.
    #[inline(always)]
    pub(crate) fn flow(&mut self, head: &Head, found: &Found<'_>) {
        if let Err(reason) = self.sample(head, found) {
            self.counts.count(reason);
        }
    }

    /// A flow sample that was cut. It is lost, but its number was heard and its packet may be there.
    pub(crate) fn cut_flow(&mut self, head: &Head, found: &Found<'_>) {
        self.counts.told_of_cut += u64::from(self.sample(head, found).is_ok());
    }

    /// Tells the packet of a sample, or why there is none. Addresses of either version are told on a way of their own: so they
    /// are written once, where they are read.
    #[inline(always)]
    fn sample(&mut self, head: &Head, found: &Found<'_>) -> Result<(), Reason> {
        let source = self.agents.sample(self.at, self.agent, head);
        let Ok(inner) = found.packet() else {
            let packet = found.packet_of_fields(self.ports)?;
            self.counts.told_of_fields += 1;
            self.tell(source, head, found, packet);
            return Ok(());
        };
        let (header, tcp) = (inner.header(), inner.tcp().ok_or(Reason::TcpCut)?);
        let (from, to) = (u16::from_be_bytes([tcp[0], tcp[1]]), u16::from_be_bytes([tcp[2], tcp[3]]));
        let packet = |source, destination| Packet {
            source,
            destination,
            flags: Flags(tcp[13]),
            bytes: inner.bytes(),
            header,
            source_as: None,
            destination_as: None,
            rate: 0,
        };
        if let Some([_, _, _, a, b]) = header.as_chunks::<4>().0.first_chunk().filter(|ip| ip[0][0] >> 4 == 4) {
            self.tell(source, head, found, packet(SocketAddr::from((*a, from)), SocketAddr::from((*b, to))));
        } else {
            let [a, b] = Ip::addresses(header).ok_or(Reason::NotIp)?;
            self.tell(source, head, found, packet(SocketAddr::new(a, from), SocketAddr::new(b, to)));
        }
        Ok(())
    }

    #[inline(always)]
    fn tell(&mut self, (source, scale): (Option<SourceId>, u32), head: &Head, found: &Found<'_>, packet: Packet<'_>) {
        self.counts.told += 1;
        let origin = |number| (number != 0).then_some(number);
        let (source_as, destination_as) = (origin(found.path.source), origin(found.path.destination));
        (self.see)(&Seen {
            at: self.at,
            exporter: self.exporter,
            agent: self.opening.agent,
            sub_agent: self.opening.sub_agent,
            source,
            input: head.input,
            output: head.output,
            vlan: found.vlan(),
            scale,
            packet: Packet { source_as, destination_as, rate: head.rate, ..packet },
        });
    }

    /// The end of the datagram, of whose announced samples so many were there as a whole.
    pub(crate) fn end(&mut self, announced: u32, counted: u32, rest: Words<'_>) {
        self.counts.announced += u64::from(announced);
        self.counts.lost += u64::from(announced - counted);
        if counted < announced {
            self.counts.count(Reason::SampleCut);
        } else if !rest.is_empty() {
            self.counts.count(Reason::DatagramSlack);
        }
        rest.wipe();
    }
}
