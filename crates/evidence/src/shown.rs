//! Hostile text made inert for people: the only way in which a peer's bytes become text.
//!
//! The form is reversible: UTF-8 that prints stands as it is; everything else, and the backslash, is written `\xNN`
//! byte by byte. So no terminal sequence, no bidirectional override, no NUL reaches a screen, a page or a table, and
//! [`unshown`] gives the bytes back.

use std::fmt::{self, Write};

/// Displays bytes of a peer.
pub struct Shown<'a>(pub &'a [u8]);

/// The text of a peer's bytes.
pub fn shown(bytes: &[u8]) -> String {
    Shown(bytes).to_string()
}

/// The bytes of a text that [`shown`] made. Text of other makers is taken as it stands.
pub fn unshown(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let hex = rest.get(at + 2..at + 4).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[at + 4..];
            }
            None => {
                bytes.extend_from_slice(b"\\x");
                rest = &rest[at + 2..];
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_inert(character) {
                    f.write_char(character)?;
                } else {
                    let mut utf8 = [0; 4];
                    escape(character.encode_utf8(&mut utf8).as_bytes(), f)?;
                }
            }
            escape(chunk.invalid(), f)?;
        }
        Ok(())
    }
}

fn escape(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02X}"))
}

/// Whether a character only ever draws itself: no control, no direction change, no invisible or separator character.
fn is_inert(character: char) -> bool {
    !(character.is_control()
        || character == '\\'
        || matches!(
            character,
            '\u{00AD}' // soft hyphen
            | '\u{061C}' // Arabic letter mark
            | '\u{180E}' // Mongolian vowel separator
            | '\u{200B}'..='\u{200F}' // zero width, direction marks
            | '\u{2028}'..='\u{202E}' // separators, direction overrides
            | '\u{2060}'..='\u{206F}' // word joiner, isolates
            | '\u{FEFF}' // byte-order mark
            | '\u{FFF9}'..='\u{FFFB}' // interlinear annotation
            | '\u{E0000}'..='\u{E007F}' // tags
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_prints_stands_as_it_is() {
        assert_eq!(shown("joão@exämple.example".as_bytes()), "joão@exämple.example");
    }

    #[test]
    fn controls_overrides_and_bytes_that_are_no_text_are_escaped() {
        assert_eq!(shown(b"\x1b[31mred\x00"), "\\x1B[31mred\\x00");
        assert_eq!(shown("a\u{202E}b".as_bytes()), "a\\xE2\\x80\\xAEb");
        assert_eq!(shown(b"\xff\xfe ok"), "\\xFF\\xFE ok");
        assert_eq!(shown(b"C:\\x41"), "C:\\x5Cx41");
    }

    #[test]
    fn the_bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unshown(&shown(&all)), all);
        assert_eq!(unshown("\\xZZ \\x4"), b"\\xZZ \\x4");
    }
}
