//! The packets of one UTC day, counted by host. Two days' counts of the same date merge into what one would have counted.
//!
//! Packets wait in a ring. When it is full, a first pass calls for every place of memory that will be needed and a second one
//! counts: so the processor waits for many places at once, not for one after the other.

use std::net::SocketAddr;
use std::sync::Arc;

use evidence::Time;
use fingerprint::Catalogue;
use serde::Serialize;
use sflow::Packet;

use crate::key::Key;
use crate::kind::{Kind, from_client, is_submission, length};
use crate::pairs::{Met, Pairs};
use crate::system::{Library, hops};
use crate::table::{Table, Touch};
use crate::totals::{Tally, Totals};

/// Packets that wait.
const RING: usize = 64;

/// What a day holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Hosts in each role and family; packets of further ones are counted in the totals and as untracked.
    pub hosts: usize,
    /// Pairs of client and server in each family; further ones are counted as unkept, and the number of destinations is then
    /// "at least".
    pub pairs: usize,
}

impl Bounds {
    /// Ten million hosts: some 1.1 GB when all are clients and IPv4, and 0.5 GB for the pairs.
    pub const DEFAULT: Self = Self { hosts: 10_000_000, pairs: 40_000_000 };
}

/// What was not counted by host, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// Packets whose client or server was new when the table was full.
    pub untracked: u64,
    /// Packets that may be of a new pair when the set of pairs was full.
    pub unkept: u64,
    /// Packets of another day, counted in this one by their hour.
    pub misdated: u64,
}

impl Missed {
    pub fn merge(&mut self, other: &Self) {
        self.untracked = self.untracked.saturating_add(other.untracked);
        self.unkept = self.unkept.saturating_add(other.unkept);
        self.misdated = self.misdated.saturating_add(other.misdated);
    }
}

/// A day's counts.
pub struct Day {
    date: Date,
    /// Its first microsecond.
    start: i64,
    tally: Tally,
    library: Library,
    pub(crate) four: Family<u32>,
    pub(crate) six: Family<u128>,
    missed: Missed,
}

/// A UTC day, by its number since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Date(pub i32);

const DAY: i64 = 86_400_000_000;
const HOUR: i64 = 3_600_000_000;

impl Date {
    pub fn of(at: Time) -> Self {
        Self(i32::try_from(at.micros().div_euclid(DAY)).unwrap_or(i32::MAX))
    }

    pub fn start(self) -> Time {
        Time::from_micros(i64::from(self.0) * DAY)
    }

    /// Monday is 0: 1970-01-01 was a Thursday.
    pub fn weekday(self) -> usize {
        (self.0 + 3).rem_euclid(7) as usize
    }
}

impl Day {
    /// The seed keeps others from choosing addresses that collide; it changes no result.
    pub fn new(date: Date, bounds: Bounds, seed: u64, catalogue: Arc<Catalogue>) -> Self {
        Self {
            date,
            start: date.start().micros(),
            tally: Tally::default(),
            library: Library::new(catalogue),
            four: Family::new(bounds, seed),
            six: Family::new(bounds, seed),
            missed: Missed::default(),
        }
    }

    pub fn date(&self) -> Date {
        self.date
    }

    /// Counts a sampled packet. `rate` is how many packets stand behind it: the measured rate where there is one, else
    /// that of the packet.
    pub fn take(&mut self, at: Time, rate: u32, packet: &Packet<'_>) {
        let (source, destination) = (packet.source, packet.destination);
        let Some(from_client) = from_client(source.port(), destination.port(), packet.flags) else {
            return if is_submission(packet) { self.tally.submission(rate) } else { self.tally.other() };
        };
        self.tally.smtp(packet, rate);
        let ases = (packet.source_as.unwrap_or(0), packet.destination_as.unwrap_or(0));
        let (client_as, server_as) = if from_client { ases } else { (ases.1, ases.0) };
        let length = length(packet.bytes, packet.header, source.is_ipv4());
        let kind = Kind::of(packet.flags, from_client, length);
        let marks = self.marks(packet, from_client, kind);
        let hour = self.hour(at);
        match (source, destination) {
            (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
                let ends = (source.ip().to_bits(), destination.ip().to_bits());
                let (client, server) = if from_client { ends } else { (ends.1, ends.0) };
                let waiting = Waiting { client, server, client_as, server_as, kind, hour, marks };
                self.four.take(waiting, &mut self.missed);
            }
            (source, destination) => {
                let ends = (six(source), six(destination));
                let (client, server) = if from_client { ends } else { (ends.1, ends.0) };
                let waiting = Waiting { client, server, client_as, server_as, kind, hour, marks };
                self.six.take(waiting, &mut self.missed);
            }
        }
    }

    fn hour(&mut self, at: Time) -> u8 {
        let micros = at.micros().wrapping_sub(self.start);
        self.missed.misdated += u64::from(!(0..DAY).contains(&micros));
        (micros.div_euclid(HOUR)).rem_euclid(24) as u8
    }

    /// What the packet says of the client's system.
    fn marks(&mut self, packet: &Packet<'_>, from_client: bool, kind: Kind) -> u8 {
        let hops = if from_client { hops(packet.header) } else { 0 };
        if kind == Kind::Syn { hops | self.library.sign(packet.header) } else { hops }
    }

    /// Counts what waits.
    pub fn settle(&mut self) {
        self.four.settle(&mut self.missed);
        self.six.settle(&mut self.missed);
    }

    /// Takes in what another counted of the same date, with the same seed and bounds: the same as if one had counted all,
    /// as long as no bound is reached.
    pub fn merge(&mut self, mut other: Self) {
        self.settle();
        other.settle();
        self.tally.merge(&other.tally);
        self.missed.merge(&other.missed);
        self.missed.untracked += self.four.merge(other.four) + self.six.merge(other.six);
    }

