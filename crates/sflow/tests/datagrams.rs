//! Made-up datagrams: each way to be odd is counted, by its reason, and costs no other sample.

mod made;

use std::net::IpAddr;

use evidence::Time;
use made::{FLOW, Head, V5, ethernet, ipv4, ipv6, mail, raw, tagged, tcp, words};
use sflow::{Counts, Decoder, Flags, Interface, Ports, Reason};

const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

/// What was told, shortly, and the counts.
fn read(datagram: &[u8]) -> (Vec<String>, Counts) {
    let mut decoder = Decoder::new(Ports::MAIL);
    let mut told = Vec::new();
    decoder.read(Time::default(), EXPORTER, &mut datagram.to_vec(), |seen| {
        let packet = &seen.packet;
        told.push(format!("{} {} {}", packet.source, packet.destination, packet.header.len()));
    });
    (told, decoder.coverage().counts)
}

fn reasons(counts: &Counts) -> Vec<Reason> {
    counts.by_reason().filter(|(_, count)| *count > 0).map(|(reason, _)| reason).collect()
}

/// A datagram of one flow sample with these records.
fn of(records: &[Vec<u8>]) -> Vec<u8> {
    V5.datagram(&[FLOW.sample(records)])
}

#[test]
fn the_facts_of_a_sample_are_told() {
    let gateway = tagged(1003, &words(&[1, 0xc000_02fe, 64_500, 0, 64_510, 1, 2, 2, 64_510, 64_511, 0, 100]));
    let switch = tagged(1001, &words(&[100, 0, 200, 0]));
    let mut datagram = of(&[gateway, switch, raw(1, &mail(40_112, Flags::SYN))]);
    let mut number = 0;
    Decoder::new(Ports::MAIL).read(Time::from_micros(7), EXPORTER, &mut datagram, |seen| {
        number += 1;
        assert_eq!((seen.at, seen.exporter, seen.agent), (Time::from_micros(7), EXPORTER, [192, 0, 2, 1].into()));
        assert_eq!((seen.input(), seen.output(), seen.vlan), (Interface::Index(7), Interface::Index(8), Some(100)));
        let packet = &seen.packet;
        assert_eq!((packet.source_as, packet.destination_as), (Some(64_500), Some(64_511)), "0 is the agent's own");
        assert_eq!((packet.rate, seen.scale, packet.bytes, packet.header.len()), (512, 512, 244, 44));
        assert!(packet.flags.is_syn());
    });
    assert_eq!(number, 1);
}

#[test]
fn an_empty_path_is_the_agents_own_as_and_a_set_of_several_is_none() {
    let destination = |path: &[u32]| {
        let gateway = [&[1, 0xc000_02fe, 64_500, 64_501, 64_510], path, &[0, 100]].concat();
        let mut datagram = of(&[tagged(1003, &words(&gateway)), raw(1, &mail(40_112, 2))]);
        let mut told = None;
        Decoder::new(Ports::MAIL).read(Time::default(), EXPORTER, &mut datagram, |seen| {
            told = Some(seen.packet.destination_as);
        });
        told.unwrap()
    };
    assert_eq!(destination(&[0]), Some(64_500));
    assert_eq!(destination(&[1, 2, 0]), Some(64_500));
    assert_eq!(destination(&[2, 2, 1, 64_510, 1, 2, 64_511, 64_512]), None);
    assert_eq!(destination(&[2, 2, 1, 64_510, 1, 1, 64_511]), Some(64_511));
}

#[test]
fn headers_of_every_kind_lead_to_the_packet() {
    let (four, six) = (ipv4(6, &tcp(40_112, 25, 2, 0)), ipv6(6, &tcp(40_112, 587, 2, 0)));
    let options = ipv6(60, &[&[6, 0, 0, 0, 0, 0, 0, 0], &tcp(40_112, 465, 2, 0)[..]].concat());
    for (protocol, header) in [
        (1, ethernet(&[8, 0], &four)),
        (1, ethernet(&[0x81, 0, 0, 7, 8, 0], &four)),
        (1, ethernet(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd], &six)),
        (1, ethernet(&[0, 80, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &four)),
        (1, ethernet(&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64], &six)),
        (1, ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 80, 0, 0x21], &four)),
        (7, [&[0xff, 3, 0, 0x21], &four[..]].concat()),
        (7, [&[0, 0x57], &options[..]].concat()),
        (11, four.clone()),
        (12, options),
        (13, [&[0, 1, 1, 64], &four[..]].concat()),
        (14, [&[0x0f, 0, 0x86, 0xdd], &six[..]].concat()),
    ] {
        let (told, counts) = read(&of(&[raw(protocol, &header)]));
        assert_eq!((told.len(), reasons(&counts)), (1, vec![]), "protocol {protocol}, {header:x?}");
    }
}

