//! The tables that are always there, and to whom they are owed.
//!
//! They are ranges and countries of one day in 2026, made by `embedded/derive`: good for a first look and for
//! addresses seen about then. Ranges are merged, so they give no announced prefix; an operator who counts prefixes loads
//! routing tables of the time.

use crate::Table;

static ASN: &[u8] = include_bytes!("../embedded/asn.table");
static COUNTRY: &[u8] = include_bytes!("../embedded/country.table");

/// Somebody whose data the embedded tables hold, with the words and the link that the licence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// The text to show.
    pub text: &'static str,
    /// Where the text links to. Pages that show results of the tables must link to it.
    pub link: &'static str,
    /// SPDX identifier of the licence.
    pub licence: &'static str,
}

/// The credits due wherever the [`embedded()`] tables, or results from them, are shown or shipped.
pub const ATTRIBUTION: [Credit; 3] = [
    Credit { text: "IP Geolocation by DB-IP", link: "https://db-ip.com", licence: "CC-BY-4.0" },
    Credit { text: "Route Views", link: "https://www.routeviews.org", licence: "CC-BY-4.0" },
    Credit { text: "Number Resource Organization (NRO)", link: "https://www.nro.net", licence: "CC-BY-4.0" },
];

/// The embedded tables: AS ranges with names, and countries, IPv4 and IPv6.
///
/// # Panics
///
/// Never in a build whose tests passed: the bytes are part of the program, and a test decodes them.
pub fn embedded() -> [Table; 2] {
    [ASN, COUNTRY].map(|bytes| Table::decode(bytes).expect("the embedded tables are tested"))
}
