//! Real tables, where they are: `../shared/data` beside the project. Without it these tests say so and pass.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests unpack and read the shared files")]

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use evidence::{IpNet, Origin, Time};
use origin::load::{self, Format, Loaded};
use origin::{Atlas, Kind, Table, embedded};

use super::{ip, time};

/// The sources of the table `IP addresses sorted by emails` on the SpamPots page of 2010-05-17, with the AS printed
/// there.
const TOP_SOURCES: [(&str, u32); 12] = [
    ("222.241.150.149", 4134),
    ("58.49.58.20", 4134),
    ("222.191.251.223", 4134),
    ("117.41.181.113", 4134),
    ("67.215.231.114", 29761),
    ("98.143.145.250", 29761),
    ("216.45.58.242", 29761),
    ("204.152.213.242", 29761),
    ("216.45.48.66", 29761),
    ("204.152.214.50", 29761),
    ("67.215.247.210", 29761),
    ("67.215.231.50", 29761),
];

/// The folder of a set; `None`, with a word about it, where the set is not here.
fn set(name: &str) -> Option<PathBuf> {
    specimen::shared_data(name, Path::new(env!("CARGO_TARGET_TMPDIR")))
}

fn loaded(set: &Path, file: &str) -> Loaded {
    load::read(File::open(set.join(file)).unwrap(), file, None).unwrap()
}

/// The tables of announced prefixes of 2008, 2014 and 2015, loaded once.
fn history() -> Option<[Arc<Table>; 3]> {
    static TABLES: OnceLock<[Arc<Table>; 3]> = OnceLock::new();
    let set = set("pyasn-history")?;
    let files = ["ipasn_20080501_v12.dat.gz", "ipasn_20140513.dat.gz", "ipasn6_20151101.dat.gz"];
    Some(TABLES.get_or_init(|| files.map(|file| loaded(&set, file).table.into())).clone())
}

/// What a table alone says of an address.
fn ask(table: &Table, address: IpAddr) -> Origin {
    Atlas::new([table.clone()]).lookup(address, table.date())
}

#[test]
fn the_top_sources_of_2010_have_the_as_of_their_page_only_in_the_table_of_the_time() {
    let Some(history) = history() else { return };
    let counts = history.map(|table| {
        let atlas = Atlas::new([table]);
        let asns = TOP_SOURCES.map(|(address, printed)| {
            atlas.lookup(ip(address), time("2010-05-17T21:30")).asn.map(|asn| asn == printed)
        });
        [Some(true), Some(false), None].map(|as_printed| asns.iter().filter(|asn| **asn == as_printed).count())
    });
    // As printed, other, and not announced; by the tables of 2008, 2014 and 2015.
    assert_eq!(counts, [[4, 2, 6], [12, 0, 0], [3, 9, 0]]);
}

#[test]
fn one_address_was_in_three_ases_and_an_atlas_tells_them_by_date() {
    let Some(history) = history() else { return };
    let atlas = Atlas::new(history);
    for (as_of, prefix, asn, tables) in [
        ("2006-01-01", "67.215.224.0/20", 22298, "ipasn-2008-05-01"),
        ("2010-05-17T21:30", "67.215.224.0/20", 22298, "ipasn-2008-05-01"),
        ("2014-05-13", "67.215.231.0/24", 29761, "ipasn-2014-05-13"),
        ("2015-10-31", "67.215.231.0/24", 29761, "ipasn-2014-05-13"),
        ("2026-11-23", "67.215.224.0/19", 8100, "ipasn6-2015-11-01"),
    ] {
        let seen = atlas.lookup(ip("67.215.231.114"), time(as_of));
        assert_eq!((seen.prefix, seen.asn), (prefix.parse().ok(), Some(asn)), "{as_of}");
        assert_eq!((seen.announced, &*seen.tables), (true, tables), "{as_of}");
    }
    // Only the last table has IPv6, so it answers for it at any time.
    assert_eq!(&*atlas.lookup(ip("2001:7fd::1"), time("2010-05-17")).tables, "ipasn6-2015-11-01");
}

