//! A place in a log: how its file begins, and how far it was read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::packed::fill;

/// Bytes by which a file is told from others. Two logs whose first lines are alike up to here are taken for one.
pub const HEAD: usize = 4096;

/// How far a log was read. It stays true when the file is renamed or packed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Position {
    /// The bytes of the head that were there, at most [`HEAD`], and their digest.
    #[n(0)]
    pub(crate) head: u32,
    #[n(1)]
    pub(crate) sha256: [u8; 32],
    /// Bytes read, unpacked.
    #[n(2)]
    pub(crate) offset: u64,
    /// The file's number, by which one is told that was empty.
    #[n(3)]
    pub(crate) inode: u64,
}

impl Position {
    /// The start of a file that begins so.
    pub(crate) fn start(head: &[u8], inode: u64) -> Self {
        Self { head: head.len() as u32, sha256: Sha256::digest(head).into(), offset: 0, inode }
    }

    /// The start of this file, as it is now.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(Self::start(&head(file)?, file.metadata()?.ino()))
    }

    /// While the file is short, what it begins with is not all known: looks again.
    pub(crate) fn learn(&mut self, file: &File) -> io::Result<()> {
        if (self.head as usize) < HEAD {
            let head = head(file)?;
            if self.is_in(&mut head.as_slice(), self.inode)? {
                *self = Self { offset: self.offset, ..Self::start(&head, self.inode) };
            }
        }
        Ok(())
    }

    /// Whether this is the file that was read, and has all of what was read.
    pub(crate) fn is_at(&self, file: &File) -> io::Result<bool> {
        let about = file.metadata()?;
        Ok(self.offset <= about.len() && self.is_in(&mut From(file, 0), about.ino())?)
    }

    /// Bytes read, unpacked.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The number of the file that was read last (`st_ino`), as long as it is not packed.
    pub fn number(&self) -> u64 {
        self.inode
    }

    /// Whether this file, of this number, begins as the one that was read.
    pub(crate) fn is_in(&self, file: &mut impl Read, inode: u64) -> io::Result<bool> {
        if self.head == 0 {
            return Ok(inode == self.inode);
        }
        let mut head = vec![0; self.head as usize];
        let length = fill(file, &mut head)?;
        Ok(length == head.len() && self.sha256 == <[u8; 32]>::from(Sha256::digest(&head)))
    }
}

/// The first bytes of a file.
fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let length = fill(&mut From(file, 0), &mut head)?;
    head.truncate(length);
    Ok(head)
}

/// A file from a place on, whatever its own place is.
pub(crate) struct From<'a>(pub(crate) &'a File, pub(crate) u64);

impl Read for From<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read_at(room, self.1)?;
        self.1 += length as u64;
        Ok(length)
    }
}
