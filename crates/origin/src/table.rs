//! One source's statement about addresses or ASes on one date.
//!
//! A table is immutable and knows nothing of other tables: which one to ask is decided by the [`Atlas`](crate::Atlas).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use evidence::{Country, IpNet, Time, shown};

use crate::address::Address;
use crate::rows::{AddressRange, Announcement, AsName, MAX_ROWS, Rows};
use crate::segments::{Conflicts, Cover, NONE, Pieces};

/// Longest name of a table: with its date it must fit a cell of a page. A longer one is refused.
pub(crate) const MAX_NAME: usize = 64;

/// A named, dated table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub(crate) name: String,
    pub(crate) date: Time,
    label: Arc<str>,
    pub(crate) content: Content,
}

/// What is in a table. Parts that its kind does not have are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) kind: Kind,
    /// Rows read, before they were flattened.
    pub(crate) rows: u64,
    /// By AS number, ascending.
    pub(crate) systems: Vec<System>,
    /// In the order of their codes.
    pub(crate) countries: Vec<Country>,
    /// Values are a packed [`Route`], or an index into `systems`, or an index into `countries`, by kind.
    pub(crate) cover: Cover,
}

/// What a table is about; of kinds that answer the same question, the preferred one first.
///
/// A table is encoded with the position of its kind: a new one goes to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Announced prefixes with the AS that originates them.
    Announcements,
    /// Names and registry countries of ASes.
    AsNames,
    /// Ranges of addresses with their AS; not what is announced, and marked so in an answer.
    AsRanges,
    /// Ranges of addresses with their country.
    Locations,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Announcements, Self::AsNames, Self::AsRanges, Self::Locations];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Announcements => "announcements",
            Self::AsNames => "as-names",
            Self::AsRanges => "as-ranges",
            Self::Locations => "locations",
        }
    }
}

/// Why rows are no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    #[error("`{0}` is not a name of a table: 1 to 64 letters, digits, `-`, `_` or `.`")]
    Name(String),
    #[error("{0} rows are more than the {MAX_ROWS} that a table may have")]
    TooManyRows(usize),
}

/// An AS as a table knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct System {
    pub(crate) asn: u32,
    pub(crate) name: Option<AsName>,
}

/// The answer of a table of announcements or ranges.
pub(crate) struct Found {
    pub(crate) prefix: Option<IpNet>,
    /// Index into the table's systems.
    pub(crate) system: usize,
}

impl Table {
    pub fn new(name: &str, date: Time, rows: Rows) -> Result<Self, TableError> {
        Ok(Self::build(name, date, rows)?.0)
    }

    /// The table, and what stood in the way of its rows.
    pub(crate) fn build(name: &str, date: Time, rows: Rows) -> Result<(Self, Conflicts), TableError> {
        if rows.len() > MAX_ROWS {
            return Err(TableError::TooManyRows(rows.len()));
        }
        let (content, conflicts) = Content::build(rows);
        Ok((Self::from_content(name, date, content)?, conflicts))
    }

    pub(crate) fn from_content(name: &str, date: Time, content: Content) -> Result<Self, TableError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(letter) {
            return Err(TableError::Name(shown(&name.as_bytes()[..name.floor_char_boundary(MAX_NAME)])));
        }
        let instant = date.to_string();
        let label = format!("{name}-{}", instant.strip_suffix("T00:00:00Z").unwrap_or(&instant));
        Ok(Self { name: name.to_owned(), date, label: label.into(), content })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The date of which it speaks. It answers for observations from then on.
    pub fn date(&self) -> Time {
        self.date
    }

    /// Name and date, `asn-2026-06-17`, as it stands in `Origin::tables`; with the time when that is not midnight.
    pub fn label(&self) -> &Arc<str> {
        &self.label
    }

    pub fn kind(&self) -> Kind {
        self.content.kind
    }

