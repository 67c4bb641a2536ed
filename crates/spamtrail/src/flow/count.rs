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

/// A decoder, and what it has counted since that was taken.
pub(super) struct Meter {
    pub(super) decoder: Decoder,
    /// Where a lake is written.
    pub(super) rows: Option<Rows>,
    /// Packets told, since the start.
    pub(super) told: u64,
    form: Form,
    day: Option<Day>,
    /// Days, or parts of them, that have ended.
    ended: Vec<Day>,
    /// When the five minutes and the day of now end.
    turns: Time,
    day_ends: Time,
    first: Option<Time>,
    last: Time,
}

/// Before the first time of all, and after the last.
const NEVER: Time = Time::from_micros(i64::MIN);
pub(super) const FOREVER: Time = Time::from_micros(i64::MAX);

impl Meter {
    pub(super) fn new(form: Form, ports: Ports, with_rows: bool) -> Self {
        Self {
            decoder: Decoder::new(ports),
            rows: with_rows.then(Rows::default),
            told: 0,
            form,
            day: None,
            ended: Vec::new(),
            turns: NEVER,
            day_ends: NEVER,
            first: None,
            last: NEVER,
        }
    }

    /// Hears of the stamp of a datagram, before it is read: whether it is the first of its five minutes. A stamp that goes back
    /// is counted in the day that is counted now.
    pub(super) fn turns(&mut self, at: Time) -> bool {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(at);
        if at < self.turns {
            return false;
        }
        self.turns = at.five_minutes() + evidence::FIVE_MINUTES;
        if at >= self.day_ends {
            self.day_ends = at.day() + DAY;
            self.ended.extend(self.day.take());
            self.day = Some(self.form.day(Date::of(at)));
        }
        true
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

    /// Days that have ended, and with `all` the one that has not: counting goes on with nothing.
    pub(super) fn take_days(&mut self, all: bool) -> Vec<Day> {
        let mut days = std::mem::take(&mut self.ended);
        if all && let Some(day) = &mut self.day {
            let new = self.form.day(day.date());
            days.push(std::mem::replace(day, new));
        }
        days.retain(|day| day.totals() != Totals::default());
        days
    }

    /// The packets of what was not taken.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.ended.iter().chain(&self.day).for_each(|day| totals.merge(&day.totals()));
        totals
    }

    /// The newest stamp.
    pub(super) fn last(&self) -> Time {
        self.last
    }

    /// From the first stamp to the last; `None` where there was none.
    pub(super) fn window(&self) -> Option<Window> {
        Some(Window { from: self.first?, until: self.last })
    }
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

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
