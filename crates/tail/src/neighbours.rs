//! What rotation leaves beside a log: `mail.log.1`, `mail.log.2.gz`, `mail.log-20261101.zst`, `mail-20261101.log.xz`.

use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::mem::discriminant;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::packed::{Opened, fill, open};
use crate::position::Position;

/// Rotated files that are looked at; older ones are not.
pub(crate) const MOST: usize = 64;

/// What packers add to the names of files.
const PACKED: [&[u8]; 5] = [b".gz", b".bz2", b".xz", b".zst", b".zstd"];

/// A rotated file.
struct Rotated {
    path: PathBuf,
    place: Place,
    written: SystemTime,
    inode: u64,
}

/// What a rotated file's name tells of its age. Oldest first; those of different kinds are not compared with each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Nothing: when it was last written must do.
    Unknown,
    /// A date, or a number of fixed length: it goes up. logrotate wants dates that are in order as texts.
    Dated(Vec<u8>),
    /// Higher is older.
    Numbered(Reverse<u64>),
}

/// The rotated file in which a position is, and the one that came after it.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Whether it has the number of the file that was read.
    pub(crate) same_number: bool,
    pub(crate) next: Option<PathBuf>,
}

/// Looks for a position among the rotated files of a log. A file that cannot be read is none.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn find(position: &Position, log: &Path) -> io::Result<Option<Found>> {
    let rotated = rotated(log)?;
    let same_number = |file: &Rotated| file.inode == position.inode && begins_so(file, position);
    let by_number = rotated.iter().rposition(same_number);
    // The newest first: mostly it is that one.
    let by_head = || rotated.iter().rposition(|file| begins_so(file, position));
    let Some(place) = by_number.or_else(by_head) else { return Ok(None) };
    let kind = discriminant(&rotated[place].place);
    let after = rotated[place + 1..].iter().filter(|file| discriminant(&file.place) == kind);
    // One that begins alike is another form of the same: packed, and not packed yet.
    // An empty one says nothing by which it could be found again.
    let next =
        after.into_iter().find(|file| !begins_so(file, position) && !is_empty(file)).map(|file| file.path.clone());
    Ok(Some(Found { path: rotated[place].path.clone(), same_number: by_number.is_some(), next }))
}

fn begins_so(file: &Rotated, position: &Position) -> bool {
    let is_in = |Opened { mut bytes, .. }| position.is_in(&mut bytes, file.inode).is_ok_and(|is_in| is_in);
    open(&file.path).is_ok_and(is_in)
}

fn is_empty(file: &Rotated) -> bool {
    open(&file.path).is_ok_and(|mut opened| fill(&mut opened.bytes, &mut [0]).is_ok_and(|length| length == 0))
}

/// The rotated files of a log, oldest first: by what their names tell, and where these tell nothing by when they were last
/// written. A clock that jumps does not change names.
fn rotated(log: &Path) -> io::Result<Vec<Rotated>> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Ok(Vec::new()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut found: Vec<Rotated> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Some(rest) = rotation(entry.file_name().as_encoded_bytes(), name.as_encoded_bytes()) else { continue };
        // A file may go while we look.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() {
            let (path, place, inode) = (entry.path(), Place::of(&rest), about.ino());
            found.push(Rotated { path, place, written: about.modified()?, inode });
        }
    }
    // While a file is packed, both are there, and the packed one is not whole.
    let is_whole = |file: &Rotated| {
        let plain = unpacked(file.path.as_os_str().as_encoded_bytes());
        plain.is_none_or(|plain| found.iter().all(|other| other.path.as_os_str().as_encoded_bytes() != plain))
    };
    let whole: Vec<bool> = found.iter().map(is_whole).collect();
    let mut whole = whole.into_iter();
    found.retain(|_| whole.next().unwrap_or(true));
    found.sort_by(|a, b| (&a.place, a.written, &a.path).cmp(&(&b.place, b.written, &b.path)));
    let newest = found.len().saturating_sub(MOST);
    Ok(found.split_off(newest))
}

