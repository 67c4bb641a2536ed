//! Time as the rules need it: minutes, hours and days of the logs' own time, and what to do with a clock that jumps.
//!
//! It asks no clock: time comes with what happened.

use evidence::Time;
use minicbor::{Decode, Encode};

/// Minutes, hours and days since 1970, UTC, of one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) time: Time,
    pub(crate) minute: u32,
    pub(crate) hour: u32,
    pub(crate) day: u32,
}

impl Moment {
    pub(crate) fn of(time: Time) -> Self {
        let minute = u32::try_from(time.micros().max(0) / 60_000_000).unwrap_or(u32::MAX);
        Self { time, minute, hour: minute / 60, day: minute / 1440 }
    }
}

/// Minutes by which a happening may step ahead of all before it and be believed at once. One that is further ahead is
/// believed after [`WITNESSES`] in a row that agree; until then they count at the time before.
pub const LEAP: u32 = 24 * 60;

/// Happenings in a row that make a leap of the time believed: a host with a wrong clock among right ones writes fewer.
pub const WITNESSES: u32 = 16;

/// Minutes by which a happening may be behind and still counts, as if it happened now. One further behind is left out,
/// and counted, unless the time goes back to it.
pub const LATE: u32 = 60;

/// Happenings in a row, all late, after which the time goes back: the log of another machine follows, or a clock was set
/// right. What was counted in the windows is forgotten then, what was learned is kept.
pub const LATE_WITNESSES: u32 = 1000;

/// The time of the log. It goes back only when nothing newer comes any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Clock {
    #[n(0)]
    now: Time,
    #[n(1)]
    leap: Time,
    #[n(2)]
    witnesses: u32,
    #[n(3)]
    late: u32,
    /// How often the time went back: what stands in windows of an earlier era is void.
    #[n(4)]
    era: u32,
}

impl Clock {
    pub(crate) fn now(&self) -> Moment {
        Moment::of(self.now)
    }

    pub(crate) fn era(&self) -> u32 {
        self.era
    }

    /// The moment at which a happening of this time counts; `None` when it is too late.
    pub(crate) fn hear(&mut self, at: Time) -> Option<Moment> {
        let minute = 60_000_000;
        let ahead = at.micros().saturating_sub(self.now.micros()) / minute;
        let is_late = self.now.micros() != 0 && ahead < -i64::from(LATE);
        self.late = if is_late { self.late + 1 } else { 0 };
        if self.now.micros() == 0 || (0..=i64::from(LEAP)).contains(&ahead) {
            (self.now, self.witnesses) = (self.now.max(at), 0);
        } else if ahead > 0 {
            let agrees = at.micros().abs_diff(self.leap.micros()) / minute.unsigned_abs() <= u64::from(LATE);
            (self.leap, self.witnesses) = (at, if agrees { self.witnesses + 1 } else { 1 });
            if self.witnesses >= WITNESSES {
                (self.now, self.witnesses) = (at, 0);
            }
        } else if self.late >= LATE_WITNESSES {
            (self.now, self.late, self.era) = (at, 0, self.era + 1);
        } else if is_late {
            return None;
        }
        Some(Moment::of(self.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn one_wrong_clock_does_not_move_the_time_and_many_lines_do() {
        let mut clock = Clock::default();
        clock.hear(at("2026-11-01T10:00:00Z"));
        for _ in 0..WITNESSES * 3 {
            clock.hear(at("2037-01-01T00:00:00Z"));
            clock.hear(at("2026-11-01T10:00:01Z"));
        }
        assert_eq!(clock.now().time, at("2026-11-01T10:00:01Z"));
        for second in 0..WITNESSES {
            clock.hear(at("2026-11-09T00:00:00Z") + std::time::Duration::from_secs(second.into()));
        }
        assert_eq!(clock.now().time, at("2026-11-09T00:00:15Z"));
    }

    #[test]
    fn a_little_late_counts_now_and_very_late_does_not_count() {
        let mut clock = Clock::default();
        clock.hear(at("2026-11-01T10:00:00Z"));
        assert_eq!(clock.hear(at("2026-11-01T09:00:00Z")).unwrap().time, at("2026-11-01T10:00:00Z"));
        assert_eq!(clock.hear(at("2026-11-01T08:58:00Z")), None);
        assert_eq!(clock.hear(at("2026-11-02T10:00:00Z")).unwrap().time, at("2026-11-02T10:00:00Z"));
    }

    #[test]
    fn the_log_of_another_machine_begins_a_new_era() {
        let mut clock = Clock::default();
        clock.hear(at("2026-11-09T10:00:00Z"));
        for _ in 1..LATE_WITNESSES {
            assert_eq!(clock.hear(at("2026-11-01T10:00:00Z")), None);
        }
        assert_eq!(clock.hear(at("2026-11-01T10:00:00Z")).unwrap().time, at("2026-11-01T10:00:00Z"));
        assert_eq!(clock.era(), 1);
    }
}
