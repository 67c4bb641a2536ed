//! Stock mail clients deliver through every protocol, and what they sent is what was kept.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use specimen::has_program;

use crate::observatory::{Observatory, VISIBLE_WITHIN, json_lines};

/// A message with dots, eight-bit text and a long line: all that goes wrong in transit.
fn message(token: &str) -> Vec<u8> {
    let mut text = format!("From: a@example.org\r\nTo: b@example.net\r\nSubject: {token}\r\n\r\n").into_bytes();
    text.extend_from_slice(b".\r\n..two dots\r\n.one dot\r\n\xc3\xa9 na\xc3\xafve\r\n");
    text.extend_from_slice(&[b'x'; 900]);
    text.extend_from_slice(b"\r\n\r\nlast line\r\n");
    text
}

/// What a client is to be seen as.
struct Expected {
    token: &'static str,
    protocol: &'static str,
    port: u16,
}

/// Runs a client with the message on its standard input.
fn deliver(mut client: Command, input: &[u8]) {
    let mut child = client.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    // A client that takes its message from a file closes its input.
    _ = child.stdin.take().unwrap().write_all(input);
    let status = child.wait().unwrap();
    assert!(status.success(), "{client:?}: {status}");
}

fn kept(observatory: &Observatory, token: &str) -> Vec<u8> {
    let lines = json_lines(&observatory.ask(&["sql", "SELECT sha256, content FROM contents", "--json"]));
    let contents = lines.iter().map(|line| evidence::unshown(line["content"].as_str().unwrap()));
    let subject = format!("Subject: {token}\r\n").into_bytes();
    let mut found = contents.filter(|content| content.windows(subject.len()).any(|window| window == subject));
    let content = found.next().unwrap_or_else(|| panic!("{token} was not kept"));
    assert!(found.next().is_none(), "{token} was kept twice");
    content
}

fn python(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", script]).args(arguments);
    command
}

const SMTPLIB: &str = "
import smtplib, sys
with smtplib.SMTP(sys.argv[1], int(sys.argv[2])) as client:
    client.ehlo()
    client.sendmail('a@example.org', ['b@example.net', 'c@example.net'], sys.stdin.buffer.read())
";

const POST: &str = "
import socket, sys
body = b'HELO x\\r\\nMAIL FROM:<a@example.org>\\r\\nRCPT TO:<b@example.net>\\r\\nDATA\\r\\n'
for line in sys.stdin.buffer.read().splitlines(True):
    body += (b'.' if line.startswith(b'.') else b'') + line
body += b'.\\r\\nQUIT\\r\\n'
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as client:
    head = b'POST http://mx.example.net:25/ HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body)
    client.sendall(head + body)
    answer = b''
    while piece := client.recv(4096):
        answer += piece
# Postfix, Exim, Sendmail: which of them plays the far side is drawn from the network's key.
sys.exit(not any(words in answer for words in (b'queued as', b'OK id=', b'accepted for delivery')))
";

