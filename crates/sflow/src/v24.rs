//! Versions 2 and 4: nothing has a length, so each part must be understood to find the next; what is not ends the reading.

use crate::pass::Pass;
use crate::record::{self, Found, Path};
use crate::source::{Head, RawInterface};
use crate::words::{Words, word_at};
use crate::{Reason, Seen};

const FLOW: u32 = 1;
const COUNTERS: u32 = 2;

/// Why the reading of a datagram ends early.
enum End {
    /// It is cut.
    Cut,
    /// A type of something is unknown.
    Unknown,
}

/// A part that may be cut.
fn whole<T>(part: Option<T>) -> Result<T, End> {
    part.ok_or(End::Cut)
}

/// Reads the samples behind the head of a datagram. `rest` is wiped but for the headers told.
pub(crate) fn read<F: FnMut(&Seen<'_>)>(pass: &mut Pass<'_, F>, announced: u32, mut rest: Words<'_>) {
    let mut counted = 0;
    while counted < announced && !rest.is_empty() {
        match sample(pass, &mut rest) {
            Ok(()) => counted += 1,
            Err(End::Cut) => break,
            Err(End::Unknown) => {
                pass.counts.count(Reason::V24Unknown);
                break;
            }
        }
    }
    pass.end(announced, counted, rest);
}

fn sample<F: FnMut(&Seen<'_>)>(pass: &mut Pass<'_, F>, rest: &mut Words<'_>) -> Result<(), End> {
    match whole(rest.word())? {
        FLOW => flow(pass, rest),
        COUNTERS => {
            counters(rest)?;
            pass.counts.counters += 1;
            Ok(())
        }
        _ => Err(End::Unknown),
    }
}

fn flow<F: FnMut(&Seen<'_>)>(pass: &mut Pass<'_, F>, rest: &mut Words<'_>) -> Result<(), End> {
    let head = whole(rest.words::<28>())?;
    let (source, output) = (word_at(head, 1), word_at(head, 6));
    let head = Head {
        sequence: word_at(head, 0),
        class: source >> 24,
        index: source & 0x00ff_ffff,
        rate: word_at(head, 2),
        pool: word_at(head, 3),
        drops: word_at(head, 4),
        input: RawInterface::compact(word_at(head, 5)),
        output: output_of(output),
    };
    let mut found = Found::new();
    match packet(pass, &mut found, rest).and_then(|()| extended(pass, &mut found, rest)) {
        Ok(()) => {
            pass.counts.flows += 1;
            pass.flow(&head, &found);
            Ok(())
        }
        Err(end) => {
            pass.cut_flow(&head, &found);
            Err(end)
        }
    }
}

/// The top bit says that it is a number of interfaces.
fn output_of(word: u32) -> RawInterface {
    match word >> 31 {
        1 => RawInterface::expanded(2, word & 0x7fff_ffff),
        _ => RawInterface::expanded(0, word),
    }
}

fn packet<'d, F>(pass: &mut Pass<'_, F>, found: &mut Found<'d>, rest: &mut Words<'d>) -> Result<(), End> {
    match whole(rest.word())? {
        1 => {
            let head = whole(rest.words::<12>())?;
            let length = word_at(head, 2);
            let padded = whole(rest.opaque(length))?;
            if word_at(head, 1) < length {
                pass.counts.count(Reason::HeaderCut);
            }
            found.header(pass.ports, word_at(head, 0), padded, length as usize);
        }
        2 => found.fields(Some(whole(rest.words::<32>())?)),
        3 => found.fields(Some(whole(rest.words::<56>())?)),
        _ => return Err(End::Unknown),
    }
    Ok(())
}

fn extended<F>(pass: &mut Pass<'_, F>, found: &mut Found<'_>, rest: &mut Words<'_>) -> Result<(), End> {
    for _ in 0..whole(rest.word())? {
        match whole(rest.word())? {
            1 => {
                let switch = whole(rest.words::<16>())?;
                found.stripped_vlan(word_at(switch, 0));
            }
            2 => {
                whole(record::address(rest))?.map_err(|_| End::Unknown)?;
                whole(rest.words::<8>())?;
            }
            3 if pass.opening.version == 2 => found.path = whole(Path::version_2(rest))?,
            3 => {
                found.path = whole(Path::version_4(rest))?;
                whole(Path::skip_communities(rest))?;
            }
            // The users of source and destination.
            4 => {
                text(rest)?;
                text(rest)?;
            }
            // Direction and address of a page.
            5 => {
                whole(rest.word())?;
                text(rest)?;
            }
            _ => return Err(End::Unknown),
        }
    }
    Ok(())
}

/// A text about a person: wiped.
fn text(rest: &mut Words<'_>) -> Result<(), End> {
    let length = whole(rest.word())?;
    whole(rest.opaque(length))?.fill(0);
    Ok(())
}

/// Sequence, source, interval, kind; then as many bytes as the kind has.
fn counters(rest: &mut Words<'_>) -> Result<(), End> {
    let head = whole(rest.words::<16>())?;
    let length = match word_at(head, 3) {
        1 | 4 | 6 => 88,
        2 => 140,
        3 => 160,
        5 => 168,
        7 => 28,
        _ => return Err(End::Unknown),
    };
    whole(rest.bytes(length)).map(drop)
}
