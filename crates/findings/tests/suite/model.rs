//! A small provider, made up: customers with habits, and a few who do what the rules are about. The same arguments give
//! the same mail; nothing is random.

use std::net::IpAddr;
use std::time::Duration;

use evidence::Time;
use findings::{Change, Detector, Finding, Key, Room, Site, Subject, Thresholds, nowhere};
use maillog::{
    Arrival, Attempt, Client, Fate, Happening, Loss, LossKind, Mail, Refusal, Stage, Taint, TaintKind, What,
};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A Monday, midnight.
pub(crate) fn monday() -> Time {
    "2026-11-02T00:00:00Z".parse().unwrap()
}

pub(crate) fn site() -> Site {
    let customers = ["192.0.2.0/24".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    Site::new(&customers, &["198.51.100.0/24".parse().unwrap()], vec!["isp.example".parse().unwrap()])
}

pub(crate) fn detector() -> Detector {
    let room = Room { subjects: 10_000, pairs: 1 << 16, mailboxes: 1 << 12 };
    Detector::new(site(), Thresholds::default(), room, Key::new([7; 16]))
}

/// A message with one recipient, as the log tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) at: Time,
    pub(crate) client: Option<IpAddr>,
    pub(crate) account: Option<String>,
    pub(crate) helo: String,
    pub(crate) reverse: Option<String>,
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) size: u64,
    pub(crate) message_id: String,
    pub(crate) fate: Fate,
    /// Reply and text of the other side.
    pub(crate) reply: (u16, &'static str),
    pub(crate) relay: &'static str,
}

pub(crate) const UNKNOWN: (u16, &str) = (550, "550 5.1.1 User unknown");

impl Letter {
    /// A good letter of a customer's machine.
    pub(crate) fn of(address: &str, sender: &str, recipient: &str, at: Time) -> Self {
        let number = at.micros() as u64;
        Self {
            at,
            client: Some(address.parse().unwrap()),
            account: None,
            helo: format!("mail.{}", sender.split('@').next_back().unwrap_or_default()),
            reverse: None,
            sender: sender.to_owned(),
            recipient: recipient.to_owned(),
            size: 2000 + number / 1_000_000 * 7919 % 20_000,
            message_id: format!("{number}.{recipient}"),
            fate: Fate::Delivered,
            reply: (250, "250 ok"),
            relay: "mx.example.org[203.0.113.7]:25",
        }
    }

    pub(crate) fn fails(mut self, fails: bool) -> Self {
        if fails {
            (self.fate, self.reply) = (Fate::Failed, UNKNOWN);
        }
        self
    }

    fn mail(&self) -> Mail<'_> {
        Mail {
            queue: "4F3A0A32",
            client: Client {
                address: self.client,
                helo: Some(self.helo.as_bytes()),
                account: self.account.as_deref().map(str::as_bytes),
                name: self.reverse.as_deref(),
                port: None,
            },
            sender: Some(self.sender.as_bytes()),
            message_id: Some(self.message_id.as_bytes()),
            size: Some(self.size),
            ..Mail::default()
        }
    }

    pub(crate) fn arrival(&self) -> What<'_> {
        What::Arrival(Arrival { mail: self.mail(), recipients: Some(1) })
    }

    pub(crate) fn attempt(&self) -> What<'_> {
        What::Attempt(Attempt {
            mail: self.mail(),
            recipient: self.recipient.as_bytes(),
            original: None,
            first: true,
            fate: self.fate,
            stage: Stage::RcptTo,
            code: Some(self.reply.0),
            enhanced: None,
            relay: Some(self.relay),
            text: self.reply.1.as_bytes(),
        })
    }

    pub(crate) fn taint(&self, kind: TaintKind) -> What<'_> {
        What::Taint(Taint { mail: self.mail(), kind, text: b"as the scanner says" })
    }

    pub(crate) fn refusal(&self) -> What<'_> {
        What::Refusal(Refusal {
            client: self.mail().client,
            stage: Stage::RcptTo,
            sender: Some(self.sender.as_bytes()),
            recipient: Some(self.recipient.as_bytes()),
            code: Some(self.reply.0),
            enhanced: None,
            text: self.reply.1.as_bytes(),
        })
    }

    pub(crate) fn login(&self) -> What<'_> {
        What::LoginFailed(self.mail().client)
    }

    pub(crate) fn loss(&self, kind: LossKind) -> What<'_> {
        What::Loss(Loss { client: self.mail().client, kind })
    }
}

/// A detector that hears letters, and what it told.
pub(crate) struct Ear {
    pub(crate) detector: Detector,
    pub(crate) told: Vec<Change>,
    heard: u64,
}

impl Ear {
    pub(crate) fn new(detector: Detector) -> Self {
        Self { detector, told: vec![], heard: 0 }
    }

    /// One that has listened to an ordinary week.
    pub(crate) fn trained() -> Self {
        let mut ear = Self::new(detector());
        ear.letters(week());
        assert!(ear.told.is_empty(), "{:?}", ear.told);
        ear
    }

    pub(crate) fn hear(&mut self, at: Time, what: What<'_>) {
        let line = format!("{at} mail postfix/smtp[1]: line {}", self.heard);
        let offset = self.heard * 100;
        self.heard += 1;
        self.detector.hear(&Happening { at, host: "mail", offset, line: line.as_bytes(), what }, &nowhere);
        self.told.extend(self.detector.changes());
    }

    pub(crate) fn letter(&mut self, letter: &Letter) {
        self.hear(letter.at, letter.arrival());
        self.hear(letter.at, letter.attempt());
    }

    pub(crate) fn letters(&mut self, letters: impl IntoIterator<Item = Letter>) {
        letters.into_iter().for_each(|letter| self.letter(&letter));
    }

    /// The last that was told of a subject.
    pub(crate) fn last(&self, subject: &Subject) -> Option<&Finding> {
        self.told.iter().rev().map(Change::finding).find(|finding| finding.subject == *subject)
    }
}

pub(crate) fn customer(address: &str) -> Subject {
    Subject::Customer(findings::Machine::of(address.parse().unwrap()))
}

pub(crate) fn remote(address: &str) -> Subject {
    Subject::Remote(findings::Machine::of(address.parse().unwrap()))
}

/// Where customer 1 to 40 have their machines.
pub(crate) fn address(customer: u32) -> String {
    format!("192.0.2.{customer}")
}

pub(crate) fn sender(customer: u32) -> String {
    format!("info@firm{customer}.example")
}

/// A week of forty customers: each writes twelve letters a day to the same twenty people, and one in fifty of these fails.
pub(crate) fn week() -> Vec<Letter> {
    let mut letters = vec![];
    for day in 0..7 {
        for turn in 0..12 {
            for customer in 1..=40u32 {
                let at = monday() + DAY * day + HOUR * 8 + MINUTE * (turn * 50) + Duration::from_secs(customer.into());
                let person = (day * 12 + turn + customer) % 20;
                let recipient = format!("person{person}@friends{customer}.example");
                letters.push(
                    Letter::of(&address(customer), &sender(customer), &recipient, at)
                        .fails(person == 7 && day % 3 == 0),
                );
            }
        }
    }
    letters
}

/// The Monday after the week, at ten.
pub(crate) fn after() -> Time {
    monday() + DAY * 7 + HOUR * 10
}
