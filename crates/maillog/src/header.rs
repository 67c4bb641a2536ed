//! What stands before the text of a line: priority, stamp, host, program and process, in the forms of syslog. A line without
//! them (Exim's own files) has only a stamp.

use memchr::memchr;

use crate::scan::{number, split, split_at, text, word};
use crate::stamp::{Stamp, bracketed, classic, comma, exim, rfc3339, slashed};

/// A line taken apart, before its text is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub stamp: Stamp,
    /// Empty where the line names none.
    pub host: &'a str,
    /// `postfix/smtpd`, `exim`; empty in files that a server writes itself.
    pub program: &'a [u8],
    /// As written between brackets.
    pub process: &'a [u8],
    pub text: &'a [u8],
    pub form: Form,
}

/// How the line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Of syslog, with a program.
    Syslog,
    /// Of Exim's own files.
    Exim,
    /// Of files that other programs write themselves; the text is what follows the stamp.
    Own,
    /// None of these: the text is the whole line.
    Bare,
}

impl<'a> Header<'a> {
    pub fn parse(line: &'a [u8]) -> Self {
        let bare = Self { stamp: Stamp::Absent, host: "", program: b"", process: b"", text: line, form: Form::Bare };
        let rest = priority(line);
        let Some(first) = rest.first() else { return bare };
        let found = match first {
            b'0'..=b'9' => match rest.get(10) {
                Some(b'T') => rfc3339(rest).and_then(|(stamp, rest)| match rest {
                    [b' ', rest @ ..] => Self::after(stamp, rest),
                    [b',', ..] => Some(Self { stamp, text: rest, form: Form::Own, ..bare }),
                    _ => None,
                }),
                Some(b' ') => Self::own(rest),
                _ => rest.strip_prefix(b"1 ").and_then(Self::numbered),
            },
            b'[' => bracketed(&rest[1..]).map(|(stamp, text)| Self { stamp, text, form: Form::Own, ..bare }),
            _ => classic(rest).and_then(|(stamp, rest)| Self::after(stamp, rest)),
        };
        found.unwrap_or(bare)
    }

    /// Files that a server writes itself.
    fn own(line: &'a [u8]) -> Option<Self> {
        let own = |(stamp, text)| Self { stamp, host: "", program: b"", process: b"", text, form: Form::Own };
        let Some((stamp, text)) = exim(line) else { return comma(line).or_else(|| slashed(line)).map(own) };
        // The process, where Exim is told to write it.
        let (process, text) = match text {
            [b'[', rest @ ..] => match number(rest) {
                Some((_, [b']', b' ', after @ ..])) => (&rest[..rest.len() - after.len() - 2], after),
                _ => (&b""[..], text),
            },
            _ => (&b""[..], text),
        };
        Some(Self { stamp, host: "", program: b"", process, text, form: Form::Exim })
    }

    /// After the stamp of a classic line: host, program, process. `None` when there is no host.
    fn after(stamp: Stamp, rest: &'a [u8]) -> Option<Self> {
        // Metalog writes no host, and the program in brackets.
        if let Some((program, text)) = rest.strip_prefix(b"[").and_then(|rest| split_at(rest, b"] ")) {
            return Some(Self { stamp, host: "", program, process: b"", text, form: Form::Syslog });
        }
        let (host, rest) = split(rest, b' ')?;
        let host = text(host).filter(|host| !host.is_empty())?;
        // FreeBSD writes facility and level there when it is told to.
        let rest = match rest {
            [b'<', ..] => split(rest, b'>').map_or(rest, |(_, rest)| rest.strip_prefix(b" ").unwrap_or(rest)),
            _ => rest,
        };
        let (program, process, text) = tag(rest);
        Some(Self { stamp, host, program, process, text, form: Form::Syslog })
    }

    /// RFC 5424, after its version.
    fn numbered(rest: &'a [u8]) -> Option<Self> {
        let (stamp, rest) = match rest {
            [b'-', b' ', rest @ ..] => (Stamp::Absent, rest),
            _ => rfc3339(rest).and_then(|(stamp, rest)| Some((stamp, rest.strip_prefix(b" ")?)))?,
        };
        let (host, rest) = split(rest, b' ')?;
        let (program, rest) = split(rest, b' ')?;
        let (process, rest) = split(rest, b' ')?;
        let (_, rest) = split(rest, b' ')?;
        let rest = structured(rest)?;
        let rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
        let host = text(host)?;
        let given = |word: &'a [u8]| if word == b"-" { &b""[..] } else { word };
        let host = if host == "-" { "" } else { host };
        Some(Self { stamp, host, program: given(program), process: given(process), text: rest, form: Form::Syslog })
    }
}

