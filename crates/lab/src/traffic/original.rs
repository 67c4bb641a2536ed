//! The capture of 2006 again: 25 hours of an exchange point with exactly the totals, and the top of the client ASes, that
//! were shown of it (spamHINTS). Everything else about it is made up.
//!
//! Packets are dealt from a deck without replacement, so the totals are exact however the seed falls; each host gets a packet
//! in its role at a time of its own, and the rest go to some far more often than to others. They belong to no conversations.

use std::io::{self, Write};
use std::net::SocketAddr;

use evidence::Time;

use super::exchange::{Exchange, PORTS, Passing, SWITCHES, Setting};
use super::frame::{ACK, FIN, PSH, RST, SYN, Segment, Stack};
use super::net::{COUNTRIES, Country, MOST_NETWORKS, Network, Registry};
use super::open::OpenServer;
use super::output::{Host, Written};
use super::talk::{Content, Step, payload};
use super::tally::{Mail, Tally};
use super::wire::Version;
use crate::chance::Chance;

/// What was shown: packets in all, and with SYN, SYN and ACK, RST, FIN.
pub const PACKETS: u64 = 9_672_926;
pub const SYNS: u64 = 413_902;
pub const SYN_ACKS: u64 = 194_649;
pub const RSTS: u64 = 72_235;
pub const FINS: u64 = 387_433;
/// … and addresses: clients only, servers only, both.
pub const CLIENTS: u64 = 378_457;
pub const SERVERS: u64 = 170_648;
pub const BOTH: u64 = 62_458;
pub const HOURS: i64 = 25;

/// Clients, servers, both and country of the thirty ASes with most clients.
pub const TOP: [(u32, u32, u32, &str); 30] = [
    (18_794, 646, 296, "Turkey"),
    (17_724, 5867, 2905, "UK"),
    (16_558, 1556, 407, "Korea"),
    (11_248, 1239, 420, "Spain"),
    (10_731, 1871, 409, "Italy"),
    (9897, 866, 196, "Korea"),
    (7701, 489, 64, "France"),
    (6092, 594, 404, "Portugal"),
    (5854, 979, 526, "UK"),
    (5258, 105, 130, "India"),
    (4982, 966, 185, "Germany"),
    (4503, 569, 416, "Middle East"),
    (4416, 36, 2, "China"),
    (4200, 137, 63, "India"),
    (4072, 420, 161, "France"),
    (3814, 742, 467, "UK"),
    (3737, 477, 232, "Malaysia"),
    (3480, 5183, 3422, "UK"),
    (3291, 7123, 1296, "USA"),
    (3267, 125, 45, "Vietnam"),
    (3188, 171, 10, "Brazil"),
    (3185, 10, 4, "India"),
    (2975, 1224, 654, "Ireland"),
    (2825, 160, 29, "Africa"),
    (2750, 467, 455, "UK"),
    (2719, 752, 47, "Europe"),
    (2683, 407, 122, "Israel"),
    (2618, 1328, 311, "Germany"),
    (2604, 24, 5, "India"),
    (2586, 425, 113, "Israel"),
];

/// The hundredth AS has so many clients; the one after the thirtieth this many, which is our choice.
pub const HUNDREDTH: u32 = 855;
const AFTER_TOP: u32 = 2560;

/// Wednesday, 2006-09-13.
const START: Time = Time::from_micros(1_158_105_600_000_000);

/// Of all packets, those of each hour of a day, in parts of whatever the sum is.
const HOURLY: [u32; 24] =
    [58, 52, 48, 46, 46, 50, 58, 72, 90, 104, 110, 110, 106, 108, 110, 110, 106, 98, 88, 80, 76, 74, 70, 64];

/// The arguments of it.
#[derive(Clone, Copy, Debug)]
pub struct Original {
    pub seed: u64,
    pub rate: u32,
    pub version: Version,
}

/// A client only, a server only, or both: the letters of the truth.
#[derive(Clone, Copy, Debug)]
struct Machine {
    network: u16,
    number: u32,
}

/// Clients, servers and both of each network.
type Row = (u32, u32, u32);

