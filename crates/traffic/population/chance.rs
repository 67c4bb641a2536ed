//! Chances from a seed.

/// A source of chances: the same seed gives the same.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to 1.
    pub(crate) fn real(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn is(&mut self, share: f64) -> bool {
        self.real() < share
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.real() * end as f64) as usize
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.real()).ln()).sqrt() * (std::f64::consts::TAU * self.real()).cos()
    }

    /// Log-normal by its median.
    pub(crate) fn around(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// A share: normal on the scale of log-odds, so never outside 0 to 1.
    pub(crate) fn share(&mut self, median: f64, sigma: f64) -> f64 {
        let odds = (median / (1.0 - median)).ln() + sigma * self.normal();
        1.0 / (1.0 + (-odds).exp())
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal() + 0.5).max(0.0) as u64;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.real(), 0);
        while product > limit {
            product *= self.real();
            count += 1;
        }
        count
    }

    /// A place among `of`, the first the likeliest, by a power law of exponent 1.
    pub(crate) fn rank(&mut self, of: usize) -> usize {
        ((of as f64 + 1.0).powf(self.real()) as usize).saturating_sub(1).min(of.saturating_sub(1))
    }
}
