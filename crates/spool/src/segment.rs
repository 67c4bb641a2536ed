//! Segments: the unit of writing, shipping and deletion.
//!
//! A segment is `magic head-frame record-frame…`; the head says whose it is. Its file is named
//! `<boot>-<sequence>.open` while it is written and `<boot>-<sequence>.sealed` from then on, both numbers with leading
//! zeros, so that the order of names is the order of writing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use evidence::{Boot, Record, SensorName};
use minicbor::{Decode, Encode};

use crate::frame::{self, BadFrame, Frames};

/// The first bytes of every segment: name and version of the format.
const MAGIC: &[u8; 8] = b"SPAMSEG1";

/// Longest segment that is read: a full one and one frame more. A longer file is no segment.
pub const MAX_SEGMENT: usize = TARGET + frame::MAX_PAYLOAD + 4096;

/// A segment this long is sealed.
pub const TARGET: usize = 8 * 1024 * 1024;

/// Which segment: unique for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SegmentId {
    #[n(0)]
    pub sensor: SensorName,
    #[n(1)]
    pub boot: Boot,
    /// From 1, without a gap within a boot.
    #[n(2)]
    pub sequence: u64,
}

impl std::fmt::Display for SegmentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.sensor, self.boot, self.sequence)
    }
}

/// Whether a segment is still written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    Sealed,
    /// The collector did not take it; it waits for a person.
    Refused,
}

impl Stage {
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sealed => "sealed",
            Self::Refused => "refused",
        }
    }
}

/// A file name of a spool, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileName {
    pub(crate) boot: Boot,
    pub(crate) sequence: u64,
    pub(crate) stage: Stage,
}

impl FileName {
    pub(crate) fn of(id: &SegmentId, stage: Stage) -> Self {
        Self { boot: id.boot, sequence: id.sequence, stage }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (numbers, extension) = name.split_once('.')?;
        let (boot, sequence) = numbers.split_once('-')?;
        let stage =
            [Stage::Open, Stage::Sealed, Stage::Refused].into_iter().find(|stage| stage.extension() == extension)?;
        Some(Self { boot: Boot(boot.parse().ok()?), sequence: sequence.parse().ok()?, stage })
    }

    pub(crate) fn path(self, folder: &Path) -> PathBuf {
        folder.join(format!("{:020}-{:010}.{}", self.boot.0, self.sequence, self.stage.extension()))
    }
}

/// The segment files of a folder in the order of writing, with their lengths. Other files are none of ours.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<(FileName, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(FileName::parse) else { continue };
        match entry.metadata() {
            Ok(metadata) => files.push((name, metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {} // shipped and deleted meanwhile
            Err(error) => return Err(error),
        }
    }
    files.sort_by_key(|(name, _)| (name.boot, name.sequence));
    Ok(files)
}

/// The first bytes of a new segment.
pub(crate) fn head(id: &SegmentId) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    match minicbor::to_vec(id) {
        Ok(payload) => frame::append(&payload, &mut bytes),
        // Writing to a `Vec` cannot fail, and no field's encoder makes an error of its own.
        Err(error) => unreachable!("{error}"),
    }
    bytes
}

/// Bytes that are no segment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadSegment {
    #[error("it does not begin as a segment does")]
    Magic,
    #[error("its head cannot be read: {0}")]
    Head(minicbor::decode::Error),
    #[error("{0}")]
    Frame(#[from] BadFrame),
    #[error("offset {at}: {error}")]
    Record { at: usize, error: evidence::DecodeError },
}

/// Reads a whole segment: whose it is, and its records. Every frame is checked; the first bad one is an error.
pub fn read(bytes: &[u8]) -> Result<(SegmentId, Vec<Record>), BadSegment> {
    let (id, mut frames) = open(bytes)?;
    let mut records = Vec::new();
    loop {
        let at = frames.offset();
        match frames.next_payload()? {
            Some(payload) => {
                records.push(Record::decode(payload).map_err(|error| BadSegment::Record { at, error })?);
            }
            None => return Ok((id, records)),
        }
    }
}

fn open(bytes: &[u8]) -> Result<(SegmentId, Frames<'_>), BadSegment> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else { return Err(BadSegment::Magic) };
    let mut frames = Frames::new(bytes, bytes.len() - rest.len());
    let head = frames.next_payload()?.ok_or(BadSegment::Magic)?;
    Ok((minicbor::decode(head).map_err(BadSegment::Head)?, frames))
}

/// A segment as it was found after its writer died.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) records: Vec<Record>,
    /// Bytes that were cut off.
    pub(crate) torn: u64,
}

/// Cuts the torn tail off a segment that its writer left open, and seals it. A file that holds no record is deleted.
pub(crate) fn recover(folder: &Path, name: FileName) -> io::Result<Recovered> {
    let path = name.path(folder);
    let bytes = fs::read(&path)?;
    let mut records = Vec::new();
    let mut whole = 0;
    if let Ok((_, mut frames)) = open(&bytes) {
        whole = frames.offset();
        while let Ok(Some(payload)) = frames.next_payload() {
            // A frame whose checksum is right and that is no record was not torn; a collector would refuse it.
            let Ok(record) = Record::decode(payload) else { break };
            records.push(record);
            whole = frames.offset();
        }
    }
    let torn = (bytes.len() - whole) as u64;
    if records.is_empty() {
        fs::remove_file(&path)?;
    } else {
        let file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(whole as u64)?;
        file.sync_all()?;
        fs::rename(&path, FileName { stage: Stage::Sealed, ..name }.path(folder))?;
    }
    sync_folder(folder)?;
    Ok(Recovered { records, torn })
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_in_the_order_of_writing() {
        let folder = Path::new("spool");
        let first = FileName { boot: Boot(9), sequence: 10, stage: Stage::Open };
        let second = FileName { boot: Boot(10), sequence: 9, stage: Stage::Sealed };
        assert!(first.path(folder) < second.path(folder));
        for name in [first, second] {
            assert_eq!(FileName::parse(name.path(folder).file_name().unwrap().to_str().unwrap()), Some(name));
        }
        for other in ["lock", "1-2.tmp", "a-2.open", "1.open", "1-2.open.gz"] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
