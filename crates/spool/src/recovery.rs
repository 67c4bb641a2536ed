//! The start: what an earlier run left is put in order before anything new is written.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use evidence::{Boot, Message, Record, Session, SessionId, Time};

use crate::roster::Roster;
use crate::segment::{self, Stage};

/// A spool that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    #[error("{0}: another sensor writes to this spool")]
    InUse(PathBuf),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// What the start found of the run before.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Sessions of connections that were open when the sensor died.
    pub lost_sessions: u64,
    /// Bytes cut off torn segments.
    pub torn_bytes: u64,
    /// Segments that its writer had left open.
    pub segments: u64,
}

/// Makes sure that this is the only process that writes here.
pub(crate) fn lock_folder(folder: &Path) -> Result<File, SpoolError> {
    let path = folder.join("lock");
    let failed = |error| SpoolError::Io { path: path.clone(), error };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(SpoolError::InUse(folder.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

/// The number of this boot, greater than every earlier one whatever the clock says; durable before it is used.
pub(crate) fn next_boot(folder: &Path, now: Time) -> io::Result<Boot> {
    let path = folder.join("boot");
    let noted = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().unwrap_or(0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let in_files = segment::list(folder)?.iter().map(|(name, _)| name.boot.0).max().unwrap_or(0);
    let on_roster = Roster::read_left(folder)?.iter().map(|lost| lost.boot().0).max().unwrap_or(0);
    let boot = u64::try_from(now.micros()).unwrap_or(0).max(noted.max(in_files).max(on_roster) + 1);
    let new = folder.join("boot.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{boot}")?;
    file.sync_all()?;
    fs::rename(new, path)?;
    segment::sync_folder(folder)?;
    Ok(Boot(boot))
}

/// Puts open segments in order: the sessions that were lost, and what was found.
pub(crate) fn recover(folder: &Path, now: Time) -> io::Result<(Vec<Session>, Recovery)> {
    let mut recovery = Recovery::default();
    let mut told = HashSet::<SessionId>::new();
    let mut kept = HashMap::<SessionId, Vec<Message>>::new();
    for (name, _) in segment::list(folder)?.into_iter().filter(|(name, _)| name.stage == Stage::Open) {
        let recovered = segment::recover(folder, name)?;
        recovery.segments += 1;
        recovery.torn_bytes += recovered.torn;
        for record in recovered.records {
            match record {
                Record::Session(session) => _ = told.insert(session.connection.id),
                Record::Message(mut message) => {
                    message.content = Vec::new().into();
                    kept.entry(message.connection.id.clone()).or_default().push(*message);
                }
                Record::Heartbeat(_) => {}
            }
        }
    }
    let left = Roster::read_left(folder)?.into_iter().filter(|lost| !told.contains(lost.id()));
    let lost = left.map(|lost| {
        let messages = kept.remove(lost.id()).unwrap_or_default();
        lost.session(now, &messages)
    });
    Ok((lost.collect(), recovery))
}
