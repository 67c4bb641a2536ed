//! The head of a request: request line and fields, read as the persona's proxy reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::Target;

use crate::line::{Line, LineReader};
use crate::persona::HttpPersona;
use crate::policy;
use crate::recorder::Secret;
use crate::target;

/// Longest line of a head. Of a longer one the rest is ignored; personas refuse a head of that length before.
const MAX_LINE: usize = 128 * 1024;

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
    /// The lines so far, each with an LF behind it: a vector of each would take many times their bytes.
    lines: Vec<u8>,
    /// All bytes taken.
    size: usize,
    blank_before: usize,
    line_ends: Vec<&'static str>,
}

/// What the first line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Request,
    /// A request before HTTP/1.0: a method and a URL, no version.
    Old,
    /// No request.
    Unknown,
    /// A head that became too long before it ended.
    TooLong,
}

/// A complete head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) form: Form,
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    /// Major and minor.
    pub(super) version: (u8, u8),
    /// As it was written; empty where there is none.
    pub(super) version_word: Vec<u8>,
    /// The field lines as they came.
    fields: Vec<Vec<u8>>,
    pub(super) content_length: Option<u64>,
    /// Empty lines before the request line.
    pub(super) blank_before: usize,
    /// The different ends of its lines.
    pub(super) line_ends: Vec<&'static str>,
}

impl HeadReader {
    pub(super) fn new() -> Self {
        Self { reader: LineReader::new(MAX_LINE), lines: Vec::new(), size: 0, blank_before: 0, line_ends: Vec::new() }
    }

    /// Whether anything of a head has come, be it line ends.
    pub(super) fn has_begun(&self) -> bool {
        self.size > 0 || !self.reader.pending().is_empty()
    }

    /// What is secret in a line that is not whole yet.
    pub(super) fn unfinished_secret(&self) -> Option<Secret> {
        secret(self.reader.pending())
    }

    /// Takes input up to the empty line after the fields, or as far as the persona reads.
    pub(super) fn push(&mut self, input: &[u8], persona: &HttpPersona) -> (usize, Option<Head>) {
        let room = persona.longest_head - self.size;
        let (used, line) = self.reader.push(&input[..input.len().min(room)]);
        self.size += used;
        let Some(Line { bytes, end, .. }) = line else {
            return (used, (self.size == persona.longest_head).then(|| self.take(Some(Form::TooLong))));
        };
        if !self.line_ends.contains(&end.name()) {
            self.line_ends.push(end.name());
        }
        // Empty lines before the request line are skipped (RFC 9112, section 2.2).
        let ended = bytes.is_empty() && !self.lines.is_empty();
        let first = self.lines.is_empty();
        self.blank_before += usize::from(first && bytes.is_empty());
        if !bytes.is_empty() {
            self.lines.extend_from_slice(&bytes);
            self.lines.push(b'\n');
        }
        if self.size == persona.longest_head && !ended {
            return (used, Some(self.take(Some(Form::TooLong))));
        }
        let early = persona.refuses_early && first && !bytes.is_empty() && form(&bytes) != Form::Request;
        (used, (ended || early).then(|| self.take(None)))
    }

    fn take(&mut self, form: Option<Form>) -> Head {
        let mut lines = std::mem::take(&mut self.lines);
        // A line that the limit cut may have a secret too.
        lines.extend_from_slice(self.reader.pending());
        if !self.reader.pending().is_empty() {
            lines.push(b'\n');
        }
        let mut lines: Vec<_> = lines.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.pop(); // behind the last LF
        let line_ends = std::mem::take(&mut self.line_ends);
        Head { blank_before: self.blank_before, line_ends, ..Head::parse(lines, form) }
    }
}

/// What a first line is.
fn form(line: &[u8]) -> Form {
    let words: Vec<_> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    match words[..] {
        _ if line.first().is_some_and(u8::is_ascii_whitespace) => Form::Unknown,
        [_, _, .., last] if version(last).is_some() => Form::Request,
        [method, _] if method.eq_ignore_ascii_case(b"GET") => Form::Old,
        _ => Form::Unknown,
    }
}

/// Reads `HTTP/1.1`.
fn version(word: &[u8]) -> Option<(u8, u8)> {
    let (name, numbers) = word.split_at_checked(5)?;
    match numbers {
        [major, b'.', minor] if name.eq_ignore_ascii_case(b"HTTP/") => {
            (major.is_ascii_digit() && minor.is_ascii_digit()).then(|| (major - b'0', minor - b'0'))
        }
        _ => None,
    }
}

impl Head {
    fn parse(mut lines: Vec<Vec<u8>>, given: Option<Form>) -> Self {
        let fields = lines.split_off(1.min(lines.len()));
        let line = lines.pop().unwrap_or_default();
        let words: Vec<_> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        let word = |index: usize| words.get(index).map_or(Vec::new(), |word| word.to_vec());
        let mut head = Self {
            form: given.unwrap_or_else(|| form(&line)),
            method: word(0),
            target: word(1),
            version: words.last().and_then(|word| version(word)).unwrap_or((0, 9)),
            version_word: if words.len() > 2 { words[words.len() - 1].to_vec() } else { Vec::new() },
            fields,
            content_length: None,
            blank_before: 0,
            line_ends: Vec::new(),
        };
        let length = head.field("content-length").and_then(|value| std::str::from_utf8(value).ok());
        head.content_length = length.and_then(|length| length.parse().ok());
        head
    }

