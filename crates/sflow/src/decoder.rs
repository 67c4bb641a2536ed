//! A datagram to the packets that were sampled. Time and exporter are the caller's; the datagram's memory is the caller's too,
//! and is wiped of everything that is not told.

use std::net::IpAddr;

use evidence::Time;

use crate::agents::{Agent, Agents, Opening};
use crate::coverage::Coverage;
use crate::exporters::Exporters;
use crate::pass::{Pass, Seen};
use crate::source::{Scale, Source, SourceId};
use crate::words::{Words, word_at};
use crate::{Counts, Ports, Reason, record, v5, v24};

/// Reads datagrams, and keeps what tells how complete they are.
#[derive(Clone, Debug)]
pub struct Decoder {
    ports: Ports,
    exporters: Exporters,
    agents: Agents,
}

impl Decoder {
    pub fn new(ports: Ports) -> Self {
        Self { ports, exporters: Exporters::default(), agents: Agents::default() }
    }

    /// Reads a datagram and has each packet of the ports seen, in their order.
    ///
    /// `at` is when it was received. Afterwards all that is left of packets in the datagram are the IP and TCP headers that
    /// were told: payload, headers of other packets, names, and whatever was not understood are zeroed. Each header is so
    /// before it is told.
    pub fn read(&mut self, at: Time, exporter: IpAddr, datagram: &mut [u8], see: impl FnMut(&Seen<'_>)) {
        let counts = self.exporters.counts(exporter);
        counts.datagrams += 1;
        let mut rest = Words(datagram);
        let opening = match open(&mut rest, exporter) {
            Ok(opening) => opening,
            Err(reason) => {
                counts.count(reason);
                return datagram.fill(0);
            }
        };
        let agent = self.agents.datagram(at, exporter, &opening);
        let announced = opening.samples;
        let ports = &self.ports;
        let mut pass = Pass { ports, counts, agents: &mut self.agents, agent, at, exporter, opening, see };
        match opening.version {
            5 => v5::read(&mut pass, announced, rest),
            _ => v24::read(&mut pass, announced, rest),
        }
    }

    /// Counts what the caller saw of a datagram before it was read: [`Reason::UdpLength`].
    pub fn note(&mut self, exporter: IpAddr, reason: Reason) {
        self.exporters.counts(exporter).count(reason);
    }

    /// Counts of each exporter, in the order in which they came.
    pub fn exporters(&self) -> impl Iterator<Item = (IpAddr, &Counts)> {
        self.exporters.iter()
    }

    /// In the order in which they came.
    pub fn agents(&self) -> &[Agent] {
        self.agents.agents()
    }

    /// In the order in which they came: a [`SourceId`] is the place here.
    pub fn sources(&self) -> &[Source] {
        self.agents.sources()
    }

    /// How many packets stand behind a sample of this source, over the whole time so far.
    pub fn scale(&self, source: SourceId) -> Option<Scale> {
        self.sources().get(source.0 as usize).map(Source::scale)
    }

    /// How complete all that was read is.
    pub fn coverage(&self) -> Coverage {
        Coverage::of(&self.exporters, &self.agents)
    }
}

/// The head of a datagram.
fn open(rest: &mut Words<'_>, exporter: IpAddr) -> Result<Opening, Reason> {
    let version = rest.word().ok_or(Reason::DatagramCut)?;
    match (version, version >> 16) {
        (2 | 4 | 5, _) => {}
        (_, 5 | 9 | 10) => return Err(Reason::Netflow),
        _ => return Err(Reason::Version),
    }
    // An agent without an address is known by its exporter's.
    let agent = record::address(rest).ok_or(Reason::DatagramCut)??.unwrap_or(exporter);
    let sub_agent = if version == 5 { rest.word() } else { Some(0) };
    let (Some(sub_agent), Some(head)) = (sub_agent, rest.words::<12>()) else { return Err(Reason::DatagramCut) };
    let (sequence, uptime, samples) = (word_at(head, 0), word_at(head, 1), word_at(head, 2));
    Ok(Opening { version, agent, sub_agent, sequence, uptime, samples })
}
