//! When people write: hours of the day, days of the week.

use std::time::Duration;

use evidence::Time;

use crate::chance::Chance;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// How much is written in each hour of a day (UTC, where everybody lives), in parts of whatever the sum is.
type Hours = [u8; 24];

const OFFICE: Hours = [0, 0, 0, 0, 0, 0, 1, 4, 10, 16, 17, 14, 7, 10, 16, 15, 12, 8, 3, 1, 1, 1, 0, 0];
const EVENING: Hours = [1, 0, 0, 0, 0, 1, 2, 4, 4, 4, 4, 5, 6, 5, 4, 4, 5, 7, 9, 12, 14, 12, 7, 3];
const NIGHT: Hours = [8, 7, 5, 3, 1, 1, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 4, 5, 6, 7, 8, 9, 10, 10];

/// The habit of a customer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    hours: &'static Hours,
    /// What a day of a weekend is, compared with another.
    weekend: f64,
    /// How many hours later than others.
    shift: u64,
}

impl Rhythm {
    pub(crate) const OFFICE: Self = Self { hours: &OFFICE, weekend: 0.08, shift: 0 };

    pub(crate) fn office(chance: &mut Chance) -> Self {
        Self { weekend: chance.between(0.0, 0.2), shift: chance.below(2) as u64, ..Self::OFFICE }
    }

    pub(crate) fn private(chance: &mut Chance) -> Self {
        let hours = if chance.happens(0.15) { &NIGHT } else { &EVENING };
        Self { hours, weekend: chance.between(0.6, 1.4), shift: chance.below(3) as u64 }
    }

    /// The times of a day that has `mean` of them when it is none of a weekend.
    pub(crate) fn times(&self, day: Time, mean: f64, chance: &mut Chance) -> Vec<Time> {
        let weight = if is_weekend(day) { self.weekend } else { 1.0 };
        let mut times: Vec<_> = (0..chance.poisson(mean * weight)).map(|_| self.time(day, chance)).collect();
        times.sort_unstable();
        times
    }

    fn time(&self, day: Time, chance: &mut Chance) -> Time {
        let sum: usize = self.hours.iter().map(|part| usize::from(*part)).sum();
        let mut left = chance.below(sum);
        let mut hour = 0;
        while left >= usize::from(self.hours[hour]) {
            left -= usize::from(self.hours[hour]);
            hour += 1;
        }
        let hour = (hour as u64 + self.shift) % 24;
        day + Duration::from_secs(3600 * hour) + Duration::from_millis(chance.below(3_600_000) as u64)
    }
}

/// Days since 1970-01-01, a Thursday.
pub(crate) fn is_weekend(time: Time) -> bool {
    let days = time.micros().div_euclid(DAY.as_micros() as i64);
    matches!((days + 4).rem_euclid(7), 0 | 6)
}
