//! A mailbox in one file (RFC 4155): mails between lines that begin with `From `.

use std::borrow::Cow;

/// A mail longer than this is cut: reports are short, and what they complain of is not looked into.
pub const MAX_MAIL: usize = 32 << 20;

/// The mails of a file: those of a mailbox, with the quoting of `From ` taken away (mboxrd), or the one that it is.
pub fn mails(file: &[u8]) -> Vec<Cow<'_, [u8]>> {
    if !file.starts_with(b"From ") {
        return vec![Cow::Borrowed(&file[..file.len().min(MAX_MAIL)])];
    }
    let mut starts = vec![0];
    starts.extend(memchr::memmem::find_iter(file, b"\nFrom ").map(|at| at + 1).filter(|at| is_after_blank(file, *at)));
    let ends = starts.iter().skip(1).copied().chain([file.len()]);
    starts.iter().zip(ends).map(|(start, end)| mail(&file[*start..end])).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_of_a_mailbox_are_parted_at_from_lines_after_an_empty_line() {
        let file = b"From a@b Mon\nA: 1\n\ntext\nFrom here\n>From there\n>>From\n\nFrom c@d Tue\nB: 2\n\nx\n\n";
        let found = mails(file);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].as_ref(), b"A: 1\n\ntext\nFrom here\nFrom there\n>>From\n");
        assert_eq!(found[1].as_ref(), b"B: 2\n\nx\n");
        assert_eq!(mails(b"A: 1\n\nx"), [&b"A: 1\n\nx"[..]]);
    }
}
