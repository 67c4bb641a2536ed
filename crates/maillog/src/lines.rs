//! Where lines end, in input that comes in pieces: after a line feed, with or without a carriage return before it. A line is the
//! same however the input was split.

use memchr::memchr;
use minicbor::{Decode, Encode};

/// A longer line is read up to here; the rest is left out, and counted.
pub const MAX_LINE: usize = 64 * 1024;

/// One line, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) offset: u64,
    /// Without its end and without NUL bytes before it, which a crash leaves in files.
    pub(crate) line: &'a [u8],
    pub(crate) cut: bool,
    pub(crate) nul: bool,
}

/// The start of a line that has not ended yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Lines {
    /// Bytes before what comes next.
    #[n(0)]
    pub(crate) offset: u64,
    /// The line's start, no more than [`MAX_LINE`] and its end.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) part: Vec<u8>,
    /// Length of the line so far.
    #[n(2)]
    pub(crate) length: u64,
    /// Bytes that come before the next line; they are handed out like one.
    #[cbor(n(3), default)]
    pub(crate) raw: Option<u64>,
}

impl Lines {
    /// Takes the next piece of input and hands out each line that ends in it; who gets one says whether bytes follow it that are
    /// no lines, and how many.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Found<'_>) -> Option<u64>) {
        let mut rest = bytes;
        if self.length > 0 || self.raw.is_some() {
            rest = self.finish_begun(rest, &mut each);
        }
        while let Some(end) = memchr(b'\n', rest) {
            let raw = each(found(self.offset, &rest[..end], end as u64));
            self.offset += end as u64 + 1;
            rest = &rest[end + 1..];
            if raw.is_some() {
                self.raw = raw;
                rest = self.finish_begun(rest, &mut each);
            }
        }
        self.hold(rest);
    }

    /// Ends what has begun: a line, or bytes that are none. What follows it; nothing when it goes on.
    fn finish_begun<'a>(&mut self, mut rest: &'a [u8], each: &mut impl FnMut(Found<'_>) -> Option<u64>) -> &'a [u8] {
        loop {
            let (end, after) = match self.raw {
                Some(raw) => match usize::try_from(raw - self.length) {
                    Ok(missing) if missing <= rest.len() => (missing, 0),
                    _ => (rest.len(), usize::MAX),
                },
                None => memchr(b'\n', rest).map_or((rest.len(), usize::MAX), |end| (end, 1)),
            };
            self.hold(&rest[..end]);
            if after == usize::MAX {
                return b"";
            }
            rest = &rest[end + after..];
            self.offset += after as u64;
            let is_raw = self.raw.take().is_some();
            self.raw = self.release(after as u64, is_raw, each);
            if self.raw.is_none() {
                return rest;
            }
        }
    }

    /// Whether the next byte begins a line.
    pub(crate) fn is_at_start(&self) -> bool {
        self.length == 0 && self.raw.is_none()
    }

    /// The last line, when it has no end.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(Found<'_>) -> Option<u64>) {
        let is_raw = self.raw.take().is_some();
        if self.length > 0 {
            self.release(0, is_raw, &mut each);
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = (MAX_LINE + 1).saturating_sub(self.part.len());
        self.part.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
        self.offset += bytes.len() as u64;
    }

    fn release(&mut self, end: u64, is_raw: bool, each: &mut impl FnMut(Found<'_>) -> Option<u64>) -> Option<u64> {
        let offset = self.offset - self.length - end;
        let found = match is_raw {
            true => Found { offset, line: &self.part, cut: self.length > self.part.len() as u64, nul: false },
            false => found(offset, &self.part, self.length),
        };
        let raw = each(found);
        self.part.clear();
        self.part.shrink_to(4096);
        self.length = 0;
        raw
    }
}

/// `bytes` are the line, or its start when it is longer than `length` says.
pub(crate) fn found(offset: u64, bytes: &[u8], length: u64) -> Found<'_> {
    let ends = length == bytes.len() as u64;
    let line = bytes.strip_suffix(b"\r").filter(|_| ends).unwrap_or(bytes);
    let cut = line.len() > MAX_LINE || !ends;
    let line = &line[..line.len().min(MAX_LINE)];
    let start = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
    Found { offset, line: &line[start..], cut, nul: start > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line `raw 3` says that three bytes follow it that are no line.
    fn keep(all: &mut Vec<(u64, Vec<u8>, bool, bool)>, found: Found<'_>) -> Option<u64> {
        all.push((found.offset, found.line.to_vec(), found.cut, found.nul));
        std::str::from_utf8(found.line).ok()?.strip_prefix("raw ")?.parse().ok()
    }

    fn all(pieces: &[&[u8]]) -> Vec<(u64, Vec<u8>, bool, bool)> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.feed(piece, |each| keep(&mut found, each));
        }
        lines.finish(|each| keep(&mut found, each));
        found
    }

    #[test]
    fn lines_are_the_same_however_the_input_is_split() {
        let text = b"a\r\n\nbc\n\0\0d\rd\r\r\nlast";
        let whole = all(&[text]);
        let lines: Vec<_> = whole.iter().map(|(offset, line, ..)| (*offset, line.as_slice())).collect();
        assert_eq!(lines, [(0, &b"a"[..]), (3, b""), (4, b"bc"), (7, b"d\rd\r"), (15, b"last")]);
        for at in 0..=text.len() {
            assert_eq!(all(&[&text[..at], &text[at..]]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(all(&bytes), whole);
    }

    #[test]
    fn bytes_that_are_no_lines_are_handed_out_when_all_have_come() {
        let text = b"a\nraw 4\nx\n\0yb\nraw 0\nraw 9\nraw 1\n\n\nzc\nraw 9\n1\n";
        let whole = all(&[text]);
        let lines: Vec<_> = whole.iter().map(|(offset, line, ..)| (*offset, line.as_slice())).collect();
        let raw = [(8, &b"x\n\0y"[..]), (12, b"b")];
        assert_eq!(lines[..4], [(0, &b"a"[..]), (2, b"raw 4"), raw[0], raw[1]]);
        assert_eq!(lines[4..8], [(14, &b"raw 0"[..]), (20, b""), (20, b"raw 9"), (26, b"raw 1\n\n\nz")]);
        assert_eq!(
            lines[8..],
            [(35, &b"c"[..]), (37, b"raw 9"), (43, b"1\n")],
            "what has not come whole is handed out too"
        );
        for at in 0..=text.len() {
            assert_eq!(all(&[&text[..at], &text[at..]]), whole, "split at {at}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        for length in [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, MAX_LINE + 2, 1 << 20] {
            for end in ["\n", "\r\n"] {
                let mut text = vec![b'x'; length];
                text.extend_from_slice(end.as_bytes());
                text.extend_from_slice(b"next\n");
                let whole = all(&[&text]);
                assert_eq!(whole[0], (0, vec![b'x'; length.min(MAX_LINE)], length > MAX_LINE, false), "{length}");
                assert_eq!(whole[1], ((length + end.len()) as u64, b"next".to_vec(), false, false));
                for at in [1, MAX_LINE, MAX_LINE + 1, length, length + 1] {
                    let at = at.min(text.len());
                    assert_eq!(all(&[&text[..at], &text[at..]]), whole, "{length} split at {at}");
                }
            }
        }
    }
}
