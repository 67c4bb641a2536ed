//! Captures of a laboratory in, report and rows of the lake out; live as well.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use lab::traffic::{CAPTURE, Model, Written, create};
use serde_json::{Value, json};
use sflow::capture::Capture;

use crate::observatory::spamtrail;

/// A day of a small exchange point, with its truth and the tables that tell where its hosts are.
fn capture(folder: &Path, seed: u64) -> Written {
    let model = Model { seed, hosts: 1500, rate: 512, loss: 0.01, ..Model::default() };
    let written = model.write(create(folder).unwrap(), &|_, _| {}).unwrap();
    written.describe(folder, "a test").unwrap();
    written
}

fn flow(arguments: &[&str]) -> Output {
    spamtrail(&[&["flow"], arguments].concat()).output().unwrap()
}

/// The JSON lines of an answer.
fn lines(told: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&told.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The only line of a type.
fn one<'a>(lines: &'a [Value], kind: &str) -> &'a Value {
    let of: Vec<_> = lines.iter().filter(|line| line["type"] == kind).collect();
    let [line] = of[..] else { panic!("{kind}: {of:?}") };
    line
}

fn sql(data: &str, query: &str) -> Value {
    let answer = spamtrail(&["sql", "--json", "--data", data, query]).output().unwrap();
    let mut row: Value = serde_json::from_slice(&answer.stdout).unwrap();
    row.as_object_mut().unwrap().remove("type");
    row
}

/// Packets by kind, as the report tells and as the laboratory knows.
fn packets(lines: &[Value]) -> Vec<u64> {
    one(lines, "packets")["rows"].as_array().unwrap().iter().map(|row| row["packets"].as_u64().unwrap()).collect()
}

fn made(written: &Written) -> Vec<u64> {
    let flags = written.flags();
    vec![flags.packets, flags.syn, flags.syn_ack, flags.rst, flags.fin]
}

#[test]
fn a_capture_is_told_as_it_was_made_packed_or_not_and_in_whatever_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let written = capture(folder.path(), 1);
    let path = folder.path().join(CAPTURE);
    let whole = flow(&["--json", path.to_str().unwrap()]);
    let told = lines(&whole);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));
    assert_eq!(packets(&told), made(&written));
    let sums = written.sums();
    let coverage = one(&told, "coverage");
    assert_eq!(
        (coverage["samples"].as_u64(), coverage["lost"].as_u64()),
        (Some(sums.samples), Some(sums.lost_samples))
    );
    assert_eq!(one(&told, "window")["from"].as_str().unwrap()[..10], *"2026-03-02");
    let roles = one(&told, "roles");
    assert_eq!(roles["addresses"].as_u64(), Some(written.roles().addresses()));

    // Packed by gzip, and from a pipe.
    let packed = std::process::Command::new("gzip").arg("-k").arg(&path).status().unwrap();
    assert!(packed.success());
    let packed = folder.path().join(format!("{CAPTURE}.gz"));
    assert_eq!(flow(&["--json", packed.to_str().unwrap()]).stdout, whole.stdout);
    let piped = spamtrail(&["flow", "--json", "-"]).stdin(File::open(&path).unwrap()).output().unwrap();
    assert_eq!(piped.stdout, whole.stdout);

    // Counted by one thread, where only one processor may be used.
    let alone = std::process::Command::new("taskset")
        .args(["-c", "0", env!("CARGO_BIN_EXE_spamtrail"), "flow", "--json", path.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(alone.stdout, whole.stdout);

    // In two files, the later one first: they are read in the order of their stamps.
    let bytes = fs::read(&path).unwrap();
    let cut = record_after(&bytes, bytes.len() / 2);
    let (first, second) = (folder.path().join("b.pcap"), folder.path().join("a.pcap"));
    fs::write(&first, &bytes[..cut]).unwrap();
    fs::write(&second, [&bytes[..24], &bytes[cut..]].concat()).unwrap();
    let pieces = flow(&["--json", second.to_str().unwrap(), first.to_str().unwrap()]);
    assert_eq!(String::from_utf8(pieces.stdout).unwrap(), String::from_utf8(whole.stdout).unwrap());
}

/// Where a record of a pcap of this machine's byte order begins, at or behind a place.
fn record_after(bytes: &[u8], place: usize) -> usize {
    let mut at = 24;
    while at < place {
        let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap());
        at += 16 + length as usize;
    }
    at
}

