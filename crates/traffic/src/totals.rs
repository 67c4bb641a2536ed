//! The packets of port 25 in all: by flag, with the rate at which each was sampled.

use serde::Serialize;
use sflow::Packet;

use crate::code::{Reader, put};
use crate::estimate::{Estimate, Weighed};

/// Counts of packets by what their flags say. A packet with several counts in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub smtp: Weighed,
    pub syn: Weighed,
    pub syn_ack: Weighed,
    pub rst: Weighed,
    pub fin: Weighed,
    /// Packets of ports 465 and 587; none of the others.
    pub submission: Weighed,
    /// Packets of neither.
    pub other: u64,
    /// Bytes of the packets of port 25, from the IP header on: the sum of N b, and of N (N - 1) b².
    pub bytes: u128,
    pub bytes_spread: u128,
}

impl Totals {
    /// Bytes of the packets of port 25.
    pub fn bytes_estimate(&self) -> Estimate {
        Estimate::around(self.bytes as f64, self.bytes_spread as f64)
    }

    fn weighed(&self) -> [&Weighed; 6] {
        [&self.smtp, &self.syn, &self.syn_ack, &self.rst, &self.fin, &self.submission]
    }

    pub(crate) fn put(&self, to: &mut Vec<u8>) {
        for weighed in self.weighed() {
            put(to, weighed.samples);
            to.extend(weighed.weight.to_be_bytes());
            to.extend(weighed.spread.to_be_bytes());
        }
        put(to, self.other);
        to.extend(self.bytes.to_be_bytes());
        to.extend(self.bytes_spread.to_be_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let wide = |reader: &mut Reader<'_>| Some(u128::from_be_bytes(reader.bytes(16)?.try_into().ok()?));
        let weighed = |reader: &mut Reader<'_>| {
            Some(Weighed { samples: reader.number()?, weight: wide(reader)?, spread: wide(reader)? })
        };
        Some(Self {
            smtp: weighed(reader)?,
            syn: weighed(reader)?,
            syn_ack: weighed(reader)?,
            rst: weighed(reader)?,
            fin: weighed(reader)?,
            submission: weighed(reader)?,
            other: reader.number()?,
            bytes: wide(reader)?,
            bytes_spread: wide(reader)?,
        })
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, more) in [
            (&mut self.smtp, &other.smtp),
            (&mut self.syn, &other.syn),
            (&mut self.syn_ack, &other.syn_ack),
            (&mut self.rst, &other.rst),
            (&mut self.fin, &other.fin),
            (&mut self.submission, &other.submission),
        ] {
            mine.merge(more);
        }
        self.other = self.other.saturating_add(other.other);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.bytes_spread = self.bytes_spread.saturating_add(other.bytes_spread);
    }
}

/// Totals on their way: packets of one rate are counted, and weighed when another rate comes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    weighed: Totals,
    rate: u32,
    smtp: u64,
    syn: u64,
    syn_ack: u64,
    rst: u64,
    fin: u64,
    submission: u64,
    bytes: u64,
    squares: u128,
}

impl Tally {
    pub(crate) fn smtp(&mut self, packet: &Packet<'_>, rate: u32) {
        self.at(rate);
        self.smtp += 1;
        self.syn += u64::from(packet.flags.is_syn());
        self.syn_ack += u64::from(packet.flags.is_syn_ack());
        self.rst += u64::from(packet.flags.is_rst());
        self.fin += u64::from(packet.flags.is_fin());
        self.bytes += u64::from(packet.bytes);
        self.squares += u128::from(packet.bytes) * u128::from(packet.bytes);
    }

    pub(crate) fn submission(&mut self, rate: u32) {
        self.at(rate);
        self.submission += 1;
    }

    pub(crate) fn other(&mut self) {
        self.weighed.other += 1;
    }

    fn at(&mut self, rate: u32) {
        if self.rate != rate {
            *self = Self { weighed: self.totals(), rate, ..Self::default() };
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = self.weighed;
        totals.smtp.add(self.smtp, self.rate);
        totals.syn.add(self.syn, self.rate);
        totals.syn_ack.add(self.syn_ack, self.rate);
        totals.rst.add(self.rst, self.rate);
        totals.fin.add(self.fin, self.rate);
        totals.submission.add(self.submission, self.rate);
        let rate = u128::from(self.rate);
        totals.bytes += u128::from(self.bytes) * rate;
        let spread = self.squares.saturating_mul(rate).saturating_mul(rate.saturating_sub(1));
        totals.bytes_spread = totals.bytes_spread.saturating_add(spread);
        totals
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let mut totals = self.totals();
        totals.merge(&other.totals());
        *self = Self { weighed: totals, ..Self::default() };
    }
}
