//! The SpamAssassin corpus, played with sources from its own headers: our totals are those of a small independent script.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use specimen::{has_program, shared_data};

use crate::observatory::{Observatory, json_lines, spamtrail};

/// Counts messages, bytes on the wire and distinct sources of a corpus. It shares nothing with the program it checks.
const COUNT: &str = r#"
import ipaddress, pathlib, re, sys
emails, size, sources = 0, 0, {}
for path in sorted(p for p in pathlib.Path(sys.argv[1]).rglob("*") if p.is_file()):
    raw = path.read_bytes()
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    if not re.match(rb"[!-9;-~]+:", raw):
        continue
    lines = [line.removesuffix(b"\r") for line in raw.removesuffix(b"\n").split(b"\n")]
    head = b"\n".join(lines).split(b"\n\n")[0]
    received = re.findall(rb"(?im)^received:(.*(?:\n[ \t].*)*)", head)
    found = (a.decode() for r in received for a in re.findall(rb"\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]", r))
    def public(text):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return address.version == 4 and (address.is_global or text.startswith(("192.0.0.", "100.6", "100.7", "198.18", "198.19", "192.88.99"))) and not address.is_multicast
    source = next(filter(public, found), None)
    emails, size = emails + 1, size + sum(len(line) + 2 for line in lines)
    sources[source] = sources.get(source, 0) + 1
print(emails, size, len(sources), max(sources.values()))
"#;

#[test]
fn the_corpus_gives_the_totals_that_an_independent_script_counts() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(corpus) = shared_data("spamassassin", folder) else { return };
    if !has_program("python3") {
        return;
    }
    let counted = Command::new("python3").args(["-c", COUNT]).arg(&corpus).output().unwrap();
    assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stderr));
    let counted = String::from_utf8(counted.stdout).unwrap();
    let counted: Vec<u64> = counted.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [emails, bytes, sources, busiest] = counted[..] else { panic!("{counted:?}") };

    let observatory = Observatory::start();
    let corpus = corpus.to_str().unwrap();
    let replay = ["replay", corpus, "--to", &observatory.smtp(), "--via", "smtp", "--from-received", "--json"];
    let played = json_lines(&spamtrail(&replay).output().unwrap());
    assert_eq!(played[0]["accepted"], emails);
    observatory.wait_for("SELECT count(*) FROM messages", emails, Duration::from_secs(30));

    let page = json_lines(&observatory.ask(&["stats", "--window", "1h", "--json", "--top", "100000"]));
    let all = page.iter().find(|line| line["sensor"] == "All").unwrap();
    assert_eq!(all["emails"], emails);
    assert_eq!(all["recipients"], emails);
    assert_eq!(all["bytes"], bytes);
    assert_eq!(all["ips"], sources);
    let of = |kind: &'static str| page.iter().filter(move |line| line["type"] == kind);
    assert_eq!(of("ip").next().unwrap()["emails"], busiest);
    for kind in ["sensor", "country", "as", "cidr", "ip", "protocol", "port", "sender-domain"] {
        let rows = of(kind).filter(|line| line["sensor"] != "All" && line["total"].is_null());
        let sum: u64 = rows.map(|line| line["emails"].as_u64().unwrap()).sum();
        assert_eq!(sum, emails, "the rows of {kind} add up");
    }
    for line in of("sensor") {
        let counts = ["ccs", "asns", "cidrs", "ips"].map(|column| line[column].as_u64().unwrap());
        assert!(counts.is_sorted(), "CCs ≤ ASNs ≤ CIDRs ≤ IPs: {line}");
    }
    for (kind, column) in [("country", "ccs"), ("as", "asns"), ("cidr", "cidrs"), ("ip", "ips")] {
        let known = of(kind).filter(|line| line["rank"].is_u64() && !line[first_column(kind)].is_null()).count() as u64;
        assert_eq!(known, all[column].as_u64().unwrap(), "{kind}");
    }
    observatory.stop();
}

const fn first_column(kind: &str) -> &'static str {
    match kind.as_bytes() {
        b"country" => "cc",
        b"as" => "asn",
        b"cidr" => "cidr",
        _ => "ip",
    }
}
