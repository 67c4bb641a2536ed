//! The transcript as it grows: every byte of the peer, kept before anything is answered.

use evidence::{Time, Transcript, Turn};

/// Most bytes kept of one connection, message bodies apart: enough for thousands of commands. What comes beyond is
/// counted in [`Transcript::cut`], and so are the bodies of refused messages.
const MAX_BYTES: usize = 32 * 1024;

/// Most arrivals told apart. Later ones are added to the last, without their time.
const MAX_TURNS: usize = 512;

#[derive(Debug)]
pub(crate) struct Recorder {
    accepted_at: Time,
    kept: usize,
    /// All bytes told to this recorder.
    total: u64,
    transcript: Transcript,
}

impl Recorder {
    pub(crate) fn new(accepted_at: Time) -> Self {
        Self { accepted_at, kept: 0, total: 0, transcript: Transcript::default() }
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
        let kept = &wire[..wire.len().min(MAX_BYTES - self.kept)];
        let mut place = None;
        let mut length = 0;
        self.transcript.turns.retain(|turn| match turn {
            Turn::Body { at, message: number, length: part } if *number == message => {
                place.get_or_insert(*at);
                length += part;
                false
            }
            _ => true,
        });
        let Some(at) = place else { return };
        self.transcript.cut += length.saturating_sub(kept.len() as u64);
        if !kept.is_empty() {
            self.kept += kept.len();
            self.transcript.turns.push(Turn::Bytes { at, bytes: kept.to_vec().into() });
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
