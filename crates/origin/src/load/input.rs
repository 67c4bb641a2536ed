//! A file as it comes: unpacked on the way, bounded, and cut where it breaks off.
//!
//! Only the end of a stream in the wrong place counts as a cut. Data that contradicts itself is an error.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use evidence::shown;

use super::{LoadError, Notes};

/// Most bytes of an unpacked file. We chose 8 GiB, above the dumps of collectors with many peers, which are the largest
/// files; one beyond it is refused when it reaches that, so that a small packed file cannot keep us busy for ever.
const MAX_UNPACKED: u64 = 8 << 30;

/// Most bytes of a file that can only be read as a whole. We chose what a small machine can hold; a larger one is refused.
pub(super) const MAX_WHOLE: u64 = 1 << 30;

/// Longest line. We chose it far above any row; a longer one is an error, not a row.
const MAX_LINE: u64 = 64 << 10;

/// Bytes looked at to find out the format: enough for any comment at the head of a table.
const HEAD: u64 = 8 << 10;

/// An unpacked file.
pub(super) struct Input<'a>(Chain<Cursor<Vec<u8>>, BufReader<Unpacked<'a>>>);

struct Unpacked<'a> {
    inner: Box<dyn Read + 'a>,
    length: u64,
    cut: bool,
}

impl<'a> Input<'a> {
    pub(super) fn open(mut input: impl Read + 'a) -> Result<Self, LoadError> {
        let mut head = Vec::new();
        (&mut input).take(HEAD).read_to_end(&mut head).map_err(failure)?;
        let packing = Packing::of(&head);
        let packed = BufReader::new(Cursor::new(head).chain(input));
        let mut unpacked = BufReader::new(Unpacked { inner: packing.unpack(packed)?, length: 0, cut: false });
        let mut head = Vec::new();
        (&mut unpacked).take(HEAD).read_to_end(&mut head).map_err(failure)?;
        Ok(Self(Cursor::new(head).chain(unpacked)))
    }

    /// The first bytes.
    pub(super) fn head(&self) -> &[u8] {
        self.0.get_ref().0.get_ref()
    }

    /// Whether the packed file broke off. Known when all was read.
    pub(super) fn is_cut(&self) -> bool {
        self.0.get_ref().1.get_ref().cut
    }

    /// At most `length` bytes; fewer at the end of the file.
    pub(super) fn up_to(&mut self, length: u64, bytes: &mut Vec<u8>) -> Result<(), LoadError> {
        bytes.clear();
        (&mut self.0).take(length).read_to_end(bytes).map_err(failure)?;
        Ok(())
    }

    /// All that is left.
    pub(super) fn rest(&mut self, max: u64) -> Result<Vec<u8>, LoadError> {
        let mut bytes = Vec::new();
        self.up_to(max + 1, &mut bytes)?;
        if bytes.len() as u64 > max {
            return Err(LoadError::TooLarge(max));
        }
        Ok(bytes)
    }
}

enum Packing {
    None,
    Gzip,
    Bzip2,
    Zstd,
}

impl Packing {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    fn unpack<'a>(self, packed: impl BufRead + 'a) -> Result<Box<dyn Read + 'a>, LoadError> {
        Ok(match self {
            Self::None => Box::new(packed),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(packed).map_err(failure)?),
        })
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cut {
            return Ok(0);
        }
        let read = match self.inner.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.cut = true;
                0
            }
            read => read?,
        };
        self.length += read as u64;
        if self.length > MAX_UNPACKED {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(read)
    }
}

fn failure(error: io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::FileTooLarge => LoadError::TooLarge(MAX_UNPACKED),
        _ => LoadError::Unreadable(error),
    }
}

/// The lines of a file that hold something.
pub(super) struct Lines<'i, 'a> {
    input: &'i mut Input<'a>,
    line: Vec<u8>,
    number: u64,
    offset: u64,
}

impl<'i, 'a> Lines<'i, 'a> {
    pub(super) fn new(input: &'i mut Input<'a>) -> Self {
        Self { input, line: Vec::new(), number: 0, offset: 0 }
    }

    /// The next line that is neither empty nor a comment.
    ///
    /// A last line without an end is a torn one: an AS number cut in two is still a number, so the line is not taken
    /// and the file counts as cut there.
    pub(super) fn next(&mut self, notes: &mut Notes) -> Result<Option<&str>, LoadError> {
        loop {
            self.line.clear();
            (&mut self.input.0).take(MAX_LINE).read_until(b'\n', &mut self.line).map_err(failure)?;
            self.number += 1;
            if self.line.len() as u64 == MAX_LINE {
                return Err(self.error(format!("longer than {MAX_LINE} bytes")));
            }
            if self.line.pop_if(|byte| *byte == b'\n').is_none() {
                if self.input.is_cut() || !self.line.is_empty() {
                    notes.truncated_at = Some(self.offset);
                }
                return Ok(None);
            }
            self.offset += self.line.len() as u64 + 1;
            if !is_comment(&self.line) {
                break;
            }
        }
        let line = str::from_utf8(&self.line).map_err(|_| self.error("not UTF-8".to_owned()))?;
        Ok(Some(line.trim()))
    }

    /// A fault of the line last given.
    pub(super) fn error(&self, reason: String) -> LoadError {
        LoadError::Line { line: self.number, reason }
    }
}

/// Whether a line holds nothing.
pub(super) fn is_comment(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start(), [] | [b';' | b'#', ..])
}

/// A fault of a field, with the field.
pub(super) fn wrong(field: &str, what: &str) -> String {
    /// Enough to recognise the field.
    const SHOWN: usize = 64;
    let field = &field[..field.floor_char_boundary(SHOWN)];
    format!("`{}` is not {what}", shown(field.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_unpacks_without_end_is_refused() {
        let mut unpacked = Unpacked { inner: Box::new(io::repeat(0)), length: MAX_UNPACKED - 9, cut: false };
        assert_eq!(unpacked.read(&mut [0; 9]).unwrap(), 9);
        let error = failure(unpacked.read(&mut [0; 9]).unwrap_err());
        assert_eq!(error.to_string(), "the file unpacks to more than 8589934592 bytes");
    }

    #[test]
    fn a_file_that_must_be_read_whole_has_a_bound() {
        let mut input = Input::open([1, 2, 3].as_slice()).unwrap();
        assert!(matches!(input.rest(2), Err(LoadError::TooLarge(2))));
    }

    #[test]
    fn a_comment_may_be_longer_than_the_head() {
        let text = format!("; {}\n192.0.2.0/24 1\n", "x".repeat(60_000));
        let mut input = Input::open(text.as_bytes()).unwrap();
        let mut notes = Notes::default();
        let mut lines = Lines::new(&mut input);
        assert_eq!(lines.next(&mut notes).unwrap(), Some("192.0.2.0/24 1"));
        assert_eq!(lines.next(&mut notes).unwrap(), None);
        assert_eq!(notes, Notes::default());
    }
}
