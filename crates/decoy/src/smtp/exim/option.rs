//! Parameters of MAIL as Exim cuts them off: from the end, as long as it knows them.

use crate::persona::Replies;

/// Parameters of MAIL that matter for its answer.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) size: u64,
    pub(super) prdr: bool,
}

/// What becomes of a parameter.
pub(super) enum Taken {
    Yes,
    /// It is cut off, and the others before it are taken for a part of the address.
    Last,
    /// It is taken for a part of the address, as those before it.
    No,
    Refused(fn(&Replies) -> &String),
}

impl Options {
    pub(super) fn take(&mut self, name: &[u8], value: &[u8]) -> Taken {
        let is = |keyword: &str| name.eq_ignore_ascii_case(keyword.as_bytes());
        let among = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
        match value {
            _ if is("PRDR") => self.prdr = true,
            _ if is("SMTPUTF8") => return Taken::Refused(|r| &r.smtputf8_unoffered),
            b"" if ["SIZE", "BODY", "AUTH", "RET", "ENVID"].into_iter().any(is) => return Taken::Last,
            _ if is("SIZE") => match std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()) {
                Some(size) => self.size = size,
                None => return Taken::Last,
            },
            _ if is("BODY") && !among(&["8BITMIME", "7BIT"]) => return Taken::Refused(|r| &r.bad_body),
            _ if ["BODY", "RET", "ENVID", "AUTH"].into_iter().any(is) => {}
            _ => return Taken::No,
        }
        Taken::Yes
    }
}

/// The last parameter of an argument: what stands before it, its name and its value, which is the name where there is none.
pub(super) fn last_option(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let text = text.trim_ascii_end();
    let mut at = text.len().checked_sub(1)?;
    while at > 0 && text[at] != b'=' && !text[at].is_ascii_whitespace() {
        if text[at] == b'"' {
            // A blank in a quoted local part ends no parameter.
            at = text[..at].iter().rposition(|byte| *byte == b'"')?;
        }
        at = at.checked_sub(1)?;
    }
    if at == 0 {
        return None;
    }
    if text[at] != b'=' {
        return Some((&text[..at], &text[at + 1..], &text[at + 1..]));
    }
    let start = text[..at].iter().rposition(|byte| !byte.is_ascii_alphabetic())? + 1;
    let spaced = start > 0 && text[start - 1].is_ascii_whitespace();
    spaced.then(|| (&text[..start - 1], &text[start..at], &text[at + 1..]))
}
