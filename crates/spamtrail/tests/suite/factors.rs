//! The four factors with the real programs: a collector that asks a real server of block lists, a sensor whose listeners
//! differ, sources presented by a load balancer, and what `stats --compare` makes of it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use specimen::{has_program, is_root};

use crate::observatory::{VISIBLE_WITHIN, json_lines, signal, spamtrail, sql};

/// How long it may take from a source's first email until a listener refuses it, when its list has it: the email's way to the
/// collector, a question to the list, a new table within two seconds, its way to the sensor within five, and one more.
const REFUSED_WITHIN: Duration = Duration::from_secs(14);

const LISTED: [u8; 4] = [203, 0, 113, 7];
const IN_A_FILE: [u8; 4] = [203, 0, 113, 77];
const UNLISTED: [u8; 4] = [203, 0, 113, 8];

/// Listeners by what is set for them.
const LISTENERS: [(&str, &str); 5] = [
    ("plain", "mode = \"mail\""),
    ("refusing", "mode = \"mail\"\nrefuse_listed = true"),
    ("relay", "mode = \"sniff\"\nrelay_only = true"),
    ("bounded", "mode = \"mail\"\nlimit_connections = 2"),
    ("proxy", "mode = \"sniff\"\nrefuse_listed = true\nrelease_tests = true"),
];

/// A process that goes when the test does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        signal(self.0.id(), "TERM");
        _ = self.0.wait();
    }
}

/// Starts a role and waits until it serves.
fn role(name: &str, config: &Path) -> Running {
    let mut command = spamtrail(&[name, "--config", config.to_str().unwrap()]);
    let mut child = command.env("SPAMTRAIL_SUPERVISED", "1").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{name}");
    Running(child)
}

fn block_lists(folder: &Path) -> (Running, u16) {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lists = folder.join("lists");
    std::fs::create_dir(&lists).unwrap();
    std::fs::write(lists.join("v4"), ":127.0.0.2:see https://zone.test/$\n127.0.0.2\n203.0.113.7\n").unwrap();
    let mut command = Command::new("rbldnsd");
    command.args(["-n", "-q", "-b", &format!("127.0.0.1/{port}"), "-w"]).arg(&lists);
    if is_root() {
        // It refuses to serve as root.
        command.args(["-u", "nobody"]);
        for folder in [folder, &lists] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let child = command.arg("zone.test:ip4set:v4").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    (Running(child), port)
}

struct Observed {
    data: std::path::PathBuf,
    ports: BTreeMap<&'static str, u16>,
    _running: Vec<Running>,
    _folder: tempfile::TempDir,
}

fn start() -> Option<Observed> {
    if !has_program("rbldnsd") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let (lists, lists_port) = block_lists(folder.path());
    let data = folder.path().join("data");
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let collector = free();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("static.txt"), "# ours\n203.0.113.64/27\n").unwrap();
    let collect = format!(
        "data = {data:?}\nlisten = \"127.0.0.1:{collector}\"\n\
         [[file_list]]\npath = {:?}\nzone = \"local.test\"\nname = \"LOCAL\"\n\
         [[dns_list]]\nzone = \"zone.test\"\nname = \"TEST\"\noperator = \"Example\"\nresolver = \"127.0.0.1:{lists_port}\"\n\
         per_second = 100\n",
        at("static.txt")
    );
    std::fs::write(at("collect.toml"), collect).unwrap();
    let enrolled =
        spamtrail(&["enroll", "XX-01", "--data", data.to_str().unwrap(), "--out"]).arg(at("identity")).output();
    assert!(enrolled.unwrap().status.success());
    let mut sensor = format!(
        "name = \"XX-01\"\nhost = \"mx.example.net\"\nspool = {:?}\nrequire_confinement = false\n\
         trusted_balancers = [\"127.0.0.1/32\"]\n",
        at("spool")
    );
    let mut ports = BTreeMap::new();
    for (name, setting) in LISTENERS {
        let port = free();
        ports.insert(name, port);
        sensor += &format!("[[listen]]\naddress = \"127.0.0.1:{port}\"\n{setting}\n");
    }
    sensor += &format!("[ship]\ncollector = \"127.0.0.1:{collector}\"\nidentity = {:?}\n", at("identity"));
    std::fs::write(at("sensor.toml"), sensor).unwrap();
    let roles = [("collect", "collect.toml"), ("ship", "sensor.toml"), ("sensor", "sensor.toml")];
    let mut running: Vec<_> = roles.into_iter().map(|(name, file)| role(name, &at(file))).collect();
    running.reverse();
    running.push(lists);
    Some(Observed { data, ports, _running: running, _folder: folder })
}

