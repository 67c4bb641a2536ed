//! The tables for programs: JSON lines, CSV or text, as the command `stats` writes them. Peers' text stays inert in all of
//! them by the writers of `statistics`.

use evidence::Factor;
use statistics::{Comparison, Dimension, Page, RecordKind, Sheet, write_csv, write_json, write_text};

use crate::page::last_day;
use crate::refusal::Refusal;
use crate::view::{Format, View};

/// Records of an answer when nobody says how many.
const RECORDS: u64 = 500;

/// What programs can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Page,
    Ranking,
    Series,
    Records(RecordKind),
    Compare,
}

pub(crate) const fn media(format: Format) -> &'static str {
    match format {
        Format::Json => "application/x-ndjson",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Text => "text/plain; charset=utf-8",
    }
}

pub(crate) async fn answer(answer: Answer, page: &Page, view: &View) -> Result<String, Refusal> {
    match answer {
        Answer::Page => tables(page, view, true, &Dimension::TABLES).await,
        Answer::Ranking => match view.by {
            Some(Dimension::Sensor) | None => tables(page, view, true, &[]).await,
            Some(by) => tables(page, view, false, &[by]).await,
        },
        Answer::Series => {
            let series = page.series(last_day(page.selection.window.until)).await?;
            about_page(page, &series.sheet(), view.format)
        }
        Answer::Records(kind) => records(page, view, kind).await,
        Answer::Compare => {
            let mut comparisons = Vec::new();
            for factor in Factor::ALL {
                comparisons.push(page.comparison(factor).await?);
            }
            about_page(page, &Comparison::sheet(&comparisons), view.format)
        }
    }
}

async fn tables(page: &Page, view: &View, with_summary: bool, by: &[Dimension]) -> Result<String, Refusal> {
    let summary = if with_summary { Some(page.summary().await?) } else { None };
    let rankings = page.rankings(by.iter().map(|dimension| (*dimension, view.sort))).await?;
    let mut out = Vec::new();
    match view.format {
        Format::Text => write_text(&mut out, &page.selection, summary.as_ref(), &rankings)?,
        Format::Csv => write_csv(&mut out, summary.as_ref(), &rankings)?,
        Format::Json => write_json(&mut out, page, summary.as_ref(), &rankings)?,
    }
    text(out)
}

async fn records(page: &Page, view: &View, kind: RecordKind) -> Result<String, Refusal> {
    let most = usize::try_from(view.top.unwrap_or(RECORDS)).unwrap_or(usize::MAX);
    let records = page.records_after(kind, view.skip, most).await?;
    about_page(page, records.sheet(), view.format)
}

/// A sheet; in JSON, after a line that says of which page it is.
fn about_page(page: &Page, rows: &Sheet, format: Format) -> Result<String, Refusal> {
    let mut out = Vec::new();
    if format == Format::Json {
        write_json(&mut out, page, None, &[])?;
    }
    Ok(text(out)? + &sheet(rows, format)?)
}

pub(crate) fn sheet(sheet: &Sheet, format: Format) -> Result<String, Refusal> {
    let mut out = Vec::new();
    match format {
        Format::Text => sheet.write_text(&mut out)?,
        Format::Csv => sheet.write_csv(&mut out)?,
        Format::Json => sheet.write_json(&mut out)?,
    }
    text(out)
}

fn text(bytes: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(bytes).map_err(Refusal::inside)
}
