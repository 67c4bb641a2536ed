//! Values of fields: addresses, times, domains, as reports write them.

use std::net::IpAddr;

use evidence::{Time, shown};
use mail_parser::DateTime;

/// Longest text that is kept of a report; the rest is left out.
pub const MAX_TEXT: usize = 320;

/// An address, alone or in brackets, IPv6 also with its tag.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    let text = text.strip_prefix("IPv6:").unwrap_or(text);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Whether an address can be one of a customer or a host on the Internet.
pub(crate) fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.octets()[0] == 0)
        }
        IpAddr::V6(v6) => {
            let is_local = v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local();
            !(is_local || v6.is_unspecified() || v6.is_multicast())
        }
    }
}

/// Minutes east of Greenwich that names of zones stand for (RFC 5322). Others are not known, `JST` as little as `IST`.
const ZONES: [(&str, i64); 12] = [
    ("UT", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
];

/// A date of a mail (RFC 5322), or of RFC 3339. None without a zone that is known: an hour that may be another is none.
pub(crate) fn time(text: &str) -> Option<Time> {
    let text = text.trim();
    if is_rfc_3339(text) {
        return text.parse().ok();
    }
    let text = text.split('(').next().unwrap_or_default().trim_end();
    let zone = text.rsplit([' ', '\t']).next().unwrap_or_default();
    if zone.starts_with(['+', '-']) {
        return DateTime::parse_rfc822(text).and_then(of_date);
    }
    let (_, minutes) = ZONES.iter().find(|(name, _)| zone.eq_ignore_ascii_case(name))?;
    let date = DateTime::parse_rfc822(&format!("{} +0000", text[..text.len() - zone.len()].trim_end()))?;
    of_date(date).map(|time| Time::from_micros(time.micros() - minutes * 60 * 1_000_000))
}

/// Whether a text has the form `2026-03-02T…`, with a zone at its end.
pub(crate) fn is_rfc_3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((day, clock)) = bytes.split_at_checked(10) else { return false };
    let is_day = day.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let is_zoned = match clock {
        [.., b'Z' | b'z'] => true,
        [.., b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    is_day && is_zoned && matches!(clock.first(), Some(b'T' | b't'))
}

fn of_date(date: DateTime) -> Option<Time> {
    let micros = date.to_timestamp().checked_mul(1_000_000)?;
    date.is_valid().then(|| Time::from_micros(micros))
}

/// The domain of a mailbox, or a domain.
pub(crate) fn domain(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('>');
    let domain = text.rsplit_once('@').map_or(text, |(_, domain)| domain).trim_end_matches('.');
    let is_one = domain.contains('.')
        && domain.len() <= 253
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    is_one.then(|| domain.to_ascii_lowercase())
}

/// What stands between angle brackets, else all of it; nothing for the null sender. Names may hold brackets too, so that the
/// first pair without blanks and quotes counts.
pub(crate) fn mailbox(text: &str) -> Option<String> {
    let mut pairs = text.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(inner, _)| inner.trim());
    kept(pairs.find(|inner| !inner.contains([' ', '"'])).unwrap_or(text))
}

/// A text as it is kept.
pub(crate) fn kept(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.floor_char_boundary(MAX_TEXT);
    (!text.is_empty()).then(|| shown(&text.as_bytes()[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_zone_that_is_known_or_are_none() {
        let ten: Time = "2026-03-02T10:00:00Z".parse().unwrap();
        for text in [
            "Mon, 2 Mar 2026 10:00:00 +0000",
            "Mon, 02 Mar 2026 11:00:00 +0100 (CET)",
            "2 Mar 2026 02:00:00 PST",
            "Mon, 02 Mar 2026 10:00:00 -0000 (EST)",
            "Mon, 02 Mar 2026 10:00:00 GMT",
            "2026-03-02T11:00:00+01:00",
            "2026-03-02T10:00:00.000Z",
        ] {
            assert_eq!(time(text), Some(ten), "{text}");
        }
        for text in
            ["Mon, 2 Mar 2026 10:00:00 JST", "Mon, 2 Mar 2026 10:00:00", "2026-03-02", "2026-03-02T10:00:00", "é"]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_mailbox_stands_in_brackets_or_alone() {
        for text in ["a@b.example", "<a@b.example>", "Ann <a@b.example>", "\"x <y z>\" <a@b.example>, c <d@e.example>"]
        {
            assert_eq!(mailbox(text).as_deref(), Some("a@b.example"), "{text}");
        }
        assert_eq!(mailbox("<>"), None);
        assert_eq!(mailbox(" "), None);
    }

    #[test]
    fn addresses_stand_in_brackets_and_with_tags() {
        for text in ["2001:db8::7", "[2001:db8::7]", "[IPv6:2001:db8::7]", " 2001:db8::7 "] {
            assert_eq!(address(text), "2001:db8::7".parse().ok(), "{text}");
        }
        assert_eq!(address("::ffff:192.0.2.7"), "192.0.2.7".parse().ok());
        for text in ["127.0.0.1", "10.1.2.3", "::1", "fe80::1", "224.0.0.1", "0.0.0.0"] {
            assert!(!is_outside(text.parse().unwrap()), "{text}");
        }
    }
}
