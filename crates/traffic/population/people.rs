//! Who there is: numbers, habits, and the strangers who only send to the servers of the population.

use traffic::Day;

use crate::population::View;
use crate::population::chance::Chance;
use crate::population::host::{Model, Peers, Rhythm, Sort, zone_of};
use crate::population::wire::{Exchange, Wire};

/// How many there are of each sort.
pub(crate) const PEOPLE: [(Sort, u32); 9] = [
    (Sort::Server, 2000),
    (Sort::Migrated, 50),
    (Sort::Gateway, 300),
    (Sort::List, 30),
    (Sort::Client, 20_000),
    (Sort::Office, 200),
    (Sort::Bot, 500),
    (Sort::Relay, 60),
    (Sort::Monitor, 20),
];

/// ASes of households: 10.0 to 10.39; of companies and data centres: 10.64 to 10.183.
const HOUSEHOLDS: u32 = 40;
pub(crate) const COMPANIES: (u32, u32) = (64, 120);

/// Spammers that send through relays.
const STRANGE: u32 = 0x0b00_0000;

/// Messages that a server of the population gets from strangers on a day.
const INWARD: f64 = 2000.0;

pub(crate) fn all(chance: &mut Chance) -> Vec<Model> {
    let mut hosts = Vec::new();
    let mut next = [0u32; 256];
    for (sort, count) in PEOPLE {
        for _ in 0..count {
            let network = if chance.is(at_home(sort)) {
                chance.below(HOUSEHOLDS as usize) as u32
            } else {
                COMPANIES.0 + chance.below(COMPANIES.1 as usize) as u32
            };
            next[network as usize] += 1;
            let number = next[network as usize].wrapping_mul(40_503) & 0x7fff;
            let address = 10 << 24 | network << 16 | number;
            hosts.push(one(sort, address, chance));
        }
    }
    hosts
}

/// What is where: most bots and clients with households, most servers not, some the other way.
pub(crate) fn at_home(sort: Sort) -> f64 {
    match sort {
        Sort::Client => 0.9,
        Sort::Bot => 0.93,
        Sort::Office | Sort::Relay => 0.5,
        Sort::Server | Sort::Migrated => 0.08,
        Sort::Gateway => 0.06,
        Sort::List | Sort::Monitor => 0.02,
    }
}

pub(crate) fn one(sort: Sort, address: u32, chance: &mut Chance) -> Model {
    let network = address >> 16 & 0xff;
    let smarthost = |of: u32| 10 << 24 | network << 16 | (0xf000 + of);
    let circle = |chance: &mut Chance, providers, median, sigma| Peers::Circle {
        providers,
        size: chance.around(median, sigma).clamp(3.0, 20_000.0) as usize,
        salt: chance.next(),
    };
    let mut model = Model {
        sort,
        address,
        messages: chance.around(800.0, 1.5),
        failing: chance.share(0.05, 0.7),
        refused: chance.share(0.2, 1.0),
        delivered: chance.share(0.85, 0.6),
        full: chance.around(4.0, 0.5),
        is_windows: chance.is(0.12),
        is_mixed: false,
        rhythm: Rhythm::Business,
        peers: circle(chance, 0.4, 300.0, 1.0),
        up: (0, u32::MAX),
        days: 1.0,
        is_deaf: chance.is(0.3),
        is_mute: false,
        abusers: Vec::new(),
    };
    model.is_mute = !model.is_deaf && chance.is(0.1);
    match sort {
        Sort::Server => {}
        Sort::Migrated => model.up.0 = 1 + chance.below(5) as u32,
        Sort::Gateway => {
            model.messages = chance.around(3000.0, 1.3);
            model.failing = chance.share(0.08, 0.7);
            model.is_windows = chance.is(0.2);
            model.peers = circle(chance, 0.4, 1000.0, 1.0);
            if chance.is(0.02) {
                model.up.0 = chance.below(7) as u32;
            }
        }
        Sort::List => {
            model.messages = chance.around(20_000.0, 0.8);
            model.failing = chance.share(0.1, 0.6);
            model.is_windows = chance.is(0.05);
            model.rhythm = Rhythm::Run(chance.below(24) as u32, 1 + chance.below(3) as u32);
            model.peers = circle(chance, 0.4, 4000.0, 0.7);
            model.days = 0.7;
        }
        Sort::Client => {
            model.messages = chance.around(20.0, 1.0);
            model.failing = chance.share(0.01, 1.0);
            model.is_windows = chance.is(0.85);
            model.rhythm = Rhythm::Evening(7 + chance.below(10) as u32, 4 + chance.below(10) as u32);
            model.peers = Peers::Few(vec![smarthost(chance.below(4) as u32)]);
            model.days = 0.8;
        }
        Sort::Office => {
            model.messages = chance.around(300.0, 1.0);
            model.is_mixed = chance.is(0.7);
            model.peers =
                Peers::Few((0..2 + chance.below(7)).map(|_| smarthost(chance.below(200) as u32 & !3)).collect());
        }
        Sort::Bot => bot(&mut model, chance),
        Sort::Relay => relay(&mut model, chance),
        Sort::Monitor => {
            model.messages = 1440.0;
            model.failing = chance.share(0.02, 0.5);
            model.delivered = 0.0;
            model.rhythm = Rhythm::Flat;
            let targets = 1 + chance.below(50) as u64;
            let salt = chance.next();
            let target = |place| 0x0ad0_0000 + Chance::new(salt ^ place).below(20_000) as u32 * 31;
            model.peers = Peers::Few((0..targets).map(target).collect());
        }
    }
    model
}

