//! The report of spamHINTS: packets by flag, addresses by role, the ASes of clients, and how far all of it can be trusted.
//! Typed values; [`text`](crate::text) makes them readable.

use std::collections::HashMap;
use std::net::IpAddr;

use evidence::Origin;
use serde::Serialize;

use crate::day::Missed;
use crate::estimate::{Estimate, Seen, Weighed, ratio};
use crate::host::Role;
use crate::ledger::Ledger;
use crate::outline::{self, Outline};
use crate::totals::Totals;

/// ASes that are listed.
pub const TOP: usize = 30;

/// The place in the order of ASes whose number of clients is told beside the list, as the slides did.
const HUNDREDTH: usize = 100;

/// All of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub packets: Packets,
    pub roles: Roles,
    pub ases: Ases,
    pub hosts: Unseen,
    pub missed: Missed,
}

/// Packets of port 25 by what their flags say. Shares are of all of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Packets {
    pub rows: Vec<PacketRow>,
    pub bytes: Estimate,
    /// Packets of SYN for one of SYN/ACK.
    pub syn_per_answer: Option<Estimate>,
    /// Packets of FIN for one of SYN/ACK: near 2 when both directions are seen.
    pub fin_per_answer: Option<Estimate>,
    /// The share of SYNs for which there is no SYN/ACK, of packets, not of attempts.
    pub unanswered: Option<Estimate>,
    pub submission: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PacketRow {
    pub kind: &'static str,
    pub packets: u64,
    /// Thousandths of the packets of port 25, cut off as the slides did.
    pub permille: u64,
    /// What stands behind them.
    pub estimate: Estimate,
}

/// Addresses by role: by the evidence (a server answered), and by the ports alone (a server is whoever was on the side of
/// port 25).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Roles {
    pub addresses: u64,
    /// In the order of [`Role::ALL`]; they add up to all addresses.
    pub by_evidence: [u64; 4],
    pub by_port: [u64; 4],
}

impl Roles {
    fn add(&mut self, host: &Outline) {
        self.addresses += 1;
        self.by_evidence[host.role() as usize] += 1;
        self.by_port[host.role_by_port() as usize] += 1;
    }
}

/// ASes by their clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ases {
    /// At most [`TOP`], by clients, then by servers, both and number.
    pub rows: Vec<AsRow>,
    /// All further ones together.
    pub others: Option<AsRow>,
    /// How many these are.
    pub others_count: u64,
    /// Clients of the hundredth.
    pub hundredth: Option<u64>,
}

/// An AS: addresses by exclusive role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AsRow {
    /// `None` for the addresses of which no AS is known, and for the others together.
    pub asn: Option<u32>,
    pub name: Option<String>,
    /// The code of the country.
    pub country: Option<String>,
    /// Clients only, servers only, both, neither: by the evidence.
    pub by_evidence: [u64; 4],
    /// … and by port.
    pub by_port: [u64; 4],
}

impl AsRow {
    pub fn clients(&self) -> u64 {
        self.by_evidence[Role::ClientOnly as usize]
    }

    pub fn servers(&self) -> u64 {
        self.by_evidence[Role::ServerOnly as usize]
    }

    pub fn both(&self) -> u64 {
        self.by_evidence[Role::Both as usize]
    }

    /// Clients for one answering server: high where households are, low where servers are.
    pub fn clients_per_server(&self) -> f64 {
        (self.clients() as f64 + 0.5) / ((self.servers() + self.both()) as f64 + 0.5)
    }

    fn add(&mut self, other: &Self) {
        for (mine, more) in self.by_evidence.iter_mut().zip(other.by_evidence) {
            *mine += more;
        }
        for (mine, more) in self.by_port.iter_mut().zip(other.by_port) {
            *mine += more;
        }
    }
}

/// What the hosts seen say of those not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Unseen {
    pub clients: Seen,
    pub servers: Seen,
    /// Shares of the traffic that belong to hosts that were seen.
    pub client_coverage: Option<f64>,
    pub server_coverage: Option<f64>,
    /// At least so many there are: no interval, see [`Seen::at_least`].
    pub clients_at_least: f64,
    pub servers_at_least: f64,
}

