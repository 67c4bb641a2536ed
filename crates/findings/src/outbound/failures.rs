//! X1: recipients for whom there is no mailbox. Lists of spammers are dirty, people's address books are not.
//!
//! Twice: a count within an hour, for floods; and a sequential test of the share of failures, for those who send slowly.
//! What does not tell of the mailbox is left out where the outcome is made ([`crate::reply`]): replies of 4xx, refusals of
//! sender, content and policy. So is the null sender.

use minicbor::{Decode, Encode};

use crate::moment::Moment;
use crate::rule::{Reading, Rule};
use crate::threshold::{Threshold, Thresholds};

/// Shares of failures that may be usual are told apart in steps of one in a hundred, up to the last of these.
pub(crate) const STEPS: usize = 12;

/// The borders and steps of the sequential test, computed once for a set of thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Borders {
    /// Flag from here on.
    upper: f32,
    /// Clear from here down.
    lower: f32,
    /// What a failure and a success add, by the usual share.
    steps: [(f32, f32); STEPS],
}

impl Borders {
    pub(crate) fn new(thresholds: &Thresholds) -> Self {
        let value = |threshold| thresholds.untuned(threshold);
        let (alpha, beta) = (value(Threshold::FalseAlarm), value(Threshold::Miss));
        let least = value(Threshold::UsualFailures);
        let steps = std::array::from_fn(|step| {
            let usual = least.max((step + 1) as f64 / 100.0);
            let abusive = value(Threshold::AbusiveFailures).max((3.0 * usual).min(0.9));
            ((abusive / usual).ln() as f32, ((1.0 - abusive) / (1.0 - usual)).ln() as f32)
        });
        Self { upper: ((1.0 - beta) / alpha).ln() as f32, lower: (beta / (1.0 - alpha)).ln() as f32, steps }
    }

    /// The step for a usual share.
    pub(crate) fn step(share: f64) -> u8 {
        ((share * 100.0 - 1e-9).ceil() as usize).clamp(1, STEPS) as u8 - 1
    }
}

/// Failed recipients that are told apart at most: the threshold can be no greater.
const MOST_RECENT: usize = 1000;

/// A failed recipient, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct Failed {
    #[n(0)]
    tag: u32,
    #[n(1)]
    minute: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Failures {
    #[n(0)]
    level: f32,
    /// Which share is usual for this customer.
    #[n(1)]
    step: u8,
    /// Different failed recipients since the test began anew.
    #[n(2)]
    run: u32,
    /// Their domains, up to eight.
    #[n(3)]
    domains: [u32; 8],
    /// The last failed recipients, as a ring.
    #[n(4)]
    recent: Vec<Failed>,
    #[n(5)]
    next: u32,
}

impl Failures {
    /// Learns which share is usual.
    pub(crate) fn expect(&mut self, share: f64) {
        self.step = Borders::step(share);
    }

    /// A recipient whose mailbox exists.
    pub(crate) fn delivered(&mut self, borders: &Borders) {
        self.level += borders.steps[usize::from(self.step)].1;
        if self.level <= borders.lower {
            (self.level, self.run, self.domains) = (0.0, 0, [0; 8]);
        }
    }

    /// A recipient without a mailbox. `recipient` and `domain` are hashes.
    pub(crate) fn failed(
        &mut self,
        (recipient, domain): (u64, u64),
        now: Moment,
        borders: &Borders,
        thresholds: &Thresholds,
        told: &mut Vec<(Rule, Reading)>,
    ) {
        // Three times the border, so that a customer who is in order again is cleared within some 100 recipients.
        self.level = (self.level + borders.steps[usize::from(self.step)].0).min(3.0 * borders.upper);
        if self.note((recipient >> 32) as u32, now.minute, thresholds) {
            self.run = self.run.saturating_add(1);
        }
        let domain = ((domain >> 32) as u32).max(1);
        if let Some(place) = self.domains.iter().position(|known| *known == 0 || *known == domain) {
            self.domains[place] = domain;
        }
        let within = now.minute.saturating_sub(59);
        let count = self.recent.iter().filter(|failed| failed.minute >= within).count();
        let reading = Reading::of(count as f32, thresholds.value(Threshold::FailuresPerHour));
        told.extend(reading.map(|reading| (Rule::Failures, reading.at_least(count >= MOST_RECENT))));
        let domains = self.domains.iter().filter(|known| **known != 0).count();
        let is_wide = self.run as f32 >= thresholds.value(Threshold::FailedRecipients)
            || domains as f32 >= thresholds.value(Threshold::FailedDomains);
        // Below the guard the level is told as below the border, whatever it is.
        let level = if is_wide { self.level } else { self.level.min(borders.upper * 0.99) };
        told.extend(Reading::of(level, borders.upper).map(|reading| (Rule::FailureTest, reading)));
    }