fn bot(model: &mut Model, chance: &mut Chance) {
    model.messages = chance.around(3000.0, 1.2);
    model.failing = chance.share(0.45, 0.5);
    model.refused = chance.share(0.3, 1.0);
    // What is refused before the end of DATA never fills a packet.
    model.delivered = chance.share(0.35, 0.8);
    model.full = chance.around(2.0, 0.6);
    model.is_windows = chance.is(0.95);
    let on_at_all_hours = chance.is(0.4);
    model.rhythm = if on_at_all_hours {
        Rhythm::Flat
    } else {
        Rhythm::Evening(8 + chance.below(12) as u32, 6 + chance.below(10) as u32)
    };
    model.peers = Peers::Anybody { providers: chance.share(0.3, 0.5) };
    if chance.is(0.5) {
        model.up.0 = chance.below(7) as u32;
    }
    model.days = 0.85;
}

/// A server of someone who sends little; strangers found it and send through it, at hours when nobody looks.
fn relay(model: &mut Model, chance: &mut Chance) {
    model.messages = chance.around(6000.0, 1.0);
    model.failing = chance.share(0.3, 0.5);
    model.delivered = chance.share(0.5, 0.6);
    model.full = chance.around(2.0, 0.6);
    model.is_windows = chance.is(0.5);
    model.rhythm = Rhythm::Run([22, 23, 0, 1, 2, 3, 4][chance.below(7)], 2 + chance.below(4) as u32);
    model.peers = Peers::Anybody { providers: 0.3 };
    model.days = 0.6;
    model.abusers = (0..1 + chance.below(20)).map(|_| STRANGE + (chance.next() % 0x0010_0000) as u32).collect();
}

/// Packets of a message from a stranger.
const INWARD_PLAN: [(Exchange, f64); 7] = [
    (Exchange::Syn, 1.1),
    (Exchange::Ack, 5.0),
    (Exchange::Command, 4.0),
    (Exchange::Middle, 0.9),
    (Exchange::Full, 3.5),
    (Exchange::SynAck, 1.0),
    (Exchange::Reply, 8.0),
];

fn takes_mail(host: &Model) -> bool {
    matches!(host.sort, Sort::Server | Sort::Migrated | Sort::List)
}

/// Messages of strangers to a server on a day.
fn messages_to(host: &Model) -> f64 {
    INWARD * host.messages / 800.0_f64.max(host.messages / 10.0)
}

/// Strangers send to each server of the population, and are answered.
pub(crate) fn strangers(chance: &mut Chance, view: View, hosts: &[Model], wire: &mut Wire<'_>, to: &mut Day) {
    let thinned = view.thinned();
    for host in hosts.iter().filter(|host| takes_mail(host)) {
        let messages = messages_to(host);
        for (exchange, packets) in INWARD_PLAN {
            for _ in 0..chance.poisson(messages * packets * thinned) {
                let client = wire.stranger(chance);
                wire.inward(exchange, client, host, host.hour(chance), chance, view, to);
            }
        }
    }
}

/// What all strangers together do on a day of a view.
pub(crate) struct Strangers {
    /// Packets in the order of [`Model::plan`].
    pub(crate) kinds: [f64; 8],
    /// By hour, UTC.
    pub(crate) hours: [f64; 24],
    /// What each server gets.
    pub(crate) weights: Vec<f64>,
}

impl Strangers {
    pub(crate) fn of(hosts: &[Model], view: View) -> Self {
        let mut all = Self { kinds: [0.0; 8], hours: [0.0; 24], weights: Vec::new() };
        for host in hosts.iter().filter(|host| takes_mail(host)) {
            let packets = seen_inward(host, view);
            let sum: f64 = packets.iter().sum();
            // Strangers are never refused.
            for (place, packets) in [0, 1, 2, 3, 4, 5, 7].into_iter().zip(packets) {
                all.kinds[place] += packets;
            }
            let day: f64 = (0..24).map(|hour| host.rhythm.weight(hour)).sum();
            for hour in 0..24u32 {
                let local = (hour as i32 + zone_of(host.address) / 60).rem_euclid(24) as u32;
                all.hours[hour as usize] += sum * host.rhythm.weight(local) / day;
            }
            all.weights.push(sum);
        }
        all
    }
}

/// Packets of strangers with a server that the view shows on a day, in the order of the plan.
fn seen_inward(host: &Model, view: View) -> [f64; 7] {
    INWARD_PLAN.map(|(exchange, packets)| {
        let is_hidden = view.is_asymmetric && if exchange.is_outward() { host.is_deaf } else { host.is_mute };
        if is_hidden { 0.0 } else { packets * messages_to(host) * view.thinned() }
    })
}

/// Packets with a host's own port 25 that the view shows on a day. `usual` is what a server gets that is known to many.
pub(crate) fn inward_of(host: &Model, view: View, usual: f64) -> f64 {
    match host.sort {
        Sort::Server | Sort::Migrated | Sort::List => usual + seen_inward(host, view).iter().sum::<f64>(),
        // As in `be_abused`.
        Sort::Relay => {
            let outward = if view.is_asymmetric && host.is_deaf { 0.0 } else { 1.63 };
            let back = if view.is_asymmetric && host.is_mute { 0.0 } else { 1.23 };
            (outward + back) * host.messages * view.thinned()
        }
        _ => 0.0,
    }
}
