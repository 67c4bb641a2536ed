//! What the name of a file says of its table.

use evidence::Time;

use crate::Kind;
use crate::table::MAX_NAME;

/// A date in a name is of these years: before them there were no such tables, and most numbers are no dates.
const YEARS: std::ops::RangeInclusive<&str> = "1990"..="2199";

/// Endings that say how a file is packed or written, not what it is.
const ENDINGS: [&str; 11] = ["gz", "bz2", "zst", "dat", "csv", "txt", "json", "mmdb", "table", "mrt", "pfx2as"];

/// A file name taken apart.
pub(super) struct FileName<'a> {
    stem: &'a str,
    pub(super) date: Option<Time>,
}

impl<'a> FileName<'a> {
    /// Finds the first date, as `20140513`, `2014-05-13`, or the start of a longer number (`2.3.2026061719`).
    pub(super) fn of(path: &'a str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let starts = name
            .char_indices()
            .filter(|(at, c)| c.is_ascii_digit() && !name[..*at].ends_with(|before: char| before.is_ascii_digit()));
        let dated = starts.map(|(at, _)| at).find_map(|at| Some((at, date(&name[at..])?)));
        match dated {
            Some((at, date)) => Self { stem: &name[..at], date: Some(date) },
            None => Self { stem: name, date: None },
        }
    }

    /// What stands before the date and the endings, where that can be a table's name; else the name of the kind.
    pub(super) fn table_name(&self, kind: Kind) -> String {
        let mut stem = self.stem;
        while let Some((rest, ending)) = stem.rsplit_once('.')
            && ENDINGS.contains(&ending)
        {
            stem = rest;
        }
        let name: String = stem
            .trim_matches(|c: char| !c.is_ascii_alphanumeric())
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
            .take(MAX_NAME)
            .collect();
        if name.is_empty() { kind.name().to_owned() } else { name }
    }
}

fn date(text: &str) -> Option<Time> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (year, month, day) = match digits {
        4 => {
            let (year, rest) = text.split_once('-')?;
            (year, rest.get(..2)?, rest.get(2..)?.strip_prefix('-')?.get(..2)?)
        }
        8.. => (&text[..4], &text[4..6], &text[6..8]),
        _ => return None,
    };
    YEARS.contains(&year).then(|| format!("{year}-{month}-{day}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_gives_date_and_name() {
        for (file, name, date) in [
            ("ipasn_20140513.dat.gz", "ipasn", Some("2014-05-13")),
            ("some/where/rib.20080501.0644.bz2", "rib", Some("2008-05-01")),
            ("routeviews-rv2-20260601-1200.pfx2as.gz", "routeviews-rv2", Some("2026-06-01")),
            ("ip-location-db-asn-2.3.2026061719.csv", "ip-location-db-asn-2.3", Some("2026-06-17")),
            ("2014-05-13.csv", "locations", Some("2014-05-13")),
            ("GeoLite2-ASN.mmdb", "GeoLite2-ASN", None),
            ("asn-ipv4.csv.zst", "asn-ipv4", None),
            ("my table 1.2.txt", "my-table-1.2", None),
            ("9999-12-31 20141399 18700101 2014-5-13", "9999-12-31-20141399-18700101-2014-5-13", None),
            ("äöü", "locations", None),
        ] {
            let found = FileName::of(file);
            assert_eq!(found.table_name(Kind::Locations), name, "{file}");
            assert_eq!(found.date, date.map(|date| date.parse().unwrap()), "{file}");
        }
    }
}
