//! Rows for the lake: what each host and each AS did in five minutes.
//!
//! Packets are counted by the five minutes of their own stamps. A row is handed out when its five minutes are over by
//! [`LATE`]; what comes later for them is counted and is in no row.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use evidence::{Origin, Time};
use serde::Serialize;
use sflow::Packet;

use crate::kind::{Kind, from_client, length};

/// The grain.
pub const GRAIN: Duration = Duration::from_secs(300);

/// How long after their end five minutes wait for packets that come late.
pub const LATE: Duration = Duration::from_secs(60);

/// Hosts of five minutes; packets of further ones are counted together, under no address.
pub const MOST_HOSTS: usize = 1_000_000;

/// Five minutes that are open at once: more are closed, the oldest first.
pub const MOST_OPEN: usize = 4;

/// A host in five minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostRow {
    /// The start, microseconds since 1970, UTC.
    pub at: i64,
    /// `None` for all hosts beyond [`MOST_HOSTS`] together.
    pub address: Option<IpAddr>,
    /// The AS that exporters told; the lowest if several.
    pub asn: Option<u32>,
    /// Sampled packets that it sent to ports 25, and that came back from there.
    pub client_sent: u64,
    pub client_received: u64,
    /// Sampled packets to its own port 25, and answers from there: acceptances and what is said within connections.
    pub server_asked: u64,
    pub server_answered: u64,
    /// As a client: SYNs sent; SYN/ACKs and resets received; packets in connections, and those of them that were full.
    pub syn: u64,
    pub syn_ack: u64,
    pub rst: u64,
    pub established: u64,
    pub full: u64,
    /// Packets in either role that stand behind these: the sum of the rates.
    pub estimated_packets: u64,
    /// … and their bytes.
    pub estimated_bytes: u64,
    /// For an interval of the estimate: the sum of N (N - 1).
    pub spread: u128,
}

/// An AS in five minutes: the sums over its hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SystemRow {
    pub at: i64,
    /// `None` for hosts of which no AS is known.
    pub asn: Option<u32>,
    /// Hosts by role in these five minutes, by the evidence; they add up to its hosts.
    pub clients_only: u64,
    pub servers_only: u64,
    pub both: u64,
    pub neither: u64,
    pub client_sent: u64,
    pub client_received: u64,
    pub server_asked: u64,
    pub server_answered: u64,
    pub syn: u64,
    pub syn_ack: u64,
    pub rst: u64,
    pub established: u64,
    pub full: u64,
    pub estimated_packets: u64,
    pub estimated_bytes: u64,
    pub spread: u128,
}

impl HostRow {
    fn count(&mut self, kind: Kind, as_client: bool, rate: u32, bytes: u32) {
        let is = |kinds: &[Kind]| u64::from(kinds.contains(&kind));
        if as_client {
            self.client_sent += is(&Kind::SENT);
            self.client_received += is(&Kind::RECEIVED);
            self.syn += is(&[Kind::Syn]);
            self.syn_ack += is(&[Kind::SynAck]);
            self.rst += is(&[Kind::Reset]);
            self.established += is(&Kind::ESTABLISHED);
            self.full += is(&[Kind::Full]);
        } else {
            self.server_asked += is(&Kind::SENT);
            self.server_answered += is(&Kind::ANSWERED);
        }
        let rate = u64::from(rate);
        self.estimated_packets = self.estimated_packets.saturating_add(rate);
        self.estimated_bytes = self.estimated_bytes.saturating_add(rate.saturating_mul(bytes.into()));
        self.spread = self.spread.saturating_add(u128::from(rate) * u128::from(rate.saturating_sub(1)));
    }
}