#[test]
fn a_file_that_is_cut_or_foreign_says_where_and_why_and_what_was_whole_is_told() {
    let folder = tempfile::tempdir().unwrap();
    capture(folder.path(), 2);
    let bytes = fs::read(folder.path().join(CAPTURE)).unwrap();
    let (cut, foreign) = (folder.path().join("cut.pcap"), folder.path().join("mail.log"));
    let end = record_after(&bytes, bytes.len() / 2) + 20;
    fs::write(&cut, &bytes[..end]).unwrap();
    fs::write(&foreign, "Mar  2 00:00:00 mx1 postfix/smtpd[77]: connect from unknown[192.0.2.7]\n").unwrap();

    let told = flow(&["--json", cut.to_str().unwrap(), foreign.to_str().unwrap()]);
    let says = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(2), "{says}");
    assert!(says.contains(&format!("cut.pcap: byte {}: the capture ends within", end - 20)), "{says}");
    assert!(says.contains("mail.log: this is no capture"), "{says}");
    let whole = packets(&lines(&told))[0];
    assert!(whole > 0, "{says}");

    let none = flow(&[foreign.to_str().unwrap()]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(2), 0));
}

#[test]
fn a_host_is_told_with_its_hours_and_suspects_with_their_evidence() {
    let folder = tempfile::tempdir().unwrap();
    capture(folder.path(), 3);
    let path = folder.path().join(CAPTURE);
    let path = path.to_str().unwrap();
    let told = lines(&flow(&["--json", "--suspects", path]));
    let suspects: Vec<_> = told.iter().filter(|line| line["type"] == "suspect").collect();
    let truth = fs::read_to_string(folder.path().join("truth.csv")).unwrap();
    let class = |address: &str| {
        let row = truth.lines().find(|row| row.starts_with(&format!("{address},"))).unwrap();
        row.split(',').nth(1).unwrap().to_owned()
    };
    let bots: Vec<_> = suspects.iter().filter(|suspect| suspect["verdict"]["class"] == "likely-bot").collect();
    assert!(!bots.is_empty(), "{suspects:?}");
    let right = bots.iter().filter(|bot| class(bot["address"].as_str().unwrap()).contains("bot")).count();
    assert!(right * 10 >= bots.len() * 9, "{right} of {}", bots.len());

    let address = bots[0]["address"].as_str().unwrap();
    let svg = folder.path().join("hours.svg");
    let host = flow(&["--host", address, "--svg", svg.to_str().unwrap(), path]);
    let text = String::from_utf8(host.stdout).unwrap();
    assert!(text.starts_with(&format!("{address}: likely bot (")), "{text}");
    for part in ["destinations", "first seen", " X", "6am", "by hour of the day"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(fs::read_to_string(&svg).unwrap().contains("<svg"));
    assert_eq!(flow(&["--host", "198.51.100.99", path]).status.code(), Some(2));
}

#[test]
fn rows_of_five_minutes_go_to_the_lake_once_and_add_up_to_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let written = capture(folder.path(), 4);
    let data = folder.path().join("data");
    let (data, path) = (data.to_str().unwrap(), folder.path().join(CAPTURE));
    let date = &written.start.to_string()[..10];
    let table = |name: &str| folder.path().join(name.replace("DATE", date)).to_str().unwrap().to_owned();
    let prefixes = table("prefixes-DATE.txt");
    let imported = spamtrail(&["origin", "import", "--data", data, &prefixes]).output().unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));

    let told = flow(&["--json", "--data", data, path.to_str().unwrap()]);
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(packets(&lines(&told)), made(&written));
    let flags = written.flags();
    let sums = sql(
        data,
        "SELECT sum(samples) AS c, sum(server_samples) AS s, sum(syn) AS syn, sum(server_accepted) AS a, \
                          count(DISTINCT source_ip) AS h, count(asn) = count(*) AS known FROM traffic_hosts",
    );
    assert_eq!(
        sums,
        json!({
            "c": flags.packets, "s": flags.packets, "syn": flags.syn, "a": flags.syn_ack,
            "h": written.roles().addresses(), "known": true,
        })
    );
    let grain = sql(
        data,
        "SELECT count(DISTINCT at) <= 288 AS few, count(*) > 1000 AS many, sum(samples) AS c, sum(packets) > 0 AS p FROM traffic_ases",
    );
    assert_eq!(grain, json!({ "few": true, "many": true, "c": flags.packets, "p": true }));
    let sums = written.sums();
    let coverage = sql(
        data,
        "SELECT sum(datagrams) AS d, sum(datagrams_lost) AS l, sum(samples) AS s FROM traffic_coverage WHERE agent IS NOT NULL",
    );
    assert_eq!(coverage, json!({ "d": sums.datagrams, "l": sums.lost_datagrams, "s": sums.samples }));
    let verdicts = sql(
        data,
        "SELECT count(*) > 100 AS v, count(DISTINCT source_ip) = count(*) AS once, max(CAST(cardinality(client_week) AS BIGINT)) AS week, \
                              count(DISTINCT day) AS days FROM traffic_verdicts",
    );
    assert_eq!(verdicts, json!({ "v": true, "once": true, "week": 168, "days": 1 }));

    // A file counts once, whatever its name; standard input cannot be known.
    let copy = folder.path().join("copy.pcap");
    fs::copy(&path, &copy).unwrap();
    let again = flow(&["--data", data, copy.to_str().unwrap()]);
    let says = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.code() == Some(2) && says.contains("was read before"), "{says}");
    assert_eq!(flow(&["--data", data, "-"]).status.code(), Some(2));
    assert_eq!(sql(data, "SELECT sum(samples) AS c FROM traffic_hosts"), json!({ "c": flags.packets }));

    // Nobody was in a decoy or log: there is nothing to join, and senders of the samples are told.
    let joined = lines(&flow(&["--joined", "--json", "--at", "2026-03-04", "--data", data]));
    assert!(
        joined.iter().any(|line| line["type"] == "lists" && line["lists"] == "samples only" && line["senders"] != 0)
    );
    assert!(joined.iter().all(|line| line["type"] != "estimate"));
}

