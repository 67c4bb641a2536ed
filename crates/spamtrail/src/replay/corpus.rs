//! Mail on disk: an mbox, a maildir, a folder of raw messages, or one message.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Longest message that is read. A longer one is cut there by the sensor's own limit, and refused.
const MAX_MAIL: u64 = 64 * 1024 * 1024;

/// One message, its lines ended by CR LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) content: Vec<u8>,
}

/// Where mails come from, one after the other.
#[derive(Debug)]
pub(super) enum Corpus {
    Files { paths: std::vec::IntoIter<PathBuf>, skipped: u64 },
    Mbox(Mbox),
}

impl Corpus {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            let mut paths = Vec::new();
            walk(path, &mut paths)?;
            paths.sort();
            return Ok(Self::Files { paths: paths.into_iter(), skipped: 0 });
        }
        let mut reader = BufReader::new(fs::File::open(path)?);
        if reader.fill_buf()?.starts_with(b"From ") {
            return Ok(Self::Mbox(Mbox { reader, started: false }));
        }
        Ok(Self::Files { paths: vec![path.to_owned()].into_iter(), skipped: 0 })
    }

    pub(super) fn next_mail(&mut self) -> io::Result<Option<Mail>> {
        match self {
            Self::Mbox(mbox) => mbox.next_mail(),
            Self::Files { paths, skipped } => {
                for path in paths {
                    match read_mail(&path)? {
                        Some(mail) => return Ok(Some(mail)),
                        None => *skipped += 1,
                    }
                }
                Ok(None)
            }
        }
    }

    /// Files that were no messages.
    pub(super) fn skipped(&self) -> u64 {
        match self {
            Self::Mbox(_) => 0,
            Self::Files { skipped, .. } => *skipped,
        }
    }
}

/// All files below a folder. In a maildir those of `tmp` are not delivered yet.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    let is_maildir = folder.join("cur").is_dir() && folder.join("new").is_dir();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if !entry.file_type()?.is_dir() {
            paths.push(path);
        } else if !(is_maildir && entry.file_name() == "tmp") {
            walk(&path, paths)?;
        }
    }
    Ok(())
}

/// A file that begins as a message does. A first line `From …` is an mbox's and is left out.
fn read_mail(path: &Path) -> io::Result<Option<Mail>> {
    use io::Read;
    let mut raw = Vec::new();
    fs::File::open(path)?.take(MAX_MAIL).read_to_end(&mut raw)?;
    let mut rest = raw.as_slice();
    if rest.starts_with(b"From ") {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |lf| lf + 1);
        rest = &rest[end..];
    }
    Ok(begins_with_field(rest).then(|| Mail { content: with_crlf(rest) }))
}

/// Whether a header field (RFC 5322) stands first.
fn begins_with_field(message: &[u8]) -> bool {
    let name = message.iter().position(|byte| !byte.is_ascii_graphic() || *byte == b':');
    name.is_some_and(|end| end > 0 && message[end] == b':')
}

/// The message as it goes over the wire: each line ended by CR LF, also the last.
fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(message.len() + message.len() / 32 + 2);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        content.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        content.extend_from_slice(b"\r\n");
    }
    content
}

/// An mbox: messages begin with a line `From …` after an empty line; `>From` in a message lost one `>`.
#[derive(Debug)]
pub(super) struct Mbox {
    reader: BufReader<fs::File>,
    started: bool,
}

impl Mbox {
    fn next_mail(&mut self) -> io::Result<Option<Mail>> {
        let mut raw = Vec::new();
        let mut after_empty = true;
        loop {
            let mut line = Vec::new();
            if self.reader.read_until(b'\n', &mut line)? == 0 {
                let last = !raw.is_empty();
                return Ok(last.then(|| Mail { content: with_crlf(&raw) }));
            }
            if after_empty && line.starts_with(b"From ") {
                if std::mem::replace(&mut self.started, true) && !raw.is_empty() {
                    // The empty line before belongs to the mbox.
                    let end = raw.strip_suffix(b"\r\n").or(raw.strip_suffix(b"\n")).map_or(raw.len(), <[u8]>::len);
                    raw.truncate(end);
                    return Ok(Some(Mail { content: with_crlf(&raw) }));
                }
                after_empty = false;
                continue;
            }
            after_empty = matches!(line.as_slice(), b"\n" | b"\r\n");
            let quoted = line.iter().position(|byte| *byte != b'>').filter(|quotes| *quotes > 0);
            let unquoted = quoted.is_some_and(|quotes| line[quotes..].starts_with(b"From "));
            raw.extend_from_slice(if unquoted { &line[1..] } else { &line });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(path: &Path) -> (Vec<String>, u64) {
        let mut corpus = Corpus::open(path).unwrap();
        let mut mails = Vec::new();
        while let Some(mail) = corpus.next_mail().unwrap() {
            mails.push(String::from_utf8(mail.content).unwrap());
        }
        (mails, corpus.skipped())
    }

    #[test]
    fn an_mbox_is_taken_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mbox");
        let text =
            "From a@b Mon\nSubject: one\n\n>From here\n>>From there\nFrom nowhere\n\nFrom c@d Tue\nSubject: two\n\nx";
        std::fs::write(&path, text).unwrap();
        let (found, _) = mails(&path);
        assert_eq!(
            found,
            ["Subject: one\r\n\r\nFrom here\r\n>From there\r\nFrom nowhere\r\n", "Subject: two\r\n\r\nx\r\n"]
        );
    }

    #[test]
    fn a_folder_gives_each_message_once_and_tells_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("a"), "From x Mon\nSubject: a\n\nFrom inside\n").unwrap();
        std::fs::write(folder.path().join("below/b"), "Subject: b\r\n\r\n").unwrap();
        std::fs::write(folder.path().join("LICENSE"), "  Apache License\n").unwrap();
        let (found, skipped) = mails(folder.path());
        assert_eq!(found, ["Subject: a\r\n\r\nFrom inside\r\n", "Subject: b\r\n\r\n"]);
        assert_eq!(skipped, 1);
    }

    #[test]
    fn in_a_maildir_only_delivered_messages_count() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("cur", "Subject: c\n"), ("new", "Subject: n\n"), ("tmp", "Subject: t\n")] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("1"), text).unwrap();
        }
        assert_eq!(mails(folder.path()).0, ["Subject: c\r\n", "Subject: n\r\n"]);
    }
}
