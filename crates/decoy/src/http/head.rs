//! The head of a request: request line and fields, read with the patience of an open proxy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::Target;

use crate::line::{Line, LineReader};
use crate::policy;
use crate::recorder::Secret;
use crate::target;

/// Longest line, and longest head, that is read. Of a longer line the rest is ignored; a longer head ends there.
const MAX_LINE: usize = 8 * 1024;
const MAX_HEAD: usize = 32 * 1024;

/// Most lines of a head: a line costs more memory than it has bytes. A head with more ends there.
const MAX_LINES: usize = 512;

/// Methods that make text an HTTP request.
const METHODS: [&str; 10] =
    ["CONNECT", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND"];

pub(crate) fn is_method(word: &[u8]) -> bool {
    METHODS.iter().any(|method| word.eq_ignore_ascii_case(method.as_bytes()))
}

/// Collects a head.
#[derive(Debug)]
pub(super) struct HeadReader {
    reader: LineReader,
    lines: Vec<Vec<u8>>,
    size: usize,
}

/// A complete head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    version: Vec<u8>,
    /// The field lines as they came.
    fields: Vec<Vec<u8>>,
    pub(super) content_length: Option<u64>,
}

impl HeadReader {
    pub(super) fn new() -> Self {
        Self { reader: LineReader::new(MAX_LINE), lines: Vec::new(), size: 0 }
    }

    /// Whether anything of a head has come, be it line ends.
    pub(super) fn has_begun(&self) -> bool {
        self.size > 0 || !self.reader.pending().is_empty()
    }

    /// What is secret in a line that is not whole yet.
    pub(super) fn unfinished_secret(&self) -> Option<Secret> {
        secret(self.reader.pending())
    }

    /// Takes input up to the empty line after the fields.
    pub(super) fn push(&mut self, input: &[u8]) -> (usize, Option<Head>) {
        let (used, line) = self.reader.push(input);
        let Some(Line { bytes, .. }) = line else { return (used, None) };
        self.size += bytes.len() + 2;
        let ended = bytes.is_empty() || self.size > MAX_HEAD || self.lines.len() + 1 >= MAX_LINES;
        if !bytes.is_empty() {
            self.lines.push(bytes);
        }
        // Empty lines before the request line are skipped (RFC 9112, section 2.2).
        if !ended || self.lines.is_empty() {
            return (used, None);
        }
        (used, Some(Head::parse(std::mem::take(&mut self.lines))))
    }
}

impl Head {
    fn parse(mut lines: Vec<Vec<u8>>) -> Self {
        let fields = lines.split_off(1.min(lines.len()));
        let line = lines.pop().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec);
        let mut head = Self {
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            version: words.next().unwrap_or_default(),
            fields,
            content_length: None,
        };
        let length = head.field("content-length").and_then(|value| std::str::from_utf8(value).ok());
        head.content_length = length.and_then(|length| length.parse().ok());
        head
    }

    /// The value of the first field of this name.
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            line[..colon].trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| line[colon + 1..].trim_ascii())
        })
    }

    /// Name and value of each field; lines without a colon are left out.
    pub(super) fn named_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    }

    /// The site that `Host` names.
    pub(super) fn host(&self, asked: &Target) -> Option<Target> {
        target::parse_authority(self.field("host")?, Some(asked.port))
    }

    /// The site that a request is for: as the URL says, or `Host` where the URL has an address.
    pub(super) fn site(&self, asked: &Target) -> Target {
        let by_field = policy::address(&asked.host).and_then(|_| self.host(asked));
        by_field.unwrap_or_else(|| asked.clone())
    }

    /// What is secret in the fields: the credentials for a proxy or a site, after their scheme.
    pub(super) fn secrets(&self) -> impl Iterator<Item = Secret> {
        self.fields.iter().filter_map(|line| secret(line))
    }

    /// User and password of `Proxy-Authorization: Basic` (RFC 7617).
    pub(super) fn credentials(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let value = self.field("proxy-authorization")?;
        let (scheme, response) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let decoded = STANDARD.decode(response.trim_ascii()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        Some((decoded[..colon].to_vec(), decoded[colon + 1..].to_vec()))
    }

    /// Whether the client wants to send another request (RFC 9112, section 9.3).
    pub(super) fn keeps_alive(&self) -> bool {
        let says = |option: &str| {
            ["connection", "proxy-connection"].iter().filter_map(|name| self.field(name)).any(|value| {
                value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
            })
        };
        let new = self.version.eq_ignore_ascii_case(b"HTTP/1.1");
        if new { !says("close") } else { says("keep-alive") }
    }

    /// The head as a careless proxy passes it on: the request line with the path alone and its percent escapes decoded
    /// (`%0d%0a` becomes a line end), the fields, the empty line.
    pub(super) fn forwarded(&self, path: &[u8]) -> Vec<u8> {
        let mut head = [self.method.as_slice(), b" ", &percent_decoded(path), b" ", &self.version].concat();
        for field in &self.fields {
            head.extend_from_slice(b"\r\n");
            head.extend_from_slice(field);
        }
        head.extend_from_slice(b"\r\n\r\n");
        head
    }
}