    pub fn totals(&self) -> Totals {
        self.tally.totals()
    }

    /// What was not counted by host, of the packets that do not wait any more.
    pub fn missed(&self) -> Missed {
        self.missed
    }

    /// Bytes of memory for hosts and pairs.
    pub fn bytes(&self) -> usize {
        self.four.bytes() + self.six.bytes()
    }

    /// Entries in use: clients and servers.
    pub fn entries(&self) -> (usize, usize) {
        (self.four.clients.len() + self.six.clients.len(), self.four.servers.len() + self.six.servers.len())
    }

    /// Pairs of client and server.
    pub fn pairs(&self) -> usize {
        self.four.pairs.len() + self.six.pairs.len()
    }
}

fn six(socket: SocketAddr) -> u128 {
    match socket {
        SocketAddr::V6(socket) => socket.ip().to_bits(),
        SocketAddr::V4(socket) => socket.ip().to_ipv6_mapped().to_bits(),
    }
}

/// A packet that waits.
#[derive(Clone, Copy)]
struct Waiting<K> {
    client: K,
    server: K,
    client_as: u32,
    server_as: u32,
    kind: Kind,
    hour: u8,
    marks: u8,
}

/// A pair that may be new, and where its ends are counted.
#[derive(Clone, Copy, Default)]
struct Fresh<K: Key> {
    pair: K::Pair,
    place: usize,
    client: (usize, K),
    server: (usize, K),
}

pub(crate) struct Family<K: Key> {
    pub(crate) clients: Table<K>,
    pub(crate) servers: Table<K>,
    pub(crate) pairs: Pairs<K>,
    pub(crate) seed: u64,
    ring: [Waiting<K>; RING],
    waiting: usize,
}

impl<K: Key> Family<K> {
    fn new(bounds: Bounds, seed: u64) -> Self {
        let nobody = K::default();
        let empty =
            Waiting { client: nobody, server: nobody, client_as: 0, server_as: 0, kind: Kind::Odd, hour: 0, marks: 0 };
        Self {
            clients: Table::new(bounds.hosts, seed),
            servers: Table::new(bounds.hosts, seed),
            pairs: Pairs::new(bounds.pairs, seed),
            seed,
            ring: [empty; RING],
            waiting: 0,
        }
    }

    fn take(&mut self, waiting: Waiting<K>, missed: &mut Missed) {
        self.ring[self.waiting] = waiting;
        self.waiting += 1;
        if self.waiting == RING {
            self.settle(missed);
        }
    }

    fn settle(&mut self, missed: &mut Missed) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut places = [(0, 0); RING];
        for (waiting, places) in self.ring[..waiting].iter().zip(&mut places) {
            *places = (self.clients.place(waiting.client), self.servers.place(waiting.server));
            self.clients.call(places.0);
            self.servers.call(places.1);
        }
        let mut fresh = [Fresh::<K>::default(); RING];
        let mut many = 0;
        for (waiting, places) in self.ring[..waiting].iter().zip(&places) {
            let Waiting { client, server, client_as, server_as, kind, hour, marks } = *waiting;
            let peer = server.mark(self.seed);
            let as_client = Touch { key: client, asn: client_as, kind, hour, marks, peer };
            let as_server = Touch { key: server, asn: server_as, kind, hour, marks: 0, peer: 0 };
            let client_at = self.clients.count(places.0, &as_client);
            let server_at = self.servers.count(places.1, &as_server);
            let (Some(client_at), Some(server_at)) = (client_at, server_at) else {
                missed.untracked += 1;
                continue;
            };
            // Written over by the next when the client had the same server before.
            let pair = K::pair(client.owner(self.seed), peer);
            let place = self.pairs.place(pair);
            fresh[many] = Fresh { pair, place, client: (client_at.place, client), server: (server_at.place, server) };
            self.pairs.call(place);
            many += usize::from(!client_at.is_same);
        }
        for fresh in &fresh[..many] {
            self.meet(fresh, missed);
        }
    }

    fn meet(&mut self, fresh: &Fresh<K>, missed: &mut Missed) {
        match self.pairs.meet(fresh.place, fresh.pair) {
            Met::First => {
                self.clients.add_peer(fresh.client);
                self.servers.add_peer(fresh.server);
            }
            Met::Again => {}
            Met::Unkept => missed.unkept += 1,
        }
    }

    fn bytes(&self) -> usize {
        self.clients.bytes() + self.servers.bytes() + self.pairs.bytes()
    }

    /// How many hosts of the other found no room.
    fn merge(&mut self, other: Self) -> u64 {
        let untracked = self.clients.merge(other.clients) + self.servers.merge(other.servers);
        let mut twice = (Vec::new(), Vec::new());
        self.pairs.reserve(other.pairs.len());
        for pair in other.pairs.iter() {
            // A pair that finds no room was counted by the other: its peers stay.
            if self.pairs.meet(usize::MAX, pair) == Met::Again {
                let (owner, mark) = K::parts(pair);
                twice.0.push(owner);
                twice.1.push(mark);
            }
        }
        twice.0.sort_unstable();
        twice.1.sort_unstable();
        let times = |sorted: &[u64], number: u64| {
            let from = sorted.partition_point(|other| *other < number);
            sorted[from..].iter().take_while(|other| **other == number).count() as u32
        };
        let seed = self.seed;
        self.clients.forget_peers(|key| times(&twice.0, key.owner(seed)));
        self.servers.forget_peers(|key| times(&twice.1, key.mark(seed)));
        untracked
    }
}
