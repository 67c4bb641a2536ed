//! A population of hosts that is known, and what a switch that samples one packet of N shows of it. All of it follows from a
//! seed. Numbers and behaviour are assumptions; `docs/reference/traffic.md` lists them.
//!
//! Used by the examples and tests of this crate. Packets are drawn one by one, as they would be sampled: of a host that sends
//! M packets of a sort a day there are on average M / N, and each has an hour, a peer and headers of its own.

mod chance;
mod distinct;
mod host;
pub(crate) mod observer;
mod people;
pub(crate) mod trust;
mod wire;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use evidence::Origin;
use fingerprint::Catalogue;
use traffic::{Bounds, Class, Date, Day, Ledger, Sealed};

pub(crate) use chance::Chance;
use host::Model;
pub(crate) use host::Sort;
use observer::Observer;
use wire::Wire;

/// How packets are seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// One packet of so many.
    pub(crate) rate: u32,
    pub(crate) days: u32,
    /// Whether the packets to some hosts, or from them, take another way and are not seen.
    pub(crate) is_asymmetric: bool,
    /// The share of samples that is lost.
    pub(crate) loss: f64,
}

impl View {
    /// The share of packets that is seen.
    pub(crate) fn thinned(self) -> f64 {
        (1.0 - self.loss) / f64::from(self.rate)
    }
}

/// A population, and what is known of it.
pub(crate) struct Population {
    hosts: Vec<Model>,
    seed: u64,
}

/// The first day: a Monday.
pub(crate) const FIRST: Date = Date(20_052);

impl Population {
    pub(crate) fn new(seed: u64) -> Self {
        Self { hosts: people::all(&mut Chance::new(seed)), seed }
    }

    /// The sort of each address. Of others than these [`stranger`] tells.
    pub(crate) fn truth(&self) -> HashMap<IpAddr, Sort> {
        self.hosts.iter().map(|host| (IpAddr::V4(Ipv4Addr::from(host.address)), host.sort)).collect()
    }

    /// Hosts of a sort that are up on any of so many days.
    pub(crate) fn up(&self, sort: Sort, days: u32) -> u64 {
        self.hosts.iter().filter(|host| host.sort == sort && host.up.0 < days).count() as u64
    }

    /// An ideal observer of the view. How much servers beyond the population are sent it learns from what is shown, for that
    /// depends on all others.
    pub(crate) fn observer(&self, view: View, ledger: &Ledger) -> Observer {
        let packets: u64 =
            ledger.hosts().filter(|host| wire::is_beyond(host.address)).map(|host| host.server.packets()).sum();
        Observer::new(view, &self.hosts, packets as f64 / wire::BEYOND as f64 / f64::from(view.days))
    }

    /// What the view shows, day by day.
    pub(crate) fn seen(&self, view: View, catalogue: &Arc<Catalogue>) -> Ledger {
        let mut ledger = Ledger::default();
        let mut wire = Wire::new(&self.hosts);
        for number in 0..view.days {
            let date = Date(FIRST.0 + number as i32);
            let mut chance = Chance::new(self.seed ^ u64::from(number + 1) << 32 ^ u64::from(view.rate));
            let mut day = Day::new(date, Bounds::DEFAULT, self.seed, catalogue.clone());
            for host in self.hosts.iter().filter(|host| host.is_up(number)) {
                host.act(&mut chance, number, view, &mut wire, &mut day);
            }
            people::strangers(&mut chance, view, &self.hosts, &mut wire, &mut day);
            ledger.push(Sealed::of(&mut day));
        }
        ledger
    }
}

/// The class that a host of a sort is to be given.
pub(crate) fn class_of(sort: Sort) -> Class {
    match sort {
        Sort::Server | Sort::Migrated => Class::MailServer,
        Sort::Gateway => Class::Gateway,
        Sort::List => Class::ListSender,
        Sort::Client => Class::SingleSmarthost,
        Sort::Office => Class::Office,
        Sort::Bot => Class::LikelyBot,
        Sort::Relay => Class::OpenRelay,
        Sort::Monitor => Class::Monitor,
    }
}

/// What an address beyond the population is; `None` where nobody is, and for those who abuse relays.
pub(crate) fn stranger(address: IpAddr) -> Option<Sort> {
    let IpAddr::V4(address) = address else { return None };
    wire::stranger_sort(address.to_bits())
}

/// ASes are /16s: those below 10.64 are of households, the others of companies and data centres. Also strangers have theirs.
pub(crate) fn origin(address: IpAddr) -> Origin {
    let IpAddr::V4(address) = address else { return Origin::default() };
    Origin { asn: Some(address.to_bits() >> 16), ..Origin::default() }
}

/// The zone of an AS, in minutes east of UTC.
pub(crate) fn zone(address: IpAddr) -> i32 {
    let IpAddr::V4(address) = address else { return 0 };
    host::zone_of(address.to_bits())
}