#[test]
fn records_that_stand_before_the_header_or_are_unknown_are_passed() {
    let names = tagged(1004, &words(&[3, 4, 0x6162_6364, 3, 0]));
    let page = tagged(1005, &words(&[1, 4, 0x6162_6364, 0]));
    let (told, counts) = read(&of(&[page, names, tagged(2, &[0; 24]), raw(1, &mail(40_112, 2))]));
    assert_eq!((told.len(), reasons(&counts), counts[Reason::RecordUnknown]), (1, vec![Reason::RecordUnknown], 2));
}

#[test]
fn fields_are_told_when_there_is_no_header() {
    let four = words(&[60, 6, 0xc000_0207, 0xc633_6401, 40_112, 25, 2, 0]);
    assert_eq!(read(&of(&[tagged(3, &four)])).0, ["192.0.2.7:40112 198.51.100.1:25 0"]);
    let six = [words(&[60, 6]), vec![1; 16], vec![2; 16], words(&[25, 40_112, 0x12, 0])].concat();
    assert_eq!(read(&of(&[tagged(4, &six)])).0.len(), 1);
    let both = read(&of(&[tagged(3, &four), raw(1, &mail(40_112, 2))]));
    assert_eq!(both.0, ["192.0.2.7:40112 198.51.100.1:25 44"], "a header says more");
    let udp = words(&[60, 17, 0xc000_0207, 0xc633_6401, 40_112, 25, 0, 0]);
    assert_eq!(reasons(&read(&of(&[tagged(3, &udp)])).1), [Reason::NotTcp]);
    // A protocol of which nothing is read, and fields of the same packet.
    assert_eq!(read(&of(&[raw(5, &[0; 40]), tagged(3, &four)])).0.len(), 1);
}

#[test]
fn what_is_not_told_has_its_reason() {
    let sample = |protocol, header: &[u8]| reasons(&read(&of(&[raw(protocol, header)])).1);
    assert_eq!(sample(1, &ethernet(&[8, 0], &ipv4(6, &tcp(40_112, 80, 2, 0)))), [Reason::OtherPort]);
    assert_eq!(sample(1, &ethernet(&[8, 0], &ipv4(17, &tcp(40_112, 25, 2, 0)))), [Reason::NotTcp]);
    assert_eq!(sample(1, &ethernet(&[8, 6], &[0; 28])), [Reason::NotIp]);
    assert_eq!(sample(1, &ethernet(&[8, 0], &ipv6(6, &tcp(1, 25, 2, 0)))), [Reason::NotIp], "the type says IPv4");
    assert_eq!(sample(5, &mail(40_112, 2)), [Reason::Protocol]);
    assert_eq!(sample(1, &mail(40_112, 2)[..47]), [Reason::TcpCut]);
    let mut fragment = mail(40_112, 2);
    fragment[21] = 9;
    assert_eq!(sample(1, &fragment), [Reason::Fragment]);
    assert_eq!(reasons(&read(&of(&[tagged(1001, &[0; 16])])).1), [Reason::NoHeader]);
    assert_eq!(reasons(&read(&of(&[])).1), [Reason::NoHeader]);
}

#[test]
fn samples_of_all_kinds_are_told_apart() {
    let flow = || FLOW.sample(&[raw(1, &mail(40_112, 2))]);
    let discarded = tagged(5, &[words(&[1, 0, 3, 0, 7, 0, 256, 1]), raw(1, &mail(40_112, 2))].concat());
    let vendor = tagged(9999 << 12 | 7, &[1; 20]);
    let samples =
        [flow(), tagged(2, &[0; 12]), tagged(4, &[0; 16]), discarded, vendor, FLOW.expanded(&[raw(1, &mail(7, 2))])];
    let (told, counts) = read(&V5.datagram(&samples));
    assert_eq!((told.len(), counts.flows, counts.counters, counts.discarded, counts.unknown), (2, 2, 2, 1, 1));
    assert_eq!((counts.announced, counts.seen(), counts.lost), (6, 6, 0));
    assert_eq!(reasons(&counts), [Reason::SampleUnknown]);
}