#[test]
fn stock_clients_deliver_through_every_protocol_and_the_bytes_are_kept() {
    let observatory = Observatory::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.txt");
    let (host, mail, proxy) = ("127.0.0.1", observatory.mail.to_string(), observatory.proxy.to_string());
    let mut expected = Vec::new();
    let mut sent = |token, protocol, port| expected.push(Expected { token, protocol, port });

    if has_program("swaks") {
        std::fs::write(&file, message("swaks")).unwrap();
        let mut swaks = Command::new("swaks");
        swaks.args(["--server", &observatory.smtp(), "--from", "a@example.org", "--to", "b@example.net", "--hide-all"]);
        swaks.arg("--data").arg(format!("@{}", file.display()));
        deliver(swaks, b"");
        sent("swaks", "SMTP", observatory.mail);
        let mut swaks = Command::new("swaks");
        std::fs::write(&file, message("swaks-sniffed")).unwrap();
        swaks.args([
            "--server",
            &observatory.socks(),
            "--from",
            "a@example.org",
            "--to",
            "b@example.net",
            "--hide-all",
        ]);
        swaks.arg("--data").arg(format!("@{}", file.display()));
        deliver(swaks, b"");
        sent("swaks-sniffed", "SMTP", observatory.proxy);
    }
    if has_program("curl") {
        for (token, scheme, target, protocol) in [
            ("curl-http", "http", "mx.example.net", "HTTP"),
            ("curl-socks4", "socks4", "192.0.2.25", "S4"),
            ("curl-socks4a", "socks4a", "mx.example.net", "S4a"),
            ("curl-socks5h", "socks5h", "mx.example.net", "S5"),
            ("curl-socks5", "socks5", "192.0.2.25", "S5"),
        ] {
            let mut curl = Command::new("curl");
            curl.args([
                "--silent",
                "--show-error",
                "--proxytunnel",
                "--proxy",
                &format!("{scheme}://{}", observatory.socks()),
            ]);
            curl.args([&format!("smtp://{target}:25"), "--mail-from", "a@example.org", "--mail-rcpt", "b@example.net"]);
            curl.args(["--upload-file", "-"]);
            deliver(curl, &message(token));
            sent(token, protocol, observatory.proxy);
        }
        for Expected { token, protocol, port } in through_tls(&observatory) {
            sent(token, protocol, port);
        }
    }
    if has_program("msmtp") {
        let mut msmtp = Command::new("msmtp");
        msmtp.args(["--host", host, "--port", &mail, "--from", "a@example.org", "--tls=off", "--", "b@example.net"]);
        deliver(msmtp, &message("msmtp"));
        sent("msmtp", "SMTP", observatory.mail);
        let mut msmtp = Command::new("msmtp");
        msmtp.args(["--host", "mx.example.net", "--port", "25", "--proxy-host", host, "--proxy-port", &proxy]);
        msmtp.args(["--from", "a@example.org", "--tls=off", "--", "b@example.net"]);
        deliver(msmtp, &message("msmtp-socks5"));
        sent("msmtp-socks5", "S5", observatory.proxy);
    }
    if has_program("python3") {
        deliver(python(SMTPLIB, &[host, &mail]), &message("smtplib"));
        sent("smtplib", "SMTP", observatory.mail);
        deliver(python(POST, &[host, &proxy]), &message("post"));
        sent("post", "HTTP", observatory.proxy);
    }

    let took = observatory.wait_for("SELECT count(*) FROM messages", expected.len() as u64, VISIBLE_WITHIN);
    eprintln!("{} messages were visible {took:?} after the last", expected.len());
    for Expected { token, protocol, port } in &expected {
        let content = kept(&observatory, token);
        // msmtp and swaks may add header fields of their own before ours, or rewrite the end of the last line.
        let whole = message(token);
        let body = |content: &[u8]| content.windows(4).position(|w| w == b"\r\n\r\n").map(|at| content[at..].to_vec());
        let (found, wanted) = (body(&content).unwrap(), body(&whole).unwrap());
        assert_eq!(trimmed(&found), trimmed(&wanted), "{token}");
        if token.starts_with("curl") || *token == "post" || *token == "smtplib" {
            assert_eq!(trimmed(&content), trimmed(&whole), "{token}");
        }
        let rows = observatory.sql(&format!(
            "SELECT m.protocol, m.port FROM messages m JOIN contents c ON c.sha256 = m.sha256 WHERE c.size = {}",
            content.len()
        ));
        assert!(rows.contains(&vec![(*protocol).to_owned(), port.to_string()]), "{token}: {rows:?}");
    }
    let page = json_lines(&observatory.ask(&["stats", "--by", "protocol", "--json"]));
    for protocol in ["HTTP", "SMTP", "S4", "S4a", "S5"] {
        let count = expected.iter().filter(|expected| expected.protocol == protocol).count() as u64;
        let line = page.iter().find(|line| line["protocol"] == protocol);
        assert_eq!(line.map_or(0, |line| line["emails"].as_u64().unwrap()), count, "{protocol}");
    }
    if has_program("curl") {
        tls_is_told(&observatory);
    }
    portal_shows(&observatory, expected.len());
    observatory.stop();
}

