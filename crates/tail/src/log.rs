//! A log that is followed: its lines, each once, whatever happens to its files.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use memchr::memrchr;
use minicbor::{Decode, Encode};

use crate::neighbours::{Found, find, there};
use crate::packed::{Opened, Packing, fill, of};
use crate::position::{From, HEAD, Position};

/// Bytes that are read at once. A line that is longer is handed out in parts; who goes on after a restart without the state
/// of their reader takes the rest of it for a line.
pub const PIECE: usize = 1024 * 1024;

/// Looks at which the file of a position is nowhere, before it is given up: files are renamed one after another while we
/// look.
pub const LOOKS: u32 = 3;

/// Looks at which a packed file cannot be read, before the rest of it is given up: somebody may be packing it.
pub const PATIENCE: u32 = 120;

/// What happened to the files of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Status {
    /// Times that another file followed on the one that was read. After a restart a file that was cut is another.
    #[n(0)]
    pub rotations: u64,
    /// Times that the file was cut.
    #[n(1)]
    pub truncations: u64,
    /// Times that the rest of a file was given up: nowhere to be found, or packed and torn. What it got since it was read
    /// last was not read. Files that were empty do not count.
    #[n(2)]
    pub losses: u64,
    /// Looks at which nothing stood at the path.
    #[n(3)]
    pub absences: u64,
}

/// A log that is followed.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    /// How far the file in hand, or the last one, was read; `None` before there is one.
    position: Option<Position>,
    hand: Option<Hand>,
    /// Whether the file of the position was read to its end and gets no more.
    done: bool,
    /// Whether that file was cut, so that what comes next is no rotation.
    cut: bool,
    /// Looks at which its file was nowhere, and at which a packed file could not be read.
    missed: u32,
    failed: u32,
    status: Status,
}

/// The file that is being read.
enum Hand {
    /// It may get more: what stands at the path, or was moved from there.
    Plain(File),
    /// It gets no more. `rest` is unpacked and was not handed out.
    Packed { bytes: Box<dyn Read + Send>, rest: Vec<u8> },
}

impl std::fmt::Debug for Hand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Packed { .. } => "Packed",
        })
    }
}

