//! Which instant a stamp means: the year that classic syslog leaves out, and the zone that the machine's clock is in.
//!
//! It reads no clock: an instant near the end of the input, and the zone, are given.

use evidence::Time;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::stamp::{DAY, Stamp, days};

/// Years around the instant of the line before in which a date without year is looked for; the nearest is taken. So a log
/// with a gap of more than half a year gets a year that is too near. The 29th of February is in one of any eight years.
const YEARS: i64 = 8;

/// No two instants of the same date are nearer than two of these.
const HALF_YEAR: i64 = 182 * DAY;

/// The first line may be this much later than the instant given: clocks differ.
const SLACK: i64 = DAY;

/// The grain in which the zone's offset is asked for again: offsets change at quarters of an hour.
const GRAIN: i64 = 15 * 60 * 1_000_000;

/// Stamps to instants, in the order of the lines.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    zone: TimeZone,
    /// The instant of the line before; before the first, the one that was given.
    near: Time,
    /// Whether a line has been seen.
    started: bool,
    /// Month and day that were asked for last, and their midnight in the machine's zone.
    day: (u8, u8, i64),
    /// The quarter of an hour that was asked for last, and its offset to UTC.
    offset: (i64, i64),
    /// The same, the other way: of a quarter in UTC.
    shown: (i64, i64),
}

impl Calendar {
    /// The instant of the line before, when there was one: where another calendar goes on.
    pub(crate) fn before(&self) -> Option<Time> {
        self.started.then_some(self.near)
    }

    /// Goes on after a line of this instant.
    pub(crate) fn go_on(&mut self, before: Time) {
        (self.near, self.started) = (before, true);
    }

    /// `near` is an instant at or after the last line of the input: when the file was last written, or now.
    pub(crate) fn new(zone: TimeZone, near: Time) -> Self {
        Self { zone, near, started: false, day: (0, 0, 0), offset: (i64::MIN, 0), shown: (i64::MIN, 0) }
    }

    /// The instant of a line; one without a stamp has the instant of the line before.
    pub(crate) fn instant(&mut self, stamp: Stamp) -> Time {
        let time = match stamp {
            Stamp::Known(time) => time,
            Stamp::Local(local) => self.in_zone(local),
            Stamp::Yearless { month, day, micros } => {
                let midnight = self.midnight(month, day, micros);
                self.in_zone(midnight + micros)
            }
            Stamp::Absent => return self.near,
        };
        self.near = time;
        self.started = true;
        time
    }

    fn midnight(&mut self, month: u8, day: u8, micros: i64) -> i64 {
        let near = self.near.micros();
        // It is the nearest still, unless a line between had a year far from it.
        if self.started && (month, day) == (self.day.0, self.day.1) && (self.day.2 + micros - near).abs() < HALF_YEAR {
            return self.day.2;
        }
        let year = near.div_euclid(DAY) / 365 + 1970;
        let midnights = (year - YEARS..=year + YEARS).filter_map(|year| days(year, u32::from(month), u32::from(day)));
        let mut midnights = midnights.map(|days| days * DAY);
        let midnight = if self.started {
            midnights.min_by_key(|midnight| (midnight + micros - near).abs())
        } else {
            midnights.rfind(|midnight| midnight + micros <= near + SLACK)
        };
        // A day that does not exist (31 April) is taken for that of the line before.
        let Some(midnight) = midnight else { return near.div_euclid(DAY) * DAY };
        self.day = (month, day, midnight);
        midnight
    }

    /// What a clock in the machine's zone shows at an instant: microseconds since 1970 as if it were UTC.
    pub(crate) fn local(&mut self, at: Time) -> Time {
        let quarter = at.micros().div_euclid(GRAIN);
        if quarter != self.shown.0 {
            let instant = jiff::Timestamp::from_microsecond(quarter * GRAIN);
            let offset = instant.map_or(0, |instant| i64::from(self.zone.to_offset(instant).seconds()) * 1_000_000);
            self.shown = (quarter, offset);
        }
        Time::from_micros(at.micros() + self.shown.1)
    }

