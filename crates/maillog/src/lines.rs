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
}

impl Lines {
    /// Takes the next piece of input and hands out each line that ends in it.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Found<'_>)) {
        let mut rest = bytes;
        if self.length > 0 {
            let Some(end) = memchr(b'\n', rest) else { return self.hold(rest) };
            self.hold(&rest[..end]);
            rest = &rest[end + 1..];
            self.offset += 1;
            self.release(1, &mut each);
        }
        while let Some(end) = memchr(b'\n', rest) {
            each(found(self.offset, &rest[..end], end as u64));
            self.offset += end as u64 + 1;
            rest = &rest[end + 1..];
        }
        self.hold(rest);
    }

    /// The last line, when it has no end.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(Found<'_>)) {
        if self.length > 0 {
            self.release(0, &mut each);
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = (MAX_LINE + 1).saturating_sub(self.part.len());
        self.part.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
        self.offset += bytes.len() as u64;
    }

    fn release(&mut self, end: u64, each: &mut impl FnMut(Found<'_>)) {
        each(found(self.offset - self.length - end, &self.part, self.length));
        self.part.clear();
        self.part.shrink_to(4096);
        self.length = 0;
    }
}

/// `bytes` are the line, or its start when it is longer than `length` says.
fn found(offset: u64, bytes: &[u8], length: u64) -> Found<'_> {
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

    fn all(pieces: &[&[u8]]) -> Vec<(u64, Vec<u8>, bool, bool)> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.feed(piece, |each| found.push((each.offset, each.line.to_vec(), each.cut, each.nul)));
        }
        lines.finish(|each| found.push((each.offset, each.line.to_vec(), each.cut, each.nul)));
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