/// Of the prefixes of a cut RIB: how many there are, how many of them are in a table of text, how many with the same AS.
///
/// Prefixes are met by asking the RIB for both ends of each prefix of the text.
fn agreement(set: &Path, rib: Table, text: &str) -> [usize; 3] {
    let rib = Atlas::new([rib]);
    let mut lines = String::new();
    flate2::read::GzDecoder::new(File::open(set.join(text)).unwrap()).read_to_string(&mut lines).unwrap();
    let rows = lines.lines().filter_map(|line| line.split_once('\t'));
    let rows: BTreeMap<IpNet, u32> =
        rows.map(|(prefix, asn)| (prefix.parse().unwrap(), asn.parse().unwrap())).collect();
    let ends = rows.keys().flat_map(|prefix| [prefix.network(), prefix.broadcast()]);
    let seen = ends.map(|end| rib.lookup(end, Time::default()));
    let seen: BTreeMap<IpNet, u32> = seen.filter_map(|seen| seen.prefix.zip(seen.asn)).collect();
    let shared = seen.keys().filter(|prefix| rows.contains_key(prefix)).count();
    let same = seen.iter().filter(|(prefix, asn)| rows.get(prefix) == Some(asn)).count();
    [seen.len(), shared, same]
}

#[test]
fn a_cut_rib_of_2008_agrees_with_the_text_made_of_it() {
    let Some(set) = set("pyasn-history") else { return };
    let Loaded { table, format, notes } = loaded(&set, "rib.20080501.0644_firstMB.bz2");
    assert_eq!((format, &**table.label()), (Format::Mrt, "rib-2008-05-01T06:44:58Z"));
    assert_eq!((notes.rows, notes.default_routes, notes.truncated_at), (3529, 1, Some(9_876_131)));
    // Two prefixes have two origins each: the text took the one of the first peer, we take that of most peers.
    assert_eq!(agreement(&set, table, "ipasn_20080501_v12.dat.gz"), [3475, 3475, 3473]);
}

#[test]
fn a_cut_rib_of_2014_agrees_with_a_text_of_ten_days_before() {
    let Some(set) = set("pyasn-history") else { return };
    let Loaded { table, format, notes } = loaded(&set, "rib.20140523.0600_firstMB.bz2");
    assert_eq!((format, &**table.label()), (Format::Mrt, "rib-2014-05-23T06:00:00Z"));
    assert_eq!((notes.rows, notes.default_routes, notes.truncated_at), (9136, 1, Some(15_273_283)));
    // In ten days six prefixes appeared and 27 changed hands, or have several origins: 99.6 % are the same.
    assert_eq!(agreement(&set, table, "ipasn_20140513.dat.gz"), [8582, 8576, 8549]);
}

#[test]
fn names_of_ases_are_loaded_and_the_reserved_ones_left_out() {
    let (Some(set), Some([_, table, _])) = (set("pyasn-history"), history()) else { return };
    let names =
        load::read(File::open(set.join("asnames.json.gz")).unwrap(), "asnames", Some(time("2017-01-01"))).unwrap();
    assert_eq!((names.format, names.notes.rows + names.notes.without_value), (Format::NamesJson, 77_586));
    let seen = Atlas::new([table, names.table.into()]).lookup(ip("67.215.231.114"), time("2014-05-13"));
    assert_eq!(seen.country, "US".parse().ok());
    assert!(seen.as_name.is_some_and(|name| !name.ends_with("US")));
    assert_eq!(&*seen.tables, "ipasn-2014-05-13 asnames-2017-01-01");
}

