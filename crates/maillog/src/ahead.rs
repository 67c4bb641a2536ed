//! Lines read ahead: what a line says depends on no other, so that a second processor can read a piece of input while the first
//! puts the lines of the piece before together. A reader takes the pieces in their order, and tells what it would have told
//! had it read them itself.

use memchr::{memchr, memrchr};

use crate::entry::Entry;
use crate::lines::{Found, found};

/// A piece of input, read; or the memory for one.
#[derive(Clone, Debug, Default)]
pub struct Ahead<'a> {
    pub(crate) bytes: &'a [u8],
    /// Each line from the start of the piece, and what it says. What may be of journald is read when its turn comes.
    pub(crate) lines: Vec<(Found<'a>, Option<Entry<'a>>)>,
}

impl<'a> Ahead<'a> {
    /// Reads the whole lines at the start of a piece, in place of what was read before; what is left has no end and belongs before
    /// the next piece.
    pub fn read(self, piece: &[u8]) -> (Ahead<'_>, &[u8]) {
        let end = memrchr(b'\n', piece).map_or(0, |at| at + 1);
        let (bytes, left) = piece.split_at(end);
        let (mut lines, mut offset) = (self.forget().lines, 0);
        while let Some(length) = memchr(b'\n', &bytes[offset..]) {
            let found = found(offset as u64, &bytes[offset..offset + length], length as u64);
            let entry = (!is_of_journald(found.line)).then(|| Entry::read(found.line));
            lines.push((found, entry));
            offset += length + 1;
        }
        (Ahead { bytes, lines }, left)
    }

    /// The memory alone, for another piece.
    pub fn forget(mut self) -> Ahead<'static> {
        self.lines.clear();
        // Collecting what came out of a list of the same kind keeps its memory.
        let lines = self.lines.into_iter().map(|_| unreachable!("it is empty")).collect();
        Ahead { bytes: &[], lines }
    }

    /// Bytes of the lines that it holds.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Whether a line may be an entry of journald, or a part of one.
pub(crate) fn is_of_journald(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'_' | b'{'))
}
