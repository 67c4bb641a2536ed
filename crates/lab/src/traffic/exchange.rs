//! The switches of the exchange point: they count what they sample, fill datagrams, lose some, and start anew.
//!
//! A packet is sampled where it comes in. Some ports sample what goes out as well, as if by mistake: then a packet can be
//! sampled twice. Sequence numbers, pool and drops go on as those of real switches do: a sample that the switch had no time for
//! moves pool and drops, a datagram that was lost on the way moves everything.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::frame::{Link, Segment, datagram};
use super::net::{EXCHANGE_AS, Network};
use super::pcap::Capture;
use super::tally::{Mail, Tally};
use super::wire::{Counters, Flow, MOST_SAMPLE, Route, Source, Version};
use crate::chance::Chance;

const SECOND: i64 = 1_000_000;

/// The switches, and how many ports each has; the last one is reached by IPv6.
pub(crate) const SWITCHES: u16 = 4;
pub(crate) const PORTS: u16 = 16;

/// A datagram waits that long for more samples.
const FLUSH_AFTER: i64 = SECOND;
/// … and does not get longer than that, unless the samples in one are fixed.
const MOST_BYTES: usize = 1400;

/// Between two samples of the counters of a port.
const COUNTERS_EVERY: i64 = 120 * SECOND;

/// A switch is up for that long when the capture starts …
const UP_BEFORE: i64 = 20 * 86_400 * SECOND;
/// … and forwards nothing for that long when it starts anew.
const STARTS_WITHIN: i64 = 60 * SECOND;

/// The VLAN of the exchange point.
const VLAN: u16 = 100;
/// The interface towards the other switches.
const TRUNK: u32 = 99;
/// What the numbers of interfaces start at where samples are expanded: more than the short form has room for.
const EXPANDED: u32 = 1 << 25;

/// What the switches do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) version: Version,
    pub(crate) rate: u32,
    /// The share of datagrams that are lost, of samples that a switch drops, and of ports that sample what goes out too.
    pub(crate) loss: f64,
    pub(crate) drops: f64,
    pub(crate) egress: f64,
    /// How often a switch starts anew in all the time.
    pub(crate) restarts: u32,
    /// Whether samples have the route of their packet.
    pub(crate) routes: bool,
    /// So many samples are in each datagram, whatever its length and age, and no counters.
    pub(crate) samples: Option<u32>,
    pub(crate) seed: u64,
    /// In microseconds.
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// What was sampled, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passing<'a> {
    pub(crate) at: i64,
    pub(crate) from: &'a Network,
    pub(crate) to: &'a Network,
    /// At the port where it leaves.
    pub(crate) egress: bool,
}

/// What a switch did in all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    /// In the capture …
    pub(crate) datagrams: u64,
    pub(crate) samples: u64,
    pub(crate) counters: u64,
    /// … and lost on the way.
    pub(crate) lost_datagrams: u64,
    pub(crate) lost_samples: u64,
    pub(crate) drops: u64,
    pub(crate) restarts: u32,
}

