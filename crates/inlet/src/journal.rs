//! Logs of what came, one for each source: `NAME.log`, and what was moved away from there, `NAME.log-0000000001` and so on,
//! in this order. Who reads them says what is read; older files go then.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A log is moved away when it has so many bytes.
pub const TARGET: u64 = 8 << 20;

/// Bytes of all that was moved away and not let go of. With more, nothing is taken from peers until somebody lets go of what
/// was read: TCP waits, datagrams are dropped by the kernel, requests of Postfix are answered and not kept. A reader looks at 64
/// older files of a log, which is more than there are.
pub const ROOM: u64 = 480 << 20;

/// Peers with a log of their own. What further ones tell goes into one log, `others.log`. So all logs together have at most
/// [`ROOM`] and as many times [`TARGET`], and what is written together beyond them.
pub const SOURCES: usize = 256;

/// The name of that log.
const OTHERS: &str = "others";

/// The logs of a folder, to write to.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    logs: BTreeMap<String, Kept>,
}

/// One log.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: File,
    length: u64,
    /// What was not written yet.
    waiting: Vec<u8>,
    /// Whether something was written since the last sync.
    unsynced: bool,
    /// The number of the file that is moved away next.
    next: u64,
}

impl Journal {
    /// Goes on with the logs of a folder. With it comes how many bytes were moved away and are still there.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, u64)> {
        fs::create_dir_all(folder)?;
        let mut journal = Self { folder: folder.to_owned(), logs: BTreeMap::new() };
        let mut behind = 0;
        for path in logs(folder)? {
            if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
                journal.logs.insert(name.to_owned(), Kept::open(&path)?);
            }
            for (_, path) in moved(&path)? {
                behind += path.metadata()?.len();
            }
        }
        Ok((journal, behind))
    }

    /// Adds whole lines to a log. They are written by [`Journal::write`].
    pub(crate) fn add(&mut self, name: &str, lines: &[u8]) -> io::Result<()> {
        let name = if self.logs.contains_key(name) || self.logs.len() < SOURCES { name } else { OTHERS };
        if !self.logs.contains_key(name) {
            let path = self.folder.join(format!("{name}.log"));
            self.logs.insert(name.to_owned(), Kept::open(&path)?);
            File::open(&self.folder)?.sync_all()?;
        }
        if let Some(kept) = self.logs.get_mut(name) {
            kept.waiting.extend_from_slice(lines);
        }
        Ok(())
    }

    /// Writes what waits; how many bytes were moved away. What could not be written still waits.
    pub(crate) fn write(&mut self) -> (u64, io::Result<()>) {
        let (mut gone, mut result) = (0, Ok(()));
        for kept in self.logs.values_mut().filter(|kept| !kept.waiting.is_empty() || kept.length >= TARGET) {
            match kept.write() {
                Ok(moved) => gone += moved,
                Err(error) => result = result.and(Err(error)),
            }
        }
        (gone, result)
    }

    /// Has the disk keep what was written.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        for kept in self.logs.values_mut().filter(|kept| kept.unsynced) {
            kept.file.sync_data()?;
            kept.unsynced = false;
        }
        Ok(())
    }
}

impl Kept {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let length = file.metadata()?.len();
        let mut waiting = Vec::new();
        if length > 0 {
            // A stop in the middle of a write may have left a part of a line.
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            waiting.extend((last != *b"\n").then_some(b'\n'));
        }
        let next = moved(path)?.last().map_or(1, |(number, _)| number + 1);
        Ok(Self { path: path.to_owned(), file, length, waiting, unsynced: false, next })
    }

    /// Writes what waits, as far as the disk takes it, and moves a full file away; how many bytes that has.
    fn write(&mut self) -> io::Result<u64> {
        while !self.waiting.is_empty() {
            match self.file.write(&self.waiting) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => {
                    self.waiting.drain(..length);
                    self.length += length as u64;
                    self.unsynced = true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.waiting.shrink_to(1 << 20);
        if self.length >= TARGET { self.move_away() } else { Ok(0) }
    }

    fn move_away(&mut self) -> io::Result<u64> {
        self.file.sync_data()?;
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!("-{:010}", self.next));
        match fs::rename(&self.path, name) {
            // It was moved before, and only the next one could not be made.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => self.next += 1,
        }
        self.file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        self.unsynced = false;
        Ok(std::mem::take(&mut self.length))
    }
}

