//! A place in a log: how its file begins, and how far it was read.

use std::io::{self, Read};

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

    /// Whether both are in files that begin alike.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        (self.head, self.sha256) == (other.head, other.sha256)
    }

    /// Bytes read, unpacked.
    pub fn offset(&self) -> u64 {
        self.offset
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