/// What a rotated file's name has besides the log's: `.1.gz` of `mail.log.1.gz`, `-20261101` of `mail-20261101.log`.
fn rotation(other: &[u8], log: &[u8]) -> Option<Vec<u8>> {
    let marked = |rest: &[u8]| matches!(rest, [b'.' | b'-' | b'_', _, ..]);
    if let Some(rest) = other.strip_prefix(log) {
        return marked(rest).then(|| rest.to_vec());
    }
    let dot = log.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0)?;
    let rest = unpacked(other).unwrap_or(other).strip_suffix(&log[dot..])?.strip_prefix(&log[..dot])?;
    // `mail-errors.log` is another log.
    (marked(rest) && rest[1..].iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'_')))
        .then(|| rest.to_vec())
}

impl Place {
    /// Of `.7` or `.7.gz`, and of `-20261101` or `-20261101-1793520000.gz`.
    fn of(rest: &[u8]) -> Self {
        let rest = unpacked(rest).unwrap_or(rest);
        let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let number = rest.strip_prefix(b".").filter(|text| text.len() <= 4 && digits(text));
        if let Some(number) = number.and_then(|text| str::from_utf8(text).ok()?.parse().ok()) {
            return Self::Numbered(Reverse(number));
        }
        let text = rest.strip_prefix(b"-").unwrap_or_default();
        if text.len() >= 8 && text.split(|byte| matches!(byte, b'-' | b'_' | b'.')).all(digits) {
            return Self::Dated(text.to_vec());
        }
        Self::Unknown
    }
}

fn unpacked(name: &[u8]) -> Option<&[u8]> {
    PACKED.iter().find_map(|packed| name.strip_suffix(*packed))
}

/// Opens what stands at a path, if anything does.
pub(crate) fn there(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rotated_files_are_known_in_all_their_forms() {
        let rest = |other: &str| rotation(other.as_bytes(), b"mail.log").map(|rest| String::from_utf8(rest).unwrap());
        for (other, mark) in [
            ("mail.log.1", ".1"),
            ("mail.log.2.gz", ".2.gz"),
            ("mail.log-20261101.zst", "-20261101.zst"),
            ("mail-20261101.log.xz", "-20261101"),
            ("mail.1.log", ".1"),
            ("mail.log.old", ".old"),
        ] {
            assert_eq!(rest(other).as_deref(), Some(mark), "{other}");
        }
        for other in ["mail.log", "mail.err", "mail-errors.log", "mail.logs", "mail.log.", "x-mail.log.1", ".log"] {
            assert_eq!(rest(other), None, "{other}");
        }
        let places =
            [".1", ".02.gz", "-20261101", "-2026-11-01.xz", ".old", ".1.bak"].map(|rest| Place::of(rest.as_bytes()));
        let number = |number| Place::Numbered(Reverse(number));
        let date = |text: &str| Place::Dated(text.into());
        let [first, second] = [number(1), number(2)];
        assert!(second < first);
        assert_eq!(places, [first, second, date("20261101"), date("2026-11-01"), Place::Unknown, Place::Unknown]);
    }

    #[test]
    fn a_clock_that_jumped_does_not_change_the_order_of_files_whose_names_tell_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, seconds) in [
            ("m.log.3.gz", 900),
            ("m.log.2", 100),
            ("m.log.1", 500),
            ("m.log-old", 950),
            ("m.log-20261102", 1),
            ("m.log-20261101.gz", 2),
        ] {
            let file = File::create(path(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        }
        // One that is just being packed.
        File::create(path("m.log.1.gz")).unwrap();
        let order: Vec<_> = rotated(&path("m.log")).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(
            order,
            ["m.log-old", "m.log-20261101.gz", "m.log-20261102", "m.log.3.gz", "m.log.2", "m.log.1"].map(path)
        );
    }
}
