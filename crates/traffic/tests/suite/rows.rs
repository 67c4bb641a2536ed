//! Rows of five minutes.

use std::time::Duration;

use evidence::{FIVE_MINUTES, Origin, TrafficSums};
use proptest::prelude::*;
use sflow::Flags;
use traffic::{Features, LATE, Ledger, Place, Rows, Slot, Told, Verdict, verdict_row};

use crate::made::{DATE, Sampled, any, nowhere};

fn slots(packets: &[Sampled]) -> Vec<Slot> {
    let mut rows = Rows::new(7);
    packets.iter().for_each(|sampled| rows.take(sampled.at(DATE), sampled.rate, &sampled.packet()));
    rows.end(DATE.start(), nowhere)
}

proptest! {
    #[test]
    fn every_packet_of_port_25_is_in_two_rows_and_ases_are_the_sums_of_their_hosts(packets in any()) {
        let slots = slots(&packets);
        let smtp = packets.iter().filter(|sampled| sampled.source.port() == 25 || sampled.destination.port() == 25);
        let weight: u64 = smtp.map(|sampled| 2 * u64::from(sampled.rate)).sum();
        let all = || slots.iter().flat_map(|slot| &slot.hosts);
        let packets = |sums: &TrafficSums| sums.packets;
        prop_assert_eq!(all().map(|row| packets(&row.client) + packets(&row.server)).sum::<u64>(), weight);
        // What clients sent is what servers got, kind by kind.
        for of in [|sums: &TrafficSums| sums.syn, |sums: &TrafficSums| sums.full, |sums: &TrafficSums| sums.replies] {
            prop_assert_eq!(all().map(|row| of(&row.client)).sum::<u64>(), all().map(|row| of(&row.server)).sum::<u64>());
        }
        for slot in &slots {
            prop_assert_eq!(slot.ases.iter().flat_map(|row| row.hosts).sum::<u64>(), slot.hosts.len() as u64);
            for of in [|sums: &TrafficSums| sums.samples, |sums: &TrafficSums| sums.established] {
                prop_assert_eq!(
                    slot.ases.iter().map(|row| of(&row.client)).sum::<u64>(),
                    slot.hosts.iter().map(|row| of(&row.client)).sum::<u64>()
                );
            }
        }
    }
}

#[test]
fn a_verdict_has_a_row_with_its_evidence() {
    let (client, server) = ([10, 0, 0, 1], [10, 1, 0, 1]);
    let packets: Vec<_> = (0..200).map(|_| Sampled::outward(client, server, Flags::ACK, 1500)).collect();
    let ledger: Ledger = crate::made::ledger(&packets);
    let host = ledger.hosts().next().unwrap();
    let features = Features::of(&host, Place { zone: 60, ..Place::default() });
    let verdict = Verdict::of(&host, &features);
    let told = Told { at: DATE.start(), day: DATE.start() + FIVE_MINUTES, rate: 2048.0 };
    let row = verdict_row(told, &host, Origin::default(), &features, &verdict);
    assert_eq!((row.role, row.class, row.likeliest), ("client-only", Some("single-smarthost"), "single-smarthost"));
    assert_eq!((row.client.samples, row.client.packets, row.client.full), (200, 200 * 2048, 200));
    assert_eq!((row.destinations, row.exact, row.server_week.len()), (1, true, 0));
    // Thursday the 1st of June 2006, 1 h UTC.
    assert_eq!(row.client_week[3 * 24 + 2], 200);
    assert!(row.probability >= 800 && row.evidence[0].starts_with("0 of 199"), "{row:?}");
}

#[test]
fn a_packet_on_the_border_is_of_the_five_minutes_that_begin() {
    let at = |second| Sampled { second, ..Sampled::outward([10, 0, 0, 1], [10, 1, 0, 1], Flags::SYN, 60) };
    let slots = slots(&[at(299), at(300), at(599)]);
    assert_eq!(slots.iter().map(|slot| slot.hosts[0].client.samples).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(slots[1].hosts[0].at, DATE.start() + FIVE_MINUTES);
}

#[test]
fn rows_wait_for_what_comes_late_and_what_comes_later_is_counted() {
    let sampled = |second| Sampled { second, ..Sampled::outward([10, 0, 0, 1], [10, 1, 0, 1], Flags::SYN, 60) };
    let mut rows = Rows::new(7);
    let take = |rows: &mut Rows, second| {
        let sampled = sampled(second);
        rows.take(sampled.at(DATE), 1, &sampled.packet());
    };
    let known = |_| Origin { asn: Some(64_496), ..Origin::default() };
    take(&mut rows, 10);
    take(&mut rows, 310);
    let end = DATE.start() + FIVE_MINUTES;
    assert!(rows.ended(end + LATE - Duration::from_secs(1), known).is_empty());
    take(&mut rows, 299);
    let ended = rows.ended(end + LATE, known);
    assert_eq!((ended.len(), ended[0].hosts[0].client.syn, ended[0].ases[0].asn), (1, 2, Some(64_496)));
    take(&mut rows, 298);
    assert_eq!((rows.late(), rows.end(end, known).len()), (1, 1));
}
