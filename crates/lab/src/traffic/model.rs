//! The model of an exchange point: its arguments, and how its days go by.
//!
//! Only packets that are sampled are made. Connections come as a Poisson process, so those of which a packet is sampled are
//! drawn by themselves, with the probability that any of their packets is; which ones are, geometric skips tell. That is what
//! sampling each packet by itself would give, and it costs what the samples cost, not what the traffic would.

use std::io::{self, Write};
use std::net::SocketAddr;

use evidence::Time;

use super::exchange::{Exchange, Passing, Setting};
use super::frame::Segment;
use super::mix::{Mix, Talks};
use super::other::Other;
use super::output::{Host, Written};
use super::population::Population;
use super::talk::{Talk, payload, sampled};
use super::tally::{Mail, Tally};
use super::wire::Version;
use crate::chance::Chance;

/// The arguments of the model.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    pub seed: u64,
    pub hosts: usize,
    pub days: u32,
    /// One packet of so many is sampled.
    pub rate: u32,
    pub version: Version,
    /// The share of pairs of networks of which one direction goes another way.
    pub asymmetry: f64,
    /// The share of datagrams that are lost.
    pub loss: f64,
    /// The share of samples that switches have no time for.
    pub drops: f64,
    /// The share of ports that sample what goes out as well.
    pub egress: f64,
    pub restarts: u32,
    /// The share of sampled packets that is mail.
    pub mail: f64,
    /// The first midnight, a Monday's.
    pub start: Time,
}

/// The fewest and the most hosts, and the most days: the addresses are as many as these need, and fewer hosts would not be of
/// all classes.
pub const FEWEST_HOSTS: usize = 500;
pub const MOST_HOSTS: usize = 1_000_000;
pub const MOST_DAYS: u32 = 92;

/// The most packets of which one is sampled: the field of a sample has room for no more in its old form.
pub const MOST_RATE: u32 = 1 << 24;

/// Monday, 2026-03-02.
const START: Time = Time::from_micros(1_772_409_600_000_000);

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

impl Default for Model {
    fn default() -> Self {
        Self {
            seed: 1,
            hosts: 25_000,
            days: 1,
            rate: 2048,
            version: Version::V5,
            asymmetry: 0.0,
            loss: 0.0,
            drops: 0.0,
            egress: 0.0,
            restarts: 0,
            mail: 1.0,
            start: START,
        }
    }
}

/// A packet that is sampled.
#[derive(Clone, Copy)]
struct Event {
    at: i64,
    client: u32,
    server: u32,
    talk: Talk,
    step: u8,
    egress: bool,
    key: u32,
}

/// What one trade came to.
#[derive(Clone, Copy, Default)]
struct Came {
    /// Expected connections, so far.
    expected: f64,
    seen: u64,
    failing: u64,
}

/// The days in the making.
struct Days<'a> {
    model: &'a Model,
    population: Population,
    talks: Talks,
    mixes: Vec<Mix>,
    came: Vec<Came>,
    events: Vec<Event>,
}

impl Model {
    /// Writes the capture. `progress` is told how many of how many hours are written. What is beyond the bounds of an argument
    /// is as if it were the bound.
    pub fn write(&self, out: impl Write, progress: &dyn Fn(u64, u64)) -> io::Result<Written> {
        let model = Self {
            hosts: self.hosts.clamp(FEWEST_HOSTS, MOST_HOSTS),
            days: self.days.clamp(1, MOST_DAYS),
            rate: self.rate.clamp(1, MOST_RATE),
            ..*self
        };
        let days = Days::new(&model);
        let start = model.start.micros();
        let hours = i64::from(model.days) * 24;
        let setting = Setting {
            version: model.version,
            rate: model.rate,
            loss: model.loss,
            drops: model.drops,
            egress: model.egress,
            restarts: model.restarts,
            routes: true,
            samples: None,
            seed: model.seed,
            start,
            end: start + hours * HOUR,
        };
        let exchange = Exchange::new(out, setting, Tally::of(days.population.machines.len()))?;
        days.run(exchange, hours, progress)
    }
}

