//! Real datagrams and real headers of mail, of `../shared/data`: every sample of every variant is told, and is what it is.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the data is in files, and is there or the test fails"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evidence::Time;
use sflow::capture::{Capture, PORT};
use sflow::{Counts, Decoder, Ports, Reason};

fn set() -> Option<PathBuf> {
    specimen::shared_data("sflow", Path::new(env!("CARGO_TARGET_TMPDIR")))
}

/// One sample as `truth.csv` has it: time, source, destination, ports, flags, length of the IP packet.
fn truth(set: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(set.join("wrapped/truth.csv")).unwrap();
    let line = |line: &str| line.split(',').skip(2).take(7).collect::<Vec<_>>().join(",");
    text.lines().skip(1).map(line).collect()
}

/// What a capture tells, in the form of the truth, and the decoder behind it.
fn read(path: &Path) -> (Vec<String>, Decoder) {
    let mut decoder = Decoder::new(Ports::MAIL);
    let mut told = Vec::new();
    let bytes = std::fs::read(path).unwrap();
    let mut capture = Capture::new(&bytes[..], Some(PORT));
    while let Some(datagram) = capture.read().unwrap() {
        if datagram.is_short {
            decoder.note(datagram.exporter, Reason::UdpLength);
        }
        decoder.read(datagram.at, datagram.exporter, datagram.payload, |seen| {
            let (seconds, packet) = (seen.at.micros() / 1_000_000, &seen.packet);
            let (source, destination) = (packet.source, packet.destination);
            told.push(format!(
                "{seconds},{},{},{},{},{},{}",
                source.ip(),
                destination.ip(),
                source.port(),
                destination.port(),
                packet.flags.0,
                packet.bytes
            ));
        });
    }
    (told, decoder)
}

fn counted(counts: &Counts) -> BTreeMap<&'static str, u64> {
    counts.by_reason().filter(|(_, count)| *count > 0).map(|(reason, count)| (reason.name(), count)).collect()
}

#[test]
fn each_of_the_1129_samples_of_every_variant_is_told_as_it_is() {
    let Some(set) = set() else { return };
    let truth = truth(&set);
    assert_eq!(truth.len(), 1129);
    let mut variants = 0;
    for entry in std::fs::read_dir(set.join("wrapped")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        variants += 1;
        let (told, decoder) = read(&path);
        assert!(told == truth, "{name}");
        let coverage = decoder.coverage();
        let counts = coverage.counts;
        assert_eq!(counts.announced, counts.seen() + counts.lost, "{name}");
        assert_eq!((coverage.samples_lost, coverage.datagrams_lost, coverage.restarts), (0, 0, 0), "{name}");
        let expected: &[(&str, u64)] = match name.as_str() {
            "v5_brocade_pad" => &[("sample_slack", 1129)],
            "v5_truncated" => &[("sample_cut", 226)],
            "v5_vendor" => &[("sample_unknown", 226)],
            _ => &[],
        };
        assert_eq!(counted(&counts), expected.iter().copied().collect(), "{name}");
        let flows = if name == "v5_truncated" { 903 } else { 1129 };
        assert_eq!((counts.flows, counts.lost), (flows, 1129 - flows), "{name}");
        let counters = if name.ends_with("counters") { 226 } else { 0 };
        assert_eq!(counts.counters, counters, "{name}");
        // Its pool goes up by the rate with each sample.
        assert_eq!(decoder.sources()[0].scale().effective, Some(512.0), "{name}");
    }
    assert_eq!(variants, 19);
}

#[test]
fn ases_and_vlans_of_the_variants_are_those_that_were_put_in() {
    let Some(set) = set() else { return };
    for (name, vlan, destination) in [
        ("v2_gateway", 100, Some(64_511)),
        ("v4_gateway", 100, None),
        ("v5_gateway", 100, None),
        ("v5_qinq", 200, None),
        ("v5", 100, None),
    ] {
        let bytes = std::fs::read(set.join(format!("wrapped/{name}.pcap"))).unwrap();
        let (mut capture, mut decoder, mut number) =
            (Capture::new(&bytes[..], Some(PORT)), Decoder::new(Ports::MAIL), 0);
        while let Some(datagram) = capture.read().unwrap() {
            decoder.read(datagram.at, datagram.exporter, datagram.payload, |seen| {
                number += 1;
                assert_eq!(seen.vlan, Some(vlan), "{name}");
                let source = name.ends_with("gateway").then(|| 64_501 + number % 3);
                // A path that ends in a set of one is the origin of that one.
                let destination = if name.ends_with("gateway") { destination.or(Some(64_512)) } else { None };
                assert_eq!((seen.packet.source_as, seen.packet.destination_as), (source, destination), "{name}");
            });
        }
        assert_eq!(number, 1129);
    }
}

