//! Numbers that look random and are the same in each run (splitmix64, by its seed), and the distributions that the model
//! draws from. It is no source of secrets.

use std::f64::consts::TAU;

/// A sequence of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// A sequence of its own for each thing with a name and a number, so that one thing more does not change the others.
    pub(crate) fn of(seed: u64, name: &str, number: u64) -> Self {
        let mut chance = Self(seed ^ number.wrapping_mul(0xa076_1d64_78bd_642f));
        for byte in name.bytes() {
            chance.0 = chance.next() ^ u64::from(byte);
        }
        chance
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0, less than 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// At least `low`, less than `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of the numbers below `end`; 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    /// One of the numbers from `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// # Panics
    /// When there is nothing to choose from: the lists are the model's own.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One index below `end`, the small ones more often than the great: what is liked best is liked much better.
    pub(crate) fn favourite(&mut self, end: usize) -> usize {
        let unit = self.unit();
        (unit * unit * unit * end as f64) as usize
    }

    /// How often something happens that happens `mean` times on average.
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        if mean > 60.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as usize;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A number with this median; its logarithm is normal with the deviation `sigma`.
    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos()
    }

    /// A word that nobody chose.
    pub(crate) fn letters(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }

    pub(crate) fn digits(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        (0..length).map(|_| *self.pick(b"0123456789ABCDEF") as char).collect()
    }
}
