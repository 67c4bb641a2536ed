//! The people and machines behind the exchange point: so many of each class, each with its network and its habits.

use super::exchange::{PORTS, SWITCHES};
use super::host::{Class, Machine, Partners, Trade};
use super::mix;
use super::net::{Network, Registry};
use super::rhythm::Rhythm;
use super::talk::Talk;
use crate::chance::Chance;

/// With so many hosts there is one network more, from the fewest to the most.
const HOSTS_OF_NETWORK: usize = 120;
const NETWORKS: (usize, usize) = (40, 900);

/// So often a partner behind another port is looked for; then there is no connection.
const TRIES: usize = 24;

/// Of a relay's messages each brings about so many recipients.
const RECIPIENTS: f64 = 20.0;

/// Everybody, and what each does.
pub(crate) struct Population {
    pub(crate) networks: Vec<Network>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) trades: Vec<Trade>,
    seed: u64,
    /// Machines by number: servers, those that refuse, addresses of nobody; of the older and of the newer protocol.
    servers: [Vec<u32>; 2],
    closed: [Vec<u32>; 2],
    nobody: [Vec<u32>; 2],
}

impl Population {
    /// So many hosts, who live for so many minutes.
    pub(crate) fn new(seed: u64, hosts: usize, minutes: u32) -> Self {
        let networks = (hosts / HOSTS_OF_NETWORK).clamp(NETWORKS.0, NETWORKS.1);
        let mut machines = settled(seed, hosts, networks);
        let mut registry = Registry::new(SWITCHES * PORTS);
        let mut chance = Chance::of(seed, "networks", 0);
        let mut of_network = vec![0_u32; networks];
        for machine in &mut machines {
            let count = &mut of_network[usize::from(machine.network)];
            machine.number = *count;
            *count += 1;
        }
        of_network.iter().for_each(|hosts| registry.add(Registry::country(&mut chance), *hosts));
        lives(seed, &mut machines, minutes);
        let pool = |wanted: &[Class]| {
            [false, true].map(|newer| {
                let fits = |(_, machine): &(usize, &Machine)| {
                    machine.is_newer == newer && wanted.contains(&machine.class) && machine.since == 0
                };
                machines.iter().enumerate().filter(fits).map(|(number, _)| number as u32).collect()
            })
        };
        let servers = pool(&[Class::MailServer, Class::MigratedServer, Class::OpenRelay]);
        let (closed, nobody) = (pool(&[Class::Closed]), pool(&[Class::Nobody]));
        let mut population =
            Self { networks: registry.networks, machines, trades: Vec::new(), seed, servers, closed, nobody };
        population.work(minutes);
        population
    }

    pub(crate) fn network(&self, machine: u32) -> &Network {
        &self.networks[usize::from(self.machines[machine as usize].network)]
    }

    pub(crate) fn address(&self, machine: u32) -> std::net::IpAddr {
        let (network, machine) = (self.network(machine), &self.machines[machine as usize]);
        if machine.is_newer { network.address_6(machine.number) } else { network.address(machine.number) }
    }

    /// With whom a trade has such a talk in this minute: somebody behind another port.
    pub(crate) fn partner(&self, trade: &Trade, talk: Talk, minute: u32, chance: &mut Chance) -> Option<u32> {
        let client = &self.machines[trade.host as usize];
        let family = usize::from(client.is_newer);
        let pool = match talk {
            Talk::Dead1 | Talk::Dead2 | Talk::Dead3 => &self.nobody[family],
            Talk::Refused => &self.closed[family],
            _ => &self.servers[family],
        };
        let port = self.network(trade.host).port;
        let find = |chance: &mut Chance| {
            (0..TRIES)
                .filter_map(|_| pool.get(chance.favourite(pool.len())).copied())
                .map(|partner| self.today(partner, minute))
                .find(|partner| self.network(*partner).port != port)
        };
        match trade.partners {
            Partners::One(partner) => Some(partner),
            Partners::Few { count, strange } if !talk.fails() && !chance.happens(f64::from(strange)) => {
                let key = u64::from(trade.host) << 16 | chance.below(count as usize) as u64;
                find(&mut Chance::of(self.seed, "partner", key))
            }
            _ => find(chance),
        }
    }