    /// The number of rows it was made from.
    pub fn rows(&self) -> u64 {
        self.content.rows
    }

    /// Whether it says anything about addresses of a family.
    pub(crate) fn covers<A: Address>(&self) -> bool {
        !A::of(&self.content.cover).is_blank()
    }

    /// Prefix and AS of an address.
    pub(crate) fn find<A: Address>(&self, address: A) -> Option<Found> {
        let piece = A::of(&self.content.cover).find(address);
        if piece.value == NONE {
            return None;
        }
        let Route { system, length } = match self.content.kind {
            Kind::Announcements => Route::unpack(piece.value),
            _ => Route { system: piece.value, length: largest_block(address, piece.first, piece.last) },
        };
        let prefix = IpNet::new(address.ip(), length).ok().map(|prefix| prefix.trunc());
        Some(Found { prefix, system: system as usize })
    }

    /// The country of an address.
    pub(crate) fn locate<A: Address>(&self, address: A) -> Option<Country> {
        self.content.countries.get(A::of(&self.content.cover).find(address).value as usize).copied()
    }

    /// What it knows of an AS.
    pub(crate) fn as_name(&self, asn: u32) -> Option<&AsName> {
        let systems = &self.content.systems;
        systems[systems.binary_search_by_key(&asn, |system| system.asn).ok()?].name.as_ref()
    }

    /// The index of the AS that has a segment, from the segment's value.
    pub(crate) fn system_of(&self, value: u32) -> Option<usize> {
        match self.content.kind {
            _ if value == NONE => None,
            Kind::Announcements => Some(Route::unpack(value).system as usize),
            _ => Some(value as usize),
        }
    }
}

/// The longest announced prefix of a segment and its AS, in the 32 bits of a segment's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Index into the table's systems; below [`MAX_ROWS`], so it has 24 bits.
    pub(crate) system: u32,
    pub(crate) length: u8,
}

impl Route {
    /// Never [`NONE`], because no prefix is 255 bits long.
    fn pack(self) -> u32 {
        self.system << 8 | u32::from(self.length)
    }

    pub(crate) fn unpack(value: u32) -> Self {
        Self { system: value >> 8, length: value as u8 }
    }
}

/// The length of the largest prefix that holds the address and nothing outside of the range: one bit more than what
/// the address shares with its nearest neighbours outside.
fn largest_block<A: Address>(address: A, first: u128, last: u128) -> u8 {
    let width = 128 - u32::from(A::BITS);
    let shared = |outside: u128| ((address.widen() ^ outside).leading_zeros() - width) as u8 + 1;
    let below = first.checked_sub(1).map_or(0, shared);
    let above = if last < A::LAST { shared(last + 1) } else { 0 };
    below.max(above)
}

impl Content {
    fn build(rows: Rows) -> (Self, Conflicts) {
        let count = rows.len() as u64;
        let (content, conflicts) = match rows {
            Rows::Announcements(rows) => Self::announcements(rows),
            Rows::AsRanges { ranges, names } => Self::as_ranges(&ranges, names),
            Rows::Locations(rows) => Self::locations(&rows),
            Rows::AsNames(names) => (Self::as_names(names), Conflicts::default()),
        };
        (Self { rows: count, ..content }, conflicts)
    }

    fn empty(kind: Kind) -> Self {
        Self { kind, rows: 0, systems: Vec::new(), countries: Vec::new(), cover: Cover::default() }
    }

