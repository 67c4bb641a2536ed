//! A lake to show: the original quarter of an hour, a quiet day before it with a gap, and hostile oddities.

use std::path::Path;
use std::time::Duration;

use evidence::{QUARTER, Time};
use lake::{Lake, Rows};
use specimen::{Email, QUARTER_START, Visit, heartbeat, name, origin};

/// Visits of one commit.
const VISITS: usize = 4000;

/// The page of the quarter.
#[allow(dead_code, reason = "the demonstration names it itself")]
pub(crate) const AT: &str = "/?at=2010-05-17T21:45";

/// The end of the quarter.
pub(crate) fn end() -> Time {
    QUARTER_START + QUARTER
}

/// What a hostile client wrote where a domain belongs.
pub(crate) const HOSTILE: [&str; 4] =
    ["<script>alert(1)</script>.example", "\"onmouseover=\"alert(1)", "=cmd|' /C calc'!A0", "\u{202E}gnp.exe\x1b[31m"];

/// Some minutes into the quarter.
#[allow(dead_code, reason = "of the tests")]
pub(crate) fn minute(minutes: u64) -> Time {
    QUARTER_START + Duration::from_secs(60 * minutes)
}

/// Some visits of the quarter, to all sensors.
#[allow(dead_code, reason = "of the tests")]
pub(crate) fn some() -> impl Iterator<Item = Visit> {
    specimen::Quarter::visits(0).step_by(331)
}

pub(crate) async fn fill(folder: &Path, visits: impl Iterator<Item = Visit>, heartbeats: &[(&str, Time)]) {
    let lake = Lake::open(folder).await.unwrap();
    let visits: Vec<_> = visits.collect();
    let mut number = 0;
    for visits in visits.chunks(VISITS) {
        let mut rows = Rows::default();
        for visit in visits {
            let evidence = visit.evidence();
            rows.sessions.push(evidence.session);
            rows.messages.extend(evidence.messages);
        }
        number += 1;
        lake.append(rows, number..=number, end()).await.unwrap();
    }
    let heartbeats = heartbeats.iter().zip(1..).map(|((sensor, at), number)| heartbeat(sensor, number, *at));
    let rows = Rows { heartbeats: heartbeats.collect(), ..Rows::default() };
    lake.append(rows, number + 1..=number + 1, end()).await.unwrap();
}

/// A sign of life of eight sensors in each quarter of the day, but for three hours; the ninth has been down for long.
pub(crate) fn heartbeats() -> Vec<(&'static str, Time)> {
    let sensors = specimen::Quarter::SENSORS.map(|sensor| sensor.name);
    let mut heartbeats = Vec::new();
    for quarter in (0..96).filter(|quarter| !(40..52).contains(quarter)) {
        let at = end() - QUARTER * quarter - Duration::from_secs(20);
        heartbeats.extend(sensors.iter().map(|sensor| (*sensor, at)));
    }
    heartbeats.push(("ZZ-01", end() - Duration::from_secs(30 * 3600)));
    heartbeats
}

/// Fewer emails in each quarter of the day before, more by day than by night.
#[allow(dead_code, reason = "of the demonstration")]
pub(crate) fn day_before() -> impl Iterator<Item = Visit> {
    (1..96_u64).filter(|quarter| !(40..52).contains(quarter)).flat_map(|quarter| {
        let busy = 3 + (quarter % 32) / 4 + (quarter * 7) % 5;
        (0..busy).map(move |visit| {
            let number = 100_000 + quarter * 100 + visit;
            let at = QUARTER_START - QUARTER * u32::try_from(quarter).unwrap() + Duration::from_secs(30 * visit);
            Visit { sensor: name("BR-01"), emails: emails(400, 30, "bulk.example"), ..Visit::example(number, at) }
        })
    })
}

/// A source of a range that is not announced, probes, and hostile names, all at one sensor.
pub(crate) fn oddities() -> impl Iterator<Item = Visit> {
    let at = minute;
    let mut covering = origin("203.0.113.0/24", 64_999, "RANGE-OF-A-LOCATION-TABLE", "CL");
    covering.announced = false;
    let unannounced = Visit {
        source: [203, 0, 113, 9].into(),
        origin: covering,
        emails: emails(700, 2, "range.example"),
        ..of_sensor(1, at(3))
    };
    let probes = (0..5).map(move |number| Visit { emails: Vec::new(), ..of_sensor(10 + number, at(5)) });
    let hostile = HOSTILE.iter().zip(20..).map(move |(domain, number)| Visit {
        emails: emails(200 + number as usize, 40, domain),
        ..of_sensor(number, at(7))
    });
    [unannounced].into_iter().chain(probes).chain(hostile)
}

fn of_sensor(number: u64, at: Time) -> Visit {
    Visit { sensor: name("AT-01"), ..Visit::example(200_000 + number, at) }
}

fn emails(count: usize, recipients: usize, domain: &str) -> Vec<Email> {
    let email = |index: usize| Email {
        after: Duration::from_millis(index as u64),
        sender: format!("a@{domain}"),
        recipients: (0..recipients).map(|number| format!("u{number}@{domain}")).collect(),
        ..Email::example()
    };
    (0..count).map(email).collect()
}
