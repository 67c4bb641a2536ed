//! MRT dumps, built byte by byte after RFC 6396, RFC 8050 and RFC 6793.

use origin::load::{self, Format, Notes, detect};

use super::{read, route};

/// 2014-05-23T06:00:00Z.
const SECONDS: u32 = 1_400_824_800;

fn record(kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32;
    [&SECONDS.to_be_bytes()[..], &kind.to_be_bytes(), &subtype.to_be_bytes(), &length.to_be_bytes(), body].concat()
}

/// An attribute with a length of one byte, or of two where that is needed.
fn attribute(kind: u8, value: &[u8]) -> Vec<u8> {
    match u8::try_from(value.len()) {
        Ok(length) => [&[0x40, kind, length], value].concat(),
        Err(_) => [&[0x50, kind], &(value.len() as u16).to_be_bytes()[..], value].concat(),
    }
}

const SET: u8 = 1;
const SEQUENCE: u8 = 2;
const CONFEDERATION: u8 = 3;

fn part<const N: usize>(kind: u8, numbers: &[[u8; N]]) -> Vec<u8> {
    [&[kind, numbers.len() as u8], &numbers.concat()[..]].concat()
}

fn wide(kind: u8, asns: &[u32]) -> Vec<u8> {
    part(kind, &asns.iter().map(|asn| asn.to_be_bytes()).collect::<Vec<_>>())
}

fn narrow(kind: u8, asns: &[u16]) -> Vec<u8> {
    part(kind, &asns.iter().map(|asn| asn.to_be_bytes()).collect::<Vec<_>>())
}

/// Attributes of a route: ORIGIN, the AS path, NEXT_HOP.
fn attributes(path: &[u8]) -> Vec<u8> {
    [attribute(1, &[0]), attribute(2, path), attribute(3, &[192, 0, 2, 254])].concat()
}

fn peers() -> Vec<u8> {
    record(13, 1, &[&[192, 0, 2, 254, 0, 3][..], b"rib", &[0, 0]].concat())
}

/// A record of TABLE_DUMP_V2. `network` is as long as the length needs it to be.
fn rib(subtype: u16, length: u8, network: &[u8], paths: &[Vec<u8>]) -> Vec<u8> {
    let mut body = [&[0, 0, 0, 9, length], network, &(paths.len() as u16).to_be_bytes()[..]].concat();
    for path in paths {
        let attributes = attributes(path);
        body.extend([0, 1]);
        body.extend(SECONDS.to_be_bytes());
        if subtype >= 8 {
            body.extend([0, 0, 0, 77]); // path id
        }
        body.extend((attributes.len() as u16).to_be_bytes());
        body.extend(attributes);
    }
    record(13, subtype, &body)
}

/// A record of TABLE_DUMP, IPv4.
fn old(network: [u8; 4], length: u8, attributes: &[u8]) -> Vec<u8> {
    let mut body =
        [&[0, 0, 0, 9], &network[..], &[length, 1], &SECONDS.to_be_bytes(), &[192, 0, 2, 254, 0xfc, 0]].concat();
    body.extend((attributes.len() as u16).to_be_bytes());
    body.extend(attributes);
    record(12, 1, &body)
}

fn sequence(asns: &[u32]) -> Vec<u8> {
    wide(SEQUENCE, asns)
}

#[test]
fn a_dump_gives_each_prefix_the_origin_that_most_peers_see() {
    let dump = [
        peers(),
        rib(2, 24, &[192, 0, 2], &[sequence(&[1, 2, 64500]), sequence(&[3, 64501]), sequence(&[4, 64501])]),
        rib(2, 25, &[192, 0, 2, 128], &[sequence(&[1, 4_200_000_001]), sequence(&[3, 64499])]),
        rib(4, 32, &[0x20, 1, 0xd, 0xb8], &[sequence(&[64502])]),
    ]
    .concat();
    assert_eq!(detect(&dump), Some(Format::Mrt));
    let loaded = load::read(dump.as_slice(), "rib.bz2", None).unwrap();
    assert_eq!(&**loaded.table.label(), "rib-2014-05-23T06:00:00Z");
    assert_eq!(loaded.notes, Notes { rows: 5, ..Notes::default() });
    let table = loaded.table;
    assert_eq!(route(&table, "192.0.2.1"), Some(("192.0.2.0/24".into(), 64501)));
    assert_eq!(route(&table, "192.0.2.129"), Some(("192.0.2.128/25".into(), 64499)), "of equals the smallest");
    assert_eq!(route(&table, "2001:db8::1"), Some(("2001:db8::/32".into(), 64502)));
}

#[test]
fn a_dump_with_path_ids_is_read_too() {
    let dump = [
        peers(),
        rib(8, 24, &[192, 0, 2], &[sequence(&[1, 64500]), sequence(&[1, 64500])]),
        rib(10, 32, &[0x20, 1, 0xd, 0xb8], &[sequence(&[64502])]),
    ]
    .concat();
    let table = read(&dump).unwrap().table;
    assert_eq!(route(&table, "192.0.2.1"), Some(("192.0.2.0/24".into(), 64500)));
    assert_eq!(route(&table, "2001:db8::1"), Some(("2001:db8::/32".into(), 64502)));
}

