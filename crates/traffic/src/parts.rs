//! A day that was counted in parts, as by several runs: the parts together.

use std::iter::Peekable;

use crate::key::Key;
use crate::ledger::Ledger;
use crate::sealed::{Part, Row, Rows, Sealed, put_row};
use crate::spread::{Kept, Spread};

impl Ledger {
    /// Takes in a part of a day, counted with the seed of the other parts: what there is of the same date stays, and counts add
    /// up. Destinations that both parts have count once, as far as they are kept one by one; of its own clients a host has as many
    /// as in the part with most of them.
    pub fn add(&mut self, part: Sealed) {
        let joined = self.day(part.date()).map(|before| before.joined(&part));
        self.push(joined.unwrap_or(part));
    }
}

impl Sealed {
    fn joined(&self, other: &Self) -> Self {
        let (mut missed, mut totals) = (self.missed, self.totals);
        missed.merge(&other.missed);
        totals.merge(&other.totals);
        let [four, six] = [(0, <u32 as Key>::NETWORK), (1, <u128 as Key>::NETWORK)]
            .map(|(family, network)| join(self.rows(family).peekable(), other.rows(family).peekable(), network));
        Self { date: self.date, missed, totals, hosts: [four.0, six.0], rows: [four.1, six.1] }
    }
}

/// Both in order of address.
fn join(mut one: Peekable<Rows<'_>>, mut other: Peekable<Rows<'_>>, network: u32) -> (u64, Vec<u8>) {
    let (mut rows, mut count, mut before) = (Vec::new(), 0, 0);
    loop {
        let next = [one.peek(), other.peek()].into_iter().flatten().map(|row| row.address).min();
        let Some(address) = next else { break };
        let (mine, more) = (one.next_if(|row| row.address == address), other.next_if(|row| row.address == address));
        let row = match (mine, more) {
            (Some(mine), Some(more)) => together(mine, more, network),
            (Some(row), None) | (None, Some(row)) => row,
            (None, None) => break,
        };
        put_row(&mut rows, before, &row);
        (count, before) = (count + 1, address);
    }
    rows.shrink_to_fit();
    (count, rows)
}

fn together(mine: Row, more: Row, network: u32) -> Row {
    let client = match (mine.client, more.client) {
        (Some(mine), Some(more)) => Some(clients(mine, more, network)),
        (one, other) => one.or(other),
    };
    let server = match (mine.server, more.server) {
        (Some(mine), Some(more)) => {
            let peers = mine.peers.max(more.peers);
            Some(Part { peers, ..sum(mine, &more) })
        }
        (one, other) => one.or(other),
    };
    Row { address: mine.address, client, server }
}

fn clients((mine, kept): (Part, Kept), (more, other): (Part, Kept), network: u32) -> (Part, Kept) {
    let mut spread = Spread::new(network);
    spread.add(&kept);
    spread.add(&other);
    let count = spread.count();
    let most = mine.peers.max(more.peers);
    // What is estimated is not less than what one part has for sure.
    let peers = if count.is_exact { count.addresses as u32 } else { (count.addresses.round() as u32).max(most) };
    (Part { peers, ..sum(mine, &more) }, spread.kept())
}

fn sum(mut mine: Part, more: &Part) -> Part {
    mine.kinds.iter_mut().zip(more.kinds).for_each(|(mine, more)| *mine = mine.saturating_add(more));
    mine.hours.iter_mut().zip(more.hours).for_each(|(mine, more)| *mine = mine.saturating_add(more));
    mine.marks |= more.marks;
    mine.asn = crate::table::lowest(mine.asn, more.asn);
    mine
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fingerprint::Catalogue;
    use proptest::prelude::*;
    use sflow::{Flags, Packet};

    use super::*;
    use crate::day::{Bounds, Date, Day};
    use crate::host::Host;

    /// A packet between few hosts of either family, so that they meet again.
    fn count(day: &mut Day, (client, server, flags, hour): (u8, u8, u8, u8)) {
        let host = |number: u8, port: u16| match number % 3 {
            0 => format!("[2001:db8::{number:x}]:{port}"),
            _ => format!("192.0.2.{number}:{port}"),
        };
        // Both of one family.
        let server = server - server % 3 + client % 3;
        let packet = Packet {
            source: host(client, 4000).parse().unwrap(),
            destination: host(server, 25).parse().unwrap(),
            flags: Flags(flags),
            bytes: 60,
            header: &[],
            source_as: (flags & 1 == 0).then_some(64_496 + u32::from(client)),
            destination_as: None,
            rate: 512,
        };
        day.take(Date(20_000).start() + std::time::Duration::from_secs(u64::from(hour % 24) * 3600), 512, &packet);
    }

    fn day() -> Day {
        Day::new(Date(20_000), Bounds::DEFAULT, 7, Arc::new(Catalogue::embedded()))
    }

    proptest! {
        #[test]
        fn a_day_in_two_parts_has_the_hosts_of_the_whole_day(
            packets in proptest::collection::vec((3u8..60, 3u8..252, any::<u8>(), any::<u8>()), 0..300),
            cut in 0usize..300,
        ) {
            let (mut whole, mut first, mut second) = (day(), day(), day());
            for (number, packet) in packets.iter().enumerate() {
                count(&mut whole, *packet);
                count(if number < cut { &mut first } else { &mut second }, *packet);
            }
            let (mut expected, mut ledger) = (Ledger::default(), Ledger::default());
            expected.add(Sealed::of(&mut whole));
            ledger.add(Sealed::of(&mut first));
            ledger.add(Sealed::of(&mut second));
            prop_assert_eq!(ledger.totals(), expected.totals());
            let in_full: Vec<_> = ledger.hosts().map(|host| host.outline()).collect();
            prop_assert_eq!(ledger.outlines().collect::<Vec<_>>(), in_full, "in few words the same as in full");
            // Beyond what is kept one by one destinations are estimated; so few are not.
            let told = |host: Host| (host.address, host.gateway_as, host.client, host.server, host.destinations, host.systems);
            let (hosts, expected): (Vec<_>, Vec<_>) = (ledger.hosts().map(told).collect(), expected.hosts().map(told).collect());
            prop_assert_eq!(hosts, expected);
            prop_assert_eq!(Ledger::restore(&ledger.save()).unwrap(), ledger);
        }
    }
}
