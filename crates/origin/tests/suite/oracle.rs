//! Lookups against a linear scan of the rows, which is slow and obviously right.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evidence::{IpNet, Time};
use origin::{AddressRange, Announcement, Atlas, Rows, Table};
use proptest::prelude::*;

/// Addresses that share many first bits with each other, so that prefixes nest and ranges meet.
fn address() -> impl Strategy<Value = IpAddr> {
    (any::<bool>(), 0..4_u32, 0..4_u32, 0..4_u32).prop_map(|(four, a, b, c)| {
        let bits = a << 30 | b << 15 | c;
        match four {
            true => Ipv4Addr::from(bits).into(),
            false => Ipv6Addr::from(u128::from(a) << 126 | u128::from(b) << 63 | u128::from(c)).into(),
        }
    })
}

fn announcement() -> impl Strategy<Value = Announcement> {
    (address(), any::<prop::sample::Index>(), 1..5_u32, 1..4_u32).prop_map(|(address, length, asn, votes)| {
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = IpNet::new(address, 1 + length.index(width) as u8).unwrap();
        Announcement { votes, ..Announcement::new(prefix, asn) }
    })
}

fn range() -> impl Strategy<Value = AddressRange<u32>> {
    (address(), address(), 1..4_u32)
        .prop_filter_map("of two families", |(a, b, asn)| AddressRange::new(a.min(b), a.max(b), asn))
}

/// An address, and those beside it.
fn around(address: IpAddr) -> [IpAddr; 3] {
    match address {
        IpAddr::V4(four) => [-1, 0, 1].map(|step| Ipv4Addr::from(u32::from(four).wrapping_add_signed(step)).into()),
        IpAddr::V6(six) => [-1, 0, 1].map(|step| Ipv6Addr::from(u128::from(six).wrapping_add_signed(step)).into()),
    }
}

fn announced(rows: &[Announcement], address: IpAddr) -> Option<(IpNet, u32)> {
    let covering = rows.iter().filter(|row| row.prefix.contains(&address));
    let prefix = covering.map(|row| row.prefix).max_by_key(IpNet::prefix_len)?;
    let mut votes = BTreeMap::<u32, u32>::new();
    for row in rows.iter().filter(|row| row.prefix == prefix) {
        *votes.entry(row.asn).or_default() += row.votes;
    }
    let most = votes.values().max()?;
    Some((prefix, *votes.iter().find(|(_, votes)| *votes == most)?.0))
}

/// The AS of the range that starts last, then is shortest, then was given last.
fn ranged(rows: &[AddressRange<u32>], address: IpAddr) -> Option<u32> {
    let covering = rows.iter().enumerate().filter(|(_, row)| row.first() <= address && address <= row.last());
    let covering = covering.filter(|(_, row)| row.first().is_ipv4() == address.is_ipv4());
    covering.max_by_key(|(index, row)| (row.first(), std::cmp::Reverse(row.last()), *index)).map(|(_, row)| *row.of())
}

fn found(atlas: &Atlas, address: IpAddr) -> Option<(IpNet, u32)> {
    let origin = atlas.lookup(address, Time::default());
    origin.prefix.zip(origin.asn)
}

proptest! {
    #[test]
    fn a_lookup_finds_what_a_scan_of_the_prefixes_finds(
        rows in prop::collection::vec(announcement(), 0..40),
        others in prop::collection::vec(address(), 20),
    ) {
        let table = Table::new("t", Time::default(), Rows::Announcements(rows.clone())).unwrap();
        prop_assert_eq!(&Table::decode(&table.encode().unwrap()).unwrap(), &table);
        let atlas = Atlas::new([table]);
        let edges = rows.iter().flat_map(|row| [row.prefix.network(), row.prefix.broadcast()]);
        for address in edges.chain(others).flat_map(around).map(|address| address.to_canonical()) {
            prop_assert_eq!(found(&atlas, address), announced(&rows, address), "{}", address);
        }
    }

    #[test]
    fn a_lookup_finds_what_a_scan_of_the_ranges_finds_and_the_largest_block_of_it(
        ranges in prop::collection::vec(range(), 0..20),
        others in prop::collection::vec(address(), 20),
    ) {
        let rows = Rows::AsRanges { ranges: ranges.clone(), names: BTreeMap::new() };
        let table = Table::new("t", Time::default(), rows).unwrap();
        prop_assert_eq!(&Table::decode(&table.encode().unwrap()).unwrap(), &table);
        let atlas = Atlas::new([table]);
        let edges: Vec<IpAddr> = ranges.iter().flat_map(|row| [row.first(), row.last()]).flat_map(around).collect();
        for address in edges.iter().copied().chain(others).map(|address| address.to_canonical()) {
            let found = found(&atlas, address);
            prop_assert_eq!(found.map(|(_, asn)| asn), ranged(&ranges, address), "{}", address);
            // An AS changes only beside an edge, so a block without another AS at an edge is all of this AS.
            let is_all_of = |block: &IpNet, asn| {
                let ends = [block.network(), block.broadcast()];
                let inside = edges.iter().copied().filter(|edge| block.contains(edge)).chain(ends);
                inside.into_iter().all(|edge| ranged(&ranges, edge) == Some(asn))
            };
            if let Some((block, asn)) = found {
                prop_assert!(block.contains(&address) && is_all_of(&block, asn));
                prop_assert!(block.supernet().is_none_or(|larger| !is_all_of(&larger, asn)), "{block} is not the largest");
            }
        }
    }
}
