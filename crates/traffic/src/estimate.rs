//! From samples to what stands behind them: estimates with their intervals. Pure formulas; where one does not hold, that is
//! said, and no interval is given.

use serde::Serialize;

/// The half width of an interval of 95 % in standard errors, with the two digits that the literature of sampling has.
const NORMAL_95: f64 = 1.96;

/// An estimated number with its interval of 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    pub(crate) fn around(value: f64, variance: f64) -> Self {
        let half = NORMAL_95 * variance.max(0.0).sqrt();
        Self { value, low: (value - half).max(0.0), high: value + half }
    }

    /// Packets of a class of which `samples` were seen among `all` samples, taken of `packets`.
    ///
    /// ```
    /// let estimate = traffic::Estimate::of_class(1_000_000, 2_500, 1_000);
    /// assert_eq!(estimate.value, 400_000.0);
    /// assert_eq!((estimate.low.round(), estimate.high.round()), (380_792.0, 419_208.0));
    /// ```
    pub fn of_class(packets: u64, all: u64, samples: u64) -> Self {
        if all == 0 {
            return Self { value: 0.0, low: 0.0, high: packets as f64 };
        }
        let (packets, all) = (packets as f64, all as f64);
        let share = samples as f64 / all;
        let variance = packets * packets * share * (1.0 - share) / (all - 1.0).max(1.0);
        let estimate = Self::around(packets * share, variance);
        if samples == 0 { Self { high: (3.0 * packets / all).min(packets), ..estimate } } else { estimate }
    }
}

/// Samples of a class, each with the rate at which it was taken: summed as integers, so that order and grouping do not
/// matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Weighed {
    pub samples: u64,
    /// The sum of N.
    pub weight: u128,
    /// The sum of N (N - 1).
    pub spread: u128,
}

impl Weighed {
    /// `samples` more that were taken one of `rate`.
    pub fn add(&mut self, samples: u64, rate: u32) {
        let (samples_wide, rate) = (u128::from(samples), u128::from(rate));
        self.samples += samples;
        self.weight += samples_wide * rate;
        self.spread += samples_wide * rate * rate.saturating_sub(1);
    }

    pub fn merge(&mut self, other: &Self) {
        self.samples = self.samples.saturating_add(other.samples);
        self.weight = self.weight.saturating_add(other.weight);
        self.spread = self.spread.saturating_add(other.spread);
    }

    /// What stands behind them. Without a sample, up to three times the rate at which others were taken may.
    pub fn estimate(&self, rate_of_others: f64) -> Estimate {
        let estimate = Estimate::around(self.weight as f64, self.spread as f64);
        if self.samples == 0 { Estimate { high: 3.0 * rate_of_others, ..estimate } } else { estimate }
    }

    /// How many packets stand behind a sample, on average.
    pub fn rate(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.weight as f64 / self.samples as f64)
    }
}

/// The ratio of two counts of samples; `None` without any of the second.
///
/// ```
/// let ratio = traffic::ratio(413_902, 194_649).unwrap();
/// assert_eq!(format!("{:.3} {:.3} {:.3}", ratio.value, ratio.low, ratio.high), "2.126 2.115 2.138");
/// ```
pub fn ratio(of: u64, to: u64) -> Option<Estimate> {
    if to == 0 {
        return None;
    }
    let value = of as f64 / to as f64;
    let relative = if of == 0 { 0.0 } else { 1.0 / of as f64 + 1.0 / to as f64 };
    Some(Estimate::around(value, value * value * relative))
}

/// How many hosts were seen how often, and what that says of those that were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    pub hosts: u64,
    pub once: u64,
    pub twice: u64,
    /// Samples of all of them.
    pub samples: u64,
}

impl Seen {
    /// Counts a host of which there are so many samples.
    pub fn add(&mut self, samples: u64) {
        self.hosts += u64::from(samples > 0);
        self.once += u64::from(samples == 1);
        self.twice += u64::from(samples == 2);
        self.samples = self.samples.saturating_add(samples);
    }

    /// The share of the traffic that belongs to hosts that were seen (Good and Turing).
    pub fn coverage(&self) -> Option<f64> {
        (self.samples > 0).then(|| 1.0 - self.once as f64 / self.samples as f64)
    }

    /// At least so many hosts there are (Chao). A lower bound, without an interval: where activity is skewed the usual
    /// interval never holds the truth.
    pub fn at_least(&self) -> f64 {
        let (once, twice) = (self.once as f64, self.twice as f64);
        self.hosts as f64 + once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_of_the_formulas_of_classes_comes_out() {
        // 384 samples give 10 %.
        let mut weighed = Weighed::default();
        weighed.add(384, 2048);
        let estimate = weighed.estimate(2048.0);
        let relative = (estimate.high - estimate.value) / estimate.value;
        assert!((relative - 0.1).abs() < 0.001, "{relative}");
        assert_eq!(Weighed::default().estimate(2048.0).high, 6144.0);
        assert_eq!(Estimate::of_class(1_000_000, 500, 0).high, 6000.0);
        assert_eq!(Estimate::of_class(100, 0, 0), Estimate { value: 0.0, low: 0.0, high: 100.0 });
    }

    #[test]
    fn rates_add_up_in_whatever_order() {
        let (mut a, mut b, mut c) = (Weighed::default(), Weighed::default(), Weighed::default());
        a.add(3, 512);
        a.add(5, u32::MAX);
        b.add(5, u32::MAX);
        c.add(3, 512);
        b.merge(&c);
        assert_eq!(a, b);
    }

    #[test]
    fn the_golden_share_without_an_answer_comes_out() {
        let answered = ratio(194_649, 413_902).unwrap();
        assert_eq!(format!("{:.1}", 100.0 * (1.0 - answered.value)), "53.0");
        assert_eq!(format!("{:.3}", ratio(387_433, 194_649).unwrap().value), "1.990");
        assert_eq!(ratio(1, 0), None);
    }

    #[test]
    fn hosts_seen_once_tell_of_those_not_seen() {
        let mut seen = Seen::default();
        for samples in [0, 1, 1, 1, 2, 5] {
            seen.add(samples);
        }
        assert_eq!(seen, Seen { hosts: 5, once: 3, twice: 1, samples: 10 });
        assert_eq!(seen.coverage(), Some(0.7));
        assert_eq!(seen.at_least(), 6.5);
        assert_eq!(Seen::default().coverage(), None);
    }
}
