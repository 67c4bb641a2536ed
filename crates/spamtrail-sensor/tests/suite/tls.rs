//! TLS towards stock clients, by the real and confined program: what they deliver, which certificate they see, and what is
//! recorded of those that fail.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evidence::{End, Handshake, Message, Protocol, Quirk, Record, Session};
use specimen::has_program;

use crate::running::{Running, config, free, sensor};

/// A sensor with a mail port, a mail port like 465, and one of any protocol.
struct Covered {
    folder: tempfile::TempDir,
    running: Running,
    mail: SocketAddr,
    smtps: SocketAddr,
    sniff: SocketAddr,
}

impl Covered {
    fn start(keys: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), keys)
    }

    fn start_in(folder: tempfile::TempDir, keys: &str) -> Self {
        let [mail, smtps, sniff] = [(); 3].map(|()| free("127.0.0.1"));
        let mut config = config(folder.path(), keys, &[(mail, "mail")]);
        config += &format!("[[listen]]\naddress = \"{sniff}\"\nmode = \"sniff\"\ngreet_after_seconds = 1\n");
        config += &format!("[[listen]]\naddress = \"{smtps}\"\nmode = \"mail\"\ntls = \"implicit\"\n");
        let running = Running::start(sensor(folder.path(), &config)).unwrap();
        assert!(running.log.contains("every known way out was tried and is closed"), "{}", running.log);
        Self { folder, running, mail, smtps, sniff }
    }

    /// Stops it; what it caught, in order.
    fn stop(self) -> (Vec<Session>, Vec<Message>, tempfile::TempDir) {
        assert!(self.running.stop().success());
        let (mut sessions, mut messages) = (Vec::new(), Vec::new());
        for path in std::fs::read_dir(self.folder.path().join("spool")).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "sealed") {
                for record in spool::segment::read(&std::fs::read(path).unwrap()).unwrap().1 {
                    match record {
                        Record::Session(session) => sessions.push(*session),
                        Record::Message(message) => messages.push(*message),
                        Record::Heartbeat(_) => {}
                    }
                }
            }
        }
        sessions.sort_by_key(|session| session.connection.id.number);
        (sessions, messages, self.folder)
    }
}

fn mail(token: &str) -> Vec<u8> {
    format!("Subject: {token}\r\n\r\n.\r\n..two dots\r\n\u{e9}\r\n{}\r\nlast\r\n", "x".repeat(900)).into_bytes()
}

