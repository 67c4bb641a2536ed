//! Captures of every form, in pieces, cut at every byte, and broken: the datagrams before the place are told, and the place is.

mod made;

use std::net::IpAddr;

use evidence::Time;
use made::{ethernet, frame, ipv4, ipv6, pcap};
use sflow::capture::{Capture, Fault, PORT, Tally};

#[path = "../../../fuzz/harness/sflow.rs"]
mod harness;

use harness::Pieces;

const AT: i64 = 1_158_105_600_123_456;

/// Times and payloads, the fault, the tally.
type Told = (Vec<(i64, Vec<u8>)>, Option<Fault>, Tally);

fn read(capture: &[u8]) -> Told {
    harness::capture(capture);
    let mut capture = Capture::new(Pieces { left: capture, piece: usize::MAX }, Some(PORT));
    let mut told = Vec::new();
    let fault = loop {
        match capture.read() {
            Ok(Some(datagram)) => told.push((datagram.at.micros(), datagram.payload.to_vec())),
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        }
    };
    (told, fault, *capture.tally())
}

/// A capture of one frame, in the order of bytes, with stamps and link type as told.
fn old(magic: u32, is_little: bool, link: u32, part: u32, frame: &[u8]) -> Vec<u8> {
    let order = |word: u32| if is_little { word.to_le_bytes() } else { word.to_be_bytes() };
    let length = frame.len() as u32;
    let words = [magic, 0x0004_0002, 0, 0, 65535, link, (AT / 1_000_000) as u32, part, length, length];
    [words.map(order).concat(), frame.to_vec()].concat()
}

/// A block of pcapng.
fn block(is_little: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let order = |word: u32| if is_little { word.to_le_bytes() } else { word.to_be_bytes() };
    let body = made::padded(body);
    let length = order(body.len() as u32 + 12);
    [&order(kind)[..], &length, &body, &length].concat()
}

fn section(is_little: bool) -> Vec<u8> {
    let order = |word: u32| if is_little { word.to_le_bytes() } else { word.to_be_bytes() };
    block(is_little, 0x0a0d_0d0a, &[order(0x1a2b_3c4d), order(1), [0xff; 4], [0xff; 4]].concat())
}

fn interface(is_little: bool, link: u16, options: &[u8]) -> Vec<u8> {
    let link = if is_little { link.to_le_bytes() } else { link.to_be_bytes() };
    block(is_little, 1, &[&link[..], &[0; 6], options].concat())
}

fn packet(is_little: bool, number: u32, stamp: u64, frame: &[u8]) -> Vec<u8> {
    let order = |word: u32| if is_little { word.to_le_bytes() } else { word.to_be_bytes() };
    let length = frame.len() as u32;
    let head = [number, (stamp >> 32) as u32, stamp as u32, length, length].map(order).concat();
    block(is_little, 6, &[&head[..], frame].concat())
}

#[test]
fn both_byte_orders_and_both_resolutions_of_pcap_are_read() {
    for is_little in [true, false] {
        for (magic, part) in [(0xa1b2_c3d4, 123_456), (0xa1b2_3c4d, 123_456_789)] {
            let (told, fault, _) = read(&old(magic, is_little, 1, part, &frame(b"datagram")));
            assert!(fault.is_none());
            assert_eq!(told, [(AT, b"datagram".to_vec())]);
        }
    }
}

#[test]
fn frames_of_every_link_type_are_read() {
    let whole = frame(b"datagram");
    let packet = &whole[14..];
    let cooked = [&[0; 14][..], &[8, 0], packet].concat();
    let cooked2 = [&[8, 0][..], &[0; 18], packet].concat();
    let cooked2_vlan = [&[0x81, 0][..], &[0; 18], &[0, 7, 8, 0], packet].concat();
    for (link, frame) in [
        (1, whole.clone()),
        (1, ethernet(&[0x81, 0, 0, 7, 8, 0], packet)),
        (113, cooked),
        (276, cooked2),
        (276, cooked2_vlan),
        (101, packet.to_vec()),
        (12, packet.to_vec()),
        (228, packet.to_vec()),
        (229, ipv6(17, &packet[20..])),
        (0, [&[2, 0, 0, 0][..], packet].concat()),
        (108, [&[0, 0, 0, 2][..], packet].concat()),
    ] {
        let (told, fault, _) = read(&old(0xa1b2_c3d4, true, link, 123_456, &frame));
        assert_eq!((told.len(), fault.is_none()), (1, true), "link type {link}");
    }
    assert!(matches!(read(&old(0xa1b2_c3d4, true, 147, 0, &whole)).1, Some(Fault::Link { link: 147 })));
}

#[test]
fn pcapng_is_read_with_sections_interfaces_and_resolutions() {
    let frame = frame(b"datagram");
    // Nanoseconds, with an hour added; powers of two; no option.
    let nano = [&[9, 0, 1, 0, 9, 0, 0, 0, 14, 0, 8, 0][..], &3600i64.to_le_bytes(), &[0; 4]].concat();
    let binary = [0, 9, 0, 1, 0x8a, 0, 0, 0];
    let capture = [
        section(true),
        interface(true, 1, &nano),
        interface(true, 147, &[]),
        packet(true, 0, AT as u64 * 1000 + 999, &frame),
        packet(true, 1, AT as u64, &frame),
        packet(true, 7, AT as u64, &frame),
        block(true, 3, &[&(frame.len() as u32).to_le_bytes()[..], &frame].concat()),
        // A block that nobody reads, longer than the memory.
        block(true, 0x0bad, &vec![1; 300_000]),
        section(false),
        interface(false, 1, &binary),
        interface(false, 1, &[]),
        packet(false, 0, (AT as u64 / 1_000_000) << 10 | 512, &frame),
        packet(false, 1, AT as u64, &frame),
    ];
    let (told, fault, tally) = read(&capture.concat());
    assert!(fault.is_none(), "{fault:?}");
    let times: Vec<i64> = told.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [AT + 3_600_000_000, AT / 1_000_000 * 1_000_000 + 500_000, AT]);
    assert_eq!((tally.packets, tally.links, tally.interfaces, tally.timeless), (6, 1, 1, 1));
}

