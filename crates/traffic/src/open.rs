//! Five minutes under way: a table of hosts, two lines of the cache for each, in which the ends of packets are counted by
//! batches, so that places are near when they are needed. It hands out sums and keeps nothing beyond its five minutes.

use std::net::IpAddr;

use evidence::TrafficSums;

use crate::key::Key;
use crate::kind::Kind;
use crate::rows::{MOST_HOSTS, Sums};
use crate::table::lowest;

/// Places of a new table.
const FIRST: usize = 1024;

/// Ends of packets that are counted together.
pub(crate) const BATCH: usize = 128;

/// One end of a packet.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) address: IpAddr,
    /// By the exporter's word; 0 is none.
    pub(crate) asn: u32,
    pub(crate) kind: Kind,
    pub(crate) rate: u32,
    pub(crate) is_client: bool,
}

/// A host; the counts stay where they are when five minutes have more than they can hold, 4 billion samples.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Entry {
    /// `None` is an empty place.
    address: Option<IpAddr>,
    asn: u32,
    client: Counts,
    server: Counts,
}

/// By kind: what rows tell of them is computed when they are over.
#[derive(Clone, Copy, Default)]
struct Counts {
    packets: u64,
    kinds: [u32; Kind::COUNT],
}

pub(crate) struct Open {
    places: Vec<Entry>,
    shift: u32,
    used: usize,
    /// Keeps others from choosing addresses that collide; it changes no result.
    seed: u64,
}

impl Open {
    pub(crate) fn new(seed: u64) -> Self {
        Self { places: vec![Entry::default(); FIRST], shift: 64 - FIRST.ilog2(), used: 0, seed }
    }

    /// Counts ends, at most [`BATCH`]; how many found no room.
    pub(crate) fn count(&mut self, ends: &[End]) -> u64 {
        let mut places = [0; BATCH];
        for (end, place) in ends.iter().zip(&mut places) {
            *place = self.place(end.address);
            prefetch::soon(&self.places, *place);
        }
        let mut untracked = 0;
        for (end, place) in ends.iter().zip(places) {
            match self.find(place, end.address) {
                Some(place) => self.places[place].count(end),
                None => untracked += 1,
            }
        }
        untracked
    }

    /// Each host with its sums, in no order that means anything.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = (IpAddr, Sums)> {
        self.places.iter().filter_map(|entry| Some((entry.address?, entry.sums())))
    }

    pub(crate) fn len(&self) -> usize {
        self.used
    }

    fn place(&self, address: IpAddr) -> usize {
        let hash = match address {
            IpAddr::V4(address) => address.to_bits().hash(self.seed),
            IpAddr::V6(address) => address.to_bits().hash(self.seed),
        };
        (hash >> self.shift) as usize
    }

    /// The place of a host, from a hint that may be out of date; a new one is put there. `None`: there are enough hosts.
    fn find(&mut self, hint: usize, address: IpAddr) -> Option<usize> {
        if self.places.get(hint).is_some_and(|entry| entry.address == Some(address)) {
            return Some(hint);
        }
        let mut place = self.probe(address);
        if self.places[place].address.is_some() {
            return Some(place);
        }
        if self.used >= MOST_HOSTS {
            return None;
        }
        // At most three quarters are used: more would make searches long.
        if (self.used + 1) * 4 > self.places.len() * 3 {
            self.grow();
            place = self.probe(address);
        }
        self.used += 1;
        self.places[place].address = Some(address);
        Some(place)
    }

    /// Where the host is, or an empty place where it belongs.
    fn probe(&self, address: IpAddr) -> usize {
        let mut place = self.place(address);
        while self.places[place].address.is_some_and(|other| other != address) {
            place = (place + 1) & (self.places.len() - 1);
        }
        place
    }

    fn grow(&mut self) {
        let doubled = vec![Entry::default(); self.places.len() * 2];
        let old = std::mem::replace(&mut self.places, doubled);
        self.shift -= 1;
        for entry in old {
            if let Some(address) = entry.address {
                let place = self.probe(address);
                self.places[place] = entry;
            }
        }
    }
}

impl Entry {
    fn count(&mut self, end: &End) {
        self.asn = lowest(self.asn, end.asn);
        let counts = if end.is_client { &mut self.client } else { &mut self.server };
        counts.packets = counts.packets.saturating_add(end.rate.into());
        let kind = &mut counts.kinds[end.kind as usize];
        *kind = kind.saturating_add(1);
    }

    fn sums(&self) -> Sums {
        let gateway_as = (self.asn != 0).then_some(self.asn);
        Sums { gateway_as, client: self.client.sums(), server: self.server.sums() }
    }
}

impl Counts {
    fn sums(&self) -> TrafficSums {
        let of = |kinds: &[Kind]| kinds.iter().map(|kind| u64::from(self.kinds[*kind as usize])).sum();
        TrafficSums {
            samples: of(&Kind::ALL),
            packets: self.packets,
            syn: of(&[Kind::Syn]),
            established: of(&Kind::ESTABLISHED),
            full: of(&[Kind::Full]),
            accepted: of(&[Kind::SynAck]),
            refused: of(&[Kind::Reset]),
            replies: of(&[Kind::Reply]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_two_lines_of_the_cache_and_stays_itself_while_the_table_grows() {
        assert_eq!(size_of::<Entry>(), 128);
        let mut open = Open::new(7);
        let end = |number: u32| End {
            address: IpAddr::from(number.to_be_bytes()),
            asn: number % 3,
            kind: Kind::ALL[number as usize % Kind::COUNT],
            rate: 10,
            is_client: number.is_multiple_of(2),
        };
        let ends: Vec<_> = (0..5000).chain(0..5000).map(end).collect();
        assert_eq!(ends.chunks(BATCH).map(|ends| open.count(ends)).sum::<u64>(), 0);
        assert_eq!((open.len(), open.hosts().count()), (5000, 5000));
        for (address, Sums { gateway_as, client, server }) in open.hosts() {
            let IpAddr::V4(address) = address else { panic!("{address}") };
            let number = address.to_bits();
            let (counted, other) = if number.is_multiple_of(2) { (client, server) } else { (server, client) };
            assert_eq!((counted.samples, counted.packets, other.samples), (2, 20, 0));
            assert_eq!(gateway_as, Some(number % 3).filter(|asn| *asn != 0));
        }
    }
}