    fn announcements(mut rows: Vec<Announcement>) -> (Self, Conflicts) {
        rows.sort_unstable();
        let systems = systems(rows.iter().map(|row| row.asn), BTreeMap::new());
        let mut pieces = Pieces::default();
        for candidates in rows.chunk_by(|a, b| a.prefix == b.prefix) {
            let Some(system) = elected(candidates).and_then(|asn| index_of(&systems, asn)) else { continue };
            let prefix = candidates[0].prefix;
            let route = Route { system, length: prefix.prefix_len() };
            pieces.push(prefix.network(), prefix.broadcast(), route.pack());
        }
        // Prefixes nest by nature and each is there once now, so the conflicts of flattening say nothing.
        let (cover, _) = pieces.flatten();
        let duplicates = rows.windows(2).filter(|pair| (pair[0].prefix, pair[0].asn) == (pair[1].prefix, pair[1].asn));
        let conflicts = Conflicts { duplicates: duplicates.count() as u64, overlaps: 0 };
        (Self { systems, cover, ..Self::empty(Kind::Announcements) }, conflicts)
    }

    fn as_ranges(ranges: &[AddressRange<u32>], names: BTreeMap<u32, AsName>) -> (Self, Conflicts) {
        let systems = systems(ranges.iter().map(|range| *range.of()), names);
        let (cover, conflicts) = flatten(ranges, |asn| index_of(&systems, *asn));
        (Self { systems, cover, ..Self::empty(Kind::AsRanges) }, conflicts)
    }

    fn locations(ranges: &[AddressRange<Country>]) -> (Self, Conflicts) {
        let mut countries: Vec<Country> = ranges.iter().map(|range| *range.of()).collect();
        countries.sort_unstable();
        countries.dedup();
        let (cover, conflicts) = flatten(ranges, |country| Some(countries.binary_search(country).ok()? as u32));
        (Self { countries, cover, ..Self::empty(Kind::Locations) }, conflicts)
    }

    fn as_names(names: BTreeMap<u32, AsName>) -> Self {
        let asns: Vec<u32> = names.keys().copied().collect();
        Self { systems: systems(asns, names), ..Self::empty(Kind::AsNames) }
    }
}

/// The ASes with their names, in order, each once.
fn systems(asns: impl IntoIterator<Item = u32>, mut names: BTreeMap<u32, AsName>) -> Vec<System> {
    let mut asns: Vec<u32> = asns.into_iter().collect();
    asns.sort_unstable();
    asns.dedup();
    asns.into_iter().map(|asn| System { asn, name: names.remove(&asn) }).collect()
}

fn index_of(systems: &[System], asn: u32) -> Option<u32> {
    Some(systems.binary_search_by_key(&asn, |system| system.asn).ok()? as u32)
}

/// The origin with most votes among announcements of one prefix, sorted; of equals the smallest number.
fn elected(candidates: &[Announcement]) -> Option<u32> {
    candidates
        .chunk_by(|a, b| a.asn == b.asn)
        .map(|same| (same.iter().map(|row| u64::from(row.votes)).sum::<u64>(), Reverse(same[0].asn)))
        .max()
        .map(|(_, Reverse(asn))| asn)
}

