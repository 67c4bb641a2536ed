//! A generated set: every way to write the sensor's address in every place, and mails that must not be taken for tests.
//! The numbers are printed; `cargo test -p content -- --nocapture generated` shows them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use content::{Mail, Own, Standing, probe};
use evidence::{Place, Strength};

use crate::chance::Chance;
use crate::spellings::{Way, ways};

/// Addresses of sensors in the set: IPv4, and IPv6.
const SENSORS: u64 = 60;

/// A message of the set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Letter {
    pub(crate) helo: String,
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) headers: String,
    pub(crate) body: String,
    pub(crate) standing: Standing,
}

impl Letter {
    pub(crate) fn probe(&self, own: &Own) -> Option<evidence::Probe> {
        let content = format!("{}\r\n{}", self.headers, self.body);
        let mail = Mail {
            helo: Some(self.helo.as_bytes()),
            sender: self.sender.as_bytes(),
            recipients: self.recipients.iter().map(String::as_bytes).collect(),
            content: content.as_bytes(),
        };
        probe(&mail, own, &self.standing)
    }

    /// A small mail without anything in it.
    fn plain(chance: &mut Chance) -> Self {
        let words = ["test", "hello", "check", "42", "(no subject)", "re: meeting", "ok"];
        let body = ["hi\r\n", "\r\n", "it works\r\n", "the meeting is at nine\r\n", "a b c d\r\n"];
        let name = chance.text("abcdefghijklmnop", 7);
        let id = chance.text("0123456789abcdef", 16);
        Self {
            helo: "client.example".into(),
            sender: format!("{name}@sender.example"),
            recipients: vec![format!("{name}@mailbox.example")],
            headers: format!(
                "From: <{name}@sender.example>\r\nTo: <{name}@mailbox.example>\r\nSubject: {}\r\n\
                 Message-ID: <{id}@client.example>\r\nDate: Tue, 24 Nov 2026 21:45:00 +0000\r\n",
                chance.one_of(&words)
            ),
            body: (*chance.one_of(&body)).into(),
            standing: Standing::default(),
        }
    }

    fn add_header(&mut self, header: &str) {
        self.headers += header;
        self.headers += "\r\n";
    }

    /// The same with a token somewhere; `None` where it does not fit.
    fn with(mut self, place: Place, token: &str, way: &Way) -> Option<Self> {
        let needs_word = matches!(place, Place::Helo | Place::Sender | Place::Recipient | Place::MessageId);
        let is_literal = place == Place::Helo && token.starts_with('[');
        if (needs_word && !way.is_word && !is_literal) || (needs_word && way.has_lines) {
            return None;
        }
        // A folded header goes on with a blank.
        let folded = token.replace("\r\n ", "\n").replace("\r\n", "\n").replace('\n', "\r\n ");
        match place {
            Place::Helo => self.helo = token.into(),
            Place::Sender => self.sender = format!("{token}@sender.example"),
            Place::Recipient => self.recipients[0] = format!("{token}@mailbox.example"),
            Place::Subject => self.headers = self.headers.replacen("Subject: ", &format!("Subject: {folded} "), 1),
            Place::MessageId => {
                self.headers = self.headers.replacen("Message-ID: <", &format!("Message-ID: <{token}."), 1)
            }
            Place::Header => self.add_header(&format!("X-Info: {folded}")),
            Place::Body => self.body = format!("{token}\r\n{}", self.body),
        }
        Some(self)
    }
}

/// The sensors of the set with a port each.
fn sensors() -> impl Iterator<Item = (IpAddr, u16, Chance)> {
    (0..SENSORS).map(|seed| {
        let mut chance = Chance::new(seed + 1);
        let address = if seed % 3 == 2 { chance.six().into() } else { chance.four().into() };
        let port = *chance.one_of(&[25, 1080, 3128, 8080, 587, 23422]);
        (address, port, chance)
    })
}

