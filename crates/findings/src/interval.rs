//! The interval in which a share lies, given some trials (Wilson's, 95 %).

/// A share of trials, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub share: f64,
    pub low: f64,
    pub high: f64,
}

/// The quantile of the normal distribution for 95 %.
const Z: f64 = 1.959_963_984_540_054;

impl Interval {
    /// `None` without trials.
    pub fn of(hits: u64, trials: u64) -> Option<Self> {
        if trials == 0 {
            return None;
        }
        let n = trials as f64;
        let share = hits.min(trials) as f64 / n;
        let middle = share + Z * Z / (2.0 * n);
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Some(Self { share, low: ((middle - half) / scale).max(0.0), high: ((middle + half) / scale).min(1.0) })
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} [{:.2}, {:.2}]", self.share, self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_books() {
        let close = |interval: Interval, low: f64, high: f64| {
            assert!((interval.low - low).abs() < 5e-4 && (interval.high - high).abs() < 5e-4, "{interval:?}");
        };
        close(Interval::of(0, 10).unwrap(), 0.0, 0.2775);
        close(Interval::of(10, 10).unwrap(), 0.7225, 1.0);
        close(Interval::of(81, 263).unwrap(), 0.2553, 0.3662);
        assert_eq!(Interval::of(0, 0), None);
        assert_eq!(Interval::of(1, 2).unwrap().to_string(), "0.50 [0.09, 0.91]");
    }
}
