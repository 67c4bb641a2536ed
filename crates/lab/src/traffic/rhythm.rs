//! When hosts are active: hours of the day and days of the week, where they are.

use crate::chance::Chance;

/// How much is done in each hour of a day, in parts of whatever the sum is.
type Hours = [u8; 24];

const OFFICE: Hours = [1, 0, 0, 0, 0, 1, 2, 6, 12, 16, 17, 14, 10, 12, 16, 15, 12, 8, 4, 2, 2, 2, 1, 1];
const EVENING: Hours = [2, 1, 0, 0, 0, 0, 1, 3, 4, 4, 4, 5, 6, 5, 5, 6, 7, 9, 12, 14, 14, 12, 8, 4];
/// Mail of others comes at all hours, and more of it by day.
const STEADY: Hours = [4, 3, 3, 3, 3, 4, 5, 7, 9, 11, 11, 10, 9, 10, 11, 11, 10, 9, 8, 7, 7, 6, 6, 5];

const fn sum(hours: &Hours) -> f32 {
    let (mut sum, mut hour) = (0, 0);
    while hour < 24 {
        sum += hours[hour] as u32;
        hour += 1;
    }
    sum as f32
}

/// The habit of a host. Hours and days are those of its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rhythm {
    /// The same in every hour.
    Flat,
    Office,
    Evening,
    Steady,
    /// On some days all at once, in a run of a few hours. Those with the same key have the same runs.
    Runs {
        key: u32,
        /// Of hundred days, those that have a run.
        days: u8,
        /// It starts in one of these hours, and is up to so many long.
        first: u8,
        last: u8,
        longest: u8,
    },
}

impl Rhythm {
    /// The share of a day's doings in this hour of its place, counted from the midnight of a Monday.
    pub(crate) fn weight(self, hour: i64, seed: u64) -> f32 {
        let (day, of_day) = (hour.div_euclid(24), hour.rem_euclid(24) as usize);
        let is_weekend = day.rem_euclid(7) >= 5;
        let of = |hours: &Hours, weekend: f32| {
            f32::from(hours[of_day]) / sum(hours) * if is_weekend { weekend } else { 1.0 }
        };
        match self {
            Self::Flat => 1.0 / 24.0,
            Self::Office => of(&OFFICE, 0.12),
            Self::Evening => of(&EVENING, 1.15),
            Self::Steady => of(&STEADY, 0.7),
            Self::Runs { key, days, first, last, longest } => {
                let mut chance = Chance::of(seed, "run", u64::from(key) << 16 | day.rem_euclid(1 << 16) as u64);
                if chance.below(100) >= usize::from(days) {
                    return 0.0;
                }
                let begin = chance.within(usize::from(first), usize::from(last));
                let length = chance.within(1, usize::from(longest)).min(24 - begin.min(23));
                if (begin..begin + length).contains(&of_day) { 1.0 / length as f32 } else { 0.0 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_the_week_has_all_that_is_done_in_a_day() {
        for rhythm in [Rhythm::Flat, Rhythm::Office, Rhythm::Evening, Rhythm::Steady] {
            let sum: f32 = (24..48).map(|hour| rhythm.weight(hour, 1)).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{rhythm:?}");
        }
        let runs = Rhythm::Runs { key: 3, days: 50, first: 1, last: 4, longest: 3 };
        let days: Vec<f32> =
            (0..200).map(|day| (day * 24..day * 24 + 24).map(|hour| runs.weight(hour, 1)).sum()).collect();
        let with_run = days.iter().filter(|sum| (**sum - 1.0).abs() < 1e-4).count();
        assert!((70..130).contains(&with_run) && days.iter().all(|sum| *sum < 1.01));
        assert!((0..4800).all(|hour| runs.weight(hour, 1) == 0.0 || (1..7).contains(&(hour % 24))));
    }
}
