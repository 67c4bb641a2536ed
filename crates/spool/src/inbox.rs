//! The collector's side on disk: segments that are acknowledged and wait to be taken into the lake.
//!
//! A segment is a file `<number>-<sensor>-<boot>-<sequence>.segment`, as it was received (compressed). Numbers count
//! arrivals and are never used again: the lake notes the last that it has. Of each run of a sensor the last segment stays
//! as an empty file `….taken` after the lake has it, so that a segment which comes again is known.

use std::collections::{BTreeSet, HashMap};
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
    /// The last segment had of each run of a sensor.
    last: HashMap<(SensorName, Boot), u64>,
}

/// Runs of one sensor of which the last segment is remembered. A sensor ships older runs before newer ones, so that a
/// segment of a run before these cannot come any more.
const RUNS_REMEMBERED: usize = 16;

/// The stages of a file.
const WAITING: &str = "segment";
const TAKEN: &str = "taken";

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
    /// Opens the inbox of a folder. `taken` is the last arrival that the lake has; arrivals up to it are let go of.
    pub fn open(folder: &Path, taken: u64) -> Result<Self, InboxError> {
        fs::create_dir_all(folder).map_err(|error| InboxError::Io { path: folder.to_owned(), error })?;
        let mut inbox = Self { folder: folder.to_owned(), next: taken + 1, last: HashMap::new() };
        for arrival in inbox.files(WAITING)?.into_iter().chain(inbox.files(TAKEN)?) {
            inbox.next = inbox.next.max(arrival.number + 1);
            let last = inbox.last.entry((arrival.id.sensor, arrival.id.boot)).or_default();
            *last = (*last).max(arrival.id.sequence);
        }
        inbox.take(taken)?;
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
        let name = format!("{:012}-{}-{}-{}.{WAITING}", self.next, id.sensor, id.boot, id.sequence);
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
        self.files(WAITING)
    }

    /// Lets go of the arrivals up to a number: the lake has them.
    pub fn take(&mut self, number: u64) -> Result<(), InboxError> {
        for arrival in self.files(WAITING)?.into_iter().filter(|arrival| arrival.number <= number) {
            let run = (arrival.id.sensor.clone(), arrival.id.boot);
            if self.last.get(&run) == Some(&arrival.id.sequence) {
                self.mark_taken(&arrival)?;
            } else {
                remove(&arrival.path)?;
            }
        }
        self.forget_old_marks()
    }

    /// Sets a segment aside that cannot be read any more, for a person to look at.
    pub fn set_aside(&self, arrival: &Arrival) -> Result<(), InboxError> {
        let aside = arrival.path.with_extension("bad");
        fs::rename(&arrival.path, &aside).map_err(|error| InboxError::Io { path: aside, error })
    }

    fn mark_taken(&self, arrival: &Arrival) -> Result<(), InboxError> {
        let mark = arrival.path.with_extension(TAKEN);
        let marked = fs::rename(&arrival.path, &mark).and_then(|()| File::create(&mark));
        marked.map(drop).map_err(|error| InboxError::Io { path: mark, error })
    }

    /// Of each run only the last mark is needed, and of each sensor only the newest runs.
    fn forget_old_marks(&mut self) -> Result<(), InboxError> {
        let mut runs = HashMap::<SensorName, BTreeSet<Boot>>::new();
        for (sensor, boot) in self.last.keys() {
            runs.entry(sensor.clone()).or_default().insert(*boot);
        }
        let remembered = |sensor: &SensorName, boot: Boot| {
            runs.get(sensor).is_some_and(|boots| boots.range(boot..).count() <= RUNS_REMEMBERED)
        };
        self.last.retain(|(sensor, boot), _| remembered(sensor, *boot));
        for mark in self.files(TAKEN)? {
            if self.last.get(&(mark.id.sensor, mark.id.boot)) != Some(&mark.id.sequence) {
                remove(&mark.path)?;
            }
        }
        Ok(())
    }

    fn files(&self, stage: &str) -> Result<Vec<Arrival>, InboxError> {
        let failed = |error| InboxError::Io { path: self.folder.clone(), error };
        let mut arrivals = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.and_then(|name| name.strip_suffix(stage)?.strip_suffix('.'));
            if let Some((number, id)) = name.and_then(parse_name) {
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
}

fn remove(path: &Path) -> Result<(), InboxError> {
    fs::remove_file(path).map_err(|error| InboxError::Io { path: path.to_owned(), error })
}

/// `000000000001-BR-01-1763930000123456-7`; a sensor's name may hold hyphens.
fn parse_name(name: &str) -> Option<(u64, SegmentId)> {
    let (number, rest) = name.split_once('-')?;
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
