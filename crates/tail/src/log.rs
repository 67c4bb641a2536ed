//! A log that is followed: its lines, each once, whatever happens to its files.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use memchr::memrchr;
use minicbor::{Decode, Encode};

use crate::neighbours;
use crate::packed::{fill, open};
use crate::position::{HEAD, Position};

/// Bytes that are read at once. A line that is longer is handed out in parts, and a restart within it reads its rest as a
/// line of its own.
pub const PIECE: usize = 1024 * 1024;

/// What happened to the files of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Status {
    /// Times that another file came to stand at the path.
    #[n(0)]
    pub rotations: u64,
    /// Times that the file was cut.
    #[n(1)]
    pub truncations: u64,
    /// Times that the file read so far was nowhere to be found: what it got since then was not read. Files that were empty
    /// do not count.
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
    /// How far the file in hand was read; `None` before there is one.
    position: Option<Position>,
    file: Option<InHand>,
    /// Whether that file was read to its end and gets no more.
    done: bool,
    /// Rotated files that are still to be read, oldest first, before what stands at the path.
    ahead: VecDeque<PathBuf>,
    status: Status,
}

/// The file that is being read.
enum InHand {
    /// What stands at the path, or did when it was opened.
    Current(File),
    /// One that was rotated: it gets no more.
    Rotated { bytes: Box<dyn Read + Send>, rest: Vec<u8> },
}

impl std::fmt::Debug for InHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Current(_) => "Current",
            Self::Rotated { .. } => "Rotated",
        })
    }
}

impl Log {
    /// Follows a path from the beginning of what stands there, or from where an earlier run ended.
    pub fn new(path: &Path, position: Option<Position>, status: Status) -> Self {
        Self { path: path.to_owned(), position, file: None, done: false, ahead: VecDeque::new(), status }
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
        piece.clear();
        loop {
            if self.file.is_none() && !self.take_in_hand()? {
                return Ok(());
            }
            match self.file.as_mut() {
                Some(InHand::Rotated { .. }) => self.read_rotated(piece)?,
                _ => self.read_current(piece)?,
            }
            // After the end of a file comes the next.
            if !piece.is_empty() || matches!(self.file, Some(InHand::Current(_))) {
                return Ok(());
            }
        }
    }

