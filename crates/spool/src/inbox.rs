//! The collector's side on disk: segments that are acknowledged and wait to be taken into the lake.
//!
//! A segment is a file `<number>-<sensor>-<boot>-<sequence>.segment`, as it was received (compressed). Which segments
//! were taken before is told to [`Inbox::open`] by the lake's own commit log, so the two cannot disagree.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use evidence::{Boot, Record, SensorName};

use crate::segment::{self, BadSegment, MAX_SEGMENT, SegmentId, sync_folder};

/// Segments on disk, and the last one had of each run of each sensor.
#[derive(Debug)]
pub struct Inbox {
    folder: PathBuf,
    next: u64,
    last: HashMap<(SensorName, Boot), u64>,
}

/// A segment that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The order of arrival.
    pub number: u64,
    pub id: SegmentId,
    pub path: PathBuf,
}

/// What became of a segment that was brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is on disk. `missing` segments of the same run before it have not come, and will not.
    Kept { missing: u64 },
    /// It was had before.
    Known,
}

/// A segment that is not taken, or a disk that does not take it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// The peer's fault: the bytes.
    #[error("the segment is bad: {0}")]
    Bad(#[from] BadSegment),
    /// The peer's fault: it cannot be unpacked, or is too long.
    #[error("the segment cannot be unpacked to at most {MAX_SEGMENT} bytes: {0}")]
    Packed(io::Error),
    /// The peer's fault: it says to be another.
    #[error("the segment says that it is {found}, not {expected}")]
    Other { expected: SegmentId, found: SegmentId },
    /// Our environment's.
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

impl Inbox {
    /// Opens the inbox of a folder. `taken` tells the last segment of each run that the lake has; segments up to it are
    /// deleted.
    pub fn open(folder: &Path, taken: HashMap<(SensorName, Boot), u64>) -> Result<Self, InboxError> {
        let failed = |error| InboxError::Io { path: folder.to_owned(), error };
        fs::create_dir_all(folder).map_err(failed)?;
        let mut inbox = Self { folder: folder.to_owned(), next: 1, last: taken.clone() };
        for arrival in inbox.list()? {
            inbox.next = arrival.number + 1;
            let SegmentId { sensor, boot, sequence } = arrival.id.clone();
            if taken.get(&(sensor.clone(), boot)).is_some_and(|taken| sequence <= *taken) {
                fs::remove_file(&arrival.path).map_err(failed)?;
                continue;
            }
            let last = inbox.last.entry((sensor, boot)).or_default();
            *last = (*last).max(sequence);
        }
        Ok(inbox)
    }

    /// Keeps a segment as it was received, after checking every byte of it. When this returns it is durable.
    pub fn put(&mut self, id: &SegmentId, packed: &[u8]) -> Result<Put, InboxError> {
        let run = (id.sensor.clone(), id.boot);
        let last = self.last.get(&run).copied().unwrap_or(0);
        if id.sequence <= last {
            return Ok(Put::Known);
        }
        let (found, _) = segment::read(&unpack(packed)?)?;
        if found != *id {
            return Err(InboxError::Other { expected: id.clone(), found });
        }
        let name = format!("{:012}-{}-{}-{}.segment", self.next, id.sensor, id.boot, id.sequence);
        let path = self.folder.join(name);
        let new = self.folder.join("arriving.new");
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(packed)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            sync_folder(&self.folder)
        });
        written.map_err(|error| InboxError::Io { path, error })?;
        self.next += 1;
        self.last.insert(run, id.sequence);
        Ok(Put::Kept { missing: id.sequence - last - 1 })
    }

    /// The segments that wait, in the order of arrival.
    pub fn list(&self) -> Result<Vec<Arrival>, InboxError> {
        let failed = |error| InboxError::Io { path: self.folder.clone(), error };
        let mut arrivals = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(parse_name);
            if let Some((number, id)) = name {
                arrivals.push(Arrival { number, id, path });
            }
        }
        arrivals.sort_by_key(|arrival| arrival.number);
        Ok(arrivals)
    }
}

impl Arrival {
    /// The records of the segment, and how many bytes they take unpacked.
    pub fn read(&self) -> Result<(Vec<Record>, usize), InboxError> {
        let packed = fs::read(&self.path).map_err(|error| InboxError::Io { path: self.path.clone(), error })?;
        let bytes = unpack(&packed)?;
        let (_, records) = segment::read(&bytes)?;
        Ok((records, bytes.len()))
    }

    /// Deletes the segment: the lake has it.
    pub fn remove(&self) -> Result<(), InboxError> {
        fs::remove_file(&self.path).map_err(|error| InboxError::Io { path: self.path.clone(), error })
    }
}

/// `000000000001-BR-01-1763930000123456-7.segment`; a sensor's name may hold hyphens.
fn parse_name(name: &str) -> Option<(u64, SegmentId)> {
    let (number, rest) = name.strip_suffix(".segment")?.split_once('-')?;
    let (rest, sequence) = rest.rsplit_once('-')?;
    let (sensor, boot) = rest.rsplit_once('-')?;
    let id =
        SegmentId { sensor: sensor.parse().ok()?, boot: Boot(boot.parse().ok()?), sequence: sequence.parse().ok()? };
    Some((number.parse().ok()?, id))
}

pub(crate) fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    // Level 1: the text of spam packs well at any level, and the sensor is a small machine.
    zstd::bulk::compress(bytes, 1)
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, InboxError> {
    let mut bytes = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(packed).map_err(InboxError::Packed)?;
    decoder.take(MAX_SEGMENT as u64 + 1).read_to_end(&mut bytes).map_err(InboxError::Packed)?;
    if bytes.len() > MAX_SEGMENT {
        return Err(InboxError::Packed(io::Error::other("it is longer")));
    }
    Ok(bytes)
}
