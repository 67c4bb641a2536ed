//! Tables as text, in the shape of the original pages.

use std::io::{self, Write};

use evidence::Country;

use crate::number::{grouped, percent, size};
use crate::page::{Counts, Ranked, Ranking, SensorRow, SensorState, Summary};
use crate::selection::{Dimension, NONE, Selection, Sort};

/// Longest description of an AS, as the original pages cut it.
const DESCRIPTION: usize = 35;

/// What `~` behind a prefix, an AS or an address means.
pub const COVERING_NOTE: &str =
    "no routing table is loaded for it: the range of a location table that covers it, not an announced prefix";

/// Writes a page: its head, the summary, and rankings.
pub fn write_text(
    to: &mut dyn Write,
    selection: &Selection,
    summary: Option<&Summary>,
    rankings: &[Ranking],
) -> io::Result<()> {
    let window = selection.window;
    let whose = selection.filter(Dimension::Sensor).unwrap_or("all sensors");
    writeln!(to, "Spamtrail - Statistics")?;
    writeln!(to, "Window of {}; {whose}", evidence::Span(window.length()))?;
    for filter in selection.filters.iter().filter(|filter| filter.dimension != Dimension::Sensor) {
        writeln!(to, "Only {} {}", filter.dimension, filter.value)?;
    }
    writeln!(to, "Period: {} to {} GMT", window.from.to_page(), window.until.to_page())?;
    if let Some(summary) = summary {
        write_summary(to, summary)?;
    }
    rankings.iter().try_for_each(|ranking| write_ranking(to, ranking, selection.top))
}

fn write_summary(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    writeln!(to, "\nSummary\n")?;
    let head = [
        "sensor",
        "CCs",
        "ASNs",
        "CIDRs",
        "IPs",
        "emails",
        "(%)",
        "recipients",
        "(%)",
        "connections",
        "proto",
        "ports",
        "probes",
        "tests",
    ];
    let total = summary.all.counts;
    let mut rows: Vec<_> = summary.sensors.iter().map(|row| summary_row(row, total)).collect();
    rows.push(summary_row(&summary.all, total));
    write_aligned(to, &head, &rows, &[0, 10, 11])?;
    writeln!(to, "\nSensors: {} / {}", summary.reporting, summary.known)
}

fn summary_row(row: &SensorRow, total: Counts) -> Vec<String> {
    let name = row.sensor.as_ref().map_or("All".to_owned(), ToString::to_string);
    if matches!(row.state, SensorState::Down { .. }) && row.counts == Counts::default() {
        let mut cells = vec![name, "down".to_owned()];
        cells.resize(14, String::new());
        return cells;
    }
    vec![
        name,
        grouped(row.ccs),
        grouped(row.asns),
        grouped(row.cidrs),
        grouped(row.ips),
        grouped(row.counts.emails),
        percent(row.counts.emails, total.emails),
        grouped(row.counts.recipients),
        percent(row.counts.recipients, total.recipients),
        grouped(row.counts.connections),
        row.counts.protocols.to_string(),
        row.ports_text(),
        grouped(row.probes),
        grouped(row.tests),
    ]
}

fn write_ranking(to: &mut dyn Write, ranking: &Ranking, top: u64) -> io::Result<()> {
    let dimension = ranking.dimension;
    let title = match dimension {
        Dimension::Port | Dimension::Protocol => format!("{} sorted by {}", dimension.title(), ranking.sort.name()),
        _ => format!("Top {top} {} sorted by {}", dimension.title(), ranking.sort.name()),
    };
    writeln!(to, "\n{title}\n")?;
    let described = describing_columns(dimension);
    let (first, second) = (ranking.sort.name(), ranking.sort.other().name());
    let connections = dimension != Dimension::Domain;
    let mut head = vec!["#"];
    head.extend(described);
    head.extend(["proto", "bytes", first, "(%)", second, "(%)"]);
    if connections {
        head.push("connections");
    }
    head.push("sensors");
    let mut rows = Vec::new();
    for (index, row) in ranking.rows.iter().enumerate() {
        let mut cells = vec![(index + 1).to_string()];
        cells.extend(describe(dimension, row));
        if row.is_covering() {
            cells[1].push('~');
        }
        cells.extend(count_cells(ranking, row.counts, connections, true));
        cells.push(row.sensors.to_string());
        rows.push(cells);
    }
    if let Some((keys, counts)) = ranking.others {
        let mut cells = vec![(ranking.rows.len() + 1).to_string(), format!("others ({})", grouped(keys))];
        cells.resize(1 + described.len(), String::new());
        // Emails of several domains cannot be added.
        cells.extend(count_cells(ranking, counts, connections, dimension != Dimension::Domain));
        cells.push(NONE.to_owned());
        rows.push(cells);
    }
    let mut cells = vec![String::new(), "Total".to_owned()];
    cells.resize(1 + described.len(), String::new());
    let mut counts = count_cells(ranking, ranking.total, connections, true);
    counts[0].clear();
    cells.extend(counts);
    cells.push(String::new());
    rows.push(cells);
    let left: Vec<_> = (1..=1 + described.len()).collect();
    write_aligned(to, &head, &rows, &left)?;
    if ranking.rows.iter().any(Ranked::is_covering) {
        writeln!(to, "\n~ {COVERING_NOTE}")?;
    }
    Ok(())
}