/// What curl sends through TLS: to the relay, and through proxies.
fn through_tls(observatory: &Observatory) -> Vec<Expected> {
    let (https, socks) = (format!("https://{}", observatory.socks()), format!("socks5h://{}", observatory.socks()));
    let (smtp, smtps) = (format!("smtp://{}", observatory.smtp()), format!("smtps://127.0.0.1:{}", observatory.smtps));
    let (mail, wrapped, proxy) = (observatory.mail, observatory.smtps, observatory.proxy);
    let cases = [
        ("curl-starttls", "SMTP", mail, &["--ssl-reqd", &smtp][..]),
        ("curl-smtps", "SMTP", wrapped, &[&smtps]),
        ("curl-https", "HTTP", proxy, &["--proxytunnel", "--proxy", &https, "smtp://mx.example.net:25"]),
        ("curl-socks-smtps", "S5", proxy, &["--proxy", &socks, "smtps://mx.example.net:465"]),
    ];
    let deliver_one = |(token, protocol, port, arguments): (&'static str, &'static str, u16, &[&str])| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--insecure", "--proxy-insecure", "--mail-from", "a@example.org"]);
        curl.args(["--mail-rcpt", "b@example.net", "--upload-file", "-"]).args(arguments);
        deliver(curl, &message(token));
        Expected { token, protocol, port }
    };
    cases.into_iter().map(deliver_one).collect()
}

/// The layers and hellos of [`through_tls`], as the lake has them.
fn tls_is_told(observatory: &Observatory) {
    observatory.wait_for("SELECT count(*) FROM sessions WHERE tls_ja4 IS NOT NULL", 4, VISIBLE_WITHIN);
    let rows = observatory.sql("SELECT path, tls_version, tls_sni, tls_ja4 FROM sessions WHERE tls_ja4 IS NOT NULL");
    let told = |path: &str| rows.iter().find(|row| row[0] == path).unwrap_or_else(|| panic!("{path}: {rows:?}"));
    for path in ["SMTP>TLS>SMTP", "TLS>SMTP", "TLS>HTTP>SMTP", "S5>TLS>SMTP"] {
        assert_eq!(told(path)[1], "1.3", "{path}");
        assert!(told(path)[3].starts_with("t13"), "{path}: {rows:?}");
    }
    assert_eq!(told("S5>TLS>SMTP")[2], "mx.example.net");
}

/// A mail server may not change the content, but clients end the last line in their own ways.
fn trimmed(content: &[u8]) -> &[u8] {
    content.trim_ascii_end()
}

fn portal_shows(observatory: &Observatory, emails: usize) {
    if !has_program("curl") {
        return;
    }
    let url = format!("http://127.0.0.1:{}/api/v1/page?format=json", observatory.portal);
    let output = Command::new("curl").args(["--silent", "--show-error", "--fail", &url]).output().unwrap();
    let lines = json_lines(&output);
    let all = lines.iter().find(|line| line["sensor"] == "All").unwrap();
    assert_eq!(all["emails"].as_u64().unwrap(), emails as u64);
}

#[test]
fn smtp_source_delivers_thousands_and_each_is_kept_once() {
    if !has_program("smtp-source") {
        return;
    }
    let observatory = Observatory::start();
    for flags in [&["-d"][..], &[]] {
        let program = if Path::new("/usr/sbin/smtp-source").exists() { "/usr/sbin/smtp-source" } else { "smtp-source" };
        let mut source = Command::new(program);
        source.args(["-s", "10", "-m", "1000", "-l", "2048"]).args(flags).arg(observatory.smtp());
        deliver(source, b"");
    }
    observatory.wait_for("SELECT count(*) FROM messages", 2000, VISIBLE_WITHIN);
    observatory.wait_for("SELECT count(DISTINCT message_id) FROM messages", 2000, VISIBLE_WITHIN);
    let page = json_lines(&observatory.ask(&["stats", "--by", "sensor", "--json"]));
    assert_eq!(page[1]["emails"].as_u64().unwrap(), 2000);
    // Kept connections of `-d` and one for each message without it; their sessions come after their messages.
    let connections = page[1]["connections"].as_u64().unwrap();
    observatory.wait_for("SELECT count(*) FROM sessions WHERE messages > 0", connections, VISIBLE_WITHIN);
    observatory.stop();
}
