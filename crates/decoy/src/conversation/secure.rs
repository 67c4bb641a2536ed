//! A conversation's part in TLS: it asks for the handshake, and goes on with what the handshake carries.

use std::time::Duration;

use evidence::{Connection, End, Handshake, HelloReader, Protocol, Quirk, Time, Tls, Transcript, Turn};

use super::{Conversation, Out, State};
use crate::smtp;

/// The first byte of a TLS hello.
pub(crate) const TLS_HANDSHAKE: u8 = 0x16;

/// A TLS handshake to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secure {
    pub server: Server,
    /// Whether what has arrived already is plain text, to be thrown away and to be told ([`Secured::before`]). Otherwise it is
    /// the start of the handshake.
    pub purge: bool,
}

/// Who the client believes to speak with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Server {
    /// This machine.
    Own,
    /// One behind a proxy, by the name that it gives.
    Far(String),
}

/// What became of a TLS handshake.
#[derive(Debug)]
pub struct Secured {
    /// When its first byte came.
    pub at: Time,
    /// Plain text that was thrown away before it.
    pub before: Vec<u8>,
    /// What the client sent first, as [`HelloReader`] keeps it.
    pub hello: Vec<u8>,
    pub handshake: Handshake,
}

impl Conversation<'_> {
    /// Reports what became of the handshake of [`Out::secure`].
    pub fn secured(&mut self, now: Time, secured: Secured, out: &mut Out) {
        if !matches!(self.state, State::Securing) {
            return;
        }
        let Secured { at, before, hello, handshake } = secured;
        if !before.is_empty() {
            self.facts.quirks.insert(Quirk::CommandsBeforeTls);
            self.recorder.bytes(now, &before);
            self.facts.secrets.extend(smtp::thrown_away(&before));
            self.hide_secrets();
        }
        let end = match handshake {
            Handshake::Done { .. } => None,
            Handshake::Failed(_) | Handshake::Unanswered => Some(End::Answered),
            Handshake::Left => Some(End::Closed),
            Handshake::Late => Some(End::Idle),
            Handshake::Stopped => Some(End::Stopped),
        };
        self.facts.tls.push(Tls { at, depth: self.facts.path.len() as u32, hello: hello.into(), handshake });
        if let Some(end) = end {
            if end != End::Stopped {
                self.facts.quirks.insert(Quirk::TlsFailed);
            }
            self.state = State::Closed;
            out.close = Some(end);
            return;
        }
        self.facts.path.push(Protocol::Tls);
        self.state = State::Input;
        self.last_input = now;
        self.step(now, out, |engine, cx| engine.secured(cx));
        self.read_again(now, out);
        self.follow(now, 0);
    }

    /// Notes that the peer broke TLS off, which its bytes do not tell.
    pub fn cut_off(&mut self) {
        self.facts.quirks.insert(Quirk::TlsCutOff);
    }
}

/// The hello that a client sent where none was expected.
pub(super) fn unexpected_hello(transcript: &Transcript, connection: &Connection) -> Option<Tls> {
    let mut found: Option<(Time, HelloReader)> = None;
    for turn in &transcript.turns {
        let Turn::Bytes { at, bytes } = turn else { continue };
        if let Some((_, reader)) = &mut found {
            reader.push(bytes);
        } else if let Some(start) = bytes.iter().position(|byte| *byte == TLS_HANDSHAKE) {
            let mut reader = HelloReader::default();
            reader.push(&bytes[start..]);
            found = Some((connection.accepted_at + Duration::from_micros(*at), reader));
        }
    }
    let (at, reader) = found?;
    Some(Tls { at, depth: 0, hello: reader.into_bytes().into(), handshake: Handshake::Unanswered })
}
