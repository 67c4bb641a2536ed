//! Happenings kept for a moment, so that one processor can put lines together while another hears what they told. Text of all
//! of them is in two pieces of memory, which are used again.

use std::num::NonZeroU32;

use crate::happening::Happening;
use crate::vocabulary;
use crate::vocabulary::Texts;

/// Happenings, in their order, of at most 4 GiB of text: those of a few megabytes of log never have as much.
#[derive(Debug, Default)]
pub struct Kept {
    texts: String,
    bytes: Vec<u8>,
    happenings: Vec<vocabulary::Happening<Text, Bytes>>,
}

/// Where a text is: one more than its start, and its length.
type Span = (NonZeroU32, u32);

#[derive(Clone, Copy, Debug)]
struct Text(Span);

#[derive(Clone, Copy, Debug)]
struct Bytes(Span);

impl Kept {
    pub fn push(&mut self, happening: &Happening<'_>) {
        let Self { texts, bytes, happenings } = self;
        let line = (happening.line, bytes.len());
        bytes.extend_from_slice(happening.line);
        happenings.push(happening.map(&mut Keeping { texts, bytes, line }));
    }

    /// Tells all of them.
    pub fn tell(&self, tell: &mut dyn FnMut(&Happening<'_>)) {
        for happening in &self.happenings {
            tell(&happening.map(&mut Telling { texts: &self.texts, bytes: &self.bytes }));
        }
    }

    pub fn clear(&mut self) {
        self.texts.clear();
        self.bytes.clear();
        self.happenings.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.happenings.is_empty()
    }
}

struct Keeping<'a> {
    texts: &'a mut String,
    bytes: &'a mut Vec<u8>,
    /// The line, and where it is kept.
    line: (&'a [u8], usize),
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
        let (line, at) = self.line;
        // Much of what is told is a piece of the line, which is kept already.
        let offset = bytes.as_ptr().addr().wrapping_sub(line.as_ptr().addr());
        if offset.checked_add(bytes.len()).is_some_and(|end| end <= line.len()) {
            return Bytes(span(at + offset, bytes.len()));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Bytes(span(start, bytes.len()))
    }
}

struct Telling<'a> {
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
        &self.bytes[start.get() as usize - 1..][..length as usize]
    }
}

fn span(start: usize, length: usize) -> Span {
    (NonZeroU32::MIN.saturating_add(start as u32), length as u32)
}