    /// Notes a failed recipient; whether it is another one than those of the last hour.
    fn note(&mut self, tag: u32, minute: u32, thresholds: &Thresholds) -> bool {
        let within = minute.saturating_sub(59);
        if self.recent.iter().any(|failed| failed.tag == tag && failed.minute >= within) {
            return false;
        }
        let most = (thresholds.value(Threshold::FailuresPerHour).ceil() as usize).clamp(16, MOST_RECENT);
        let failed = Failed { tag, minute };
        if self.recent.len() < most {
            self.recent.push(failed);
        } else {
            let place = self.next as usize % self.recent.len();
            self.recent[place] = failed;
            self.next = (place as u32 + 1) % self.recent.len() as u32;
        }
        true
    }

    /// Begins anew.
    pub(crate) fn forgive(&mut self) {
        *self = Self { step: self.step, ..Self::default() };
    }

    /// Lets go of what is of no use after a day without failures.
    pub(crate) fn tidy(&mut self, minute: u32) {
        if self.recent.iter().all(|failed| minute.saturating_sub(failed.minute) >= 60) {
            (self.recent, self.next) = (Vec::new(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Key;

    struct Customer {
        failures: Failures,
        borders: Borders,
        thresholds: Thresholds,
        minute: u32,
        told: Vec<(Rule, Reading)>,
    }

    impl Customer {
        fn new() -> Self {
            let thresholds = Thresholds::default();
            let mut failures = Failures::default();
            failures.expect(0.03);
            let borders = Borders::new(&thresholds);
            Self { failures, borders, thresholds, minute: 1_000_000, told: vec![] }
        }

        fn fails(&mut self, recipient: u64, domain: u64) {
            let key = Key::new([1; 16]);
            let numbers = (key.exact(&recipient.to_le_bytes()), key.exact(&domain.to_le_bytes()));
            let now = Moment { minute: self.minute, ..Moment::default() };
            self.told.clear();
            self.failures.failed(numbers, now, &self.borders, &self.thresholds, &mut self.told);
        }

        fn flagged(&self, rule: Rule) -> bool {
            self.told.iter().any(|(told, reading)| *told == rule && reading.holds())
        }
    }

    #[test]
    fn borders_and_steps_are_those_of_the_specification() {
        let borders = Borders::new(&Thresholds::default());
        let close = |a: f32, b: f32| (a - b).abs() < 0.005;
        assert!(close(borders.upper, 6.898) && close(borders.lower, -4.604), "{borders:?}");
        let (failure, success) = borders.steps[usize::from(Borders::step(0.03))];
        assert!(close(failure, 2.12) && close(success, -0.257));
        assert_eq!(borders.steps[0], borders.steps[2], "less than the least usual share is that share");
    }

    #[test]
    fn four_failures_in_a_row_flag_when_they_are_in_three_domains_and_not_in_one() {
        let mut wide = Customer::new();
        (0..4).for_each(|number| wide.fails(number, number));
        assert!(wide.flagged(Rule::FailureTest));
        let mut narrow = Customer::new();
        (0..9).for_each(|number| narrow.fails(number, 1));
        assert!(!narrow.flagged(Rule::FailureTest));
        narrow.fails(9, 1);
        assert!(narrow.flagged(Rule::FailureTest), "ten recipients of one domain");
    }

    #[test]
    fn the_same_failed_recipient_again_is_no_other_one() {
        let mut customer = Customer::new();
        (0..200).for_each(|_| customer.fails(1, 1));
        assert!(customer.told.iter().all(|(_, reading)| !reading.holds()), "{:?}", customer.told);
    }

    #[test]
    fn a_hundred_within_an_hour_are_counted_and_slow_ones_are_not() {
        let mut customer = Customer::new();
        for number in 0..100 {
            assert!(!customer.flagged(Rule::Failures));
            customer.fails(number, 1);
        }
        assert!(customer.flagged(Rule::Failures));
        let mut slow = Customer::new();
        for number in 0..1000 {
            slow.minute += 1;
            slow.fails(number, 1);
        }
        assert!(!slow.flagged(Rule::Failures));
        slow.minute += 60;
        slow.failures.tidy(slow.minute);
        assert!(slow.failures.recent.is_empty());
    }

    #[test]
    fn a_usual_share_clears_and_one_of_a_quarter_flags() {
        for (one_in, flags) in [(100, false), (40, false), (4, true), (6, true)] {
            let mut customer = Customer::new();
            let mut flagged = false;
            for number in 1..=2000u64 {
                if number % one_in == 0 {
                    customer.fails(number, number);
                    flagged |= customer.flagged(Rule::FailureTest);
                } else {
                    customer.failures.delivered(&customer.borders);
                }
            }
            assert_eq!(flagged, flags, "one in {one_in}");
        }
    }

    #[test]
    fn a_customer_with_a_usual_share_of_eight_in_a_hundred_is_held_to_that() {
        let mut customer = Customer::new();
        customer.failures.expect(0.08);
        for number in 1..=2000u64 {
            if number % 12 == 0 {
                customer.fails(number, number);
                assert!(!customer.flagged(Rule::FailureTest));
            } else {
                customer.failures.delivered(&customer.borders);
            }
        }
    }
}
