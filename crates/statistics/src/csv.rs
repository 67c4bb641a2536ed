//! Tables as CSV (RFC 4180): plain numbers, one line of heads, cells that no spreadsheet takes for a formula.

use std::io::{self, Write};

use crate::json::has_prefixes;
use crate::number::percent;
use crate::page::{Counts, Ranking, SensorRow, SensorState, Summary};
use crate::text::{describe, describing_columns};

/// Writes the summary and rankings, each with its heads, an empty line between two.
pub fn write_csv(to: &mut dyn Write, summary: Option<&Summary>, rankings: &[Ranking]) -> io::Result<()> {
    let mut first = true;
    let mut between = |to: &mut dyn Write| if std::mem::take(&mut first) { Ok(()) } else { write!(to, "\r\n") };
    if let Some(summary) = summary {
        between(to)?;
        write_summary(to, summary)?;
    }
    for ranking in rankings {
        between(to)?;
        write_ranking(to, ranking)?;
    }
    Ok(())
}

fn write_summary(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let head = "sensor,state,ccs,asns,cidrs,ips,emails,emails_pct,recipients,recipients_pct,connections,proto,ports,probes,tests";
    write!(to, "{head}\r\n")?;
    for row in summary.sensors.iter().chain([&summary.all]) {
        write_csv_row(to, &summary_cells(row, summary.all.counts))?;
    }
    Ok(())
}

fn summary_cells(row: &SensorRow, total: Counts) -> Vec<String> {
    let state = match row.state {
        SensorState::Up => "up",
        SensorState::Down { .. } => "down",
    };
    vec![
        row.sensor.as_ref().map_or("All".to_owned(), ToString::to_string),
        state.to_owned(),
        row.ccs.to_string(),
        row.asns.to_string(),
        row.cidrs.to_string(),
        row.ips.to_string(),
        row.counts.emails.to_string(),
        percent(row.counts.emails, total.emails),
        row.counts.recipients.to_string(),
        percent(row.counts.recipients, total.recipients),
        row.counts.connections.to_string(),
        row.counts.protocols.to_string(),
        row.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" "),
        row.probes.to_string(),
        row.tests.to_string(),
    ]
}

fn write_ranking(to: &mut dyn Write, ranking: &Ranking) -> io::Result<()> {
    let described = describing_columns(ranking.dimension);
    let head = described.join(",");
    let announced = if has_prefixes(ranking.dimension) { ",announced" } else { "" };
    write!(
        to,
        "rank,{head},emails,emails_pct,recipients,recipients_pct,bytes,connections,proto,sensors{announced}\r\n"
    )?;
    for (index, row) in ranking.rows.iter().enumerate() {
        let mut cells = vec![(index + 1).to_string()];
        cells.extend(describe(ranking.dimension, row));
        cells.extend(count_cells(row.counts, ranking.total));
        cells.push(row.sensors.to_string());
        if has_prefixes(ranking.dimension) {
            cells.push(row.announced().map_or(String::new(), |announced| announced.to_string()));
        }
        write_csv_row(to, &cells)?;
    }
    let mut summed = |rank: String, name: String, counts: Counts| {
        let mut cells = vec![rank, name];
        cells.resize(1 + described.len(), String::new());
        cells.extend(count_cells(counts, ranking.total));
        cells.push(String::new());
        if has_prefixes(ranking.dimension) {
            cells.push(String::new());
        }
        write_csv_row(to, &cells)
    };
    if let Some((keys, counts)) = ranking.others {
        summed((ranking.rows.len() + 1).to_string(), format!("others ({keys})"), counts)?;
    }
    summed(String::new(), "Total".to_owned(), ranking.total)
}

fn count_cells(counts: Counts, total: Counts) -> Vec<String> {
    vec![
        counts.emails.to_string(),
        percent(counts.emails, total.emails),
        counts.recipients.to_string(),
        percent(counts.recipients, total.recipients),
        counts.bytes.to_string(),
        counts.connections.to_string(),
        counts.protocols.to_string(),
    ]
}

/// Writes one line of cells, each quoted where it must be.
pub fn write_csv_row(to: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let quoted: Vec<_> = cells.iter().map(|cell| quote(cell)).collect();
    write!(to, "{}\r\n", quoted.join(","))
}

/// A cell that is read back as text: an apostrophe stands before what a spreadsheet would run.
fn quote(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell != "-";
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_start_a_formula_or_end_a_row() {
        assert_eq!(quote("=1+1"), "'=1+1");
        assert_eq!(quote("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(quote("a, \"b\"\r\n"), "\"a, \"\"b\"\"\r\n\"");
        assert_eq!(quote("-"), "-");
        assert_eq!(quote("67.215.224.0/19"), "67.215.224.0/19");
    }
}