/// What all switches did, each with its address; the mail that arrived, and how many samples were of something else; the bytes
/// of the capture.
pub(crate) struct Finished {
    pub(crate) accounts: Vec<(IpAddr, Account)>,
    pub(crate) tally: Tally,
    pub(crate) others: u64,
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Port {
    number: u16,
    samples_egress: bool,
    is_tagged: bool,
    sequence: u32,
    pool: u64,
    drops: u32,
    bytes: u64,
    counted: u32,
}

struct Switch {
    agent: IpAddr,
    ports: Vec<Port>,
    boot: i64,
    restarts: Vec<i64>,
    sequence: u32,
    body: Vec<u8>,
    samples: u32,
    counters: u32,
    /// When the first sample in the body was taken.
    oldest: Option<i64>,
    next_counters: i64,
    turn: usize,
    /// Mail in the body, to be counted when it arrives.
    mail: Vec<Mail>,
    account: Account,
}

/// All switches with their capture.
pub(crate) struct Exchange<W> {
    setting: Setting,
    switches: Vec<Switch>,
    capture: Capture<W>,
    chance: Chance,
    frame: Vec<u8>,
    head: Vec<u8>,
    /// When something is to be done next.
    due: i64,
    tally: Tally,
    /// Packets that are no mail, whether their samples arrived or not.
    others: u64,
}

impl<W: Write> Exchange<W> {
    pub(crate) fn new(out: W, setting: Setting, tally: Tally) -> io::Result<Self> {
        let mut chance = Chance::of(setting.seed, "switches", 0);
        let switches = (0..SWITCHES).map(|number| Switch::new(number, &setting, &mut chance)).collect();
        let capture = Capture::new(out)?;
        let (frame, head, others) = (Vec::new(), Vec::new(), 0);
        let mut exchange = Self { setting, switches, capture, chance, frame, head, due: 0, tally, others };
        exchange.schedule();
        Ok(exchange)
    }

    /// A packet of mail that a switch sampled.
    pub(crate) fn mail(&mut self, passing: &Passing<'_>, segment: &Segment<'_>, mail: Mail) -> io::Result<()> {
        let length = segment.write(self.link(passing), &mut self.frame);
        self.sample(passing, length, Some(mail))
    }

    /// A packet of something else.
    pub(crate) fn other(&mut self, passing: &Passing<'_>, segment: &Segment<'_>) -> io::Result<()> {
        self.others += 1;
        let length = segment.write(self.link(passing), &mut self.frame);
        self.sample(passing, length, None)
    }

    /// … that is not even TCP.
    pub(crate) fn udp(
        &mut self,
        passing: &Passing<'_>,
        ends: (std::net::SocketAddr, std::net::SocketAddr),
        length: u16,
    ) -> io::Result<()> {
        self.others += 1;
        let length = datagram(self.link(passing), ends, length, &mut self.frame);
        self.sample(passing, length, None)
    }

    /// Whether the port that a packet leaves by samples it there.
    pub(crate) fn samples_egress(&self, to: &Network) -> bool {
        let (switch, port) = place(to);
        self.switches[switch].ports[port].samples_egress
    }

    fn link(&self, passing: &Passing<'_>) -> Link {
        let (switch, port) = place(if passing.egress { passing.to } else { passing.from });
        let tag = self.switches[switch].ports[port].is_tagged.then_some(VLAN);
        let router = |network: &Network| [2, 0, 0, 1, (network.port >> 8) as u8, network.port as u8];
        Link { from: router(passing.from), to: router(passing.to), tag }
    }

    fn sample(&mut self, passing: &Passing<'_>, length: u32, mail: Option<Mail>) -> io::Result<()> {
        self.advance(passing.at)?;
        let setting = self.setting;
        let ((input_switch, input), (output_switch, output)) = (place(passing.from), place(passing.to));
        let (number, place) = if passing.egress { (output_switch, output) } else { (input_switch, input) };
        let (skip, dropped) = (self.chance.below(2 * setting.rate as usize - 1) as u64 + 1, setting.drops);
        let dropped = dropped > 0.0 && self.chance.happens(dropped);
        let switch = &mut self.switches[number];
        if passing.at < switch.boot {
            return Ok(());
        }
        let port = &mut switch.ports[place];
        port.pool += skip;
        port.bytes += u64::from(length) * skip;
        if dropped {
            port.drops += 1;
            switch.account.drops += 1;
            return Ok(());
        }
        port.sequence += 1;
        let index = |at: usize, of: usize| if of == number { setting.index(at) } else { setting.base() + TRUNK };
        let source = Source {
            sequence: port.sequence,
            index: setting.index(place),
            rate: setting.rate,
            pool: port.pool as u32,
            drops: port.drops,
        };
        let flow = Flow {
            source,
            input: index(input, input_switch),
            output: index(output, output_switch),
            header: &self.frame,
            length,
            vlan: u32::from(VLAN),
            route: setting.routes.then(|| route(passing)),
        };
        setting.version.flow(&flow, &mut switch.body);
        switch.samples += 1;
        switch.mail.extend(mail);
        switch.oldest.get_or_insert(passing.at);
        let is_full = match setting.samples {
            Some(samples) => switch.samples >= samples,
            None => switch.body.len() > MOST_BYTES - MOST_SAMPLE,
        };
        if is_full {
            self.send(number, passing.at)?;
        }
        self.due = self.due.min(passing.at + FLUSH_AFTER);
        Ok(())
    }