#[test]
fn real_datagrams_are_counted_by_what_they_are() {
    let Some(set) = set() else { return };
    let file = |name: &str| {
        let mut bytes = std::fs::read(set.join("captures").join(name)).unwrap();
        let mut decoder = Decoder::new(Ports::new(&[80, 443, 22, 25]).unwrap());
        decoder.read(Time::default(), [192, 0, 2, 1].into(), &mut bytes, |_| {});
        decoder.coverage().counts
    };
    let counts = |name, flows, counters, reasons: &[(&str, u64)]| {
        let counts = file(name);
        assert_eq!((counts.flows, counts.counters), (flows, counters), "{name}");
        let mut counted = counted(&counts);
        counted.retain(|reason, _| !["other_port", "not_tcp", "no_header", "record_unknown"].contains(reason));
        assert_eq!(counted, reasons.iter().copied().collect(), "{name}");
    };
    counts("vflow/decoder_test_1.bin", 5, 0, &[]);
    counts("vflow/decoder_test_2_padded.bin", 5, 0, &[("sample_slack", 3)]);
    counts("gopacket/sflow_test_01.bin", 6, 1, &[]);
    counts("gopacket/sflow_test_11.bin", 0, 0, &[("sample_cut", 1)]);
    counts("gopacket/sflow_test_12.bin", 7, 0, &[]);
    counts("logstash-codec-sflow/sflow_with_lag_counters.dat", 5, 2, &[]);
    counts("logstash-codec-sflow/sflow_counters_sample.dat", 0, 12, &[]);
    counts("telegraf/issue_15918.bin", 6, 1, &[]);
    counts("telegraf/issue_18876.bin", 0, 1, &[]);
    assert_eq!(file("gopacket/sflow_test_05.bin")[Reason::DatagramSlack], 1);
    assert_eq!(file("gopacket/sflow_test_08.bin")[Reason::DatagramSlack], 1);
}

#[test]
fn real_captures_are_counted_by_what_they_hold() {
    let Some(set) = set() else { return };
    let counts = |name: &str| read(&set.join("captures/tcpdump").join(name)).1.coverage().counts;
    let v6 = counts("sflow-print-v6.pcap");
    assert_eq!((v6.datagrams, v6.flows, v6.counters, v6.lost), (25, 13, 48, 0));
    let many = counts("sflow_multiple_counter_30_pdus.pcap");
    assert_eq!((many.datagrams, many.counters, many[Reason::Netflow]), (30, 144, 5));
    let broken = counts("sflow_print-segv.pcap");
    assert_eq!((broken[Reason::UdpLength], broken[Reason::DatagramCut]), (1, 1));
}

#[test]
fn a_real_datagram_cut_at_any_byte_keeps_the_samples_that_are_whole() {
    let Some(set) = set() else { return };
    for name in ["vflow/decoder_test_1.bin", "vflow/decoder_test_2_padded.bin", "gopacket/sflow_test_01.bin"] {
        let whole = std::fs::read(set.join("captures").join(name)).unwrap();
        let mut ends = Vec::new();
        for end in 0..=whole.len() {
            let mut decoder = Decoder::new(Ports::MAIL);
            decoder.read(Time::default(), [192, 0, 2, 1].into(), &mut whole[..end].to_vec(), |_| {});
            let counts = decoder.coverage().counts;
            assert_eq!(counts.announced, counts.seen() + counts.lost);
            ends.push(counts.seen());
        }
        assert!(ends.is_sorted(), "{name}");
        assert_eq!(ends.last(), Some(&if name.starts_with("vflow") { 5 } else { 7 }));
    }
}
