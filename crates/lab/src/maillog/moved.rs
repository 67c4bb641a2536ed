//! Moves the lines of a log from the minutes in which a server ran to the days of the plan. A line belongs to the session that
//! made the server write it; it keeps its distance from the start of that session, and every byte of it but the time.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use evidence::Time;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::drive::Ran;
use super::plan::Plan;

/// A line of a log, taken apart as far as it must be to move it.
pub(crate) struct Line<'a> {
    /// Seconds since 1970, as the server wrote them.
    pub(crate) second: i64,
    /// Everything behind the time.
    pub(crate) rest: &'a str,
    /// Lines that follow and have no time of their own.
    pub(crate) more: Vec<&'a str>,
    /// The session that made the server write it: a position in what ran.
    pub(crate) owner: Owner,
    /// The process that served the session, for lines of which the order matters.
    pub(crate) process: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Ran(usize),
    /// The server speaks of its own start.
    Start,
    /// Nobody's: of the server's own housekeeping, or of the client that waited for its start.
    Nobody,
}

/// A log whose lines are moved.
pub(crate) struct Moved {
    pub(crate) text: String,
    pub(crate) lines: usize,
    /// Lines that belong to no session and were left out.
    pub(crate) left_out: Vec<String>,
}

/// The seconds by which each session begins later than planned, so that the lines of one process stay one session after the
/// other.
pub(crate) fn delays(lines: &[Line], plan: &Plan, ran: &[Ran]) -> Vec<i64> {
    let mut delays = vec![0; ran.len()];
    let mut spans: HashMap<(&str, usize), (i64, usize)> = HashMap::new();
    for (place, line) in lines.iter().enumerate() {
        if let (Owner::Ran(owner), Some(process)) = (line.owner, line.process) {
            let length = line.second - second(ran[owner].began);
            let span = spans.entry((process, owner)).or_insert((length, place));
            span.0 = span.0.max(length);
        }
    }
    let mut spans: Vec<_> = spans.into_iter().collect();
    spans.sort_by_key(|((_, owner), (_, place))| (planned(plan, ran, *owner), *place));
    // The end of the last session of each process, and where its lines begin in the log.
    let mut ends: HashMap<&str, (i64, usize)> = HashMap::new();
    for ((process, owner), (length, place)) in spans {
        let start = planned(plan, ran, owner);
        let earliest = ends.get(process).map_or(start, |(end, before)| if place > *before { *end } else { end + 1 });
        delays[owner] = (earliest - start).max(0);
        ends.insert(process, (start + delays[owner] + length, place));
    }
    delays
}

/// The lines in the order of their new times. `stamp` writes a time as the server does.
pub(crate) fn moved(lines: &[Line], plan: &Plan, ran: &[Ran], delays: &[i64], stamp: fn(i64) -> String) -> Moved {
    let start = plan.start.micros().div_euclid(1_000_000);
    let mut order = Vec::with_capacity(lines.len());
    let mut left_out = Vec::new();
    for line in lines {
        match line.owner {
            Owner::Ran(owner) => {
                let offset = (line.second - second(ran[owner].began)).max(0);
                order.push((planned(plan, ran, owner) + delays[owner] + offset, line));
            }
            Owner::Start => order.push((start, line)),
            Owner::Nobody => left_out.push(line.rest.to_owned()),
        }
    }
    order.sort_by_key(|(second, _)| *second); // stable: the server's order within a second
    let mut text = String::new();
    for (second, line) in &order {
        text += &stamp(*second);
        text += line.rest;
        text.push('\n');
        for more in &line.more {
            text += more;
            text.push('\n');
        }
    }
    Moved { text, lines: order.len(), left_out }
}

/// The second in which a session is planned.
fn planned(plan: &Plan, ran: &[Ran], owner: usize) -> i64 {
    plan.sessions[ran[owner].session].at.micros().div_euclid(1_000_000)
}

pub(crate) fn second(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

/// When the session of this entry really began in the log.
pub(crate) fn begins(plan: &Plan, ran: &Ran, delay: i64) -> Time {
    Time::from_micros(plan.sessions[ran.session].at.micros() + delay * 1_000_000)
}

pub(crate) fn civil(second: i64) -> DateTime {
    TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(second).unwrap_or_default())
}

pub(crate) fn seconds(civil: DateTime) -> Option<i64> {
    Some(TimeZone::UTC.to_timestamp(civil).ok()?.as_second())
}