/// The logs of a folder, by what stands there and what was moved away from there.
pub(crate) fn logs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut logs = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let end = name.to_str().and_then(|name| name.rfind(".log").map(|place| &name[..place + 4]));
        logs.extend(end.map(|name| folder.join(name)));
    }
    Ok(logs.into_iter().collect())
}

/// What was moved away from a log, oldest first, by number.
fn moved(log: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Ok(Vec::new()) };
    let mut moved = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let other = entry.file_name();
        let number = other.as_encoded_bytes().strip_prefix(name.as_encoded_bytes()).and_then(|rest| {
            let digits = rest.strip_prefix(b"-")?;
            str::from_utf8(digits).ok()?.parse().ok()
        });
        moved.extend(number.map(|number| (number, entry.path())));
    }
    moved.sort();
    Ok(moved)
}

/// Removes what was moved away before the file of this number (`st_ino`), which a reader has reached; how many bytes went.
pub(crate) fn release(log: &Path, reached: u64) -> io::Result<u64> {
    let moved = moved(log)?;
    let number = |path: &Path| path.metadata().map_or(0, |about| about.ino());
    let place = match moved.iter().position(|(_, path)| number(path) == reached) {
        Some(place) => place,
        None if number(log) == reached => moved.len(),
        // Neither here nor there: nobody knows what was read.
        None => 0,
    };
    let mut gone = 0;
    for (_, path) in &moved[..place] {
        let length = path.metadata()?.len();
        fs::remove_file(path)?;
        gone += length;
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(path: &Path) -> u64 {
        path.metadata().unwrap().ino()
    }

    #[test]
    fn a_full_log_is_moved_away_and_goes_when_a_reader_is_past_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, behind) = Journal::open(folder.path()).unwrap();
        assert_eq!(behind, 0);
        let line = [&vec![b'x'; 1 << 20][..], b"\n"].concat();
        let length = line.len() as u64;
        for number in 1..=19 {
            journal.add("192.0.2.7", &line).unwrap();
            let (gone, result) = journal.write();
            result.unwrap();
            assert_eq!(gone, if number % 8 == 0 { 8 * length } else { 0 });
        }
        let log = folder.path().join("192.0.2.7.log");
        let [first, second] = [1, 2].map(|number| folder.path().join(format!("192.0.2.7.log-000000000{number}")));
        assert_eq!(moved(&log).unwrap(), [(1, first.clone()), (2, second.clone())]);
        assert_eq!(release(&log, number(&first)).unwrap(), 0);
        assert_eq!(release(&log, 1).unwrap(), 0, "a file that nobody knows");
        assert_eq!(release(&log, number(&second)).unwrap(), 8 * length);
        assert_eq!(release(&log, number(&log)).unwrap(), 8 * length);
        assert_eq!(logs(folder.path()).unwrap(), std::slice::from_ref(&log));
        drop(journal);
        let (journal, behind) = Journal::open(folder.path()).unwrap();
        assert_eq!((behind, journal.logs["192.0.2.7"].length), (0, 3 * length));
        // As if it had stopped before the next one was made.
        fs::rename(&log, folder.path().join("192.0.2.7.log-0000000003")).unwrap();
        let (mut journal, behind) = Journal::open(folder.path()).unwrap();
        assert_eq!((behind, logs(folder.path()).unwrap()), (3 * length, vec![log.clone()]));
        fs::remove_file(&log).unwrap();
        assert_eq!(journal.logs.get_mut("192.0.2.7").unwrap().move_away().unwrap(), 0);
        assert!(log.exists());
    }

    #[test]
    fn a_line_that_a_stop_has_torn_is_ended_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.log"), "whole\ntor").unwrap();
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        journal.add("policy", b"next\n").unwrap();
        journal.write().1.unwrap();
        journal.sync().unwrap();
        assert_eq!(fs::read(folder.path().join("policy.log")).unwrap(), b"whole\ntor\nnext\n");
    }

    #[test]
    fn peers_beyond_the_bound_share_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        for peer in 0..SOURCES + 2 {
            journal.add(&format!("peer-{peer}"), b"line\n").unwrap();
        }
        journal.write().1.unwrap();
        assert_eq!(logs(folder.path()).unwrap().len(), SOURCES + 1);
        assert_eq!(fs::read(folder.path().join("others.log")).unwrap(), b"line\nline\n");
    }
}
