//! Reads a whole input with one processor or several. Of each piece the lines are read, put together, and what they told is heard:
//! a thread does it all for its piece, but puts together when the pieces before were put together, and hears when what they told
//! was heard. So one puts together while another hears, and what is told, and in which order, is the same with any number.
//!
//! It is for whole inputs: a log that is followed is read by one, because how far it was read must be exact at any time. The
//! examples of `maillog` and `findings` include this file, so that what is measured is what runs.

use std::io::{self, Read};
use std::sync::{Condvar, Mutex, PoisonError};

use maillog::{Ahead, Happening, Kept, Reader};

/// Bytes that are read at once.
const PIECE: usize = 128 * 1024;

/// How often a thread looks whether its turn has come before it sleeps: for a tenth of a millisecond or so.
const LOOKS: u32 = 2000;

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

/// What is done with one piece after the other.
struct InTurn<T> {
    /// Who does it, and the number of the piece whose turn it is. `None` when a thread panicked: the others must not wait for it.
    turn: Mutex<(T, Option<u64>)>,
    next: Condvar,
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
    let (left, reader, hearer) = (Mutex::new(left), InTurn::new(reader), InTurn::new(tell));
    let work = || {
        let _alarm = (Alarm(&reader), Alarm(&hearer));
        let (mut piece, mut memory, mut kept) = (Vec::new(), Ahead::default(), Kept::default());
        loop {
            let Ok(Some(number)) = left.lock().map(|mut left| left.next(&mut piece)) else { return };
            // Nobody has to wait for its turn idly, nor to keep lines that it can put together at once.
            let ahead = (!reader.is_turn_of(number)).then(|| std::mem::take(&mut memory).read(&piece));
            let done = reader.take(number, |reader| match &ahead {
                Some((ahead, rest)) => {
                    reader.take(ahead, |happening| kept.push(&piece, happening));
                    reader.feed(rest, |happening| kept.push(&piece, happening));
                }
                None => reader.feed(&piece, |happening| kept.push(&piece, happening)),
            });
            if done.and_then(|()| hearer.take(number, |tell| kept.tell(&piece, tell))).is_none() {
                return;
            }
            kept.clear();
            if let Some((ahead, _)) = ahead {
                memory = ahead.forget();
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
    left.failed.map_or(Ok(()), Err)
}

impl<T> InTurn<T> {
    fn new(who: T) -> Self {
        Self { turn: Mutex::new((who, Some(0))), next: Condvar::new() }
    }

    /// Whether it can be done with a piece now.
    fn is_turn_of(&self, number: u64) -> bool {
        self.turn.try_lock().is_ok_and(|turn| turn.1 == Some(number))
    }

    /// Does it with a piece when its turn comes. `None` when another thread panicked: then it does not come.
    fn take(&self, number: u64, work: impl FnOnce(&mut T)) -> Option<()> {
        // A turn comes soon, mostly sooner than a thread that sleeps is awake.
        _ = (0..LOOKS).find(|_| {
            std::hint::spin_loop();
            self.is_turn_of(number)
        });
        let waits = |(_, next): &mut (T, Option<u64>)| next.is_some_and(|next| next != number);
        let mut turn = self.next.wait_while(self.turn.lock().ok()?, waits).ok()?;
        let next = turn.1? + 1;
        work(&mut turn.0);
        turn.1 = Some(next);
        drop(turn);
        self.next.notify_all();
        Some(())
    }
}

/// Tells those who wait when the thread that has it panics.
struct Alarm<'a, T>(&'a InTurn<T>);

impl<T> Drop for Alarm<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.turn.lock().unwrap_or_else(PoisonError::into_inner).1 = None;
            self.0.next.notify_all();
        }
    }
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
        if !self.ended {
            let more = self.input.by_ref().take(PIECE as u64).read_to_end(piece);
            self.ended = !more.as_ref().is_ok_and(|more| *more == PIECE);
            self.failed = more.err();
        }
        (self.see)(&piece[known..]);
        if let Some(end) = piece.iter().rposition(|byte| *byte == b'\n') {
            self.tail.extend_from_slice(&piece[end + 1..]);
            piece.truncate(end + 1);
        }
        self.number += 1;
        (!piece.is_empty()).then_some(self.number - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maillog::{Source, What};

    /// More than three pieces: refusals, each of another recipient, between lines without interest.
    fn log() -> Vec<u8> {
        let lines = |number: usize| {
            format!(
                "2026-03-02 10:00:00 no host name found for IP address 192.0.2.{}\n2026-03-02 10:00:00 \
                 H=(a.example) [192.0.2.1] F=<a@a.example> rejected RCPT <u{number}@b.example>: no\n",
                number % 250
            )
        };
        (0..PIECE / 40).flat_map(|number| lines(number).into_bytes()).collect()
    }

    /// What came of an input: the result, the bytes that were seen, the recipients that were told.
    type Came = (io::Result<()>, Vec<u8>, Vec<String>);

    fn read_with(threads: usize, input: impl Read + Send) -> Came {
        let (mut seen, mut told) = (Vec::new(), Vec::new());
        let mut reader = Reader::new(&Source::new(evidence::Time::default(), 7));
        let tell = |happening: &Happening<'_>| {
            let What::Refusal(refusal) = happening.what else { panic!("{happening:?}") };
            told.push(String::from_utf8_lossy(refusal.recipient.unwrap_or_default()).into_owned());
        };
        let result = read(input, threads, &mut reader, |piece| seen.extend_from_slice(piece), tell);
        (result, seen, told)
    }

    #[test]
    fn the_same_is_seen_and_told_in_the_same_order_with_any_number_of_threads() {
        let log = log();
        assert!(log.len() > 3 * PIECE);
        let expected: Vec<_> = (0..PIECE / 40).map(|number| format!("u{number}@b.example")).collect();
        for threads in 1..=4 {
            let (result, seen, told) = read_with(threads, &log[..]);
            assert!(result.is_ok() && seen == log && told == expected, "{threads} threads");
        }
    }

    #[test]
    fn an_input_that_fails_says_so_after_what_came_before() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let log = log();
        for threads in [1, 2] {
            let (result, seen, told) = read_with(threads, (&log[..]).chain(Fails));
            assert_eq!((result.unwrap_err().to_string(), seen.len()), ("the disk is gone".to_owned(), log.len()));
            assert_eq!(told.len(), PIECE / 40, "{threads} threads");
        }
    }

    #[test]
    fn a_thread_that_panics_ends_the_others() {
        let log = log();
        let panicked = std::panic::catch_unwind(|| {
            let mut reader = Reader::new(&Source::new(evidence::Time::default(), 7));
            _ = read(&log[..], 3, &mut reader, |_| (), |_| panic!("as is meant"));
        });
        assert!(panicked.is_err());
    }
}
