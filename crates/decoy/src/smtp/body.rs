//! Message content as it comes: after DATA up to a lone dot, or in announced chunks.

use evidence::{EndOfData, Quirk, Quirks};
use memchr::memchr;

/// Most lines noted of which the peer had not doubled the leading dot. Later ones lose their dot without a note; the
/// quirk stays.
const MAX_UNSTUFFED: usize = 256;

/// A finished message content.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) unstuffed: Vec<u64>,
    pub(super) end: EndOfData,
    pub(super) quirks: Quirks,
}

/// Whose reading of line ends decides where content after DATA ends.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A line ends at LF; a dot with any number of CR before its LF is the end.
    #[default]
    Postfix,
    /// The first line tells: if it ended with CR LF, so must all. A dot is the end with at most one CR.
    Exim,
    /// A line ends with CR LF; a lone CR or LF ends all.
    Sendmail,
}

/// Content after DATA.
#[derive(Debug, Default)]
pub(super) struct Body {
    reading: Reading,
    /// Whether the first line ended with CR LF, once it has ended.
    crlf: Option<bool>,
    /// A lone CR or LF that ends all.
    pub(super) lone: Option<u8>,
    /// The last byte that was taken.
    last: u8,
    bytes: Vec<u8>,
    unstuffed: Vec<u64>,
    quirks: Quirks,
    line: Place,
    pub(super) refused: Option<Quirk>,
}

/// Where in a line the next byte stands.
#[derive(Debug, Default, Clone, Copy)]
enum Place {
    #[default]
    Start,
    /// After a leading dot and this many CR: the line may be the end.
    Dot {
        crs: usize,
    },
    Inside,
}

impl Body {
    pub(super) fn read_as(reading: Reading) -> Self {
        Self { reading, ..Self::default() }
    }

    /// Where in the input a lone CR or LF is complete that ends all.
    fn lone(&self, input: &[u8]) -> Option<(usize, u8)> {
        let mut last = self.last;
        input.iter().enumerate().filter(|_| self.reading == Reading::Sendmail).find_map(|(at, byte)| {
            let lone = match (std::mem::replace(&mut last, *byte) == b'\r', *byte == b'\n') {
                (true, false) => b'\r',
                (false, true) => b'\n',
                _ => return None,
            };
            Some((at, lone))
        })
    }

    /// Whether LF ends this line, given what stands before it.
    fn ends_line(&mut self, after_cr: bool) -> bool {
        let crlf = *self.crlf.get_or_insert(after_cr);
        self.reading != Reading::Exim || after_cr || !crlf
    }

    /// Takes input up to the end of the content: how much was taken, and how the content ended, if it did.
    pub(super) fn push(&mut self, input: &[u8], size_limit: u64) -> (usize, Option<EndOfData>) {
        let lone = self.lone(input);
        let input = lone.map_or(input, |(at, _)| &input[..=at]);
        if self.refused.is_none() {
            // Once for all lines that came together.
            self.bytes.reserve(input.len());
        }
        let mut used = 0;
        while let Some(&byte) = input.get(used) {
            match (self.line, byte) {
                (Place::Start, b'.') => {
                    self.line = Place::Dot { crs: 0 };
                    used += 1;
                }
                (Place::Start, _) => self.line = Place::Inside,
                (Place::Dot { crs }, b'\n') if self.dot_ends(crs) => return (used + 1, Some(self.end(crs))),
                (Place::Dot { crs }, b'\r') => {
                    // They count before it is known whether they belong to the content.
                    if (self.bytes.len() + crs) as u64 > size_limit {
                        self.refuse(Quirk::Oversized);
                    }
                    self.line = Place::Dot { crs: crs + 1 };
                    used += 1;
                }
                (Place::Dot { crs }, _) => self.dotted_line(crs, byte),
                (Place::Inside, _) => {
                    let rest = &input[used..];
                    let line = memchr(b'\n', rest).map_or(rest, |lf| &rest[..=lf]);
                    let before = (used + line.len()).checked_sub(2).map_or(self.last, |at| input[at]);
                    self.inside(line, before == b'\r', size_limit);
                    used += line.len();
                }
            }
        }
        self.last = input.last().copied().unwrap_or(self.last);
        self.lone = lone.map(|(_, byte)| byte);
        (used, None)
    }

