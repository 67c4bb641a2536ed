//! Mail of the world: none of it is a test of any sensor, whatever the sensor's address.
//!
//! Each message comes as it would from a source that nothing is known of, to one recipient: the circumstances in which most
//! is taken for a test. The sensors' addresses are random; those that a corpus spells are left out.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use content::{Mail, Own, SMALL, Standing, probe};

use crate::chance::Chance;

/// Addresses of sensors that each message is held against at once.
const SENSORS: usize = 20_000;

/// The files of a set that are messages.
fn messages(set: &str, is_message: fn(&str) -> bool) -> Option<Vec<Vec<u8>>> {
    let folder = specimen::shared_data(set, &PathBuf::from(env!("CARGO_TARGET_TMPDIR")))?;
    let mut files = Vec::new();
    walk(&folder, &mut files);
    files.sort();
    let files = files.into_iter().filter(|path| is_message(&path.to_string_lossy()));
    Some(files.map(|path| fs::read(path).unwrap()).collect())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// The addresses that stand in a message with dots.
fn dotted(message: &[u8]) -> BTreeSet<IpAddr> {
    let words = message.split(|byte| !byte.is_ascii_digit() && *byte != b'.');
    let words = words.filter_map(|word| std::str::from_utf8(word).ok()?.trim_matches('.').parse::<Ipv4Addr>().ok());
    words.map(IpAddr::from).collect()
}

/// The value of a header, on one line.
fn header<'a>(message: &'a [u8], name: &str) -> &'a [u8] {
    let line = message
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty())
        .find(|line| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes())));
    line.map_or(b"", |line| line[name.len()..].trim_ascii())
}

fn is_test(message: &[u8], own: &Own) -> Option<evidence::Probe> {
    let mail = Mail {
        helo: Some(header(message, "X-Helo:")),
        sender: header(message, "From:"),
        recipients: vec![header(message, "To:")],
        content: message,
    };
    probe(&mail, own, &Standing::default())
}

fn none_is_a_test(set: &str, expected: usize, is_message: fn(&str) -> bool) {
    let Some(messages) = messages(set, is_message) else { return };
    assert!(messages.len() >= expected, "{set}: {} messages", messages.len());
    let mut chance = Chance::new(2026);
    let spelt: BTreeSet<_> = messages.iter().flat_map(|message| dotted(message)).collect();
    let addresses = (0..SENSORS).map(|n| if n % 10 == 9 { chance.six().into() } else { chance.four().into() });
    let addresses: Vec<IpAddr> = addresses.filter(|address| !spelt.contains(address)).collect();
    let count = addresses.len();
    let own = Own::new(addresses, 25);
    let wrong: Vec<_> = messages.iter().filter_map(|message| is_test(message, &own)).collect();
    let short = messages.iter().filter(|message| message.len() <= SMALL).count();
    // And each message by the machines that it says it came through.
    let way = messages.iter().filter(|message| is_test(message, &Own::new(received(message), 25)).is_some()).count();
    println!(
        "{set}: {} messages ({short} short enough to be looked through), {count} addresses: {} tests; by its own way: {way}",
        messages.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{set}: {:?}", wrong.first());
    assert_eq!(way, 0, "{set}: a message is a test of a machine that it came through");
}

/// The addresses in the Received headers of a message.
fn received(message: &[u8]) -> BTreeSet<IpAddr> {
    let text = String::from_utf8_lossy(message);
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if !line.starts_with([' ', '\t']) {
            inside = line.to_ascii_lowercase().starts_with("received:");
        }
        if inside {
            found.extend(dotted(line.as_bytes()));
        }
    }
    found
}

#[test]
fn no_message_of_the_spamassassin_corpus_is_a_test() {
    none_is_a_test("spamassassin", 6046, |path| path.ends_with(".txt"));
}

#[test]
fn no_message_of_the_rspamd_tests_is_a_test() {
    none_is_a_test("rspamd-messages", 200, |path| path.ends_with(".eml"));
}

#[test]
fn no_modern_mail_of_foff_milter_is_a_test() {
    none_is_a_test("foff-milter", 200, |path| path.ends_with(".eml"));
}

#[test]
fn no_bounce_is_a_test() {
    none_is_a_test("sisimai-bounces", 600, |path| path.ends_with(".eml"));
}