impl Original {
    /// Writes the capture. `progress` is told how many of how many packets are written.
    pub fn write(&self, out: impl Write, progress: &dyn Fn(u64, u64)) -> io::Result<Written> {
        let world = World::new(self.seed);
        let start = START.micros();
        let end = start + HOURS * HOUR;
        let setting = Setting {
            version: self.version,
            rate: self.rate,
            loss: 0.0,
            drops: 0.0,
            egress: 0.0,
            restarts: 0,
            routes: true,
            samples: None,
            seed: self.seed,
            start,
            end,
        };
        let mut exchange = Exchange::new(out, setting, Tally::of(world.machines.len()))?;
        let mut deal = Deal::new(&world, self.seed);
        let mut frame = Vec::new();
        let mut done = 0;
        for (hour, packets) in hourly().into_iter().enumerate() {
            for number in 0..packets {
                let part = (number as f64 + deal.chance.unit()) / packets as f64;
                let at = start + hour as i64 * HOUR + (part * HOUR as f64) as i64;
                let dealt = deal.next(hour);
                world.send(&mut exchange, at, dealt, &mut deal.chance, &mut frame)?;
            }
            done += packets;
            progress(done, PACKETS);
        }
        let done = exchange.finish()?;
        let hosts = world.hosts(deal.open.machine as usize);
        Ok(Written { start: START, end: Time::from_micros(end), networks: world.networks, hosts, done })
    }
}

const HOUR: i64 = 3_600_000_000;

/// Packets of each hour: all of them, in the shares of the hours.
fn hourly() -> Vec<u64> {
    let weight = |hour: usize| u64::from(HOURLY[hour % 24]);
    let all: u64 = (0..HOURS as usize).map(weight).sum();
    let mut so_far = 0;
    let mut before = 0;
    (0..HOURS as usize)
        .map(|hour| {
            so_far += weight(hour);
            let until = PACKETS * so_far / all;
            until - std::mem::replace(&mut before, until)
        })
        .collect()
}

struct World {
    networks: Vec<Network>,
    machines: Vec<Machine>,
    /// Numbers of machines, those in front the most active ones.
    clients: Vec<u32>,
    servers: Vec<u32>,
    /// Those of `UK`, in the network of 3480 clients, that are both.
    open: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::of(seed, "original", 0);
        let mut registry = Registry::new(SWITCHES * PORTS);
        let (mut machines, mut clients, mut servers) = (Vec::new(), Vec::new(), Vec::new());
        let mut open = 0;
        for (rank, (row, country)) in rows(&mut chance).into_iter().enumerate() {
            let hosts = row.0 + row.1 + row.2;
            registry.add(country, hosts);
            for number in 0..hosts {
                let machine = machines.len() as u32;
                machines.push(Machine { network: rank as u16, number });
                if number < row.0 || number >= row.0 + row.1 {
                    clients.push(machine);
                }
                if number >= row.0 {
                    servers.push(machine);
                }
                if rank == OPEN_RANK {
                    open = machine; // the last one is both
                }
            }
        }
        // The open server gets packets of its own, and none of the others.
        for list in [&mut clients, &mut servers] {
            list.retain(|machine| *machine != open);
            shuffle(list, &mut chance);
        }
        Self { networks: registry.networks, machines, clients, servers, open }
    }

    fn network(&self, machine: u32) -> &Network {
        &self.networks[usize::from(self.machines[machine as usize].network)]
    }

    fn send<W: Write>(
        &self,
        exchange: &mut Exchange<W>,
        at: i64,
        dealt: (Card, u32, u32),
        chance: &mut Chance,
        said: &mut Vec<u8>,
    ) -> io::Result<()> {
        let (card, client, server) = dealt;
        let address = |machine: u32| self.network(machine).address(self.machines[machine as usize].number);
        let port = 1024 + (chance.next() >> 50) as u16;
        let ends = (SocketAddr::new(address(client), port), SocketAddr::new(address(server), 25));
        let (of, to) = if card.from_client { (client, server) } else { (server, client) };
        let (source, destination) = if card.from_client { ends } else { (ends.1, ends.0) };
        let stack = STACKS[of as usize % STACKS.len()];
        let step = Step {
            from_client: card.from_client,
            flags: card.flags,
            after: 0,
            content: card.content,
            sent: 0,
            length: stack.most_payload(),
        };
        let length = payload(&step, stack.most_payload(), u64::from(of), said);
        let segment = Segment {
            source,
            destination,
            flags: card.flags,
            sequence: chance.next() as u32,
            acknowledged: chance.next() as u32,
            stack,
            hops: 4 + (of % 14) as u8,
            payload: said,
            length,
        };
        let passing = Passing { at, from: self.network(of), to: self.network(to), egress: false };
        let mail = Mail { client, server, from_client: card.from_client, flags: card.flags };
        exchange.mail(&passing, &segment, mail)
    }

    fn hosts(&self, open: usize) -> Vec<Host> {
        let host = |(place, machine): (usize, &Machine)| {
            let network = &self.networks[usize::from(machine.network)];
            let class = if place == open { "open-relay" } else { "any" };
            Host::any(network.address(machine.number), class, usize::from(machine.network))
        };
        self.machines.iter().enumerate().map(host).collect()
    }
}

