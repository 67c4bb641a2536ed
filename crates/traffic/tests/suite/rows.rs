//! Rows of five minutes.

use std::time::Duration;

use evidence::Origin;
use proptest::prelude::*;
use sflow::Flags;
use traffic::{GRAIN, LATE, Rows, Slot};

use crate::made::{DATE, Sampled, any, nowhere};

fn slots(packets: &[Sampled]) -> Vec<Slot> {
    let mut rows = Rows::default();
    packets.iter().for_each(|sampled| rows.take(sampled.at(DATE), sampled.rate, &sampled.packet()));
    rows.end(nowhere)
}

proptest! {
    #[test]
    fn every_packet_of_port_25_is_in_two_rows_and_ases_are_the_sums_of_their_hosts(packets in any()) {
        let slots = slots(&packets);
        let smtp = packets.iter().filter(|sampled| sampled.source.port() == 25 || sampled.destination.port() == 25);
        let weight: u64 = smtp.map(|sampled| 2 * u64::from(sampled.rate)).sum();
        let estimated = |slots: &[Slot]| slots.iter().flat_map(|slot| &slot.hosts).map(|row| row.estimated_packets).sum::<u64>();
        prop_assert_eq!(estimated(&slots), weight);
        for slot in &slots {
            let hosts = slot.hosts.len() as u64;
            let roles = slot.systems.iter().map(|row| row.clients_only + row.servers_only + row.both + row.neither).sum::<u64>();
            prop_assert_eq!(roles, hosts);
            let sent = |sent: &mut dyn Iterator<Item = u64>| sent.sum::<u64>();
            prop_assert_eq!(
                sent(&mut slot.hosts.iter().map(|row| row.client_sent)),
                sent(&mut slot.systems.iter().map(|row| row.client_sent))
            );
            prop_assert_eq!(
                sent(&mut slot.hosts.iter().map(|row| row.client_sent)),
                sent(&mut slot.hosts.iter().map(|row| row.server_asked))
            );
        }
    }
}

#[test]
fn a_packet_on_the_border_is_of_the_five_minutes_that_begin() {
    let at = |second| Sampled { second, ..Sampled::outward([10, 0, 0, 1], [10, 1, 0, 1], Flags::SYN, 60) };
    let slots = slots(&[at(299), at(300), at(599)]);
    assert_eq!(slots.iter().map(|slot| slot.hosts[0].client_sent).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(slots[1].hosts[0].at, (DATE.start() + Duration::from_secs(300)).micros());
}

#[test]
fn rows_wait_for_what_comes_late_and_what_comes_later_is_counted() {
    let sampled = |second| Sampled { second, ..Sampled::outward([10, 0, 0, 1], [10, 1, 0, 1], Flags::SYN, 60) };
    let mut rows = Rows::default();
    let take = |rows: &mut Rows, second| {
        let sampled = sampled(second);
        rows.take(sampled.at(DATE), 1, &sampled.packet());
    };
    let known = |_| Origin { asn: Some(64_496), ..Origin::default() };
    take(&mut rows, 10);
    take(&mut rows, 310);
    let end = DATE.start() + GRAIN;
    assert!(rows.ended(end + LATE - Duration::from_secs(1), known).is_empty());
    take(&mut rows, 299);
    let ended = rows.ended(end + LATE, known);
    assert_eq!((ended.len(), ended[0].hosts[0].syn, ended[0].systems[0].asn), (1, 2, Some(64_496)));
    take(&mut rows, 298);
    assert_eq!((rows.late(), rows.end(known).len()), (1, 1));
}
