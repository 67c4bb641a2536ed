//! MaxMind DB files, written here as the format's specification says.

use origin::load::{self, Format, Notes};
use origin::{Kind, Table};

use super::{ask, read, route};

/// A value of the data section.
enum Value {
    Text(&'static str),
    Short(u16),
    Number(u32),
    Long(u64),
    Map(Vec<(&'static str, Value)>),
    EmptyList,
}

use Value::{EmptyList, Long, Map, Number, Short, Text};

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Text(text) => {
                control(2, text.len(), out);
                out.extend(text.as_bytes());
            }
            Short(number) => {
                control(5, 2, out);
                out.extend(number.to_be_bytes());
            }
            Number(number) => {
                control(6, 4, out);
                out.extend(number.to_be_bytes());
            }
            Long(number) => {
                out.extend([8, 9 - 7]); // kinds from 8 on have a byte of their own
                out.extend(number.to_be_bytes());
            }
            Map(entries) => {
                control(7, entries.len(), out);
                for (key, value) in entries {
                    Text(key).write(out);
                    value.write(out);
                }
            }
            EmptyList => out.extend([0, 11 - 7]),
        }
    }
}

fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    match size {
        0..29 => out.push(kind << 5 | size as u8),
        _ => out.extend([kind << 5 | 29, (size - 29) as u8]),
    }
}

/// A database of IPv4 prefixes, no one inside another, with records of 32 bits.
fn database(kind: &'static str, entries: &[(u32, u8, Value)]) -> Vec<u8> {
    let mut nodes: Vec<[Option<Target>; 2]> = vec![[None, None]];
    let mut data = Vec::new();
    for (network, length, value) in entries {
        let mut node = 0;
        for depth in 0..*length {
            let bit = (network >> (31 - depth) & 1) as usize;
            if depth + 1 == *length {
                nodes[node][bit] = Some(Target::Data(data.len() as u32));
            } else if let Some(Target::Node(next)) = nodes[node][bit] {
                node = next as usize;
            } else {
                nodes[node][bit] = Some(Target::Node(nodes.len() as u32));
                node = nodes.len();
                nodes.push([None, None]);
            }
        }
        value.write(&mut data);
    }
    let count = nodes.len() as u32;
    let record = |target: Option<Target>| match target {
        None => count,
        Some(Target::Node(node)) => node,
        Some(Target::Data(offset)) => count + 16 + offset,
    };
    let mut file: Vec<u8> = nodes.iter().flatten().flat_map(|target| record(*target).to_be_bytes()).collect();
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xAB\xCD\xEFMaxMind.com");
    Map(vec![
        ("binary_format_major_version", Short(2)),
        ("binary_format_minor_version", Short(0)),
        ("build_epoch", Long(1_400_824_800)),
        ("database_type", Text(kind)),
        ("description", Map(vec![("en", Text("made up"))])),
        ("ip_version", Short(4)),
        ("languages", EmptyList),
        ("node_count", Number(count)),
        ("record_size", Short(32)),
    ])
    .write(&mut file);
    file
}

#[derive(Clone, Copy)]
enum Target {
    Node(u32),
    Data(u32),
}

fn systems() -> Vec<u8> {
    let system = |asn, name| {
        Map(vec![("autonomous_system_number", Number(asn)), ("autonomous_system_organization", Text(name))])
    };
    database(
        "Example-ASN",
        &[
            (0xC000_0200, 25, system(64496, "Example")),
            (0xC633_6400, 24, system(64497, "Other")),
            (0xCB00_7100, 24, Map(vec![("autonomous_system_organization", Text("Nobody"))])),
        ],
    )
}

fn location(table: &Table, address: &str) -> Option<String> {
    ask(table.clone(), address).location.map(|country| country.to_string())
}

#[test]
fn a_database_of_ases_gives_ranges_with_names_and_its_own_date() {
    let loaded = load::read(systems().as_slice(), "GeoLite2-ASN.mmdb", None).unwrap();
    assert_eq!((loaded.format, loaded.table.kind()), (Format::Mmdb, Kind::AsRanges));
    assert_eq!(&**loaded.table.label(), "GeoLite2-ASN-2014-05-23");
    assert_eq!(loaded.notes, Notes { rows: 2, without_value: 1, ..Notes::default() });
    assert_eq!(route(&loaded.table, "192.0.2.1"), Some(("192.0.2.0/25".into(), 64496)));
    assert_eq!(route(&loaded.table, "192.0.2.129"), None);
    assert_eq!(ask(loaded.table, "198.51.100.1").as_name.as_deref(), Some("Other"));
}

#[test]
fn a_database_of_countries_gives_locations_in_either_spelling() {
    let nested = Map(vec![("country", Map(vec![("iso_code", Text("BR"))]))]);
    let flat = Map(vec![("country_code", Text("UY"))]);
    let nowhere = Map(vec![("country", Map(Vec::new()))]);
    let entries = [(0xC000_0200, 24, nested), (0xC633_6400, 24, flat), (0xCB00_7100, 24, nowhere)];
    let loaded = read(&database("Example-Country", &entries)).unwrap();
    assert_eq!(loaded.table.kind(), Kind::Locations);
    assert_eq!(loaded.notes, Notes { rows: 2, without_value: 1, ..Notes::default() });
    assert_eq!(location(&loaded.table, "192.0.2.1").as_deref(), Some("BR"));
    assert_eq!(location(&loaded.table, "198.51.100.255").as_deref(), Some("UY"));
    assert_eq!(location(&loaded.table, "203.0.113.1"), None);
}

#[test]
fn a_database_that_is_cut_or_damaged_is_refused_or_still_a_table() {
    let whole = systems();
    for at in 0..whole.len() {
        _ = read(&whole[..at]);
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5a;
        _ = read(&damaged);
    }
    let mut tree_of_itself = whole.clone();
    tree_of_itself[..4].fill(0); // its first record points to the root
    assert_eq!(read(&tree_of_itself).unwrap_err().to_string(), "the MaxMind DB cannot be read");
    assert_eq!(read(&whole[..whole.len() - 9]).unwrap_err().to_string(), "the MaxMind DB cannot be read");
    assert_eq!(read(&whole[..100]).unwrap_err().to_string(), "the file is in none of the formats known here");
}
