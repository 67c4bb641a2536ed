//! SYNs of real systems, with what p0f itself said of them: `../shared/data` beside the project. Without it these tests
//! say so and pass.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read the shared files")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use fingerprint::{Catalogue, Syn, p0f, pf};

/// The part of the SYNs labelled by p0f that we must label as it does.
const AGREEMENT: f64 = 0.98;

/// Packets of a capture file (little-endian, Ethernet), from their IP header on.
fn packets(file: &Path) -> Vec<Vec<u8>> {
    const FILE_HEAD: usize = 24;
    const RECORD_HEAD: usize = 16;
    const ETHERNET: usize = 14;
    let bytes = fs::read(file).unwrap();
    let mut rest = &bytes[FILE_HEAD..];
    let mut packets = Vec::new();
    while rest.len() > RECORD_HEAD {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        packets.push(rest[RECORD_HEAD + ETHERNET..RECORD_HEAD + length].to_vec());
        rest = &rest[RECORD_HEAD + length..];
    }
    packets
}

/// Source and destination of a packet that is a SYN.
fn ends(packet: &[u8]) -> (SocketAddr, SocketAddr) {
    let (source, destination, tcp): (IpAddr, IpAddr, usize) = if packet[0] >> 4 == 4 {
        let address = |at: usize| <[u8; 4]>::try_from(&packet[at..at + 4]).unwrap().into();
        (address(12), address(16), usize::from(packet[0] & 15) * 4)
    } else {
        let address = |at: usize| <[u8; 16]>::try_from(&packet[at..at + 16]).unwrap().into();
        (address(8), address(24), 40)
    };
    let port = |at: usize| u16::from_be_bytes(packet[tcp + at..tcp + at + 2].try_into().unwrap());
    ((source, port(0)).into(), (destination, port(2)).into())
}

/// What p0f said of one SYN.
#[derive(Debug)]
struct Said {
    os: String,
    params: String,
    signature: String,
}

/// p0f writes `address/port`.
fn end(text: &str) -> SocketAddr {
    let (address, port) = text.split_once('/').unwrap();
    (address.parse::<IpAddr>().unwrap(), port.parse().unwrap()).into()
}

fn said(log: &Path) -> HashMap<(SocketAddr, SocketAddr), VecDeque<Said>> {
    let mut said: HashMap<_, VecDeque<_>> = HashMap::new();
    for line in fs::read_to_string(log).unwrap().lines().filter(|line| line.contains("mod=syn|")) {
        let fields: HashMap<_, _> = line.split('|').filter_map(|field| field.split_once('=')).collect();
        let of = |key: &str| fields[key].to_owned();
        let ends = (end(fields["cli"]), end(fields["srv"]));
        // What a tool is called stands under another key.
        let os = of(if fields.contains_key("os") { "os" } else { "app" });
        let answer = Said { os, params: of("params"), signature: of("raw_sig") };
        said.entry(ends).or_default().push_back(answer);
    }
    said
}

/// The SYNs of the corpus that p0f spoke about, with what it said. It passes over some (packets that come again, packets
/// longer than what was captured): an answer belongs to the next SYN between its ends that has its raw signature, and
/// otherwise to the next.
fn judged(set: &Path) -> Vec<(Syn, Said)> {
    let mut judged = Vec::new();
    for origin in ["zeek", "suricata-verify"] {
        let mut said = said(&set.join(format!("p0f3-oracle-{origin}.log")));
        let mut syns: HashMap<_, VecDeque<Syn>> = HashMap::new();
        for packet in packets(&set.join(format!("{origin}-syn.pcap"))) {
            if let Ok(syn) = Syn::parse(&packet) {
                syns.entry(ends(&packet)).or_default().push_back(syn);
            }
        }
        for (ends, answers) in &mut said {
            let between = syns.entry(*ends).or_default();
            for answer in answers.drain(..) {
                let same = between.iter().position(|syn| syn.to_string() == answer.signature).unwrap_or(0);
                let syn = between.drain(..=same.min(between.len().saturating_sub(1))).next_back();
                judged.push((syn.unwrap_or_else(|| panic!("{ends:?}: no SYN for {answer:?}")), answer));
            }
        }
    }
    judged
}

fn corpus() -> Option<PathBuf> {
    specimen::shared_data("syn-corpus", Path::new(env!("CARGO_TARGET_TMPDIR")))
}

