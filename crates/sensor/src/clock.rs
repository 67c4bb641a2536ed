//! The time of day, and what the kernel knows of its error.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use evidence::{Clock, Time};

/// How old a reading of the clock's error may be.
const READ_EVERY: Duration = Duration::from_secs(16);

/// The present instant.
pub fn now() -> Time {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
        Err(before) => Time::from_micros(-i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX)),
    }
}

/// The time within one connection: the time of day at its accept, and from then on time that never goes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    began: Time,
    started: Instant,
}

impl Stopwatch {
    pub(crate) fn start(began: Time) -> Self {
        Self { began, started: Instant::now() }
    }

    pub(crate) fn now(&self) -> Time {
        self.began + self.started.elapsed()
    }

    /// When an instant of this connection comes, on the timers' clock.
    pub(crate) fn instant(&self, time: Time) -> tokio::time::Instant {
        (self.started + time.since(self.began)).into()
    }
}

/// The state of the clock, at most [`READ_EVERY`] old.
pub(crate) fn state() -> Clock {
    static LAST: Mutex<Option<(Instant, Clock)>> = Mutex::new(None);
    let Ok(mut last) = LAST.lock() else { return read() };
    match *last {
        Some((at, clock)) if at.elapsed() < READ_EVERY => clock,
        _ => {
            let clock = read();
            *last = Some((Instant::now(), clock));
            clock
        }
    }
}

/// Asks the kernel (`adjtimex(2)`), changing nothing.
fn read() -> Clock {
    // SAFETY: a zeroed `timex` is valid, and with `modes` zero the call only writes to it.
    let (answer, timex) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex)
    };
    let nanoseconds = timex.status & libc::STA_NANO != 0;
    let offset_us = if nanoseconds { timex.offset / 1000 } else { timex.offset };
    let synchronised = answer >= 0 && answer != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0;
    let uncertainty_us = synchronised.then(|| u64::try_from(timex.maxerror).ok()).flatten();
    Clock { offset_us, uncertainty_us }
}