    /// Who has the place of this one now.
    fn today(&self, machine: u32, minute: u32) -> u32 {
        let of = &self.machines[machine as usize];
        of.heir.filter(|_| minute >= of.until).unwrap_or(machine)
    }

    fn work(&mut self, minutes: u32) {
        for host in 0..self.machines.len() as u32 {
            let machine = self.machines[host as usize];
            let mut chance = Chance::of(self.seed, "work", u64::from(host));
            if let Some(trade) = usual(host, &machine, &mut chance) {
                self.trades.push(trade);
            }
            if machine.class == Class::OpenRelay {
                self.relay(host, minutes, &mut chance);
            }
        }
    }

    /// What abusers do with an open relay: they bring messages in runs at night, and it sends them on.
    fn relay(&mut self, host: u32, minutes: u32, chance: &mut Chance) {
        let place = self.machines[host as usize].network;
        let days = chance.within(25, 60) as u8;
        let runs = |key| Rhythm::Runs { key, days, first: 1, last: 4, longest: 3 };
        // A key with which it is abused within the time that is told.
        let network = self.network(host);
        let hours = || (0..i64::from(minutes / 60)).map(|hour| network.clock(hour * 60));
        let is_abused = |key: &u32| hours().any(|hour| runs(*key).weight(hour, self.seed) > 0.0);
        let first = host << 8;
        let rhythm = runs((first..first + 255).find(is_abused).unwrap_or(first));
        let out = chance.lognormal(15_000.0, 0.7);
        let port = network.port;
        let mut abusers: Vec<_> = (0..self.machines.len() as u32)
            .filter(|other| {
                self.machines[*other as usize].class == Class::RelayAbuser && self.network(*other).port != port
            })
            .collect();
        let count = chance.within(12, 30).min(abusers.len());
        let trade = |host, per_day: f64, partners, mix, lag| Trade {
            host,
            per_day: per_day as f32,
            rhythm,
            partners,
            mix,
            place,
            lag,
        };
        self.trades.push(trade(host, out, Partners::Anyone, mix::RELAYED, 50));
        for _ in 0..count {
            let abuser = abusers.swap_remove(chance.below(abusers.len()));
            let brought = out / RECIPIENTS / count as f64;
            self.trades.push(trade(abuser, brought, Partners::One(host), mix::INJECTED, 0));
        }
    }
}

/// Everybody with class, network and system.
fn settled(seed: u64, hosts: usize, networks: usize) -> Vec<Machine> {
    let mut machines = Vec::with_capacity(hosts);
    let place = |class: Class, machines: &mut Vec<Machine>| {
        let mut chance = Chance::of(seed, class.name(), machines.len() as u64);
        // Some networks are much larger than others.
        let network = (chance.unit() * chance.unit() * networks as f64) as u16;
        machines.push(Machine {
            class,
            network,
            number: 0,
            is_newer: chance.below(1000) < class.newer() as usize,
            stack: class.stack(&mut chance),
            hops: chance.within(4, 18) as u8,
            since: 0,
            until: u32::MAX,
            heir: None,
        });
    };
    for class in Class::ALL {
        let least = if class == Class::MigratedServer { 2 } else { 1 };
        let count = (hosts as u64 * class.share() / 10_000).next_multiple_of(least).max(least);
        let count = if class == Class::SingleSmarthost { 0 } else { count };
        (0..count).for_each(|_| place(class, &mut machines));
    }
    while machines.len() < hosts {
        place(Class::SingleSmarthost, &mut machines);
    }
    machines
}

