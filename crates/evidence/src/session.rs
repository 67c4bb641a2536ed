//! One accepted connection, told after its end. There is exactly one for each, whatever happened.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::{Connection, DecodeError, Dialect, Protocol, Quirks, Time, Tls, Transcript};

/// The whole of a connection. One accepted connection gives exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Session {
    #[n(0)]
    pub connection: Connection,
    #[n(1)]
    pub ended_at: Time,
    #[n(2)]
    pub end: End,
    /// The protocols spoken, outermost first; empty when the peer never spoke or could not be understood.
    #[n(3)]
    pub path: Vec<Protocol>,
    /// What the peer asked proxies for, in order, up to a cap.
    #[n(4)]
    pub requests: Vec<Request>,
    /// Credentials offered, in order, up to a cap.
    #[n(5)]
    pub logins: Vec<Login>,
    /// The name in the last HELO or EHLO, as given.
    #[n(6)]
    pub helo: Option<ByteVec>,
    #[n(7)]
    pub quirks: Quirks,
    /// Bytes received and sent; inside TLS those that it carried.
    #[n(8)]
    pub received: u64,
    #[n(9)]
    pub sent: u64,
    /// SMTP commands taken, answered well or not.
    #[n(10)]
    pub commands: u64,
    /// Messages accepted (answered 250 after DATA or BDAT).
    #[n(11)]
    pub messages: u32,
    /// Recipients of those messages.
    #[n(12)]
    pub recipients: u64,
    /// Messages refused after their body came, for size or because they could not be kept.
    #[n(13)]
    pub refused: u32,
    #[n(14)]
    pub transcript: Transcript,
    /// Each TLS that the peer began, outermost first, up to a cap. Records of older sensors have none.
    #[n(15)]
    #[cbor(default)]
    pub tls: Vec<Tls>,
    /// How the peer spoke; `None` when nothing was understood, and from older sensors.
    #[n(16)]
    pub dialect: Option<Dialect>,
}

impl Session {
    /// The session of a connection of which nothing more is known than how it ended.
    pub fn bare(connection: Connection, ended_at: Time, end: End) -> Self {
        Self {
            ended_at: ended_at.max(connection.accepted_at),
            connection,
            end,
            path: Vec::new(),
            requests: Vec::new(),
            logins: Vec::new(),
            helo: None,
            quirks: Quirks::default(),
            received: 0,
            sent: 0,
            commands: 0,
            messages: 0,
            recipients: 0,
            refused: 0,
            transcript: Transcript::default(),
            tls: Vec::new(),
            dialect: None,
        }
    }
}

/// Where a proxy was asked to go. The host stands as the peer gave it, also when it is no name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Target {
    #[n(0)]
    pub host: ByteVec,
    #[n(1)]
    pub port: u16,
}

/// One request to a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Request {
    #[n(0)]
    pub at: Time,
    #[n(1)]
    pub protocol: Protocol,
    /// `CONNECT`, `GET`, `BIND` …, as given where the protocol has words.
    #[n(2)]
    pub verb: ByteVec,
    #[n(3)]
    pub target: Target,
    #[n(4)]
    pub answer: Answer,
}

/// What a proxy request was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Answer {
    /// As if the target had been reached.
    #[n(0)]
    Granted,
    /// As if the target could not be reached.
    #[n(1)]
    Unreachable,
    /// The command is not one this proxy carries out.
    #[n(2)]
    Unsupported,
    /// The request could not be read.
    #[n(3)]
    Malformed,
    /// That it needs a login, or a better one.
    #[n(4)]
    Unauthorized,
    /// That this client may not use the proxy: it is on a block list.
    #[n(5)]
    Forbidden,
}

impl Answer {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Unreachable => "unreachable",
            Self::Unsupported => "unsupported",
            Self::Malformed => "malformed",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
        }
    }
}

