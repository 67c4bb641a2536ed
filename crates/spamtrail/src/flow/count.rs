//! Datagrams to counts: what is decoded goes into the day of its stamp, and where a lake is written into rows of five minutes.

use std::sync::Arc;

use evidence::{Time, Window};
use fingerprint::Catalogue;
use sflow::capture::Datagram;
use sflow::{Decoder, Ports, Reason};
use traffic::{Bounds, Date, Day, Ledger, Rows, Sealed, Totals};

/// How days are made: all with the same bounds and seed, so that they can be added up.
#[derive(Clone)]
pub(super) struct Form {
    seed: u64,
    catalogue: Arc<Catalogue>,
}

impl Form {
    /// The seed keeps others from choosing addresses that collide in tables; it changes no result.
    pub(super) fn new(seed: u64, catalogue: Catalogue) -> Self {
        Self { seed, catalogue: Arc::new(catalogue) }
    }

    fn day(&self, date: Date) -> Day {
        Day::new(date, Bounds::DEFAULT, self.seed, Arc::clone(&self.catalogue))
    }
}

/// The stamps of datagrams: when five minutes and days end, and from when until when they are.
#[derive(Debug)]
pub(super) struct Clock {
    five_end: Time,
    day_ends: Time,
    first: Option<Time>,
    last: Time,
}

/// What begins with a datagram. A stamp that goes back is counted in the day that is counted then.
pub(super) struct Begins {
    pub(super) five_minutes: bool,
    pub(super) day: bool,
}

/// Before the first time of all, and after the last.
const NEVER: Time = Time::from_micros(i64::MIN);
pub(super) const FOREVER: Time = Time::from_micros(i64::MAX);

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

impl Default for Clock {
    fn default() -> Self {
        Self { five_end: NEVER, day_ends: NEVER, first: None, last: NEVER }
    }
}

impl Clock {
    /// Hears of the stamp of a datagram, before it is read.
    pub(super) fn saw(&mut self, at: Time) -> Begins {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(at);
        let begins = Begins { five_minutes: at >= self.five_end, day: at >= self.day_ends };
        if begins.five_minutes {
            self.five_end = at.five_minutes() + evidence::FIVE_MINUTES;
        }
        if begins.day {
            self.day_ends = at.day() + DAY;
        }
        begins
    }

    /// From the first stamp to the last; `None` where there was none.
    pub(super) fn window(&self) -> Option<Window> {
        Some(Window { from: self.first?, until: self.last })
    }
}

/// A decoder, and what it has counted since that was taken.
pub(super) struct Meter {
    pub(super) decoder: Decoder,
    /// Where a lake is written.
    pub(super) rows: Option<Rows>,
    /// Packets told, since the start.
    pub(super) told: u64,
    form: Form,
    day: Option<Day>,
}

impl Meter {
    pub(super) fn new(form: Form, ports: Ports, with_rows: bool) -> Self {
        let rows = with_rows.then(|| Rows::new(form.seed));
        Self { decoder: Decoder::new(ports), rows, told: 0, form, day: None }
    }

    /// The day of this stamp begins; the one before it ends.
    pub(super) fn begin_day(&mut self, at: Time) -> Option<Day> {
        self.day.replace(self.form.day(Date::of(at)))
    }

    pub(super) fn read(&mut self, datagram: Datagram<'_>) {
        let Datagram { at, exporter, payload, is_short } = datagram;
        if is_short {
            self.decoder.note(exporter, Reason::UdpLength);
        }
        let Self { decoder, rows, told, day, .. } = self;
        let Some(day) = day else { return };
        decoder.read(at, exporter, payload, |seen| {
            *told += 1;
            day.take(at, seen.scale, &seen.packet);
            if let Some(rows) = rows {
                rows.take(at, seen.scale, &seen.packet);
            }
        });
    }

    /// What was counted of the day so far, if there is anything; counting goes on with nothing.
    pub(super) fn take_day(&mut self) -> Option<Day> {
        let day = self.day.as_mut().filter(|day| day.totals() != Totals::default())?;
        let new = self.form.day(day.date());
        Some(std::mem::replace(day, new))
    }

    pub(super) fn end(self) -> (Decoder, Option<Day>) {
        (self.decoder, self.day)
    }

    /// The packets of the day that were not taken.
    pub(super) fn totals(&self) -> Totals {
        self.day.as_ref().map_or_else(Totals::default, Day::totals)
    }
}

/// All days that were counted, and the one that is.
pub(super) struct Days {
    /// Of those that ended.
    pub(super) ledger: Ledger,
    /// The same without what was known before, where that is told.
    pub(super) run: Option<Ledger>,
    /// The day so far, as far as it was taken from meters.
    pub(super) today: Option<Day>,
}

impl Days {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, run: None, today: None }
    }

    /// Adds what was counted to its day. The day before it is to be ended first.
    pub(super) fn add(&mut self, day: Day) {
        match &mut self.today {
            Some(today) => today.merge(day),
            none => *none = Some(day),
        }
    }

    /// Adds to a day that has ended.
    pub(super) fn add_late(&mut self, mut day: Day) {
        self.ledger.add(Sealed::of(&mut day));
    }

    /// The day ends.
    pub(super) fn end(&mut self) {
        let Some(mut today) = self.today.take() else { return };
        let sealed = Sealed::of(&mut today);
        if let Some(run) = &mut self.run {
            run.add(sealed.clone());
        }
        self.ledger.add(sealed);
    }

    /// The ledger with the day so far, which goes on.
    pub(super) fn so_far(&mut self) -> Ledger {
        let mut ledger = self.ledger.clone();
        if let Some(today) = &mut self.today {
            ledger.add(Sealed::of(today));
        }
        ledger
    }
}
