//! What is counted and kept: sums, merging, bounds, days, saved state.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sflow::Flags;
use traffic::{Bounds, DAYS, Date, Day, Features, Kind, Ledger, Place, Report, RestoreError, Sealed};

use crate::made::{CATALOGUE, DATE, Sampled, any, count, day, ledger, nowhere};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn two_who_counted_a_part_each_have_counted_what_one_would_have(packets in any(), split: Vec<bool>) {
        let mut alone = day(Bounds::DEFAULT);
        count(&mut alone, &packets);
        let (mut one, mut other) = (day(Bounds::DEFAULT), day(Bounds::DEFAULT));
        for (index, sampled) in packets.iter().enumerate() {
            let is_one = split.get(index % split.len().max(1)).copied().unwrap_or(true);
            count(if is_one { &mut one } else { &mut other }, [sampled]);
        }
        one.merge(other);
        prop_assert_eq!(Sealed::of(&mut one), Sealed::of(&mut alone));
        prop_assert_eq!(one.totals(), alone.totals());
    }

    #[test]
    fn neither_the_order_of_packets_nor_the_seed_changes_anything(packets in any()) {
        let mut forward = day(Bounds::DEFAULT);
        count(&mut forward, &packets);
        let mut backward = Day::new(DATE, Bounds::DEFAULT, 99, CATALOGUE.clone());
        count(&mut backward, packets.iter().rev());
        prop_assert_eq!(Sealed::of(&mut backward), Sealed::of(&mut forward));
    }

    #[test]
    fn every_packet_is_in_the_totals_and_in_both_its_hosts_and_every_host_in_one_role(packets in any()) {
        let ledger = ledger(&packets);
        let totals = ledger.totals();
        prop_assert_eq!(totals.smtp.samples + totals.submission.samples + totals.other, packets.len() as u64);
        let (mut clients, mut servers, mut hosts) = (0, 0, 0);
        for host in ledger.hosts() {
            prop_assert_eq!(host.client.week.iter().sum::<u64>(), host.client.packets());
            prop_assert_eq!(host.server.week.iter().sum::<u64>(), host.server.packets());
            clients += host.client.packets();
            servers += host.server.packets();
            hosts += 1;
        }
        prop_assert_eq!((clients, servers), (totals.smtp.samples, totals.smtp.samples));
        let report = Report::of(&ledger, nowhere);
        prop_assert_eq!(report.roles.addresses, hosts);
        prop_assert_eq!(report.roles.by_evidence.iter().sum::<u64>(), hosts);
        prop_assert_eq!(report.roles.by_port.iter().sum::<u64>(), hosts);
        let in_ases = report.ases.rows.iter().chain(&report.ases.others).flat_map(|row| row.by_evidence).sum::<u64>();
        prop_assert_eq!(in_ases, hosts);
        serde_json::to_string(&report).unwrap();
    }

    #[test]
    fn destinations_are_those_that_a_set_counts(packets in any()) {
        let mut sets: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for sampled in &packets {
            let (from, to) = (sampled.source, sampled.destination);
            let is_answer = sampled.flags & 0x12 == 0x12;
            let ends = match (from.port() == 25, to.port() == 25) {
                (false, true) => (from.ip(), to.ip()),
                (true, false) => (to.ip(), from.ip()),
                (true, true) if is_answer => (to.ip(), from.ip()),
                (true, true) => (from.ip(), to.ip()),
                _ => continue,
            };
            // 0.0.0.0 with itself is no pair of hosts.
            let is_nobody = ends.0.is_unspecified() && ends.1.is_unspecified();
            if !is_nobody {
                sets.entry(ends.0).or_default().insert(ends.1);
            }
        }
        for host in ledger(&packets).hosts() {
            let expected = sets.get(&host.address).map_or(0, BTreeSet::len);
            prop_assert_eq!(host.destinations.addresses, expected as f64, "{}", host.address);
        }
    }

    #[test]
    fn saved_state_is_restored_and_what_is_cut_or_changed_is_refused_or_read_without_harm(
        packets in any(),
        cut: prop::sample::Index,
        bit in 0u8..8,
    ) {
        let ledger = ledger(&packets);
        let saved = ledger.save();
        prop_assert_eq!(Ledger::restore(&saved), Ok(ledger));
        let at = cut.index(saved.len());
        prop_assert!(Ledger::restore(&saved[..at]).is_err());
        let mut changed = saved.clone();
        changed[at] ^= 1 << bit;
        if let Ok(ledger) = Ledger::restore(&changed) {
            for host in ledger.hosts() {
                Features::of(&host, Place::default());
            }
            Report::of(&ledger, nowhere);
        }
    }
}

