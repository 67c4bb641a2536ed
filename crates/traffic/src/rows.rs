//! Rows for the lake: what each host and each AS did in five minutes, and what a host most likely is.
//!
//! Packets are counted by the five minutes of their own stamps. Rows are handed out when their five minutes are over by
//! [`LATE`]; what comes later for them is counted and is in no row.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use evidence::{FIVE_MINUTES, Origin, Time, TrafficAsRow, TrafficHostRow, TrafficSums, TrafficVerdictRow};
use sflow::Packet;

use crate::features::Features;
use crate::host::{Host, Side};
use crate::hours::Hours;
use crate::kind::{Kind, from_client, length};
use crate::open::{BATCH, End, Open};
use crate::verdict::Verdict;

/// How long after their end five minutes wait for packets that come late.
pub const LATE: Duration = Duration::from_secs(60);

/// Hosts of five minutes; packets of further ones are counted as untracked.
pub const MOST_HOSTS: usize = 1_000_000;

/// Five minutes that are open at once: more are closed, the oldest first.
pub const MOST_OPEN: usize = 4;

/// What a host did in five minutes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) gateway_as: Option<u32>,
    pub(crate) client: TrafficSums,
    pub(crate) server: TrafficSums,
}

fn add(sums: &mut TrafficSums, more: &TrafficSums) {
    sums.samples += more.samples;
    sums.packets = sums.packets.saturating_add(more.packets);
    sums.syn += more.syn;
    sums.established += more.established;
    sums.full += more.full;
    sums.accepted += more.accepted;
    sums.refused += more.refused;
    sums.replies += more.replies;
}

/// Five minutes that are over.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// By address.
    pub hosts: Vec<TrafficHostRow>,
    /// By number, the unknown first.
    pub ases: Vec<TrafficAsRow>,
}

/// Rows under way.
pub struct Rows {
    open: BTreeMap<Time, Open>,
    /// Ends of packets that are not counted yet, all of the same five minutes.
    waiting: Vec<End>,
    waiting_of: Time,
    /// Before it everything was handed out.
    closed: Option<Time>,
    late: u64,
    untracked: u64,
    seed: u64,
}

impl Rows {
    /// The seed keeps others from choosing addresses that collide; it changes no result.
    pub fn new(seed: u64) -> Self {
        let (open, waiting) = (BTreeMap::new(), Vec::with_capacity(BATCH));
        Self { open, waiting, waiting_of: Time::default(), closed: None, late: 0, untracked: 0, seed }
    }

    /// Counts a sampled packet, for both its ends; others than those of port 25 are passed over.
    pub fn take(&mut self, at: Time, rate: u32, packet: &Packet<'_>) {
        let (source, destination) = (packet.source, packet.destination);
        let Some(from_client) = from_client(source.port(), destination.port(), packet.flags) else { return };
        let start = at.five_minutes();
        if self.closed.is_some_and(|closed| start < closed) {
            self.late += 1;
            return;
        }
        if start != self.waiting_of || self.waiting.len() + 2 > BATCH {
            self.settle();
            self.waiting_of = start;
        }
        let kind = Kind::of(packet.flags, from_client, length(packet.bytes, packet.header, source.is_ipv4()));
        let ends = [(source, packet.source_as, from_client), (destination, packet.destination_as, !from_client)];
        self.waiting.extend(ends.map(|(socket, asn, is_client)| End {
            address: socket.ip(),
            asn: asn.unwrap_or(0),
            kind,
            rate,
            is_client,
        }));
    }

    /// Counts what waits.
    fn settle(&mut self) {
        if !self.waiting.is_empty() {
            let open = self.open.entry(self.waiting_of).or_insert_with(|| Open::new(self.seed));
            self.untracked += open.count(&self.waiting);
            self.waiting.clear();
        }
    }

    /// Packets that came too late for their row.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Ends of packets that are in no row, because there were too many hosts: of those that do not wait any more.
    pub fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Five minutes that were over by [`LATE`] at `now`, the time of the newest packet, oldest first. `lookup` says where an
    /// address was; an AS that an exporter told comes first. Rows say that they were written at `now`.
    pub fn ended(&mut self, now: Time, lookup: impl FnMut(IpAddr) -> Origin) -> Vec<Slot> {
        let until = now - FIVE_MINUTES - LATE;
        self.close(now, |start, open| start <= until || open > MOST_OPEN, lookup)
    }

    /// All that are open, at the end of the input.
    pub fn end(&mut self, now: Time, lookup: impl FnMut(IpAddr) -> Origin) -> Vec<Slot> {
        self.close(now, |_, _| true, lookup)
    }

