//! The header of a mail or of a part: its fields, and how the mail came.
//!
//! Long and many headers cost no more than their bounds: what is beyond is not looked at.

use std::net::IpAddr;

use evidence::Time;
use mail_parser::{Addr, ContentType, Header, HeaderName, HeaderValue, Host, Message, MessageParser, MimeHeaders};

use crate::text::{address, domain, is_outside, kept, mailbox, time};

/// A header longer than this is cut.
pub const MAX_HEAD: usize = 256 << 10;

/// Fields of a header; later ones are not looked at.
pub const MAX_FIELDS: usize = 1000;

/// Longest line of a field. The rest of a line is left out, and no line is put to a value that is longer.
pub const MAX_VALUE: usize = 4096;

/// Lines `Received` that are looked at, from the top; a mail that came over more hosts has a loop behind it.
pub const MAX_HOPS: usize = 64;

/// Header and body of a mail.
pub(crate) fn split(mail: &[u8]) -> (&[u8], &[u8]) {
    let mut start = 0;
    for lf in memchr::memchr_iter(b'\n', mail) {
        let line = &mail[start..lf];
        if line.is_empty() || line == b"\r" {
            return (&mail[..start], &mail[lf + 1..]);
        }
        start = lf + 1;
    }
    (mail, b"")
}

/// Fields of a block of lines, folded lines put together: names in lower case.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn new(block: &[u8]) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in block[..block.len().min(MAX_HEAD)].split(|byte| *byte == b'\n') {
            let line = line.trim_ascii_end();
            if matches!(line.first(), Some(b' ' | b'\t')) {
                if let Some((_, value)) = fields.last_mut().filter(|(_, value)| value.len() < MAX_VALUE) {
                    value.push(' ');
                    value.push_str(&text(line));
                }
                continue;
            }
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            if fields.len() == MAX_FIELDS {
                break;
            }
            fields.push((text(&line[..colon]).to_ascii_lowercase(), text(&line[colon + 1..])));
        }
        Self(fields)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values of a field, from the top.
    pub(crate) fn all<'f>(&'f self, name: &'static str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The topmost value of a field, unless it is empty.
    pub(crate) fn first(&self, name: &'static str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }
}

fn text(bytes: &[u8]) -> String {
    let bytes = bytes.trim_ascii();
    String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_VALUE)]).into_owned()
}

/// A header.
pub(crate) struct Head<'m> {
    pub(crate) fields: Fields,
    parsed: Option<Message<'m>>,
}

impl<'m> Head<'m> {
    pub(crate) fn new(block: &'m [u8]) -> Self {
        let block = &block[..block.len().min(MAX_HEAD)];
        Self { fields: Fields::new(block), parsed: MessageParser::default().parse_headers(block) }
    }

    pub(crate) fn content_type(&self) -> Option<&ContentType<'_>> {
        self.parsed.as_ref()?.content_type()
    }

    pub(crate) fn from(&self) -> Option<&Addr<'_>> {
        self.parsed.as_ref()?.from()?.first()
    }

    /// The mailbox of who wrote it. What stands in brackets goes before what a strict reader makes of an odd name.
    fn author(&self) -> Option<String> {
        let named = self.fields.first("from").filter(|from| from.contains('<')).and_then(mailbox);
        named.or_else(|| self.from().and_then(|from| kept(from.address.as_deref()?)))
    }

    /// The domain of who wrote it.
    pub(crate) fn author_domain(&self) -> Option<String> {
        self.author().and_then(|from| domain(&from))
    }

    /// To whom it returns, else who wrote it.
    pub(crate) fn sender(&self) -> Option<String> {
        self.fields.first("return-path").and_then(mailbox).or_else(|| self.author())
    }

    pub(crate) fn subject(&self) -> &str {
        self.parsed.as_ref().and_then(|parsed| parsed.subject()).unwrap_or_default().trim()
    }

    pub(crate) fn message_id(&self) -> Option<String> {
        self.fields.first("message-id").and_then(mailbox)
    }

    /// When it was written, as it says.
    pub(crate) fn date(&self) -> Option<Time> {
        self.fields.first("date").and_then(time)
    }

    /// The hosts that it came through, the last one first.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        let Some(parsed) = &self.parsed else { return Vec::new() };
        let received = parsed.headers().iter().filter(|header| header.name == HeaderName::Received);
        received.take(MAX_HOPS).map(|header| Hop::new(header, parsed)).collect()
    }
}

