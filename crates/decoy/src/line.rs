//! Lines, read as a mail server reads them: up to LF, with every CR before it removed, cut at a limit.

use memchr::memchr;

/// Collects one line at a time from bytes that come in any pieces. Holds at most `limit` bytes.
#[derive(Debug)]
pub(crate) struct LineReader {
    limit: usize,
    /// Whether a line ends where it becomes longer than the limit, rather than losing what is beyond.
    strict: bool,
    bytes: Vec<u8>,
    /// Bytes of this line beyond the limit; they are not kept.
    beyond: u64,
    /// The last byte seen, kept or not.
    last: u8,
}

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: LineEnd,
    /// Whether the line was longer than the limit.
    pub(crate) cut: bool,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    CrLf,
    /// LF without CR before it.
    Lf,
    /// More than one CR before LF.
    CrCrLf,
}

impl LineEnd {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CrLf => "crlf",
            Self::Lf => "lf",
            Self::CrCrLf => "crcrlf",
        }
    }
}

impl LineReader {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, strict: false, bytes: Vec::new(), beyond: 0, last: 0 }
    }

    /// One whose lines end at the limit: the first byte beyond it ends them, and is lost.
    pub(crate) fn strict(limit: usize) -> Self {
        Self { strict: true, ..Self::new(limit) }
    }

    /// What is here of a line that is not whole yet.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes bytes up to and including the first LF: how many, and the line if it is complete.
    pub(crate) fn push(&mut self, input: &[u8]) -> (usize, Option<Line>) {
        let lf = memchr(b'\n', input);
        let room = self.limit - self.bytes.len();
        if self.strict && lf.unwrap_or(input.len()) > room {
            self.bytes.extend_from_slice(&input[..room]);
            self.last = 0;
            return (room + 1, Some(Line { bytes: std::mem::take(&mut self.bytes), end: LineEnd::CrLf, cut: true }));
        }
        let Some(lf) = lf else {
            self.keep(input);
            return (input.len(), None);
        };
        self.keep(&input[..lf]);
        let mut bytes = std::mem::take(&mut self.bytes);
        let end = match (self.last, bytes.as_slice()) {
            (b'\r', [.., b'\r', b'\r']) => LineEnd::CrCrLf,
            (b'\r', _) => LineEnd::CrLf,
            _ => LineEnd::Lf,
        };
        while bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let cut = std::mem::take(&mut self.beyond) > 0;
        self.last = 0;
        (lf + 1, Some(Line { bytes, end, cut }))
    }

    fn keep(&mut self, input: &[u8]) {
        let room = self.limit - self.bytes.len();
        let kept = input.len().min(room);
        self.bytes.extend_from_slice(&input[..kept]);
        // A CR that only belongs to the line's end does not make the line too long.
        self.beyond += input[kept..].iter().filter(|byte| **byte != b'\r').count() as u64;
        if let Some(last) = input.last() {
            self.last = *last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LineEnd::*;
    use super::*;

    fn lines(limit: usize, pieces: &[&[u8]]) -> Vec<Line> {
        let mut reader = LineReader::new(limit);
        let mut lines = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let (used, line) = reader.push(rest);
                lines.extend(line);
                rest = &rest[used..];
            }
        }
        lines
    }

    fn line(bytes: &[u8], end: LineEnd, cut: bool) -> Line {
        Line { bytes: bytes.to_vec(), end, cut }
    }

    #[test]
    fn a_line_ends_at_lf_and_loses_every_cr_before_it() {
        let expected = [line(b"a", CrLf, false), line(b"b", Lf, false), line(b"c", CrCrLf, false)];
        assert_eq!(lines(10, &[b"a\r\nb\nc\r\r\n"]), expected);
        assert_eq!(lines(10, &[b"a", b"\r", b"\n", b"b\nc\r", b"\r\n"]), expected);
    }

    #[test]
    fn a_strict_line_ends_at_the_limit() {
        for pieces in [&[&b"abcdefgh\r\n"[..]][..], &[b"ab", b"c", b"defgh", b"\r\n"]] {
            let mut reader = LineReader::strict(3);
            let mut found = Vec::new();
            for piece in pieces {
                let mut rest = *piece;
                while !rest.is_empty() {
                    let (used, line) = reader.push(rest);
                    found.extend(line);
                    rest = &rest[used..];
                }
            }
            assert_eq!(found, [line(b"abc", CrLf, true), line(b"efg", CrLf, true), line(b"", CrLf, false)]);
        }
    }

    #[test]
    fn what_is_beyond_the_limit_is_dropped_and_told() {
        assert_eq!(
            lines(3, &[b"abc\r\n", b"abcd\r\nx\n"]),
            [line(b"abc", CrLf, false), line(b"abc", CrLf, true), line(b"x", Lf, false)]
        );
    }
}
