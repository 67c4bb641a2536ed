//! Other readings of a text: lines joined, escapes and base64 decoded. Each takes one pass.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Characters of base64 below which no address fits: `1.1.1.1` has ten.
const SHORTEST: usize = 10;

/// A text without its line ends.
pub(crate) struct Joined {
    pub(crate) text: Vec<u8>,
    /// Where line ends were, in the order of the text.
    cuts: Vec<usize>,
}

impl Joined {
    /// Whether a line ended inside of a part of the text.
    pub(crate) fn is_cut(&self, start: usize, end: usize) -> bool {
        let first = self.cuts.partition_point(|cut| *cut <= start);
        self.cuts.get(first).is_some_and(|cut| *cut < end)
    }
}

/// The text without line ends, without the blanks that begin the next line, and without the `=` before them by which
/// quoted-printable goes on; `None` for one line.
pub(crate) fn joined(text: &[u8]) -> Option<Joined> {
    text.contains(&b'\n').then(|| {
        let (mut joined, mut cuts) = (Vec::with_capacity(text.len()), Vec::new());
        let mut after_end = false;
        for byte in text {
            match byte {
                b'\n' => {
                    for end in [b'\r', b'='] {
                        if joined.last() == Some(&end) && cuts.last().is_none_or(|cut| *cut < joined.len()) {
                            joined.pop();
                        }
                    }
                    cuts.push(joined.len());
                    after_end = true;
                }
                b' ' | b'\t' if after_end => {}
                _ => {
                    joined.push(*byte);
                    after_end = false;
                }
            }
        }
        Joined { text: joined, cuts }
    })
}

/// The text with `%XX` and `=XX` decoded; `None` when it has none.
pub(crate) fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut is_other = false;
    while at < text.len() {
        let hex = match text[at] {
            b'%' | b'=' => text.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok()),
            _ => None,
        };
        match hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())).map(|hex| u8::from_str_radix(hex, 16)) {
            Some(Ok(byte)) => {
                decoded.push(byte);
                is_other = true;
                at += 3;
            }
            _ => {
                decoded.push(text[at]);
                at += 1;
            }
        }
    }
    is_other.then_some(decoded)
}

/// Calls for everything in a text that may be base64: the bytes as they stand, and decoded.
pub(crate) fn base64(text: &[u8], found: &mut dyn FnMut(&[u8], &[u8])) {
    let mut at = 0;
    while at < text.len() {
        let end = base64_end(text, at);
        let run = &text[at..end];
        decode(run, found);
        // `/`, `+`, `-` and `_` are of its alphabets, and stand between words as well.
        if run.iter().any(|byte| b"/+-_".contains(byte)) {
            run.split(|byte| b"/+-_".contains(byte)).for_each(|word| decode(word, found));
        }
        at = end + 1;
    }
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/+-_".contains(byte)
}

/// The end of a run. One that fills a whole line goes on in the next.
fn base64_end(text: &[u8], start: usize) -> usize {
    let mut line = start;
    loop {
        let end = text[line..].iter().position(|byte| !is_base64(byte)).map_or(text.len(), |length| line + length);
        let is_whole = line == 0 || text[line - 1] == b'\n';
        let behind = match &text[end..] {
            [b'\r', b'\n', ..] => end + 2,
            [b'\n', ..] => end + 1,
            _ => return end,
        };
        let goes_on =
            is_whole && end > line && (end - line).is_multiple_of(4) && text.get(behind).is_some_and(is_base64);
        if !goes_on {
            return end;
        }
        line = behind;
    }
}

fn decode(run: &[u8], found: &mut dyn FnMut(&[u8], &[u8])) {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
    if run.len() < SHORTEST {
        return;
    }
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let mut characters: Vec<u8> = run.iter().filter(|byte| is_base64(byte)).map(standard).collect();
    if characters.len() % 4 == 1 {
        characters.pop(); // one character is no byte
    }
    if let Ok(decoded) = STANDARD.decode(&characters) {
        found(run, &decoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        base64(text, &mut |_, decoded| all.push(decoded.to_vec()));
        all
    }

    #[test]
    fn lines_are_joined_where_they_were_cut() {
        let joined = joined(b"198.51.=\r\n100.7 and\r\n  more\nx").unwrap();
        assert_eq!(joined.text, b"198.51.100.7 andmorex");
        assert!(joined.is_cut(0, 12) && !joined.is_cut(7, 12) && !joined.is_cut(0, 7) && joined.is_cut(13, 18));
        assert!(super::joined(b"one line").is_none());
    }

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(unescaped(b"198%2E51=2e100.7=").unwrap(), b"198.51.100.7=");
        assert!(unescaped(b"a = b, 5% c").is_none());
    }

    #[test]
    fn base64_is_decoded_in_words_and_over_lines() {
        assert!(decoded(b"test MTk4LjUxLjEwMC43 now").contains(&b"198.51.100.7".to_vec()));
        assert!(decoded(b"<MTk4LjUxLjEwMC43Lg==@x>").contains(&b"198.51.100.7.".to_vec()));
        assert!(decoded(b"id/MTk4LjUxLjEwMC43").contains(&b"198.51.100.7".to_vec()));
        assert!(decoded(b"MTk4\r\nLjUx\r\nLjEwMC43\r\n").contains(&b"198.51.100.7".to_vec()));
        assert!(decoded(b"short").is_empty());
    }
}
