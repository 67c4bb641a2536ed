//! What a value of a document must be. Only what the schemas of XARF ask for: it is no reader of schemas.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::metrics;
use crate::fault::Fault;
use crate::text::{is_rfc_3339, time};

/// The versions of abusix/xarf, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Alpha,
    One,
    Two,
    Three,
    Development,
}

/// What a value must be.
pub(super) enum Rule {
    /// Anything, as long as it is there.
    Any,
    Text,
    /// A text of at least so many characters.
    Long(usize),
    OneOf(&'static [&'static str]),
    Flag,
    /// A whole number within these bounds.
    Whole(i64, i64),
    Address,
    Port,
    /// One port or a list of them.
    Ports,
    Mailbox,
    Host,
    Uri,
    /// A time of RFC 3339.
    Instant,
    Cve,
    Cvss,
    /// Text or a whole number.
    Plain,
    Object(&'static [Field]),
    /// An object in which every value keeps the rule.
    Each(&'static Rule),
    /// A list in which every value keeps the rule.
    List(&'static Rule),
    /// The same, of at least one.
    Filled(&'static Rule),
    /// Either of two objects.
    Either(&'static [Field], &'static [Field]),
}

/// A member of an object.
pub(super) struct Field {
    name: &'static str,
    must: bool,
    rule: Rule,
    since: Version,
    until: Version,
}

/// A member that may be absent.
pub(super) const fn may(name: &'static str, rule: Rule) -> Field {
    Field { name, must: false, rule, since: Version::Alpha, until: Version::Development }
}

/// A member that must be there.
pub(super) const fn must(name: &'static str, rule: Rule) -> Field {
    Field { name, must: true, rule, since: Version::Alpha, until: Version::Development }
}

impl Field {
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) const fn since(self, version: Version) -> Self {
        Self { since: version, ..self }
    }

    pub(super) const fn until(self, version: Version) -> Self {
        Self { until: version, ..self }
    }

    fn holds_in(&self, version: Version) -> bool {
        (self.since..=self.until).contains(&version)
    }
}

/// Checks the members of an object.
pub(super) fn members(object: &Map<String, Value>, fields: &[Field], version: Version) -> Result<(), Fault> {
    for field in fields.iter().filter(|field| field.holds_in(version)) {
        match object.get(field.name) {
            Some(value) => field.rule.check(value, version).map_err(|fault| fault.within(field.name))?,
            None if field.must => return Err(Fault::new(field.name, "is missing")),
            None => {}
        }
    }
    Ok(())
}

/// The object that a value is.
pub(super) fn object(value: &Value) -> Result<&Map<String, Value>, Fault> {
    value.as_object().ok_or_else(|| Fault::new("", "is no object"))
}

impl Rule {
    fn check(&self, value: &Value, version: Version) -> Result<(), Fault> {
        match self {
            Self::Object(fields) => members(object(value)?, fields, version),
            Self::Each(rule) => {
                let mut values = object(value)?.values();
                // The names are the sender's, so they are not told.
                values.try_for_each(|value| rule.check(value, version).map_err(|fault| fault.within("*")))
            }
            Self::List(rule) => items(list(value)?, rule, version),
            Self::Filled(rule) => match list(value)? {
                [] => Err(Fault::new("", "is an empty list")),
                values => items(values, rule, version),
            },
            Self::Ports => match value {
                Value::Array(ports) => items(ports, &Self::Port, version),
                port => Self::Port.check(port, version),
            },
            Self::Either(one, other) => {
                let object = object(value)?;
                // Who breaks both is told of the first.
                members(object, one, version).or_else(|fault| members(object, other, version).map_err(|_| fault))
            }
            Self::Cvss => metrics::cvss(object(value)?),
            plain => plain.fault(value).map_or(Ok(()), |reason| Err(Fault::new("", reason))),
        }
    }

    /// Why a value without parts does not keep the rule.
    fn fault(&self, value: &Value) -> Option<&'static str> {
        let is = |test: &dyn Fn(&str) -> bool| value.as_str().is_some_and(test);
        let (holds, reason) = match self {
            Self::Text => (value.is_string(), "is no text"),
            Self::Long(least) => (is(&|text| text.chars().count() >= *least), "is no text, or too short"),
            Self::OneOf(words) => (is(&|text| words.contains(&text)), "is none of the words for it"),
            Self::Flag => (value.is_boolean(), "is neither true nor false"),
            Self::Whole(least, most) => (is_within(value, *least, *most), "is no whole number in its bounds"),
            Self::Port => (is_within(value, 0, 65535), "is no port"),
            Self::Address => (is(&|text| text.parse::<IpAddr>().is_ok()), "is no address"),
            Self::Mailbox => (is(&is_mailbox), "is no address of mail"),
            Self::Host => (is(&is_host), "is no name of a host"),
            Self::Uri => (is(&is_uri), "is no address of the web"),
            Self::Instant => (is(&|text| is_rfc_3339(text) && time(text).is_some()), "is no time with a zone"),
            Self::Cve => (is(&metrics::is_cve), "is no CVE number"),
            Self::Plain => (value.is_string() || whole(value).is_some(), "is neither text nor a whole number"),
            Self::Any | Self::Ports | Self::Cvss | Self::Object(_) | Self::Each(_) => return None,
            Self::List(_) | Self::Filled(_) | Self::Either(..) => return None,
        };
        (!holds).then_some(reason)
    }
}

fn list(value: &Value) -> Result<&[Value], Fault> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| Fault::new("", "is no list"))
}

fn items(values: &[Value], rule: &Rule, version: Version) -> Result<(), Fault> {
    let mut numbered = values.iter().enumerate();
    numbered.try_for_each(|(at, value)| rule.check(value, version).map_err(|fault| fault.within(at)))
}

/// A whole number, also one that is written with a fraction of nothing.
fn whole(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.fract() == 0.0)
}

fn is_within(value: &Value, least: i64, most: i64) -> bool {
    whole(value).is_some_and(|number| (least as f64..=most as f64).contains(&number))
}

pub(super) fn is_mailbox(text: &str) -> bool {
    let is_clean = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_control() || c == ' ');
    text.rsplit_once('@').is_some_and(|(local, domain)| is_clean(local) && is_clean(domain))
}

fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inside = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && is_inside && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

fn is_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        is_scheme && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
    })
}