    pub(super) fn finish(self, end: EndOfData) -> Content {
        let mut quirks = self.quirks;
        if (quirks.contains(Quirk::BareCrData) || quirks.contains(Quirk::NulData)) && self.hides_an_end() {
            quirks.insert(Quirk::HiddenEndOfData);
        }
        if end != EndOfData::Standard {
            quirks.insert(Quirk::OddEndOfData);
        }
        Content { bytes: self.bytes, unstuffed: self.unstuffed, end, quirks }
    }

    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Lets go of the content; what still comes is read and dropped.
    pub(super) fn refuse(&mut self, quirk: Quirk) {
        self.refused.get_or_insert(quirk);
        self.bytes = Vec::new();
        self.unstuffed = Vec::new();
    }

    /// The bytes as they came; none of a content that was let go of.
    pub(super) fn wire(&self) -> Vec<u8> {
        if self.refused.is_some() {
            return Vec::new();
        }
        let mut wire = Vec::with_capacity(self.bytes.len() + 16);
        for (dot, line) in self.lines() {
            wire.extend_from_slice(dot);
            wire.extend_from_slice(line);
        }
        if let Place::Dot { crs } = self.line {
            wire.push(b'.');
            wire.resize(wire.len() + crs, b'\r');
        }
        wire
    }

    /// Whether a dot with so many CR before its LF is the end.
    fn dot_ends(&mut self, crs: usize) -> bool {
        match self.reading {
            Reading::Postfix => true,
            Reading::Sendmail => crs == 1,
            Reading::Exim => crs == 1 || (crs == 0 && self.crlf != Some(true)),
        }
    }

    /// The lines of the content, each with the dot that it lost.
    fn lines(&self) -> impl Iterator<Item = (&'static [u8], &[u8])> {
        let mut place = 0;
        self.bytes.split_inclusive(|byte| *byte == b'\n').map(move |line| {
            let dotted = line.first() == Some(&b'.') || self.unstuffed.binary_search(&place).is_ok();
            place += line.len() as u64;
            (if dotted { &b"."[..] } else { b"" }, line)
        })
    }

    /// Whether a server that takes a lone CR for the end of a line, or does not see NUL, finds a lone dot in the content.
    fn hides_an_end(&self) -> bool {
        let mut place = Place::Start;
        for byte in self.lines().flat_map(|(dot, line)| dot.iter().chain(line)) {
            place = match (place, byte) {
                (Place::Dot { .. }, b'\r' | b'\n') => return true,
                (_, b'\r' | b'\n') => Place::Start,
                (place, 0) => place,
                (Place::Start, b'.') => Place::Dot { crs: 0 },
                _ => Place::Inside,
            };
        }
        false
    }

    /// A line that begins with a dot and is not the end: the dot goes.
    fn dotted_line(&mut self, crs: usize, next: u8) {
        if crs > 0 || next != b'.' {
            self.quirks.insert(Quirk::UnstuffedDot);
            if self.unstuffed.len() < MAX_UNSTUFFED && self.refused.is_none() {
                self.unstuffed.push(self.bytes.len() as u64);
            }
        }
        if self.refused.is_none() {
            self.bytes.resize(self.bytes.len() + crs, b'\r');
        }
        self.line = Place::Inside;
    }

    /// A piece of a line, up to and including its LF if that has come, and whether CR stands before that.
    fn inside(&mut self, piece: &[u8], after_cr: bool, size_limit: u64) {
        let ended = piece.last() == Some(&b'\n') && self.ends_line(after_cr);
        if self.refused.is_none() {
            self.note_controls(piece);
            self.bytes.extend_from_slice(piece);
            if piece.last() == Some(&b'\n') && !self.bytes.ends_with(b"\r\n") {
                self.quirks.insert(Quirk::BareLfData);
            }
            if self.bytes.len() as u64 > size_limit {
                self.refuse(Quirk::Oversized);
            }
        }
        if ended {
            self.line = Place::Start;
        }
    }

    /// Notes NUL bytes, and each CR that is not before LF; the last byte so far may be one.
    fn note_controls(&mut self, piece: &[u8]) {
        let text = piece.strip_suffix(b"\n").unwrap_or(piece);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if memchr(b'\r', text).is_some() || (self.bytes.last() == Some(&b'\r') && piece != b"\n") {
            self.quirks.insert(Quirk::BareCrData);
        }
        if memchr(0, piece).is_some() {
            self.quirks.insert(Quirk::NulData);
        }
    }

    /// How the content ended, given the CR before the last LF.
    fn end(&self, crs: usize) -> EndOfData {
        let after_lf = self.bytes.ends_with(b"\n") && !self.bytes.ends_with(b"\r\n");
        match (after_lf, crs) {
            (_, 2..) => EndOfData::ExtraCr,
            (false, 1) => EndOfData::Standard,
            (false, 0) => EndOfData::CrlfDotLf,
            (true, 1) => EndOfData::LfDotCrlf,
            (true, 0) => EndOfData::LfDotLf,
        }
    }
}