#[test]
fn a_capture_cut_at_any_byte_tells_what_was_whole_and_where_it_ends() {
    let frames: Vec<_> = (0..3).map(|number| (AT + number, frame(&[number as u8; 9]))).collect();
    let size = 16 + frames[0].1.len();
    let old = pcap(&frames);
    let new = [section(true), interface(true, 1, &[])].concat();
    let begin = new.len();
    let new = frames.iter().fold(new, |mut new, (at, frame)| {
        new.extend(packet(true, 0, *at as u64, frame));
        new
    });
    let block = (new.len() - begin) / 3;
    for (capture, head, size) in [(&old, 24, size), (&new, begin, block)] {
        for end in 0..=capture.len() {
            let (told, fault, _) = read(&capture[..end]);
            assert_eq!(told.len(), end.saturating_sub(head) / size, "cut at {end}");
            match fault {
                None => assert_eq!(end.saturating_sub(head) % size, 0, "cut at {end}"),
                Some(Fault::Foreign { .. }) => assert!(end < 4),
                Some(Fault::Cut { offset, missing }) => {
                    assert!(offset < end as u64 && missing > 0);
                    assert!(end < head || offset == (head + told.len() * size) as u64, "cut at {end}: {offset}");
                }
                Some(fault) => panic!("cut at {end}: {fault}"),
            }
        }
    }
}

#[test]
fn what_is_no_capture_is_told_by_what_it_looks_like() {
    let what = |bytes: &[u8]| read(bytes).1.unwrap().to_string();
    assert!(what(b"").contains("empty"));
    assert!(what(b"\x1f\x8b\x08\x00").contains("gzip"));
    assert!(what(b"\x28\xb5\x2f\xfd").contains("zstd"));
    assert!(what(b"\xfd7zXZ\x00").contains("xz"));
    assert!(what(b"\x00\x00\x00\x05\x00\x00\x00\x01").contains("sFlow"));
    assert!(what(b"\x00\x05\x00\x1e").contains("NetFlow"));
    assert!(what(b"Received: from").contains("neither"));
}

#[test]
fn a_broken_capture_says_at_which_byte() {
    let mut old = pcap(&[(AT, frame(b"one")), (AT, frame(b"two"))]);
    let second = 24 + 16 + frame(b"one").len();
    old[second + 8..second + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let (told, fault, _) = read(&old);
    assert_eq!(told.len(), 1);
    assert!(matches!(fault, Some(Fault::Packet { offset, length: u32::MAX }) if offset == second as u64), "{fault:?}");

    let begin = [section(true), interface(true, 1, &[]), packet(true, 0, AT as u64, &frame(b"one"))].concat();
    for (length, place) in [(3u32, 4), (13, 4), (1 << 30, 4)] {
        let mut broken = [&begin[..], &packet(true, 0, AT as u64, &frame(b"two"))].concat();
        broken[begin.len() + place..begin.len() + place + 4].copy_from_slice(&length.to_le_bytes());
        let (told, fault, _) = read(&broken);
        assert_eq!(told.len(), 1);
        assert!(matches!(fault, Some(Fault::Block { offset, .. }) if offset == begin.len() as u64), "{fault:?}");
    }
}

#[test]
fn fragments_are_counted_and_of_the_first_what_is_there_is_told() {
    let mut first = frame(&[7; 100]);
    first[20] = 0x20;
    first.truncate(first.len() - 20);
    first[16..18].copy_from_slice(&108u16.to_be_bytes());
    let mut later = frame(&[7; 100]);
    later[21] = 9;
    let (told, _, tally) = read(&pcap(&[(AT, first), (AT, later), (AT, frame(b"whole"))]));
    assert_eq!((told.len(), told[0].1.len(), tally.fragments), (2, 80, 2));
}

#[test]
fn a_length_of_udp_that_lies_is_told_and_the_least_holds() {
    let mut capture = pcap(&[(AT, frame(&[7; 100]))]);
    let length = 24 + 16 + 14 + 20 + 4;
    capture[length..length + 2].copy_from_slice(&16u16.to_be_bytes());
    let mut capture = Capture::new(&capture[..], Some(PORT));
    let datagram = capture.read().unwrap().unwrap();
    assert_eq!((datagram.payload.len(), datagram.is_short), (8, true));
    assert_eq!((datagram.at, datagram.exporter), (Time::from_micros(AT), IpAddr::from([192, 0, 2, 7])));
}

#[test]
fn packets_to_other_ports_and_other_packets_are_counted() {
    let mut other = frame(b"other");
    other[14 + 20 + 3] = 0;
    let others = [other, ethernet(&[8, 0], &ipv4(6, &[0; 20])), ethernet(&[8, 6], &[0; 28]), vec![]];
    let (told, _, tally) = read(&pcap(&others.map(|frame| (AT, frame))));
    assert_eq!((told.len(), tally.packets, tally.others), (0, 4, 4));
}
