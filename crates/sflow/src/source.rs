//! One data source of an agent, an interface mostly: how many of its samples came and are missing, and how many packets stand
//! behind each, by its pool.

use evidence::Time;

use crate::sequence::Step;

/// A pool counts packets in 32 bits, so two samples further apart than this may have a whole turn between them (7 minutes at
/// ten million packets a second): such a pair says nothing of the rate.
pub const MOST_APART: i64 = 60_000_000;
/// The rate is measured over at least this time, in microseconds, because some agents update their pool now and then …
pub const MEASURED_OVER: i64 = 60_000_000;
/// … and over at least as many samples: with fewer it is further than 10 % from the truth one time in three.
pub const MEASURED_BY: u32 = 100;
/// A measured rate above this many times the exporter's word, or below half of it, is not believed: the word is used.
pub const MOST_ABOVE: u64 = 64;

/// The place of a [`Source`] in [`Decoder::sources`](crate::Decoder::sources).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// What the head of a flow sample tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) sequence: u32,
    pub(crate) class: u32,
    pub(crate) index: u32,
    pub(crate) rate: u32,
    pub(crate) pool: u32,
    pub(crate) drops: u32,
    pub(crate) input: RawInterface,
    pub(crate) output: RawInterface,
}

/// An interface as it stands in a sample: what it means is found out for those who ask, for most samples nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawInterface {
    format: u32,
    value: u32,
}

impl RawInterface {
    /// Two bits of format, then the value.
    #[inline(always)]
    pub(crate) fn compact(word: u32) -> Self {
        Self { format: word >> 30, value: word & 0x3fff_ffff }
    }

    #[inline(always)]
    pub(crate) fn expanded(format: u32, value: u32) -> Self {
        Self { format, value }
    }
}

/// Where a packet came in or went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interface {
    Unknown,
    Index(u32),
    /// The device itself.
    Internal,
    /// It went out nowhere, with the exporter's reason.
    Discarded(u32),
    /// It went out of as many.
    Several(u32),
}

impl From<RawInterface> for Interface {
    fn from(RawInterface { format, value }: RawInterface) -> Self {
        match (format, value) {
            (0, 0) => Self::Unknown,
            (0, 0x3fff_ffff) => Self::Internal,
            (0, index) => Self::Index(index),
            (1, reason) => Self::Discarded(reason),
            (2, count) => Self::Several(count),
            _ => Self::Unknown,
        }
    }
}

/// State and sums of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its agent's place in [`Decoder::agents`](crate::Decoder::agents).
    pub agent: u32,
    /// 0 an interface, 1 a VLAN, 2 a physical, 3 a logical entity.
    pub class: u32,
    pub index: u32,
    /// The rate by the exporter's newest word.
    pub rate: u32,
    sequence: u32,
    pool: u32,
    drop_counter: u32,
    boot: u32,
    measured_since: i64,
    last_at: i64,
    measured_pool: u64,
    measured_samples: u32,
    scale: u32,
    /// Flow samples that came.
    pub samples: u64,
    /// Samples missing by their numbers: in lost datagrams, and in such as could not be read.
    pub lost: u64,
    /// Came behind their successors; they are not missing.
    pub late: u64,
    /// Packets that the exporter says it could not sample.
    pub drops: u64,
    pub restarts: u32,
    pub rate_changes: u32,
    /// Packets by the pool, and the samples that stand for them, of all spans whose measured rate was believed.
    pool_believed: u64,
    samples_believed: u64,
    /// Spans by whether their measured rate was believed.
    pub believed: u32,
    pub disbelieved: u32,
}

/// How many packets stand behind a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// By the exporter's newest word.
    pub configured: u32,
    /// By its pool, over all spans that are believed; it covers drops and losses. `None` when there is no such span: use
    /// `configured`.
    pub effective: Option<f64>,
}

impl Scale {
    pub fn used(self) -> f64 {
        self.effective.unwrap_or(f64::from(self.configured))
    }
}

impl Source {
    /// What tells it from others: agent, class, index.
    #[inline(always)]
    pub(crate) fn key(&self) -> (u32, u32, u32) {
        (self.agent, self.class, self.index)
    }