fn flatten<T>(ranges: &[AddressRange<T>], value: impl Fn(&T) -> Option<u32>) -> (Cover, Conflicts) {
    let mut pieces = Pieces::default();
    for range in ranges {
        if let Some(value) = value(range.of()) {
            pieces.push(range.first(), range.last(), value);
        }
    }
    pieces.flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(rows: &[(&str, u32, u32)]) -> Table {
        let row = |&(prefix, asn, votes): &(&str, u32, u32)| Announcement {
            votes,
            ..Announcement::new(prefix.parse().unwrap(), asn)
        };
        Table::new("t", Time::default(), Rows::Announcements(rows.iter().map(row).collect())).unwrap()
    }

    fn answer(table: &Table, address: &str) -> Option<(String, u32)> {
        let found = match address.parse().unwrap() {
            std::net::IpAddr::V4(four) => table.find(u32::from(four)),
            std::net::IpAddr::V6(six) => table.find(u128::from(six)),
        }?;
        Some((found.prefix.unwrap().to_string(), table.content.systems[found.system].asn))
    }

    fn range(first: &str, last: &str, asn: u32) -> AddressRange<u32> {
        AddressRange::new(first.parse().unwrap(), last.parse().unwrap(), asn).unwrap()
    }

    #[test]
    fn the_longest_prefix_wins_and_keeps_its_own_length() {
        let table = announced(&[
            ("10.0.0.0/8", 1, 1),
            ("10.1.0.0/16", 2, 1),
            ("10.1.2.0/24", 1, 1),
            ("2001:db8::/32", 3, 1),
            ("2001:db8::1/128", 4, 1),
        ]);
        assert_eq!(answer(&table, "10.1.2.3"), Some(("10.1.2.0/24".into(), 1)));
        assert_eq!(answer(&table, "10.1.3.0"), Some(("10.1.0.0/16".into(), 2)));
        assert_eq!(answer(&table, "10.255.255.255"), Some(("10.0.0.0/8".into(), 1)));
        assert_eq!(answer(&table, "11.0.0.0"), None);
        assert_eq!(answer(&table, "2001:db8::1"), Some(("2001:db8::1/128".into(), 4)));
        assert_eq!(answer(&table, "2001:db8::2"), Some(("2001:db8::/32".into(), 3)));
    }

    #[test]
    fn siblings_of_one_as_share_a_segment_but_not_a_prefix() {
        let table = announced(&[("192.0.2.0/25", 7, 1), ("192.0.2.128/25", 7, 1)]);
        assert_eq!(table.content.cover.v4.starts().len(), 3);
        assert_eq!(answer(&table, "192.0.2.200"), Some(("192.0.2.128/25".into(), 7)));
    }

    #[test]
    fn the_origin_with_most_votes_holds_and_of_equals_the_smallest() {
        let table = announced(&[("192.0.2.0/24", 9, 2), ("192.0.2.0/24", 5, 1), ("192.0.2.0/24", 5, 1)]);
        assert_eq!(answer(&table, "192.0.2.1"), Some(("192.0.2.0/24".into(), 5)));
        let table = announced(&[("192.0.2.0/24", 9, 2), ("192.0.2.0/24", 5, 1)]);
        assert_eq!(answer(&table, "192.0.2.1"), Some(("192.0.2.0/24".into(), 9)));
    }

    #[test]
    fn the_prefix_of_a_range_is_the_largest_block_inside_it() {
        let ranges = vec![
            range("192.0.2.5", "192.0.2.20", 1),
            range("0.0.0.0", "0.255.255.255", 2),
            range("255.255.255.255", "255.255.255.255", 3),
            range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 4),
        ];
        let table = Table::new("t", Time::default(), Rows::AsRanges { ranges, names: BTreeMap::new() }).unwrap();
        for (address, block, asn) in [
            ("192.0.2.5", "192.0.2.5/32", 1),
            ("192.0.2.7", "192.0.2.6/31", 1),
            ("192.0.2.8", "192.0.2.8/29", 1),
            ("192.0.2.19", "192.0.2.16/30", 1),
            ("192.0.2.20", "192.0.2.20/32", 1),
            ("0.1.2.3", "0.0.0.0/8", 2),
            ("255.255.255.255", "255.255.255.255/32", 3),
            ("2001:db8::1", "::/0", 4),
        ] {
            assert_eq!(answer(&table, address), Some((block.into(), asn)), "{address}");
        }
    }

    #[test]
    fn a_table_is_labelled_by_name_and_date_and_by_the_time_when_it_has_one() {
        let label = |date: &str| {
            let table = Table::new("rib", date.parse().unwrap(), Rows::Locations(Vec::new()));
            table.unwrap().label().to_string()
        };
        assert_eq!(label("2014-05-13"), "rib-2014-05-13");
        assert_eq!(label("2014-05-13T06:00:00Z"), "rib-2014-05-13T06:00:00Z");
        for bad in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(Table::new(bad, Time::default(), Rows::Locations(Vec::new())).is_err(), "{bad}");
        }
    }
}
