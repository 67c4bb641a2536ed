//! The transcript as it grows: every byte of the peer, kept before anything is answered, but for third parties' passwords.

use evidence::{Time, Transcript, Turn};
use memchr::memmem;

/// Most bytes kept of one connection, message bodies apart: enough for thousands of commands. What comes beyond is
/// counted in [`Transcript::cut`], and so are the bodies of refused messages.
const MAX_BYTES: usize = 32 * 1024;

/// Most arrivals told apart. Later ones are added to the last, without their time.
const MAX_TURNS: usize = 512;

/// What a secret is replaced with, byte for byte. The secret itself is in the login that it belongs to, and nowhere else.
const HIDDEN: u8 = b'*';

/// From this length on a line may have been longer than the engine read; then the rest of it is hidden too.
const LONG_SECRET: usize = 1024;

/// A third party's secret as it stood on the wire, and where.
#[derive(Debug)]
pub(crate) struct Secret {
    /// What stood directly before it.
    before: Vec<u8>,
    bytes: Vec<u8>,
    /// Whether whatever follows on its line belongs to it.
    rest_of_line: bool,
}

impl Secret {
    /// A secret of these bytes, no more.
    pub(crate) fn exactly(before: &[u8], bytes: &[u8]) -> Self {
        Self { before: before.to_vec(), bytes: bytes.to_vec(), rest_of_line: false }
    }

    /// A secret that ends with its line.
    pub(crate) fn rest_of_line(before: &[u8], bytes: &[u8]) -> Self {
        Self { rest_of_line: true, ..Self::exactly(before, bytes) }
    }
}

#[derive(Debug)]
pub(crate) struct Recorder {
    accepted_at: Time,
    kept: usize,
    /// All bytes told to this recorder.
    total: u64,
    /// Whether the secret that the cap may have cut in two was looked for. Nothing is kept after it.
    cut_searched: bool,
    transcript: Transcript,
}

impl Recorder {
    pub(crate) fn new(accepted_at: Time) -> Self {
        Self { accepted_at, kept: 0, total: 0, cut_searched: false, transcript: Transcript::default() }
    }

    /// Keeps bytes outside message bodies. Bytes of the same instant are one arrival, so that the record does not depend
    /// on how they were split.
    pub(crate) fn bytes(&mut self, now: Time, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = MAX_BYTES - self.kept;
        let (kept, cut) = bytes.split_at(bytes.len().min(room));
        self.transcript.cut += cut.len() as u64;
        self.kept += kept.len();
        if kept.is_empty() {
            return;
        }
        let at = self.at(now);
        let full = self.transcript.turns.len() >= MAX_TURNS;
        match self.transcript.turns.last_mut() {
            Some(Turn::Bytes { at: last, bytes }) if *last == at || full => bytes.extend_from_slice(kept),
            _ if full => self.transcript.cut += kept.len() as u64,
            _ => self.transcript.turns.push(Turn::Bytes { at, bytes: kept.to_vec().into() }),
        }
    }

    /// Notes bytes that went into the body of a message.
    pub(crate) fn body(&mut self, now: Time, message: u32, length: usize) {
        self.total += length as u64;
        let at = self.at(now);
        let full = self.transcript.turns.len() >= MAX_TURNS;
        match self.transcript.turns.last_mut() {
            Some(Turn::Body { at: last, message: number, length: sum })
                if *number == message && (*last == at || full) =>
            {
                *sum += length as u64;
            }
            _ if full => self.transcript.cut += length as u64,
            _ => self.transcript.turns.push(Turn::Body { at, message, length: length as u64 }),
        }
    }

