//! What is asked for: a window, a filter, a dimension to rank by.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use evidence::{IpNet, Protocol, Window};
use lake::Value;

use crate::question::Question;

/// What rows are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    Sensor,
    Country,
    As,
    Cidr,
    Ip,
    Protocol,
    Port,
    Os,
    Dialect,
    Domain,
    SenderDomain,
    Location,
}

impl Dimension {
    /// In the order of the pages.
    pub const ALL: [Self; 12] = [
        Self::Sensor,
        Self::Country,
        Self::As,
        Self::Cidr,
        Self::Ip,
        Self::Protocol,
        Self::Port,
        Self::Os,
        Self::Dialect,
        Self::Domain,
        Self::SenderDomain,
        Self::Location,
    ];

    /// The tables of a page below its summary, in their order.
    pub const TABLES: [Self; 8] =
        [Self::Country, Self::As, Self::Cidr, Self::Ip, Self::Protocol, Self::Port, Self::Domain, Self::SenderDomain];

    /// The name on the command line, in URLs and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sensor => "sensor",
            Self::Country => "country",
            Self::As => "as",
            Self::Cidr => "cidr",
            Self::Ip => "ip",
            Self::Protocol => "protocol",
            Self::Port => "port",
            Self::Os => "os",
            Self::Dialect => "dialect",
            Self::Domain => "domain",
            Self::SenderDomain => "sender-domain",
            Self::Location => "location",
        }
    }

    /// The title of its table.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Sensor => "Summary",
            Self::Country => "Country Codes",
            Self::As => "AS Numbers",
            Self::Cidr => "CIDR Blocks",
            Self::Ip => "IP addresses",
            Self::Protocol => "Protocols",
            Self::Port => "Destination ports",
            Self::Os => "Operating systems",
            Self::Dialect => "Dialects",
            Self::Domain => "Domains of recipients",
            Self::SenderDomain => "Domains of senders",
            Self::Location => "Locations of addresses",
        }
    }

    /// The columns whose values together are the key, of the table it is computed from.
    pub(crate) const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Sensor => &["sensor"],
            Self::Country => &["country"],
            // With their country and AS: see the question `entities`.
            Self::As => &["asn", "country"],
            Self::Cidr => &["prefix", "asn", "country"],
            Self::Ip => &["source_ip"],
            Self::Protocol => &["protocol"],
            Self::Port => &["port"],
            Self::Os => &["os"],
            Self::Dialect => &["dialect_hash"],
            Self::Domain | Self::SenderDomain => &["domain"],
            Self::Location => &["location"],
        }
    }

    /// Columns that describe the key.
    pub(crate) const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::As => &["as_name", COVERING],
            Self::Cidr => &[COVERING],
            Self::Ip => &["prefix", "asn", "country", "location", COVERING],
            Self::Dialect => &["dialect"],
            _ => &[],
        }
    }

    /// The column of messages and sessions that a filter compares.
    const fn filter_column(self) -> &'static str {
        match self {
            Self::Sensor => "sensor",
            Self::Country => "country",
            Self::As => "asn",
            Self::Cidr => "prefix",
            Self::Ip => "source_ip",
            Self::Protocol => "protocol",
            Self::Port => "port",
            Self::Os => "os",
            // Of sessions alone: see `Selection::conditions`.
            Self::Dialect => "dialect_hash",
            Self::Domain => "recipient_domains",
            Self::SenderDomain => "sender_domain",
            Self::Location => "location",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dimension {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{name}` is none of {names}")
        })
    }
}

/// What a ranking is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Sort {
    #[default]
    Emails,
    Recipients,
}

impl Sort {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emails => "emails",
            Self::Recipients => "recipients",
        }
    }

    pub const fn other(self) -> Self {
        match self {
            Self::Emails => Self::Recipients,
            Self::Recipients => Self::Emails,
        }
    }
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "emails" => Ok(Self::Emails),
            "recipients" => Ok(Self::Recipients),
            _ => Err(format!("`{name}` is neither emails nor recipients")),
        }
    }
}

/// One condition: a dimension has this value, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub dimension: Dimension,
    /// As it was written; `-` for none.
    pub value: String,
    parsed: Value,
}

/// A value that its dimension cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no {dimension}")]
pub struct InvalidFilter {
    dimension: Dimension,
    value: String,
}

/// The longest that a sensor keeps a connection. A message of a longer one has no dialect.
const LONGEST_SESSION: Duration = Duration::from_secs(6 * 3600);

/// How an absent value is written.
pub const NONE: &str = "-";

/// The label that is 1 where a prefix was not announced but covers the source in a table of ranges.
pub(crate) const COVERING: &str = "covering";

impl Filter {
    /// Reads a value in the form in which tables show it.
    pub fn new(dimension: Dimension, value: &str) -> Result<Self, InvalidFilter> {
        let text = || Some(Value::Text(value.to_owned()));
        let parsed = match dimension {
            _ if value == NONE => Some(Value::Null),
            Dimension::Sensor => value.parse::<evidence::SensorName>().ok().and_then(|_| text()),
            Dimension::Country | Dimension::Location => {
                value.parse::<evidence::Country>().ok().map(|country| Value::Text(country.to_string()))
            }
            Dimension::As => {
                let number = value.strip_prefix("AS").unwrap_or(value);
                number.parse::<u32>().ok().map(|asn| Value::Integer(asn.into()))
            }
            Dimension::Cidr => value.parse::<IpNet>().ok().and_then(|_| text()),
            Dimension::Ip => value.parse::<std::net::IpAddr>().ok().map(|ip| Value::Text(ip.to_string())),
            Dimension::Protocol => value.parse::<Protocol>().ok().map(|p| Value::Text(p.label().to_owned())),
            Dimension::Port => value.parse::<u16>().ok().map(|port| Value::Integer(port.into())),
            Dimension::Os | Dimension::Dialect | Dimension::Domain | Dimension::SenderDomain => text(),
        };
        let invalid = || InvalidFilter { dimension, value: value.to_owned() };
        Ok(Self { dimension, value: value.to_owned(), parsed: parsed.ok_or_else(invalid)? })
    }
}

/// Which messages count as emails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Class {
    /// All but tests of the sensors.
    #[default]
    Abuse,
    /// Tests alone.
    Tests,
    All,
}

impl Class {
    /// The condition on a message.
    const fn condition(self) -> &'static str {
        match self {
            // In parentheses: without them the parser takes all that follows for the right side.
            Self::Abuse => "AND (class IS DISTINCT FROM 'test')",
            Self::Tests => "AND class = 'test'",
            Self::All => "",
        }
    }

    /// Whether a message is the first of its connection that counts.
    const fn first(self) -> &'static str {
        match self {
            Self::Abuse => "ordinal = coalesce(tests_before, 0)",
            Self::Tests => "tests_before = 0",
            Self::All => "ordinal = 0",
        }
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "abuse" => Ok(Self::Abuse),
            "tests" => Ok(Self::Tests),
            "all" => Ok(Self::All),
            _ => Err(format!("`{name}` is none of abuse, tests, all")),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    pub window: Window,
    pub class: Class,
    /// All of them hold.
    pub filters: Vec<Filter>,
    /// How many keys a ranking lists before the others.
    pub top: u64,
}

impl Selection {
    pub fn new(window: Window) -> Self {
        Self { window, class: Class::default(), filters: Vec::new(), top: 15 }
    }

    /// The value that a dimension is held to.
    pub fn filter(&self, dimension: Dimension) -> Option<&str> {
        self.filters.iter().find(|filter| filter.dimension == dimension).map(|filter| filter.value.as_str())
    }

    /// The window of which the files are needed: the dialect of a message is that of its session, which may have begun
    /// before the window.
    pub(crate) fn reach(&self) -> Window {
        match self.filter(Dimension::Dialect) {
            Some(_) => self.reach_of_sessions(),
            None => self.window,
        }
    }

    /// The window in which the sessions of its messages began.
    pub(crate) fn reach_of_sessions(&self) -> Window {
        Window { from: self.window.from - LONGEST_SESSION, ..self.window }
    }

    /// The conditions in SQL, for tables that have all columns named in them; values are parameters.
    pub(crate) fn conditions(&self, applies: impl Fn(Dimension) -> bool) -> String {
        let filters = self.filters.iter().filter(|filter| applies(filter.dimension));
        filters
            .map(|filter| {
                let column = filter.dimension.filter_column();
                match (&filter.parsed, filter.dimension) {
                    (Value::Null, Dimension::Domain) => " AND array_has(recipient_domains, '')".to_owned(),
                    (Value::Null, Dimension::Dialect) => {
                        " AND session_id NOT IN (SELECT session_id FROM sessions WHERE dialect_hash IS NOT NULL)"
                            .to_owned()
                    }
                    (_, Dimension::Dialect) => {
                        " AND session_id IN (SELECT session_id FROM sessions WHERE dialect_hash = $dialect)".to_owned()
                    }
                    (Value::Null, _) => format!(" AND {column} IS NULL"),
                    (_, Dimension::Domain) => format!(" AND array_has({column}, ${})", parameter(filter.dimension)),
                    _ => format!(" AND {column} = ${}", parameter(filter.dimension)),
                }
            })
            .collect()
    }

    /// A question with this selection's conditions filled in.
    pub(crate) fn fill(&self, question: Question, applies: impl Fn(Dimension) -> bool) -> String {
        let filter = self.conditions(applies);
        question.fill(&self.gaps(&filter))
    }

    /// What is filled into a question, by the name of its gap.
    pub(crate) fn gaps<'a>(&self, filter: &'a str) -> [(&'static str, &'a str); 3] {
        [("class", self.class.condition()), ("first", self.class.first()), ("filter", filter)]
    }

    /// The parameters of a question about this selection.
    pub(crate) fn parameters(&self, applies: impl Fn(Dimension) -> bool) -> Vec<(&'static str, Value)> {
        let mut parameters =
            vec![("from", Value::Instant(self.window.from)), ("until", Value::Instant(self.window.until))];
        let filters = self.filters.iter().filter(|filter| applies(filter.dimension) && filter.parsed != Value::Null);
        parameters.extend(filters.map(|filter| (parameter(filter.dimension), filter.parsed.clone())));
        parameters
    }
}

const fn parameter(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::SenderDomain => "sender_domain",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_only_what_its_dimension_can_be() {
        let ok = |dimension, value| Filter::new(dimension, value).is_ok();
        assert!(ok(Dimension::Country, "br") && !ok(Dimension::Country, "bra"));
        assert!(ok(Dimension::As, "AS4134") && ok(Dimension::As, "4134") && !ok(Dimension::As, "x"));
        assert!(ok(Dimension::Cidr, "192.0.2.0/24") && !ok(Dimension::Cidr, "192.0.2.0/33"));
        assert!(ok(Dimension::Ip, "2001:db8::1") && !ok(Dimension::Ip, "1.2.3"));
        assert!(ok(Dimension::Port, "25") && !ok(Dimension::Port, "65536"));
        assert!(ok(Dimension::Protocol, "S4a") && !ok(Dimension::Protocol, "gopher"));
        assert!(ok(Dimension::Country, "-"));
        assert!(ok(Dimension::Os, "Win-XP-SP1/Win-2k-SP4") && ok(Dimension::Os, "unknown (cookie)"));
    }

    #[test]
    fn dimensions_and_sorts_are_read_by_name() {
        for dimension in Dimension::ALL {
            assert_eq!(dimension.name().parse(), Ok(dimension));
        }
        assert!("colour".parse::<Dimension>().unwrap_err().contains("country, as"));
        assert_eq!("recipients".parse(), Ok(Sort::Recipients));
    }
}
