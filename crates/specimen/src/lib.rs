//! Made-up evidence for tests and benches: visits of abusers to sensors, as the lake's rows.
//!
//! The same numbers give the same rows: nothing is random and no clock is read. Also here: a real mail server for tests, and
//! how a test says that it is skipped. No program that is installed contains this crate.

#[allow(clippy::unwrap_used, reason = "a test fails where this fails")]
mod postfix;
mod quarter;
mod skip;

use std::net::IpAddr;
use std::time::Duration;

use evidence::{
    Boot, Clock, Connection, ContentRow, Counters, Dialect, End, EndOfData, Factors, Heartbeat, HeartbeatId,
    HeartbeatRow, Message, MessageRow, Origin, Protocol, Quirks, SensorName, Session, SessionId, SessionRow,
    SpoolState, System, Time, Transcript, Verdict,
};

pub use postfix::Postfix;
pub use quarter::{QUARTER_START, Quarter, SensorTotals};
pub use skip::{has_program, is_root, shared_data, skip};

/// One connection and the emails it brought.
#[derive(Debug, Clone)]
pub struct Visit {
    pub sensor: SensorName,
    pub number: u64,
    pub at: Time,
    pub source: IpAddr,
    pub origin: Origin,
    pub system: System,
    /// The factors of the listener.
    pub factors: Factors,
    pub port: u16,
    pub protocol: Protocol,
    /// The text of its dialect.
    pub dialect: Option<String>,
    pub emails: Vec<Email>,
}

/// One email of a visit.
#[derive(Debug, Clone)]
pub struct Email {
    /// After the start of the visit.
    pub after: Duration,
    pub sender: String,
    /// Full addresses.
    pub recipients: Vec<String>,
    pub content: Vec<u8>,
}

/// The rows of a visit.
#[derive(Debug, Clone)]
pub struct Evidence {
    pub session: SessionRow,
    pub messages: Vec<MessageRow>,
    pub contents: Vec<ContentRow>,
}

impl Visit {
    /// A visit with one small email to one recipient, from a documentation address.
    pub fn example(number: u64, at: Time) -> Self {
        Self {
            sensor: name("XX-01"),
            number,
            at,
            source: IpAddr::from([192, 0, 2, 7]),
            origin: origin("192.0.2.0/24", 64496, "EXAMPLE", "BR"),
            system: System::default(),
            factors: Factors::default(),
            port: 25,
            protocol: Protocol::Smtp,
            dialect: None,
            emails: vec![Email::example()],
        }
    }

    pub fn connection(&self) -> Connection {
        Connection {
            id: SessionId { sensor: self.sensor.clone(), boot: Boot(7), number: self.number },
            accepted_at: self.at,
            source: (self.source, 40112).into(),
            local: (IpAddr::from([198, 51, 100, 1]), self.port).into(),
            balancer: None,
            clock: Clock::default(),
            syn: None,
            factors: self.factors,
        }
    }

    fn path(&self) -> Vec<Protocol> {
        match self.protocol {
            Protocol::Smtp => vec![Protocol::Smtp],
            proxy => vec![proxy, Protocol::Smtp],
        }
    }

    /// One of its messages, as a sensor records it.
    pub fn message(&self, ordinal: usize) -> Message {
        let email = &self.emails[ordinal];
        Message {
            connection: self.connection(),
            ordinal: ordinal as u32,
            accepted_at: self.at + email.after,
            path: self.path(),
            target: None,
            helo: Some(b"client.example".to_vec().into()),
            sender: email.sender.clone().into_bytes().into(),
            parameters: Vec::new().into(),
            recipients: email.recipients.iter().map(|address| address.clone().into_bytes().into()).collect(),
            content: email.content.clone().into(),
            unstuffed: Vec::new(),
            end_of_data: EndOfData::Standard,
            queue_id: format!("{:X}", self.number),
            quirks: Quirks::default(),
            user: None,
        }
    }

    /// The session, as a sensor records it.
    pub fn session(&self) -> Session {
        Session {
            connection: self.connection(),
            ended_at: self.at + self.emails.last().map_or(Duration::ZERO, |email| email.after),
            end: End::Quit,
            path: if self.emails.is_empty() { Vec::new() } else { self.path() },
            requests: Vec::new(),
            logins: Vec::new(),
            helo: None,
            quirks: Quirks::default(),
            received: self.emails.iter().map(|email| email.content.len() as u64).sum(),
            sent: 100,
            commands: 4,
            messages: self.emails.len() as u32,
            recipients: self.emails.iter().map(|email| email.recipients.len() as u64).sum(),
            refused: 0,
            transcript: Transcript::default(),
            tls: Vec::new(),
            dialect: self.dialect.clone().map(|text| Dialect { text, pipelined: false }),
        }
    }

    /// The rows that the collector makes of it.
    pub fn evidence(&self) -> Evidence {
        let received_at = self.at + Duration::from_secs(2);
        let origin = &self.origin;
        let messages: Vec<_> = (0..self.emails.len())
            .map(|ordinal| MessageRow {
                message: self.message(ordinal),
                origin: origin.clone(),
                system: self.system.clone(),
                verdict: Verdict::default(),
                listed: None,
                received_at,
                sha256: digest(&self.emails[ordinal].content),
            })
            .collect();
        let content = |row: &MessageRow| ContentRow {
            sha256: row.sha256,
            first_seen: row.message.accepted_at,
            content: row.message.content.to_vec(),
        };
        Evidence {
            contents: messages.iter().map(content).collect(),
            session: SessionRow {
                session: self.session(),
                origin: origin.clone(),
                system: self.system.clone(),
                listed: None,
                received_at,
            },
            messages,
        }
    }
}

impl Email {
    pub fn example() -> Self {
        Self {
            after: Duration::from_secs(1),
            sender: "a@b.example".into(),
            recipients: vec!["c@d.example".into()],
            content: b"Subject: hello\r\n\r\nhello\r\n".to_vec(),
        }
    }
}

/// A heartbeat.
pub fn heartbeat(sensor: &str, number: u64, at: Time) -> HeartbeatRow {
    let heartbeat = Heartbeat {
        id: HeartbeatId { sensor: name(sensor), boot: Boot(7), number },
        at,
        started_at: at,
        version: "specimen".into(),
        ports: vec![25, 1080],
        open: 1,
        counters: Counters::of(|counter| counter as u64),
        spool: SpoolState::default(),
        clock: Clock::default(),
        last: false,
        confined: Some(true),
        listening: None,
        lists: None,
    };
    HeartbeatRow { heartbeat, received_at: at }
}

/// An announced origin.
pub fn origin(prefix: &str, asn: u32, as_name: &str, country: &str) -> Origin {
    Origin {
        prefix: prefix.parse().ok(),
        announced: true,
        asn: Some(asn),
        as_name: Some(as_name.into()),
        country: country.parse().ok(),
        location: country.parse().ok(),
        tables: "specimen-2010-05-17".into(),
    }
}

/// # Panics
/// When it is no sensor's name: the names here are written in tests.
pub fn name(sensor: &str) -> SensorName {
    match sensor.parse() {
        Ok(name) => name,
        Err(error) => panic!("{error}"),
    }
}

/// Not a real digest, but another one for other contents: the length, and an FNV hash of the bytes, four times over.
fn digest(content: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    for (index, part) in digest.chunks_mut(8).enumerate() {
        let start = 0xcbf2_9ce4_8422_2325_u64 ^ ((index as u64) << 32) ^ content.len() as u64;
        let hash = content.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        part.copy_from_slice(&hash.to_be_bytes());
    }
    digest
}
