//! Lines that stand before the one that names their client: results that Exim had while the client waited, and recipients that
//! Sendmail refused. They are kept as they are, and told after it.

use evidence::Time;
use minicbor::{Decode, Encode};

use super::{Assembly, Here};
use crate::entry::{Body, Entry};
use crate::exim;
use crate::happening::Happening;
use crate::hash::hash;
use crate::sendmail;

/// Lines that are kept so; for one more the oldest is told without its client.
const MAX_WAITING: usize = 256;

/// A line that waits.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Waiting {
    /// Hash of place and queue id.
    #[n(0)]
    key: u64,
    #[n(1)]
    place: u64,
    #[n(2)]
    process: u64,
    #[n(3)]
    at: Time,
    #[n(4)]
    host: String,
    #[n(5)]
    offset: u64,
    #[cbor(n(6), with = "minicbor::bytes")]
    line: Vec<u8>,
}

impl Waiting {
    /// For the message with this queue id.
    pub(super) fn new(here: &Here<'_>, queue: &str) -> Self {
        let Here { at, host, place, process, offset, line, .. } = *here;
        let key = hash(place, queue.as_bytes());
        Self { key, place, process, at, host: host.to_owned(), offset, line: line.to_vec() }
    }
}

impl Assembly {
    pub(super) fn wait(&mut self, waiting: Waiting, tell: &mut dyn FnMut(&Happening<'_>)) {
        if self.waiting.len() >= MAX_WAITING {
            let oldest = self.waiting.remove(0);
            self.waited(&oldest, tell);
        }
        self.waiting.push(waiting);
    }

    /// Tells what has waited for this message.
    pub(super) fn tell_waiting(&mut self, here: &Here<'_>, queue: &str, tell: &mut dyn FnMut(&Happening<'_>)) {
        if self.waiting.is_empty() {
            return;
        }
        let key = hash(here.place, queue.as_bytes());
        while let Some(at) = self.waiting.iter().position(|waiting| waiting.key == key) {
            let waiting = self.waiting.remove(at);
            self.waited(&waiting, tell);
        }
    }

    fn waited(&mut self, waiting: &Waiting, tell: &mut dyn FnMut(&Happening<'_>)) {
        let Waiting { place, process, at, ref host, offset, ref line, .. } = *waiting;
        let machine = hash(self.seed, host.as_bytes());
        let here = Here { at, host, machine, place, process, offset, line };
        match Entry::read(line).body {
            Body::Exim(exim::Line::Delivery(delivery)) => self.exim_delivery(&here, &delivery, tell),
            Body::Sendmail(sendmail::Line::Refusal(refusal)) => self.sendmail_refused(&here, &refusal, tell),
            _ => {}
        }
    }

    /// At the end of the input: what still waits is told without its client.
    pub(crate) fn finish(&mut self, tell: &mut dyn FnMut(&Happening<'_>)) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.waited(&waiting, tell);
        }
    }
}
