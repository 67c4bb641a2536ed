//! The far side of a tunnel to a TLS port that is not played: it hears the client's hello and dies.
//!
//! The hello is kept, byte for byte. No handshake is made: nobody here has the certificate of the site that was asked for,
//! and clients that look at certificates would see that.

use std::time::Duration;

use evidence::{End, Handshake, Heard, HelloReader, Time, Tls};

use crate::engine::{Cx, Step, Then, Unit};

/// How long after the hello the connection ends: what a round trip to an origin that resets would take.
const ROUND_TRIP: Duration = Duration::from_millis(150);

/// How long a client may take until its hello is whole.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Dying {
    hello: HelloReader,
    /// When its first byte came.
    began: Option<Time>,
    /// When the end comes.
    until: Option<Time>,
}

impl Dying {
    /// Everything is taken. The whole hello, or a first byte that begins none, is the last that is waited for.
    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        self.began.get_or_insert(cx.now);
        if self.hello.push(input) != Heard::Part {
            self.until.get_or_insert(cx.now + ROUND_TRIP);
        }
        Step::used(input.len())
    }

    pub(crate) fn deadline(&self, last_input: Time) -> Time {
        self.until.unwrap_or(last_input + SILENCE)
    }

    pub(crate) fn unit(&self) -> Option<Unit> {
        self.until.is_none().then_some(Unit::Request(SILENCE))
    }

    pub(crate) fn expire(&self) -> Step {
        let end = if self.until.is_some() { End::Answered } else { End::Idle };
        Step::used(0).then(Then::Close(end))
    }

    /// What was heard, behind so many protocols.
    pub(crate) fn heard(self, depth: usize) -> Option<Tls> {
        let (at, hello) = (self.began?, self.hello.into_bytes().into());
        Some(Tls { at, depth: depth as u32, hello, handshake: Handshake::Unanswered })
    }
}
