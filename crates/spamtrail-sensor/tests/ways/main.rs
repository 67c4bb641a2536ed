//! Every stock client on every way: directly, through each kind of proxy, a chain of two, STARTTLS, and TLS from the first
//! byte on. Each completes, and what it was given is what was caught. No cell of the table is left out.
#![allow(clippy::unwrap_used)]

mod chains;
mod clients;
#[path = "../deployed/mod.rs"]
mod deployed;
mod lead;
mod way;

use std::io::Write;
use std::process::{Command, Stdio};

use clients::{CLIENTS, Client, Errand, Makes};
use deployed::Deployed;
use evidence::{Message, Protocol, Quirk, Session};
use lead::Lead;
use specimen::{has_program, skip};
use way::Way;

/// A message with dots, eight-bit text and a long line: all that goes wrong in transit.
fn message(token: &str) -> Vec<u8> {
    let mut text = format!("From: a@example.org\r\nTo: b@example.net\r\nSubject: {token}\r\n\r\n").into_bytes();
    text.extend_from_slice(b".\r\n..two dots\r\n.one dot\r\n\xc3\xa9 na\xc3\xafve\r\n");
    text.extend_from_slice(&[b'x'; 900]);
    text.extend_from_slice(b"\r\n\r\nlast line\r\n");
    text
}

fn body(message: &[u8]) -> &[u8] {
    let head = message.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    &message[head + 4..]
}

/// The line ends of this machine.
fn text(message: &[u8]) -> Vec<u8> {
    message.iter().copied().filter(|byte| *byte != b'\r').collect()
}

/// Runs a client with bytes on its standard input, to its success.
fn deliver(mut client: Command, input: &[u8]) {
    let mut child = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A client that takes its message from a file closes its input.
    _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{client:?}: {said}");
}

/// The one message with a subject, and its session.
fn caught<'m>(all: &'m (Vec<Session>, Vec<Message>), token: &str) -> (&'m Message, &'m Session) {
    let subject = format!("Subject: {token}\r\n").into_bytes();
    let has_subject = |message: &&Message| message.content.windows(subject.len()).any(|window| window == subject);
    let mut found = all.1.iter().filter(has_subject);
    let message = found.next().unwrap_or_else(|| panic!("{token} was not caught"));
    assert!(found.next().is_none(), "{token} was caught twice");
    (message, all.0.iter().find(|session| session.connection.id == message.connection.id).unwrap())
}

/// Whether a client can run here.
fn is_here(client: &Client) -> bool {
    match client.name {
        "smtplib" => has_program("python3"),
        "nodemailer" if has_program("node") => {
            let packages = "require('nodemailer'); require('socks')";
            let is_here = Command::new("node").args(["-e", packages]).output().unwrap().status.success();
            if !is_here {
                skip("the packages nodemailer and socks of node are not installed");
            }
            is_here
        }
        "nodemailer" => false,
        name => has_program(name),
    }
}

fn token(client: &Client, way: Way) -> String {
    format!("{}-{way:?}", client.name)
}

/// Has a client send its message on a way.
fn send(client: &Client, way: Way, goes: bool, sensor: &Deployed) {
    let [mail, implicit, proxy] = sensor.ports[..] else { unreachable!("three were asked for") };
    let port = match way {
        Way::Direct | Way::StartTls => mail,
        Way::Implicit => implicit,
        _ => proxy,
    };
    let token = token(client, way);
    let given = message(&token);
    let file = sensor.folder.path().join(format!("{token}.txt"));
    std::fs::write(&file, text(&given)).unwrap();
    let lead = (!goes).then(|| Lead::start(way, port));
    let (way, port) = lead.as_ref().map_or((way, port), |lead| (Way::Direct, lead.port));
    let command = (client.command)(&Errand { way, port, text: file });
    match client.makes {
        Makes::Head => deliver(command, &text(body(&given))),
        _ => deliver(command, &given),
    }
    if let Some(lead) = lead {
        lead.end();
    }
}

#[test]
fn every_stock_client_completes_on_every_way_and_the_bytes_are_kept() {
    let sensor = Deployed::start(&["mode = \"mail\"", "mode = \"mail\"\ntls = \"implicit\"", "mode = \"sniff\""]);
    let clients: Vec<&Client> = CLIENTS.iter().filter(|client| is_here(client)).collect();
    // All at once: what lies behind a proxy is as far as in the real world, so that they wait more than they work.
    std::thread::scope(|scope| {
        for client in &clients {
            for (way, goes) in Way::ALL.into_iter().zip(client.goes) {
                let sensor = &sensor;
                scope.spawn(move || send(client, way, goes, sensor));
            }
        }
    });
    let all = sensor.caught();
    assert_eq!(all.1.len(), clients.len() * Way::ALL.len());
    for client in clients {
        for way in Way::ALL {
            check(client, way, &all);
        }
    }
}

fn check(client: &Client, way: Way, all: &(Vec<Session>, Vec<Message>)) {
    let token = token(client, way);
    let (caught, session) = caught(all, &token);
    let (protocol, path) = way.recorded();
    assert_eq!(Protocol::outer(&caught.path).unwrap().label(), protocol, "{token}");
    assert_eq!(Protocol::path(&caught.path), path, "{token}");
    assert_eq!(session.path, caught.path, "{token}");
    assert_eq!(session.quirks.contains(Quirk::MailInPost), way == Way::Post, "{token}");
    let (content, given) = (caught.content.as_slice(), message(&token));
    match client.makes {
        Makes::Nothing => assert_eq!(content, given, "{token}"),
        Makes::LastLine => assert_eq!(content, [&given[..], b"\r\n"].concat(), "{token}"),
        Makes::Head => assert_eq!(body(content), body(&given), "{token}"),
    }
}
