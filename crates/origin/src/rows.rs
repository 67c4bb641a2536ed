//! The rows of a table in the making, whatever file they came from.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use evidence::{Country, IpNet, shown};

use crate::Kind;

/// Most rows one table may have. We chose six times the routes of 2026 (about 1.3 million); a table beyond it is refused.
pub const MAX_ROWS: usize = 1 << 23;

/// Longest name of an AS in bytes, before it is made inert. We chose it above the longest registered one (217 in 2017);
/// what is beyond it is cut off.
const MAX_AS_NAME: usize = 256;

/// Longest inert form of a name: each byte may have become four.
const MAX_INERT_NAME: usize = 4 * MAX_AS_NAME;

/// What a table says, row by row.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Routing: which AS announces which prefix. The longest prefix that covers an address is its prefix.
    Announcements(Vec<Announcement>),
    /// Registration or merged routing: which AS has which range, and what it is called.
    AsRanges { ranges: Vec<AddressRange<u32>>, names: BTreeMap<u32, AsName> },
    /// In which country a range is.
    Locations(Vec<AddressRange<Country>>),
    /// What an AS is called, and the country in which it is registered.
    AsNames(BTreeMap<u32, AsName>),
}

impl Rows {
    /// The kind of table they make.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Announcements(_) => Kind::Announcements,
            Self::AsRanges { .. } => Kind::AsRanges,
            Self::Locations(_) => Kind::Locations,
            Self::AsNames(_) => Kind::AsNames,
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Announcements(rows) => rows.len(),
            Self::AsRanges { ranges, .. } => ranges.len(),
            Self::Locations(rows) => rows.len(),
            Self::AsNames(names) => names.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One announced prefix, as some peers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Announcement {
    pub prefix: IpNet,
    /// The AS that originates it.
    pub asn: u32,
    /// How many peers say so. The origin with most votes holds, of equals the smallest number.
    pub votes: u32,
}

impl Announcement {
    /// An announcement with one vote. Bits of the prefix beyond its length are cleared.
    pub fn new(prefix: IpNet, asn: u32) -> Self {
        Self { prefix: prefix.trunc(), asn, votes: 1 }
    }
}

/// Addresses from the first to the last, both included, that share something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange<T> {
    first: IpAddr,
    last: IpAddr,
    of: T,
}

impl<T> AddressRange<T> {
    /// `None` when the ends are of different families or the last comes before the first.
    pub fn new(first: IpAddr, last: IpAddr, of: T) -> Option<Self> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last, of })
    }

    /// The same addresses, of something else.
    pub(crate) fn with<U>(self, of: U) -> AddressRange<U> {
        AddressRange { first: self.first, last: self.last, of }
    }

    pub fn first(&self) -> IpAddr {
        self.first
    }

    pub fn last(&self) -> IpAddr {
        self.last
    }

    pub fn of(&self) -> &T {
        &self.of
    }
}

/// What a registry or a publisher calls an AS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsName {
    name: Arc<str>,
    country: Option<Country>,
}

impl AsName {
    /// A name in the inert form of [`evidence::Shown`], cut when it is longer than a name can be; `None` for no name.
    pub fn new(name: &str, country: Option<Country>) -> Option<Self> {
        let name = name.trim();
        let name = &name[..name.floor_char_boundary(MAX_AS_NAME)];
        (!name.is_empty()).then(|| Self { name: shown(name.as_bytes()).into(), country })
    }

    /// A name as the registries' lists have it: `NAME - Organisation, CC`.
    ///
    /// The country is taken off where the text ends in a comma and two capitals; `ZZ` stands for none.
    pub fn listed(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.rsplit_once(',').map(|(name, code)| (name, code.trim_start())) {
            Some((name, code)) if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                Self::new(name.trim_end_matches([',', ' ']), code.parse().ok())
            }
            _ => Self::new(text, None),
        }
    }

    /// A name as an encoded table has it; `None` when it cannot be one that [`AsName::new`] made.
    pub(crate) fn stored(name: &str, country: Option<Country>) -> Option<Self> {
        let bounded = (1..=MAX_INERT_NAME).contains(&name.len());
        (bounded && !name.contains(char::is_control)).then(|| Self { name: name.into(), country })
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The country of registration.
    pub fn country(&self) -> Option<Country> {
        self.country
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_name_ends_in_its_country() {
        let of = |text| {
            let name = AsName::listed(text).unwrap();
            (name.name.to_string(), name.country.map(|country| country.to_string()))
        };
        assert_eq!(of("FITL-IE Example, Inc., GB"), ("FITL-IE Example, Inc.".into(), Some("GB".into())));
        assert_eq!(of("EXAMPLE Co., Ltd,,,, CN"), ("EXAMPLE Co., Ltd".into(), Some("CN".into())));
        assert_eq!(of("-Reserved AS-, ZZ"), ("-Reserved AS-".into(), None));
        assert_eq!(of("EXAMPLE Landsting, na"), ("EXAMPLE Landsting, na".into(), None));
        assert_eq!(of("EXAMPLE"), ("EXAMPLE".into(), None));
        assert_eq!(AsName::listed(" , US"), None);
    }

    #[test]
    fn a_name_is_inert_and_bounded() {
        assert_eq!(&**AsName::new("a\u{202E}b\x1b[m", None).unwrap().name(), "a\\xE2\\x80\\xAEb\\x1B[m");
        assert_eq!(AsName::new(&"é".repeat(200), None).unwrap().name().len(), MAX_AS_NAME);
    }

    #[test]
    fn a_range_is_of_one_family_and_not_backwards() {
        let range = |first: &str, last: &str| AddressRange::new(first.parse().unwrap(), last.parse().unwrap(), ());
        assert!(range("192.0.2.0", "192.0.2.0").is_some());
        assert!(range("192.0.2.1", "192.0.2.0").is_none());
        assert!(range("192.0.2.0", "2001:db8::").is_none());
    }
}
