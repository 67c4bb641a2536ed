//! Formats of text, as they are and packed, whole and cut.

use std::io::Write;

use origin::Kind;
use origin::load::{self, Format, Loaded, Notes, detect};

use super::{ask, read, route, time};

const PYASN: &str = "; IP-ASN32-DAT file\n; Prefixes-v4   : 2\n; \n192.0.2.0/24\t64496\n192.0.2.128/25\t64497\n\
                     2001:db8::/32\t64498\n";

fn loaded(text: &str) -> Loaded {
    read(text.as_bytes()).unwrap()
}

fn fault(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn pyasn_text_gives_announcements() {
    let Loaded { table, format, notes } = loaded(PYASN);
    assert_eq!((format, table.kind()), (Format::Prefixes, Kind::Announcements));
    assert_eq!(notes, Notes { rows: 3, ..Notes::default() });
    assert_eq!(route(&table, "192.0.2.1"), Some(("192.0.2.0/24".into(), 64496)));
    assert_eq!(route(&table, "192.0.2.129"), Some(("192.0.2.128/25".into(), 64497)));
    assert_eq!(route(&table, "2001:db8::1"), Some(("2001:db8::/32".into(), 64498)));
    assert!(ask(table, "192.0.2.1").announced);
}

#[test]
fn of_several_origins_and_of_a_set_caida_names_the_first_one_first() {
    let Loaded { table, format, .. } = loaded("192.0.2.0\t25\t9_1\n192.0.2.128\t25\t8,2\n2001:db8::\t32\t7,6_5\n");
    assert_eq!(format, Format::Prefixes);
    assert_eq!(route(&table, "192.0.2.1"), Some(("192.0.2.0/25".into(), 9)));
    assert_eq!(route(&table, "192.0.2.129"), Some(("192.0.2.128/25".into(), 8)));
    assert_eq!(route(&table, "2001:db8::1"), Some(("2001:db8::/32".into(), 7)));
}

#[test]
fn default_routes_and_as_0_are_left_out_and_private_ases_are_kept() {
    let Loaded { table, notes, .. } =
        loaded("0.0.0.0/0 1\n::/0 1\n192.0.2.0/24 0\n198.51.100.0/24 65534\n198.51.100.0/24 65534\n");
    assert_eq!(notes, Notes { rows: 2, default_routes: 2, without_value: 1, duplicates: 1, ..Notes::default() });
    assert_eq!(route(&table, "198.51.100.1"), Some(("198.51.100.0/24".into(), 65534)));
    assert_eq!(route(&table, "192.0.2.1"), None);
}

#[test]
fn a_malformed_line_is_named_and_nothing_is_applied() {
    for (text, expected) in [
        ("192.0.2.0/24 1\n192.0.2.0/33 1\n", "line 2: `33` is not a length of its prefix"),
        ("192.0.2.0/24 1\n\n; x\n192.0.2/24 1\n", "line 4: `192.0.2` is not an address"),
        ("192.0.2.0/24 1\n192.0.2.0/24\n", "line 2: no AS number"),
        ("192.0.2.0/24 1\n192.0.2.0/24 x1\n", "line 2: `x1` is not an AS number"),
        ("192.0.2.0/24 1\n192.0.2.0/24 4294967296\n", "line 2: `4294967296` is not an AS number"),
        ("192.0.2.0/24 1\n192.0.2.1/24 1\n", "line 2: 192.0.2.1/24 has bits beyond its length"),
        ("192.0.2.0/24 1\n192.0.2.0/24 1 2\n", "line 2: `2` is not expected behind the AS number"),
        ("192.0.2.0,192.0.2.9,BR\n192.0.2.9,192.0.2.0,BR\n", "line 2: 192.0.2.9 to 192.0.2.0 is no range"),
        ("192.0.2.0,192.0.2.9,BR\n192.0.2.0,2001:db8::,BR\n", "line 2: 192.0.2.0 to 2001:db8:: is no range"),
        ("192.0.2.0,192.0.2.9,BR\n192.0.2.0,192.0.2.9\n", "line 2: fewer than three columns"),
        ("192.0.2.0,192.0.2.9,BR\n192.0.2.0,192.0.2.9,Bra\n", "line 2: `Bra` is not an AS number or a country"),
        ("192.0.2.0,192.0.2.9,1,\"A\n", "line 1: a quote is not closed"),
        ("192.0.2.0,192.0.2.9,BR\n192.0.2.0,192.0.2.9,1\n", "line 2: AS numbers and countries in one column"),
        ("AS1 ONE, BR\nAS ONE, BR\n", "line 2: `AS` is not an AS number"),
    ] {
        assert_eq!(fault(text), expected);
    }
    assert_eq!(fault(&format!("192.0.2.0,192.0.2.9,BR{}\n", ",x".repeat(40))), "line 1: more than 32 columns");
    assert_eq!(read(b"192.0.2.0/24 1\n\xff\n").unwrap_err().to_string(), "line 2: not UTF-8");
    assert_eq!(fault(&format!("192.0.2.0/24 1\n{}\n", "1".repeat(70_000))), "line 2: longer than 65536 bytes");
}

#[test]
fn what_a_fault_quotes_is_inert_and_short() {
    let fault = fault(&format!("192.0.2.0/24 1\n192.0.2.0/24 \x1b[m{}\n", "é".repeat(99)));
    assert!(fault.starts_with("line 2: `\\x1B[méé") && fault.len() < 120, "{fault}");
}

#[test]
fn ranges_with_names_may_have_a_head_and_quotes() {
    let rows = "192.0.2.0,192.0.2.9,64496,\"Example, \"\"Inc.\"\"\"\n192.0.2.10,192.0.2.11,64497,Other\n\
                2001:db8::,2001:db8::ffff,64496,Example again\n192.0.2.12,192.0.2.13,0,Nobody\n";
    for text in [rows.to_owned(), format!("start_ip,end_ip,asn,name\n{rows}")] {
        let Loaded { table, format, notes } = loaded(&text);
        assert_eq!((format, table.kind()), (Format::Ranges, Kind::AsRanges));
        assert_eq!(notes, Notes { rows: 3, without_value: 1, ..Notes::default() });
        let seen = ask(table.clone(), "192.0.2.5");
        assert_eq!((seen.asn, seen.as_name.as_deref()), (Some(64496), Some("Example, \"Inc.\"")));
        assert!(!seen.announced);
        assert_eq!(route(&table, "192.0.2.5"), Some(("192.0.2.0/29".into(), 64496)));
        assert_eq!(ask(table, "2001:db8::1").as_name.as_deref(), Some("Example, \"Inc.\""));
    }
}

#[test]
fn ranges_with_countries_give_locations() {
    let Loaded { table, notes, .. } =
        loaded("192.0.2.0,192.0.2.255,BR\n192.0.2.16,192.0.2.31,uy,Montevideo\n192.0.2.32,192.0.2.32,ZZ\n");
    assert_eq!(table.kind(), Kind::Locations);
    assert_eq!(notes, Notes { rows: 2, without_value: 1, overlaps: 1, ..Notes::default() });
    let location = |address| ask(table.clone(), address).location.map(|country| country.to_string());
    assert_eq!(location("192.0.2.1").as_deref(), Some("BR"));
    assert_eq!(location("192.0.2.16").as_deref(), Some("UY"));
    assert_eq!(location("192.0.2.32").as_deref(), Some("BR"));
    assert_eq!(location("192.0.3.0"), None);
}

#[test]
fn names_come_as_json_or_as_lines() {
    let json = r#"{"64496": "ONE - Example, Inc., BR", "64497": "-Reserved AS-, ZZ", "64498": "TWO, ZZ"}"#;
    let lines = "# AS names\nAS64496 ONE - Example, Inc., BR\n64497 -Reserved AS-, ZZ\n64498\tTWO, ZZ\n";
    for (text, format) in [(json, Format::NamesJson), (lines, Format::Names)] {
        let loaded = loaded(text);
        assert_eq!((loaded.format, loaded.table.kind()), (format, Kind::AsNames));
        assert_eq!(loaded.notes, Notes { rows: 2, without_value: 1, ..Notes::default() });
        let atlas = origin::Atlas::new([loaded.table, read(b"192.0.2.0/24 64496\n").unwrap().table]);
        let seen = atlas.lookup("192.0.2.1".parse().unwrap(), time("2020-02-02"));
        assert_eq!((seen.as_name.as_deref(), seen.country), (Some("ONE - Example, Inc."), "BR".parse().ok()));
        assert_eq!(&*seen.tables, "fixture-2020-02-02");
    }
    assert_eq!(fault("{\"1\": 2}"), "the JSON cannot be read");
    assert_eq!(fault(&json[..60]), "the JSON cannot be read");
}

#[test]
fn a_table_that_was_encoded_is_loaded_with_its_own_name_and_date() {
    let table = load::read(PYASN.as_bytes(), "ipasn_20140513.dat", None).unwrap().table;
    let again = load::read(table.encode().unwrap().as_slice(), "other-2001-01-01", None).unwrap();
    assert_eq!((again.format, again.notes.rows), (Format::Encoded, 3));
    assert_eq!(again.table, table);
}

#[test]
fn the_date_is_the_callers_or_the_file_names_and_without_one_it_is_asked_for() {
    let label = |file: &str, date: Option<&str>| {
        let loaded = load::read(PYASN.as_bytes(), file, date.map(time));
        loaded.map(|loaded| loaded.table.label().to_string()).map_err(|error| error.to_string())
    };
    assert_eq!(label("ipasn_20140513.dat.gz", None).unwrap(), "ipasn-2014-05-13");
    assert_eq!(label("ipasn_20140513.dat.gz", Some("2015-01-01")).unwrap(), "ipasn-2015-01-01");
    assert_eq!(
        label("ipasn.dat", None).unwrap_err(),
        "`ipasn.dat` has no date in its content or name: give the date of the table"
    );
}

fn packings(bytes: &[u8]) -> [Vec<u8>; 3] {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(bytes).unwrap();
    [gzip.finish().unwrap(), bzip2.finish().unwrap(), zstd::encode_all(bytes, 3).unwrap()]
}

#[test]
fn gzip_bzip2_and_zstd_are_unpacked_also_of_several_parts() {
    let (first, second) = PYASN.as_bytes().split_at(80);
    for (whole, (a, b)) in packings(PYASN.as_bytes()).into_iter().zip(packings(first).into_iter().zip(packings(second)))
    {
        for packed in [whole, [a, b].concat()] {
            assert_eq!(read(&packed).unwrap().table, loaded(PYASN).table);
        }
    }
}

#[test]
fn a_packed_file_that_breaks_off_gives_what_came_before_and_says_so() {
    let text: String =
        (0..30_000_u32).map(|row| format!("{}/32 {}\n", std::net::Ipv4Addr::from(row << 8), row % 999 + 1)).collect();
    for packed in packings(text.as_bytes()) {
        let cut = read(&packed[..packed.len() / 2]).unwrap();
        let at = cut.notes.truncated_at.expect("a cut is noted") as usize;
        assert!(at > 0 && text[..at].ends_with('\n'), "the cut is at the end of a line");
        assert_eq!(cut.notes.rows, text[..at].lines().count() as u64);
        assert!(cut.notes.to_string().ends_with(&format!("; the file is cut off at byte {at}")));
        assert_eq!(read(&packed).unwrap().notes.truncated_at, None);
    }
}

#[test]
fn a_packed_file_that_breaks_off_at_the_end_of_a_line_is_cut_all_the_same() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(PYASN.as_bytes()).unwrap();
    gzip.flush().unwrap();
    let cut = read(gzip.get_ref()).unwrap();
    assert_eq!(cut.notes, Notes { rows: 3, truncated_at: Some(PYASN.len() as u64), ..Notes::default() });
    assert_eq!(read(&gzip.finish().unwrap()).unwrap().notes.truncated_at, None);
}

