//! Reads a whole input with one processor or several: each thread reads the lines of a piece ahead, and puts them together when
//! the turn of its piece comes. What is told, and in which order, is the same with any number of threads.
//!
//! It is for whole inputs: a log that is followed is read by one, because how far it was read must be exact at any time. The
//! examples of `maillog` and `findings` include this file, so that what is measured is what runs.

use std::io::{self, Read};
use std::sync::{Condvar, Mutex, PoisonError};

use maillog::{Ahead, Happening, Reader};

/// Bytes that are read at once.
const PIECE: usize = 128 * 1024;

/// What has not been read yet.
struct Left<R, S> {
    input: R,
    /// Hears every byte, in order.
    see: S,
    /// The start of a line whose end is in the next piece.
    tail: Vec<u8>,
    /// The number of the next piece.
    number: u64,
    ended: bool,
    failed: Option<io::Error>,
}

/// Who puts lines together, and the number of the piece whose turn it is.
struct Turn<'a, T> {
    reader: &'a mut Reader,
    tell: T,
    number: u64,
}

/// Reads all of the input, and tells what its lines make known; `see` hears the bytes as they are read. The reader is not
/// finished.
pub(crate) fn read(
    input: impl Read + Send,
    threads: usize,
    reader: &mut Reader,
    see: impl FnMut(&[u8]) + Send,
    tell: impl FnMut(&Happening<'_>) + Send,
) -> io::Result<()> {
    let mut left = Left { input, see, tail: Vec::new(), number: 0, ended: false, failed: None };
    if threads <= 1 {
        return left.alone(reader, tell);
    }
    let left = Mutex::new(left);
    let (turn, next) = (Mutex::new(Turn { reader, tell, number: 0 }), Condvar::new());
    let work = || {
        let mut piece = Vec::new();
        loop {
            let Ok(Some(number)) = left.lock().map(|mut left| left.next(&mut piece)) else { return };
            let (ahead, rest) = Ahead::read(&piece);
            let Ok(turn) = turn.lock() else { return };
            let Ok(mut turn) = next.wait_while(turn, |turn| turn.number != number) else { return };
            let Turn { reader, tell, .. } = &mut *turn;
            reader.take(&ahead, &mut *tell);
            reader.feed(rest, &mut *tell);
            turn.number += 1;
            next.notify_all();
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
    left.failed.map_or(Ok(()), Err)
}

impl<R: Read, S: FnMut(&[u8])> Left<R, S> {
    fn alone(&mut self, reader: &mut Reader, mut tell: impl FnMut(&Happening<'_>)) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let length = match self.input.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            (self.see)(&piece[..length]);
            reader.feed(&piece[..length], &mut tell);
        }
    }

    /// The next piece, which ends with a line unless one is longer than a piece, and its number. `None` at the end, or when
    /// reading failed.
    fn next(&mut self, piece: &mut Vec<u8>) -> Option<u64> {
        piece.clear();
        piece.append(&mut self.tail);
        let known = piece.len();
        piece.resize(known + PIECE, 0);
        let mut length = known;
        while length < piece.len() && !self.ended {
            match self.input.read(&mut piece[length..]) {
                Ok(0) => self.ended = true,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => (self.failed, self.ended) = (Some(error), true),
            }
        }
        piece.truncate(length);
        (self.see)(&piece[known..]);
        if let Some(end) = piece.iter().rposition(|byte| *byte == b'\n') {
            self.tail.extend_from_slice(&piece[end + 1..]);
            piece.truncate(end + 1);
        }
        self.number += 1;
        (!piece.is_empty()).then_some(self.number - 1)
    }
}
