//! The far side of a tunnel to a TLS port: it hears the client's hello and dies.
//!
//! The hello is in the transcript, byte for byte. No handshake is made: nobody here has the certificate of the site that
//! was asked for, and clients that look at certificates would see that.

use std::time::Duration;

use evidence::{End, Time};

use crate::engine::{Cx, Step, Then, Unit};

/// How long after the hello the connection ends: what a round trip to an origin that resets would take.
const ROUND_TRIP: Duration = Duration::from_millis(150);

/// How long a client may take until its hello is whole.
const SILENCE: Duration = Duration::from_secs(60);

/// Content type, version and length of a TLS record.
const HEADER: usize = 5;

#[derive(Debug, Default)]
pub(crate) struct Tls {
    header: Vec<u8>,
    /// Bytes after the header.
    heard: usize,
    /// When the end comes.
    until: Option<Time>,
}

impl Tls {
    /// Everything is taken. The first whole record, or a first byte that begins no handshake, is the last that is waited
    /// for.
    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        let of_header = input.len().min(HEADER - self.header.len());
        self.header.extend_from_slice(&input[..of_header]);
        self.heard += input.len() - of_header;
        let whole = match self.header.as_slice() {
            &[0x16, _, _, high, low] => self.heard >= usize::from(u16::from_be_bytes([high, low])),
            [0x16, ..] => false,
            _ => true,
        };
        if whole && self.until.is_none() {
            self.until = Some(cx.now + ROUND_TRIP);
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
}