/// The row of the top that is the provider's own.
const OPEN_RANK: usize = 17;

const STACKS: [Stack; 5] = [Stack::OldWindows, Stack::Linux, Stack::OldWindows, Stack::Bsd, Stack::Windows];

fn shuffle(list: &mut [u32], chance: &mut Chance) {
    for last in (1..list.len()).rev() {
        list.swap(last, chance.below(last + 1));
    }
}

/// All networks, those with most clients in front: those of the top, then such that the hundredth is as it was, then ever
/// smaller ones until all hosts have a place.
fn rows(chance: &mut Chance) -> Vec<(Row, Country)> {
    let country = |name: &str| COUNTRIES.into_iter().find(|country| country.name == name).unwrap_or(COUNTRIES[0]);
    let mut rows: Vec<_> = TOP.iter().map(|row| ((row.0, row.1, row.2), country(row.3))).collect();
    let of_top = |part: fn(&Row) -> u32| rows.iter().map(|(row, _)| u64::from(part(row))).sum::<u64>();
    let (clients, servers, both) = (of_top(|row| row.0), of_top(|row| row.1), of_top(|row| row.2));
    let sizes = tail(CLIENTS - clients);
    let (mut weights, mut sum) = (Vec::new(), 0.0);
    for size in &sizes {
        let weight = chance.lognormal(f64::from(*size).sqrt(), 1.0);
        weights.push(weight);
        sum += weight;
    }
    let share = |all: u64| {
        let mut parts: Vec<_> = weights.iter().map(|weight| (weight / sum * all as f64) as u32).collect();
        let left = all - parts.iter().map(|part| u64::from(*part)).sum::<u64>();
        let count = parts.len();
        (0..left as usize).for_each(|turn| parts[turn % count] += 1);
        parts
    };
    let (servers, both) = (share(SERVERS - servers), share(BOTH - both));
    let rest = sizes.into_iter().zip(servers).zip(both);
    rows.extend(rest.map(|((clients, servers), both)| ((clients, servers, both), Registry::country(chance))));
    rows
}

/// Clients of the networks behind the top, which are so many in all.
fn tail(all: u64) -> Vec<u32> {
    let (first, last) = (f64::from(AFTER_TOP), f64::from(HUNDREDTH));
    let mut sizes: Vec<_> = (0..70).map(|step| (first * (last / first).powf(f64::from(step) / 69.0)) as u32).collect();
    sizes[69] = HUNDREDTH;
    let left = all - sizes.iter().map(|size| u64::from(*size)).sum::<u64>();
    let most = f64::from(HUNDREDTH - 5);
    let decay = left as f64 / most;
    let small = (0..MOST_NETWORKS - 100).map(|step| (most * (-(step as f64) / decay).exp()) as u32);
    sizes.extend(small.take_while(|size| *size > 0));
    let missing = all - sizes.iter().map(|size| u64::from(*size)).sum::<u64>();
    let small = sizes.len() - 70;
    (0..missing as usize).for_each(|turn| sizes[70 + turn % small] += 1);
    sizes
}

/// A kind of packet, and how many of it are left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    pub(crate) from_client: bool,
    pub(crate) flags: u8,
    content: Content,
    left: u64,
}