    /// Takes the next file in hand; whether there is one.
    fn take_in_hand(&mut self) -> io::Result<bool> {
        while let Some(next) = self.ahead.front() {
            let next = next.clone();
            let begun = self.begin_rotated(&next)?;
            self.ahead.pop_front();
            if begun {
                return Ok(true);
            }
        }
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.status.absences += 1;
                return if self.done { Ok(false) } else { self.look_back() };
            }
            Err(error) => return Err(error),
        };
        let about = file.metadata()?;
        match &self.position {
            Some(position) if !self.done => {
                let position = position.clone();
                let is_it = position.offset <= about.len() && position.is_in(&mut Start(&file, 0), about.ino())?;
                if !is_it && self.look_back()? {
                    return Ok(true);
                }
                if !is_it {
                    self.status.losses += u64::from(position.head > 0);
                    self.position = Some(Position::start(&head(&file)?, about.ino()));
                }
            }
            _ => self.position = Some(Position::start(&head(&file)?, about.ino())),
        }
        self.file = Some(InHand::Current(file));
        self.done = false;
        Ok(true)
    }

    /// Looks for the file of the position among rotated ones, and takes it in hand; whether it was there.
    fn look_back(&mut self) -> io::Result<bool> {
        let Some(position) = &self.position else { return Ok(false) };
        let Some(found) = neighbours::find(position, &self.path)? else { return Ok(false) };
        let Some((first, after)) = found.split_first() else { return Ok(false) };
        let mut bytes = open(first)?.bytes;
        io::copy(&mut bytes.by_ref().take(position.offset), &mut io::sink())?;
        self.status.rotations += 1;
        self.ahead = after.to_vec().into();
        self.file = Some(InHand::Rotated { bytes, rest: Vec::new() });
        Ok(true)
    }

    /// A rotated file from its beginning; not, when it is another form of the one before, packed and not packed yet.
    fn begin_rotated(&mut self, path: &Path) -> io::Result<bool> {
        let inode = match path.metadata() {
            Ok(about) => about.ino(),
            // It went, or was packed under another name that comes next.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut bytes = open(path)?.bytes;
        let mut rest = vec![0; HEAD];
        let length = fill(&mut bytes, &mut rest)?;
        rest.truncate(length);
        let start = Position::start(&rest, inode);
        if self.position.as_ref().is_some_and(|before| before.is_beside(&start)) {
            return Ok(false);
        }
        self.status.rotations += 1;
        self.position = Some(start);
        self.done = false;
        self.file = Some(InHand::Rotated { bytes, rest });
        Ok(true)
    }

    fn read_rotated(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        let (Some(InHand::Rotated { bytes, rest }), Some(position)) = (&mut self.file, &mut self.position) else {
            return Ok(());
        };
        piece.append(rest);
        let kept = piece.len();
        piece.resize(kept.max(PIECE), 0);
        let length = kept + fill(bytes, &mut piece[kept..])?;
        piece.truncate(length);
        if length < PIECE {
            // It gets no more: its last line ends here.
            position.offset += length as u64;
            self.end_file(piece);
            return Ok(());
        }
        let end = memrchr(b'\n', piece).map_or(length, |lf| lf + 1);
        rest.extend_from_slice(&piece[end..]);
        piece.truncate(end);
        position.offset += end as u64;
        Ok(())
    }

    fn read_current(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        let (Some(InHand::Current(file)), Some(position)) = (&self.file, &mut self.position) else { return Ok(()) };
        // While it is short, what it begins with is not all known.
        if (position.head as usize) < HEAD {
            let head = head(file)?;
            if position.is_in(&mut head.as_slice(), position.inode)? {
                *position = Position { offset: position.offset, ..Position::start(&head, position.inode) };
            }
        }
        let about = file.metadata()?;
        if about.len() < position.offset || !position.is_in(&mut Start(file, 0), about.ino())? {
            // Cut in place; a copy may have what was not read.
            self.status.truncations += 1;
            self.file = None;
            self.done = !self.look_back()?;
            return Ok(());
        }
        piece.resize(PIECE, 0);
        let mut from = Start(file, position.offset);
        let length = fill(&mut from, piece)?;
        piece.truncate(length);
        let is_gone = || {
            let there = std::fs::metadata(&self.path);
            there.map_or(true, |there| (there.dev(), there.ino()) != (about.dev(), about.ino()))
        };
        if length < PIECE && is_gone() {
            // Written once more after it was renamed, it may be; it is read to its end the next time.
            let more = file.metadata()?.len() > position.offset + length as u64;
            if !more {
                position.offset += length as u64;
                self.status.rotations += 1;
                // More than one rotation may have passed.
                let found = neighbours::find(position, &self.path)?;
                self.ahead = found.map_or_else(VecDeque::new, |found| found[1..].to_vec().into());
                self.end_file(piece);
                return Ok(());
            }
        }
        let whole = memrchr(b'\n', piece).map(|lf| lf + 1);
        piece.truncate(whole.unwrap_or(if length == PIECE { length } else { 0 }));
        position.offset += piece.len() as u64;
        Ok(())
    }

    /// The file in hand gets no more.
    fn end_file(&mut self, piece: &mut Vec<u8>) {
        if piece.last().is_some_and(|last| *last != b'\n') {
            piece.push(b'\n');
        }
        self.file = None;
        self.done = true;
    }
}

/// The first bytes of a file.
fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let length = fill(&mut Start(file, 0), &mut head)?;
    head.truncate(length);
    Ok(head)
}

/// A file from a place on, whatever its own place is.
struct Start<'a>(&'a File, u64);

impl Read for Start<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read_at(room, self.1)?;
        self.1 += length as u64;
        Ok(length)
    }
}
