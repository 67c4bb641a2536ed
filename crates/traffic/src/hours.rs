//! A host's hours: in its own time zone, by hour of the day and of the week, and what stands out in them.

use serde::Serialize;

use crate::host::{Host, Side, WEEK};
use crate::sprt::{Outcome, Test};

/// Hours of the night, local.
const NIGHT: std::ops::Range<usize> = 0..6;

/// Packets that a series needs before two are compared.
const COMPARED: u64 = 10;

/// When a host is active in one role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hours {
    /// Minutes east of UTC; whole hours of it are used.
    pub zone: i32,
    /// Packets by hour of the day, local.
    pub day: [u64; 24],
    /// … by day of the week, Monday first, and hour.
    #[serde(skip)]
    pub week: Box<[u64; WEEK]>,
    /// Share of the busiest hour of the day, and of the busiest three in a row.
    pub busiest: f64,
    pub busiest_three: f64,
    /// Hours of the day with a packet.
    pub active: u32,
    /// Variance by mean of the hours of the day: 1 for what comes at random, more for bursts.
    pub fano: f64,
    pub night: u64,
    /// Whether it is active around the clock ([`Outcome::Other`]) or in business hours ([`Outcome::Null`]).
    pub around_the_clock: Outcome,
}

impl Hours {
    /// `zone` is that of the host, by its country or AS, in minutes east of UTC.
    pub fn of(side: &Side, zone: i32) -> Self {
        let shift = zone.div_euclid(60).rem_euclid(WEEK as i32) as usize;
        let mut week = Box::new([0; WEEK]);
        let mut day = [0; 24];
        for (hour, packets) in side.week.iter().enumerate() {
            let local = (hour + shift) % WEEK;
            week[local] = *packets;
            day[local % 24] += packets;
        }
        let all: u64 = day.iter().sum();
        let share = |packets: u64| if all == 0 { 0.0 } else { packets as f64 / all as f64 };
        let most = day.iter().copied().max().unwrap_or(0);
        let three = (0..24).map(|hour| (0..3).map(|next| day[(hour + next) % 24]).sum()).max().unwrap_or(0);
        let night = day[NIGHT].iter().sum();
        Self {
            zone,
            day,
            week,
            busiest: share(most),
            busiest_three: share(three),
            active: day.iter().filter(|packets| **packets > 0).count() as u32,
            fano: fano(&day),
            night,
            around_the_clock: Test::ROUND_THE_CLOCK.outcome(night, all),
        }
    }
}

fn fano(hours: &[u64; 24]) -> f64 {
    let mean = hours.iter().sum::<u64>() as f64 / 24.0;
    if mean == 0.0 {
        return 0.0;
    }
    hours.iter().map(|packets| (*packets as f64 - mean).powi(2)).sum::<f64>() / 24.0 / mean
}

/// How the hours in which others talk to a host go with those in which it talks to others: the highest correlation at a
/// lag of no or one hour, over all hours of the window. `None` below ten packets in either.
pub fn lag_correlation(host: &Host) -> Option<f64> {
    let (outward, inward) = (host.client.packets(), host.server.packets());
    if outward < COMPARED || inward < COMPARED {
        return None;
    }
    let series = |side: usize| host.series.iter().flat_map(move |day| day[side]).map(|packets| packets as f64);
    let (outward, inward): (Vec<_>, Vec<_>) = (series(0).collect(), series(1).collect());
    let at_once = correlation(&inward, &outward);
    let after = correlation(&inward[..inward.len() - 1], &outward[1..]);
    Some(at_once.max(after))
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        both += (a - mean_a) * (b - mean_b);
        of_a += (a - mean_a).powi(2);
        of_b += (b - mean_b).powi(2);
    }
    if of_a * of_b == 0.0 { 0.0 } else { both / (of_a * of_b).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_zone_over_the_border_of_the_week_too() {
        let mut side = Side::default();
        side.week[0] = 5; // Monday 00:00 UTC
        side.week[167] = 1; // Sunday 23:00 UTC
        let there = Hours::of(&side, -120);
        assert_eq!((there.day[22], there.day[21]), (5, 1));
        assert_eq!((there.week[166], there.week[165]), (5, 1));
        let india = Hours::of(&side, 330);
        assert_eq!((india.day[5], india.day[4], india.night), (5, 1, 6));
        assert_eq!((india.active, india.busiest), (2, 5.0 / 6.0));
    }

    #[test]
    fn a_flat_day_is_around_the_clock_and_a_business_day_is_not() {
        let (mut flat, mut business) = (Side::default(), Side::default());
        for hour in 0..24 {
            flat.week[hour] = 10;
            business.week[hour] = if (8..18).contains(&hour) { 20 } else { 1 };
        }
        assert_eq!(Hours::of(&flat, 0).around_the_clock, Outcome::Other);
        assert_eq!(Hours::of(&business, 0).around_the_clock, Outcome::Null);
        assert_eq!(Hours::of(&Side::default(), 0).around_the_clock, Outcome::Open);
        assert_eq!(Hours::of(&flat, 0).fano, 0.0);
    }
}