impl<'a> Days<'a> {
    fn new(model: &'a Model) -> Self {
        let population = Population::new(model.seed, model.hosts, model.days * 1440);
        let talks = Talks::new(model.egress > 0.0);
        let mixes = talks.mixes(model.rate);
        let came = vec![Came::default(); population.trades.len()];
        Self { model, population, talks, mixes, came, events: Vec::new() }
    }

    fn run<W: Write>(
        mut self,
        mut exchange: Exchange<W>,
        hours: i64,
        progress: &dyn Fn(u64, u64),
    ) -> io::Result<Written> {
        let mut other = Other::new(self.model.seed, self.model.mail, self.model.start.micros());
        let mut said = Vec::new();
        for hour in 0..hours {
            self.draw(hour, &exchange);
            let end = self.model.start.micros() + (hour + 1) * HOUR;
            self.events.sort_unstable_by_key(|event| (event.at, event.client, event.key, event.step, event.egress));
            let until = self.events.partition_point(|event| event.at < end);
            let later = self.events.split_off(until);
            for event in std::mem::replace(&mut self.events, later) {
                other.until(event.at, &mut exchange, &self.population.networks)?;
                self.send(&mut exchange, &event, &mut said)?;
            }
            progress(hour as u64 + 1, hours as u64);
        }
        let hosts = self.hosts();
        let done = exchange.finish()?;
        let (start, end) = (self.model.start, Time::from_micros(self.model.start.micros() + hours * HOUR));
        let networks = self.population.networks;
        Ok(Written { start, end, networks, hosts, done })
    }

    /// The sampled packets of the connections that begin in an hour.
    fn draw<W: Write>(&mut self, hour: i64, exchange: &Exchange<W>) {
        for number in 0..self.population.trades.len() {
            let trade = self.population.trades[number];
            let mix = &self.mixes[usize::from(trade.mix)];
            let clock = self.population.networks[usize::from(trade.place)].clock(hour * 60);
            let weight = trade.rhythm.weight(clock, self.model.seed);
            let machine = &self.population.machines[trade.host as usize];
            let minutes = hour as u32 * 60..(hour as u32 + 1) * 60;
            let there = machine.since.max(minutes.start)..machine.until.min(minutes.end);
            let part = there.end.saturating_sub(there.start) as f32 / 60.0;
            let expected = f64::from(trade.per_day * weight * part);
            if expected <= 0.0 {
                continue;
            }
            self.came[number].expected += expected;
            let mut chance = Chance::of(self.model.seed, "hour", (number as u64) << 16 | hour as u64);
            for _ in 0..chance.poisson(expected * mix.seen) {
                let minute = chance.between(f64::from(there.start), f64::from(there.end));
                let lag = chance.between(0.0, f64::from(trade.lag));
                let at = self.model.start.micros() + ((minute + lag) * MINUTE as f64) as i64;
                let talk = mix.talk(&mut chance);
                let Some(partner) = self.population.partner(&trade, talk, minute as u32, &mut chance) else { continue };
                self.came[number].seen += 1;
                self.came[number].failing += u64::from(talk.fails());
                let pair = (trade.host, partner);
                sample(
                    &self.population,
                    &self.talks,
                    self.model,
                    exchange,
                    (at, pair, talk),
                    &mut chance,
                    &mut self.events,
                );
            }
        }
    }

