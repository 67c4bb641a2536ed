//! Counts over the last day, counts that fade, and counts of different things: what time has passed over needs no sweep.
//!
//! Counts stop at the greatest number that fits.

use minicbor::{Decode, Encode};

/// What is counted of a customer, for a day and for a week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Volume {
    /// Messages taken.
    #[n(0)]
    pub messages: u32,
    /// First attempts, one for each recipient.
    #[n(1)]
    pub recipients: u32,
    /// Of them, those that told whether there is such a mailbox.
    #[n(2)]
    pub answered: u32,
    /// Of these, those for which there is none.
    #[n(3)]
    pub failed: u32,
    /// First attempts to recipients that the customer never wrote to.
    #[n(4)]
    pub strangers: u32,
    /// Messages of sender domains that were new that day.
    #[n(5)]
    pub newcomers: u32,
    /// First attempts of mail with the null sender.
    #[n(6)]
    pub nulls: u32,
    /// Of them, to domains that the customer never wrote to.
    #[n(7)]
    pub null_strangers: u32,
    /// Messages whose sender bears the marks of a mailing list (VERP).
    #[n(8)]
    pub bulk: u32,
    /// Refusals that name a block list.
    #[n(9)]
    pub listed: u32,
    /// Messages that a scanner calls spam.
    #[n(10)]
    pub spams: u32,
    /// Messages in which a scanner found a virus.
    #[n(11)]
    pub viruses: u32,
    /// First attempts of the null sender for which there is no mailbox.
    #[n(12)]
    pub null_failed: u32,
    /// First attempts with a message that the same recipient got twice before, within a day.
    #[n(13)]
    pub looped: u32,
}

impl Volume {
    fn each(&mut self, other: &Self, change: impl Fn(u32, u32) -> u32) {
        for (mine, theirs) in [
            (&mut self.messages, other.messages),
            (&mut self.recipients, other.recipients),
            (&mut self.answered, other.answered),
            (&mut self.failed, other.failed),
            (&mut self.strangers, other.strangers),
            (&mut self.newcomers, other.newcomers),
            (&mut self.nulls, other.nulls),
            (&mut self.null_strangers, other.null_strangers),
            (&mut self.bulk, other.bulk),
            (&mut self.listed, other.listed),
            (&mut self.spams, other.spams),
            (&mut self.viruses, other.viruses),
            (&mut self.null_failed, other.null_failed),
            (&mut self.looped, other.looped),
        ] {
            *mine = change(*mine, theirs);
        }
    }

    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        self.each(earlier, u32::saturating_sub);
        self
    }

    /// The share of recipients without a mailbox among those that were told, in [0, 1].
    pub fn failure_share(&self) -> f64 {
        share(self.failed, self.answered)
    }
}

/// `part / whole`, and 0 of nothing.
pub(crate) fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}

/// Volumes of the last 24 hours, by two hours.
const DAY_BUCKETS: usize = 12;

/// A day that slides in steps of two hours: it holds between 22 and 24 hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Day {
    #[n(0)]
    buckets: [Volume; DAY_BUCKETS],
    #[n(1)]
    newest: u32,
    /// The sum of the buckets.
    #[n(2)]
    total: Volume,
}

impl Day {
    pub(crate) fn advance(&mut self, hour: u32) {
        let bucket = hour / 2;
        let steps = bucket.saturating_sub(self.newest);
        if steps == 0 {
            return;
        }
        if steps as usize >= DAY_BUCKETS {
            *self = Self { newest: bucket, ..Self::default() };
            return;
        }
        for step in 1..=steps {
            let gone = std::mem::take(&mut self.buckets[(self.newest + step) as usize % DAY_BUCKETS]);
            self.total = self.total.since(&gone);
        }
        self.newest = bucket;
    }

    /// Forgets what was counted.
    pub(crate) fn clear(&mut self) {
        *self = Self { newest: self.newest, ..Self::default() };
    }

    /// Counts in the newest bucket; `count` is told once for it and once for the sum.
    pub(crate) fn count(&mut self, count: impl Fn(&mut Volume)) {
        count(&mut self.buckets[self.newest as usize % DAY_BUCKETS]);
        count(&mut self.total);
    }

    pub(crate) fn total(&self) -> &Volume {
        &self.total
    }
}

/// A number that fades: it halves in each half-life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Fading {
    #[n(0)]
    value: f32,
    #[n(1)]
    minute: u32,
}

impl Fading {
    pub(crate) fn add(&mut self, minute: u32, half_life: u32, amount: f32) -> f32 {
        self.value = self.value(minute, half_life) + amount;
        self.minute = self.minute.max(minute);
        self.value
    }

    pub(crate) fn value(&self, minute: u32, half_life: u32) -> f32 {
        let age = minute.saturating_sub(self.minute);
        if age == 0 { self.value } else { self.value * (-(age as f32) / half_life as f32).exp2() }
    }
}

/// About how many different things there were: exact for few, some 13 % off for many, in 64 bytes (a HyperLogLog of 64
/// registers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Variety(#[n(0)] [u8; 64]);

impl Default for Variety {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Variety {
    /// `number` is a hash.
    pub(crate) fn see(&mut self, number: u64) {
        let register = &mut self.0[(number & 63) as usize];
        *register = (*register).max((number >> 6).trailing_zeros().min(57) as u8 + 1);
    }

    pub(crate) fn count(&self) -> f64 {
        let empty = self.0.iter().filter(|register| **register == 0).count();
        // Two to the power of minus the register, written as the bits of the number.
        let power = |register: &u8| f64::from_bits((1023 - u64::from(*register)) << 52);
        let sum: f64 = self.0.iter().map(power).sum();
        let raw = 0.709 * 64.0 * 64.0 / sum;
        if raw <= 160.0 && empty > 0 { 64.0 * (64.0 / empty as f64).ln() } else { raw }
    }

    pub(crate) fn merged(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = (*mine).max(theirs);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Key;

    #[test]
    fn a_day_holds_22_to_24_hours() {
        let mut day = Day::default();
        for hour in 0..48 {
            day.advance(hour);
            day.count(|volume| volume.messages += 1);
        }
        assert_eq!(day.total().messages, 24);
        day.advance(48);
        assert_eq!(day.total().messages, 22);
        day.advance(480);
        assert_eq!(*day.total(), Volume::default());
    }

    #[test]
    fn what_fades_is_half_after_its_half_life() {
        let mut fading = Fading::default();
        fading.add(1000, 60, 8.0);
        assert_eq!(fading.value(1060, 60), 4.0);
        assert_eq!(fading.add(1120, 60, 1.0), 3.0);
        assert_eq!(fading.value(0, 60), 3.0);
    }

    #[test]
    fn a_variety_is_about_right() {
        let key = Key::new([5; 16]);
        for count in [0u32, 1, 3, 10, 50, 200, 1000, 50_000] {
            let mut variety = Variety::default();
            for number in 0..count {
                variety.see(key.exact(&number.to_le_bytes()));
                variety.see(key.exact(&number.to_le_bytes()));
            }
            let off = (variety.count() - f64::from(count)).abs() / f64::from(count.max(1));
            assert!(off < 0.3, "{count}: {}", variety.count());
            if count <= 3 {
                assert_eq!(variety.count().round(), f64::from(count));
            }
        }
    }
}
