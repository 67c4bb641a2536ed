//! The command `doctor`: what is wrong with an observatory, if anything.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use evidence::{Span, Time};
use lake::{Reader, Snapshot, Value};
use release::{Audit, State};

use crate::Outcome;
use crate::arguments::DataFolder;
use crate::data::Data;
use crate::output::{block_on, stdout};
use crate::tables::Tables;

/// A sensor that has told nothing for this long is silent: heartbeats come every minute.
const SILENT_AFTER: Duration = Duration::from_secs(180);

/// A clock whose error may be larger is reported.
const CLOCK_ERROR_US: i64 = 500_000;

/// Less free space than this is reported.
const FREE_SPACE: u64 = 1 << 30;

/// A table of origins older than this is reported.
const TABLES_OLD_AFTER: Duration = Duration::from_secs(120 * 86_400);

/// Runs of sensors that began longer ago are not examined for gaps: their sessions may be gone by retention.
const RUNS_EXAMINED: Duration = Duration::from_secs(7 * 86_400);

/// How one examination went.
enum Finding {
    Fine(String),
    Warning(String),
    Wrong(String),
}

use Finding::{Fine, Warning, Wrong};

pub(crate) fn doctor(arguments: DataFolder) -> anyhow::Result<Outcome> {
    let data = Data(arguments.data);
    let findings = block_on(async { Ok(examine(&data).await) })?;
    let mut out = stdout();
    let mut failed = false;
    for finding in findings {
        let (mark, words) = match finding {
            Fine(words) => ("ok   ", words),
            Warning(words) => ("WARN ", words),
            Wrong(words) => {
                failed = true;
                ("FAIL ", words)
            }
        };
        writeln!(out, "{mark} {words}")?;
    }
    out.flush()?;
    Ok(if failed { Outcome::NothingFound } else { Outcome::Done })
}

async fn examine(data: &Data) -> Vec<Finding> {
    let mut findings = vec![free_space(data.path()), tables(data)];
    findings.extend(audit(data));
    let snapshot = match Reader::open(&data.lake()).await {
        Ok(reader) => reader.snapshot().await,
        Err(error) => Err(error),
    };
    match snapshot {
        Err(error) => findings.push(Wrong(format!("the lake cannot be read: {error}"))),
        Ok(snapshot) => {
            let rows: Vec<_> = snapshot.versions().iter().map(|t| format!("{} {}", t.rows, t.table)).collect();
            findings.push(Fine(format!("the lake holds {}", rows.join(", "))));
            for examination in [sensors(&snapshot).await, gaps(&snapshot).await, drops(&snapshot).await] {
                findings.extend(examination.unwrap_or_else(|error| vec![Wrong(error.to_string())]));
            }
        }
    }
    findings
}

fn free_space(folder: &Path) -> Finding {
    match rustix::fs::statvfs(folder) {
        Err(error) => Wrong(format!("{}: {error}", folder.display())),
        Ok(space) => {
            let free = space.f_bavail * space.f_frsize;
            let words = format!("{} MiB are free in {}", free >> 20, folder.display());
            if free < FREE_SPACE { Warning(words) } else { Fine(words) }
        }
    }
}

fn tables(data: &Data) -> Finding {
    match Tables::open(&data.origin()) {
        Err(error) => Wrong(format!("{error:#}")),
        Ok(tables) => {
            let atlas = tables.atlas();
            let labels: Vec<_> = atlas.tables().iter().map(|table| table.label().to_string()).collect();
            let newest = atlas.tables().iter().map(|table| table.date()).max().unwrap_or_default();
            let words = format!("tables of origins in use: {}", labels.join(", "));
            if newest + TABLES_OLD_AFTER < sensor::now() {
                Warning(format!("{words}; the newest is of {newest}, older than {}", Span(TABLES_OLD_AFTER)))
            } else {
                Fine(words)
            }
        }
    }
}

/// The audit of released tests: whether its chain holds. Nothing is said where there is none.
fn audit(data: &Data) -> Vec<Finding> {
    match Audit::new(&data.release()).read() {
        Err(error) => vec![Wrong(format!("the audit of released tests does not hold: {error}"))],
        Ok(ledger) if ledger.entries.is_empty() => Vec::new(),
        Ok(ledger) => {
            let (lines, unknown) = (ledger.entries.len(), ledger.in_state(State::Unknown).len());
            let words =
                format!("the audit of released tests holds: {lines} lines, the last with digest {}", ledger.tip);
            let mut findings = vec![Fine(words)];
            if unknown > 0 {
                findings.push(Warning(format!("{unknown} tests of which nobody knows whether they were sent")));
            }
            findings
        }
    }
}

async fn sensors(snapshot: &Snapshot) -> Result<Vec<Finding>, lake::LakeError> {
    let query = "SELECT sensor, max(at) AS at, last_value(clock_uncertainty_us ORDER BY at) AS error_us,
                        last_value(spool_bytes ORDER BY at) AS bytes, last_value(spool_limit ORDER BY at) AS spool_limit,
                        last_value(confined ORDER BY at) AS confined
                 FROM heartbeats WHERE at >= $since GROUP BY sensor ORDER BY sensor";
    let since = [("since", Value::Instant(sensor::now() - Duration::from_secs(7 * 86_400)))];
    let answer = snapshot.sql(query, &since).await?;
    if answer.rows.is_empty() {
        return Ok(vec![Warning("no sensor has given a sign of life in seven days".to_owned())]);
    }
    Ok(answer.rows.iter().flat_map(|row| sensor_findings(row)).collect())
}

