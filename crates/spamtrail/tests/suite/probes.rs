//! Tests of a sensor, the whole way: a probe comes to the decoy, is told from spam, and is sent on or not, as was decided.
//! The mail server that takes it is aiosmtpd.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::observatory::{VISIBLE_WITHIN, free_ports, json_lines, signal, spamtrail, sql};

/// An abuser whose balancer presents a public source and a public destination: source, destination and port, recipient.
const ABUSER: &str = "
import smtplib, socket, struct, sys
port, source, to, to_port, recipient = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
class Presented(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        s = socket.create_connection((host, port), timeout, source_address=('127.0.0.2', 0))
        addresses = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack('!HH', 40112, to_port)
        s.sendall(b'\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\x21\\x11' + struct.pack('!H', len(addresses)) + addresses)
        return s
with Presented('127.0.0.1', port) as client:
    client.helo('client.example')
    client.sendmail('tester@sender.example', recipient.split(','), sys.stdin.buffer.read())
";

/// A server that keeps each message in a folder: `n.eml` and `n.to`. While the file `stall` is there it does not answer.
const SINK: &str = "
import asyncio, os, sys
from aiosmtpd.controller import Controller
folder, port = sys.argv[1], int(sys.argv[2])
class Keep:
    count = 0
    async def handle_DATA(self, server, session, envelope):
        Keep.count += 1
        name = os.path.join(folder, str(Keep.count))
        open(name + '.to', 'w').write(envelope.mail_from + ' ' + ' '.join(envelope.rcpt_tos))
        open(name + '.part', 'wb').write(envelope.original_content)
        os.rename(name + '.part', name + '.eml')
        while os.path.exists(os.path.join(folder, 'stall')):
            await asyncio.sleep(0.05)
        return '250 2.0.0 kept as ' + str(Keep.count)
controller = Controller(Keep(), hostname='127.0.0.1', port=port)
controller.start()
print('serves', flush=True)
sys.stdin.read()
controller.stop()
";

/// Where the world sees the sensor.
const SENSOR: &str = "198.51.100.7";

fn python(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", script]).args(arguments).stdin(Stdio::piped());
    command
}

fn has_sink() -> bool {
    let found = Command::new("python3").args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        specimen::skip("the Python package aiosmtpd is not installed");
    }
    found
}

/// A process that ends with the test.
struct Process(Child);

impl Process {
    /// Starts one that says a line when it serves.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{command:?} does not start");
        Self(child)
    }

    fn kill(mut self) {
        signal(self.0.id(), "KILL");
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            signal(self.0.id(), "TERM");
            _ = self.0.wait();
        }
    }
}

/// Sensor, shipping and collector, each with a file of its own, and the sink.
struct Deployment {
    folder: tempfile::TempDir,
    mail: u16,
    /// A port without `release_tests`.
    unmarked: u16,
    collector: Option<Process>,
    _others: Vec<Process>,
}