const CARDS: [Card; 11] = {
    const fn card(from_client: bool, flags: u8, content: Content, left: u64) -> Card {
        Card { from_client, flags, content, left }
    }
    let rest = PACKETS - SYNS - SYN_ACKS - RSTS - FINS;
    let (body, line, bare) = (rest * 35 / 100, rest * 10 / 100, rest * 15 / 100);
    let replies = rest * 12 / 100;
    [
        card(true, SYN, Content::Nothing, SYNS),
        card(false, SYN | ACK, Content::Nothing, SYN_ACKS),
        card(true, FIN | ACK, Content::Nothing, FINS / 2),
        card(false, FIN | ACK, Content::Nothing, FINS - FINS / 2),
        card(true, RST | ACK, Content::Nothing, RSTS / 2),
        card(false, RST | ACK, Content::Nothing, RSTS - RSTS / 2),
        card(true, ACK, Content::Body, body),
        card(true, PSH | ACK, Content::Recipient, line),
        card(true, ACK, Content::Nothing, bare),
        card(false, PSH | ACK, Content::Fine, replies),
        card(false, ACK, Content::Nothing, rest - body - line - bare - replies),
    ]
};

/// Deals packets: which kind, from which client, to which server.
struct Deal<'a> {
    world: &'a World,
    cards: [Card; 11],
    chance: Chance,
    clients: Roll<'a>,
    servers: Roll<'a>,
    open: OpenServer,
}

impl<'a> Deal<'a> {
    fn new(world: &'a World, seed: u64) -> Self {
        let (clients, servers) = (Roll::new(&world.clients), Roll::new(&world.servers));
        let chance = Chance::of(seed, "deal", 0);
        Self { world, cards: CARDS, chance, clients, servers, open: OpenServer::new(world.open) }
    }

    fn next(&mut self, hour: usize) -> (Card, u32, u32) {
        let all: u64 = self.cards.iter().map(|card| card.left).sum();
        let mut at = (self.chance.unit() * all as f64) as u64;
        let place = self.cards.iter().position(|card| match at.checked_sub(card.left) {
            Some(rest) => {
                at = rest;
                false
            }
            None => true,
        });
        let place = place.unwrap_or_else(|| self.cards.iter().rposition(|card| card.left > 0).unwrap_or(0));
        let card = self.cards[place];
        self.cards[place].left -= 1;
        let is_reset = card.flags & RST != 0;
        let side = |from_client| {
            let of = |card: &&Card| card.from_client == from_client && card.flags & RST == 0;
            self.cards.iter().filter(of).map(|card| card.left).sum::<u64>()
        };
        // The one that sends has its turn if it must; any of the others gets it.
        let left = side(card.from_client) + 1;
        let open = self.open.takes(hour, &card);
        let (mut client, mut server) = (self.clients.any(&mut self.chance), self.servers.any(&mut self.chance));
        if open {
            let sender = if card.from_client { &mut client } else { &mut server };
            *sender = self.open.machine;
        } else if !is_reset && card.from_client {
            client = self.clients.next(left.saturating_sub(self.open.left(true)), &mut self.chance);
        } else if !is_reset {
            server = self.servers.next(left.saturating_sub(self.open.left(false)), &mut self.chance);
        }
        // Nobody writes to its own network through an exchange point.
        while self.world.network(client).port == self.world.network(server).port {
            let roll = if card.from_client { &self.servers } else { &self.clients };
            let receiver = if card.from_client { &mut server } else { &mut client };
            *receiver = roll.any(&mut self.chance);
        }
        (card, client, server)
    }
}

/// Machines of a role: each must send once, some send much more.
struct Roll<'a> {
    machines: &'a [u32],
    done: usize,
    step: usize,
}

impl<'a> Roll<'a> {
    fn new(machines: &'a [u32]) -> Self {
        // A step without a common factor goes through all of them, the active ones and the others mixed.
        let step = (machines.len() / 3..).find(|step| gcd(*step, machines.len()) == 1).unwrap_or(1);
        Self { machines, done: 0, step }
    }

    fn any(&self, chance: &mut Chance) -> u32 {
        self.machines[chance.favourite(self.machines.len())]
    }

    /// The next one that must, or any: so that all have had their turn when `left` packets are gone.
    fn next(&mut self, left: u64, chance: &mut Chance) -> u32 {
        let must = self.machines.len() - self.done;
        if must == 0 || chance.unit() * left as f64 >= must as f64 {
            return self.any(chance);
        }
        let machine = self.machines[self.done * self.step % self.machines.len()];
        self.done += 1;
        machine
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
