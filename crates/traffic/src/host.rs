//! What is known of a host over the days of a window: the sums of its days, and what is computed of them.

use std::net::IpAddr;

use serde::Serialize;

use crate::day::Date;
use crate::key::Key;
use crate::kind::Kind;
use crate::outline::{self, Outline};
use crate::sealed::{Part, Row};
use crate::spread::{Count, Spread};
use crate::system::Systems;

/// Hours of a week, from Monday 00:00 UTC.
pub const WEEK: usize = 168;

/// A host in one role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Packets by kind.
    pub kinds: [u64; Kind::COUNT],
    /// Packets by hour of the week, UTC.
    #[serde(skip)]
    pub week: Box<[u64; WEEK]>,
    /// Days with a packet.
    pub days: u32,
}

impl Default for Side {
    fn default() -> Self {
        Self { kinds: [0; Kind::COUNT], week: Box::new([0; WEEK]), days: 0 }
    }
}

impl Side {
    /// Packets of these kinds.
    pub fn of(&self, kinds: &[Kind]) -> u64 {
        outline::of(&self.kinds, kinds)
    }

    /// All packets.
    pub fn packets(&self) -> u64 {
        outline::packets(&self.kinds)
    }

    fn add(&mut self, date: Date, part: &Part) {
        outline::add(&mut self.kinds, &part.kinds);
        let day = date.weekday() * 24;
        for (mine, more) in self.week[day..day + 24].iter_mut().zip(part.hours) {
            *mine = mine.saturating_add(more);
        }
        self.days += 1;
    }
}

/// A host over the days of a window.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    pub address: IpAddr,
    /// The AS that exporters tell of it.
    pub gateway_as: Option<u32>,
    /// What it did and got as a client of others.
    pub client: Side,
    /// What it got and answered on port 25.
    pub server: Side,
    /// Those it sent to, as a client.
    pub destinations: Count,
    /// Its own clients: the most on one day.
    pub clients: u32,
    pub systems: Systems,
    /// The first day on which it was a client, as far as is remembered.
    pub first_seen: Option<Date>,
    /// The first day of which anything is remembered.
    pub known_since: Option<Date>,
    /// Days of the window that were looked at.
    pub window_days: u32,
    /// Packets of both roles by day of the window and hour, both UTC, for what compares days.
    #[serde(skip)]
    pub(crate) series: Vec<[[u64; 24]; 2]>,
    /// The last day on which it was seen.
    #[serde(skip)]
    pub(crate) series_end: Date,
    /// Destinations of the last day.
    #[serde(skip)]
    peers: u32,
    #[serde(skip)]
    spread: Spread,
}

impl Host {
    pub(crate) fn new(address: IpAddr, family: usize, days: usize) -> Self {
        let network = if family == 0 { <u32 as Key>::NETWORK } else { <u128 as Key>::NETWORK };
        Self {
            address,
            gateway_as: None,
            client: Side::default(),
            server: Side::default(),
            destinations: Count::default(),
            clients: 0,
            systems: Systems::default(),
            first_seen: None,
            known_since: None,
            window_days: u32::try_from(days).unwrap_or(u32::MAX),
            series: Vec::new(),
            series_end: Date::default(),
            peers: 0,
            spread: Spread::new(network),
        }
    }

    pub(crate) fn add(&mut self, date: Date, row: &Row) {
        let mut hours = [[0; 24]; 2];
        if let Some((part, kept)) = &row.client {
            self.client.add(date, part);
            self.spread.add(kept);
            self.peers = part.peers;
            self.systems.0 |= part.marks;
            outline::learn_as(&mut self.gateway_as, part.asn);
            hours[0] = part.hours;
        }
        if let Some(part) = &row.server {
            self.server.add(date, part);
            self.clients = self.clients.max(part.peers);
            outline::learn_as(&mut self.gateway_as, part.asn);
            hours[1] = part.hours;
        }
        self.series.push(hours);
        self.series_end = date;
    }

    pub(crate) fn finish(&mut self) {
        self.destinations = self.spread.count();
        // The count of the only day as a client is exact whatever its size.
        if self.client.days == 1 {
            self.destinations.addresses = self.peers.into();
        }
        self.spread = Spread::default();
    }

    /// The last day on which it was seen, in either role.
    pub fn last_seen(&self) -> Date {
        self.series_end
    }

    /// What a report asks of it.
    pub(crate) fn outline(&self) -> Outline {
        let Self { address, gateway_as, client, server, .. } = self;
        Outline { address: *address, gateway_as: *gateway_as, client: client.kinds, server: server.kinds }
    }

    /// Packets in all.
    pub fn packets(&self) -> u64 {
        self.client.packets() + self.server.packets()
    }

    /// Whether it answered on port 25: accepted a connection, or spoke in one.
    pub fn has_answered(&self) -> bool {
        self.outline().has_answered()
    }

    /// Whether it sent to a port 25, or a server spoke to it within a connection.
    pub fn has_asked(&self) -> bool {
        self.outline().has_asked()
    }

    /// By the evidence.
    pub fn role(&self) -> Role {
        self.outline().role()
    }

    /// By the ports alone: on whose side of any packet it was.
    pub fn role_by_port(&self) -> Role {
        self.outline().role_by_port()
    }
}

/// What a host is in mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    ClientOnly,
    ServerOnly,
    Both,
    /// It was asked and did not answer, or was only refused or answered without having asked as far as was seen.
    Neither,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::ClientOnly, Self::ServerOnly, Self::Both, Self::Neither];

    pub(crate) fn of(client: bool, server: bool) -> Self {
        match (client, server) {
            (true, false) => Self::ClientOnly,
            (false, true) => Self::ServerOnly,
            (true, true) => Self::Both,
            (false, false) => Self::Neither,
        }
    }

    /// As rows have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientOnly => "client-only",
            Self::ServerOnly => "server-only",
            Self::Both => "both",
            Self::Neither => "neither",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::ClientOnly => "client only",
            Self::ServerOnly => "server only",
            Self::Both => "both client & server",
            Self::Neither => "neither",
        }
    }
}
