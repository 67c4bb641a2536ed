//! From what was counted to the lake: rows of five minutes, and of days what hosts most likely are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use evidence::Time;
use lake::TrafficRows;
use origin::Atlas;
use sflow::Decoder;
use traffic::{Class, Date, Day, Ledger, SAMPLES, Slot, Told, verdict_row};

use super::count::Days;
use super::gauge::{Gauge, Received};
use super::judged;
use super::report::Judged;
use super::store::Store;

/// Days under way, and where they are kept.
pub(super) struct Keeper {
    pub(super) store: Store,
    pub(super) days: Days,
    pub(super) atlas: Arc<Atlas>,
    gauge: Gauge,
    /// Of hosts of a day, the classes that were told.
    told: HashMap<IpAddr, Option<Class>>,
    told_of: Date,
}

impl Keeper {
    pub(super) fn new(store: Store, atlas: Arc<Atlas>) -> anyhow::Result<Self> {
        let days = Days::new(store.ledger()?);
        Ok(Self { store, days, atlas, gauge: Gauge::default(), told: HashMap::new(), told_of: Date::default() })
    }

    /// Five minutes that began then have ended: how complete they were.
    pub(super) fn cover(&mut self, at: Time, decoders: &[&Decoder], received: Received) {
        let coverage = self.gauge.rows(decoders, at, received, sensor::now());
        self.store.add(TrafficRows { coverage, ..TrafficRows::default() });
    }

    /// Rows of five minutes.
    pub(super) fn take_slots(&mut self, slots: Vec<Slot>) {
        for Slot { hosts, ases } in slots {
            self.store.add(TrafficRows { hosts, ases, ..TrafficRows::default() });
        }
    }

    /// Days, or parts of them, oldest first. A day ends when there is something of the next.
    pub(super) fn take_days(&mut self, days: impl IntoIterator<Item = Day>) {
        for day in days {
            // Somebody was late: the day has ended, and is not told again.
            if self.days.today.as_ref().is_some_and(|today| today.date() > day.date()) {
                self.days.add_late(day);
                continue;
            }
            if self.days.today.as_ref().is_some_and(|today| today.date() != day.date()) {
                self.end_day(day.date().start());
            }
            self.days.add(day);
        }
    }

    /// The day ends, at this time or before it: what its hosts are is told in full.
    pub(super) fn end_day(&mut self, at: Time) {
        let Some(date) = self.days.today.as_ref().map(Day::date) else { return };
        self.days.end();
        let last = Date(date.0.saturating_add(1)).start() - Duration::from_micros(1);
        let ledger = std::mem::take(&mut self.days.ledger);
        self.tell(&ledger, date, at.min(last), |_| true);
        self.days.ledger = ledger;
    }

    /// In the middle of a day: of which hosts the class has changed since it was told.
    pub(super) fn tell_changes(&mut self, told_at: Time) {
        let Some(date) = self.days.today.as_ref().map(Day::date) else { return };
        let told = if self.told_of == date { std::mem::take(&mut self.told) } else { HashMap::new() };
        let ledger = self.days.so_far();
        self.tell(&ledger, date, told_at, |judged| {
            told.get(&judged.host.address).copied().flatten() != judged.verdict.class
        });
        for (address, class) in told {
            self.told.entry(address).or_insert(class);
        }
    }

    /// What hosts of the day are, of those that enough was seen of and that are news.
    fn tell(&mut self, ledger: &Ledger, date: Date, at: Time, is_news: impl Fn(&Judged) -> bool) {
        let told = Told { at, day: date.start(), rate: ledger.totals().smtp.rate().unwrap_or(1.0) };
        let atlas = Arc::clone(&self.atlas);
        let lookup = |address| atlas.lookup(address, at);
        let mut verdicts = Vec::new();
        self.told.clear();
        self.told_of = date;
        for judged in judged(ledger, &lookup) {
            let is_seen = judged.features.sent + judged.features.answered >= SAMPLES;
            if judged.host.last_seen() == date && (is_seen || judged.verdict.class.is_some()) && is_news(&judged) {
                let Judged { host, origin, features, verdict } = judged;
                self.told.insert(host.address, verdict.class);
                verdicts.push(verdict_row(told, &host, origin, &features, &verdict));
            }
        }
        self.store.add(TrafficRows { verdicts, ..TrafficRows::default() });
    }

    /// What waits goes to the lake, and what was learned is kept, with the day so far.
    pub(super) async fn keep(&mut self) -> anyhow::Result<()> {
        let ledger = self.days.so_far();
        self.store.keep(&ledger, sensor::now()).await
    }
}
