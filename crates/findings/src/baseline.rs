//! What is usual: for a customer, learned from days without abuse; for the site, the median of its customers.

use minicbor::{Decode, Encode};

use crate::window::Volume;

/// What is usual for one customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Usual {
    /// Days that were learned from.
    #[n(0)]
    days: u32,
    /// Recipients of a day, smoothed.
    #[n(1)]
    recipients: f32,
    /// Most strangers of a day, fading.
    #[n(2)]
    most_strangers: f32,
    /// Recipients that were told of, and failed, fading.
    #[n(3)]
    answered: f32,
    #[n(4)]
    failed: f32,
    /// Most recipients of the null sender in domains never written to, fading.
    #[n(5)]
    most_null_strangers: f32,
}

/// Weight of the newest day.
const NEWEST: f32 = 1.0 / 7.0;

/// What is left, after a further day of mail, of the most strangers and of counts: half of it after three weeks.
const LEFT: f32 = 0.967;

/// Recipients that must have been told of before a customer has a usual share of failures of its own.
const ANSWERED: f32 = 200.0;

impl Usual {
    /// Learns a day without abuse.
    pub(crate) fn learn(&mut self, day: &Volume) {
        let newest = if self.days == 0 { 1.0 } else { NEWEST.max(1.0 / (self.days + 1) as f32) };
        self.recipients += newest * (day.recipients as f32 - self.recipients);
        self.most_strangers = (self.most_strangers * LEFT).max(day.strangers as f32);
        self.most_null_strangers = (self.most_null_strangers * LEFT).max(day.null_strangers as f32);
        self.answered = self.answered * LEFT + day.answered as f32;
        self.failed = self.failed * LEFT + day.failed as f32;
        self.days = self.days.saturating_add(1);
    }

    /// Days with mail that were learned from.
    pub fn days(&self) -> u32 {
        self.days
    }

    /// Recipients of a usual day.
    pub fn recipients(&self) -> f32 {
        self.recipients
    }

    /// Most strangers of a usual day.
    pub fn most_strangers(&self) -> f32 {
        self.most_strangers
    }

    /// Most recipients of the null sender in domains never written to, of a usual day.
    pub(crate) fn most_null_strangers(&self) -> f32 {
        self.most_null_strangers
    }

    /// The usual share of failures; `None` before enough is known.
    pub fn failure_share(&self) -> Option<f64> {
        (self.answered >= ANSWERED).then(|| f64::from(self.failed / self.answered))
    }
}

/// Shares of failures are told apart in steps of one in two hundred, up to a half.
const BINS: usize = 101;

/// What is left after each day of the site's memory.
const SITE_LEFT: f32 = 0.8;

/// What is usual for the site: of the days of its customers, the median share of failures.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct SiteUsual {
    #[n(0)]
    bins: Vec<f32>,
    #[n(1)]
    day: u32,
    /// The first hour that was seen.
    #[n(2)]
    began: u32,
    #[n(3)]
    median: f64,
    /// Recipients and listings, fading.
    #[n(4)]
    recipients: f64,
    #[n(5)]
    listed: f64,
}

impl Default for SiteUsual {
    fn default() -> Self {
        Self { bins: vec![0.0; BINS], day: 0, began: 0, median: 0.0, recipients: 0.0, listed: 0.0 }
    }
}

/// Recipients that a customer's day must have to count for the site.
const COUNTS_FROM: u32 = 10;

/// Customers' days that a median needs; before, the least usual share holds.
const MEDIAN_FROM: f32 = 30.0;

impl SiteUsual {
    /// The day of the log goes on.
    pub(crate) fn begin(&mut self, hour: u32) {
        if self.began == 0 {
            self.began = hour;
        }
        let day = hour / 24;
        if day <= self.day {
            return;
        }
        self.day = day;
        let count: f32 = self.bins.iter().sum();
        let mut below = 0.0;
        let is_half = |weight: &f32| {
            below += weight;
            below * 2.0 >= count
        };
        let middle = self.bins.iter().position(is_half).unwrap_or(0);
        self.median = if count < MEDIAN_FROM { 0.0 } else { middle as f64 / 200.0 };
        self.bins.iter_mut().for_each(|bin| *bin *= SITE_LEFT);
        self.recipients *= f64::from(SITE_LEFT);
        self.listed *= f64::from(SITE_LEFT);
    }

    /// A day of one customer.
    pub(crate) fn learn(&mut self, day: &Volume) {
        if day.answered >= COUNTS_FROM {
            let bin = (day.failure_share() * 200.0).round() as usize;
            if let Some(bin) = self.bins.get_mut(bin.min(BINS - 1)) {
                *bin += 1.0;
            }
        }
    }

    pub(crate) fn recipient(&mut self, listed: bool) {
        self.recipients += 1.0;
        self.listed += f64::from(u8::from(listed));
    }

    /// The share of mail that meets a block list.
    pub(crate) fn listed_share(&self) -> f64 {
        self.listed / self.recipients.max(1.0)
    }

    pub(crate) fn median(&self) -> f64 {
        self.median
    }

    /// Hours for which the log has been watched.
    pub(crate) fn watched(&self, hour: u32) -> u32 {
        if self.began == 0 { 0 } else { hour.saturating_sub(self.began) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(recipients: u32, failed: u32) -> Volume {
        Volume { recipients, answered: recipients, failed, strangers: recipients / 10, ..Volume::default() }
    }

    #[test]
    fn a_usual_day_is_learned_and_a_wild_one_moves_it_little() {
        let mut usual = Usual::default();
        assert_eq!(usual.failure_share(), None);
        (0..30).for_each(|_| usual.learn(&day(100, 2)));
        assert_eq!((usual.recipients().round(), usual.most_strangers()), (100.0, 10.0));
        assert!((usual.failure_share().unwrap() - 0.02).abs() < 1e-6);
        usual.learn(&day(800, 16));
        assert_eq!((usual.recipients().round(), usual.most_strangers()), (200.0, 80.0));
        (0..60).for_each(|_| usual.learn(&day(100, 2)));
        assert!(usual.recipients() < 101.0 && usual.most_strangers() < 15.0);
    }

    #[test]
    fn the_median_of_the_site_does_not_heed_a_few_bad_customers() {
        let mut site = SiteUsual::default();
        site.begin(24 * 20_000);
        (0..29).for_each(|_| site.learn(&day(100, 4)));
        site.begin(24 * 20_001);
        assert_eq!(site.median(), 0.0, "too few");
        (0..100).for_each(|_| site.learn(&day(100, 4)));
        (0..40).for_each(|_| site.learn(&day(100, 50)));
        (0..200).for_each(|_| site.learn(&day(5, 5)));
        site.begin(24 * 20_002 + 5);
        assert_eq!(site.median(), 0.04);
        assert_eq!(site.watched(24 * 20_002), 48);
    }
}