/// Tests as testers might send them: mostly to one mailbox, mostly short, half of them with the port.
fn tests(address: IpAddr, port: u16, chance: &mut Chance) -> Vec<(&'static str, Place, Letter)> {
    let mut letters = Vec::new();
    for way in ways(address, chance) {
        for place in Place::ALL {
            let mut letter = Letter::plain(chance);
            if chance.below(10) == 0 {
                letter.recipients.push("second@mailbox.example".into());
            }
            if chance.below(10) == 0 {
                letter.body += &"some more words in a line of text\r\n".repeat(20);
            }
            let is_word = matches!(place, Place::Helo | Place::Sender | Place::Recipient | Place::MessageId);
            let mark = if is_word { '-' } else { way.mark };
            let token = match chance.below(4) {
                0 => format!("{}{mark}{port}", way.text),
                1 => format!("{}{mark}{port}{mark}{}", way.text, chance.below(100)),
                _ => way.text.clone(),
            };
            letters.extend(letter.with(place, &token, &way).map(|letter| (way.name, place, letter)));
        }
    }
    letters
}

/// Mails that are no tests of this sensor, each with what it is.
fn others(address: IpAddr, port: u16, chance: &mut Chance) -> Vec<(&'static str, Letter)> {
    let mut letters = Vec::new();
    for neighbour in neighbours(address) {
        for way in ways(neighbour, chance) {
            let place = *chance.one_of(&Place::ALL);
            letters.extend(Letter::plain(chance).with(place, &way.text, &way).map(|l| ("a neighbour's address", l)));
        }
    }
    letters.extend(of_servers(address, chance));
    letters.extend(spam(address, port, chance));
    letters.extend(by_chance(address, chance));
    letters
}

fn neighbours(address: IpAddr) -> Vec<IpAddr> {
    match address {
        IpAddr::V4(four) => {
            let number = u32::from(four);
            let steps = [1, 256, 65_536, 1 << 24];
            steps.into_iter().map(|step| std::net::Ipv4Addr::from(number.wrapping_add(step)).into()).collect()
        }
        IpAddr::V6(six) => {
            [1, 1 << 64].into_iter().map(|s| std::net::Ipv6Addr::from(u128::from(six) + s).into()).collect()
        }
    }
}

/// The address where servers write it.
fn of_servers(address: IpAddr, chance: &mut Chance) -> Vec<(&'static str, Letter)> {
    let literal = if address.is_ipv6() { format!("[IPv6:{address}]") } else { format!("[{address}]") };
    let headers = [
        format!("Received: from mx.example (mx.example {literal})\r\n\tby relay.example with ESMTP id 4F2A; {address}"),
        format!("Received: from client by {address} with SMTP"),
        format!("X-Originating-IP: {literal}"),
        format!("Authentication-Results: mx.example; spf=pass smtp.client-ip={address}"),
        format!("Received-SPF: pass (domain designates {address} as permitted sender) client-ip={address};"),
        format!("X-Mailer: Program {address}"),
        "X-Spam-Status: No, score=1.0".to_owned(),
    ];
    let mut letters: Vec<_> = headers
        .into_iter()
        .map(|header| {
            let mut letter = Letter::plain(chance);
            letter.headers = format!("{header}\r\n{}", letter.headers);
            ("a header that a server writes", letter)
        })
        .collect();
    let mut report = Letter::plain(chance);
    report.sender = String::new();
    report.add_header("Content-Type: multipart/report; report-type=delivery-status; boundary=b");
    report.body =
        format!("--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {address}\r\n\r\n--b--\r\n");
    letters.push(("a report about a delivery", report));
    let mut literal_recipient = Letter::plain(chance);
    literal_recipient.recipients = vec![format!("postmaster@{literal}")];
    letters.push(("mail to the postmaster of the sensor", literal_recipient));
    letters
}

