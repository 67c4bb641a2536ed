//! The commands: what they print, how they fail.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use crate::observatory::{Observatory, VISIBLE_WITHIN, json_lines, spamtrail};

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = spamtrail(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn play(observatory: &Observatory, flags: &[&str]) {
    let mail = tempfile::tempdir().unwrap();
    std::fs::write(mail.path().join("mail"), "Subject: x\n\nhello\n").unwrap();
    let (corpus, to) = (mail.path().to_str().unwrap(), observatory.smtp());
    let mut arguments = vec!["replay", corpus, "--to", &to, "--via", "smtp"];
    arguments.extend(flags);
    let (code, _, error) = run(&arguments);
    assert_eq!(code, 0, "{error}");
}

#[test]
fn help_teaches_and_mistakes_are_told() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, 0);
    for command in
        ["up", "sensor", "ship", "collect", "portal", "stats", "tests", "sql", "origin", "replay", "check", "doctor"]
    {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
        assert_eq!(run(&[command, "--help"]).0, 0, "{command}");
    }
    let nowhere = ["--data", "/nowhere"];
    for (arguments, words) in [
        (&["stats"][..], "there is no lake here"),
        (&["sql", "SELECT 1"], "there is no lake here"),
        (&["stats", "--at", "yesterday"], "`yesterday` is not a time"),
        (&["stats", "--only", "country=BRA"], "`BRA` is no country"),
        (&["stats", "--by", "colour"], "none of sensor, country"),
    ] {
        let (code, _, error) = run(&[arguments, &nowhere[..]].concat());
        assert_eq!(code, 2, "{arguments:?}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
    let (code, _, error) = run(&["replay", "/nowhere", "--to", "192.0.2.1:25", "--via", "smtp"]);
    assert!(code == 2 && error.contains("loopback only"), "{error}");
}

#[test]
fn a_wrong_configuration_stops_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sensor.toml");
    let good = "name = \"BR-01\"\nhost = \"mx.example.net\"\nspool = \"spool\"\n[[listen]]\naddress = \"127.0.0.1:0\"\nmode = \"mail\"\n";
    let file = path.to_str().unwrap();
    std::fs::write(&path, good).unwrap();
    assert_eq!(run(&["check", "sensor", "--config", file]).0, 0);
    let (code, shown, _) = run(&["check", "sensor", "--config", file, "--dump"]);
    assert!(code == 0 && shown.contains("spool_limit_mib: 1024"), "{shown}");
    std::fs::write(&path, good.replace("host", "hots")).unwrap();
    for command in [&["check", "sensor"][..], &["sensor"], &["ship"]] {
        let (code, _, error) = run(&[command, &["--config", file]].concat());
        assert_eq!(code, 2, "{command:?}");
        assert!(error.contains("hots") && error.contains("line 2") && error.contains(file), "{error}");
    }
    assert!(!Path::new("spool").exists(), "nothing was begun");
}

#[test]
fn an_identity_of_another_sensor_stops_the_shipping() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("identity"));
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let (code, _, error) = run(&["enroll", "BR-02", "--data", data, "--out", out]);
    assert_eq!(code, 0, "{error}");
    let path = folder.path().join("sensor.toml");
    let config = format!(
        "name = \"BR-01\"\nhost = \"mx\"\nspool = \"{data}/spool\"\n[[listen]]\naddress = \"127.0.0.1:0\"\nmode = \"mail\"\n[ship]\ncollector = \"127.0.0.1:1\"\nidentity = \"{out}\"\n"
    );
    std::fs::write(&path, config).unwrap();
    let (code, _, error) = run(&["ship", "--config", path.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(error.contains("that of sensor BR-02, not of sensor BR-01"), "{error}");
}

#[test]
fn statistics_come_as_text_json_and_csv_and_sql_only_reads() {
    let observatory = Observatory::start();
    play(&observatory, &[]);
    observatory.wait_for("SELECT count(*) FROM messages", 1, VISIBLE_WITHIN);
    let text = String::from_utf8(observatory.ask(&["stats"]).stdout).unwrap();
    assert!(text.contains("Summary") && text.contains("LOCAL-01") && text.contains("Sensors: 1 / 1"), "{text}");
    let csv = String::from_utf8(observatory.ask(&["stats", "--by", "port", "--format", "csv"]).stdout).unwrap();
    assert!(csv.starts_with("rank,port,emails,") && csv.contains(&format!("\r\n1,{},1,", observatory.mail)), "{csv}");
    let json = json_lines(&observatory.ask(&["stats", "--by", "port", "--json"]));
    assert_eq!((json[1]["port"].as_u64().unwrap(), json[1]["emails"].as_u64().unwrap()), (observatory.mail.into(), 1));
    let earlier = json_lines(&observatory.ask(&["stats", "--by", "sensor", "--json", "--at", "1h"]));
    assert_eq!(earlier.last().unwrap()["emails"], 0, "an hour ago there was nothing");
    let denied = observatory.ask(&["sql", "DROP TABLE messages"]);
    assert_eq!(denied.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&denied.stderr).contains("not supported"));
    let healthy = observatory.ask(&["doctor"]);
    let words = String::from_utf8_lossy(&healthy.stdout).into_owned();
    assert!(healthy.status.success() && words.contains("sensor LOCAL-01 lives"), "{words}");
    observatory.stop();
}