    /// Whether a field has no name, or a blank behind it.
    pub(super) fn has_bad_field(&self) -> bool {
        let folded = |line: &[u8]| line.first().is_some_and(u8::is_ascii_whitespace);
        let bad = |line: &Vec<u8>| match line.iter().position(|byte| *byte == b':') {
            None | Some(0) => true,
            Some(colon) => line[colon - 1].is_ascii_whitespace(),
        };
        self.fields.iter().any(|line| !folded(line) && bad(line))
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

    /// The name of each field.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().map(|line| line.split(|byte| *byte == b':').next().unwrap_or_default())
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
        if self.version >= (1, 1) { !says("close") } else { says("keep-alive") }
    }

    /// The fields that go on: a proxy keeps to itself what is for it.
    pub(super) fn going_on(&self) -> impl Iterator<Item = &[u8]> {
        const HOP_BY_HOP: [&str; 6] =
            ["proxy-authorization", "proxy-connection", "connection", "keep-alive", "te", "trailer"];
        let name = |line: &[u8]| line.iter().position(|byte| *byte == b':').map_or(0, |colon| colon);
        let hop =
            move |line: &[u8]| HOP_BY_HOP.iter().any(|hop| line[..name(line)].eq_ignore_ascii_case(hop.as_bytes()));
        self.fields.iter().map(Vec::as_slice).filter(move |line| !hop(line))
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

pub(super) fn percent_decoded(path: &[u8]) -> Vec<u8> {
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
    pub(super) scheme: String,
}

impl<'a> Url<'a> {
    pub(super) fn parse(url: &'a [u8]) -> Option<Self> {
        let scheme_end = url.windows(3).position(|window| window == b"://")?;
        let scheme = String::from_utf8(url[..scheme_end].to_ascii_lowercase()).ok()?;
        let default_port = match scheme.as_bytes() {
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
        Some(Self { target, path: if path.is_empty() { b"/" } else { path }, scheme })
    }

    /// Host and port as a `Host` field says them.
    pub(super) fn authority(&self) -> Vec<u8> {
        let usual = match self.scheme.as_str() {
            "https" => 443,
            "ftp" => 21,
            _ => 80,
        };
        let host = target::bracketed(&self.target.host);
        if self.target.port == usual { host } else { [host, format!(":{}", self.target.port).into_bytes()].concat() }
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

    fn read(bytes: &[u8], persona: usize) -> Option<(usize, Head)> {
        let persona = HttpPersona::parse(HttpPersona::BUILT_IN[persona].1).unwrap();
        let (mut reader, mut used) = (HeadReader::new(), 0);
        while used < bytes.len() {
            let (taken, head) = reader.push(&bytes[used..], &persona);
            used += taken;
            if let Some(head) = head {
                return Some((used, head));
            }
        }
        None
    }

    #[test]
    fn a_head_ends_at_its_empty_line_or_at_the_limit() {
        let (used, head) = read(b"\r\nGET http://a/ HTTP/1.0\nX: y\r\n\r\nbody", 0).unwrap();
        assert_eq!((used, head.form, head.version), (33, Form::Request, (1, 0)));
        let endless = [b"GET http://a/ HTTP/1.0\r\nX: ".to_vec(), vec![b'a'; 70_000]].concat();
        let (used, head) = read(&endless, 0).unwrap();
        assert_eq!((used, head.form), (65_536, Form::TooLong));
    }

    #[test]
    fn what_is_no_request_is_seen_at_its_first_line_where_the_persona_looks_so_early() {
        for (line, form) in [
            ("GET /\r\n", Form::Old),
            ("FOO BAR\r\n", Form::Unknown),
            ("OPTIONS / RTSP/1.0\r\n", Form::Unknown),
            ("CONNECT HTTP/1.0\r\n", Form::Unknown),
            ("SSH-2.0-x\r\n", Form::Unknown),
        ] {
            assert_eq!(read(line.as_bytes(), 0).unwrap().1.form, form, "{line}");
            assert!(read(line.as_bytes(), 1).is_none(), "{line}");
            assert_eq!(read(format!("{line}\r\n").as_bytes(), 1).unwrap().1.form, form, "{line}");
        }
    }

    #[test]
    fn a_field_needs_a_name_and_no_blank_behind_it() {
        let bad =
            |field: &str| read(format!("GET / HTTP/1.1\r\n{field}\r\n\r\n").as_bytes(), 1).unwrap().1.has_bad_field();
        assert!(bad("foo") && bad("Host : a") && bad(": x"));
        assert!(!bad("Host: a") && !bad("Host:a\r\n folded"));
    }
}