impl Deployment {
    /// `release` stands in the collector's file, with `{sink}` for the address of the sink.
    fn start(release: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [mail, unmarked, collector, sink] = free_ports();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(path("sink")).unwrap();
        let enrolled =
            spamtrail(&["enroll", "XX-01", "--data", &path("data"), "--out", &path("identity")]).output().unwrap();
        assert!(enrolled.status.success());
        let sensor = format!(
            "name = \"XX-01\"\nhost = \"mx.example.net\"\nspool = \"{}\"\nrequire_confinement = false\n\
             trusted_balancers = [\"127.0.0.2/32\"]\nseal_after_seconds = 0.2\n\
             [[listen]]\naddress = \"127.0.0.1:{mail}\"\nmode = \"mail\"\nrelease_tests = true\n\
             [[listen]]\naddress = \"127.0.0.1:{unmarked}\"\nmode = \"mail\"\n\
             [ship]\ncollector = \"127.0.0.1:{collector}\"\nidentity = \"{}\"\n",
            path("spool"),
            path("identity")
        );
        std::fs::write(path("sensor.toml"), sensor).unwrap();
        let release = release.replace("{sink}", &format!("127.0.0.1:{sink}"));
        let collect = format!("data = \"{}\"\nlisten = \"127.0.0.1:{collector}\"\n{release}", path("data"));
        std::fs::write(path("collect.toml"), collect).unwrap();
        let sink = Process::start(python(SINK, &[&path("sink"), &sink.to_string()]));
        let mut deployment = Self { folder, mail, unmarked, collector: None, _others: vec![sink] };
        deployment.collect();
        for role in ["sensor", "ship"] {
            let started = Process::start(deployment.role(role, "sensor.toml"));
            deployment._others.push(started);
        }
        deployment
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn role(&self, role: &str, file: &str) -> Command {
        let mut command = spamtrail(&[role, "--config", self.path(file).to_str().unwrap()]);
        command.env("SPAMTRAIL_SUPERVISED", "1");
        command
    }

    fn collect(&mut self) {
        self.collector = Some(Process::start(self.role("collect", "collect.toml")));
    }

    fn kill_collector(&mut self) {
        self.collector.take().unwrap().kill();
    }

    /// A message from a source to a recipient; it is in the lake when this returns.
    fn send(&self, source: &str, recipient: &str, content: &[u8]) {
        self.send_to(self.mail, source, recipient, content);
    }

    fn send_to(&self, port: u16, source: &str, recipient: &str, content: &[u8]) {
        let before = self.count();
        let arguments = [&port.to_string(), source, SENSOR, "25", recipient];
        let mut abuser = python(ABUSER, &arguments).spawn().unwrap();
        abuser.stdin.take().unwrap().write_all(content).unwrap();
        assert!(abuser.wait().unwrap().success());
        let began = Instant::now();
        while self.count() == before {
            assert!(began.elapsed() < VISIBLE_WITHIN * 2, "it does not arrive");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn count(&self) -> u64 {
        sql(&self.path("data"), "SELECT count(*) FROM messages")[0][0].parse().unwrap()
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        spamtrail(arguments).args(["--data", self.path("data").to_str().unwrap()]).output().unwrap()
    }

    fn decide(&self, verb: &str, id: &str) -> Command {
        spamtrail(&["tests", verb, id, "--config", self.path("collect.toml").to_str().unwrap()])
    }

    /// The ids of all tests, the oldest first, with where each stands.
    fn tests(&self) -> Vec<(String, String)> {
        let lines = json_lines(&self.ask(&["tests", "list", "--json"]));
        let text = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap().to_owned();
        lines.iter().rev().map(|line| (text(line, "id"), text(line, "state"))).collect()
    }

    /// What the sink has: envelope and content of each message.
    fn sunk(&self) -> Vec<(String, Vec<u8>)> {
        let file = |number: u32, end: &str| self.path("sink").join(format!("{number}.{end}"));
        let numbers = (1..).take_while(|number| file(*number, "eml").exists());
        numbers
            .map(|n| (std::fs::read_to_string(file(n, "to")).unwrap(), std::fs::read(file(n, "eml")).unwrap()))
            .collect()
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn audit(&self) -> String {
        std::fs::read_to_string(self.path("data/release/audit.jsonl")).unwrap_or_default()
    }
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const PROBE: &[u8] =
    b"Subject: check 42\r\nX-Where: 198-51-100-7\r\n\r\nThe time is 1C6336407:25:6\r\n.dot\r\n..dots\r\n";
const OFFER: &[u8] = b"Subject: offer\r\n\r\nBest prices: http://shop.example/\r\n";

const APPROVE: &str = "[release]\nmode = \"approve\"\nsmarthost = \"{sink}\"\nsensors = [\"XX-01\"]\n";

#[test]
fn a_test_is_told_from_spam_and_sent_on_once_when_a_person_says_so() {
    if !has_sink() {
        return;
    }
    let deployment = Deployment::start(APPROVE);
    deployment.send("203.0.113.5", "drop@box.example", PROBE);
    deployment.send("203.0.113.5", "victim@mail.example", OFFER);
    deployment.send("203.0.113.6", "Drop@box.example", PROBE);
    deployment.send("203.0.113.7", "other@box.example", b"Subject: hi\r\n\r\n3325256711\r\n");

    let rows = "SELECT class, probe_sign, probe_place, probe_strength, probe_index, ordinal FROM messages ORDER BY accepted_at";
    let rows = sql(&deployment.path("data"), rows);
    assert_eq!(rows[0], ["test", "prefixed-hex", "body", "strong", "6", "0"]);
    assert_eq!(rows[1][0], "spam");
    assert_eq!(rows[3][..4], ["test", "decimal", "body", "weak"]);

    let page = json_lines(&deployment.ask(&["stats", "--by", "sensor", "--json"]));
    let all = page.last().unwrap();
    assert_eq!(
        (all["emails"].as_u64(), all["connections"].as_u64(), all["tests"].as_u64()),
        (Some(1), Some(1), Some(3))
    );
    let page = json_lines(&deployment.ask(&["stats", "--by", "sensor", "--json", "--class", "all"]));
    assert_eq!((page[1]["emails"].as_u64(), page[1]["connections"].as_u64()), (Some(4), Some(4)));

    let boxes = json_lines(&deployment.ask(&["tests", "dropboxes", "--json"]));
    assert_eq!((boxes[0]["dropbox"].as_str(), boxes[0]["probes"].as_u64()), (Some("drop@box.example"), Some(2)));
    assert_eq!((boxes[0]["sources"].as_u64(), boxes[0]["sensors"].as_u64()), (Some(2), Some(1)));
    assert!(boxes[0]["delay_seconds"].as_u64().is_some() && boxes[1]["abused_at"].is_null(), "{boxes:?}");

    let tests = deployment.tests();
    let [first, second, weak] = &tests[..] else { panic!("{tests:?}") };
    assert_eq!(first.1, "open");
    let shown = words(&deployment.ask(&["tests", "show", &first.0]));
    assert!(shown.contains("The time is 1C6336407:25:6") && shown.contains("RCPT TO     drop@box.example"), "{shown}");

    let released = deployment.decide("release", &first.0).output().unwrap();
    assert!(
        released.status.success() && words(&released).contains("sent: 250 2.0.0 kept as 1"),
        "{}",
        words(&released)
    );
    assert_eq!(deployment.sunk(), [("tester@sender.example drop@box.example".to_owned(), PROBE.to_vec())]);
    for (id, why) in
        [(&first.0, "sent already"), (&second.0, "the drop-box's daily cap of 1"), (&weak.0, "its sign is weak")]
    {
        let refused = deployment.decide("release", id).output().unwrap();
        assert!(refused.status.code() == Some(2) && words(&refused).contains(why), "{}", words(&refused));
    }
    assert!(deployment.decide("deny", &second.0).status().unwrap().success());
    let states: Vec<_> = deployment.tests().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["sent", "denied", "open"]);
    assert_eq!(deployment.sunk().len(), 1, "nothing else was sent");

    let healthy = words(&deployment.ask(&["doctor"]));
    assert!(healthy.contains("ok    the audit of released tests holds: 4 lines"), "{healthy}");
    let audit = deployment.audit();
    std::fs::write(deployment.path("data/release/audit.jsonl"), audit.replacen("\"approved\"", "\"denied\"", 1))
        .unwrap();
    let tampered = deployment.ask(&["doctor"]);
    assert_eq!(tampered.status.code(), Some(1));
    assert!(words(&tampered).contains("audit.jsonl, line 2"), "{}", words(&tampered));
}

#[test]
fn nothing_is_sent_unless_release_is_on() {
    if !has_sink() {
        return;
    }
    let deployment = Deployment::start("");
    deployment.send("203.0.113.5", "drop@box.example", PROBE);
    let id = &deployment.tests()[0].0;
    let refused = deployment.decide("release", id).output().unwrap();
    assert!(refused.status.code() == Some(2) && words(&refused).contains("release is off"), "{}", words(&refused));
    // Also when the person's file says that it is on, and the collector's did not.
    let on = std::fs::read_to_string(deployment.path("collect.toml")).unwrap() + APPROVE;
    std::fs::write(deployment.path("collect.toml"), on.replace("{sink}", "127.0.0.1:9")).unwrap();
    let waiting = Process(deployment.decide("release", id).stderr(Stdio::null()).spawn().unwrap());
    deployment.wait_until("the decision is written", |d| d.audit().contains("approved"));
    std::thread::sleep(Duration::from_secs(3));
    assert!(!deployment.audit().contains("sending") && deployment.sunk().is_empty());
    drop(waiting);
}

#[test]
fn a_collector_that_is_killed_sends_no_test_twice() {
    if !has_sink() {
        return;
    }
    let mut deployment = Deployment::start(&format!("{APPROVE}dropbox_cap = 3\n"));
    deployment.send("203.0.113.5", "drop@box.example", PROBE);
    deployment.send("203.0.113.6", "drop@box.example", &[PROBE, b"2\r\n"].concat());
    let tests = deployment.tests();

    // Between the decision and the sending: it is sent once, by the next collector.
    deployment.kill_collector();
    let mut waiting = Process(deployment.decide("release", &tests[0].0).stderr(Stdio::null()).spawn().unwrap());
    deployment.wait_until("the decision is written", |d| d.audit().contains("approved"));
    deployment.collect();
    assert!(waiting.0.wait().unwrap().success());
    assert_eq!(deployment.sunk().len(), 1);

    // Between the sending and its outcome: nobody knows, and it is not sent again.
    std::fs::write(deployment.path("sink/stall"), "").unwrap();
    let mut waiting = Process(deployment.decide("release", &tests[1].0).stderr(Stdio::null()).spawn().unwrap());
    deployment.wait_until("the sink has it", |d| d.sunk().len() == 2);
    deployment.kill_collector();
    std::fs::remove_file(deployment.path("sink/stall")).unwrap();
    deployment.collect();
    assert_eq!(waiting.0.wait().unwrap().code(), Some(1));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((deployment.sunk().len(), deployment.tests()[1].1.as_str()), (2, "unknown"));
    let again = deployment.decide("release", &tests[1].0).output().unwrap();
    assert!(again.status.code() == Some(2) && words(&again).contains("unknown already"), "{}", words(&again));
    let healthy = words(&deployment.ask(&["doctor"]));
    assert!(healthy.contains("holds: 6 lines") && healthy.contains("1 tests of which nobody knows"), "{healthy}");
}

#[test]
fn the_rule_sends_one_test_to_each_drop_box_up_to_its_caps() {
    if !has_sink() {
        return;
    }
    let rule = "[release]\nmode = \"rule\"\nsmarthost = \"{sink}\"\nsensors = [\"XX-01\"]\nenvelope_sender = \"<>\"\nsensor_cap = 2\n";
    let deployment = Deployment::start(rule);
    // Nothing of a listener without the factor, whoever decides.
    deployment.send_to(deployment.unmarked, "203.0.113.8", "d@box.example", PROBE);
    let refused = deployment.decide("release", &deployment.tests()[0].0).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(words(&refused).contains("had no `release_tests`"), "{}", words(&refused));
    for (source, recipient) in
        [("1", "a@box.example"), ("2", "a@box.example"), ("3", "b@box.example"), ("4", "c@box.example")]
    {
        deployment.send(&format!("203.0.113.{source}"), recipient, PROBE);
    }
    deployment.send("203.0.113.9", "victim@mail.example", OFFER);
    deployment.wait_until("two are sent", |d| d.sunk().len() == 2);
    std::thread::sleep(Duration::from_secs(12)); // the rule looks every ten seconds
    let envelopes: Vec<_> = deployment.sunk().into_iter().map(|(envelope, _)| envelope).collect();
    assert_eq!(envelopes, ["<> a@box.example", "<> b@box.example"]);
}