    fn in_zone(&mut self, local: i64) -> Time {
        let quarter = local.div_euclid(GRAIN);
        if quarter != self.offset.0 {
            self.offset = (quarter, self.offset_at(quarter * GRAIN));
        }
        Time::from_micros(local - self.offset.1)
    }

    fn offset_at(&self, local: i64) -> i64 {
        let as_utc = jiff::Timestamp::from_microsecond(local).map(|instant| TimeZone::UTC.to_datetime(instant));
        let offset = |civil: DateTime| self.zone.to_ambiguous_timestamp(civil).compatible();
        let instant = as_utc.and_then(offset).map(|instant| instant.as_microsecond());
        instant.map_or(0, |instant| local - instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::classic;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn read(calendar: &mut Calendar, line: &str) -> String {
        calendar.instant(classic(format!("{line} h").as_bytes()).unwrap().0).to_string()
    }

    #[test]
    fn a_file_written_in_january_begins_in_the_year_before() {
        let mut calendar = Calendar::new(TimeZone::UTC, time("2026-01-05T12:00:00Z"));
        assert_eq!(read(&mut calendar, "Dec 20 00:00:01"), "2025-12-20T00:00:01Z");
        assert_eq!(read(&mut calendar, "Dec 31 23:59:59"), "2025-12-31T23:59:59Z");
        assert_eq!(read(&mut calendar, "Jan  1 00:00:00"), "2026-01-01T00:00:00Z");
        assert_eq!(read(&mut calendar, "Dec 31 23:59:58"), "2025-12-31T23:59:58Z", "out of order");
        assert_eq!(read(&mut calendar, "Jan  5 11:00:00"), "2026-01-05T11:00:00Z");
    }

    #[test]
    fn a_date_is_the_nearest_to_the_line_before_also_when_that_had_another_year() {
        let mut calendar = Calendar::new(TimeZone::UTC, time("2026-11-25T00:00:00Z"));
        assert_eq!(read(&mut calendar, "Mar  2 10:00:00"), "2026-03-02T10:00:00Z");
        calendar.instant(Stamp::Known(time("2226-03-02T10:00:01Z")));
        assert_eq!(read(&mut calendar, "Mar  2 10:00:02"), "2226-03-02T10:00:02Z");
        assert_eq!(read(&mut calendar, "Apr 31 10:00:00"), "2226-03-02T10:00:00Z");
        calendar.instant(Stamp::Known(time("2226-03-04T10:00:01Z")));
        assert_eq!(read(&mut calendar, "Apr 31 10:00:00"), "2226-03-04T10:00:00Z");
    }

    #[test]
    fn the_29th_of_february_is_in_a_leap_year() {
        let mut calendar = Calendar::new(TimeZone::UTC, time("2026-11-25T00:00:00Z"));
        assert_eq!(read(&mut calendar, "Feb 29 10:00:00"), "2024-02-29T10:00:00Z");
        assert_eq!(read(&mut calendar, "Mar  1 10:00:00"), "2024-03-01T10:00:00Z");
    }

    #[test]
    fn the_zone_of_the_machine_is_taken_off_also_when_it_changes() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut calendar = Calendar::new(zone, time("2026-11-01T00:00:00Z"));
        assert_eq!(read(&mut calendar, "Oct 25 01:59:59"), "2026-10-24T23:59:59Z");
        assert_eq!(read(&mut calendar, "Oct 25 03:00:00"), "2026-10-25T02:00:00Z");
        assert_eq!(calendar.instant(Stamp::Absent).to_string(), "2026-10-25T02:00:00Z");
        assert_eq!(calendar.local(time("2026-10-24T23:59:59Z")), time("2026-10-25T01:59:59Z"));
        assert_eq!(calendar.local(time("2026-10-25T02:00:00Z")), time("2026-10-25T03:00:00Z"));
    }
}