/// One line `Received`.
#[derive(Default)]
pub(crate) struct Hop {
    /// Who handed it in, when that is an address of the Internet.
    pub(crate) from: Option<IpAddr>,
    /// The host that wrote the line.
    pub(crate) by: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) at: Option<Time>,
    /// Who was logged in.
    pub(crate) login: Option<String>,
}

impl Hop {
    fn new(header: &Header<'_>, parsed: &Message<'_>) -> Self {
        let raw = parsed.raw_message.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
        let line = String::from_utf8_lossy(&raw[..raw.len().min(MAX_VALUE)]).replace(['\r', '\n', '\t'], " ");
        let at = line.rsplit_once(';').and_then(|(_, date)| time(date));
        let login = login(&line);
        let HeaderValue::Received(received) = &header.value else { return Self { at, login, ..Self::default() } };
        let from = received.from_ip().or_else(|| match received.from() {
            Some(Host::IpAddr(address)) => Some(*address),
            Some(Host::Name(name)) => address(name),
            None => None,
        });
        let by = match received.by() {
            Some(Host::Name(name)) => domain(name),
            _ => None,
        };
        let from = from.map(|address| address.to_canonical()).filter(|address| is_outside(*address));
        Self { from, by, id: received.id().and_then(kept), at, login }
    }
}

/// Who was logged in, as Postfix writes it.
fn login(line: &str) -> Option<String> {
    const SAYS: &str = "(authenticated sender: ";
    let start = line.to_ascii_lowercase().find(SAYS)? + SAYS.len();
    line[start..].split_once(')').and_then(|(login, _)| kept(login))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_at_the_first_empty_line_of_either_kind() {
        assert_eq!(split(b"A: b\n\nx\n\ny"), (&b"A: b\n"[..], &b"x\n\ny"[..]));
        assert_eq!(split(b"A: b\r\n\r\nx"), (&b"A: b\r\n"[..], &b"x"[..]));
        assert_eq!(split(b"\nx"), (&b""[..], &b"x"[..]));
        assert_eq!(split(b"A: b"), (&b"A: b"[..], &b""[..]));
    }

    #[test]
    fn a_line_of_postfix_tells_client_queue_id_and_login() {
        let head = Head::new(
            b"Received: from [192.0.2.7] (unknown [192.0.2.7])\r\n\t(Authenticated sender: ann)\r\n\tby mx.here.example \
              (Postfix) with ESMTPSA id 4XyZ1\r\n\tfor <a@b.example>; Mon,  2 Mar 2026 10:00:00 +0000 (UTC)\r\n",
        );
        let hops = head.hops();
        assert_eq!(hops[0].from, "192.0.2.7".parse().ok());
        assert_eq!(hops[0].by.as_deref(), Some("mx.here.example"));
        assert_eq!((hops[0].id.as_deref(), hops[0].login.as_deref()), (Some("4XyZ1"), Some("ann")));
        assert_eq!(hops[0].at, "2026-03-02T10:00:00Z".parse().ok());
    }

    #[test]
    fn values_and_fields_have_bounds() {
        let long = format!("A: {}\n {}\n {}\n", "x".repeat(9000), "y".repeat(9000), "z".repeat(9000));
        assert_eq!(Fields::new(long.as_bytes()).first("a").unwrap().len(), MAX_VALUE);
        let many = "A: b\n".repeat(5000);
        assert_eq!(Fields::new(many.as_bytes()).all("a").count(), MAX_FIELDS);
    }
}