#[test]
fn a_last_line_without_an_end_is_torn_and_not_taken() {
    let cut = loaded("192.0.2.0/24 64496\n198.51.100.0/24 6449");
    assert_eq!(cut.notes, Notes { rows: 1, truncated_at: Some(19), ..Notes::default() });
    assert_eq!(route(&cut.table, "198.51.100.1"), None);
    assert_eq!(fault("192.0.2.0/24 64496"), "no usable row in the lines of prefixes, which is cut off");
}

#[test]
fn a_packed_file_that_contradicts_itself_is_an_error() {
    let text = PYASN.repeat(4000);
    let [mut gzip, mut bzip2, mut zstd] = packings(text.as_bytes());
    let end = gzip.len() - 6;
    gzip[end] ^= 1; // its checksum
    bzip2[12] ^= 1; // the checksum of its first block
    zstd[9] ^= 0xff;
    for packed in [gzip, bzip2, zstd] {
        assert_eq!(read(&packed).unwrap_err().to_string(), "the file cannot be read or unpacked");
    }
}

#[test]
fn what_is_in_no_known_format_is_refused() {
    for bytes in ["", "\n\n; only comments\n", "hello, world\n", "<html>\n", "1.2.3.4\n"] {
        assert!(detect(bytes.as_bytes()).is_none(), "{bytes}");
        assert_eq!(fault(bytes), "the file is in none of the formats known here");
    }
    assert_eq!(
        read(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap_err().to_string(),
        "the file is in none of the formats known here"
    );
}
