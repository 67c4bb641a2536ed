//! How much work findings are for a desk: the staff that a steady state needs, and the time that a backlog takes.
//!
//! A queue, day by day: so many cases come (Poisson), each takes its time (log-normal), the desk works its hours. Runs are
//! repeated with chances from a seed, so that the same question has the same answer, with an interval.

/// The work of a desk. Every value is usable: what would make no sense is refused by [`Load::new`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    arrivals_per_day: f64,
    minutes_per_case: f64,
    spread: f64,
    backlog: u32,
}

/// Why a load makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "arrivals, minutes and spread must be numbers from 0 on; at most {MOST_ARRIVALS} arrivals a day, {MOST_BACKLOG} cases"
)]
pub struct NoLoad;

/// Cases of a day at most: beyond, a simulation would take long and tell nothing.
pub const MOST_ARRIVALS: u32 = 100_000;

/// Cases that wait at the beginning, at most.
pub const MOST_BACKLOG: u32 = 1_000_000;

/// Days after which a run ends, whether the backlog is gone or not.
pub const LONGEST: usize = 3650;

/// Days of a steady state that staff is judged by.
const STEADY: usize = 250;

/// A number of a simulation: the median of the runs, and the range in which nine of ten lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    /// `None` of nothing.
    fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let at = |share: f64| numbers.get((share * (numbers.len().checked_sub(1)? as f64)).round() as usize).copied();
        Some(Self { median: at(0.5)?, low: at(0.05)?, high: at(0.95)? })
    }
}

impl Load {
    /// `spread` is the standard deviation of the logarithm of a case's minutes: 0 when all are alike, 0.8 when one in ten
    /// takes three times the usual.
    pub fn new(arrivals_per_day: f64, minutes_per_case: f64, spread: f64, backlog: u32) -> Result<Self, NoLoad> {
        let is_number = |number: f64| number.is_finite() && number >= 0.0;
        let is_usable = is_number(arrivals_per_day)
            && arrivals_per_day <= f64::from(MOST_ARRIVALS)
            && is_number(minutes_per_case)
            && is_number(spread)
            && spread <= 3.0
            && backlog <= MOST_BACKLOG;
        if is_usable { Ok(Self { arrivals_per_day, minutes_per_case, spread, backlog }) } else { Err(NoLoad) }
    }

    /// Minutes of work that come on a day, on average.
    pub fn minutes_per_day(&self) -> f64 {
        self.arrivals_per_day * self.minutes_per_case
    }

    /// The least staff with which the backlog ends a year of work days no greater than one day's arrivals, in nine of ten
    /// runs. One person works `minutes` on cases each day; `None` when that is no time, or a thousand are not enough.
    pub fn staff(&self, minutes: f64, seed: u64) -> Option<u32> {
        if minutes.is_nan() || minutes <= 0.0 {
            return None;
        }
        let steady = Self { backlog: 0, ..*self };
        let enough = |staff: u32| {
            let ends =
                |run: u64| steady.run(f64::from(staff) * minutes, STEADY, Chance::new(seed, run)).last().copied();
            let good = (0..20).filter_map(ends).filter(|left| *left <= self.minutes_per_day().max(minutes)).count();
            good >= 18
        };
        let least = (self.minutes_per_day() / minutes).floor().max(0.0) as u32;
        (least.max(1)..=1000).take(20).find(|staff| enough(*staff))
    }

    /// Days until the backlog is gone; runs in which it is not gone within [`LONGEST`] count as that. `minutes` is the
    /// work of the whole desk in a day.
    pub fn days_to_clear(&self, minutes: f64, runs: u32, seed: u64) -> Option<Estimate> {
        let days = |run: u64| {
            let left = self.run(minutes, LONGEST, Chance::new(seed, run));
            left.iter().position(|left| *left <= 0.0).map_or(LONGEST, |day| day + 1) as f64
        };
        Estimate::of((0..u64::from(runs)).map(days).collect())
    }

    /// The backlog at the end of each of so many days, in cases of the usual length.
    pub fn backlog(&self, minutes: f64, days: usize, runs: u32, seed: u64) -> Vec<Estimate> {
        let per_case = self.minutes_per_case.max(f64::MIN_POSITIVE);
        let all: Vec<Vec<f64>> = (0..u64::from(runs))
            .map(|run| self.steps(minutes, days.min(LONGEST), Chance::new(seed, run), false))
            .collect();
        let of_day = |day: usize| Estimate::of(all.iter().map(|run| run[day] / per_case).collect());
        (0..days.min(LONGEST)).filter_map(of_day).collect()
    }