    fn send<W: Write>(&self, exchange: &mut Exchange<W>, event: &Event, said: &mut Vec<u8>) -> io::Result<()> {
        let population = &self.population;
        let step = &self.talks.steps(event.talk)[usize::from(event.step)];
        let port = 1024 + (event.key % 60_000) as u16;
        let client = SocketAddr::new(population.address(event.client), port);
        let server = SocketAddr::new(population.address(event.server), 25);
        let (from, to, source, destination) = if step.from_client {
            (event.client, event.server, client, server)
        } else {
            (event.server, event.client, server, client)
        };
        let sender = &population.machines[from as usize];
        let most = sender.stack.most_payload();
        let length = payload(step, most, u64::from(event.key), said);
        let segment = Segment {
            source,
            destination,
            flags: step.flags,
            sequence: event.key.rotate_left(if step.from_client { 3 } else { 19 }).wrapping_add(step.sent),
            acknowledged: event.key.rotate_left(if step.from_client { 19 } else { 3 }).wrapping_add(1),
            stack: sender.stack,
            hops: sender.hops,
            payload: said,
            length,
        };
        let passing =
            Passing { at: event.at, from: population.network(from), to: population.network(to), egress: event.egress };
        let mail =
            Mail { client: event.client, server: event.server, from_client: step.from_client, flags: step.flags };
        exchange.mail(&passing, &segment, mail)
    }

    /// All hosts with what they did, whether anybody saw it or not.
    fn hosts(&self) -> Vec<Host> {
        let population = &self.population;
        let start = self.model.start;
        let minute = |minute: u32| Time::from_micros(start.micros() + i64::from(minute) * MINUTE);
        let mut hosts: Vec<_> = (0..population.machines.len() as u32)
            .map(|number| {
                let machine = &population.machines[number as usize];
                let mut host =
                    Host::any(population.address(number), machine.class.name(), usize::from(machine.network));
                host.since = Some(minute(machine.since));
                host.until = Some(minute(machine.until.min(self.model.days * 1440)));
                host
            })
            .collect();
        for (number, (trade, came)) in population.trades.iter().zip(&self.came).enumerate() {
            let mut chance = Chance::of(self.model.seed, "unseen", number as u64);
            let host = &mut hosts[trade.host as usize];
            host.connections += came.seen;
            host.failing += came.failing;
            for (talk, share) in &self.mixes[usize::from(trade.mix)].talks {
                let unseen = 1.0 - super::talk::seen(self.talks.slots(*talk), self.model.rate);
                let count = chance.poisson(came.expected * share * unseen) as u64;
                host.connections += count;
                host.failing += if talk.fails() { count } else { 0 };
            }
        }
        hosts
    }
}

/// Draws which packets of a connection are sampled, of those that go over the exchange point.
fn sample<W: Write>(
    population: &Population,
    talks: &Talks,
    model: &Model,
    exchange: &Exchange<W>,
    what: (i64, (u32, u32), Talk),
    chance: &mut Chance,
    events: &mut Vec<Event>,
) {
    let (at, (client, server), talk) = what;
    let steps = talks.steps(talk);
    let key = chance.next() as u32;
    for slot in sampled(talks.slots(talk), model.rate, chance) {
        let (step, egress) = (slot % steps.len(), slot >= steps.len());
        let (from, to) = if steps[step].from_client { (client, server) } else { (server, client) };
        let networks = [from, to].map(|machine| population.machines[machine as usize].network);
        if goes_another_way(model, networks) || egress && !exchange.samples_egress(population.network(to)) {
            continue;
        }
        let at = at + i64::from(steps[step].after) * 1000;
        events.push(Event { at, client, server, talk, step: step as u8, egress, key });
    }
}

/// Whether this direction between two networks does not go over the exchange point.
fn goes_another_way(model: &Model, networks: [u16; 2]) -> bool {
    if model.asymmetry <= 0.0 {
        return false;
    }
    let (low, high) = (networks[0].min(networks[1]), networks[0].max(networks[1]));
    let mut chance = Chance::of(model.seed, "way", u64::from(low) << 16 | u64::from(high));
    chance.happens(model.asymmetry) && (chance.next() & 1 == 0) == (networks[0] == low)
}
