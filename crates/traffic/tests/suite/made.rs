//! Packets that are made up for a test.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use evidence::{Origin, Time};
use fingerprint::Catalogue;
use proptest::prelude::*;
use sflow::{Flags, Packet};
use traffic::{Bounds, Date, Day, Ledger, Sealed};

pub(crate) static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::embedded()));

pub(crate) const DATE: Date = Date(13_300);

/// A packet and when it was sampled: seconds of the day.
#[derive(Clone, Debug)]
pub(crate) struct Sampled {
    pub(crate) second: i64,
    pub(crate) rate: u32,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) flags: u8,
    pub(crate) bytes: u32,
    pub(crate) ases: (Option<u32>, Option<u32>),
}

impl Sampled {
    pub(crate) fn at(&self, date: Date) -> Time {
        Time::from_micros(date.start().micros() + self.second * 1_000_000)
    }

    pub(crate) fn packet(&self) -> Packet<'_> {
        let Self { source, destination, flags, bytes, rate, ases, .. } = *self;
        let flags = Flags(flags);
        Packet { source, destination, flags, bytes, header: &[], source_as: ases.0, destination_as: ases.1, rate }
    }

    /// From a client to a server's port 25.
    pub(crate) fn outward(client: [u8; 4], server: [u8; 4], flags: u8, bytes: u32) -> Self {
        let (source, destination) = (SocketAddr::from((client, 4000)), SocketAddr::from((server, 25)));
        Self { second: 3600, rate: 2048, source, destination, flags, bytes, ases: (None, None) }
    }

    /// … and back.
    pub(crate) fn inward(client: [u8; 4], server: [u8; 4], flags: u8) -> Self {
        let there = Self::outward(client, server, flags, 60);
        Self { source: there.destination, destination: there.source, ..there }
    }
}

/// Any packets: few addresses of both families, so that they meet, and ports that matter or not.
pub(crate) fn any() -> impl Strategy<Value = Vec<Sampled>> {
    let four = || {
        prop_oneof![
            12 => (0u8..40).prop_map(|last| IpAddr::from([10, 0, last % 4, last])),
            1 => Just(IpAddr::from([0, 0, 0, 0])),
        ]
    };
    let six = || (0u16..20).prop_map(|last| IpAddr::from([0x2001, 0xdb8, last % 3, 0, 0, 0, 0, last]));
    let addresses = prop_oneof![3 => (four(), four()), 1 => (six(), six())];
    let port = || prop_oneof![6 => Just(25u16), 6 => 1024u16..1030, 1 => Just(587u16), 1 => Just(80u16)];
    let asn = || prop_oneof![Just(None), (1u32..4).prop_map(Some)];
    let rate = prop_oneof![Just(2048u32), Just(512u32), proptest::num::u32::ANY];
    let packet = (addresses, (port(), port()), proptest::num::u8::ANY, 0u32..1600, 0i64..86_400, rate, (asn(), asn()));
    let packet = packet.prop_map(|(addresses, ports, flags, bytes, second, rate, ases)| {
        let (source, destination) = (SocketAddr::new(addresses.0, ports.0), SocketAddr::new(addresses.1, ports.1));
        Sampled { second, rate, source, destination, flags, bytes, ases }
    });
    proptest::collection::vec(packet, 0..600)
}

pub(crate) fn day(bounds: Bounds) -> Day {
    Day::new(DATE, bounds, 99, CATALOGUE.clone())
}

pub(crate) fn count<'a>(day: &mut Day, packets: impl IntoIterator<Item = &'a Sampled>) {
    for sampled in packets {
        day.take(sampled.at(day.date()), sampled.rate, &sampled.packet());
    }
}

/// A ledger with one day of these.
pub(crate) fn ledger(packets: &[Sampled]) -> Ledger {
    let mut day = day(Bounds::DEFAULT);
    count(&mut day, packets);
    let mut ledger = Ledger::default();
    ledger.push(Sealed::of(&mut day));
    ledger
}

pub(crate) fn nowhere(_: IpAddr) -> Origin {
    Origin::default()
}
