//! What mail servers tell over sockets, taken by the real program from those who tell it in life, over kills and restarts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use specimen::{Postfix, has_program, is_root, skip};

use crate::maillog::{log, maillog, sql, sql_of_whole};
use crate::observatory::{free_ports, json_lines, spamtrail};

const SUMS: &str = "SELECT sum(recipients) AS r, sum(failed) AS f FROM customers WHERE party = 'account'";

/// A follower with its data folder.
struct Follower {
    process: Child,
    data: String,
}

impl Follower {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let data = data.to_str().unwrap().to_owned();
        let all = [&["maillog", "--data", &data], arguments].concat();
        let process = spamtrail(&all).stderr(Stdio::null()).spawn().unwrap();
        Self { process, data }
    }

    /// Waits until a log of the inlet has so many lines, of all its runs.
    fn wait_for(&mut self, log: &str, lines: usize) {
        let path = format!("{}/maillog/inlet/{log}.log", self.data);
        let begun = Instant::now();
        loop {
            let text = std::fs::read(&path).unwrap_or_default();
            let there = text.iter().filter(|byte| **byte == b'\n').count();
            if there >= lines {
                return assert_eq!(there, lines, "{path}");
            }
            assert!(self.process.try_wait().unwrap().is_none(), "it has ended");
            assert!(begun.elapsed() < Duration::from_secs(60), "{path} has {there} lines of {lines}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

/// Connects, as soon as somebody listens.
fn connect(port: u16) -> TcpStream {
    let begun = Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(30), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the status says of a log.
fn status(data: &Path, log: &str) -> Value {
    let told = maillog(&["status", "--json", "--data", data.to_str().unwrap()]);
    json_lines(&told).into_iter().find(|line| line["log"] == log).unwrap()
}

/// Lines of a logger, with nothing about mail.
fn logger(ways: &[&str], port: u16, lines: usize) {
    let port = port.to_string();
    let arguments = ["--server", "127.0.0.1", "--port", &port, "--tag", "postfix/anvil", "--priority", "mail.info"];
    let mut logger = Command::new("logger").args(arguments).args(ways).stdin(Stdio::piped()).spawn().unwrap();
    let text: String = (0..lines).map(|n| format!("statistics: max cache size {n} at Mar  2 10:00:00\n")).collect();
    logger.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(logger.wait().unwrap().success());
}

/// A rsyslog that forwards what comes to its own socket, over TLS. It ends with the value.
struct Rsyslog(Child);

impl Rsyslog {
    fn start(folder: &Path, port: u16, authority: &Path) -> Self {
        let (own, conf) = (folder.display(), folder.join("rsyslog.conf"));
        let text = format!(
            "global(workDirectory=\"{own}\" maxMessageSize=\"64k\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             input(type=\"imuxsock\" Socket=\"{own}/log\" RateLimit.Interval=\"0\" Unlink=\"on\")\n\
             template(name=\"whole\" type=\"string\" string=\"<%PRI%>%msg:2:$%\")\n\
             if $programname == \"relayed\" then action(type=\"omfwd\" template=\"whole\" target=\"127.0.0.1\" port=\"{port}\" protocol=\"tcp\" \
             TCP_Framing=\"octet-counted\" StreamDriver=\"gtls\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\" \
             StreamDriverPermittedPeers=\"collector.example\" StreamDriver.CAFile=\"{}\" \
             action.resumeInterval=\"1\" action.resumeRetryCount=\"-1\" queue.type=\"LinkedList\")\n",
            authority.display()
        );
        std::fs::write(&conf, text).unwrap();
        let mut command = Command::new("rsyslogd");
        command.args(["-n", "-i"]).arg(folder.join("pid")).arg("-f").arg(&conf);
        let rsyslog = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        while !folder.join("log").exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "rsyslogd does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        rsyslog
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A certificate that stands for itself, as openssl makes it.
fn certificate(folder: &Path) -> (String, String) {
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=collector.example"];
    let mut openssl = Command::new("openssl");
    openssl.args(arguments).args(["-addext", "subjectAltName=DNS:collector.example"]);
    let made = openssl.args(["-keyout", &key, "-out", &certificate]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

#[test]
fn lines_that_come_over_udp_tcp_and_tls_count_once_over_kills_and_restarts() {
    if !["logger", "rsyslogd", "openssl"].into_iter().all(has_program) {
        return;
    }
    if !Path::new("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so").exists() {
        return skip("rsyslog has no GnuTLS");
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (certificate, key) = certificate(folder.path());
    let [udp, tcp, tls] = free_ports();
    let doors = [format!("udp://127.0.0.1:{udp}"), format!("tcp://127.0.0.1:{tcp}"), format!("tls://127.0.0.1:{tls}")];
    let doors = doors.iter().flat_map(|door| ["--listen", door]);
    let arguments: Vec<&str> = doors.chain(["--certificate", &certificate, "--key", &key]).collect();
    let start = || Follower::start(&data, &arguments);

    let text = log();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let parts: Vec<String> = lines.chunks(lines.len() / 4 + 1).map(<[&str]>::concat).collect();
    let mut sent = 0;
    let mut send = |part: &str| {
        sent += part.lines().count();
        sent
    };

    // Killed with what was taken, and nothing of it kept elsewhere.
    let mut follower = start();
    connect(tcp).write_all(parts[0].as_bytes()).unwrap();
    follower.wait_for("127.0.0.1", send(&parts[0]));
    logger(&["--udp", "--rfc3164"], udp, 20);
    follower.wait_for("127.0.0.1", send(&"\n".repeat(20)));
    follower.kill();

    // Stopped in good order: also what has just been sent is kept.
    let mut follower = start();
    connect(tcp).write_all(parts[1].as_bytes()).unwrap();
    follower.wait_for("127.0.0.1", send(&parts[1]));
    logger(&["--tcp", "--octet-count", "--rfc5424"], tcp, 20);
    let so_far = send(&"\n".repeat(20));
    follower.wait_for("127.0.0.1", so_far);
    follower.stop();
    let told = status(&data, "inlet:127.0.0.1");
    assert_eq!(
        (&told["lines"], &told["known"], &told["losses"]),
        (&so_far.into(), &so_far.into(), &0.into()),
        "{told}"
    );

    // A rsyslog, which sends its first line again when nobody listened.
    let mut follower = start();
    drop(connect(tls));
    let rsyslog = Rsyslog::start(folder.path(), tls, Path::new(&certificate));
    let mut logger = Command::new("logger");
    logger.arg("--socket").arg(folder.path().join("log")).args(["--tag", "relayed", "--priority", "mail.info"]);
    let mut logger = logger.stdin(Stdio::piped()).spawn().unwrap();
    logger.stdin.take().unwrap().write_all(parts[2].as_bytes()).unwrap();
    assert!(logger.wait().unwrap().success());
    follower.wait_for("127.0.0.1", send(&parts[2]));
    drop(rsyslog);
    follower.kill();

    let mut follower = start();
    let counted: String = parts[3].lines().map(|line| format!("{} <22>{line}", line.len() + 4)).collect();
    connect(tcp).write_all(counted.as_bytes()).unwrap();
    let all = send(&parts[3]);
    follower.wait_for("127.0.0.1", all);
    follower.stop();
    assert_eq!(status(&data, "inlet:127.0.0.1")["lines"], all);
    assert_eq!(sql(&data, SUMS), sql_of_whole(&text));
}

#[test]
fn helo_names_that_postfix_does_not_log_are_known_from_its_requests_and_count() {
    if !is_root() || !has_program("postfix") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (log, tap) = (text("mail.log"), format!("unix:{}", text("tap")));
    let arguments = ["--follow", "--customers", "203.0.113.0/24", "--policy", &tap, &log];
    let follower = Follower::start(&data, &arguments);
    let postfix = Postfix::start(
        folder.path(),
        "smtpd_end_of_data_restrictions = check_policy_service unix:FOLDER/tap\n\
         smtpd_policy_service_default_action = DUNNO\n",
    );
    let client = "203.0.113.9".parse().unwrap();
    let send = |number: u32| {
        postfix.send(Some(client), &format!("pc{number}"), &format!("friend{number}@elsewhere.example"));
    };
    (0..8).for_each(send);
    follower.kill();
    // While nobody answers, Postfix takes mail.
    send(8);
    let mut follower = Follower::start(&data, &arguments);
    let begun = Instant::now();
    while std::os::unix::net::UnixStream::connect(text("tap")).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(50));
    }
    (9..17).for_each(send);
    follower.wait_for("policy", 16);
    drop(postfix);
    std::thread::sleep(Duration::from_secs(2));
    follower.stop();
    let told = "array_to_string(reasons, ' ') LIKE 'X3 helo-growth: 16 HELO names%'";
    assert_eq!(sql(&data, &format!("SELECT count(*) AS n FROM findings WHERE {told}"))["n"], 1);
    let sums = sql(&data, "SELECT sum(messages) AS m FROM customers WHERE source_ip = '203.0.113.9'");
    assert_eq!(sums["m"], 17);
    assert_eq!(status(&data, "inlet:policy")["lines"], 16);
}

#[test]
fn sockets_that_cannot_be_listened_on_stop_the_start_and_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("tcp://{}", taken.local_addr().unwrap());
    for (arguments, says) in [
        (vec!["--listen", "tls://127.0.0.1:0"], "tls:// needs certificate and key"),
        (vec!["--listen", "syslog://127.0.0.1:514"], "is not udp://, tcp:// or tls://"),
        (vec!["--policy", "127.0.0.1:0"], "no log is named"),
        (vec!["--listen", "udp://127.0.0.1:0", "--policy", "unix:tap"], "unix: with a whole path"),
        (vec!["--listen", &taken], "cannot listen on"),
        (vec!["--listen", "tls://127.0.0.1:0", "--certificate", "/nowhere", "--key", "/nowhere"], "/nowhere"),
    ] {
        let refused = maillog(&[&["--data", data], &arguments[..]].concat());
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && error.contains(says), "{arguments:?}: {error}");
    }
}

/// The log as journald exports it, and as JSON.
fn journal(log: &str) -> [String; 2] {
    let (mut export, mut json) = (String::new(), String::new());
    for line in log.lines() {
        let (stamp, rest) = line.split_once(' ').unwrap();
        let (host, rest) = rest.split_once(' ').unwrap();
        let (tag, message) = rest.split_once(": ").unwrap();
        let (identifier, pid) = tag.trim_end_matches(']').split_once('[').unwrap();
        let micros = stamp.parse::<evidence::Time>().unwrap().micros().to_string();
        let fields = [
            ("__CURSOR", "s=1"),
            ("__REALTIME_TIMESTAMP", &micros[..]),
            ("_HOSTNAME", host),
            ("SYSLOG_IDENTIFIER", identifier),
            ("SYSLOG_PID", pid),
            ("MESSAGE", message),
        ];
        fields.iter().for_each(|(name, value)| export += &format!("{name}={value}\n"));
        export.push('\n');
        let object: serde_json::Map<_, _> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        json += &format!("{}\n", Value::Object(object));
    }
    [export, json]
}

#[test]
fn what_journalctl_writes_is_read_from_standard_input_and_from_a_file_as_the_log_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal");
    let found = |told: &Output| {
        let lines = json_lines(told);
        let days = lines.iter().filter(|line| line["type"] == "day").cloned();
        let who: Vec<_> =
            lines.iter().filter(|line| line["type"] == "finding").map(|line| line["who"].clone()).collect();
        (days.collect::<Vec<_>>(), who)
    };
    std::fs::write(&file, log()).unwrap();
    let plain = found(&maillog(&["--json", file.to_str().unwrap()]));
    assert_eq!(plain.1, ["bob@provider.example"]);
    for text in journal(&log()) {
        std::fs::write(&file, &text).unwrap();
        assert_eq!(found(&maillog(&["--json", file.to_str().unwrap()])), plain);
        let mut reading =
            spamtrail(&["maillog", "--json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        reading.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let mut stdout = Vec::new();
        reading.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        let status = reading.wait().unwrap();
        assert_eq!(found(&Output { status, stdout, stderr: Vec::new() }), plain);
    }
}