    /// With its first sample, which is counted.
    pub(crate) fn new(agent: u32, boot: u32, at: Time, head: &Head) -> Self {
        Self {
            agent,
            class: head.class,
            index: head.index,
            rate: head.rate,
            sequence: head.sequence,
            pool: head.pool,
            drop_counter: head.drops,
            boot,
            measured_since: at.micros(),
            last_at: at.micros(),
            measured_pool: 0,
            measured_samples: 0,
            scale: head.rate.max(1),
            samples: 1,
            lost: 0,
            late: 0,
            drops: 0,
            restarts: 0,
            rate_changes: 0,
            pool_believed: 0,
            samples_believed: 0,
            believed: 0,
            disbelieved: 0,
        }
    }

    /// A further sample. Gives how many packets stand behind it: by the pool over the last span that ended, else by the word.
    #[inline(always)]
    pub(crate) fn sample(&mut self, at: Time, boot: u32, head: &Head) -> u32 {
        let at = at.micros();
        self.samples += 1;
        if head.rate != self.rate {
            self.rate_changed(at, head.rate);
        }
        let step = if boot == self.boot { Step::of(self.sequence, head.sequence) } else { Step::Anew };
        match step {
            Step::Ahead(ahead) => self.ahead(at, ahead, head),
            Step::Still => {}
            Step::Late => {
                self.late += 1;
                self.lost = self.lost.saturating_sub(1);
                self.measured_samples += 1;
            }
            Step::Anew => self.anew(at, boot, head),
        }
        if at - self.measured_since >= MEASURED_OVER && self.measured_samples >= MEASURED_BY {
            self.settle(at);
        }
        self.scale
    }

    #[inline(always)]
    fn ahead(&mut self, at: i64, ahead: u32, head: &Head) {
        self.lost += u64::from(ahead - 1);
        // Late samples of the pair before do not matter: this one stands for the pool since the newest.
        if at.abs_diff(self.last_at) <= MOST_APART as u64 {
            self.measured_pool += u64::from(head.pool.wrapping_sub(self.pool));
            self.measured_samples += 1;
        }
        let dropped = head.drops.wrapping_sub(self.drop_counter);
        // A counter of drops that goes back was set anew.
        self.drops += if dropped < 1 << 31 { u64::from(dropped) } else { 0 };
        (self.sequence, self.pool, self.drop_counter, self.last_at) = (head.sequence, head.pool, head.drops, at);
    }

    fn anew(&mut self, at: i64, boot: u32, head: &Head) {
        self.restarts = self.restarts.saturating_add(1);
        self.boot = boot;
        self.forget(at);
        (self.sequence, self.pool, self.drop_counter, self.last_at) = (head.sequence, head.pool, head.drops, at);
    }

    fn rate_changed(&mut self, at: i64, rate: u32) {
        self.rate_changes = self.rate_changes.saturating_add(1);
        self.settle(at);
        self.rate = rate;
        self.scale = rate.max(1);
    }

    fn forget(&mut self, at: i64) {
        (self.measured_since, self.measured_pool, self.measured_samples) = (at, 0, 0);
    }

    /// The end of a span.
    fn settle(&mut self, at: i64) {
        if self.measured_samples == 0 {
            return self.forget(at);
        }
        if self.is_believable() {
            self.pool_believed += self.measured_pool;
            self.samples_believed += u64::from(self.measured_samples);
            self.believed = self.believed.saturating_add(1);
            self.scale = rounded(self.measured_pool, self.measured_samples);
        } else {
            self.disbelieved = self.disbelieved.saturating_add(1);
            self.scale = self.rate.max(1);
        }
        self.forget(at);
    }

    fn is_believable(&self) -> bool {
        let (rate, samples) = (u64::from(self.rate), u64::from(self.measured_samples));
        let most = u128::from(rate) * u128::from(MOST_ABOVE) * u128::from(samples);
        let pool = self.measured_pool;
        samples >= u64::from(MEASURED_BY) && pool > 0 && pool * 2 >= rate * samples && u128::from(pool) <= most
    }

    /// Over the whole time, the span that has not ended yet included.
    pub fn scale(&self) -> Scale {
        let (mut pool, mut samples) = (self.pool_believed, self.samples_believed);
        if self.is_believable() {
            pool += self.measured_pool;
            samples += u64::from(self.measured_samples);
        }
        Scale { configured: self.rate, effective: (samples > 0).then(|| pool as f64 / samples as f64) }
    }
}

fn rounded(pool: u64, samples: u32) -> u32 {
    let samples = u64::from(samples);
    u32::try_from((pool + samples / 2) / samples).unwrap_or(u32::MAX).max(1)
}
