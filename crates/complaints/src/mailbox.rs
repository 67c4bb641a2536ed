//! A mailbox in one file (RFC 4155): mails between lines that begin with `From `. And which files of a folder hold mails.

use std::borrow::Cow;

/// A mail longer than this is cut: reports are short, and what they complain of is not looked into.
pub const MAX_MAIL: usize = 32 << 20;

/// The mails of a file: those of a mailbox, or the one that it is. Lines end with CRLF or LF.
///
/// The quoting of `From ` is taken away as mboxrd has it. In a mailbox of the older form (mboxo) a line that its writer
/// began with `>From ` cannot be told from one that was quoted, and loses its `>` too.
pub fn mails(file: &[u8]) -> Mails<'_> {
    Mails { rest: file, is_mailbox: file.starts_with(b"From ") }
}

/// Mails one after the other. A mail is copied only where quoting is taken away.
#[derive(Clone, Debug)]
pub struct Mails<'f> {
    rest: &'f [u8],
    is_mailbox: bool,
}

impl<'f> Iterator for Mails<'f> {
    type Item = Cow<'f, [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        if !self.is_mailbox {
            let file = std::mem::take(&mut self.rest);
            return Some(Cow::Borrowed(&file[..file.len().min(MAX_MAIL)]));
        }
        let mut starts = memchr::memmem::find_iter(self.rest, b"\nFrom ").map(|at| at + 1);
        let end = starts.find(|at| is_after_blank(self.rest, *at)).unwrap_or(self.rest.len());
        let (entry, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(mail(entry))
    }
}

/// Whether the line before is empty, as it is between mails.
fn is_after_blank(file: &[u8], at: usize) -> bool {
    let before = &file[..at];
    before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n")
}

/// A mail without its `From ` line and the empty line after it.
fn mail(entry: &[u8]) -> Cow<'_, [u8]> {
    let start = memchr::memchr(b'\n', entry).map_or(entry.len(), |lf| lf + 1);
    let mail = &entry[start..];
    let mail = mail.strip_suffix(b"\n").map_or(mail, |mail| mail.strip_suffix(b"\r").unwrap_or(mail));
    let mail = &mail[..mail.len().min(MAX_MAIL)];
    if memchr::memmem::find(mail, b"\n>").is_none() {
        return Cow::Borrowed(mail);
    }
    let mut plain = Vec::with_capacity(mail.len());
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        let is_quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        plain.extend_from_slice(&line[usize::from(is_quoted)..]);
    }
    Cow::Owned(plain)
}

/// Whether a file of a folder holds a mail, by the names of both: not what is being written to a Maildir (`tmp`), what was
/// thrown away or is a draft there, nor what mail servers keep beside the mails.
pub fn holds_mail(folder: &str, file: &str) -> bool {
    const BESIDE: [&str; 3] = ["maildirsize", "maildirfolder", "subscriptions"];
    let is_beside = file.starts_with('.') || file.starts_with("dovecot") || file.starts_with("courier");
    let flags = file.rsplit_once(":2,").map_or("", |(_, flags)| flags);
    folder != "tmp" && !is_beside && !BESIDE.contains(&file) && !flags.contains(['T', 'D'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(file: &[u8]) -> Vec<Vec<u8>> {
        mails(file).map(Cow::into_owned).collect()
    }

    #[test]
    fn mails_of_a_mailbox_are_parted_at_from_lines_after_an_empty_line() {
        let file = b"From a@b Mon\nA: 1\n\ntext\nFrom here\n>From there\n>>From\n\nFrom c@d Tue\nB: 2\n\nx\n\n";
        let expected: [&[u8]; 2] = [b"A: 1\n\ntext\nFrom here\nFrom there\n>>From\n", b"B: 2\n\nx\n"];
        assert_eq!(all(file), expected);
        assert_eq!(all(b"A: 1\n\nx"), [&b"A: 1\n\nx"[..]]);
        assert_eq!(all(b""), [&b""[..]; 0]);
    }

    #[test]
    fn a_mailbox_with_crlf_is_parted_likewise_and_quoting_goes_one_step() {
        let file = b"From a@b Mon\r\nA: 1\r\n\r\n>From x\r\n>>From y\r\n\r\nFrom c@d Tue\r\nB: 2\r\n\r\n";
        assert_eq!(all(file), [&b"A: 1\r\n\r\nFrom x\r\n>From y\r\n"[..], b"B: 2\r\n"]);
    }

    #[test]
    fn what_lies_beside_the_mails_of_a_folder_is_none() {
        for (folder, file) in [("cur", "1.x:2,S"), ("new", "1.x"), ("reports", "a.eml"), ("reports", "a.json")] {
            assert!(holds_mail(folder, file), "{folder}/{file}");
        }
        let none = [("tmp", "1.x"), ("cur", "1.x:2,ST"), ("cur", "1.x:2,D"), ("x", "dovecot-uidlist"), ("x", ".lock")];
        for (folder, file) in none {
            assert!(!holds_mail(folder, file), "{folder}/{file}");
        }
    }
}