fn sensor_findings(row: &[Value]) -> Vec<Finding> {
    let name = row[0].as_text().unwrap_or("?");
    let last = row[1].as_instant().unwrap_or_default();
    let mut findings = Vec::new();
    let silent = sensor::now().since(last);
    if silent > SILENT_AFTER {
        findings.push(Warning(format!("sensor {name} has been silent since {last}")));
    } else {
        findings.push(Fine(format!("sensor {name} lives (last sign {last})")));
    }
    match row[2].as_integer() {
        None => findings.push(Warning(format!("sensor {name}: its clock is not synchronised"))),
        Some(error) if error > CLOCK_ERROR_US => {
            findings.push(Warning(format!("sensor {name}: its clock may be wrong by {} ms", error / 1000)));
        }
        Some(_) => {}
    }
    if matches!(row[5], Value::Boolean(false)) {
        findings.push(Warning(format!("sensor {name}: the kernel does not confine it, or a way out is open")));
    }
    let (bytes, limit) = (row[3].as_integer().unwrap_or(0), row[4].as_integer().unwrap_or(0));
    if limit > 0 && bytes * 2 > limit {
        findings.push(Warning(format!("sensor {name}: its spool is more than half full ({bytes} of {limit} bytes)")));
    }
    findings
}

/// Sessions are numbered without a gap, and heartbeats tell how many connections were accepted: what is not there is an
/// accepted connection of which nothing is known. Of a run that goes on, those open at its last heartbeat may be missing.
async fn gaps(snapshot: &Snapshot) -> Result<Vec<Finding>, lake::LakeError> {
    let query = "WITH told AS (
                     SELECT sensor, boot, count(*) AS sessions, max(number) AS last_number
                     FROM (SELECT DISTINCT sensor, boot, number FROM sessions WHERE boot >= $since) GROUP BY sensor, boot
                 ), beats AS (
                     SELECT sensor, boot, max(accepted) AS accepted, last_value(open ORDER BY at) AS open, bool_or(last) AS last
                     FROM heartbeats WHERE boot >= $since GROUP BY sensor, boot
                 ), runs AS (
                     SELECT coalesce(told.sensor, beats.sensor) AS sensor, coalesce(told.boot, beats.boot) AS boot,
                            coalesce(sessions, 0) AS sessions, coalesce(last_number, 0) AS last_number,
                            coalesce(accepted, 0) AS accepted, coalesce(open, 0) AS open, coalesce(last, false) AS last
                     FROM told FULL JOIN beats ON told.sensor = beats.sensor AND told.boot = beats.boot
                 ), newest AS (SELECT sensor, max(boot) AS boot FROM runs GROUP BY sensor)
                 SELECT runs.sensor, runs.boot,
                        CASE WHEN last OR runs.boot < newest.boot THEN greatest(last_number, accepted)
                             ELSE accepted - open END - sessions AS missing
                 FROM runs JOIN newest ON newest.sensor = runs.sensor ORDER BY 1, 2";
    let since = (sensor::now() - RUNS_EXAMINED).micros();
    let answer = snapshot.sql(query, &[("since", Value::Integer(since))]).await?;
    let mut findings = Vec::new();
    for row in &answer.rows {
        let (sensor, boot) = (row[0].as_text().unwrap_or("?"), row[1].as_integer().unwrap_or(0));
        let missing = row[2].as_integer().unwrap_or(0);
        if missing > 0 {
            let began = Time::from_micros(boot);
            findings.push(Wrong(format!("sensor {sensor}, run of {began}: {missing} sessions are missing")));
        }
    }
    if findings.is_empty() {
        findings.push(Fine("no session is missing".to_owned()));
    }
    let twice = snapshot.sql("SELECT count(*) - count(DISTINCT message_id) FROM messages", &[]).await?;
    match twice.rows[0][0].as_integer() {
        Some(0) | None => findings.push(Fine("no message is there twice".to_owned())),
        Some(twice) => findings.push(Wrong(format!("{twice} messages are there twice"))),
    }
    Ok(findings)
}

/// What sensors dropped in the last day, by reason.
async fn drops(snapshot: &Snapshot) -> Result<Vec<Finding>, lake::LakeError> {
    let query =
        "SELECT sensor, max(refused_disk), max(refused_memory), max(panics), max(torn_bytes), max(lost_sessions),
                        max(refused_crowded), max(refused_too_often), max(seats_taken)
                 FROM heartbeats WHERE at >= $since GROUP BY sensor, boot ORDER BY sensor";
    let since = [("since", Value::Instant(sensor::now() - Duration::from_secs(86_400)))];
    let reasons = [
        "messages refused for want of disk",
        "messages refused for want of memory",
        "engines that failed",
        "bytes of torn segments",
        "sessions lost to a kill",
        "connections refused because their network had too many",
        "connections refused because their network came too often",
        "waits for a free seat",
    ];
    let mut findings = Vec::new();
    for row in snapshot.sql(query, &since).await?.rows {
        for (reason, value) in reasons.iter().zip(&row[1..]) {
            if let Some(count) = value.as_integer().filter(|count| *count > 0) {
                findings.push(Warning(format!(
                    "sensor {}: {count} {reason} in the last day",
                    row[0].as_text().unwrap_or("?")
                )));
            }
        }
    }
    Ok(findings)
}