#[test]
fn a_run_that_was_broken_off_is_done_again_and_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let written = capture(folder.path(), 7);
    let (data, path) = (folder.path().join("data"), folder.path().join(CAPTURE));
    let (data_text, path_text) = (data.to_str().unwrap(), path.to_str().unwrap());
    let learned = data.join("traffic/learned");
    let mut run = spamtrail(&["flow", "--data", data_text, path_text]).stdout(Stdio::null()).spawn().unwrap();
    let begun = loop {
        assert!(run.try_wait().unwrap().is_none(), "it ended before it was broken off");
        match fs::read(&learned) {
            Ok(bytes) if bytes.windows(CAPTURE.len()).any(|part| part == CAPTURE.as_bytes()) => break bytes,
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    run.kill().unwrap();
    run.wait().unwrap();

    let other = folder.path().join("other.pcap");
    fs::write(&other, "something else").unwrap();
    let refused = flow(&["--data", data_text, other.to_str().unwrap()]);
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && says.contains("read these again first"), "{says}");

    // Once with nothing in the lake, once with all of it there and the last word missing.
    for _ in 0..2 {
        let again = flow(&["--data", data_text, path_text]);
        let says = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(again.status.code() == Some(0) && says.contains("it is done again"), "{says}");
        let packets = sql(data_text, "SELECT sum(samples) AS c FROM traffic_hosts");
        assert_eq!(packets, json!({ "c": written.flags().packets }));
        fs::write(&learned, &begun).unwrap();
    }
}

#[test]
fn the_parts_of_a_day_in_two_files_are_one_day_to_the_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let written = capture(folder.path(), 5);
    let bytes = fs::read(folder.path().join(CAPTURE)).unwrap();
    let cut = record_after(&bytes, bytes.len() / 2);
    let (first, second) = (folder.path().join("a.pcap"), folder.path().join("b.pcap"));
    fs::write(&first, &bytes[..cut]).unwrap();
    fs::write(&second, [&bytes[..24], &bytes[cut..]].concat()).unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    for path in [&first, &second] {
        let told = flow(&["--data", data, path.to_str().unwrap()]);
        assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    }
    let flags = written.flags();
    let newest = "SELECT sum(samples) AS c FROM (SELECT samples, row_number() OVER (PARTITION BY source_ip ORDER BY told_at DESC) AS n \
                  FROM traffic_verdicts WHERE day = '2026-03-02T00:00:00Z') WHERE n = 1";
    let told = sql(data, newest)["c"].as_u64().unwrap();
    // Hosts of a few samples have no verdict.
    assert!(told <= flags.packets && told * 100 > flags.packets * 90, "{told} of {}", flags.packets);
    assert_eq!(sql(data, "SELECT sum(samples) AS c FROM traffic_hosts"), json!({ "c": flags.packets }));
}

