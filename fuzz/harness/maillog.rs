//! What holds for whatever stands in a log of a mail server: nothing fails, the same happenings however it is split, read
//! ahead or begun again, every line counted once, and memory within the bounds.
//!
//! The fuzz target and the tests of `maillog` include this file.

use std::fmt::Write;

use evidence::Time;
use maillog::{Ahead, Bounds, Happening, Kind, Reader, Source, policy};

/// Few messages, so that bounds are reached.
const BOUNDS: Bounds = Bounds { messages: 8, bytes: 64 * 1024 };

/// Beside the messages: what is kept of the clients and lines before, of journald's fields, and of lines in pieces.
const BESIDE: usize = 512 * 1024;

/// The first byte of the input chooses how it is split; what follows is the log, or a policy request.
pub(crate) fn maillog(input: &[u8]) {
    let Some((choice, log)) = input.split_first() else { return };
    if *choice == u8::MAX {
        return request(log);
    }
    let whole = told(log, Way::Whole);
    assert_eq!(told(log, Way::Pieces(1)), whole, "byte by byte");
    let size = usize::from(*choice) + 2;
    assert_eq!(told(log, Way::Pieces(size)), whole, "pieces of {size}");
    assert_eq!(told(log, Way::Ahead(size)), whole, "read ahead, pieces of {size}");
    // A restart takes long.
    let size = size.max(log.len() / 3);
    assert_eq!(told(log, Way::Again(size)), whole, "begun again after each {size}");
}

/// How the bytes come.
enum Way {
    Whole,
    Pieces(usize),
    Ahead(usize),
    /// With a restart after each piece.
    Again(usize),
}

fn source() -> Source {
    Source { bounds: BOUNDS, ..Source::new(Time::from_micros(1_772_500_000_000_000), 7) }
}

/// All that was told, then what was counted.
fn told(log: &[u8], way: Way) -> String {
    let (mut text, source) = (String::new(), source());
    let mut tell = |happening: &Happening<'_>| {
        assert!(happening.offset < log.len() as u64, "a line of the log");
        _ = writeln!(text, "{happening:?}");
    };
    let mut reader = Reader::new(&source);
    match way {
        Way::Whole => {
            reader.sum_up(&source);
            reader.feed(log, &mut tell);
        }
        Way::Pieces(size) => log.chunks(size).for_each(|piece| reader.feed(piece, &mut tell)),
        Way::Ahead(size) => log.chunks(size).for_each(|piece| {
            let (ahead, rest) = Ahead::read(piece);
            reader.take(&ahead, &mut tell);
            reader.feed(rest, &mut tell);
        }),
        Way::Again(size) => log.chunks(size).for_each(|piece| {
            reader.feed(piece, &mut tell);
            let saved = reader.save();
            assert!(saved.len() <= BOUNDS.bytes + BESIDE, "{} bytes are kept of {}", saved.len(), log.len());
            reader = Reader::restore(&saved, &source).expect("what was saved is read");
        }),
    }
    assert!(reader.open() <= BOUNDS.messages);
    reader.finish(&mut tell);
    let tally = reader.tally();
    let counted: u64 = Kind::ALL.into_iter().map(|kind| tally.count(kind)).sum();
    assert_eq!(counted, tally.lines, "each line counts once");
    assert_eq!(tally.bytes, log.len() as u64);
    _ = writeln!(text, "{tally:?} {:?}", reader.counts());
    text
}

/// A request is read when its last byte has come, whatever follows.
fn request(input: &[u8]) {
    let Some((read, length)) = policy::request(input) else { return };
    assert!((1..=input.len()).contains(&length));
    assert_eq!(policy::request(&input[..length]), Some((read, length)));
    assert_eq!(policy::request(&input[..length - 1]), None);
    assert!(read.arrival().is_none_or(|arrival| arrival.mail.client == read.client()));
}