/// Without `<22>` at the start, as lines come from the network.
fn priority(line: &[u8]) -> &[u8] {
    match line.strip_prefix(b"<").and_then(number) {
        Some((0..=191, [b'>', rest @ ..])) => rest,
        _ => line,
    }
}

/// `postfix/smtpd[123]: text`, `dovecot: text`; without a colon the line has no program (`last message repeated 2 times`).
fn tag(rest: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (tag, after) = word(rest);
    let Some(tag) = tag.strip_suffix(b":") else { return (b"", b"", rest) };
    let (program, process) = match tag.strip_suffix(b"]").and_then(|tag| split(tag, b'[')) {
        Some((program, process)) => (program, process),
        None => (tag, &b""[..]),
    };
    (program, process, solaris(after))
}

/// Without Solaris' `[ID 197553 mail.info] `.
fn solaris(text: &[u8]) -> &[u8] {
    match text.strip_prefix(b"[ID ").and_then(|rest| split(rest, b']')) {
        Some((_, rest)) => rest.strip_prefix(b" ").unwrap_or(rest),
        None => text,
    }
}

/// After the structured data of RFC 5424: `-` or `[…][…]`, with `]` escaped in values.
fn structured(mut rest: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = rest.strip_prefix(b"-") {
        return Some(rest.strip_prefix(b" ").unwrap_or(rest));
    }
    while rest.first() == Some(&b'[') {
        let mut from = 1;
        loop {
            let end = from + memchr(b']', &rest[from..])?;
            if rest[end - 1] != b'\\' {
                rest = &rest[end + 1..];
                break;
            }
            from = end + 1;
        }
    }
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> (String, String, String, String) {
        let header = Header::parse(line.as_bytes());
        let own = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (header.host.to_owned(), own(header.program), own(header.process), own(header.text))
    }

    #[test]
    fn every_form_of_syslog_gives_host_program_process_and_text() {
        let lines = [
            "Aug 31 12:37:51 mx postfix/qmgr[30533]: 1F: removed",
            "<22>Aug 31 12:37:51 mx postfix/qmgr[30533]: 1F: removed",
            "2024-08-29T01:08:59.764590+00:00 mx postfix/qmgr[30533]: 1F: removed",
            "<22>1 2024-08-29T01:08:59.76Z mx postfix/qmgr 30533 - - 1F: removed",
            "<22>1 2024-08-29T01:08:59.76Z mx postfix/qmgr 30533 ID7 [a@1 b=\"c\\]d\"][e@2] 1F: removed",
            "1 - mx postfix/qmgr 30533 - - \u{feff}1F: removed",
            "Aug 31 12:37:51 mx postfix/qmgr[30533]: [ID 197553 mail.info] 1F: removed",
            "Aug 31 12:37:51 mx <mail.info> postfix/qmgr[30533]: 1F: removed",
        ];
        let expected = ["mx", "postfix/qmgr", "30533", "1F: removed"].map(str::to_owned);
        for line in lines {
            let (host, program, process, text) = parts(line);
            assert_eq!([host, program, process, text], expected, "{line}");
        }
    }

    #[test]
    fn lines_without_program_process_or_host_keep_their_text() {
        assert_eq!(parts("Dec 18 16:15:27 [postfix/smtpd] connect from x").1, "postfix/smtpd");
        let repeated = parts("Aug 31 12:37:51 mx last message repeated 2 times");
        assert_eq!(repeated, ("mx".into(), String::new(), String::new(), "last message repeated 2 times".into()));
        assert_eq!(parts("Oct 12 15:44:43 mx dovecot: x").1, "dovecot");
        let exim = Header::parse(b"2022-06-29 16:04:19.345 [77] H=x");
        assert_eq!((exim.form, exim.process, exim.text), (Form::Exim, &b"77"[..], &b"H=x"[..]));
        let zimbra = Header::parse(b"2021-03-03 19:51:53,762 INFO  [q]");
        assert_eq!((zimbra.form, zimbra.text), (Form::Own, &b"INFO  [q]"[..]));
        for line in ["", "<", "<22", "\0\0", "2024-08-29Tx", "2024-08-29 x", "Aug 31 12:37:51", "1 x", "<22>1 - h p"] {
            let header = Header::parse(line.as_bytes());
            assert_eq!((header.form, header.text), (Form::Bare, line.as_bytes()), "{line}");
        }
    }
}
