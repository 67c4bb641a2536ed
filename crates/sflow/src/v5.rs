//! Version 5: samples and records have lengths, which are stepped by whatever stands in them.

use crate::pass::Pass;
use crate::record::{self, Found, Path};
use crate::source::{Head, RawInterface};
use crate::words::{Words, word_at};
use crate::{Reason, Seen};

const FLOW: u32 = 1;
const COUNTERS: u32 = 2;
const EXPANDED_FLOW: u32 = 3;
const EXPANDED_COUNTERS: u32 = 4;
const DISCARDED: u32 = 5;
/// Foundry's: stands before a flow sample and is not among the announced.
const MARKER: u32 = 1991 << 12 | 1;

/// Reads the samples behind the head of a datagram. `rest` is wiped but for the headers told.
pub(crate) fn read<'d, F: FnMut(&Seen<'_>)>(pass: &mut Pass<'_, F>, announced: u32, mut rest: Words<'d>) {
    let (mut counted, mut markers) = (0, 0);
    while counted < announced {
        let Some(head) = rest.words::<8>() else { break };
        let (tag, length) = (word_at(head, 0), word_at(head, 1));
        let Some(body) = rest.bytes(length) else {
            cut(pass, tag, std::mem::take(&mut rest));
            break;
        };
        counted += u32::from(tag != MARKER);
        match tag {
            FLOW | EXPANDED_FLOW => flow(pass, tag, Words(body)),
            COUNTERS | EXPANDED_COUNTERS => pass.counts.counters += 1,
            DISCARDED => {
                pass.counts.discarded += 1;
                body.fill(0);
            }
            MARKER => markers += 1,
            _ => {
                pass.counts.unknown += 1;
                pass.counts.count(Reason::SampleUnknown);
                body.fill(0);
            }
        }
    }
    pass.counts.markers += u64::from(markers);
    // An exporter that counts its markers is at the end of its datagram when as many samples are missing.
    if counted < announced && rest.is_empty() && announced - counted == markers {
        pass.counts.markers_announced += u64::from(markers);
        counted += markers;
    }
    pass.end(announced, counted, rest);
}

#[inline(always)]
fn flow<'d, F: FnMut(&Seen<'_>)>(pass: &mut Pass<'_, F>, tag: u32, mut body: Words<'d>) {
    pass.counts.flows += 1;
    let Some((head, records)) = head(tag, &mut body) else {
        pass.counts.count(Reason::RecordCut);
        pass.counts.count(Reason::NoHeader);
        return body.wipe();
    };
    let mut found = Found::new();
    let whole = take_records(pass, &mut found, &mut body, records);
    if !whole {
        pass.counts.count(Reason::RecordCut);
        body.wipe();
    } else if !body.is_empty() {
        pass.counts.count(Reason::SampleSlack);
        body.wipe();
    }
    pass.flow(&head, &found);
}

/// A sample that the datagram does not hold to its end: its packet is told when the header is all there.
fn cut<'d, F: FnMut(&Seen<'_>)>(pass: &mut Pass<'_, F>, tag: u32, mut body: Words<'d>) {
    let head = if tag == FLOW || tag == EXPANDED_FLOW { head(tag, &mut body) } else { None };
    let Some((head, records)) = head else { return body.wipe() };
    let mut found = Found::new();
    take_records(pass, &mut found, &mut body, records);
    body.wipe();
    pass.cut_flow(&head, &found);
}

/// Whether all of them were there.
#[inline(always)]
fn take_records<'d, F>(pass: &mut Pass<'_, F>, found: &mut Found<'d>, rest: &mut Words<'d>, records: u32) -> bool {
    for _ in 0..records {
        if !take_record(pass, found, rest) {
            return false;
        }
    }
    true
}

/// The fixed part of a flow sample, and the number of its records.
#[inline(always)]
fn head(tag: u32, body: &mut Words<'_>) -> Option<(Head, u32)> {
    if tag == FLOW {
        let head = body.words::<32>()?;
        let (source, input, output) = (word_at(head, 1), word_at(head, 5), word_at(head, 6));
        return Some((
            Head {
                sequence: word_at(head, 0),
                class: source >> 24,
                index: source & 0x00ff_ffff,
                rate: word_at(head, 2),
                pool: word_at(head, 3),
                drops: word_at(head, 4),
                input: RawInterface::compact(input),
                output: RawInterface::compact(output),
            },
            word_at(head, 7),
        ));
    }
    let head = body.words::<44>()?;
    Some((
        Head {
            sequence: word_at(head, 0),
            class: word_at(head, 1),
            index: word_at(head, 2),
            rate: word_at(head, 3),
            pool: word_at(head, 4),
            drops: word_at(head, 5),
            input: RawInterface::expanded(word_at(head, 6), word_at(head, 7)),
            output: RawInterface::expanded(word_at(head, 8), word_at(head, 9)),
        },
        word_at(head, 10),
    ))
}

/// The next record. False: it is not there to its end; a sampled header that is all there is read all the same.
#[inline(always)]
fn take_record<'d, F>(pass: &mut Pass<'_, F>, found: &mut Found<'d>, rest: &mut Words<'d>) -> bool {
    let Some(head) = rest.words::<8>() else { return false };
    let (tag, length) = (word_at(head, 0), word_at(head, 1));
    let Some(body) = rest.bytes(length) else {
        let cut = std::mem::take(rest);
        if tag == 1 {
            sampled(pass, found, cut, true)
        } else {
            cut.wipe()
        }
        return false;
    };
    match tag {
        1 => sampled(pass, found, Words(body), false),
        3 => found.fields(body.get(..32)),
        4 => found.fields(body.get(..56)),
        1001 => {
            if let Some(vlan) = body.first_chunk() {
                found.stripped_vlan(u32::from_be_bytes(*vlan));
            }
        }
        1003 => gateway(pass, found, Words(body)),
        // Of several tags that were taken off, the outermost is the first.
        1012 => {
            if let Some(tags) = body.first_chunk::<8>().filter(|tags| word_at(tags, 0) > 0) {
                found.stripped_vlan(word_at(tags, 1) & 0x0fff);
            }
        }
        2 | 1002 => {}
        // Names of users and addresses of pages are among them.
        _ => {
            pass.counts.count(Reason::RecordUnknown);
            body.fill(0);
        }
    }
    true
}

/// Record 1: protocol, length of the frame, bytes taken off, length of the header, header.
#[inline(always)]
fn sampled<'d, F>(pass: &mut Pass<'_, F>, found: &mut Found<'d>, mut body: Words<'d>, cut: bool) {
    let Some(head) = body.words::<16>() else { return body.wipe() };
    let (protocol, length) = (word_at(head, 0), word_at(head, 3));
    let whole = length as usize <= body.len();
    if !whole && cut {
        return body.wipe();
    }
    if !whole || word_at(head, 1) < length {
        pass.counts.count(Reason::HeaderCut);
    }
    let length = body.len().min(length as usize);
    found.header(pass.ports, protocol, body.0, length);
}

fn gateway<F>(pass: &mut Pass<'_, F>, found: &mut Found<'_>, mut body: Words<'_>) {
    let next_hop = record::address(&mut body);
    match next_hop.and_then(Result::ok).and_then(|_| Path::version_4(&mut body)) {
        Some(path) => found.path = path,
        None => pass.counts.count(Reason::RecordCut),
    }
}