/// Spam that carries the sensor's address all the same.
fn spam(address: IpAddr, port: u16, chance: &mut Chance) -> Vec<(&'static str, Letter)> {
    let offer = "Best prices, today only. Write to offers@shop.example or call.\r\n".repeat(6);
    let mut letters = Vec::new();
    let mut add = |what, change: &dyn Fn(&mut Letter)| {
        let mut letter = Letter::plain(chance);
        letter.body.clone_from(&offer);
        change(&mut letter);
        letters.push((what, letter));
    };
    add("HELO with the relay's address", &|l| l.helo = address.to_string());
    add("a sender at the relay", &|l| l.sender = format!("offers@[{address}]"));
    add("Message-ID at the relay", &|l| l.headers = l.headers.replace("@client.example>", &format!("@{address}>")));
    let stamp = format!("X-Relay: {address}:{port}");
    add("a stamped campaign to many", &|l| {
        l.add_header(&stamp);
        l.recipients = (0..30).map(|n| format!("u{n}@mailbox.example")).collect();
    });
    add("a stamped campaign with a link", &|l| {
        l.add_header(&stamp);
        l.body += "http://shop.example/\r\n";
    });
    add("a stamped campaign in HTML", &|l| {
        l.add_header(&stamp);
        l.add_header("Content-Type: text/html");
    });
    add("a stamped campaign of a busy source", &|l| {
        l.add_header(&stamp);
        l.standing.others = 50;
    });
    add("a stamped campaign to one after the other", &|l| {
        l.add_header(&stamp);
        l.standing.dropboxes = 20;
    });
    add("a large stamped mail", &|l| {
        l.add_header(&stamp);
        l.body = l.body.repeat(60);
    });
    add("a link to the relay", &|l| l.body = format!("look at http://{address}/\r\n"));
    letters
}

/// Things that look like the address and are not.
fn by_chance(address: IpAddr, chance: &mut Chance) -> Vec<(&'static str, Letter)> {
    let mut texts = vec![
        ("dates and times", "2026-11-24-21-45 20261124 12:34:56:07 1795556700".to_owned()),
        ("versions", "built with 10.0.2616 and 8.13.1.8 and 1.3.6.1.4.1.311".to_owned()),
        ("telephones", "+55 11 3333-4444, 01-23-45-67-89, 2125551234".to_owned()),
        ("a UUID", "550e8400-e29b-41d4-a716-446655440000".to_owned()),
        ("a MAC address", "00:0c:29:3e:8a:10".to_owned()),
        ("loopback and private addresses", "127.0.0.1 192.168.0.1 10.0.0.1 ::1 fe80::1 7F000001 2130706433".to_owned()),
        ("random base64", chance.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 1500)),
        ("random hexadecimal", chance.text("0123456789abcdef", 1000)),
        ("random words of 8 digits", (0..150).map(|_| chance.text("0123456789abcdef", 8) + " ").collect()),
        ("random numbers", (0..150).map(|_| format!("{} ", chance.below(1 << 32))).collect()),
    ];
    if let IpAddr::V4(four) = address {
        let hex = format!("{:08x}", u32::from(four));
        texts.extend([
            ("the address in a longer run of numbers", format!("oid 1.3.{four}.5 and {four}.17")),
            ("a longer first number", format!("1{four} and 1.1{four}")),
            ("a longer last number", format!("{four}0 and {four}11")),
            ("its hexadecimal in a digest", format!("d41d8cd9{hex}04e98009998ecf84")),
            ("its decimal in a longer number", format!("1{}7", u32::from(four))),
        ]);
    }
    texts
        .into_iter()
        .map(|(what, text)| {
            let mut letter = Letter::plain(chance);
            letter.body = format!("{text}\r\n");
            (what, letter)
        })
        .collect()
}