/// Content of one BDAT command (RFC 3030): exactly the announced bytes.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    pub(super) size: u64,
    left: u64,
    pub(super) last: bool,
    /// Why its bytes are not kept.
    pub(super) refused: Option<Refusal>,
}

/// Why a chunk is read and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It came outside a transaction.
    NoTransaction,
    /// It was answered before its bytes came.
    Silent,
    NoRecipients,
    /// The message is refused as this quirk says.
    Message(Quirk),
}

impl Chunk {
    pub(super) fn new(size: u64, last: bool, refused: Option<Refusal>) -> Self {
        Self { bytes: Vec::new(), size, left: size, last, refused }
    }

    /// Takes at most what is left of the chunk: how much.
    pub(super) fn push(&mut self, input: &[u8]) -> usize {
        let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
        if self.refused.is_none() {
            self.bytes.extend_from_slice(&input[..taken]);
        }
        self.left -= taken as u64;
        taken
    }

    pub(super) fn is_complete(&self) -> bool {
        self.left == 0
    }

    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn refuse(&mut self, quirk: Quirk) {
        self.refused.get_or_insert(Refusal::Message(quirk));
        self.bytes = Vec::new();
    }

    pub(super) fn into_content(self) -> Vec<u8> {
        self.bytes
    }
}

/// The content of all chunks of a message.
pub(super) fn chunked(bytes: Vec<u8>) -> Content {
    let mut quirks = Quirks::default();
    if bytes.contains(&0) {
        quirks.insert(Quirk::NulData);
    }
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
        quirks.insert(Quirk::BareCrData);
    }
    if bytes.split_inclusive(|byte| *byte == b'\n').any(|line| line.ends_with(b"\n") && !line.ends_with(b"\r\n")) {
        quirks.insert(Quirk::BareLfData);
    }
    Content { bytes, unstuffed: Vec::new(), end: EndOfData::Chunk, quirks }
}

/// The size of chunked content as Postfix counts it in its reply: every line with CR LF, also the last.
pub(super) fn counted_size(content: &[u8]) -> u64 {
    content.split_inclusive(|byte| *byte == b'\n').map(|line| without_end(line).len() as u64 + 2).sum()
}