impl Observed {
    /// A connection that a balancer presents as one from this address (PROXY protocol, version 2).
    fn connect(&self, listener: &str, source: [u8; 4]) -> TcpStream {
        let port = self.ports[listener];
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        header.extend(source.into_iter().chain([198, 51, 100, 1]).chain([0x9c, 0xb0]).chain(port.to_be_bytes()));
        stream.write_all(&header).unwrap();
        stream
    }

    /// Says something and hears all until the sensor closes.
    fn say(&self, listener: &str, source: [u8; 4], words: &[u8]) -> Vec<u8> {
        let mut stream = self.connect(listener, source);
        stream.write_all(words).unwrap();
        let mut heard = Vec::new();
        _ = stream.read_to_end(&mut heard); // a reset after what was said
        heard
    }

    /// Offers an email to so many recipients: whether it was taken.
    fn mail(&self, listener: &str, source: [u8; 4], recipients: usize) -> bool {
        let to = "RCPT TO:<c@d.example>\r\n".repeat(recipients);
        let words =
            format!("EHLO x\r\nMAIL FROM:<a@b.example>\r\n{to}DATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n");
        String::from_utf8(self.say(listener, source, words.as_bytes())).unwrap().contains("queued as")
    }

    fn count(&self, query: &str, expected: u64, within: Duration) {
        let began = Instant::now();
        loop {
            let found = sql(&self.data, query).first().and_then(|row| row[0].parse::<u64>().ok()).unwrap_or(0);
            if found == expected {
                return;
            }
            assert!(began.elapsed() < within, "{query}: {found} instead of {expected}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The measures of a comparison: off and on.
    fn compare(&self, factor: &str) -> BTreeMap<String, (f64, f64)> {
        let command = ["stats", "--compare", factor, "--window", "1h", "--json", "--data"];
        let lines = json_lines(&spamtrail(&command).arg(&self.data).output().unwrap());
        let of = |line: &serde_json::Value| {
            let number = |name: &str| line[name].as_f64().unwrap();
            (line["measure"].as_str().unwrap().to_owned(), (number("off"), number("on")))
        };
        lines.iter().filter(|line| line["type"] == "comparison").map(of).collect()
    }
}

#[test]
fn each_factor_does_what_it_says_and_the_comparison_counts_it() {
    let Some(observed) = start() else { return };
    // What this test saw accepted, by listener: emails and recipients.
    let mut taken = BTreeMap::<&str, (u64, u64)>::new();
    let mut mail = |listener: &'static str, source, recipients: usize| {
        let is_taken = observed.mail(listener, source, recipients);
        let entry = taken.entry(listener).or_default();
        *entry = (entry.0 + u64::from(is_taken), entry.1 + if is_taken { recipients as u64 } else { 0 });
        is_taken
    };

    // Lists. The first email makes the collector ask.
    assert!(mail("plain", LISTED, 3) && mail("plain", UNLISTED, 1));
    let (began, mut refused) = (Instant::now(), 0);
    while mail("refusing", LISTED, 1) {
        assert!(began.elapsed() < REFUSED_WITHIN, "a listed source is still served after {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    refused += 1;
    assert!(!mail("refusing", IN_A_FILE, 1), "the list in a file came with the same table");
    refused += 1;
    let words = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n";
    let heard = String::from_utf8(observed.say("refusing", LISTED, words)).unwrap();
    refused += 1;
    let refusal = "554 5.7.1 Service unavailable; Client host [203.0.113.7] blocked using zone.test; see \
                   https://zone.test/203.0.113.7\r\n";
    assert!(heard.contains(refusal), "{heard}");
    let connect = b"\x05\x01\x00\x05\x01\x00\x01\xC0\x00\x02\x19\x00\x19";
    assert_eq!(observed.say("proxy", LISTED, connect)[..4], [5, 0, 5, 2], "a proxy refuses as proxies do");
    refused += 1;
    for _ in 0..5 {
        assert!(mail("refusing", UNLISTED, 2), "who is not listed is served");
    }
    assert!(mail("plain", LISTED, 1), "a listener that does not refuse serves those who are listed");

    // A relay and nothing else: what Postfix says to other protocols, as the transcripts of the decoy have it.
    let heard = String::from_utf8(observed.say("relay", UNLISTED, b"CONNECT mx.example:25 HTTP/1.1\r\n\r\n")).unwrap();
    let banner = "220 mx.example.net ESMTP Postfix (Debian/GNU)\r\n";
    assert_eq!(heard, format!("{banner}221 2.7.0 Error: I can break rules, too. Goodbye.\r\n"));
    let heard = String::from_utf8(observed.say("relay", UNLISTED, b"\x05\x01\x00\r\n")).unwrap();
    assert_eq!(heard, format!("{banner}221 2.7.0 Error: I can break rules, too. Goodbye.\r\n"));
    assert!(mail("relay", UNLISTED, 4));

    // A bound on connections: the third is refused, and served when one of the others is closed.
    let mut open: Vec<_> = (0..2).map(|_| observed.connect("bounded", UNLISTED)).collect();
    for stream in &mut open {
        let mut banner = [0; 4];
        stream.read_exact(&mut banner).unwrap();
    }
    let told = String::from_utf8(observed.say("bounded", UNLISTED, b"")).unwrap();
    assert_eq!(told, "421 4.7.0 mx.example.net Error: too many connections from 203.0.113.8\r\n");
    assert!(mail("bounded", LISTED, 1), "another source has places of its own");
    open.pop();
    let (began, mut crowded) = (Instant::now(), 1.0);
    while !mail("bounded", UNLISTED, 1) {
        assert!(began.elapsed() < Duration::from_secs(5), "a place that was left is not free");
        crowded += 1.0;
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(open);

    let emails: u64 = taken.values().map(|(emails, _)| emails).sum();
    observed.count("SELECT count(*) FROM messages", emails, VISIBLE_WITHIN);
    observed.count("SELECT count(*) FROM sessions WHERE array_has(quirks, 'refused-by-list')", refused, VISIBLE_WITHIN);
    // It was looked up, and is on no list.
    let relay = observed.ports["relay"];
    let looked_up = format!("SELECT count(*) FROM messages WHERE port = {relay} AND cardinality(listed) = 0");
    observed.count(&looked_up, 1, VISIBLE_WITHIN);
    let listed = "SELECT listed FROM messages WHERE source_ip = '203.0.113.7' ORDER BY accepted_at DESC LIMIT 1";
    assert_eq!(sql(&observed.data, listed), [["TEST (Example)"]]);

    for (factor, on) in [
        ("relay-only", &["relay"][..]),
        ("refuse-listed", &["refusing", "proxy"]),
        ("limit-connections", &["bounded"]),
        ("release-tests", &["proxy"]),
    ] {
        let measures = observed.compare(factor);
        let sum = |of: fn(&(u64, u64)) -> u64, is_on: bool| -> f64 {
            taken.iter().filter(|(name, _)| on.contains(name) == is_on).map(|(_, counts)| of(counts) as f64).sum()
        };
        assert_eq!(
            measures["emails"],
            (sum(|(emails, _)| *emails, false), sum(|(emails, _)| *emails, true)),
            "{factor}"
        );
        assert_eq!(measures["recipients"], (sum(|(_, to)| *to, false), sum(|(_, to)| *to, true)), "{factor}");
        // Every email here came over a connection of its own.
        assert_eq!(measures["connections"], measures["emails"], "{factor}");
        assert_eq!(measures["listeners"], ((LISTENERS.len() - on.len()) as f64, on.len() as f64), "{factor}");
        if factor == "refuse-listed" {
            assert_eq!((measures["refused"], measures["ips"]), ((crowded, refused as f64), (2.0, 2.0)));
        }
    }
    // The first sign of life came with the start of the sensor: so much of the window is known, for each listener.
    let heard = "SELECT count(*) FROM heartbeats WHERE array_length(listening) = 5";
    observed.count(heard, 1, VISIBLE_WITHIN);
}
