//! Tables as JSON, one object a line, each with its `type`.

use std::io::{self, Write};

use evidence::Window;
use lake::TableVersion;
use serde_json::{Map, Value, json};

use crate::number::share;
use crate::page::{Counts, Page, Ranking, SensorRow, SensorState, Summary};
use crate::selection::{Dimension, NONE};
use crate::text::{describe, describing_columns};

/// Writes a page: a line about it, then the lines of the summary and of the rankings.
pub fn write_json(to: &mut dyn Write, page: &Page, summary: Option<&Summary>, rankings: &[Ranking]) -> io::Result<()> {
    let mut head = head(page.selection.window, &page.versions);
    for filter in &page.selection.filters {
        head["filters"][filter.dimension.name()] = filter.value.clone().into();
    }
    if let Some(summary) = summary {
        head["sensors"] = json!({ "reporting": summary.reporting, "known": summary.known });
    }
    writeln!(to, "{head}")?;
    if let Some(summary) = summary {
        for row in summary.sensors.iter().chain([&summary.all]) {
            writeln!(to, "{}", summary_line(row, summary.all.counts))?;
        }
    }
    rankings.iter().try_for_each(|ranking| write_ranking(to, ranking))
}

/// Writes the line that says which window an answer is of, and from which versions of the tables.
pub fn write_json_head(to: &mut dyn Write, window: Window, versions: &[TableVersion]) -> io::Result<()> {
    writeln!(to, "{}", head(window, versions))
}

fn head(window: Window, versions: &[TableVersion]) -> Value {
    let versions: Map<_, _> = versions.iter().map(|t| (t.table.to_owned(), t.version.into())).collect();
    json!({
        "type": "page",
        "from": window.from.to_string(),
        "until": window.until.to_string(),
        "versions": versions,
    })
}

fn summary_line(row: &SensorRow, total: Counts) -> Value {
    let mut line = json!({
        "type": "sensor",
        "sensor": row.sensor.as_ref().map_or("All".to_owned(), ToString::to_string),
        "ccs": row.ccs,
        "asns": row.asns,
        "cidrs": row.cidrs,
        "ips": row.ips,
        "ports": row.ports,
        "probes": { "connections": row.probes, "ips": row.probe_ips },
        "tests": row.tests,
    });
    match row.state {
        SensorState::Up => line["state"] = "up".into(),
        SensorState::Down { last } => {
            line["state"] = "down".into();
            line["last"] = last.map(|last| last.to_string()).into();
        }
    }
    add_counts(&mut line, row.counts, total);
    line
}

fn write_ranking(to: &mut dyn Write, ranking: &Ranking) -> io::Result<()> {
    let (name, sort) = (ranking.dimension.name(), ranking.sort.name());
    for (index, row) in ranking.rows.iter().enumerate() {
        let mut line = json!({ "type": name, "sort": sort, "rank": index + 1 });
        for (column, cell) in describing_columns(ranking.dimension).iter().zip(describe(ranking.dimension, row)) {
            line[*column] = match (*column, cell.as_str()) {
                (_, NONE) => Value::Null,
                ("asn" | "port", number) => number.parse::<u64>().map_or(Value::Null, Value::from),
                (_, text) => text.into(),
            };
        }
        if has_prefixes(ranking.dimension) {
            line["announced"] = row.announced().into();
        }
        add_counts(&mut line, row.counts, ranking.total);
        line["sensors"] = row.sensors.into();
        forget_what_does_not_add_up(&mut line, ranking.dimension, false);
        writeln!(to, "{line}")?;
    }
    if let Some((keys, counts)) = ranking.others {
        let mut line = json!({ "type": name, "sort": sort, "rank": ranking.rows.len() + 1, "others": keys });
        add_counts(&mut line, counts, ranking.total);
        forget_what_does_not_add_up(&mut line, ranking.dimension, true);
        writeln!(to, "{line}")?;
    }
    let mut line = json!({ "type": name, "sort": sort, "total": true });
    add_counts(&mut line, ranking.total, ranking.total);
    writeln!(to, "{line}")
}

/// Whether the rows of a dimension stand for prefixes, which are announced or not.
pub(crate) const fn has_prefixes(dimension: Dimension) -> bool {
    matches!(dimension, Dimension::As | Dimension::Cidr | Dimension::Ip)
}

fn add_counts(line: &mut Value, counts: Counts, total: Counts) {
    let percent = |part, total| share(part, total) as f64 / 100.0;
    line["emails"] = counts.emails.into();
    line["emails_pct"] = percent(counts.emails, total.emails).into();
    line["recipients"] = counts.recipients.into();
    line["recipients_pct"] = percent(counts.recipients, total.recipients).into();
    line["bytes"] = counts.bytes.into();
    line["connections"] = counts.connections.into();
    line["proto"] = counts.protocols.iter().map(evidence::Protocol::label).collect::<Vec<_>>().into();
}

/// Recipient domains share emails and connections: what cannot be added is null, not wrong.
fn forget_what_does_not_add_up(line: &mut Value, dimension: Dimension, others: bool) {
    if dimension == Dimension::Domain {
        line["connections"] = Value::Null;
        if others {
            line["emails"] = Value::Null;
            line["emails_pct"] = Value::Null;
        }
    }
}