    fn close(
        &mut self,
        now: Time,
        is_over: impl Fn(Time, usize) -> bool,
        mut lookup: impl FnMut(IpAddr) -> Origin,
    ) -> Vec<Slot> {
        self.settle();
        let mut slots = Vec::new();
        while let Some(first) = self.open.first_entry().map(|entry| *entry.key()) {
            if !is_over(first, self.open.len()) {
                break;
            }
            self.closed = Some(first + FIVE_MINUTES);
            if let Some(open) = self.open.remove(&first) {
                slots.push(slot(first, now, &open, &mut lookup));
            }
        }
        slots
    }
}

fn slot(at: Time, now: Time, open: &Open, lookup: &mut impl FnMut(IpAddr) -> Origin) -> Slot {
    let mut hosts = Vec::with_capacity(open.len());
    let mut ases: BTreeMap<Option<u32>, TrafficAsRow> = BTreeMap::new();
    for (address, sums) in open.hosts() {
        let origin = lookup(address);
        let asn = sums.gateway_as.or(origin.asn);
        let row = ases.entry(asn).or_insert_with(|| empty(at, asn, now));
        // Name and country are known by the tables' AS.
        if origin.asn == asn && asn.is_some() {
            row.name = row.name.take().or_else(|| origin.as_name.clone());
            row.country = row.country.or(origin.country);
        }
        row.hosts[role(&sums)] += 1;
        add(&mut row.client, &sums.client);
        add(&mut row.server, &sums.server);
        let Sums { gateway_as, client, server } = sums;
        hosts.push(TrafficHostRow { at, address, origin, gateway_as, client, server, written_at: now });
    }
    hosts.sort_unstable_by_key(|row| row.address);
    Slot { hosts, ases: ases.into_values().collect() }
}

fn empty(at: Time, asn: Option<u32>, written_at: Time) -> TrafficAsRow {
    let (client, server) = (TrafficSums::default(), TrafficSums::default());
    TrafficAsRow { at, asn, name: None, country: None, hosts: [0; 4], client, server, written_at }
}

/// The place among client only, server only, both and neither, by the evidence.
fn role(sums: &Sums) -> usize {
    let sent = sums.client.samples - sums.client.accepted - sums.client.refused;
    match (sent > 0, sums.server.accepted + sums.server.replies > 0) {
        (true, false) => 0,
        (false, true) => 1,
        (true, true) => 2,
        (false, false) => 3,
    }
}

/// When verdicts are told, and of what.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// By the time of the samples.
    pub at: Time,
    /// The day with which the window ends.
    pub day: Time,
    /// Packets behind a sample, on average of the window: what is kept of a host over days has no rate of its own.
    pub rate: f64,
}

/// What a host most likely is, as a row.
pub fn verdict_row(
    told: Told,
    host: &Host,
    origin: Origin,
    features: &Features,
    verdict: &Verdict,
) -> TrafficVerdictRow {
    let thousandths = |share: f64| (1000.0 * share.clamp(0.0, 1.0)).floor() as u16;
    let week = |side: &Side| {
        if side.packets() == 0 {
            return Vec::new();
        }
        // A day has a row for each host that enough was seen of, and these are most of it: half as wide is half the memory.
        let narrow = |samples: &u64| u32::try_from(*samples).unwrap_or(u32::MAX);
        Hours::of(side, features.place.zone).week.iter().map(narrow).collect()
    };
    TrafficVerdictRow {
        told_at: told.at,
        day: told.day.day(),
        window_days: features.window_days,
        address: host.address,
        origin,
        gateway_as: host.gateway_as,
        role: features.role.name(),
        class: verdict.class.map(|class| class.name()),
        likeliest: verdict.likeliest.name(),
        probability: thousandths(verdict.probability),
        evidence: verdict.evidence.iter().map(|evidence| evidence.words.clone()).collect(),
        client: sums_of(&host.client, told.rate),
        server: sums_of(&host.server, told.rate),
        destinations: features.destinations.addresses.round() as u64,
        networks: features.destinations.networks.round() as u64,
        exact: features.destinations.is_exact,
        clients: host.clients.into(),
        unanswered: features.unanswered.map(thousandths),
        refused: features.refused.map(thousandths),
        systems: features.systems.words(),
        neighbours: features.place.neighbours.into(),
        first_seen: features.first_seen.map(|date| date.start()),
        is_new: features.is_new,
        active_days: features.active_days,
        zone: features.place.zone,
        client_week: week(&host.client),
        server_week: week(&host.server),
    }
}

fn sums_of(side: &Side, rate: f64) -> TrafficSums {
    TrafficSums {
        samples: side.packets(),
        packets: (side.packets() as f64 * rate).round() as u64,
        syn: side.of(&[Kind::Syn]),
        established: side.of(&Kind::ESTABLISHED),
        full: side.of(&[Kind::Full]),
        accepted: side.of(&[Kind::SynAck]),
        refused: side.of(&[Kind::Reset]),
        replies: side.of(&[Kind::Reply]),
    }
}