#[test]
fn markers_of_foundry_are_passed_whether_they_are_counted_or_not() {
    let flow = || FLOW.sample(&[raw(1, &mail(40_112, 2))]);
    let marker = || tagged(1991 << 12 | 1, &words(&[1, 2]));
    let samples = [flow(), marker(), flow(), marker(), flow()];
    let (told, counts) = read(&V5.announcing(3, &samples));
    assert_eq!((told.len(), counts.seen(), counts.markers, reasons(&counts)), (3, 3, 2, vec![]));
    let (told, counts) = read(&V5.announcing(5, &samples));
    assert_eq!((told.len(), counts.seen(), counts.markers_announced, reasons(&counts)), (3, 5, 2, vec![]));
    let (_, counts) = read(&V5.announcing(6, &samples));
    assert_eq!((counts.seen(), counts.lost, reasons(&counts)), (3, 3, vec![Reason::SampleCut]));
}

#[test]
fn spare_bytes_are_counted_and_cost_nothing() {
    let mut spare = FLOW.sample(&[raw(1, &mail(40_112, 2))]);
    spare.extend([0; 4]);
    let length = u32::from_be_bytes(*spare[4..].first_chunk().unwrap()) + 4;
    spare[4..8].copy_from_slice(&length.to_be_bytes());
    let (told, counts) = read(&V5.datagram(&[spare.clone(), spare]));
    assert_eq!((told.len(), counts[Reason::SampleSlack], reasons(&counts)), (2, 2, vec![Reason::SampleSlack]));
    let mut datagram = of(&[raw(1, &mail(40_112, 2))]);
    datagram.extend([0; 16]);
    let (told, counts) = read(&datagram);
    assert_eq!((told.len(), reasons(&counts)), (1, vec![Reason::DatagramSlack]));
}

#[test]
fn lengths_that_lie_lose_one_record_or_sample_and_no_other() {
    let good = || FLOW.sample(&[raw(1, &mail(40_112, 2))]);
    // More records than there are.
    let mut many = good();
    many[8 + 28..8 + 32].copy_from_slice(&9u32.to_be_bytes());
    let (told, counts) = read(&V5.datagram(&[many, good()]));
    assert_eq!((told.len(), reasons(&counts)), (2, vec![Reason::RecordCut]));
    // A record longer than its sample, with a header that is all there.
    let mut long = good();
    long[8 + 32 + 4..8 + 32 + 8].copy_from_slice(&u32::MAX.to_be_bytes());
    let (told, counts) = read(&V5.datagram(&[long, good()]));
    assert_eq!((told.len(), reasons(&counts)), (2, vec![Reason::RecordCut]));
    // A header longer than its record.
    let mut header = good();
    header[8 + 32 + 8 + 12..8 + 32 + 8 + 16].copy_from_slice(&1000u32.to_be_bytes());
    let (told, counts) = read(&V5.datagram(&[header, good()]));
    assert_eq!((told.len(), reasons(&counts)), (2, vec![Reason::HeaderCut]));
    // A sample shorter than its own head.
    let (told, counts) = read(&V5.datagram(&[tagged(1, &[0; 8]), good()]));
    assert_eq!((told.len(), reasons(&counts)), (1, vec![Reason::RecordCut, Reason::NoHeader]));
    // A sample longer than the datagram: its header is all there.
    let mut cut = V5.datagram(&[good(), good()]);
    cut.truncate(cut.len() - 4);
    cut.drain(cut.len() - 4..);
    let (told, counts) = read(&cut);
    assert_eq!((told.len(), counts.flows, counts.lost, reasons(&counts)), (1, 1, 1, vec![Reason::SampleCut]));
}

