//! Lines of Exim that are parts of others. Syslog takes no long lines and no line breaks: Exim cuts them, and numbers the pieces.
//! In the reject log the headers of a message stand below its refusal. And what goes to both logs goes to syslog twice.

use minicbor::{Decode, Encode};

use crate::entry::{Body, Entry, Place};
use crate::exim::Line;
use crate::hash::hash;
use crate::lines::MAX_LINE;
use crate::scan::number;

/// Pieces of one line: Exim makes one of 870 bytes, and no line is longer than [`MAX_LINE`]. A greater number is none.
const MAX_PIECES: u64 = 999;

/// Lines of which pieces are kept; for one more the oldest is taken as it is.
const MAX_CUT: usize = 64;

/// Refusals that are remembered, because a copy may follow: the processes of a busy server write in turns.
const COPIES: usize = 16;

/// `[2/3] text`, a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// From 1.
    pub number: u64,
    pub of: u64,
    /// A line break was after it (`[2\3]`).
    pub breaks: bool,
    pub text: &'a [u8],
}

impl<'a> Part<'a> {
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let (at, rest) = number(text.strip_prefix(b"[")?)?;
        let (breaks, rest) = match rest {
            [b'/', rest @ ..] => (false, rest),
            [b'\\', rest @ ..] => (true, rest),
            _ => return None,
        };
        let (of, rest) = number(rest)?;
        let text = rest.strip_prefix(b"]")?;
        let text = text.strip_prefix(b" ").unwrap_or(text);
        ((1..=of).contains(&at) && (2..=MAX_PIECES).contains(&of)).then_some(Self { number: at, of, breaks, text })
    }
}

/// A line that is put together: the first piece's line, without its number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Cut {
    /// Hash of host, program and process.
    #[n(0)]
    key: u64,
    #[n(1)]
    next: u64,
    #[n(2)]
    of: u64,
    #[n(3)]
    pub(crate) offset: u64,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) line: Vec<u8>,
}

impl Cut {
    fn add(&mut self, part: &Part<'_>) {
        let room = MAX_LINE.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part.text[..part.text.len().min(room)]);
        if part.breaks && part.number < part.of && self.line.len() < MAX_LINE {
            self.line.push(b'\n');
        }
        self.next = part.number + 1;
    }
}

/// What is known of lines that may have further parts.
#[derive(Debug, Encode, Decode)]
pub(crate) struct Parts {
    #[n(0)]
    seed: u64,
    /// The one begun first is first.
    #[n(1)]
    cut: Vec<Cut>,
    /// Headers of a refused message follow.
    #[n(2)]
    headers: bool,
    /// Hashes of the last refusals in syslog; 0 for none.
    #[n(3)]
    copies: [u64; COPIES],
    /// Lines that were remembered so far.
    #[n(4)]
    turn: u64,
}

impl Parts {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, cut: Vec::new(), headers: false, copies: [0; COPIES], turn: 0 }
    }

    /// Takes a piece. First a line of which a piece is missing, which is over now; then the line that this piece completes.
    pub(crate) fn take(
        &mut self,
        entry: &Entry<'_>,
        part: &Part<'_>,
        offset: u64,
        line: &[u8],
    ) -> (Option<Cut>, Option<Cut>) {
        let key = self.process(entry);
        let at = self.cut.iter().position(|cut| cut.key == key);
        if let Some(at) = at
            && (self.cut[at].next, self.cut[at].of) == (part.number, part.of)
        {
            self.cut[at].add(part);
            let whole = (part.number == part.of).then(|| self.cut.remove(at));
            return (None, whole);
        }
        let broken = at.map(|at| self.cut.remove(at));
        // A piece whose first one is not there is begun with itself: it is read as far as it goes.
        let (begins, _) = line.split_at(line.len() - part.text.len());
        let begins = begins.strip_suffix(b" ").unwrap_or(begins);
        let begins = begins.iter().rposition(|byte| *byte == b'[').map_or(begins, |at| &begins[..at]);
        let mut cut = Cut { key, next: 0, of: part.of, offset, line: begins.to_vec() };
        cut.add(part);
        if part.number == part.of {
            return (broken, Some(cut));
        }
        let oldest = (self.cut.len() >= MAX_CUT).then(|| self.cut.remove(0));
        self.cut.push(cut);
        (broken.or(oldest), None)
    }

    /// A line of which a piece is missing, because its process has begun another.
    pub(crate) fn broken(&mut self, entry: &Entry<'_>) -> Option<Cut> {
        if self.cut.is_empty() || !matches!(entry.body, Body::Exim(_)) {
            return None;
        }
        let key = self.process(entry);
        let at = self.cut.iter().position(|cut| cut.key == key)?;
        Some(self.cut.remove(at))
    }

    /// A line of which not every piece came.
    pub(crate) fn pop(&mut self) -> Option<Cut> {
        (!self.cut.is_empty()).then(|| self.cut.remove(0))
    }

    /// Whether a line is part of one before it.
    pub(crate) fn belongs(&mut self, entry: &Entry<'_>, line: &[u8]) -> bool {
        match &entry.body {
            Body::Exim(exim) => {
                let is_refusal = matches!(exim, Line::Refusal(_));
                self.headers = is_refusal && entry.instance.is_empty();
                is_refusal && !entry.instance.is_empty() && self.is_copy(entry, line)
            }
            Body::Malformed(Place::Stamp) if self.headers => {
                // They begin with the envelope and end with a rule; each has a letter or a blank before it.
                let is_header = line.starts_with(b"Envelope-")
                    || line.starts_with(b"----------")
                    || matches!(line, [b' ' | b'\t', ..] | [b'A'..=b'Z' | b'*', b' ', ..]);
                self.headers = is_header && !line.starts_with(b"----------");
                is_header
            }
            _ => false,
        }
    }

    /// Whether the same process has written the same refusal just before, for the main log. The copy for the reject log may
    /// have headers below it.
    fn is_copy(&mut self, entry: &Entry<'_>, line: &[u8]) -> bool {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
        // Stamps of syslog may differ.
        let text = memchr::memmem::find(line, b": ").map_or(line, |at| &line[at..]);
        let copy = hash(self.process(entry), text).max(1);
        if let Some(before) = self.copies.iter_mut().find(|before| **before == copy) {
            *before = 0;
            return true;
        }
        self.copies[self.turn as usize % COPIES] = copy;
        self.turn = self.turn.wrapping_add(1);
        false
    }

    fn process(&self, entry: &Entry<'_>) -> u64 {
        hash(hash(hash(self.seed, entry.host.as_bytes()), entry.instance), entry.process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_a_number_and_a_mark() {
        let part = Part::parse(b"[1/3] 2022 x").unwrap();
        assert_eq!((part.number, part.of, part.breaks, part.text), (1, 3, false, &b"2022 x"[..]));
        let part = Part::parse(b"[2\\3]").unwrap();
        assert_eq!((part.number, part.of, part.breaks, part.text), (2, 3, true, &b""[..]));
        for wrong in ["", "[", "[77] x", "[1/1] x", "[0/2] x", "[3/2] x", "[1/1000] x", "[1:2] x", "[1/2 x"] {
            assert_eq!(Part::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
