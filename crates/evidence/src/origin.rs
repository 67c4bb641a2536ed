//! Where an address is in the Internet, as of the observation.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

/// What routing and location tables said of an address on the day it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The longest announced prefix that covers the address; the covering range where `announced` is false.
    pub prefix: Option<IpNet>,
    /// Whether `prefix` comes from a table of announcements rather than from merged ranges.
    pub announced: bool,
    /// The AS that announces the prefix.
    pub asn: Option<u32>,
    pub as_name: Option<Arc<str>>,
    /// The country of the AS: where most of its addresses are, or what its registry says when nothing better is known.
    pub country: Option<Country>,
    /// The estimated location of the address itself; it may differ from the AS's country.
    pub location: Option<Country>,
    /// The tables that said so, by name and date (`asn-2026-06-01 country-2026-06-01`).
    pub tables: Arc<str>,
}

/// An ISO 3166-1 alpha-2 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// The English short name; the code itself when it is not assigned.
    pub fn name(&self) -> &str {
        crate::country::name(self.as_str()).unwrap_or(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Two letters, either case. `ZZ` and `??` mean that nothing is known and are refused.
impl FromStr for Country {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        match code.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && !code.eq_ignore_ascii_case("ZZ") => {
                Ok(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => Err(()),
        }
    }
}