#[test]
fn beyond_its_bounds_a_day_counts_known_hosts_and_says_what_it_missed() {
    let mut day = day(Bounds { hosts: 10, pairs: 15 });
    let packets: Vec<_> = (0..20u8)
        .flat_map(|client| {
            (0..2u8).map(move |server| Sampled::outward([10, 0, 0, client], [10, 1, 0, server], Flags::ACK, 60))
        })
        .collect();
    count(&mut day, &packets);
    let sealed = Sealed::of(&mut day);
    assert_eq!(day.totals().smtp.samples, 40);
    assert_eq!((day.missed().untracked, day.missed().unkept), (20, 5));
    assert_eq!((sealed.hosts(), day.pairs(), day.entries()), (12, 15, (10, 2)));
}

#[test]
fn a_host_costs_less_than_256_bytes_with_its_pairs_and_as_it_is_kept() {
    let mut day = day(Bounds::DEFAULT);
    // Three packets each, to two destinations: more than most hosts of a power law have.
    for number in 0..200_000u32 {
        let client = (0x0a00_0000 + number).to_be_bytes();
        for step in 0..3 {
            let server = (0x0b00_0000 + number % 5000 + step / 2).to_be_bytes();
            count(&mut day, &[Sampled::outward(client, server, Flags::ACK, 60)]);
        }
    }
    let sealed = Sealed::of(&mut day);
    assert_eq!(sealed.hosts(), 205_001);
    let (open, kept) = (day.bytes() as u64 / sealed.hosts(), sealed.bytes() as u64 / sealed.hosts());
    assert!(open <= 256 && kept <= 40, "{open} and {kept} bytes a host");
}

/// A day with one packet of each of these clients.
fn one_each(date: Date, clients: &[u8]) -> Sealed {
    let mut day = Day::new(date, Bounds::DEFAULT, 1, CATALOGUE.clone());
    let packets: Vec<_> = clients
        .iter()
        .map(|client| Sampled::outward([10, 0, 0, *client], [10, 1, (date.0 % 256) as u8, 1], Flags::ACK, 60))
        .collect();
    count(&mut day, &packets);
    Sealed::of(&mut day)
}

#[test]
fn days_add_up_the_oldest_goes_and_who_comes_late_is_new() {
    let mut ledger = Ledger::default();
    for day in 0..9 {
        let clients: &[u8] = if day < 6 { &[1, 2] } else { &[1, 3] };
        ledger.push(one_each(Date(DATE.0 + day), clients));
        ledger = Ledger::restore(&ledger.save()).unwrap();
    }
    assert_eq!(ledger.dates().collect::<Vec<_>>(), (2..9).map(|day| Date(DATE.0 + day)).collect::<Vec<_>>());
    assert_eq!((ledger.dates().count(), ledger.since()), (DAYS, Some(DATE)));
    let seen: Vec<_> = ledger
        .hosts()
        .filter(|host| host.has_asked())
        .map(|host| {
            let features = Features::of(&host, Place::default());
            (features.active_days, features.destinations.addresses, features.first_seen, features.is_new)
        })
        .collect();
    let expected = [
        (7, 7.0, Some(DATE), Some(false)),
        (4, 4.0, Some(DATE), Some(false)),
        (3, 3.0, Some(Date(DATE.0 + 6)), Some(true)),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_day_that_comes_again_takes_the_place_of_the_one_before_and_one_after_a_gap_stands_alone() {
    let mut ledger = Ledger::default();
    ledger.push(one_each(DATE, &[1]));
    ledger.push(one_each(DATE, &[1, 2]));
    assert_eq!((ledger.dates().count(), ledger.totals().smtp.samples), (1, 2));
    ledger.push(one_each(Date(DATE.0 + 7), &[3]));
    assert_eq!(ledger.dates().collect::<Vec<_>>(), [Date(DATE.0 + 7)]);
}

#[test]
fn state_of_another_form_is_refused_by_name() {
    assert_eq!(Ledger::restore(b"something else"), Err(RestoreError::Form));
    let saved = Ledger::default().save();
    assert_eq!(Ledger::restore(&saved), Ok(Ledger::default()));
    assert_eq!(Ledger::restore(&[&saved[..], b"x"].concat()), Err(RestoreError::Content));
}

#[test]
fn the_kinds_of_a_host_are_counted_apart() {
    let (client, server) = ([10, 0, 0, 1], [10, 1, 0, 1]);
    let ledger = ledger(&[
        Sampled::outward(client, server, Flags::SYN, 60),
        Sampled::inward(client, server, Flags::SYN | Flags::ACK),
        Sampled::outward(client, server, Flags::ACK, 1500),
        Sampled::inward(client, [10, 1, 0, 2], Flags::RST | Flags::ACK),
    ]);
    let hosts: Vec<_> = ledger.hosts().collect();
    let [client, server, closed] = &hosts[..] else { panic!("{} hosts", hosts.len()) };
    assert_eq!([Kind::Syn, Kind::SynAck, Kind::Full, Kind::Reset].map(|kind| client.client.of(&[kind])), [1, 1, 1, 1]);
    assert_eq!((client.role().words(), server.role().words()), ("client only", "server only"));
    // Who only refuses is no server by the evidence, and one by its port.
    assert_eq!((closed.role().words(), closed.role_by_port().words()), ("neither", "server only"));
}