/// A receiver that is killed when it is dropped.
struct Listening {
    child: Child,
    address: String,
}

impl Listening {
    fn start(data: &str, more: &[&str]) -> Self {
        let arguments =
            [&["flow", "--listen", "udp://127.0.0.1:0", "--json", "--buffer-mib", "8", "--data", data], more].concat();
        let mut command = spamtrail(&arguments);
        let mut child =
            command.env("SPAMTRAIL_LOG", "info").stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut says = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(says.read_line(&mut line).unwrap() > 0, "it ended");
            let told: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = told["fields"]["listen"].as_str() {
                break address.to_owned();
            }
        };
        // What it says further is read, or it would wait.
        std::thread::spawn(move || std::io::copy(&mut says, &mut std::io::sink()));
        Self { child, address }
    }

    /// Stops it in good order; its last line.
    fn stop(mut self) -> Value {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let out = BufReader::new(self.child.stdout.take().unwrap());
        let last = out.lines().map(Result::unwrap).last().unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&last).unwrap()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn what_switches_send_is_received_kept_over_a_restart_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let written = capture(folder.path(), 6);
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let mut datagrams = Vec::new();
    let mut capture = Capture::new(File::open(folder.path().join(CAPTURE)).unwrap(), None);
    while let Some(datagram) = capture.read().unwrap() {
        datagrams.push(datagram.payload.to_vec());
    }
    let (first, second) = datagrams.split_at(datagrams.len() / 2);
    let mut mail = 0;
    for (part, sockets) in [(first, "1"), (second, "2")] {
        let listening = Listening::start(data, &["--sockets", sockets]);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(&listening.address).unwrap();
        for (number, datagram) in part.iter().enumerate() {
            sender.send(datagram).unwrap();
            // Not faster than a busy machine can take them.
            if number % 64 == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        std::thread::sleep(Duration::from_millis(1500));
        let last = listening.stop();
        assert_eq!((&last["datagrams"], &last["kernel_drops"]), (&json!(part.len()), &json!(0)), "{last}");
        mail += last["mail"].as_u64().unwrap();
    }
    let flags = written.flags();
    assert_eq!(mail, flags.packets);
    // Stamped by the kernel: now, not in March.
    let sums = sql(data, "SELECT sum(samples) AS c, min(at) > now() - INTERVAL '1 hour' AS now FROM traffic_hosts");
    assert_eq!(sums, json!({ "c": flags.packets, "now": true }));
    let told = sql(data, "SELECT sum(told) AS t, sum(kernel_drops) AS k FROM traffic_coverage WHERE agent IS NULL");
    assert_eq!(told, json!({ "t": flags.packets, "k": 0 }));
    // The second run knew what the first had counted.
    let busiest = "SELECT (SELECT max(samples) FROM traffic_verdicts) = (SELECT max(s) FROM (SELECT sum(samples) AS s FROM traffic_hosts \
                   GROUP BY source_ip)) AS all";
    assert_eq!(sql(data, busiest), json!({ "all": true }));
}

#[test]
fn the_original_capture_gives_exactly_the_numbers_of_the_slides() {
    // 25 hours with 9.7 million samples.
    if cfg!(debug_assertions) && std::env::var_os("SPAMTRAIL_ORIGINAL").is_none() {
        return specimen::skip(
            "the original capture is 2.4 GB and takes a minute in a debug build; SPAMTRAIL_ORIGINAL=1 runs it",
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    assert!(spamtrail(&["lab", "traffic", "--original", "--out", out]).output().unwrap().status.success());
    let path = folder.path().join(CAPTURE);
    let begun = std::time::Instant::now();
    let told = flow(&[path.to_str().unwrap()]);
    let text = String::from_utf8(told.stdout).unwrap();
    _ = writeln!(std::io::stderr(), "read and told in {:?}", begun.elapsed());
    for line in [
        "9,672,926 SMTP packets detected",
        "SYN          413,902   (4.2%)",
        "SYN/ACK      194,649   (2.0%)",
        "RST           72,235   (0.7%)",
        "FIN          387,433   (4.0%)",
        "611,563 unique IP addresses involved",
        "NB: 100th place has 855 clients",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    for (role, addresses) in
        [("client only", "378,457"), ("server only", "170,648"), ("both client & server", "62,458")]
    {
        let line = text.lines().find(|line| line.trim_start().starts_with(role)).unwrap();
        assert_eq!(line.split_whitespace().find(|word| word.contains(',')), Some(addresses), "{line}");
    }
}
