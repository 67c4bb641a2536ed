//! Those who send syslog in life: logger(1), rsyslog, openssl.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use inlet::{Door, Secure};
use specimen::{has_program, skip};

use crate::place::{ANY, Place, certificate};

const TEXT: &str = "4AF1D3E0: client=mx.example[192.0.2.7]";

fn logger(to: SocketAddr, arguments: &[&str]) {
    let port = to.port().to_string();
    let mut command = Command::new("logger");
    command.args(["--server", "127.0.0.1", "--port", &port, "--tag", "postfix/smtpd", "--priority", "mail.info"]);
    assert!(command.args(arguments).arg(TEXT).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn logger_sends_in_all_its_ways_and_each_line_arrives_once() {
    if !has_program("logger") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let doors = [Door::Udp(ANY.parse().unwrap()), Door::Tcp(ANY.parse().unwrap())];
    let mut place = Place::open(folder.path(), &doors, &[], None);
    let (udp, tcp) = (place.address(0), place.address(1));
    let ways: [(_, &[&str]); 6] = [
        (udp, &["--udp", "--rfc3164"]),
        (udp, &["--udp", "--rfc5424"]),
        (tcp, &["--tcp", "--rfc3164"]),
        (tcp, &["--tcp", "--rfc5424"]),
        (tcp, &["--tcp", "--octet-count", "--rfc3164"]),
        (tcp, &["--tcp", "--octet-count", "--rfc5424"]),
    ];
    for (number, (to, arguments)) in ways.into_iter().enumerate() {
        logger(to, arguments);
        let lines = place.lines("127.0.0.1", number + 1).await;
        let line = &lines[number];
        assert!(
            line.starts_with("<22>") && line.ends_with(TEXT) && line.contains("postfix/smtpd"),
            "{arguments:?}: {line}"
        );
    }
    let status = place.close().await.1;
    assert_eq!((status.lines, status.torn), (6, 0), "{status:?}");
}

/// A private rsyslog that forwards what comes to its own socket. It ends with the value.
struct Rsyslog(Child);

impl Rsyslog {
    fn start(folder: &Path, actions: &str) -> Self {
        let conf = folder.join("rsyslog.conf");
        let own = folder.display();
        let text = format!(
            "global(workDirectory=\"{own}\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             input(type=\"imuxsock\" Socket=\"{own}/log\" RateLimit.Interval=\"0\" Unlink=\"on\")\n{actions}\n"
        );
        fs::write(&conf, text).unwrap();
        let child = Command::new("rsyslogd")
            .args(["-n", "-i"])
            .arg(folder.join("pid"))
            .arg("-f")
            .arg(&conf)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("rsyslog.err")).unwrap())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !folder.join("log").exists() {
            let said = fs::read_to_string(folder.join("rsyslog.err")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(30), "rsyslogd does not begin: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self(child)
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_forwards_over_udp_tcp_and_tls_each_line_once_over_a_restart() {
    if !has_program("rsyslogd") || !has_program("logger") {
        return;
    }
    if !Path::new("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so").exists() {
        return skip("rsyslog has no GnuTLS");
    }
    let folder = tempfile::tempdir().unwrap();
    let secure = certificate(folder.path(), "collector.example");
    let address = ANY.parse().unwrap();
    let doors = [Door::Udp(address), Door::Tcp(address), Door::Tcp(address), Door::Tls(address)];
    let mut place = Place::open(folder.path(), &doors, &[], Some(secure.clone()));
    let forward = |number: usize, what: &str| {
        let (name, port) = (["udp", "counted", "lines", "tls"][number], place.address(number).port());
        format!(
            "template(name=\"{name}\" type=\"string\" string=\"<%PRI%>%TIMESTAMP:::date-rfc3339% mx-{name} %syslogtag%%msg%\")\n\
             action(type=\"omfwd\" template=\"{name}\" target=\"127.0.0.1\" port=\"{port}\" action.resumeInterval=\"1\" \
             action.resumeRetryCount=\"-1\" queue.type=\"LinkedList\" {what})\n"
        )
    };
    let tls = format!(
        "protocol=\"tcp\" TCP_Framing=\"octet-counted\" StreamDriver=\"gtls\" StreamDriverMode=\"1\" \
         StreamDriverAuthMode=\"x509/name\" StreamDriverPermittedPeers=\"collector.example\" \
         StreamDriver.CAFile=\"{}\"",
        secure.certificate.display()
    );
    let actions = [
        forward(0, "protocol=\"udp\""),
        forward(1, "protocol=\"tcp\" TCP_Framing=\"octet-counted\""),
        forward(2, "protocol=\"tcp\""),
        forward(3, &tls),
    ];
    let _rsyslog = Rsyslog::start(folder.path(), &actions.concat());
    let mut logger = Command::new("logger");
    logger.arg("--socket").arg(folder.path().join("log")).args(["--tag", "postfix/qmgr", "--priority", "mail.info"]);
    let mut logger = logger.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = logger.stdin.take().unwrap();
    for number in 0..500 {
        writeln!(input, "line {number}").unwrap();
    }
    drop(input);
    assert!(logger.wait().unwrap().success());
    let lines = place.lines("127.0.0.1", 2000).await;
    for host in ["mx-udp", "mx-counted", "mx-lines", "mx-tls"] {
        let of_host: Vec<&String> = lines.iter().filter(|line| line.contains(host)).collect();
        let in_order = of_host.iter().enumerate().all(|(number, line)| line.ends_with(&format!(" line {number}")));
        assert!(of_host.len() == 500 && in_order, "{host}: {} lines, the last {:?}", of_host.len(), of_host.last());
    }
    let status = place.close().await.1;
    assert_eq!((status.lines, status.torn, status.handshakes), (2000, 0, 0), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_clients_must_have_a_certificate_one_without_is_turned_away() {
    if !has_program("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = certificate(folder.path(), "collector.example");
    let client = certificate(folder.path(), "mx.example");
    let secure = Secure { clients: Some(client.certificate.clone()), ..server };
    let mut place = Place::open(folder.path(), &[Door::Tls(ANY.parse().unwrap())], &[], Some(secure));
    let send = |arguments: Vec<&std::ffi::OsStr>| {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-quiet", "-no_ign_eof", "-connect", &place.address(0).to_string()]).args(arguments);
        let mut openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut input = openssl.stdin.take().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        _ = input.write_all(b"<22>Nov 25 06:00:00 mx postfix/qmgr[1]: line\n");
        drop(input);
        openssl.wait().unwrap();
    };
    send(vec![]);
    send(vec!["-cert".as_ref(), client.certificate.as_ref(), "-key".as_ref(), client.key.as_ref()]);
    let lines = place.lines("127.0.0.1", 1).await;
    assert_eq!(lines, ["<22>Nov 25 06:00:00 mx postfix/qmgr[1]: line"]);
    let status = place.close().await.1;
    assert_eq!((status.handshakes, status.lines), (1, 1), "{status:?}");
}
