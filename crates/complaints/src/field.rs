//! Values of fields: addresses, times, domains, as reports write them.

use std::net::IpAddr;

use evidence::{Time, shown};
use mail_parser::{DateTime, Message, MessagePart, MimeHeaders};

/// Longest text that is kept of a report; the rest is left out.
const MAX_TEXT: usize = 320;

/// `type/subtype` of a part, in lower case; empty for none.
pub(crate) fn mime_type(part: &MessagePart<'_>) -> String {
    let of = |kind: &mail_parser::ContentType<'_>| {
        format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase()
    };
    part.content_type().map(of).unwrap_or_default()
}

/// The bytes of a part as they came, where they are not decoded.
pub(crate) fn contents<'m>(message: &'m Message<'_>, part: &'m MessagePart<'_>) -> &'m [u8] {
    let raw = message.raw_message.get(part.raw_body_offset() as usize..part.raw_end_offset() as usize);
    raw.unwrap_or_default()
}

/// Fields of a block of header lines, folded lines put together: names in lower case.
pub(crate) fn fields(block: &[u8]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in block.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if let Some((_, value)) = fields.last_mut().filter(|(_, value)| value.len() < 4 * MAX_TEXT) {
                value.push(' ');
                value.push_str(&String::from_utf8_lossy(line.trim_ascii()));
            }
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let name = String::from_utf8_lossy(&line[..colon]).trim().to_ascii_lowercase();
        fields.push((name, String::from_utf8_lossy(line[colon + 1..].trim_ascii()).into_owned()));
    }
    fields
}

/// An address, alone or in brackets, IPv6 also with its tag.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    let text = text.strip_prefix("IPv6:").unwrap_or(text);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// A date of a mail (RFC 5322), or of RFC 3339.
pub(crate) fn time(text: &str) -> Option<Time> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Time>() {
        return Some(time);
    }
    DateTime::parse_rfc822(text).and_then(of_date)
}

pub(crate) fn of_date(date: DateTime) -> Option<Time> {
    let micros = date.to_timestamp().checked_mul(1_000_000)?;
    date.is_valid().then(|| Time::from_micros(micros))
}

/// When a mail was sent, as it says.
pub(crate) fn sent(message: &Message<'_>) -> Option<Time> {
    message.date().copied().and_then(of_date)
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

/// What stands between angle brackets, else all of it; nothing for the null sender.
pub(crate) fn mailbox(text: &str) -> Option<String> {
    let inner = text.split_once('<').map_or(text, |(_, rest)| rest.split_once('>').map_or(rest, |(inner, _)| inner));
    kept(inner)
}

/// A text as it is kept.
pub(crate) fn kept(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.floor_char_boundary(MAX_TEXT);
    (!text.is_empty()).then(|| shown(&text.as_bytes()[..end]))
}