/// From when to when each is there.
fn lives(seed: u64, machines: &mut [Machine], minutes: u32) {
    let mut moved = None;
    for number in 0..machines.len() {
        let mut chance = Chance::of(seed, "life", number as u64);
        match machines[number].class {
            Class::Bot if minutes > 1440 => {
                if chance.happens(0.4) {
                    machines[number].since = chance.below(minutes as usize * 3 / 4) as u32 + 1;
                } else if chance.happens(0.25) {
                    machines[number].until = (f64::from(minutes) * chance.between(0.3, 0.9)) as u32;
                }
            }
            Class::MigratedServer => match moved.take() {
                None => moved = Some(number),
                Some(old) => {
                    let at = (f64::from(minutes) * chance.between(0.4, 0.6)) as u32;
                    machines[old].until = at;
                    machines[old].heir = Some(number as u32);
                    machines[number].since = at;
                }
            },
            _ => {}
        }
    }
}

/// What a host of its class does.
fn usual(host: u32, machine: &Machine, chance: &mut Chance) -> Option<Trade> {
    let of = |median: f64, sigma: f64, chance: &mut Chance| chance.lognormal(median, sigma).min(400_000.0);
    let few = |count: usize, strange: f32| Partners::Few { count: count as u32, strange };
    let (per_day, rhythm, partners, mix) = match machine.class {
        Class::MailServer | Class::MigratedServer => {
            let count = chance.within(10, 60);
            (of(400.0, 1.6, chance), Rhythm::Steady, few(count, 0.3), mix::SERVER)
        }
        Class::OpenRelay => (of(150.0, 1.0, chance), Rhythm::Steady, few(20, 0.3), mix::SERVER),
        Class::OutboundGateway => {
            let rhythm = if chance.happens(0.6) { Rhythm::Office } else { Rhythm::Steady };
            (of(8000.0, 1.0, chance), rhythm, few(200, 0.4), mix::GATEWAY)
        }
        Class::ScatteredGateway => {
            let rhythm = if chance.happens(0.5) { Rhythm::Flat } else { Rhythm::Steady };
            (of(6000.0, 0.8, chance), rhythm, Partners::Anyone, mix::SCATTERED)
        }
        Class::ListSender => {
            let runs = Rhythm::Runs { key: host << 8, days: 90, first: 6, last: 20, longest: 4 };
            (of(50_000.0, 0.8, chance), runs, Partners::Anyone, mix::LIST)
        }
        Class::SingleSmarthost => {
            let rhythm = if chance.happens(0.5) { Rhythm::Office } else { Rhythm::Evening };
            (of(15.0, 1.2, chance), rhythm, few(1, 0.0), mix::CLIENT)
        }
        Class::NatOffice => {
            let count = chance.within(3, 8);
            (of(400.0, 0.8, chance), Rhythm::Office, few(count, 0.0), mix::OFFICE)
        }
        Class::Monitor => {
            let count = chance.within(1, 20);
            (288.0 * count as f64, Rhythm::Flat, few(count, 0.0), mix::MONITOR)
        }
        Class::Bot => {
            let rhythm = match chance.below(10) {
                0..5 => Rhythm::Flat,
                5..8 => Rhythm::Evening,
                _ => Rhythm::Runs { key: host << 8, days: 80, first: 0, last: 23, longest: 8 },
            };
            let mix = mix::BOTS + chance.below(mix::BOTS_FAIL.len()) as u16;
            (of(3000.0, 1.0, chance), rhythm, Partners::Anyone, mix)
        }
        Class::ForgedSource => {
            let runs = Rhythm::Runs { key: host << 8, days: 60, first: 0, last: 23, longest: 2 };
            (of(2000.0, 1.0, chance), runs, Partners::Anyone, mix::FORGED)
        }
        Class::RelayAbuser | Class::Closed | Class::Nobody => return None,
    };
    Some(Trade { host, per_day: per_day as f32, rhythm, partners, mix, place: machine.network, lag: 0 })
}
