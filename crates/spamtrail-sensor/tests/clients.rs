//! More stock clients, directly and through proxies and chains of them: what they sent is what was caught.
#![allow(clippy::unwrap_used)]

mod deployed;

use std::io::Write;
use std::process::{Command, Stdio};

use deployed::{Deployed, bounded};
use evidence::{Message, Protocol, Session};
use specimen::{has_program, skip};

/// A message with dots, eight-bit text and a long line: all that goes wrong in transit.
fn message(token: &str) -> Vec<u8> {
    let mut text = format!("From: a@example.org\r\nTo: b@example.net\r\nSubject: {token}\r\n\r\n").into_bytes();
    text.extend_from_slice(b".\r\n..two dots\r\n.one dot\r\n\xc3\xa9 na\xc3\xafve\r\n");
    text.extend_from_slice(&[b'x'; 900]);
    text.extend_from_slice(b"\r\n\r\nlast line\r\n");
    text
}

/// Runs a client with bytes on its standard input.
fn deliver(mut client: Command, input: &[u8]) {
    let mut child = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{client:?}: {said}");
}

/// The one message with a subject, and the path of its connection.
fn caught<'m>(all: &'m (Vec<Session>, Vec<Message>), token: &str) -> (&'m [u8], String) {
    let subject = format!("Subject: {token}\r\n").into_bytes();
    let mut found =
        all.1.iter().filter(|message| message.content.windows(subject.len()).any(|window| window == subject));
    let message = found.next().unwrap_or_else(|| panic!("{token} was not caught"));
    assert!(found.next().is_none(), "{token} was caught twice");
    let session = all.0.iter().find(|session| session.connection.id == message.connection.id).unwrap();
    (&message.content, Protocol::path(&session.path).to_string())
}

#[test]
fn chains_of_two_proxies_deliver_and_the_bytes_are_kept() {
    let sensor = Deployed::start(&["mode = \"sniff\""]);
    let proxy = format!("127.0.0.1:{}", sensor.ports[0]);
    let mut expected = Vec::new();
    if has_program("curl") {
        for (token, first, second, path) in [
            ("curl-socks5-http", "socks5h", "http", "S5>HTTP>SMTP"),
            ("curl-socks4a-http", "socks4a", "http", "S4a>HTTP>SMTP"),
        ] {
            let mut curl = bounded("curl");
            curl.args(["--silent", "--show-error", "--proxytunnel", "--preproxy", &format!("{first}://{proxy}")]);
            curl.args(["--proxy", &format!("{second}://proxy.example.org:3128"), "smtp://mx.example.net:25"]);
            curl.args(["--mail-from", "a@example.org", "--mail-rcpt", "b@example.net", "--upload-file", "-"]);
            deliver(curl, &message(token));
            expected.push((token, path));
        }
    }
    if has_program("proxychains4") && has_program("curl") {
        for (token, first, second, path) in [
            ("chain-socks5-http", "socks5", "http", "S5>HTTP>SMTP"),
            ("chain-http-socks4", "http", "socks4", "HTTP>S4>SMTP"),
        ] {
            // The second is on a network where nobody is dead; the mail server is called by address, as chains do.
            let config = format!(
                "strict_chain\nquiet_mode\n[ProxyList]\n{first} 127.0.0.1 {}\n{second} 142.250.27.99 3128\n",
                sensor.ports[0]
            );
            let file = sensor.folder.path().join("proxychains.conf");
            std::fs::write(&file, config).unwrap();
            let mut chained = bounded("proxychains4");
            chained.args(["-q", "-f"]).arg(&file).args(["curl", "--silent", "--show-error", "smtp://142.250.27.26:25"]);
            chained.args(["--mail-from", "a@example.org", "--mail-rcpt", "b@example.net", "--upload-file", "-"]);
            deliver(chained, &message(token));
            expected.push((token, path));
        }
    }
    let all = sensor.caught();
    for (token, path) in expected {
        let (content, taken) = caught(&all, token);
        assert_eq!(taken, path, "{token}");
        assert_eq!(content, message(token), "{token}");
    }
}

#[test]
fn s_nail_delivers_and_the_bytes_are_kept() {
    if !has_program("s-nail") {
        return;
    }
    let sensor = Deployed::start(&["mode = \"mail\""]);
    // It writes the head itself, and takes text with line ends of its own machine.
    let text = String::from_utf8(message("s-nail")).unwrap().replace("\r\n", "\n");
    let body = text.split_once("\n\n").unwrap().1;
    let mut nail = bounded("s-nail");
    nail.args([
        "-:/",
        "-Sv15-compat",
        "-Ssendwait",
        "-Ssendcharsets=utf-8",
        "-Sttycharset=utf-8",
        "-Smime-encoding=8bit",
    ]);
    nail.arg(format!("-Smta=smtp://127.0.0.1:{}", sensor.ports[0])).args([
        "-Ssmtp-auth=none",
        "-SDEAD=/dev/null",
        "-Sfrom=a@example.org",
    ]);
    nail.args(["-s", "s-nail", "b@example.net"]);
    deliver(nail, body.as_bytes());
    let all = sensor.caught();
    let (content, path) = caught(&all, "s-nail");
    let end = content.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(path, "SMTP");
    assert_eq!(String::from_utf8_lossy(&content[end..]).replace("\r\n", "\n"), body);
}

/// Sends the message of its input raw; the second argument is a proxy or nothing.
const NODEMAILER: &str = "
const nodemailer = require('nodemailer');
const [port, proxy] = process.argv.slice(1);
const transport = nodemailer.createTransport({
  host: proxy ? 'mx.example.net' : '127.0.0.1', port: proxy ? 25 : Number(port), ignoreTLS: true, proxy: proxy || undefined,
});
transport.set('proxy_socks_module', require('socks'));
const chunks = [];
process.stdin.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
  const envelope = { from: 'a@example.org', to: ['b@example.net', 'c@example.net'] };
  transport.sendMail({ envelope, raw: Buffer.concat(chunks) }).then(() => transport.close(), (error) => {
    console.error(error);
    process.exit(1);
  });
});
";

#[test]
fn nodemailer_delivers_directly_and_through_proxies_and_the_bytes_are_kept() {
    if !has_program("node") {
        return;
    }
    let packages = Command::new("node").args(["-e", "require('nodemailer'); require('socks')"]).output().unwrap();
    if !packages.status.success() {
        return skip("the packages nodemailer and socks of node are not installed");
    }
    let sensor = Deployed::start(&["mode = \"mail\"", "mode = \"sniff\""]);
    let mut expected = Vec::new();
    for (token, scheme, path) in [
        ("nodemailer", "", "SMTP"),
        ("nodemailer-socks5", "socks5", "S5>SMTP"),
        ("nodemailer-socks4a", "socks4a", "S4a>SMTP"),
        ("nodemailer-http", "http", "HTTP>SMTP"),
    ] {
        let mut node = bounded("node");
        node.args(["-e", NODEMAILER, &sensor.ports[0].to_string()]);
        if !scheme.is_empty() {
            node.arg(format!("{scheme}://127.0.0.1:{}", sensor.ports[1]));
        }
        deliver(node, &message(token));
        expected.push((token, path));
    }
    let all = sensor.caught();
    for (token, path) in expected {
        let (content, taken) = caught(&all, token);
        assert_eq!((content, taken.as_str()), (message(token).as_slice(), path), "{token}");
    }
}
