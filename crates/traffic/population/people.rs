//! Who there is: numbers, habits, and the strangers who only send to the servers of the population.

use traffic::Day;

use crate::population::View;
use crate::population::chance::Chance;
use crate::population::host::{Model, Peers, Rhythm, Sort};
use crate::population::wire::{Exchange, Wire};

/// How many there are of each sort.
const PEOPLE: [(Sort, u32); 9] = [
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
const COMPANIES: (u32, u32) = (64, 120);

/// Spammers that send through relays.
const STRANGE: u32 = 0x0b00_0000;

/// Messages that a server of the population gets from strangers on a day.
const INWARD: f64 = 2000.0;

pub(crate) fn all(chance: &mut Chance) -> Vec<Model> {
    let mut hosts = Vec::new();
    let mut next = [0u32; 256];
    for (sort, count) in PEOPLE {
        for _ in 0..count {
            // What is where: most bots and clients with households, most servers not, some the other way.
            let at_home = match sort {
                Sort::Client => 0.9,
                Sort::Bot => 0.93,
                Sort::Office | Sort::Relay => 0.5,
                Sort::Server | Sort::Migrated => 0.08,
                Sort::Gateway => 0.06,
                Sort::List | Sort::Monitor => 0.02,
            };
            let network = if chance.is(at_home) {
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

fn one(sort: Sort, address: u32, chance: &mut Chance) -> Model {
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

/// Strangers send to each server of the population, and are answered.
pub(crate) fn strangers(chance: &mut Chance, view: View, hosts: &[Model], wire: &mut Wire<'_>, to: &mut Day) {
    let thinned = (1.0 - view.loss) / f64::from(view.rate);
    let plan = [
        (Exchange::Syn, 1.1),
        (Exchange::Ack, 5.0),
        (Exchange::Command, 4.0),
        (Exchange::Middle, 0.9),
        (Exchange::Full, 3.5),
        (Exchange::SynAck, 1.0),
        (Exchange::Reply, 8.0),
    ];
    for host in hosts.iter().filter(|host| matches!(host.sort, Sort::Server | Sort::Migrated | Sort::List)) {
        let messages = INWARD * host.messages / 800.0_f64.max(host.messages / 10.0);
        for (exchange, packets) in plan {
            for _ in 0..chance.poisson(messages * packets * thinned) {
                let client = wire.stranger(chance);
                wire.inward(exchange, client, host, host.hour(chance), chance, view, to);
            }
        }
    }
}