/// The secret in a field line, whole or not.
fn secret(line: &[u8]) -> Option<Secret> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let named = |name: &str| line[..colon].trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    if !named("proxy-authorization") && !named("authorization") {
        return None;
    }
    let value = colon + 1 + line[colon + 1..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    let scheme_end = value + line[value..].iter().position(u8::is_ascii_whitespace).unwrap_or(0);
    Some(Secret::rest_of_line(&line[..scheme_end], &line[scheme_end..]))
}

fn percent_decoded(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = &tail[2..];
            }
            None => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}

/// An absolute URL: where it leads, and its path.
#[derive(Debug)]
pub(super) struct Url<'a> {
    pub(super) target: Target,
    pub(super) path: &'a [u8],
}

impl<'a> Url<'a> {
    pub(super) fn parse(url: &'a [u8]) -> Option<Self> {
        let scheme_end = url.windows(3).position(|window| window == b"://")?;
        let default_port = match url[..scheme_end].to_ascii_lowercase().as_slice() {
            b"http" => 80,
            b"https" => 443,
            b"ftp" => 21,
            _ => return None,
        };
        let rest = &url[scheme_end + 3..];
        let slash = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        let host = authority.iter().rposition(|byte| *byte == b'@').map_or(authority, |at| &authority[at + 1..]);
        let target = target::parse_authority(host, Some(default_port))?;
        Some(Self { target, path: if path.is_empty() { b"/" } else { path } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_a_host_and_a_port() {
        let read = |url: &'static str| {
            let url = Url::parse(url.as_bytes())?;
            Some((String::from_utf8_lossy(&url.target.host).into_owned(), url.target.port, url.path))
        };
        assert_eq!(read("http://a.example/b?c"), Some(("a.example".into(), 80, &b"/b?c"[..])));
        assert_eq!(read("HTTP://u:p@a.example:25"), Some(("a.example".into(), 25, &b"/"[..])));
        assert_eq!(read("http://[2001:db8::1]:25/"), Some(("2001:db8::1".into(), 25, &b"/"[..])));
        for bad in ["/path", "http:///", "http://:80/", "gopher://a/", "http://a:x/", ""] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn hidden_line_ends_appear_when_a_head_is_passed_on() {
        let mut reader = HeadReader::new();
        let (_, none) = reader.push(b"\r\n");
        assert!(none.is_none());
        let mut rest = &b"GET http://a:25/%0D%0aHELO HTTP/1.0\nX: y\r\n\r\nbody"[..];
        let head = loop {
            let (used, head) = reader.push(rest);
            rest = &rest[used..];
            if let Some(head) = head {
                break head;
            }
        };
        assert_eq!(rest, b"body");
        let url = Url::parse(&head.target).unwrap();
        assert_eq!(head.forwarded(url.path), b"GET /\r\nHELO HTTP/1.0\r\nX: y\r\n\r\n");
    }
}