fn signatures(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/osfp").join(name);
    let read = fs::read_to_string(path).ok();
    if read.is_none() {
        specimen::skip(&format!("../shared/data/osfp/{name} is not here"));
    }
    read
}

#[test]
fn syns_are_called_what_p0f_calls_them() {
    let (Some(set), Some(text)) = (corpus(), signatures("p0f.fp")) else { return };
    let book = p0f::Book::parse(&text).unwrap();
    assert_eq!(book.len(), 91);
    let judged = judged(&set);
    let (mut labelled, mut agreed, mut same_signature, mut unknown) = (0, 0, 0, 0);
    for (syn, said) in &judged {
        let found = book.find(syn);
        let same = syn.to_string() == said.signature;
        same_signature += usize::from(same);
        if !same {
            eprintln!("p0f saw {}; here: {syn}", said.signature);
        }
        let label = found.as_ref().map_or("???".to_owned(), |found| found.entry.label.to_string());
        // p0f's word for how it fits stands before what it notes of the type of service.
        let fit = found.as_ref().map_or("none", |found| match (found.entry.label.generic, found.fuzzy) {
            _ if found.entry.signature.any_ttl_below => "random_ttl",
            (false, false) => "none",
            (true, false) => "generic",
            (false, true) => "fuzzy",
            (true, true) => "generic fuzzy",
        });
        let params = said.params.split(" tos:").next().unwrap_or_default();
        let agrees = label == said.os && (params == fit || params.starts_with("tos:") && fit == "none");
        if !agrees {
            eprintln!("p0f: {} ({}); here: {label} ({fit}), {syn}", said.os, said.params);
        }
        if said.os == "???" {
            unknown += usize::from(agrees);
        } else {
            labelled += 1;
            agreed += usize::from(agrees);
        }
    }
    let others = judged.len() - labelled;
    eprintln!("{agreed} of {labelled} labelled SYNs agree, {unknown} of {others} unknown ones");
    eprintln!("{same_signature} of {} raw signatures are the same", judged.len());
    assert!(labelled > 600 && f64::from(agreed as u32) >= AGREEMENT * f64::from(labelled as u32));
    // p0f looks at one bit of an acknowledgement number where it means all of it; so it misses some `ack+`.
    assert!(f64::from(same_signature as u32) >= AGREEMENT * f64::from(judged.len() as u32));
    assert_eq!(unknown, others);
}

/// What the program says without p0f.fp: nothing fails, and the families are p0f's.
#[test]
fn the_embedded_files_name_the_same_families() {
    let Some(set) = corpus() else { return };
    let catalogue = Catalogue::embedded();
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut labelled, mut named, mut contrary) = (0, 0, 0);
    for (syn, said) in judged(&set) {
        let found = catalogue.find(&syn);
        let label = found.map_or("unknown", |found| found.label);
        *counts.entry((said.os.clone(), label.to_owned())).or_default() += 1;
        if said.os != "???" {
            labelled += 1;
            named += usize::from(found.is_some());
            contrary += usize::from(found.is_some() && family(&said.os) != family(label));
        }
    }
    for ((os, label), count) in counts {
        eprintln!("{count:4} p0f: {os:50} here: {label}");
    }
    eprintln!("{named} of {labelled} labelled SYNs have a label of ours, {contrary} of another family");
    assert!(named * 100 >= labelled * 97 && contrary * 100 <= labelled * 2);
}

fn family(label: &str) -> &'static str {
    let families = [("Win", "Windows"), ("Mac", "Apple"), ("mac", "Apple"), ("iOS", "Apple"), ("Linux", "Linux")];
    let android = ("Android", "Linux");
    let found = families.into_iter().chain([android]).find(|(start, _)| label.starts_with(start));
    found.map_or("another", |(_, family)| family)
}

#[test]
fn published_files_are_read_whole() {
    let Some(text) = signatures("pf.os") else { return };
    assert_eq!(pf::Book::parse(&text).unwrap().len(), 244);
    let mut catalogue = Catalogue::embedded();
    assert_eq!(catalogue.add_pf(&text), Ok(244));
    if let Some(text) = signatures("p0f.fp") {
        assert_eq!(catalogue.add_p0f(&text), Ok(91));
    }
}
