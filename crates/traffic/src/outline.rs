//! What a report asks of a host: which AS it is of, and how many packets of each kind there were in either role. Hours and
//! destinations, which are most of what is kept of a host, are passed over unread.

use std::iter::Peekable;
use std::net::IpAddr;

use crate::host::Role;
use crate::kind::Kind;
use crate::sealed::{Brief, Briefs, Sealed, address};

/// Packets by kind.
pub(crate) type Kinds = [u64; Kind::COUNT];

/// A host over the days of a window, in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) address: IpAddr,
    /// The AS that exporters tell of it, the lowest if they tell several.
    pub(crate) gateway_as: Option<u32>,
    /// As a client of others, and on its own port 25.
    pub(crate) client: Kinds,
    pub(crate) server: Kinds,
}

/// Packets of these kinds.
pub(crate) fn of(kinds: &Kinds, wanted: &[Kind]) -> u64 {
    wanted.iter().fold(0, |sum, kind| sum.saturating_add(kinds[*kind as usize]))
}

/// All packets.
pub(crate) fn packets(kinds: &Kinds) -> u64 {
    kinds.iter().fold(0, |sum: u64, more| sum.saturating_add(*more))
}

/// Adds what came on another day.
pub(crate) fn add(kinds: &mut Kinds, more: &Kinds) {
    kinds.iter_mut().zip(more).for_each(|(mine, more)| *mine = mine.saturating_add(*more));
}

/// The lower AS, of which 0 is none.
pub(crate) fn learn_as(known: &mut Option<u32>, asn: u32) {
    if asn != 0 {
        *known = Some(known.map_or(asn, |other| other.min(asn)));
    }
}

impl Outline {
    /// Whether it answered on port 25: accepted a connection, or spoke in one.
    pub(crate) fn has_answered(&self) -> bool {
        of(&self.server, &Kind::ANSWERED) > 0
    }

    /// Whether it sent to a port 25, or a server spoke to it within a connection.
    pub(crate) fn has_asked(&self) -> bool {
        of(&self.client, &Kind::SENT) > 0 || of(&self.client, &[Kind::Reply]) > 0
    }

    /// By the evidence.
    pub(crate) fn role(&self) -> Role {
        Role::of(self.has_asked(), self.has_answered())
    }

    /// By the ports alone: on whose side of any packet it was.
    pub(crate) fn role_by_port(&self) -> Role {
        Role::of(packets(&self.client) > 0, packets(&self.server) > 0)
    }
}

/// The hosts of a family, from rows of all days in step.
pub(crate) struct Outlines<'a> {
    family: usize,
    days: Vec<Peekable<Briefs<'a>>>,
}

impl<'a> Outlines<'a> {
    pub(crate) fn of(days: impl Iterator<Item = &'a Sealed>, family: usize) -> Self {
        Self { family, days: days.map(|day| day.briefs(family).peekable()).collect() }
    }
}

impl Iterator for Outlines<'_> {
    type Item = Outline;

    fn next(&mut self) -> Option<Outline> {
        let first = self.days.iter_mut().filter_map(|rows| rows.peek().map(|row| row.address)).min()?;
        let none = [0; Kind::COUNT];
        let mut host = Outline { address: address(self.family, first), gateway_as: None, client: none, server: none };
        for rows in &mut self.days {
            let Some(Brief { client, server, .. }) = rows.next_if(|row| row.address == first) else { continue };
            for (mine, more) in [(&mut host.client, client), (&mut host.server, server)] {
                let Some((asn, kinds)) = more else { continue };
                add(mine, &kinds);
                learn_as(&mut host.gateway_as, asn);
            }
        }
        Some(host)
    }
}