/// Credentials that a peer offered. They belong to third parties.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Login {
    #[n(0)]
    pub at: Time,
    #[n(1)]
    pub protocol: Protocol,
    /// `PLAIN`, `LOGIN`, `CRAM-MD5`, `Basic`, `userpass`, `userid`.
    #[n(2)]
    pub mechanism: String,
    #[n(3)]
    pub user: ByteVec,
    /// The password as it was decoded; of CRAM-MD5 the digest. Empty once it is sealed, as it always is on a disk, but for
    /// the records of older sensors.
    #[n(4)]
    pub secret: ByteVec,
    #[n(5)]
    pub accepted: bool,
    /// What the server had asked to be digested (CRAM-MD5 alone).
    #[n(6)]
    pub challenge: Option<ByteVec>,
    /// The length of the secret; `None` from older sensors.
    #[n(7)]
    pub length: Option<u32>,
    /// Secret and challenge ([`Credential`]), sealed to the collector's operator; `None` where the sensor has no seal.
    #[n(8)]
    pub sealed: Option<ByteVec>,
}

/// What is sealed of a login.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Credential {
    #[n(0)]
    pub secret: ByteVec,
    /// What the server had asked to be digested (CRAM-MD5 alone).
    #[n(1)]
    pub challenge: Option<ByteVec>,
}

impl Login {
    /// Takes secret and challenge out, and keeps what `close` makes of them. A login that is sealed already stays as it is.
    pub fn seal(&mut self, close: impl FnOnce(&[u8]) -> Option<Vec<u8>>) {
        if self.length.is_some() {
            return;
        }
        self.length = Some(u32::try_from(self.secret.len()).unwrap_or(u32::MAX));
        let credential = Credential {
            secret: std::mem::replace(&mut self.secret, Vec::new().into()),
            challenge: self.challenge.take(),
        };
        if !credential.secret.is_empty() {
            let mut open = credential.encode();
            self.sealed = close(&open).map(ByteVec::from);
            wipe(&mut open);
        }
    }
}

impl Credential {
    pub fn encode(&self) -> Vec<u8> {
        match minicbor::to_vec(self) {
            Ok(bytes) => bytes,
            // Writing to a `Vec` cannot fail, and no field's encoder makes an error of its own.
            Err(error) => unreachable!("{error}"),
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(minicbor::decode(bytes)?)
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        wipe(&mut self.secret);
    }
}

/// Overwrites a secret that is no longer needed.
fn wipe(secret: &mut [u8]) {
    secret.fill(0);
    // So that nobody finds the writing useless and leaves it out.
    std::hint::black_box(secret);
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum End {
    /// The peer said QUIT.
    #[n(0)]
    Quit,
    /// The peer closed.
    #[n(1)]
    Closed,
    /// The peer reset the connection, or the network did.
    #[n(2)]
    Reset,
    /// The peer was silent for too long.
    #[n(3)]
    Idle,
    /// The peer made too many errors.
    #[n(4)]
    Errors,
    /// We answered as the imitated server does and closed.
    #[n(5)]
    Answered,
    /// The connection reached the longest time one may last.
    #[n(6)]
    Lifetime,
    /// The peer did not take what we sent.
    #[n(7)]
    Unread,
    /// The sensor was stopped.
    #[n(8)]
    Stopped,
    /// The code that served the connection failed.
    #[n(9)]
    Failed,
    /// The sensor died; this record was made at its next start from what it had noted.
    #[n(10)]
    Lost,
    /// A trusted load balancer sent a PROXY header that cannot be read.
    #[n(11)]
    BadProxyHeader,
    /// Too many connections from the peer's network were open.
    #[n(12)]
    Crowded,
    /// Too many connections had come from the peer's network within the minute.
    #[n(13)]
    TooOften,
    /// The peer took too long for one command, head, negotiation or message, although it was not silent.
    #[n(14)]
    Slow,
    /// The source had as many connections to this listener as it may have; it was told so.
    #[n(15)]
    TooMany,
}

impl End {
    pub const ALL: [Self; 16] = [
        Self::Quit,
        Self::Closed,
        Self::Reset,
        Self::Idle,
        Self::Errors,
        Self::Answered,
        Self::Lifetime,
        Self::Unread,
        Self::Stopped,
        Self::Failed,
        Self::Lost,
        Self::BadProxyHeader,
        Self::Crowded,
        Self::TooOften,
        Self::Slow,
        Self::TooMany,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Idle => "idle",
            Self::Errors => "errors",
            Self::Answered => "answered",
            Self::Lifetime => "lifetime",
            Self::Unread => "unread",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::BadProxyHeader => "bad-proxy-header",
            Self::Crowded => "crowded",
            Self::TooOften => "too-often",
            Self::Slow => "slow",
            Self::TooMany => "too-many-connections",
        }
    }
}
