//! What surrounds hosts: how many clients their AS has for one mail server, and how many clients their network has. Two passes
//! over a ledger: one to learn this, one to judge each host in it.

use std::collections::HashMap;
use std::net::IpAddr;

use evidence::Origin;

use crate::features::{Features, Place};
use crate::host::{Host, Role};
use crate::ledger::Ledger;
use crate::report::Systems;
use crate::verdict::Verdict;

/// What surrounds the hosts of a ledger.
#[derive(Default)]
pub struct Survey {
    systems: Systems,
    /// Clients by network.
    networks: HashMap<IpAddr, u32>,
    /// Packets that stand behind a sample of mail, on average.
    behind_a_sample: f64,
}

impl Survey {
    /// `lookup` says where an address was on the date.
    pub fn of(ledger: &Ledger, mut lookup: impl FnMut(IpAddr) -> Origin) -> Self {
        let smtp = ledger.totals().smtp;
        let behind_a_sample = smtp.weight as f64 / smtp.samples.max(1) as f64;
        let mut survey = Self { behind_a_sample, ..Self::default() };
        for host in ledger.outlines() {
            survey.systems.add(&host, &lookup(host.address));
            if host.has_asked() {
                *survey.networks.entry(network(host.address)).or_default() += 1;
            }
        }
        survey
    }

    /// Where a host is. `zone` is in minutes east of UTC, by its country or AS.
    pub fn place(&self, host: &Host, origin: &Origin, zone: i32) -> Place {
        let asn = host.gateway_as.or(origin.asn);
        let row = asn.and_then(|asn| self.systems.row(Some(asn)));
        let others = |role: Role| {
            let all = row.map_or(0, |row| row.by_evidence[role as usize]);
            all - u64::from(row.is_some() && host.role() == role)
        };
        let as_clients = others(Role::ClientOnly);
        let here = self.networks.get(&network(host.address)).copied().unwrap_or(0);
        Place {
            zone,
            as_clients,
            as_hosts: as_clients + others(Role::ServerOnly) + others(Role::Both),
            neighbours: here.saturating_sub(u32::from(host.has_asked())),
            behind_a_sample: self.behind_a_sample,
        }
    }

    /// Features and verdict of a host.
    pub fn judge(&self, host: &Host, origin: &Origin, zone: i32) -> (Features, Verdict) {
        let features = Features::of(host, self.place(host, origin, zone));
        let verdict = Verdict::of(host, &features);
        (features, verdict)
    }
}

/// The /24 or /48 of an address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4((address.to_bits() & 0xffff_ff00).into()),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 80 << 80).into()),
    }
}