    /// Minutes of work left at the end of each day, until there are none.
    fn run(&self, minutes: f64, days: usize, chance: Chance) -> Vec<f64> {
        self.steps(minutes, days, chance, self.backlog > 0)
    }

    fn steps(&self, minutes: f64, days: usize, mut chance: Chance, stops: bool) -> Vec<f64> {
        let mut left: f64 = (0..self.backlog).map(|_| self.minutes(&mut chance)).sum();
        let mut ends = Vec::with_capacity(days);
        for _ in 0..days {
            let arrivals = chance.poisson(self.arrivals_per_day);
            left += (0..arrivals).map(|_| self.minutes(&mut chance)).sum::<f64>();
            left = (left - minutes.max(0.0)).max(0.0);
            ends.push(left);
            if stops && left <= 0.0 {
                break;
            }
        }
        ends
    }

    /// The minutes of one case; on average those of the load.
    fn minutes(&self, chance: &mut Chance) -> f64 {
        self.minutes_per_case * (self.spread * chance.normal() - self.spread * self.spread / 2.0).exp()
    }
}

/// Chances from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn new(seed: u64, run: u64) -> Self {
        Self(seed ^ (run + 1).wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Within (0, 1).
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Exact for few; for many the normal distribution that comes near.
    fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u32;
        }
        let (mut product, mut count) = (self.unit(), 0);
        while product > (-mean).exp() {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_have_the_means_that_they_should() {
        let mut chance = Chance::new(1, 1);
        for mean in [0.0, 0.5, 10.0, 200.0] {
            let sum: f64 = (0..4000).map(|_| f64::from(chance.poisson(mean))).sum();
            assert!((sum / 4000.0 - mean).abs() < 0.05 * mean + 0.01, "{mean}");
        }
        let load = Load::new(1.0, 30.0, 0.8, 0).unwrap();
        let sum: f64 = (0..20_000).map(|_| load.minutes(&mut chance)).sum();
        assert!((sum / 20_000.0 - 30.0).abs() < 1.0);
    }

    #[test]
    fn ten_customers_a_day_of_half_an_hour_need_one_person_and_a_bit() {
        let load = Load::new(10.0, 30.0, 0.8, 0).unwrap();
        assert_eq!(load.staff(360.0, 1), Some(1));
        assert_eq!(load.staff(300.0, 1), Some(2), "exactly enough on average is not enough");
        // Many who work half an hour each: ten are exactly enough on average.
        assert!((11..=14).contains(&load.staff(30.0, 1).unwrap()));
        assert_eq!(load.staff(0.0, 1), None);
    }

    #[test]
    fn a_backlog_goes_with_what_is_left_of_the_day() {
        let load = Load::new(10.0, 30.0, 0.8, 300).unwrap();
        let cleared = load.days_to_clear(600.0, 100, 7).unwrap();
        assert!((25.0..36.0).contains(&cleared.median), "{cleared:?}");
        assert!(cleared.low < cleared.median && cleared.median < cleared.high);
        assert_eq!(load.days_to_clear(600.0, 100, 7), Some(cleared), "the same seed");
        assert_eq!(load.days_to_clear(200.0, 3, 7).unwrap().median, LONGEST as f64);
        assert_eq!(load.days_to_clear(600.0, 0, 7), None);
    }

    #[test]
    fn the_backlog_of_each_day_is_told_with_its_range() {
        let days = Load::new(10.0, 30.0, 0.8, 100).unwrap().backlog(400.0, 30, 50, 3);
        assert_eq!(days.len(), 30);
        assert!((90.0..105.0).contains(&days[0].median) && days[29].median < days[0].median);
    }

    #[test]
    fn a_load_that_makes_no_sense_is_refused() {
        for (arrivals, minutes, spread) in
            [(-1.0, 1.0, 1.0), (f64::NAN, 1.0, 1.0), (1.0, f64::INFINITY, 1.0), (1.0, 1.0, 9.0)]
        {
            assert_eq!(Load::new(arrivals, minutes, spread, 0), Err(NoLoad));
        }
    }
}
