//! A host of the population: what it does in a day, and how.

use traffic::Day;

use crate::population::View;
use crate::population::chance::Chance;
use crate::population::wire::{Exchange, Wire};

/// What a host is in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sort {
    Server,
    /// A server that began to send and to answer during the window.
    Migrated,
    Gateway,
    List,
    Client,
    Office,
    Bot,
    Relay,
    Monitor,
}

/// When a host is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rhythm {
    Flat,
    /// Mostly in local business hours.
    Business,
    /// In the hours in which a household's computer is on: from, for how long.
    Evening(u32, u32),
    /// Runs of hours from one on, local.
    Run(u32, u32),
}

impl Rhythm {
    /// How much is done in a local hour, against the busiest.
    pub(crate) fn weight(self, hour: u32) -> f64 {
        match self {
            Self::Flat => 1.0,
            Self::Business => [0.2, 0.6, 1.0][usize::from(hour > 6) + usize::from((8..19).contains(&hour))],
            Self::Evening(from, long) | Self::Run(from, long) => f64::from(u8::from((hour + 24 - from) % 24 < long)),
        }
    }
}

/// Whom a host sends to.
#[derive(Clone, Debug)]
pub(crate) enum Peers {
    /// These, alike.
    Few(Vec<u32>),
    /// Providers with a share, else its own circle of so many, by a power law.
    Circle { providers: f64, size: usize, salt: u64 },
    /// Providers with a share, else anybody.
    Anybody { providers: f64 },
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) sort: Sort,
    pub(crate) address: u32,
    /// Messages it tries to send on a day.
    pub(crate) messages: f64,
    /// Share of attempts that find nobody, or are refused.
    pub(crate) failing: f64,
    /// … of those, refused with a reset.
    pub(crate) refused: f64,
    /// Share of accepted connections in which a message is transferred.
    pub(crate) delivered: f64,
    /// Full packets of a message.
    pub(crate) full: f64,
    pub(crate) is_windows: bool,
    pub(crate) is_mixed: bool,
    pub(crate) rhythm: Rhythm,
    pub(crate) peers: Peers,
    /// First and last day of the window on which it is up.
    pub(crate) up: (u32, u32),
    /// Share of those days on which it does anything.
    pub(crate) days: f64,
    /// Whether its answers, or its own packets, take another way.
    pub(crate) is_deaf: bool,
    pub(crate) is_mute: bool,
    /// Spammers that send through it, and messages by each connection of theirs.
    pub(crate) abusers: Vec<u32>,
}

/// The zone of a /16, in minutes: -8 to +9 hours.
pub(crate) fn zone_of(address: u32) -> i32 {
    ((address >> 16).wrapping_mul(2_654_435_761) >> 16) as i32 % 18 * 60 - 480
}

impl Model {
    pub(crate) fn is_up(&self, day: u32) -> bool {
        (self.up.0..=self.up.1).contains(&day)
    }

    /// The packets of a day, of which the view samples some.
    pub(crate) fn act(&self, chance: &mut Chance, _day: u32, view: View, wire: &mut Wire<'_>, to: &mut Day) {
        if !chance.is(self.days) {
            return;
        }
        let messages = self.messages * chance.around(1.0, 0.3);
        let thinned = view.thinned();
        let plan = self.plan(messages);
        for (exchange, packets) in plan {
            if exchange.is_hidden(self, view) {
                continue;
            }
            for _ in 0..chance.poisson(packets * thinned) {
                let peer = self.peer(exchange, chance, wire);
                wire.carry(exchange, self, peer, self.hour(chance), chance, view, to);
            }
        }
        self.be_abused(messages, thinned, chance, view, wire, to);
    }

    /// Packets of so many messages, by sort: a refused connection is tried once, a dead one three times.
    pub(crate) fn plan(&self, messages: f64) -> [(Exchange, f64); 8] {
        let (failing, accepted) = (messages * self.failing, messages * (1.0 - self.failing));
        let sent = accepted * self.delivered;
        [
            (Exchange::Syn, accepted + failing * (self.refused + 3.0 * (1.0 - self.refused))),
            (Exchange::Ack, 4.0 * accepted + self.full * sent * 0.3),
            (Exchange::Command, 4.0 * accepted),
            (Exchange::Middle, sent),
            (Exchange::Full, self.full * sent),
            (Exchange::SynAck, accepted),
            (Exchange::Reset, failing * self.refused),
            (Exchange::Reply, 7.0 * accepted + self.full * sent * 0.4),
        ]
    }

    /// The share of its SYNs that go where nobody is.
    pub(crate) fn dead(&self) -> f64 {
        3.0 * self.failing / (1.0 + 2.0 * self.failing)
    }

    /// What a relay passes on it was given shortly before: some forty recipients at a time.
    fn be_abused(
        &self,
        messages: f64,
        thinned: f64,
        chance: &mut Chance,
        view: View,
        wire: &mut Wire<'_>,
        to: &mut Day,
    ) {
        if self.abusers.is_empty() {
            return;
        }
        for (exchange, packets) in
            [(Exchange::Full, 0.2), (Exchange::Command, 1.2), (Exchange::Ack, 0.2), (Exchange::Syn, 0.03)]
        {
            for _ in 0..chance.poisson(packets * messages * thinned) {
                let from = self.abusers[chance.below(self.abusers.len())];
                wire.inward(exchange, from, self, self.hour(chance), chance, view, to);
            }
        }
        for (exchange, packets) in [(Exchange::Reply, 1.2), (Exchange::SynAck, 0.03)] {
            for _ in 0..chance.poisson(packets * messages * thinned) {
                let from = self.abusers[chance.below(self.abusers.len())];
                wire.inward(exchange, from, self, self.hour(chance), chance, view, to);
            }
        }
    }

    fn peer(&self, exchange: Exchange, chance: &mut Chance, wire: &Wire<'_>) -> u32 {
        // Dead targets answer nothing: a part of the SYNs goes to them.
        if exchange == Exchange::Syn && chance.is(self.dead()) {
            return wire.dead(chance);
        }
        match &self.peers {
            Peers::Few(peers) => peers[chance.below(peers.len())],
            Peers::Circle { providers, .. } | Peers::Anybody { providers } if chance.is(*providers) => {
                wire.provider(chance)
            }
            Peers::Circle { size, salt, .. } => wire.of_circle(chance.rank(*size) as u64, *salt),
            Peers::Anybody { .. } => wire.anybody(chance),
        }
    }

    /// An hour of the day, UTC.
    pub(crate) fn hour(&self, chance: &mut Chance) -> u32 {
        let local = loop {
            let hour = chance.below(24) as u32;
            if chance.is(self.rhythm.weight(hour)) {
                break hour;
            }
        };
        (local as i32 - zone_of(self.address) / 60).rem_euclid(24) as u32
    }
}