    /// Does what is due until then, in its order.
    fn advance(&mut self, at: i64) -> io::Result<()> {
        while self.due <= at {
            let due = self.due;
            for number in 0..self.switches.len() {
                let switch = &mut self.switches[number];
                if switch.restarts.last().is_some_and(|restart| *restart <= due) {
                    switch.restarts.pop();
                    self.send(number, due)?;
                    self.switches[number].restart(due);
                }
                let switch = &mut self.switches[number];
                if self.setting.samples.is_none() && switch.oldest.is_some_and(|oldest| oldest + FLUSH_AFTER <= due) {
                    self.send(number, due)?;
                }
                if self.switches[number].next_counters <= due {
                    self.counters(number, due)?;
                }
            }
            self.schedule();
        }
        Ok(())
    }

    fn schedule(&mut self) {
        let fixed = self.setting.samples.is_some();
        self.due = self.switches.iter().map(|switch| switch.due(fixed)).min().unwrap_or(i64::MAX);
    }

    fn counters(&mut self, number: usize, at: i64) -> io::Result<()> {
        let setting = self.setting;
        let switch = &mut self.switches[number];
        let turn = switch.turn;
        switch.turn = (turn + 1) % switch.ports.len();
        switch.next_counters += COUNTERS_EVERY / i64::from(PORTS);
        if at < switch.boot {
            return Ok(());
        }
        let port = &mut switch.ports[turn];
        port.counted += 1;
        let counters = Counters {
            sequence: port.counted,
            index: setting.index(turn),
            interval: (COUNTERS_EVERY / SECOND) as u32,
            speed: 10_000_000_000,
            bytes: port.bytes,
            packets: port.pool,
        };
        setting.version.counters(&counters, &mut switch.body);
        switch.counters += 1;
        switch.oldest.get_or_insert(at);
        if switch.body.len() > MOST_BYTES - MOST_SAMPLE {
            self.send(number, at)?;
        }
        Ok(())
    }

    /// Sends what is in the body of a switch, if anything is.
    fn send(&mut self, number: usize, at: i64) -> io::Result<()> {
        let is_lost = self.setting.loss > 0.0 && self.chance.happens(self.setting.loss);
        let switch = &mut self.switches[number];
        if switch.oldest.take().is_none() {
            return Ok(());
        }
        switch.sequence += 1;
        let uptime = ((at - switch.boot) / 1000) as u32;
        if is_lost {
            switch.account.lost_datagrams += 1;
            switch.account.lost_samples += u64::from(switch.samples);
        } else {
            self.head.clear();
            let samples = switch.samples + switch.counters;
            self.setting.version.head(switch.agent, switch.sequence, uptime, samples, &mut self.head);
            self.capture.datagram(at, switch.agent, [&self.head, &switch.body])?;
            switch.account.datagrams += 1;
            switch.account.samples += u64::from(switch.samples);
            switch.account.counters += u64::from(switch.counters);
            switch.mail.iter().for_each(|mail| self.tally.add(mail));
        }
        switch.body.clear();
        switch.mail.clear();
        (switch.samples, switch.counters) = (0, 0);
        Ok(())
    }

    /// Sends the rest.
    pub(crate) fn finish(mut self) -> io::Result<Finished> {
        self.advance(self.setting.end)?;
        let last = if self.setting.samples.is_none() { self.switches.len() } else { 0 };
        for number in 0..last {
            self.send(number, self.setting.end)?;
        }
        let accounts = self.switches.iter().map(|switch| (switch.agent, switch.account)).collect();
        Ok(Finished { accounts, tally: self.tally, bytes: self.capture.finish()?, others: self.others })
    }

