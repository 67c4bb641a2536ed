//! Sums over a log, as `--totals` shows them: figures, hours, days, and who had the most mail.

use std::io::{self, Write};
use std::path::Path;

use evidence::{Time, shown};
use maillog::{Names, Period, Totals};
use serde_json::{Map, Value, json};

use crate::output::write_line;

/// Names of each kind that are shown, those with the most messages first. Of the others their number is told.
const SHOWN: usize = 10;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

fn figures(totals: &Totals) -> [(&'static str, u64); 15] {
    [
        ("received", totals.received.messages),
        ("received bytes", totals.received.bytes),
        ("delivered", totals.delivered.messages),
        ("delivered bytes", totals.delivered.bytes),
        ("addresses", totals.addresses),
        ("forwarded", totals.forwarded),
        ("deferred", totals.deferred),
        ("deferrals", totals.deferrals),
        ("failed", totals.failed),
        ("failed messages", totals.failed_messages),
        ("rejected", totals.rejected),
        ("rejected for now", totals.rejected_for_now),
        ("warned", totals.warned),
        ("held", totals.held),
        ("discarded", totals.discarded),
    ]
}

fn names(totals: &Totals) -> [(&'static str, &Names); 7] {
    [
        ("senders", &totals.senders),
        ("sender domains", &totals.sender_domains),
        ("recipients", &totals.recipients),
        ("recipient domains", &totals.recipient_domains),
        ("clients", &totals.clients),
        ("hosts", &totals.hosts),
        ("transports", &totals.transports),
    ]
}

/// In the order of [`PERIOD`].
fn numbers(period: &Period) -> [u64; 5] {
    [period.received, period.delivered, period.deferred, period.failed, period.rejected]
}

const PERIOD: [&str; 5] = ["received", "delivered", "deferrals", "failed", "rejected"];

/// A day as a date.
fn date(day: i64) -> String {
    Time::from_micros(day.saturating_mul(DAY)).to_string().chars().take(10).collect()
}

/// Hours and days, each with its name.
fn periods(totals: &Totals) -> [(&'static str, Vec<(String, Period)>); 2] {
    let hours = totals.hours.iter().enumerate().map(|(hour, period)| (format!("{hour:02}"), *period));
    let days = totals.days.iter().map(|(day, period)| (date(*day), *period));
    [("hour", hours.collect()), ("day", days.collect())]
}

pub(super) fn write(out: &mut dyn Write, path: &Path, totals: &Totals) -> io::Result<()> {
    writeln!(out, "\nsums of {}", shown(path.display().to_string().as_bytes()))?;
    for (name, value) in figures(totals) {
        write_line(out, &[name.to_owned(), value.to_string()])?;
    }
    for (name, periods) in periods(totals) {
        writeln!(out)?;
        let head: Vec<_> = [name].iter().chain(&PERIOD).map(|&name| name.to_owned()).collect();
        write_line(out, &head)?;
        for (name, period) in periods {
            let numbers = numbers(&period).map(|number| number.to_string());
            write_line(out, &[&[name][..], &numbers].concat())?;
        }
    }
    for (name, names) in names(totals) {
        writeln!(out)?;
        write_line(out, &[name.to_owned(), "messages".to_owned(), "bytes".to_owned()])?;
        let most = names.most();
        for (name, flow) in most.iter().take(SHOWN) {
            write_line(out, &[shown(name), flow.messages.to_string(), flow.bytes.to_string()])?;
        }
        if most.len() > SHOWN {
            writeln!(out, "and {} more", most.len() - SHOWN)?;
        }
    }
    Ok(())
}

pub(super) fn json(path: &Path, totals: &Totals) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), "totals".into());
    object.insert("file".to_owned(), path.display().to_string().into());
    for (name, value) in figures(totals) {
        object.insert(name.replace(' ', "_"), value.into());
    }
    for (kind, periods) in periods(totals) {
        let periods = periods.into_iter().map(|(name, period)| {
            let mut object: Map<String, Value> = PERIOD
                .into_iter()
                .zip(numbers(&period))
                .map(|(name, number)| (name.to_owned(), number.into()))
                .collect();
            object.insert(kind.to_owned(), name.into());
            Value::Object(object)
        });
        object.insert(format!("{kind}s"), periods.collect());
    }
    for (kind, names) in names(totals) {
        let most = names
            .most()
            .into_iter()
            .take(SHOWN)
            .map(|(name, flow)| json!({ "name": shown(name), "messages": flow.messages, "bytes": flow.bytes }));
        let value = json!({ "count": names.len(), "most": most.collect::<Value>() });
        object.insert(kind.replace(' ', "_"), value);
    }
    Value::Object(object)
}
