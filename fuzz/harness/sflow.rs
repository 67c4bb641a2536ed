//! What holds for every datagram and every capture: all that is announced is accounted for, nothing but headers is told or
//! left, and a capture is the same however it is cut into pieces.
//!
//! The fuzz targets and the tests of `sflow` include this file.
#![allow(dead_code, reason = "each includer uses a part")]

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};

use evidence::Time;
use sflow::capture::{Capture, Fault, Tally};
use sflow::{Decoder, Flags, Ports, Seen};

const EXPORTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Any datagram, read twice by the same decoder.
pub(crate) fn datagram(input: &[u8]) {
    let mut decoder = Decoder::new(Ports::MAIL);
    let first = read(&mut decoder, input, 0);
    let second = read(&mut decoder, input, 61_000_000);
    assert_eq!(first, second, "the same packets of the same datagram");
    accounted(&decoder);
    assert_eq!(decoder.coverage().datagrams, 2);
}

/// What was told of a datagram: flags, bytes and length of each header.
fn read(decoder: &mut Decoder, input: &[u8], at: i64) -> Vec<(Flags, u32, usize)> {
    let mut memory = input.to_vec();
    let mut told = Vec::new();
    let mut headers = 0;
    decoder.read(Time::from_micros(at), EXPORTER, &mut memory, |seen| {
        told_right(seen);
        headers += seen.packet.header.len();
        told.push((seen.packet.flags, seen.packet.bytes, seen.packet.header.len()));
    });
    assert!(headers <= input.len(), "headers lie beside each other in the datagram");
    told
}

fn told_right(seen: &Seen<'_>) {
    let (packet, ports) = (&seen.packet, Ports::MAIL);
    assert!(seen.scale >= 1);
    assert!(ports.contains(packet.source.port()) || ports.contains(packet.destination.port()));
    assert_eq!(packet.source.is_ipv4(), packet.destination.is_ipv4());
    let header = packet.header;
    if header.is_empty() {
        return;
    }
    // From the IP header to the end of TCP's, and no further.
    let tcp = match header[0] >> 4 {
        4 => usize::from(header[0] & 15) * 4,
        6 => return,
        version => panic!("a header of IP version {version}"),
    };
    assert!(header.len() >= tcp + 14 && header.len() <= tcp + usize::from(header[tcp + 12] >> 4).max(5) * 4);
    assert_eq!(header[tcp + 13], packet.flags.0);
}

pub(crate) fn accounted(decoder: &Decoder) {
    let coverage = decoder.coverage();
    let counts = coverage.counts;
    assert_eq!(counts.announced, counts.seen() + counts.lost, "announced is seen and lost");
    let passed: u64 = counts.by_reason().filter(|(reason, _)| reason.passes_flow()).map(|(_, count)| count).sum();
    assert_eq!(counts.flows, counts.told - counts.told_of_cut + passed, "a sample is told or has a reason");
    let refused: u64 = counts.by_reason().filter(|(reason, _)| reason.refuses_datagram()).map(|(_, count)| count).sum();
    assert!(refused <= counts.datagrams);
    for (number, _) in decoder.sources().iter().enumerate() {
        let scale = decoder.scale(sflow::SourceId(number as u32)).expect("a source");
        assert!(scale.used().is_finite());
    }
}

/// Any capture, in pieces of different lengths; what it holds goes through a decoder.
pub(crate) fn capture(input: &[u8]) {
    let whole = played(input, usize::MAX);
    for piece in [1, 7] {
        assert_eq!(whole, played(input, piece), "the same in pieces of {piece}");
    }
}

/// Times, exporters and payloads; the fault at the end; the tally.
type Played = (Vec<(Time, IpAddr, Vec<u8>, bool)>, Option<String>, Tally);

fn played(input: &[u8], piece: usize) -> Played {
    let mut decoder = Decoder::new(Ports::MAIL);
    let mut capture = Capture::new(Pieces { left: input, piece }, None);
    let mut datagrams = Vec::new();
    let fault = loop {
        match capture.read() {
            Ok(Some(datagram)) => {
                datagrams.push((datagram.at, datagram.exporter, datagram.payload.to_vec(), datagram.is_short));
                decoder.read(datagram.at, datagram.exporter, datagram.payload, told_right as fn(&Seen<'_>));
            }
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        }
    };
    assert!(capture.offset() <= input.len() as u64);
    assert!(matches!(capture.read(), Ok(None)), "an end stays one");
    accounted(&decoder);
    let tally = *capture.tally();
    let passed = tally.others + tally.links + tally.timeless + tally.interfaces;
    assert!(tally.datagrams + passed <= tally.packets && tally.packets <= tally.datagrams + passed + tally.fragments);
    if let Some(Fault::Cut { offset, missing }) = &fault {
        assert!(*offset <= input.len() as u64 && *missing > 0);
    }
    (datagrams, fault.map(|fault| fault.to_string()), tally)
}

/// A reader that gives few bytes at a time.
pub(crate) struct Pieces<'a> {
    pub(crate) left: &'a [u8],
    pub(crate) piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.piece.min(into.len()).min(self.left.len());
        let (now, later) = self.left.split_at(count);
        into[..count].copy_from_slice(now);
        self.left = later;
        Ok(count)
    }
}
