//! The table of all lists: made by a collector, carried whole, looked up by a sensor.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use evidence::{IpNet, ListsState, Time};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::rows::{self, V4, V6};

/// Most entries of a table. What is more is left out, and counted.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Longest table on the wire and on disk: the most entries of IPv6, and their listings. A longer one is refused.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Longest reason, and longest name of a list, in bytes. A longer reason is left out; a table with one is refused.
pub const MAX_REASON: usize = 255;

/// How long a table holds after the collector last said so. Then a sensor takes it for none and refuses nobody by it:
/// who was listed once may be listed no longer.
pub const STALE_AFTER: Duration = Duration::from_secs(24 * 3600);

/// What a table begins with: its kind and the version of its form.
const MAGIC: &[u8; 8] = b"SPTLIST1";

/// Stands in a reason for the address that is refused.
const ADDRESS: char = '$';

/// A list, and one of the reasons that it gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Listing {
    /// The name under which a server refuses: the list's zone.
    #[n(0)]
    pub list: String,
    #[n(1)]
    reason: String,
}

/// Who is on which list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub version: u64,
    /// When the collector said that it holds.
    pub made_at: Time,
    listings: Vec<Listing>,
    v4: V4,
    v6: V6,
}

/// Bytes that are no table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    #[error("{0} bytes are more than a table of block lists has")]
    TooLong(usize),
    #[error("it is no table of block lists, or one of another version")]
    Kind,
    #[error("it is damaged: its checksum differs")]
    Checksum,
    #[error("{0}")]
    Form(#[from] minicbor::decode::Error),
    #[error("its {0} are not in order")]
    Content(&'static str),
}

#[derive(Encode, Decode)]
struct File {
    #[n(0)]
    version: u64,
    #[n(1)]
    made_at: Time,
    #[n(2)]
    listings: Vec<Listing>,
    #[n(3)]
    v4: ByteVec,
    #[n(4)]
    v6: ByteVec,
}

impl Listing {
    /// What the list says of an address; empty for nothing.
    pub fn reason(&self, address: IpAddr) -> String {
        self.reason.replace(ADDRESS, &address.to_string())
    }

    /// The same with `$` for the address, as it was added.
    pub fn template(&self) -> &str {
        &self.reason
    }

    /// Text that a server may say within a reply line.
    fn is_sayable(&self) -> bool {
        let sayable = |text: &str| text.len() <= MAX_REASON && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        !self.list.is_empty() && sayable(&self.list) && sayable(&self.reason)
    }
}

impl Table {
    /// The listing of an address, of the first list that has it.
    pub fn find(&self, address: IpAddr) -> Option<&Listing> {
        let first = match address.to_canonical() {
            IpAddr::V4(address) => self.v4.find(&address.octets()).min(),
            IpAddr::V6(address) => self.v6.find(&address.octets()).min(),
        };
        self.listings.get(usize::from(first?))
    }

    /// All entries, with their listings.
    pub fn entries(&self) -> impl Iterator<Item = (IpNet, &Listing)> {
        let v4 = self.v4.iter().filter_map(|(bytes, length, listing)| {
            let address = Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?);
            Some((IpNet::new(address.into(), length).ok()?, listing))
        });
        let v6 = self.v6.iter().filter_map(|(bytes, length, listing)| {
            let address = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
            Some((IpNet::new(address.into(), length).ok()?, listing))
        });
        v4.chain(v6).filter_map(|(prefix, listing)| Some((prefix, self.listings.get(usize::from(listing))?)))
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is too old to refuse anybody by it.
    pub fn is_stale(&self, now: Time) -> bool {
        now.since(self.made_at) > STALE_AFTER
    }

    /// Whether it says the same as another, whenever that was said.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (&self.listings, &self.v4, &self.v6) == (&other.listings, &other.v4, &other.v6)
    }

    /// What a heartbeat tells of it.
    pub fn state(&self, now: Time) -> ListsState {
        let (version, made_at) = (self.version, self.made_at);
        ListsState { version, made_at, entries: self.len() as u64, stale: self.is_stale(now) }
    }

    pub fn encode(&self) -> Vec<u8> {
        let file = File {
            version: self.version,
            made_at: self.made_at,
            listings: self.listings.clone(),
            v4: self.v4.bytes().into(),
            v6: self.v6.bytes().into(),
        };
        let mut bytes = MAGIC.to_vec();
        if let Err(error) = minicbor::encode(&file, &mut bytes) {
            // Writing to a `Vec` cannot fail, and no field's encoder makes an error of its own.
            unreachable!("{error}");
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a table whole: everything about it is checked, so that looking up cannot fail.
    pub fn decode(bytes: &[u8]) -> Result<Self, TableError> {
        if bytes.len() > MAX_BYTES {
            return Err(TableError::TooLong(bytes.len()));
        }
        let (content, checksum) = bytes.split_last_chunk::<4>().ok_or(TableError::Kind)?;
        let file = content.strip_prefix(MAGIC).ok_or(TableError::Kind)?;
        if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
            return Err(TableError::Checksum);
        }
        let File { version, made_at, listings, v4, v6 } = minicbor::decode(file)?;
        if !listings.iter().all(Listing::is_sayable) {
            return Err(TableError::Content("reasons"));
        }
        let v4 = V4::read(&v4, listings.len()).ok_or(TableError::Content("entries of IPv4"))?;
        let v6 = V6::read(&v6, listings.len()).ok_or(TableError::Content("entries of IPv6"))?;
        Ok(Self { version, made_at, listings, v4, v6 })
    }
}

/// A table in the making. Lists are added in the order in which a server asks them.
#[derive(Debug, Default)]
pub struct Draft {
    listings: Vec<Listing>,
    numbers: HashMap<Listing, u16>,
    v4: Vec<[u8; 7]>,
    v6: Vec<[u8; 19]>,
    /// Entries for which there was no room.
    pub left_out: usize,
}

impl Draft {
    /// Adds an entry of a list. In the reason, `$` stands for the address. A reason that cannot be said is left out.
    pub fn add(&mut self, prefix: IpNet, list: &str, reason: &str) {
        if self.v4.len() + self.v6.len() >= MAX_ENTRIES {
            self.left_out += 1;
            return;
        }
        let with_reason = Listing { list: list.to_owned(), reason: reason.to_owned() };
        let bare = Listing { list: list.to_owned(), reason: String::new() };
        // There are at most 65,536 listings: further reasons are not told.
        let number = self.number(with_reason).or_else(|| self.number(bare));
        let Some(number) = number else {
            self.left_out += 1;
            return;
        };
        match prefix.addr() {
            IpAddr::V4(address) => self.v4.push(rows::entry(&address.octets(), prefix.prefix_len(), number)),
            IpAddr::V6(address) => self.v6.push(rows::entry(&address.octets(), prefix.prefix_len(), number)),
        }
    }

    pub fn finish(self, version: u64, made_at: Time) -> Table {
        Table { version, made_at, listings: self.listings, v4: V4::of(self.v4), v6: V6::of(self.v6) }
    }

    fn number(&mut self, listing: Listing) -> Option<u16> {
        if let Some(number) = self.numbers.get(&listing) {
            return Some(*number);
        }
        let number = u16::try_from(self.listings.len()).ok().filter(|_| listing.is_sayable())?;
        self.listings.push(listing.clone());
        self.numbers.insert(listing, number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn table() -> Table {
        let mut draft = Draft::default();
        draft.add(net("192.0.2.0/24"), "first.example", "see https://first.example/$");
        draft.add(net("192.0.2.7/32"), "second.example", "");
        draft.add(net("198.51.100.7/32"), "second.example", "");
        draft.add(net("2001:db8::/32"), "second.example", "");
        draft.finish(7, Time::from_micros(1_000_000))
    }

    fn found(table: &Table, address: &str) -> Option<String> {
        table.find(address.parse().unwrap()).map(|listing| listing.list.clone())
    }

    #[test]
    fn the_first_list_that_has_an_address_is_named() {
        let table = table();
        assert_eq!(found(&table, "192.0.2.7").as_deref(), Some("first.example"));
        assert_eq!(found(&table, "::ffff:192.0.2.8").as_deref(), Some("first.example"));
        assert_eq!(found(&table, "198.51.100.7").as_deref(), Some("second.example"));
        assert_eq!(found(&table, "2001:db8:ffff::1").as_deref(), Some("second.example"));
        assert_eq!((found(&table, "198.51.100.8"), found(&table, "2001:db9::1")), (None, None));
    }

    #[test]
    fn a_table_is_read_back_and_a_damaged_one_is_none() {
        let bytes = table().encode();
        assert_eq!(Table::decode(&bytes).unwrap(), table());
        for cut in 0..bytes.len() {
            assert!(Table::decode(&bytes[..cut]).is_err(), "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Table::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_table_with_a_good_checksum_and_bad_contents_is_none() {
        let sealed = |file: &File| {
            let mut bytes = MAGIC.to_vec();
            minicbor::encode(file, &mut bytes).unwrap();
            let checksum = crc32c::crc32c(&bytes);
            bytes.extend_from_slice(&checksum.to_le_bytes());
            Table::decode(&bytes)
        };
        let file = |list: &str, v4: &[u8]| File {
            version: 1,
            made_at: Time::default(),
            listings: vec![Listing { list: list.into(), reason: String::new() }],
            v4: v4.to_vec().into(),
            v6: Vec::new().into(),
        };
        let row = rows::entry::<7>(&[192, 0, 2, 7], 32, 0);
        assert!(sealed(&file("a", &row)).is_ok());
        assert!(sealed(&file("a\r\n250 ok", &row)).is_err(), "a line end would be a reply of its own");
        assert!(sealed(&file("a", &row[1..])).is_err(), "half a row");
        assert!(sealed(&file("a", &[row, row].concat())).is_err(), "twice the same");
        assert!(sealed(&file("a", &[33, 192, 0, 2, 7, 0, 0])).is_err(), "33 bits");
        assert!(sealed(&file("a", &[24, 192, 0, 2, 7, 0, 0])).is_err(), "bits beyond the prefix");
        assert!(sealed(&file("a", &[32, 192, 0, 2, 7, 0, 1])).is_err(), "a listing that is not there");
    }

    #[test]
    fn an_old_table_is_stale_and_a_newer_one_that_says_the_same_is_not() {
        let table = table();
        let now = table.made_at + STALE_AFTER;
        assert!(!table.is_stale(now) && table.is_stale(now + Duration::from_secs(1)));
        let renewed = Table { version: 8, made_at: now, ..table.clone() };
        assert!(renewed.says_the_same(&table) && !renewed.is_stale(now + Duration::from_secs(1)));
        assert_eq!(renewed.state(now).entries, 4);
    }

    #[test]
    fn what_a_server_could_not_say_is_left_out() {
        let mut draft = Draft::default();
        draft.add(net("192.0.2.7/32"), "a.example", "two\r\nlines");
        draft.add(net("192.0.2.8/32"), "a.example", &"x".repeat(MAX_REASON + 1));
        draft.add(net("192.0.2.9/32"), "no\nname", "");
        assert_eq!(draft.left_out, 1);
        let table = draft.finish(1, Time::default());
        assert_eq!(table.find("192.0.2.7".parse().unwrap()).unwrap().reason([0; 4].into()), "");
        assert_eq!(table.len(), 2);
    }

    proptest! {
        #[test]
        fn a_lookup_says_what_looking_at_every_prefix_says(
            entries in prop::collection::vec((any::<[u8; 2]>(), 8_u8..=32, 0_usize..3), 0..60),
            address in any::<[u8; 2]>(),
        ) {
            let lists = ["a", "b", "c"];
            let mut entries: Vec<_> = entries
                .into_iter()
                .map(|([c, d], length, list)| (IpNet::new([10, 0, c & 3, d & 3].into(), length).unwrap().trunc(), list))
                .collect();
            entries.sort_by_key(|(_, list)| *list);
            let mut draft = Draft::default();
            for (prefix, list) in &entries {
                draft.add(*prefix, lists[*list], "");
            }
            let table = Table::decode(&draft.finish(1, Time::default()).encode()).unwrap();
            let address = IpAddr::from([10, 0, address[0] & 3, address[1] & 3]);
            let expected = entries.iter().find(|(prefix, _)| prefix.contains(&address)).map(|(_, list)| lists[*list]);
            prop_assert_eq!(table.find(address).map(|listing| listing.list.as_str()), expected);
        }
    }
}
