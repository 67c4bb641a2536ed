//! The audit file: one JSON object a line, each with the SHA-256 of the line before.
//!
//! A line that is changed or taken out breaks the chain at the next one, and whoever reads the file is told where. That the
//! last lines are missing cannot be seen from the file: note the digest of the last line elsewhere (`spamtrail doctor`
//! prints it).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::entry::Entry;
use crate::ledger::{Ledger, Turned};

/// The file's name in its folder.
const FILE: &str = "audit.jsonl";

/// What the first line holds in the place of a digest.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The longest audit that is read: some 200 000 lines. A longer one is refused, and nothing is released any more.
const MAX_FILE: u64 = 128 * 1024 * 1024;

/// The audit of a folder. It is made with its first entry.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
}

/// An audit that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    #[error("{path}: {error}", path = .path.display())]
    Io { path: PathBuf, error: io::Error },
    /// The chain does not hold from this line on.
    #[error("{path}, line {line}: {why}", path = .path.display())]
    Broken { path: PathBuf, line: usize, why: &'static str },
    /// The step is not to be taken.
    #[error(transparent)]
    Turned(#[from] Turned),
}

/// A line: an entry in the chain.
#[derive(Serialize, Deserialize)]
struct Line {
    previous: String,
    #[serde(flatten)]
    entry: Entry,
}

impl Audit {
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join(FILE) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The entries, when the chain holds. Without a file there are none.
    pub fn read(&self) -> Result<Ledger, AuditError> {
        match File::open(&self.path) {
            Ok(mut file) => {
                flock(&file, FlockOperation::LockShared).map_err(|error| self.io(error.into()))?;
                Ok(self.follow(&mut file)?.0)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Ledger { tip: NOTHING.to_owned(), ..Ledger::default() })
            }
            Err(error) => Err(self.io(error)),
        }
    }

    /// Appends the entry that `decide` makes of what is there; nobody else appends meanwhile. When this returns, the line is
    /// on disk.
    pub fn append(&self, decide: impl FnOnce(&Ledger) -> Result<Entry, Turned>) -> Result<Entry, AuditError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| self.io(error))?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.path);
        let mut file = open.map_err(|error| self.io(error))?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| self.io(error.into()))?;
        let (ledger, whole) = self.follow(&mut file)?;
        let entry = decide(&ledger)?;
        let line = Line { previous: ledger.tip, entry };
        let mut text = serde_json::to_vec(&line).map_err(|error| self.io(error.into()))?;
        text.push(b'\n');
        put(&mut file, whole, &text, folder).map_err(|error| self.io(error))?;
        Ok(line.entry)
    }

    /// The entries, and the length of the whole lines.
    fn follow(&self, file: &mut File) -> Result<(Ledger, u64), AuditError> {
        let broken = |line: usize, why| AuditError::Broken { path: self.path.clone(), line, why };
        let mut bytes = Vec::new();
        let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| self.io(error))?;
        if read as u64 > MAX_FILE {
            return Err(broken(0, "the file is too long"));
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut ledger = Ledger { tip: NOTHING.to_owned(), ..Ledger::default() };
        for (number, text) in
            bytes[..whole].split(|byte| *byte == b'\n').enumerate().take_while(|(_, text)| !text.is_empty())
        {
            let line: Line = serde_json::from_slice(text).map_err(|_| broken(number + 1, "it is no entry"))?;
            if line.previous != ledger.tip {
                return Err(broken(number + 1, "the line before it is not the one that it was written after"));
            }
            ledger.tip = evidence::sha256_hex(&Sha256::digest(text).into());
            ledger.entries.push(line.entry);
        }
        let lines = bytes[..whole].iter().filter(|byte| **byte == b'\n').count();
        if lines != ledger.entries.len() {
            return Err(broken(ledger.entries.len() + 1, "it is empty"));
        }
        Ok((ledger, whole as u64))
    }

    fn io(&self, error: io::Error) -> AuditError {
        AuditError::Io { path: self.path.clone(), error }
    }
}

/// Writes a line behind the whole ones. What a crash left half-written there was never acted upon, and goes.
fn put(file: &mut File, whole: u64, line: &[u8], folder: &Path) -> io::Result<()> {
    file.set_len(whole)?;
    file.seek(SeekFrom::Start(whole))?;
    file.write_all(line)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}