    /// Puts bytes where the body of a message that was never accepted had been noted; what of it is not among them is
    /// cut.
    pub(crate) fn replace_body(&mut self, message: u32, wire: &[u8]) {
        let mut place = None;
        let mut length = 0_u64;
        self.transcript.turns.retain(|turn| match turn {
            Turn::Body { at, message: number, length: part } if *number == message => {
                place.get_or_insert(*at);
                length += part;
                false
            }
            _ => true,
        });
        let Some(at) = place else { return };
        // What a proxy made of a request's head may have begun the body; the head is kept as it came.
        let came = usize::try_from(length).unwrap_or(usize::MAX).min(wire.len());
        let wire = &wire[wire.len() - came..];
        let kept = &wire[..came.min(MAX_BYTES - self.kept)];
        self.transcript.cut += length.saturating_sub(kept.len() as u64);
        if !kept.is_empty() {
            self.kept += kept.len();
            self.transcript.turns.push(Turn::Bytes { at, bytes: kept.to_vec().into() });
        }
    }

    /// Blots out a secret wherever it stands in what is kept, also where the cap cut it in two.
    pub(crate) fn hide(&mut self, secret: &Secret) {
        if secret.bytes.is_empty() {
            return;
        }
        let wire = [secret.before.as_slice(), &secret.bytes].concat();
        let mut kept = self.transcript.bytes();
        let mut from = 0;
        while let Some(at) = memmem::find(&kept[from..], &wire) {
            let (start, mut end) = (from + at + secret.before.len(), from + at + wire.len());
            from = end;
            if secret.rest_of_line {
                let rest = kept[end..].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                let rest = rest.unwrap_or(kept.len() - end);
                // The start of another line is not the secret again.
                if rest > 0 && secret.bytes.len() < LONG_SECRET {
                    continue;
                }
                end += rest;
            }
            kept[start..end].fill(HIDDEN);
        }
        if self.kept == MAX_BYTES && !std::mem::replace(&mut self.cut_searched, true) {
            let parts = (secret.before.len() + 1..wire.len()).rev();
            if let Some(part) = parts.into_iter().find(|part| kept.ends_with(&wire[..*part])) {
                let start = kept.len() - (part - secret.before.len());
                kept[start..].fill(HIDDEN);
            }
        }
        self.put_back(&kept);
    }

    /// Replaces what is kept by as many other bytes.
    fn put_back(&mut self, mut all: &[u8]) {
        for turn in &mut self.transcript.turns {
            if let Turn::Bytes { bytes, .. } = turn {
                let (here, rest) = all.split_at(bytes.len());
                bytes.copy_from_slice(here);
                all = rest;
            }
        }
    }

    /// The bytes received so far, in all.
    pub(crate) fn length(&self) -> u64 {
        self.total
    }

    pub(crate) fn finish(self) -> Transcript {
        self.transcript
    }

    fn at(&self, now: Time) -> u64 {
        u64::try_from(now.since(self.accepted_at).as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(pieces: &[&[u8]], secret: &Secret) -> Vec<u8> {
        let mut recorder = Recorder::new(Time::default());
        for (at, piece) in (0..).zip(pieces) {
            recorder.bytes(Time::from_micros(at), piece);
        }
        recorder.hide(secret);
        recorder.finish().bytes()
    }

    #[test]
    fn a_secret_is_hidden_however_it_came_and_nothing_else_is() {
        let secret = Secret::rest_of_line(b"\n", b"E");
        assert_eq!(recorded(&[b"EHLO x\r\n", b"E", b"\r\nE\r\nEHLO"], &secret), b"EHLO x\r\n*\r\n*\r\nEHLO");
        let secret = Secret::exactly(b"\x01\x01a\x03", b"abc");
        assert_eq!(recorded(&[b"\x05abc\x01\x01a", b"\x03abcabc"], &secret), b"\x05abc\x01\x01a\x03***abc");
    }

    #[test]
    fn a_secret_that_the_cap_cut_in_two_is_hidden_too() {
        let filler = vec![b'x'; MAX_BYTES - 7];
        let kept = recorded(&[&filler, b"\nsecret\r\n", b"later"], &Secret::rest_of_line(b"\n", b"secret"));
        assert_eq!(kept[MAX_BYTES - 7..], *b"\n******");
        let kept = recorded(&[&filler, b"xxx\nsecret\r\n"], &Secret::rest_of_line(b"\n", b"secret"));
        assert_eq!(kept[MAX_BYTES - 4..], *b"\n***");
    }
}