impl Report {
    /// Of the days of a ledger. `lookup` says where an address was on the date; an AS that an exporter told comes first.
    pub fn of(ledger: &Ledger, mut lookup: impl FnMut(IpAddr) -> Origin) -> Self {
        let (mut roles, mut systems, mut hosts) = (Roles::default(), Systems::default(), Unseen::default());
        for host in ledger.outlines() {
            roles.add(&host);
            hosts.clients.add(outline::packets(&host.client));
            hosts.servers.add(outline::packets(&host.server));
            systems.add(&host, &lookup(host.address));
        }
        hosts.client_coverage = hosts.clients.coverage();
        hosts.server_coverage = hosts.servers.coverage();
        hosts.clients_at_least = hosts.clients.at_least();
        hosts.servers_at_least = hosts.servers.at_least();
        let packets = Packets::of(&ledger.totals());
        Self { packets, roles, ases: systems.ranked(), hosts, missed: ledger.missed() }
    }
}

impl Packets {
    fn of(totals: &Totals) -> Self {
        let all = totals.smtp.samples;
        let rate = totals.smtp.rate().unwrap_or(1.0);
        let row = |kind, weighed: &Weighed| PacketRow {
            kind,
            packets: weighed.samples,
            permille: (u128::from(weighed.samples) * 1000).checked_div(all.into()).unwrap_or(0) as u64,
            estimate: weighed.estimate(rate),
        };
        let rows = vec![
            row("SMTP", &totals.smtp),
            row("SYN", &totals.syn),
            row("SYN/ACK", &totals.syn_ack),
            row("RST", &totals.rst),
            row("FIN", &totals.fin),
        ];
        let (syn, answers) = (totals.syn.samples, totals.syn_ack.samples);
        let unanswered = ratio(answers, syn).map(|answered| Estimate {
            value: (1.0 - answered.value).max(0.0),
            low: (1.0 - answered.high).max(0.0),
            high: (1.0 - answered.low).max(0.0),
        });
        Self {
            rows,
            bytes: totals.bytes_estimate(),
            syn_per_answer: ratio(syn, answers),
            fin_per_answer: ratio(totals.fin.samples, answers),
            unanswered,
            submission: totals.submission.samples,
        }
    }
}

/// ASes on the way to their order.
#[derive(Default)]
pub(crate) struct Systems {
    rows: HashMap<Option<u32>, AsRow>,
}

impl Systems {
    pub(crate) fn add(&mut self, host: &Outline, origin: &Origin) {
        let asn = host.gateway_as.or(origin.asn);
        let row = self.rows.entry(asn).or_insert_with(|| AsRow { asn, ..AsRow::default() });
        row.by_evidence[host.role() as usize] += 1;
        row.by_port[host.role_by_port() as usize] += 1;
        // Name and country are known by the tables' AS: of an AS that an exporter alone tells they are not.
        if origin.asn == asn && asn.is_some() {
            row.name = row.name.take().or_else(|| origin.as_name.as_deref().map(str::to_owned));
            row.country = row.country.take().or_else(|| origin.country.map(|country| country.to_string()));
        }
    }

    /// The row of an AS so far.
    pub(crate) fn row(&self, asn: Option<u32>) -> Option<&AsRow> {
        self.rows.get(&asn)
    }

    fn ranked(self) -> Ases {
        let mut rows: Vec<_> = self.rows.into_values().collect();
        rows.sort_unstable_by(|a, b| {
            let order = |row: &AsRow| (row.clients(), row.servers(), row.both());
            order(b).cmp(&order(a)).then(a.asn.cmp(&b.asn))
        });
        let hundredth = rows.get(HUNDREDTH - 1).map(AsRow::clients);
        let rest = rows.split_off(rows.len().min(TOP));
        let others = (!rest.is_empty()).then(|| {
            let mut others = AsRow::default();
            rest.iter().for_each(|row| others.add(row));
            others
        });
        Ases { rows, others, others_count: rest.len() as u64, hundredth }
    }
}
