//! What holds for whatever stands in a log of a mail server: nothing fails, the same happenings however it is split, read
//! ahead or begun again, every line counted once, and memory within the bounds.
//!
//! The fuzz target and the tests of `maillog` include this file.

use std::fmt::Write;

use evidence::Time;
use maillog::{Ahead, Bounds, Happening, Kind, Overheard, Reader, Source};

/// Few messages, so that bounds are reached.
const BOUNDS: Bounds = Bounds { messages: 8, bytes: 64 * 1024 };

/// Beside the messages: what is kept of the clients and lines before, of journald's fields, and of lines in pieces.
const BESIDE: usize = 512 * 1024;

/// The first byte of the input chooses how it is split; what follows is the log, also of what Postfix asked.
pub(crate) fn maillog(input: &[u8]) {
    let Some((choice, log)) = input.split_first() else { return };
    if *choice == u8::MAX {
        return overheard(log);
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
            let (ahead, rest) = Ahead::default().read(piece);
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

/// What Postfix asked is heard beside the log, and kept over a restart.
fn overheard(log: &[u8]) {
    let mut reader = Reader::new(&source());
    for heard in log.split(|byte| *byte == b'\n').filter_map(Overheard::read) {
        assert!(!heard.helo.is_empty(), "a name is no empty one");
        reader.overhear(&heard);
    }
    let mut again = Reader::restore(&reader.save(), &source()).expect("what was saved is read");
    let (mut one, mut other) = (String::new(), String::new());
    reader.feed(log, |happening| _ = writeln!(one, "{happening:?}"));
    again.feed(log, |happening| _ = writeln!(other, "{happening:?}"));
    assert_eq!(one, other, "the same after a restart");
}