fn count_cells(ranking: &Ranking, counts: Counts, connections: bool, emails: bool) -> Vec<String> {
    let of = |sort: Sort, of: &Counts| match sort {
        Sort::Emails => of.emails,
        Sort::Recipients => of.recipients,
    };
    let mut cells = vec![counts.protocols.to_string(), size(counts.bytes)];
    for sort in [ranking.sort, ranking.sort.other()] {
        if sort == Sort::Emails && !emails {
            cells.extend([NONE.to_owned(), NONE.to_owned()]);
        } else {
            let (part, total) = (of(sort, &counts), of(sort, &ranking.total));
            cells.extend([grouped(part), percent(part, total)]);
        }
    }
    if connections {
        cells.push(grouped(counts.connections));
    }
    cells
}

/// The heads of the columns that tell the key.
pub const fn describing_columns(dimension: Dimension) -> &'static [&'static str] {
    match dimension {
        Dimension::Sensor => &["sensor"],
        Dimension::Country | Dimension::Location => &["cc", "description"],
        Dimension::As => &["asn", "description", "cc"],
        Dimension::Cidr => &["cidr", "asn", "cc"],
        Dimension::Ip => &["ip", "cidr", "asn", "cc"],
        Dimension::Protocol => &["protocol"],
        Dimension::Port => &["port"],
        Dimension::Os => &["os"],
        Dimension::Dialect => &["hash", "dialect"],
        Dimension::Domain | Dimension::SenderDomain => &["domain"],
    }
}

/// The cells that tell the key of a row, one for each of [`describing_columns`].
pub fn describe(dimension: Dimension, row: &Ranked) -> Vec<String> {
    let key = |name: &str| row.key.get(name).cloned().unwrap_or_else(|| NONE.to_owned());
    match dimension {
        Dimension::Sensor => vec![key("sensor")],
        Dimension::Country => vec![key("country"), country_name(&key("country"))],
        Dimension::Location => vec![key("location"), country_name(&key("location"))],
        Dimension::As => vec![key("asn"), cut(&key("as_name")), key("country")],
        Dimension::Cidr => vec![key("prefix"), key("asn"), key("country")],
        Dimension::Ip => vec![key("source_ip"), key("prefix"), key("asn"), key("country")],
        Dimension::Protocol => vec![key("protocol")],
        Dimension::Port => vec![key("port")],
        Dimension::Os => vec![key("os")],
        Dimension::Dialect => vec![key("dialect_hash"), key("dialect")],
        Dimension::Domain | Dimension::SenderDomain => vec![key("domain")],
    }
}

fn country_name(code: &str) -> String {
    match code.parse::<Country>() {
        Ok(country) => country.name().to_owned(),
        Err(()) => "not announced".to_owned(),
    }
}

fn cut(description: &str) -> String {
    description.chars().take(DESCRIPTION).collect()
}

/// Writes cells in columns; those named in `left` begin at the left, the others end at the right.
pub(crate) fn write_aligned(to: &mut dyn Write, head: &[&str], rows: &[Vec<String>], left: &[usize]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.get(column).map_or(0, |cell| cell.chars().count()));
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for ((column, width), cell) in widths.iter().enumerate().zip(cells) {
            let blanks = " ".repeat(width - cell.chars().count().min(*width));
            let (before, after) = if left.contains(&column) { ("", blanks.as_str()) } else { (blanks.as_str(), "") };
            text.extend([before, cell, after, "  "]);
        }
        writeln!(to, "{}", text.trim_end())
    };
    line(&mut head.iter().copied())?;
    rows.iter().try_for_each(|row| line(&mut row.iter().map(String::as_str)))
}