fn without_end(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\n").unwrap_or(line);
    while let Some(shorter) = line.strip_suffix(b"\r") {
        line = shorter;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(pieces: &[&[u8]]) -> (Body, Option<EndOfData>, Vec<u8>) {
        let mut body = Body::default();
        let mut pieces = pieces.iter();
        while let Some(piece) = pieces.next() {
            if let (used, Some(end)) = body.push(piece, 1000) {
                let rest = pieces.fold(piece[used..].to_vec(), |rest, piece| [rest, piece.to_vec()].concat());
                return (body, Some(end), rest);
            }
        }
        (body, None, Vec::new())
    }

    #[test]
    fn a_lone_dot_ends_the_content_also_at_once() {
        let (empty, end, rest) = body(&[b".\r\nQUIT"]);
        assert_eq!((empty.bytes.as_slice(), end, rest.as_slice()), (&b""[..], Some(EndOfData::Standard), &b"QUIT"[..]));
        let (content, end, _) = body(&[b"a\r\n..b\r\n.c\r", b"\n.\r", b"\n"]);
        assert_eq!(content.bytes, b"a\r\n.b\r\nc\r\n");
        assert_eq!((content.unstuffed.as_slice(), end), (&[7][..], Some(EndOfData::Standard)));
    }

    #[test]
    fn every_odd_end_has_its_name() {
        for (wire, name) in [
            (&b"a\n.\n"[..], EndOfData::LfDotLf),
            (b"a\n.\r\n", EndOfData::LfDotCrlf),
            (b"a\r\n.\n", EndOfData::CrlfDotLf),
            (b"a\r\n.\r\r\n", EndOfData::ExtraCr),
        ] {
            assert_eq!(body(&[wire]).1, Some(name));
        }
        assert_eq!(body(&[b"a\r\n.\rb\r\n"]).1, None);
    }

    /// The sequences with which a message was smuggled past some server, as far as this one reads on behind them.
    #[test]
    fn an_end_that_only_others_see_is_a_quirk() {
        let quirks = |wire: &[u8]| {
            let pieces: Vec<_> = wire.iter().map(std::slice::from_ref).collect();
            let (whole, bytewise) = (body(&[wire]), body(&pieces));
            let [whole, bytewise] = [whole, bytewise].map(|(body, end, rest)| {
                assert!(end.is_some() && rest.is_empty(), "it is read to its last end");
                body.finish(EndOfData::Standard).quirks
            });
            assert_eq!(whole, bytewise);
            whole
        };
        for wire in [
            &b"a\r.\rMAIL\r\n.\r\n"[..],
            b"a\r.\r\nMAIL\r\n.\r\n",
            b"a\r.\nMAIL\r\n.\r\n",
            b"a\r\n.\rMAIL\r\n.\r\n",
            b"a\n.\rMAIL\r\n.\r\n",
            b"a\r\n\0.\r\nMAIL\r\n.\r\n",
            b"a\r\n.\0\r\nMAIL\r\n.\r\n",
            b"a\r\0.\rMAIL\r\n.\r\n",
        ] {
            assert!(quirks(wire).contains(Quirk::HiddenEndOfData), "{wire:?}");
        }
        for wire in [&b"a\r\n..\r\nMAIL\r\n.\r\n"[..], b"a\r..\rb\0\r\n.\r\n", b"a\r.b\r\n.\r\n", b"a\0\r\n.\r\n"] {
            assert!(!quirks(wire).contains(Quirk::HiddenEndOfData), "{wire:?}");
        }
        assert!(quirks(b"a\rb\r\n.\r\n").contains(Quirk::BareCrData));
        assert!(!quirks(b"a\r\nb\r\n.\r\n").contains(Quirk::BareCrData));
        assert!(quirks(b"a\r\r\nb\r\n.\r\n").contains(Quirk::BareCrData));
    }

    #[test]
    fn each_server_has_its_own_end() {
        let end = |reading: Reading, wire: &[u8]| {
            let whole = Body::read_as(reading).push(wire, 1000);
            let mut split = Body::read_as(reading);
            let mut used = 0;
            for byte in wire {
                let (taken, end) = split.push(&[*byte], 1000);
                used += taken;
                if end.is_some() || split.lone.is_some() {
                    assert_eq!((used, end), whole, "{reading:?} {wire:?}");
                    return (end, split.lone);
                }
            }
            assert_eq!((used, None), whole, "{reading:?} {wire:?}");
            (None, split.lone)
        };
        for (wire, exim, sendmail) in [
            (&b"a\n.\n"[..], Some(EndOfData::LfDotLf), Some(b'\n')),
            (b"a\n.\r\n", Some(EndOfData::LfDotCrlf), Some(b'\n')),
            (b"a\r\n.\n", None, Some(b'\n')),
            (b"a\r\nb\n.\r\nc", None, Some(b'\n')),
            (b"a\r\n.\r\r\n", None, Some(b'\r')),
            (b"a\rb", None, Some(b'\r')),
            (b"a\r\n.\r\n", Some(EndOfData::Standard), None),
            (b".\r\n", Some(EndOfData::Standard), None),
        ] {
            assert_eq!(end(Reading::Exim, wire), (exim, None), "{wire:?}");
            let standard = exim.filter(|end| *end == EndOfData::Standard);
            assert_eq!(end(Reading::Sendmail, wire), (standard, sendmail), "{wire:?}");
        }
    }

    #[test]
    fn the_wire_can_be_made_again_from_the_content() {
        for wire in [&b"..\r\n.x\r\n...\n.\r.\r\nabc"[..], b"a\r\n.", b"a\r\n.\r\r", b""] {
            assert_eq!(body(&[wire]).0.wire(), wire);
        }
    }

    #[test]
    fn a_body_beyond_the_limit_is_read_to_its_end_and_dropped() {
        let mut big = Body::default();
        assert_eq!(big.push(&[b'x'; 2000], 1000), (2000, None));
        assert_eq!((big.refused, big.length()), (Some(Quirk::Oversized), 0));
        assert_eq!(big.push(b"\r\n.x\r\n.\r\n", 1000).1, Some(EndOfData::Standard));
    }

    #[test]
    fn endless_carriage_returns_after_a_dot_are_not_kept_and_make_the_content_too_big() {
        let mut endless = Body::default();
        assert_eq!(endless.push(b"a\r\n.", 1000), (4, None));
        for _ in 0..100 {
            assert_eq!(endless.push(&[b'\r'; 1000], 1000), (1000, None));
        }
        assert_eq!(endless.refused, Some(Quirk::Oversized));
        assert_eq!(endless.push(b"x\r\n", 1000), (3, None));
        assert_eq!((endless.length(), endless.wire().len()), (0, 0));
        assert_eq!(endless.push(b".\r\n", 1000).1, Some(EndOfData::Standard));
    }

    #[test]
    fn chunks_are_counted_as_postfix_counts_them() {
        assert_eq!(counted_size(b"hello, world!"), 15);
        assert_eq!(counted_size(b""), 0);
        assert_eq!(counted_size(b"ab\r\ncd\nefxgh"), 15);
    }
}