#[test]
fn a_path_of_ases_that_is_broken_costs_no_packet() {
    for gateway in [&[1u32, 0xc000_02fe, 64_500, 64_501, 64_510, 1, 2, u32::MAX, 64_510][..], &[9, 0, 64_500], &[1]] {
        let (told, counts) = read(&of(&[tagged(1003, &words(gateway)), raw(1, &mail(40_112, 2))]));
        assert_eq!((told.len(), reasons(&counts)), (1, vec![Reason::RecordCut]), "{gateway:?}");
    }
}

#[test]
fn a_header_longer_than_its_frame_is_told_and_counted() {
    let mut record = raw(1, &mail(40_112, 2));
    record[12..16].copy_from_slice(&16u32.to_be_bytes());
    let (told, counts) = read(&of(&[record]));
    assert_eq!((told.len(), reasons(&counts)), (1, vec![Reason::HeaderCut]));
}

#[test]
fn foreign_datagrams_are_told_by_what_they_look_like() {
    assert_eq!(reasons(&read(&words(&[0x0005_001e, 1, 2, 3])).1), [Reason::Netflow]);
    assert_eq!(reasons(&read(&words(&[0x0009_0001, 1, 2, 3])).1), [Reason::Netflow]);
    assert_eq!(reasons(&read(&words(&[0x000a_0400, 1, 2, 3])).1), [Reason::Netflow]);
    assert_eq!(reasons(&read(&words(&[3, 1, 2, 3])).1), [Reason::Version]);
    assert_eq!(reasons(&read(&words(&[5, 3, 2, 3, 4, 5, 6, 7])).1), [Reason::AddressType]);
    assert_eq!(reasons(&read(&words(&[5, 1, 2, 3])).1), [Reason::DatagramCut]);
    assert_eq!(reasons(&read(&[]).1), [Reason::DatagramCut]);
}

#[test]
fn versions_2_and_4_are_read_to_what_nobody_knows() {
    let switch = words(&[1, 100, 0, 100, 0]);
    let router = words(&[2, 1, 0xc000_0201, 24, 24]);
    let users = words(&[4, 3, 0x6162_6300, 0]);
    let page = words(&[5, 1, 4, 0x6162_6364]);
    let gateways = [
        (2, words(&[3, 64_500, 64_501, 64_510, 2, 64_510, 64_511])),
        (4, words(&[3, 64_500, 64_501, 64_510, 1, 2, 2, 64_510, 64_511, 1, 64_512, 100])),
    ];
    for (version, gateway) in gateways {
        let head = Head { version, ..V5 };
        let flow = FLOW.old(&mail(40_112, 2), &[switch.clone(), router.clone(), gateway, users.clone(), page.clone()]);
        let kinds = [(1, 88), (2, 140), (3, 160), (4, 88), (5, 168), (6, 88), (7, 28)];
        let counters = kinds.map(|(kind, length)| [words(&[2, 1, 3, 30, kind]), vec![0; length]].concat());
        let samples = [vec![flow.clone()], counters.to_vec(), vec![flow]].concat();
        let (told, counts) = read(&head.datagram(&samples));
        assert_eq!((told.len(), counts.counters, reasons(&counts)), (2, 7, vec![]), "version {version}");

        let unknown = FLOW.old(&mail(40_112, 2), &[words(&[6])]);
        let samples = [samples[0].clone(), unknown, samples[0].clone()];
        let (told, counts) = read(&head.datagram(&samples));
        assert_eq!((told.len(), counts.seen(), counts.lost, counts.told_of_cut), (2, 1, 2, 1), "version {version}");
        assert_eq!(reasons(&counts), [Reason::SampleCut, Reason::V24Unknown], "version {version}");
    }
}

#[test]
fn a_datagram_of_version_2_cut_at_any_byte_keeps_what_is_whole() {
    let flow = FLOW.old(&mail(40_112, 2), &[words(&[1, 100, 0, 100, 0])]);
    let whole = Head { version: 2, ..V5 }.datagram(&[flow.clone(), flow.clone(), flow.clone()]);
    for end in 0..=whole.len() {
        let counts = read(&whole[..end]).1;
        assert_eq!(counts.announced, counts.seen() + counts.lost);
        if end >= 24 {
            assert_eq!(counts.seen(), ((end - 24) / flow.len()) as u64, "cut at {end}");
        }
    }
}
