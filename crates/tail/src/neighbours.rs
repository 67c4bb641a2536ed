//! What rotation leaves beside a log: `mail.log.1`, `mail.log.2.gz`, `mail.log-20261101.zst`.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::packed::{Opened, open};
use crate::position::Position;

/// Rotated files that are looked at; older ones are not.
pub(crate) const MOST: usize = 64;

/// The rotated files of a log, oldest first by when they were last written.
pub(crate) fn rotated(log: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Ok(Vec::new()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let name = name.as_encoded_bytes();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let other = entry.file_name();
        let rest = other.as_encoded_bytes().strip_prefix(name);
        let is_rotated = rest.is_some_and(|rest| matches!(rest.first(), Some(b'.' | b'-' | b'_')));
        // A file may go while we look.
        let Ok(about) = entry.metadata() else { continue };
        if is_rotated && about.is_file() {
            found.push((about.modified()?, entry.path()));
        }
    }
    // Same instant: higher numbers are older.
    found.sort_by(|(a, first), (b, second)| a.cmp(b).then_with(|| second.cmp(first)));
    let newest = found.len().saturating_sub(MOST);
    Ok(found.split_off(newest).into_iter().map(|(_, path)| path).collect())
}

/// The rotated file in which a position is, and those that came after it. A file that cannot be read is none.
pub(crate) fn find(position: &Position, log: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let rotated = rotated(log)?;
    let holds = |path: &PathBuf| {
        let inode = path.metadata().map_or(0, |about| about.ino());
        open(path).is_ok_and(|Opened { mut bytes, .. }| position.is_in(&mut bytes, inode).is_ok_and(|is_in| is_in))
    };
    // The newest first: mostly it is that one. One that is there packed and unpacked counts once.
    let place = rotated.iter().rposition(holds);
    Ok(place.map(|place| rotated[place..].to_vec()))
}
