//! Command words.

/// A command that the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Helo,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Vrfy,
    Etrn,
    Auth,
    Starttls,
    Xclient,
    Quit,
}

const VERBS: [(&str, Verb); 15] = [
    ("HELO", Verb::Helo),
    ("EHLO", Verb::Ehlo),
    ("MAIL", Verb::Mail),
    ("RCPT", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("BDAT", Verb::Bdat),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("VRFY", Verb::Vrfy),
    ("ETRN", Verb::Etrn),
    ("AUTH", Verb::Auth),
    ("STARTTLS", Verb::Starttls),
    ("XCLIENT", Verb::Xclient),
    ("XFORWARD", Verb::Xclient),
    ("QUIT", Verb::Quit),
];

/// Words that mail clients say and servers of this persona may not know. They tell a mail dialogue from an HTTP request.
const OTHER_MAIL_WORDS: [&str; 7] = ["HELP", "EXPN", "LHLO", "SEND", "SOML", "SAML", "TURN"];

impl Verb {
    pub(super) fn parse(word: &[u8]) -> Option<Self> {
        VERBS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, verb)| *verb)
    }
}

/// The word in capitals, if a mail client would begin with it.
pub(super) fn canonical(word: &[u8]) -> Option<&'static str> {
    let known = VERBS.iter().map(|(name, _)| *name).chain(OTHER_MAIL_WORDS);
    known.into_iter().find(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// Whether a mail client would begin with this word.
pub(crate) fn is_mail_word(word: &[u8]) -> bool {
    canonical(word).is_some()
}

/// The command word and what follows it, blanks around both removed.
pub(super) fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    (&line[..end], line[end..].trim_ascii_start())
}

/// Whether the word shows that the peer speaks another protocol: an HTTP method, a header field, or no letter at first.
pub(super) fn is_forbidden(word: &[u8]) -> bool {
    let method = [&b"CONNECT"[..], b"GET", b"POST"].iter().any(|method| word.eq_ignore_ascii_case(method));
    let field = word
        .iter()
        .position(|byte| *byte == b':')
        .is_some_and(|colon| colon > 0 && word[..colon].iter().all(u8::is_ascii_graphic));
    method || field || !word.first().is_some_and(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_between_blanks_in_any_case() {
        assert_eq!(split(b"  mail \t FROM:<a> "), (&b"mail"[..], &b"FROM:<a>"[..]));
        assert_eq!(split(b" "), (&b""[..], &b""[..]));
        assert_eq!(Verb::parse(b"dAtA"), Some(Verb::Data));
        assert_eq!(Verb::parse(b"DATAX"), None);
    }

    #[test]
    fn other_protocols_are_recognised() {
        for word in [&b"GET"[..], b"connect", b"POST", b"Host:", b"X-y:z", b"MAILFROM:<a@b>", b"\x05\x01", b"<html>"] {
            assert!(is_forbidden(word), "{word:?}");
        }
        for word in [&b"HELO"[..], b"PUT", b"FOO"] {
            assert!(!is_forbidden(word), "{word:?}");
        }
    }
}
