//! Instants and intervals: UTC, microseconds, given by the caller. Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use minicbor::{Decode, Encode};

/// A quarter of an hour: the grain of the statistics.
pub const QUARTER: Duration = Duration::from_secs(15 * 60);

/// The grain of sampled traffic.
pub const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);

/// An instant in UTC, in microseconds since 1970-01-01T00:00:00Z.
///
/// Written and read as RFC 3339 (`2026-11-23T20:44:05.123456Z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Time(#[n(0)] i64);

impl Time {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The start of the quarter of an hour that holds this instant.
    pub const fn quarter(self) -> Self {
        let quarter = QUARTER.as_micros() as i64;
        Self(self.0.div_euclid(quarter) * quarter)
    }

    /// The start of the five minutes that hold this instant.
    pub const fn five_minutes(self) -> Self {
        let five = FIVE_MINUTES.as_micros() as i64;
        Self(self.0.div_euclid(five) * five)
    }

    /// The start of the UTC day that holds this instant.
    pub const fn day(self) -> Self {
        let day = 86_400_000_000;
        Self(self.0.div_euclid(day) * day)
    }

    /// How long after `earlier` this instant is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// What a person typed: RFC 3339, a date (`2026-11-01`), a date and a time taken as UTC (`2026-11-01T21:45`), `now`,
    /// or a span before now (`7d`).
    pub fn parse(text: &str, now: Time) -> Result<Self, InvalidTime> {
        let text = text.trim();
        if text == "now" {
            return Ok(now);
        }
        if let Ok(span) = text.parse::<Span>() {
            return Ok(now - span.0);
        }
        text.parse()
    }

    fn civil(self) -> Option<DateTime> {
        let timestamp = jiff::Timestamp::from_microsecond(self.0).ok()?;
        Some(TimeZone::UTC.to_datetime(timestamp))
    }

    fn from_civil(civil: DateTime) -> Option<Self> {
        Some(Self(TimeZone::UTC.to_timestamp(civil).ok()?.as_microsecond()))
    }

    /// `2010-05-17 (21h30)`, as the SpamPots pages wrote it; with seconds when they are not zero.
    pub fn to_page(self) -> String {
        let Some(civil) = self.civil() else { return self.to_string() };
        let seconds = if civil.second() == 0 { String::new() } else { format!("m{:02}s", civil.second()) };
        format!("{} ({:02}h{:02}{})", civil.date(), civil.hour(), civil.minute(), seconds)
    }

    /// `21:30`, for the axis of a chart.
    pub fn to_clock(self) -> String {
        self.civil().map_or_else(|| self.to_string(), |civil| format!("{:02}:{:02}", civil.hour(), civil.minute()))
    }

    /// `Mon, 17 May 2010 21:30:00 GMT`, as HTTP writes it (RFC 9110, section 5.6.7).
    pub fn to_http(self) -> String {
        let Some(civil) = self.civil() else { return self.to_string() };
        civil.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// `2026/11/23/2030`: the place of a quarter of an hour in a tree of files.
    pub fn to_path(self) -> String {
        let Some(civil) = self.civil() else { return "out-of-range".to_owned() };
        let date = civil.date();
        format!("{:04}/{:02}/{:02}/{:02}{:02}", date.year(), date.month(), date.day(), civil.hour(), civil.minute())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => fmt::Display::fmt(&timestamp, f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
            return Ok(Self(timestamp.as_microsecond()));
        }
        let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(DateTime::from));
        civil.ok().and_then(Self::from_civil).ok_or_else(|| InvalidTime(text.to_owned()))
    }
}

impl std::ops::Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// A text that names no instant or span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time: write 2026-11-01, 2026-11-01T21:45:00Z, or a span such as 15m, 7d")]
pub struct InvalidTime(pub String);

/// A length of time as people write it: `90s`, `15m`, `1h`, `7d`, `2w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const UNITS: [(&str, u64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl FromStr for Span {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let invalid = || InvalidTime(text.to_owned());
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &text[digits.len()..];
        let seconds = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?.1;
        let count: u64 = digits.parse().map_err(|_| invalid())?;
        // Ten thousand years: beyond it no instant could be named.
        let span =
            count.checked_mul(seconds).filter(|span| (1..=315_360_000_000).contains(span)).ok_or_else(invalid)?;
        Ok(Self(Duration::from_secs(span)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (name, unit) = UNITS.iter().find(|(_, unit)| seconds.is_multiple_of(*unit)).unwrap_or(&("s", 1));
        write!(f, "{}{name}", seconds / unit)
    }
}

/// A half-open interval: `from` belongs to it, `until` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub from: Time,
    pub until: Time,
}

impl Window {
    /// The window of this length that ends at `until`.
    pub fn ending(until: Time, span: Span) -> Self {
        Self { from: until - span.0, until }
    }

    pub fn contains(&self, time: Time) -> bool {
        self.from <= time && time < self.until
    }

    pub fn length(&self) -> Duration {
        self.until.since(self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_is_read_back_as_written() {
        let written = time("2010-05-17T21:30:00.000001Z");
        assert_eq!(written.to_string(), "2010-05-17T21:30:00.000001Z");
        assert_eq!(time(&written.to_string()), written);
        assert_eq!(time("2010-05-17T23:30:00.000001+02:00"), written);
    }

    #[test]
    fn people_may_write_dates_clocks_and_spans() {
        let now = time("2026-11-23T20:44:05Z");
        assert_eq!(Time::parse("2026-11-01", now), Ok(time("2026-11-01T00:00:00Z")));
        assert_eq!(Time::parse("2026-11-01T21:45", now), Ok(time("2026-11-01T21:45:00Z")));
        assert_eq!(Time::parse("2026-11-01 21:45", now), Ok(time("2026-11-01T21:45:00Z")));
        assert_eq!(Time::parse("7d", now), Ok(time("2026-11-16T20:44:05Z")));
        assert_eq!(Time::parse("now", now), Ok(now));
        for wrong in ["", "yesterday", "7", "d", "-1d", "2026-13-01", "99999999999999999999d"] {
            assert!(Time::parse(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_span_is_printed_in_its_largest_whole_unit() {
        for text in ["15m", "90s", "1h", "7d", "2w", "25h"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string(), if text == "7d" { "1w" } else { text });
        }
    }

    #[test]
    fn http_writes_the_day_of_the_week() {
        assert_eq!(time("2010-05-17T21:30:07.5Z").to_http(), "Mon, 17 May 2010 21:30:07 GMT");
    }

    #[test]
    fn quarters_start_at_0_15_30_and_45_also_before_1970() {
        assert_eq!(time("2010-05-17T21:44:59.999999Z").quarter(), time("2010-05-17T21:30:00Z"));
        assert_eq!(time("1969-12-31T23:59:59Z").quarter(), time("1969-12-31T23:45:00Z"));
    }

    #[test]
    fn the_page_writes_times_as_the_original_did() {
        assert_eq!(time("2010-05-17T21:30:00Z").to_page(), "2010-05-17 (21h30)");
        assert_eq!(time("2010-05-17T21:30:07Z").to_page(), "2010-05-17 (21h30m07s)");
    }
}