#[test]
fn of_the_generated_set_no_other_mail_is_a_test_and_95_in_100_tests_are_found() {
    let (mut all, mut found) = (0, 0);
    let mut by = BTreeMap::<(&str, &str), (u32, u32)>::new();
    let (mut others_all, mut wrong) = (0, Vec::new());
    for (address, port, mut chance) in sensors() {
        let own = Own::new([address], port);
        for (way, place, letter) in tests(address, port, &mut chance) {
            let hit = letter.probe(&own).is_some_and(|probe| probe.address == Some(address));
            all += 1;
            found += u32::from(hit);
            for key in [("written as", way), ("in", place.name())] {
                let (hits, letters) = by.entry(key).or_default();
                (*hits, *letters) = (*hits + u32::from(hit), *letters + 1);
            }
        }
        for (what, letter) in others(address, port, &mut chance) {
            others_all += 1;
            wrong.extend(letter.probe(&own).map(|probe| (what, probe, letter)));
        }
    }
    for ((kind, name), (hits, letters)) in by {
        println!("{hits:5} of {letters:5} {kind} {name}");
    }
    let recall = f64::from(found) / f64::from(all);
    println!("tests: {found} of {all} found, recall {recall:.4}; others: {} of {others_all} wrong", wrong.len());
    assert!(wrong.is_empty(), "{:?}", wrong.first());
    assert!(recall >= 0.95 && all > 5000 && others_all > 5000, "recall {recall} of {all}, {others_all} others");
}

#[test]
fn a_private_address_of_the_sensor_is_never_a_sign() {
    for address in ["127.0.0.1", "192.168.1.10", "10.0.0.7", "::1", "fd00::7"] {
        let address: IpAddr = address.parse().unwrap();
        let mut chance = Chance::new(9);
        for (way, _, letter) in tests(address, 25, &mut chance) {
            assert_eq!(letter.probe(&Own::new([address], 25)), None, "{way}");
        }
    }
}

#[test]
fn only_what_nothing_else_looks_like_is_strong() {
    let own = Own::new(["198.51.100.7".parse().unwrap()], 8080);
    let strength = |change: &dyn Fn(&mut Letter)| {
        let mut letter = Letter::plain(&mut Chance::new(3));
        change(&mut letter);
        letter.probe(&own).map(|probe| probe.strength)
    };
    assert_eq!(strength(&|l| l.body = "198.51.100.7\r\n".into()), Some(Strength::Strong));
    assert_eq!(strength(&|l| l.body = "3325256711:8080\r\n".into()), Some(Strength::Strong));
    assert_eq!(strength(&|l| l.body = "3325256711\r\n".into()), Some(Strength::Weak));
    assert_eq!(strength(&|l| l.helo = "198.51.100.7".into()), Some(Strength::Weak));
    let two = |l: &mut Letter| {
        l.body = "198.51.100.7\r\n".into();
        l.recipients.push("b@mailbox.example".into());
    };
    assert_eq!(strength(&two), Some(Strength::Weak));
    assert_eq!(strength(&|_| {}), None);
}

#[test]
fn drop_boxes_and_known_testers_are_weak_signs_of_their_own() {
    let own = Own::new(["198.51.100.7".parse().unwrap()], 25);
    let mut letter = Letter::plain(&mut Chance::new(3));
    letter.standing.is_dropbox = true;
    let found = letter.probe(&own).unwrap();
    assert_eq!((found.sign.name(), found.place, found.strength), ("drop-box", Place::Recipient, Strength::Weak));
    letter.standing.others = 5;
    assert_eq!(letter.probe(&own), None, "a source that sent other mail sends this as well");

    let mail = Mail {
        helo: Some(b"X"),
        sender: b"sender@example.com",
        recipients: vec![b"target@example.com"],
        content: b"kQxWbTzLp\r\n",
    };
    let found = probe(&mail, &own, &Standing::default()).unwrap();
    assert_eq!((found.sign.name(), found.tester.as_deref()), ("tester", Some("Metasploit smtp_relay")));
    let other = Mail { content: b"Subject: a\r\n\r\nkQxWbTzLp\r\n", ..mail };
    assert_eq!(probe(&other, &own, &Standing::default()), None);
}
