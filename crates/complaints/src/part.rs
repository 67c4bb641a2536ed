//! A mail to its parts (RFC 2046), as far as a report needs it.
//!
//! A parser of whole mails gives a tree that is as deep as the sender likes, and to drop a tree of mails in mails that is deep
//! enough overflows the stack. Here depth and number of parts have bounds, and what is beyond them is not looked at. So a
//! mail costs at most as many passes over its bytes as there are levels.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use crate::head::{Head, split};

/// Multiparts in multiparts; deeper ones are taken for text.
pub const MAX_DEPTH: usize = 8;

/// Parts of a mail; further ones are not looked at.
pub const MAX_PARTS: usize = 64;

/// Longest boundary (RFC 2046 allows 70); a multipart with a longer one is taken for text.
pub const MAX_BOUNDARY: usize = 200;

/// A part that has no parts of its own. A mail in a mail is one.
pub(crate) struct Part<'m> {
    /// `type/subtype` in lower case; empty for none.
    pub(crate) kind: String,
    encoding: Encoding,
    body: &'m [u8],
}

#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Base64,
    QuotedPrintable,
}

impl<'m> Part<'m> {
    /// The bytes, decoded; as they came where that fails.
    pub(crate) fn contents(&self) -> Cow<'m, [u8]> {
        let decoded = match self.encoding {
            Encoding::Plain => None,
            Encoding::Base64 => base64_decode(self.body),
            Encoding::QuotedPrintable => quoted_printable_decode(self.body),
        };
        decoded.map_or(Cow::Borrowed(self.body), Cow::Owned)
    }
}

/// What a mail consists of.
#[derive(Default)]
pub(crate) struct Parts<'m> {
    pub(crate) leaves: Vec<Part<'m>>,
    /// `report-type` of a multipart/report, in lower case.
    pub(crate) report_type: Option<String>,
    /// Parts that were begun, those with parts of their own too.
    begun: usize,
}

impl<'m> Parts<'m> {
    pub(crate) fn new(head: &Head<'m>, body: &'m [u8]) -> Self {
        let mut parts = Self::default();
        parts.walk(head, body, 0);
        parts
    }

    fn walk(&mut self, head: &Head<'m>, body: &'m [u8], depth: usize) {
        self.begun += 1;
        let kind = kind(head);
        let attribute = |name: &str| head.content_type().and_then(|kind| kind.attribute(name));
        if kind == "multipart/report" && self.report_type.is_none() {
            self.report_type = attribute("report-type").map(str::to_ascii_lowercase);
        }
        let boundary = attribute("boundary").filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()));
        let Some(boundary) = boundary.filter(|_| kind.starts_with("multipart/") && depth < MAX_DEPTH) else {
            self.leaves.push(Part { kind, encoding: encoding(head), body });
            return;
        };
        for part in pieces(body, boundary.as_bytes()) {
            if self.begun == MAX_PARTS {
                break;
            }
            let (block, body) = split(part);
            self.walk(&Head::new(block), body, depth + 1);
        }
    }
}

fn kind(head: &Head<'_>) -> String {
    let Some(kind) = head.content_type() else { return String::new() };
    format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase()
}

fn encoding(head: &Head<'_>) -> Encoding {
    let named = head.fields.first("content-transfer-encoding").unwrap_or_default();
    match named.split([' ', ';', '(']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "base64" => Encoding::Base64,
        "quoted-printable" => Encoding::QuotedPrintable,
        _ => Encoding::Plain,
    }
}

/// The bytes between the lines of a boundary, up to its last line or the end.
fn pieces<'m>(body: &'m [u8], boundary: &[u8]) -> Vec<&'m [u8]> {
    let line = [b"--", boundary].concat();
    let mut pieces = Vec::new();
    let mut start = None;
    for at in memchr::memmem::find_iter(body, &line) {
        if at > 0 && body[at - 1] != b'\n' {
            continue;
        }
        let rest = &body[at + line.len()..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let rest_of_line = rest[..end].trim_ascii();
        let is_last = rest_of_line.starts_with(b"--");
        if !is_last && !rest_of_line.is_empty() {
            continue;
        }
        if let Some(start) = start {
            pieces.push(without_line_end(&body[start..at.max(start)]));
        }
        if is_last || pieces.len() == MAX_PARTS {
            return pieces;
        }
        start = Some((at + line.len() + end + 1).min(body.len()));
    }
    pieces.extend(start.map(|start| &body[start..]));
    pieces
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(mail: &[u8]) -> Vec<(String, Vec<u8>)> {
        let (block, body) = split(mail);
        let parts = Parts::new(&Head::new(block), body);
        parts.leaves.iter().map(|part| (part.kind.clone(), part.contents().into_owned())).collect()
    }

    #[test]
    fn parts_stand_between_boundaries_and_are_decoded() {
        let mail = b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\nx\r\n--bb\r\n--b\r\n\
            Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: a/B\r\nContent-Transfer-Encoding: base64\
            \r\n\r\neHk=\r\n--c--\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41\r\n--b--\r\nend";
        let expected = [("", &b"x\r\n--bb"[..]), ("a/b", b"xy"), ("", b"A")];
        let expected = expected.map(|(kind, contents)| (kind.to_owned(), contents.to_vec()));
        assert_eq!(parts(mail), expected);
        let cut = &mail[..mail.len() - 20];
        assert_eq!(parts(cut)[..2], expected[..2], "a mail that ends early has the parts that it has");
    }

    #[test]
    fn depth_and_number_of_parts_are_bounded() {
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(10_000));
        assert_eq!(parts(many.as_bytes()).len(), MAX_PARTS - 1);
        let level = |level: usize| format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
        let deep: String = (0..10_000).map(level).collect();
        assert_eq!(parts(deep.as_bytes()).len(), 1);
    }

    /// A mail of 2.4 MB of mails in mails once ended the process: the parser's tree was dropped level by level.
    #[test]
    fn mails_in_mails_do_not_overflow_the_stack() {
        let mails = "Content-Type: message/rfc822\n\n".repeat(200_000);
        assert_eq!(parts(mails.as_bytes()).len(), 1);
    }
}