    pub(crate) fn datagrams(&self) -> u64 {
        self.switches.iter().map(|switch| switch.account.datagrams).sum()
    }
}

impl Setting {
    const fn base(&self) -> u32 {
        match self.version {
            Version::V5Expanded => EXPANDED,
            Version::V2 | Version::V4 | Version::V5 => 0,
        }
    }

    const fn index(&self, port: usize) -> u32 {
        self.base() + port as u32 + 1
    }
}

impl Switch {
    fn new(number: u16, setting: &Setting, chance: &mut Chance) -> Self {
        let agent = if number + 1 == SWITCHES {
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number + 0x10).into()
        } else {
            Ipv4Addr::new(192, 0, 2, number as u8 + 0x10).into()
        };
        let port = |of: u16, chance: &mut Chance| Port {
            number: of,
            samples_egress: chance.happens(setting.egress),
            is_tagged: (number + of).is_multiple_of(3),
            sequence: 0,
            pool: 0,
            drops: 0,
            bytes: 0,
            counted: 0,
        };
        let ports = (0..PORTS).map(|of| port(of, chance)).collect();
        // The restarts go round the switches, each in its part of the time.
        let all = setting.restarts;
        let part = (setting.end - setting.start) as f64 / f64::from(all.max(1));
        let of_this = (0..all).filter(|turn| turn % u32::from(SWITCHES) == u32::from(number));
        let mut restarts: Vec<_> =
            of_this.map(|turn| setting.start + (part * (f64::from(turn) + chance.between(0.3, 0.7))) as i64).collect();
        restarts.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            agent,
            ports,
            boot: setting.start - UP_BEFORE - i64::from(number) * 86_400 * SECOND,
            restarts,
            sequence: 0,
            body: Vec::new(),
            samples: 0,
            counters: 0,
            oldest: None,
            next_counters: if setting.samples.is_some() {
                i64::MAX
            } else {
                setting.start + i64::from(number) * SECOND
            },
            turn: 0,
            mail: Vec::new(),
            account: Account::default(),
        }
        .aged(chance)
    }

    /// It has been up for a while: its counters are somewhere.
    fn aged(mut self, chance: &mut Chance) -> Self {
        self.sequence = chance.below(1 << 30) as u32;
        for port in &mut self.ports {
            port.sequence = chance.below(1 << 28) as u32;
            port.pool = chance.next() >> 24;
        }
        self
    }

    fn restart(&mut self, at: i64) {
        self.boot = at + STARTS_WITHIN;
        self.sequence = 0;
        self.account.restarts += 1;
        for port in &mut self.ports {
            let Port { number, samples_egress, is_tagged, .. } = *port;
            *port = Port { number, samples_egress, is_tagged, sequence: 0, pool: 0, drops: 0, bytes: 0, counted: 0 };
        }
    }

    /// When something is to be done; where the samples in a datagram are fixed, nothing is sent for its age.
    fn due(&self, fixed: bool) -> i64 {
        let flush = self.oldest.filter(|_| !fixed).map_or(i64::MAX, |oldest| oldest + FLUSH_AFTER);
        let restart = self.restarts.last().copied().unwrap_or(i64::MAX);
        flush.min(restart).min(self.next_counters)
    }
}

/// The switch and its port behind which a network is.
fn place(network: &Network) -> (usize, usize) {
    (usize::from(network.port / PORTS), usize::from(network.port % PORTS))
}

fn route(passing: &Passing<'_>) -> Route {
    Route {
        next_hop: Ipv4Addr::new(192, 0, 2, 100 + passing.to.port as u8).into(),
        own_as: EXCHANGE_AS,
        source_as: passing.from.asn,
        source_peer: passing.from.member,
        path: [passing.to.member, passing.to.asn],
    }
}
