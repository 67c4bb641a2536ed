//! Nothing of anybody's mail is told, and nothing of it is left in the memory that the caller has.

mod made;

use std::net::IpAddr;

use evidence::Time;
use made::{FLOW, Head, PAYLOAD, V5, ethernet, ipv4, ipv6, raw, tagged, tcp, words};
use proptest::prelude::*;
use sflow::{Decoder, Ports};

const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

/// No header that is made here has the byte of which payload is made: it is odd, and all lengths are even.
fn header(kind: usize, destination: u16, payload: usize, cut: usize) -> (u32, Vec<u8>) {
    let transport = tcp(40_112, destination, 0x18, payload * 2);
    let (protocol, mut header) = match kind {
        0 => (1, ethernet(&[8, 0], &ipv4(6, &transport))),
        1 => (1, ethernet(&[0x81, 0, 0, 7, 0x86, 0xdd], &ipv6(6, &transport))),
        2 => (1, ethernet(&[8, 0], &ipv4(17, &transport))),
        3 => (1, ethernet(&[8, 6], &[PAYLOAD; 100])),
        4 => (11, ipv4(6, &transport)),
        5 => (12, ipv6(60, &[&[6, 0, 0, 0, 0, 0, 0, 0], &transport[..]].concat())),
        6 => (5, vec![PAYLOAD; 128]),
        7 => (13, [&[0, 1, 1, 64], &ipv4(6, &transport)[..]].concat()),
        8 => (1, vec![PAYLOAD; 90]),
        // A later fragment is payload all over.
        _ => {
            let mut fragment = ethernet(&[8, 0], &ipv4(6, &[PAYLOAD; 100]));
            fragment[21] = 9;
            (1, fragment)
        }
    };
    header.truncate(cut);
    (protocol, header)
}

fn sample(version: u32, shape: usize, protocol: u32, header: &[u8]) -> Vec<u8> {
    let text = [words(&[8]), vec![PAYLOAD; 8]].concat();
    match (version, shape) {
        (5, 0) => FLOW.sample(&[raw(protocol, header)]),
        (5, 1) => FLOW.expanded(&[tagged(1004, &text), raw(protocol, header), raw(protocol, header)]),
        (5, 2) => tagged(5, &[words(&[1, 0, 3, 0, 7, 0, 256, 1]), raw(protocol, header)].concat()),
        (5, 3) => tagged(77, &[PAYLOAD; 40]),
        // A record that says it is longer than it is, by much or by little.
        (5, 4) => {
            let mut sample = FLOW.sample(&[raw(protocol, header)]);
            sample[8 + 32 + 4] = 1;
            sample
        }
        (5, _) => {
            let mut sample = FLOW.sample(&[raw(protocol, header)]);
            sample[8 + 32 + 8 + 13] = 1;
            sample
        }
        // The old forms are all said to be Ethernet; what is none has to go as well.
        (_, 0) => FLOW.old(header, &[[words(&[5, 1]), text].concat()]),
        (_, 1) => FLOW.old(header, &[[words(&[6]), text].concat()]),
        _ => FLOW.old(header, &[]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn no_byte_of_payload_is_told_or_left(
        version in prop::sample::select(vec![2u32, 4, 5]),
        samples in prop::collection::vec((0usize..6, 0usize..10, 0u16..2, 0usize..200, 0usize..140), 0..6),
        cut in 0usize..3000,
        announced in 0u32..8,
    ) {
        let samples: Vec<_> = samples
            .into_iter()
            .map(|(shape, kind, port, payload, length)| {
                let (protocol, header) = header(kind, 25 + port, payload, length);
                sample(version, shape, protocol, &header)
            })
            .collect();
        let mut datagram = Head { version, ..V5 }.announcing(announced, &samples);
        datagram.truncate(cut.max(28));
        let mut told = Vec::new();
        Decoder::new(Ports::MAIL).read(Time::default(), EXPORTER, &mut datagram, |seen| {
            told.extend_from_slice(seen.packet.header);
        });
        prop_assert!(!told.contains(&PAYLOAD), "told");
        prop_assert!(!datagram.contains(&PAYLOAD), "left");
    }

    #[test]
    fn a_foreign_datagram_is_wiped_whole(mut datagram in prop::collection::vec(any::<u8>(), 0..200), first in 6u8..255) {
        if let Some(byte) = datagram.first_mut() {
            *byte = first;
        }
        Decoder::new(Ports::MAIL).read(Time::default(), EXPORTER, &mut datagram, |_| {});
        prop_assert!(datagram.iter().all(|byte| *byte == 0));
    }
}