impl SystemRow {
    fn add(&mut self, row: &HostRow) {
        let (client, server) =
            (row.client_sent > 0 || row.client_received > row.syn_ack + row.rst, row.server_answered > 0);
        let role = match (client, server) {
            (true, false) => &mut self.clients_only,
            (false, true) => &mut self.servers_only,
            (true, true) => &mut self.both,
            (false, false) => &mut self.neither,
        };
        *role += 1;
        for (sum, more) in [
            (&mut self.client_sent, row.client_sent),
            (&mut self.client_received, row.client_received),
            (&mut self.server_asked, row.server_asked),
            (&mut self.server_answered, row.server_answered),
            (&mut self.syn, row.syn),
            (&mut self.syn_ack, row.syn_ack),
            (&mut self.rst, row.rst),
            (&mut self.established, row.established),
            (&mut self.full, row.full),
            (&mut self.estimated_packets, row.estimated_packets),
            (&mut self.estimated_bytes, row.estimated_bytes),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.spread = self.spread.saturating_add(row.spread);
    }
}

/// Five minutes that are over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// By address; what is beyond the bound at the end.
    pub hosts: Vec<HostRow>,
    /// By number, the unknown first.
    pub systems: Vec<SystemRow>,
}

/// Rows under way.
#[derive(Debug, Default)]
pub struct Rows {
    open: BTreeMap<i64, HashMap<Option<IpAddr>, HostRow>>,
    /// Before it everything was handed out.
    closed: Option<i64>,
    late: u64,
}

impl Rows {
    /// Counts a sampled packet; others than those of port 25 are passed over.
    pub fn take(&mut self, at: Time, rate: u32, packet: &Packet<'_>) {
        let (source, destination) = (packet.source, packet.destination);
        let Some(from_client) = from_client(source.port(), destination.port(), packet.flags) else { return };
        let grain = GRAIN.as_micros() as i64;
        let start = at.micros().div_euclid(grain).saturating_mul(grain);
        if self.closed.is_some_and(|closed| start < closed) {
            self.late += 1;
            return;
        }
        let kind = Kind::of(packet.flags, from_client, length(packet.bytes, packet.header, source.is_ipv4()));
        let hosts = self.open.entry(start).or_default();
        let ends = [(source, packet.source_as, from_client), (destination, packet.destination_as, !from_client)];
        for (socket, asn, as_client) in ends {
            let address = Some(socket.ip());
            let address = if hosts.len() < MOST_HOSTS || hosts.contains_key(&address) { address } else { None };
            let row = hosts.entry(address).or_insert_with(|| HostRow { at: start, address, ..HostRow::default() });
            row.asn = [row.asn, asn.filter(|_| address.is_some())].into_iter().flatten().min();
            row.count(kind, as_client, rate, packet.bytes);
        }
    }

    /// Packets that came too late for their row.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Five minutes that were over by [`LATE`] at `now`, the time of the newest packet, oldest first. `lookup` says where an
    /// address was; an AS that an exporter told comes first.
    pub fn ended(&mut self, now: Time, lookup: impl FnMut(IpAddr) -> Origin) -> Vec<Slot> {
        let until = (now - GRAIN - LATE).micros();
        self.close(|start, open| start <= until || open > MOST_OPEN, lookup)
    }

    /// All that are open, at the end of the input.
    pub fn end(&mut self, lookup: impl FnMut(IpAddr) -> Origin) -> Vec<Slot> {
        self.close(|_, _| true, lookup)
    }

    fn close(&mut self, is_over: impl Fn(i64, usize) -> bool, mut lookup: impl FnMut(IpAddr) -> Origin) -> Vec<Slot> {
        let mut slots = Vec::new();
        while let Some(first) = self.open.first_entry().map(|entry| *entry.key()) {
            if !is_over(first, self.open.len()) {
                break;
            }
            let hosts = self.open.remove(&first).unwrap_or_default();
            self.closed = Some(first.saturating_add(GRAIN.as_micros() as i64));
            slots.push(slot(first, hosts, &mut lookup));
        }
        slots
    }
}

fn slot(at: i64, hosts: HashMap<Option<IpAddr>, HostRow>, lookup: &mut impl FnMut(IpAddr) -> Origin) -> Slot {
    let mut hosts: Vec<HostRow> = hosts.into_values().collect();
    hosts.sort_unstable_by_key(|row| (row.address.is_none(), row.address));
    let mut systems: BTreeMap<Option<u32>, SystemRow> = BTreeMap::new();
    for row in &mut hosts {
        row.asn = row.asn.or_else(|| row.address.and_then(|address| lookup(address).asn));
        let system = systems.entry(row.asn).or_insert_with(|| SystemRow { at, asn: row.asn, ..SystemRow::default() });
        system.add(row);
    }
    Slot { hosts, systems: systems.into_values().collect() }
}