impl Log {
    /// Follows a path from the beginning of what stands there, or from where an earlier run ended.
    pub fn new(path: &Path, position: Option<Position>, status: Status) -> Self {
        let path = path.to_owned();
        Self { path, position, hand: None, done: false, cut: false, missed: 0, failed: 0, status }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next read begins: everything before it was handed out.
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    pub fn status(&self) -> Status {
        self.status
    }

    /// Puts the next bytes into `piece`: whole lines, but for a line longer than [`PIECE`] and the last line of a file that
    /// gets no more, which is ended here. Nothing, when there is nothing new.
    ///
    /// # Errors
    /// Those of the file system. Nothing is lost by one: the next call tries again.
    pub fn read(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        loop {
            piece.clear();
            let goes_on = match self.hand {
                None => self.take_in_hand(),
                Some(Hand::Plain(_)) => self.read_plain(piece),
                Some(Hand::Packed { .. }) => self.read_packed(piece),
            };
            match goes_on {
                Ok(true) if piece.is_empty() => {}
                Ok(_) => return Ok(()),
                Err(error) => {
                    piece.clear();
                    return Err(error);
                }
            }
        }
    }

    /// Takes the next file in hand; whether there is one.
    fn take_in_hand(&mut self) -> io::Result<bool> {
        // Opened before the rotated files are looked at: so what is moved away meanwhile is seen here or there.
        let current = there(&self.path)?;
        self.status.absences += u64::from(current.is_none());
        let Some(position) = self.position.clone() else {
            return current.map_or(Ok(false), |file| self.begin_current(file));
        };
        let at_path = match &current {
            Some(file) if !self.done && position.is_at(file)? => Some(file.metadata()?.ino() == position.inode),
            _ => None,
        };
        let found = if at_path == Some(true) { None } else { find(&position, &self.path)? };
        // Short files may begin alike; then its number tells which it is.
        if at_path.is_some() && !found.as_ref().is_some_and(|found| found.same_number) {
            self.hand = current.map(Hand::Plain);
            return Ok(true);
        }
        self.missed = if found.is_some() { 0 } else { self.missed + 1 };
        let next = match found {
            Some(Found { path, .. }) if !self.done => return self.go_on(File::open(path)?),
            Some(Found { next, .. }) => next,
            None if self.missed < LOOKS => return Ok(false),
            None => None,
        };
        if let Some(next) = next {
            return self.begin_rotated(File::open(next)?);
        }
        match current {
            // As long as it is empty, the file before it is the better mark.
            Some(file) if file.metadata()?.len() > 0 => self.begin_current(file),
            _ => Ok(false),
        }
    }

    fn begin_current(&mut self, file: File) -> io::Result<bool> {
        let start = Position::of(&file)?;
        self.status.losses += u64::from(!self.done && self.position.as_ref().is_some_and(|before| before.head > 0));
        self.begin(start, Hand::Plain(file));
        Ok(true)
    }

    /// A rotated file from its beginning.
    fn begin_rotated(&mut self, mut file: File) -> io::Result<bool> {
        if Packing::of(&mut file)? == Packing::None {
            return self.begin_current(file);
        }
        let inode = file.metadata()?.ino();
        let Some((bytes, rest)) = self.unpacked(unpack(file, HEAD), inode)? else { return Ok(true) };
        self.begin(Position::start(&rest, inode), Hand::Packed { bytes, rest });
        Ok(true)
    }

    fn begin(&mut self, start: Position, hand: Hand) {
        self.status.rotations += u64::from(self.position.is_some() && !self.cut);
        self.position = Some(start);
        self.hand = Some(hand);
        (self.done, self.cut, self.missed, self.failed) = (false, false, 0, 0);
    }

    /// A rotated file from where it was read.
    fn go_on(&mut self, mut file: File) -> io::Result<bool> {
        let Some(position) = self.position.clone() else { return Ok(false) };
        if Packing::of(&mut file)? == Packing::None {
            self.hand = Some(Hand::Plain(file));
            return Ok(true);
        }
        let skipped = unpack(file, 0).and_then(|(mut bytes, rest)| {
            io::copy(&mut bytes.by_ref().take(position.offset), &mut io::sink())?;
            Ok((bytes, rest))
        });
        if let Some((bytes, rest)) = self.unpacked(skipped, position.inode)? {
            self.hand = Some(Hand::Packed { bytes, rest });
        }
        Ok(true)
    }

    /// What came of unpacking; `None` when the file is given up after too many failures.
    fn unpacked<T>(&mut self, result: io::Result<T>, inode: u64) -> io::Result<Option<T>> {
        let error = match result {
            Ok(unpacked) => return Ok(Some(unpacked)),
            Err(error) => error,
        };
        self.hand = None;
        self.failed += 1;
        if self.failed < PATIENCE {
            return Err(error);
        }
        tracing::warn!(%error, log = %self.path.display(), "a packed log is torn: its rest is not read");
        self.failed = 0;
        self.status.losses += 1;
        if self.done {
            // Not even its head could be read; it is passed over by its number.
            self.position = Some(Position::start(&[], inode));
        }
        self.done = true;
        Ok(None)
    }

    fn read_packed(&mut self, piece: &mut Vec<u8>) -> io::Result<bool> {
        let Some(Hand::Packed { bytes, rest }) = &mut self.hand else { return Ok(true) };
        piece.append(rest);
        let kept = piece.len();
        piece.resize(kept.max(PIECE), 0);
        let filled = fill(bytes, &mut piece[kept..]);
        let inode = self.position.as_ref().map_or(0, |position| position.inode);
        let Some(length) = self.unpacked(filled, inode)? else {
            piece.clear();
            return Ok(true);
        };
        self.failed = 0;
        piece.truncate(kept + length);
        let ends = piece.len() < PIECE;
        let whole = if ends { piece.len() } else { memrchr(b'\n', piece).map_or(piece.len(), |lf| lf + 1) };
        if let Some(Hand::Packed { rest, .. }) = &mut self.hand {
            rest.extend_from_slice(&piece[whole..]);
        }
        piece.truncate(whole);
        self.advance(whole);
        if ends {
            self.end_file(piece);
        }
        Ok(true)
    }

    fn read_plain(&mut self, piece: &mut Vec<u8>) -> io::Result<bool> {
        let (Some(Hand::Plain(file)), Some(position)) = (&self.hand, &mut self.position) else { return Ok(true) };
        position.learn(file)?;
        let offset = position.offset;
        piece.resize(PIECE, 0);
        let length = fill(&mut From(file, offset), piece)?;
        piece.truncate(length);
        // Looked at after the reading: so what was read is of the file that it is taken for.
        if !position.is_at(file)? {
            // Cut in place; a copy may have what was not read.
            self.status.truncations += 1;
            self.cut = true;
            self.hand = None;
            piece.clear();
            return Ok(true);
        }
        let whole = memrchr(b'\n', piece).map_or(if length == PIECE { length } else { 0 }, |lf| lf + 1);
        if whole > 0 {
            piece.truncate(whole);
            self.advance(whole);
            return Ok(true);
        }
        if !self.is_over(&file.metadata()?)? {
            piece.clear();
            return Ok(false);
        }
        // What came before the next file began is read first.
        if file.metadata()?.len() > offset + length as u64 {
            piece.clear();
            return Ok(true);
        }
        self.advance(length);
        self.end_file(piece);
        Ok(true)
    }

    /// Whether this file gets no more: a later one has something. One that was moved away is written to until its server is
    /// told.
    fn is_over(&self, file: &Metadata) -> io::Result<bool> {
        if let Some(current) = there(&self.path)? {
            let current = current.metadata()?;
            if (current.dev(), current.ino()) == (file.dev(), file.ino()) {
                return Ok(false);
            }
            if current.len() > 0 {
                return Ok(true);
            }
        }
        let Some(position) = &self.position else { return Ok(false) };
        Ok(find(position, &self.path)?.is_some_and(|found| found.next.is_some()))
    }

    fn advance(&mut self, length: usize) {
        if let Some(position) = &mut self.position {
            position.offset += length as u64;
        }
    }

    /// The file in hand gets no more: its last line ends here.
    fn end_file(&mut self, piece: &mut Vec<u8>) {
        if piece.last().is_some_and(|last| *last != b'\n') {
            piece.push(b'\n');
        }
        self.hand = None;
        self.done = true;
    }
}

/// A packed file, and its first bytes, at most `head`.
fn unpack(file: File, head: usize) -> io::Result<(Box<dyn Read + Send>, Vec<u8>)> {
    let Opened { mut bytes, .. } = of(file)?;
    let mut rest = vec![0; head];
    let length = fill(&mut bytes, &mut rest)?;
    rest.truncate(length);
    Ok((bytes, rest))
}
