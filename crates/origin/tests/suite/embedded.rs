//! The tables that are part of the program.

use origin::{ATTRIBUTION, Atlas, Kind, Table, embedded};

use super::{ip, time};

#[test]
fn the_embedded_tables_are_what_their_script_made() {
    let [asn, country] = embedded();
    assert_eq!((&**asn.label(), asn.kind(), asn.rows()), ("asn-2026-06-17", Kind::AsRanges, 515_158));
    assert_eq!((&**country.label(), country.kind(), country.rows()), ("country-2026-06-17", Kind::Locations, 550_668));
}

#[test]
fn the_embedded_tables_are_encoded_as_this_version_encodes() {
    // Fails when the layout or zstd changes: then run embedded/derive. One table, the quicker one, shows it.
    let bytes = include_bytes!("../../embedded/country.table").as_slice();
    assert!(Table::decode(bytes).unwrap().encode().unwrap() == bytes);
}

#[test]
fn the_embedded_tables_know_well_known_addresses() {
    let atlas = Atlas::new(embedded());
    let seen = |address| atlas.lookup(ip(address), time("2026-11-23"));
    for address in ["192.0.2.1", "2001:db8::1"] {
        let nobody = seen(address);
        assert_eq!((nobody.prefix, nobody.asn, nobody.country), (None, None, None), "{address} is for documentation");
        assert_eq!(&*nobody.tables, "asn-2026-06-17 country-2026-06-17");
    }
    // A root name server of each family: addresses that everybody has and that stay.
    for (address, asn) in [("193.0.14.129", 25152), ("2001:7fd::1", 25152), ("::ffff:193.0.14.129", 25152)] {
        let root = seen(address);
        assert_eq!((root.asn, root.announced), (Some(asn), false), "{address}");
        assert!(root.as_name.is_some() && root.country.is_some() && root.prefix.is_some(), "{root:?}");
        assert_eq!(&*root.tables, "asn-2026-06-17 country-2026-06-17");
    }
}

#[test]
fn the_credits_link_to_where_the_licences_ask_for() {
    let links: Vec<&str> = ATTRIBUTION.iter().map(|credit| credit.link).collect();
    assert_eq!(links, ["https://db-ip.com", "https://www.routeviews.org", "https://www.nro.net"]);
}