#[test]
fn the_origin_is_the_last_as_and_of_a_set_at_the_end_the_smallest() {
    let origin = |path: &[Vec<u8>]| {
        let loaded = read(&[peers(), rib(2, 24, &[192, 0, 2], &[path.concat()])].concat());
        loaded.ok().and_then(|loaded| route(&loaded.table, "192.0.2.1")).map(|(_, asn)| asn)
    };
    assert_eq!(origin(&[sequence(&[1, 2]), wide(SET, &[9, 7, 8])]), Some(7));
    assert_eq!(origin(&[sequence(&[1, 2]), wide(SET, &[9]), sequence(&[3])]), Some(3));
    assert_eq!(origin(&[sequence(&[1, 2]), wide(CONFEDERATION, &[65000])]), Some(2));
    assert_eq!(origin(&[sequence(&[1, 2]), wide(SET, &[])]), Some(2));
    assert_eq!(origin(&[sequence(&(1..=70).collect::<Vec<_>>())]), Some(70), "a length of two bytes");
    assert_eq!(origin(&[]), None);
}

#[test]
fn paths_without_an_origin_and_default_routes_are_counted() {
    let dump = [
        peers(),
        rib(2, 0, &[], &[sequence(&[1]), sequence(&[2])]),
        rib(2, 24, &[192, 0, 2], &[Vec::new(), sequence(&[0]), sequence(&[64500])]),
        rib(3, 24, &[233, 252, 0], &[sequence(&[1])]),
        record(13, 6, &[1, 2, 3]),
        record(16, 4, &[1, 2, 3]),
    ]
    .concat();
    let notes = read(&dump).unwrap().notes;
    assert_eq!(notes, Notes { rows: 1, default_routes: 1, without_value: 2, other_records: 3, ..Notes::default() });
}

#[test]
fn an_old_dump_has_a_record_for_each_path_and_two_bytes_for_an_as() {
    let path = |asns: &[u16]| attributes(&narrow(SEQUENCE, asns));
    let translated = [path(&[1, 23456]), attribute(17, &sequence(&[1, 4_200_000_001]))].concat();
    let dump = [
        old([192, 0, 2, 0], 24, &path(&[1, 64500])),
        old([192, 0, 2, 0], 24, &path(&[3, 64501])),
        old([192, 0, 2, 0], 24, &path(&[4, 64501])),
        old([192, 0, 2, 128], 25, &translated),
        old([198, 51, 100, 0], 24, &path(&[1, 23456])),
        old([203, 0, 113, 0], 24, &attributes(&[narrow(SEQUENCE, &[1]), narrow(SET, &[9, 8])].concat())),
        old([192, 0, 2, 0], 24, &path(&[5, 64500])), // again, after others
        old([192, 0, 2, 0], 24, &path(&[6, 64500])),
    ]
    .concat();
    let loaded = read(&dump).unwrap();
    assert_eq!(loaded.format, Format::Mrt);
    let of = |address| route(&loaded.table, address).map(|(_, asn)| asn);
    assert_eq!(of("192.0.2.1"), Some(64500));
    assert_eq!(of("192.0.2.129"), Some(4_200_000_001));
    assert_eq!(of("198.51.100.1"), Some(23456));
    assert_eq!(of("203.0.113.1"), Some(8));
}

#[test]
fn a_dump_cut_anywhere_gives_the_whole_records_before_the_cut() {
    let records = [
        peers(),
        rib(2, 24, &[192, 0, 2], &[sequence(&[1, 64500])]),
        rib(2, 24, &[198, 51, 100], &[sequence(&[1, 64501]), sequence(&[2, 64501])]),
    ];
    let ends: Vec<usize> = (1..=records.len()).map(|count| records[..count].concat().len()).collect();
    let dump = records.concat();
    for cut in 12..dump.len() {
        let end = *ends.iter().rev().find(|end| **end <= cut).unwrap_or(&0);
        match read(&dump[..cut]) {
            Ok(loaded) => {
                let expected = (end != cut).then_some(end as u64);
                assert_eq!(loaded.notes.truncated_at, expected, "cut at {cut}");
                assert_eq!(loaded.notes.rows, 1);
            }
            Err(error) => {
                let expected = if end == cut {
                    "no usable row in the MRT table dump"
                } else {
                    "no usable row in the MRT table dump, which is cut off"
                };
                assert_eq!(error.to_string(), expected, "cut at {cut}");
                assert!(end < ends[1]);
            }
        }
    }
}

#[test]
fn a_record_that_contradicts_itself_is_named_by_its_offset() {
    let at = peers().len();
    let fault = |record: Vec<u8>| read(&[peers(), record].concat()).unwrap_err().to_string();
    let expected = |reason: &str| format!("record at byte {at}: {reason}");
    let good = rib(2, 24, &[192, 0, 2], &[sequence(&[1, 64500])]);
    let body = |change: fn(&mut Vec<u8>)| {
        let mut body = good[12..].to_vec();
        change(&mut body);
        record(13, 2, &body)
    };
    assert_eq!(fault(body(|body| _ = body.pop())), expected("shorter than what it says it holds"));
    assert_eq!(fault(body(|body| body[4] = 33)), expected("a prefix longer than an address"));
    assert_eq!(fault(body(|body| body[9] = 9)), expected("shorter than what it says it holds"));
    assert_eq!(fault(body(|body| body[9 + 8 + 4 + 4] = 9)), expected("a part of an AS path of unknown kind"));
    assert_eq!(fault(rib(2, 200, &[0; 25], &[])), expected("a prefix longer than an address"));
    let huge = [&SECONDS.to_be_bytes()[..], &[0, 13, 0, 2, 0xff, 0, 0, 0]].concat();
    assert_eq!(fault(huge), expected("longer than a record can be"));
}

#[test]
fn random_bytes_behind_a_header_never_panic() {
    let mut seed = 1_u32;
    for round in 0..20_000_u32 {
        let body: Vec<u8> = (0..round % 64)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8 & if round % 3 == 0 { 0x1f } else { 0xff }
            })
            .collect();
        let (kind, subtype) = [(12, 1), (12, 2), (13, 2), (13, 4), (13, 8), (13, 10)][round as usize % 6];
        _ = read(&record(kind, subtype, &body));
    }
}
