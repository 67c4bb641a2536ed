//! Wald's sequential test of yes/no evidence: it says as soon as it can which of two shares fits, and not before.

use serde::Serialize;

/// A test between the share `null` and the share `other`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    pub null: f64,
    pub other: f64,
    /// How often `other` may be found where `null` is true, and the other way round.
    pub alpha: f64,
    pub beta: f64,
}

/// What a test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Other,
    Null,
    /// More samples are needed.
    Open,
}

impl Test {
    /// Activity around the clock against that of business hours, by the share of packets in the night (0 to 6 h): flat it is a
    /// quarter; with a night of weight 0.15 it is some 4.8 %.
    pub const ROUND_THE_CLOCK: Self = Self { null: 0.9 / 18.9, other: 0.25, alpha: 1e-3, beta: 0.05 };

    /// The sum of logarithms after `yes` of `all`.
    pub fn weight(&self, yes: u64, all: u64) -> f64 {
        let no = all.saturating_sub(yes);
        yes as f64 * (self.other / self.null).ln() + no as f64 * ((1.0 - self.other) / (1.0 - self.null)).ln()
    }

    pub fn outcome(&self, yes: u64, all: u64) -> Outcome {
        let weight = self.weight(yes, all);
        if weight >= ((1.0 - self.beta) / self.alpha).ln() {
            Outcome::Other
        } else if weight <= (self.beta / (1.0 - self.alpha)).ln() {
            Outcome::Null
        } else {
            Outcome::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many samples it takes on average, and how often it is wrong.
    fn trials(test: &Test, share: f64) -> (f64, f64) {
        let mut state = 1u64;
        let mut chance = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = crate::key::fold(state, 0xd6e8_feb8_6659_fd93);
            (crate::key::fold(mixed ^ state, 0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1u64 << 53) as f64
        };
        let (mut samples, mut others) = (0, 0);
        for _ in 0..20_000 {
            let (mut yes, mut all) = (0, 0);
            while test.outcome(yes, all) == Outcome::Open {
                yes += u64::from(chance() < share);
                all += 1;
            }
            samples += all;
            others += u64::from(test.outcome(yes, all) == Outcome::Other);
        }
        (samples as f64 / 20_000.0, others as f64 / 20_000.0)
    }

    #[test]
    fn errors_stay_below_what_was_asked_for() {
        let test = Test::ROUND_THE_CLOCK;
        let (to_flag, power) = trials(&test, test.other);
        let (to_clear, wrong) = trials(&test, test.null);
        assert!(power >= 1.0 - 1.1 * test.beta && wrong <= 1.5 * test.alpha, "{power} {wrong}");
        assert!((20.0..40.0).contains(&to_flag) && (15.0..30.0).contains(&to_clear), "{to_flag} {to_clear}");
    }

    #[test]
    fn a_share_of_all_hours_takes_longer_than_24_shares_of_one() {
        // Over all 24 hours the flat and the business day are 0.411 nats apart; over night and day alone it is less.
        let test = Test::ROUND_THE_CLOCK;
        let apart = test.other * (test.other / test.null).ln()
            + (1.0 - test.other) * ((1.0 - test.other) / (1.0 - test.null)).ln();
        assert!((0.2..0.411).contains(&apart), "{apart}");
    }
}
