//! The command `stats`.

use std::io::Write;

use anyhow::{Context, anyhow};
use evidence::{Factor, Time, Window};
use statistics::{Comparison, Dimension, Filter, Page, Selection, Statistics, write_csv, write_json, write_text};

use crate::Outcome;
use crate::arguments::{Format, Stats};
use crate::data::Data;
use crate::output::{block_on, stdout};

pub(crate) fn stats(arguments: Stats) -> anyhow::Result<Outcome> {
    let until = Time::parse(&arguments.at, sensor::now()).context("--at")?;
    let mut selection = Selection::new(Window::ending(until, arguments.window));
    selection.top = arguments.top;
    selection.class = arguments.class;
    for only in &arguments.only {
        let (dimension, value) = only.split_once('=').ok_or_else(|| anyhow!("--only {only}: write DIMENSION=VALUE"))?;
        let dimension = dimension.parse().map_err(|error| anyhow!("--only {only}: {error}"))?;
        selection.filters.push(Filter::new(dimension, value).with_context(|| format!("--only {only}"))?);
    }
    block_on(async {
        let statistics = Statistics::open(&Data(arguments.data).lake()).await?;
        let page = statistics.page(selection).await?;
        let format = if arguments.json { Format::Json } else { arguments.format };
        if let Some(factor) = arguments.compare {
            return compare(&page, factor, format).await;
        }
        let dimensions: &[Dimension] = match &arguments.by {
            Some(Dimension::Sensor) => &[],
            Some(one) => std::slice::from_ref(one),
            None => &Dimension::TABLES,
        };
        let with_summary = matches!(arguments.by, None | Some(Dimension::Sensor));
        let summary = if with_summary { Some(page.summary().await?) } else { None };
        let rankings = page.rankings(dimensions.iter().map(|dimension| (*dimension, arguments.sort))).await?;
        let mut out = stdout();
        match format {
            Format::Text => write_text(&mut out, &page.selection, summary.as_ref(), &rankings)?,
            Format::Csv => write_csv(&mut out, summary.as_ref(), &rankings)?,
            Format::Json => write_json(&mut out, &page, summary.as_ref(), &rankings)?,
        }
        out.flush()?;
        Ok(Outcome::Done)
    })
}

async fn compare(page: &Page, factor: Factor, format: Format) -> anyhow::Result<Outcome> {
    let sheet = Comparison::sheet(&[page.comparison(factor).await?]);
    let mut out = stdout();
    match format {
        Format::Text => {
            write_text(&mut out, &page.selection, None, &[])?;
            writeln!(out, "\nOn: a listener that {}\n", factor.doc())?;
            sheet.write_text(&mut out)?;
        }
        Format::Csv => sheet.write_csv(&mut out)?,
        Format::Json => {
            write_json(&mut out, page, None, &[])?;
            sheet.write_json(&mut out)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}