/// Runs a client with the message on its standard input.
fn deliver(token: &str, program: &str, arguments: &[&str]) {
    let mut command = Command::new("timeout");
    command.arg("60").arg(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    _ = child.stdin.take().unwrap().write_all(&mail(token));
    assert!(child.wait().unwrap().success(), "{token}: {program} {arguments:?}");
}

fn curl(token: &str, arguments: &[&str]) {
    let common =
        ["-sS", "-k", "--proxy-insecure", "-p", "--mail-from", "a@example.org", "--mail-rcpt", "b@example.net"];
    deliver(token, "curl", &[&common[..], &["-T", "-"], arguments].concat());
}

const SMTPLIB: &str = "
import smtplib, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
host, port, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = smtplib.SMTP_SSL(host, port, context=context) if way == 'tls' else smtplib.SMTP(host, port)
with client:
    if way == 'starttls':
        client.starttls(context=context)
    client.login('joe', 'secret')
    client.sendmail('a@example.org', ['b@example.net'], sys.stdin.buffer.read())
";

#[test]
fn stock_clients_deliver_through_tls_at_any_depth_and_the_bytes_are_kept() {
    let sensor = Covered::start("");
    let (mail_port, smtps_port) = (sensor.mail.port().to_string(), sensor.smtps.port().to_string());
    let (socks, https) = (format!("socks5h://{}", sensor.sniff), format!("https://{}", sensor.sniff));
    let mut expected = Vec::new();
    if has_program("curl") {
        let (smtp, smtps) = (format!("smtp://{}", sensor.mail), format!("smtps://{}", sensor.smtps));
        let sniffed = format!("smtps://{}", sensor.sniff);
        for (token, path, arguments) in [
            ("curl-starttls", "SMTP>TLS>SMTP", &["--ssl-reqd", &smtp][..]),
            ("curl-smtps", "TLS>SMTP", &[&smtps]),
            ("curl-sniffed", "TLS>SMTP", &[&sniffed]),
            ("curl-https-proxy", "TLS>HTTP>SMTP", &["-x", &https, "smtp://mx.example:25"]),
            ("curl-https-proxy-smtps", "TLS>HTTP>TLS>SMTP", &["-x", &https, "smtps://mx.example:465"]),
            (
                "curl-https-proxy-starttls",
                "TLS>HTTP>SMTP>TLS>SMTP",
                &["-x", &https, "--ssl-reqd", "smtp://mx.example:25"],
            ),
            ("curl-socks-smtps", "S5>TLS>SMTP", &["-x", &socks, "smtps://mx.example:465"]),
            ("curl-socks-starttls", "S5>SMTP>TLS>SMTP", &["-x", &socks, "--ssl-reqd", "smtp://mx.example:587"]),
        ] {
            curl(token, arguments);
            expected.push((token, path));
        }
    }
    if has_program("swaks") {
        let file = sensor.folder.path().join("swaks.txt");
        for (token, path, port, tls) in [
            ("swaks-starttls", "SMTP>TLS>SMTP", &mail_port, "--tls"),
            ("swaks-smtps", "TLS>SMTP", &smtps_port, "--tls-on-connect"),
        ] {
            std::fs::write(&file, mail(token)).unwrap();
            let data = format!("@{}", file.display());
            let envelope =
                ["--server", "127.0.0.1", "--port", port, "--from", "a@example.org", "--to", "b@example.net"];
            deliver(token, "swaks", &[&envelope[..], &[tls, "--data", &data]].concat());
            expected.push((token, path));
        }
    }
    if has_program("msmtp") {
        let common = ["--host=127.0.0.1", "--from=a@example.org", "--tls=on", "--tls-certcheck=off"];
        for (token, path, starttls, port) in [
            ("msmtp-starttls", "SMTP>TLS>SMTP", "--tls-starttls=on", &mail_port),
            ("msmtp-smtps", "TLS>SMTP", "--tls-starttls=off", &smtps_port),
        ] {
            let port = format!("--port={port}");
            deliver(token, "msmtp", &[&common[..], &[starttls, &port, "b@example.net"]].concat());
            expected.push((token, path));
        }
    }
    if has_program("python3") {
        deliver("python-starttls", "python3", &["-c", SMTPLIB, "127.0.0.1", &mail_port, "starttls"]);
        deliver("python-smtps", "python3", &["-c", SMTPLIB, "127.0.0.1", &smtps_port, "tls"]);
        expected.extend([("python-starttls", "SMTP>TLS>SMTP"), ("python-smtps", "TLS>SMTP")]);
    }
    let (sessions, messages, _) = sensor.stop();
    assert_eq!((sessions.len(), messages.len()), (expected.len(), expected.len()));
    for (token, path) in expected {
        let subject = format!("Subject: {token}\r\n");
        let start = |message: &Message| message.content.windows(subject.len()).position(|at| at == subject.as_bytes());
        let found = messages.iter().find_map(|message| Some((message, start(message)?)));
        let (message, start) = found.unwrap_or_else(|| panic!("{token} was not kept"));
        // msmtp puts fields of its own before; swaks ends the last line once more.
        let content = &message.content[start..];
        assert_eq!(content.trim_ascii_end(), mail(token).trim_ascii_end(), "{token}");
        let session = sessions.iter().find(|session| session.connection == message.connection).unwrap();
        assert_eq!(Protocol::path(&session.path), path, "{token}");
        assert_eq!(message.path, session.path, "{token}");
        let depths = session.path.iter().enumerate().filter(|(_, protocol)| **protocol == Protocol::Tls);
        let depths: Vec<_> = depths.map(|(depth, _)| depth as u32).collect();
        assert_eq!(session.tls.iter().map(|tls| tls.depth).collect::<Vec<_>>(), depths, "{token}");
        for tls in &session.tls {
            assert_eq!(tls.handshake.version().as_deref(), Some("1.3"), "{token}");
            let hello = tls.client_hello().unwrap_or_else(|| panic!("{token}: the hello is kept"));
            assert!(hello.ja4().starts_with("t13"), "{token}: {}", hello.ja4());
        }
        if token.starts_with("python") {
            let login = &session.logins[0];
            assert!(login.accepted && login.user.as_slice() == b"joe", "{token}");
        }
        let inside = session.tls.last().and_then(|tls| tls.client_hello()?.server_name);
        if ["curl-https-proxy-smtps", "curl-socks-smtps", "curl-socks-starttls"].contains(&token) {
            assert_eq!(inside.as_deref(), Some(&b"mx.example"[..]), "{token}");
        }
    }
}

/// What openssl says of a server, or why it fails.
fn openssl(arguments: &[&str]) -> String {
    let mut command = Command::new("timeout");
    command.args(["20", "openssl", "s_client", "-showcerts"]).args(arguments);
    let output = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn certificate(arguments: &[&str]) -> String {
    let said = openssl(arguments);
    let start = said.find("-----BEGIN CERTIFICATE").unwrap_or_else(|| panic!("{said}"));
    let end = said.find("-----END CERTIFICATE").unwrap();
    said[start..end].to_owned()
}

#[test]
fn a_certificate_is_its_sensors_own_and_that_of_a_far_server_is_the_networks() {
    if !has_program("openssl") {
        return;
    }
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("network.key");
    std::fs::write(&key, "07".repeat(32)).unwrap();
    let network = format!("network_key = \"{}\"", key.display());
    let shown = |sensor: &Covered| {
        let (mail, smtps, sniff) = (sensor.mail.to_string(), sensor.smtps.to_string(), sensor.sniff.to_string());
        let own = certificate(&["-connect", &mail, "-starttls", "smtp"]);
        assert_eq!(own, certificate(&["-connect", &smtps]), "one machine, one certificate");
        assert_eq!(own, certificate(&["-connect", &smtps, "-tls1_2"]));
        let far = certificate(&["-proxy", &sniff, "-connect", "mx.example:465"]);
        assert_ne!(far, certificate(&["-proxy", &sniff, "-connect", "mx2.example:465"]));
        (own, far)
    };
    let one = Covered::start(&network);
    let first = shown(&one);
    if has_program("nmap") {
        let (mail, smtps) = (one.mail.port().to_string(), one.smtps.port().to_string());
        // It tells by the service of a port how TLS begins there.
        for arguments in [&["--script", "+ssl-cert", "-p", &smtps][..], &["-sV", "--script", "ssl-cert", "-p", &mail]] {
            let said = Command::new("nmap").args(["-Pn", "-n", "127.0.0.1"]).args(arguments).output().unwrap();
            let said = String::from_utf8(said.stdout).unwrap();
            assert!(said.contains("Subject: commonName=mx.example.net"), "{said}");
        }
    }
    let (.., folder) = one.stop();
    let again = Covered::start_in(folder, &network);
    assert_eq!(shown(&again), first, "a restart changes nothing");
    again.stop();
    let other = Covered::start(&network);
    let second = shown(&other);
    assert_ne!(second.0, first.0);
    assert_eq!(second.1, first.1, "a destination is the same at all sensors");
    other.stop();
}

const CLOSE: &str = "
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
plain = socket.create_connection((sys.argv[1], int(sys.argv[2])))
client = context.wrap_socket(plain, suppress_ragged_eofs=False)
client.recv(100)
if sys.argv[3] == 'alert':
    client.unwrap()
client.close()
";

#[test]
fn what_fails_and_what_is_broken_off_is_recorded_and_never_more_than_that() {
    if !has_program("openssl") || !has_program("python3") {
        return;
    }
    let sensor = Covered::start("");
    let (smtps, port) = (sensor.smtps.to_string(), sensor.smtps.port().to_string());
    let said = openssl(&["-connect", &smtps, "-tls1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(said.contains("alert handshake failure"), "{said}");
    let said = openssl(&["-connect", &smtps, "-verify_return_error", "-verify", "3"]);
    assert!(said.contains("certificate verify failed") || said.contains("self-signed certificate"), "{said}");
    let mut plain = TcpStream::connect(sensor.smtps).unwrap();
    plain.write_all(b"EHLO client.example\r\n").unwrap();
    let mut heard = Vec::new();
    _ = plain.read_to_end(&mut heard);
    assert!(heard.is_empty(), "a server has nothing to say to plain text: {heard:?}");
    drop(TcpStream::connect(sensor.smtps).unwrap());
    for way in ["alert", "cut"] {
        let status = Command::new("python3").args(["-c", CLOSE, "127.0.0.1", &port, way]).status().unwrap();
        assert!(status.success(), "{way}");
    }
    let (sessions, ..) = sensor.stop();
    let told: Vec<_> = sessions.iter().map(|session| (session.end, &session.tls[0].handshake)).collect();
    let failed = |index: usize| match told[index].1 {
        Handshake::Failed(reason) => reason.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sessions[0].tls[0].client_hello().unwrap().ja4().split_at(3).0, "t10");
    assert!(failed(0).contains("incompatible"), "{}", failed(0));
    assert!(failed(1).contains("alert"), "the client did not like the certificate: {}", failed(1));
    assert!(failed(2).contains("corrupt"), "{}", failed(2));
    assert_eq!(sessions[2].tls[0].hello.as_slice(), b"EHLO client.example\r\n");
    assert_eq!(told[3], (End::Closed, &Handshake::Left));
    for session in &sessions[..4] {
        assert!(session.path.is_empty() && session.quirks.contains(Quirk::TlsFailed));
    }
    let cut = |session: &Session| session.quirks.contains(Quirk::TlsCutOff);
    assert_eq!((sessions[4].end, cut(&sessions[4])), (End::Closed, false));
    assert_eq!((sessions[5].end, cut(&sessions[5])), (End::Closed, true));
}

#[test]
fn a_thousand_broken_hellos_leave_a_thousand_sessions() {
    const HELLOS: usize = 1000;
    let sensor = Covered::start("");
    // Any numbers, the same in each run.
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    for number in 0..HELLOS {
        let mut hello = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03".to_vec();
        hello.extend((0..number % 300).map(|_| random()));
        let length = hello.len();
        hello[usize::from(random()) % length] = random();
        hello[0] = 0x16;
        let mut client = TcpStream::connect(if number % 2 == 0 { sensor.sniff } else { sensor.smtps }).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client.write_all(&hello).unwrap();
        _ = client.shutdown(std::net::Shutdown::Write);
        _ = client.read_to_end(&mut Vec::new());
    }
    let (sessions, ..) = sensor.stop();
    assert_eq!(sessions.len(), HELLOS);
    for session in &sessions {
        assert!(!matches!(session.end, End::Failed | End::Stopped), "{:?}", session.tls);
        assert!(matches!(session.tls[0].handshake, Handshake::Failed(_) | Handshake::Left), "{:?}", session.tls);
        assert!(session.tls[0].hello.starts_with(&[0x16]));
    }
}

#[test]
fn a_handshake_that_never_ends_ends_in_time() {
    let sensor = Covered::start("");
    let began = Instant::now();
    let mut clients = [sensor.sniff, sensor.smtps].map(|address| TcpStream::connect(address).unwrap());
    for client in &mut clients {
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01").unwrap();
    }
    for mut client in clients {
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        assert!(heard.is_empty());
    }
    let took = began.elapsed();
    assert!((25..45).contains(&took.as_secs()), "{took:?}");
    let (sessions, ..) = sensor.stop();
    for session in &sessions {
        assert_eq!((session.end, &session.tls[0].handshake), (End::Idle, &Handshake::Late));
        assert_eq!(session.tls[0].hello.len(), 8);
    }
}

#[test]
fn the_secret_of_a_sensor_is_readable_by_itself_alone() {
    use std::os::unix::fs::PermissionsExt;
    let sensor = Covered::start("");
    let secret = Path::new(sensor.folder.path()).join("spool/secret");
    let data = std::fs::metadata(secret).unwrap();
    assert_eq!((data.len(), data.permissions().mode() & 0o777), (32, 0o600));
    sensor.stop();
}
