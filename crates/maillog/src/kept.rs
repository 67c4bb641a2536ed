//! Happenings kept for a moment, so that one processor can put lines together while another hears what they told. Text that stands in
//! the log is left there, all other is in two pieces of memory, which are used again.

use std::num::NonZeroU32;

use crate::happening::Happening;
use crate::vocabulary;
use crate::vocabulary::Texts;

/// Happenings of one piece of a log, in their order. With the piece their text is at most 4 GiB: some megabytes of log never have as
/// much.
#[derive(Debug, Default)]
pub struct Kept {
    texts: String,
    bytes: Vec<u8>,
    happenings: Vec<vocabulary::Happening<Text, Bytes>>,
}

/// Where a text is: one more than its start, and its length. Starts beyond the piece are of what is kept beside it.
type Span = (NonZeroU32, u32);

#[derive(Clone, Copy, Debug)]
struct Text(Span);

#[derive(Clone, Copy, Debug)]
struct Bytes(Span);

impl Kept {
    /// Keeps what the lines of a piece tell; until [`clear`](Self::clear) always the same.
    pub fn push(&mut self, piece: &[u8], happening: &Happening<'_>) {
        let Self { texts, bytes, happenings } = self;
        happenings.push(happening.map(&mut Keeping { piece, texts, bytes }));
    }

    /// Tells all that this piece told.
    pub fn tell(&self, piece: &[u8], tell: &mut dyn FnMut(&Happening<'_>)) {
        for happening in &self.happenings {
            tell(&happening.map(&mut Telling { piece, texts: &self.texts, bytes: &self.bytes }));
        }
    }

    pub fn clear(&mut self) {
        self.texts.clear();
        self.bytes.clear();
        self.happenings.clear();
    }
}

struct Keeping<'a> {
    piece: &'a [u8],
    texts: &'a mut String,
    bytes: &'a mut Vec<u8>,
}

impl Texts<&str, &[u8]> for Keeping<'_> {
    type Text = Text;
    type Bytes = Bytes;

    fn text(&mut self, text: &str) -> Text {
        let start = self.texts.len();
        self.texts.push_str(text);
        Text(span(start, text.len()))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Bytes {
        let offset = bytes.as_ptr().addr().wrapping_sub(self.piece.as_ptr().addr());
        if offset.checked_add(bytes.len()).is_some_and(|end| end <= self.piece.len()) {
            return Bytes(span(offset, bytes.len()));
        }
        let start = self.piece.len() + self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Bytes(span(start, bytes.len()))
    }
}

struct Telling<'a> {
    piece: &'a [u8],
    texts: &'a str,
    bytes: &'a [u8],
}

impl<'a> Texts<Text, Bytes> for Telling<'a> {
    type Text = &'a str;
    type Bytes = &'a [u8];

    fn text(&mut self, Text((start, length)): Text) -> &'a str {
        &self.texts[start.get() as usize - 1..][..length as usize]
    }

    fn bytes(&mut self, Bytes((start, length)): Bytes) -> &'a [u8] {
        let start = start.get() as usize - 1;
        let text = match start.checked_sub(self.piece.len()) {
            Some(beyond) => &self.bytes[beyond..],
            None => &self.piece[start..],
        };
        &text[..length as usize]
    }
}

fn span(start: usize, length: usize) -> Span {
    (NonZeroU32::MIN.saturating_add(start as u32), length as u32)
}