#[test]
fn imported_tables_are_used_without_a_restart_and_a_bad_one_changes_nothing() {
    let observatory = Observatory::start();
    let folder = tempfile::tempdir().unwrap();
    let sources = folder.path().join("sources");
    std::fs::write(&sources, "# one\n198.51.100.7\n").unwrap();
    let flags = ["--sources", sources.to_str().unwrap()];
    play(&observatory, &flags);
    let routes = folder.path().join("routes-20260101.dat");
    std::fs::write(&routes, "; prefixes\n198.51.100.0/24\t64496\n198.51.100.0/28\t64497\n").unwrap();
    let bad = folder.path().join("bad-20260101.dat");
    std::fs::write(&bad, "198.51.100.0/24\t64498\n198.51.100.0/240\t64499\n").unwrap();
    let refused = observatory.ask(&["origin", "import", routes.to_str().unwrap(), bad.to_str().unwrap()]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        words.contains("bad-20260101.dat") && words.contains("line 2") && words.contains("nothing was imported"),
        "{words}"
    );
    let listed = json_lines(&observatory.ask(&["origin", "list", "--json"]));
    assert!(listed.iter().all(|table| table["from"] == "embedded"), "nothing is half-applied");

    assert!(observatory.ask(&["origin", "import", routes.to_str().unwrap()]).status.success());
    let found = json_lines(&observatory.ask(&["origin", "lookup", "198.51.100.7", "--json"]));
    assert_eq!((found[0]["asn"].as_u64().unwrap(), found[0]["prefix"].as_str().unwrap()), (64497, "198.51.100.0/28"));
    std::thread::sleep(Duration::from_secs(4)); // the collector looks every two seconds
    play(&observatory, &flags);
    observatory.wait_for("SELECT count(*) FROM messages", 2, VISIBLE_WITHIN);
    let rows = observatory.sql("SELECT asn, prefix, announced, origin_tables FROM messages ORDER BY accepted_at");
    assert_ne!(rows[0][0], "64497");
    assert_eq!(rows[1][..3], ["64497", "198.51.100.0/28", "true"]);
    assert!(rows[1][3].contains("2026-01-01"), "{:?}", rows[1]);
    observatory.stop();
}

#[test]
fn every_way_in_is_played_and_told_apart() {
    let observatory = Observatory::start();
    let mail = tempfile::tempdir().unwrap();
    for number in 0..12 {
        std::fs::write(mail.path().join(number.to_string()), format!("Subject: {number}\n\nhello\n")).unwrap();
    }
    let (corpus, to) = (mail.path().to_str().unwrap(), observatory.socks());
    let mut arguments = vec!["replay", corpus, "--to", &to, "--json", "--parallel", "2"];
    for via in ["connect", "post", "socks4", "socks4a", "socks5"] {
        arguments.extend(["--via", via]);
    }
    let played = json_lines(&spamtrail(&arguments).output().unwrap());
    assert_eq!(played[0]["accepted"], 12, "{played:?}");
    observatory.wait_for("SELECT count(*) FROM messages", 12, VISIBLE_WITHIN);
    let rows = observatory.sql("SELECT DISTINCT path FROM messages ORDER BY path");
    assert_eq!(rows.concat(), ["HTTP>SMTP", "S4>SMTP", "S4a>SMTP", "S5>SMTP"]);
    observatory.stop();
}

/// Otherwise one unknown host of twenty is dead, so that one of 150 is, but once in some 5000 times.
#[test]
fn without_latency_every_host_behind_a_proxy_lives() {
    let observatory = Observatory::start_with(&["--latency", "none"]);
    for number in 0..150 {
        let mut stream = TcpStream::connect(observatory.socks()).unwrap();
        stream.set_read_timeout(Some(VISIBLE_WITHIN)).unwrap();
        stream.write_all(format!("CONNECT mx{number}.mail-of-nobody.net:25 HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status).unwrap();
        assert!(status.contains(" 200 "), "{number}: {status}");
    }
    observatory.stop();
}

#[test]
fn a_stop_takes_everything_in_and_the_next_start_goes_on() {
    let first = Observatory::start();
    play(&first, &[]);
    let folder = first.stop().unwrap();
    let data = folder.path().join("data");
    let count = || crate::observatory::sql(&data, "SELECT count(*) FROM messages")[0][0].clone();
    assert_eq!(count(), "1", "what was caught before the stop is in the lake after it");
    let waiting = |place: &str| {
        let entries = std::fs::read_dir(data.join(place)).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|e| e == "sealed" || e == "open" || e == "segment")).count()
    };
    assert_eq!((waiting("spool/LOCAL-01"), waiting("inbox")), (0, 0));
    let ended = crate::observatory::sql(&data, "SELECT count(*) FROM heartbeats WHERE last");
    assert_eq!(ended[0][0], "1", "the sensor said that it stopped in good order");
    let second = Observatory::start_in(&data, &[]);
    play(&second, &[]);
    second.wait_for("SELECT count(*) FROM messages", 2, VISIBLE_WITHIN);
    second.stop();
}