#[test]
fn made_up_databases_of_maxmind_are_loaded() {
    let Some(set) = set("sa-testdata") else { return };
    let [isp, country, city] =
        ["ISP", "Country", "City"].map(|kind| loaded(&set, &format!("geodb/GeoIP2-{kind}.mmdb")).table);
    assert_eq!([isp.kind(), country.kind(), city.kind()], [Kind::AsRanges, Kind::Locations, Kind::Locations]);
    for (address, prefix) in [("8.8.8.8", "8.8.8.8/32"), ("2001:4860:4860::8888", "2001:4860:4860::8888/128")] {
        let seen = ask(&isp, ip(address));
        assert_eq!((seen.prefix, seen.asn), (prefix.parse().ok(), Some(15169)));
        assert_eq!(seen.as_name.as_deref(), Some("GOOGLE - Google LLC, US"));
        assert_eq!(ask(&country, ip(address)).location, "US".parse().ok());
    }
}

/// The files of IPv4 and of IPv6, read as if they were one.
fn both(set: &Path, files: &str, name: &str) -> Loaded {
    let open = |family: u8| File::open(set.join(format!("{files}-ipv{family}.csv"))).unwrap();
    load::read(open(4).chain(open(6)), name, Some(time("2026-06-17"))).unwrap()
}

#[test]
fn full_range_tables_are_loaded_and_are_the_embedded_ones() {
    let Some(set) = set("ip-location-db") else { return };
    let asn = both(&set, "asn/asn", "asn");
    assert_eq!((asn.notes.rows, asn.notes.without_value, asn.notes.overlaps), (515_158, 0, 1));
    let country = both(&set, "country/geo-whois-asn-country", "country");
    assert_eq!((country.notes.rows, country.notes.duplicates), (550_668, 3));
    assert!([asn.table, country.table] == embedded(), "the embedded tables are of the same version of the packages");
}

#[test]
fn ten_thousand_addresses_have_the_as_and_the_country_that_a_scan_of_the_files_finds() {
    let Some(set) = set("ip-location-db") else { return };
    let atlas = Atlas::new(embedded());
    let mut addresses = addresses();
    addresses.sort_unstable();
    let asns = scan(&set, "asn/asn", &addresses);
    let countries = scan(&set, "country/geo-whois-asn-country", &addresses);
    let mut known = 0;
    for (address, (asn, country)) in addresses.iter().zip(asns.iter().zip(&countries)) {
        let seen = atlas.lookup(*address, time("2026-11-23"));
        assert_eq!(seen.asn.map(|asn| asn.to_string()), *asn, "{address}");
        assert_eq!(seen.location.map(|country| country.to_string()), *country, "{address}");
        known += usize::from(seen.asn.is_some());
    }
    assert!(known > 4000, "{known} of the addresses are in an AS");
}

/// Half of each family, the same in each run; those of IPv6 where IPv6 is given out.
fn addresses() -> Vec<IpAddr> {
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 32
    };
    let mut address = |index: u32| match index % 2 {
        0 => Ipv4Addr::from(random() as u32).into(),
        _ => Ipv6Addr::from(0x2a0 << 116 | u128::from(random() & 0x0fff_ffff) << 88).into(),
    };
    (0..10_000).map(&mut address).collect()
}

/// What the rows of the files say of each address, row after row: of rows that overlap, the one that starts later
/// holds, then the shorter, then the later one in the file.
fn scan(set: &Path, files: &str, addresses: &[IpAddr]) -> Vec<Option<String>> {
    let mut best: Vec<Option<(IpAddr, Reverse<IpAddr>, String)>> = vec![None; addresses.len()];
    for family in [4, 6] {
        for line in fs::read_to_string(set.join(format!("{files}-ipv{family}.csv"))).unwrap().lines() {
            let mut fields = line.splitn(4, ',');
            let (first, last) = (ip(fields.next().unwrap()), ip(fields.next().unwrap()));
            let value = fields.next().unwrap();
            let from = addresses.partition_point(|address| *address < first);
            let until = addresses.partition_point(|address| *address <= last);
            for best in &mut best[from..until] {
                if best.as_ref().is_none_or(|(start, end, _)| (*start, *end) <= (first, Reverse(last))) {
                    *best = Some((first, Reverse(last), value.to_owned()));
                }
            }
        }
    }
    best.into_iter().map(|best| Some(best?.2)).collect()
}
