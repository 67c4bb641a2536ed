//! The tables of the page that compares listeners by a factor.

use evidence::Factor;
use statistics::{Comparison, Measure, NONE, grouped};

use crate::table::{Cell, Head, Row, Table};
use crate::tables::Tables;

impl Tables<'_> {
    /// Listeners with a factor beside those without.
    pub(crate) fn comparison(&self, comparison: &Comparison) -> Table {
        let factor = comparison.factor;
        let per_hour = "for each hour of each listener";
        let heads = vec![
            Head::text("measure"),
            Head::number("off"),
            Head::number("on"),
            Head::number("on / off"),
            Head::number("off an hour").titled(per_hour),
            Head::number("on an hour").titled(per_hour),
            Head::number("on / off an hour").titled(per_hour),
        ];
        let perhaps =
            |number: Option<f64>| Cell::number(number.map_or(NONE.to_owned(), |number| format!("{number:.2}")));
        let row = |measure: &Measure| {
            let count = |number: f64| match number.fract() == 0.0 {
                true => grouped(number as u64),
                false => format!("{number:.2}"),
            };
            let mut cells =
                vec![Cell::head(measure.name), Cell::number(count(measure.off)), Cell::number(count(measure.on))];
            cells.push(perhaps(measure.ratio()));
            cells.extend(measure.per_hour.map(perhaps));
            cells.push(perhaps(measure.ratio_per_hour()));
            Row::of(cells)
        };
        Table {
            id: factor.name(),
            title: comparison_title(factor).into(),
            sentence: format!("On: a listener that {}. {}", factor.doc(), COMPARED),
            heads,
            rows: comparison.measures().iter().map(row).collect(),
            links: self.formats("/api/v1/compare", &self.pinned, factor.name()),
            source: self.source(),
            ..Table::default()
        }
    }
}

/// What the measures of a comparison mean.
const COMPARED: &str = "Connections delivered email, probes did not; refused are the probes that were turned away for a \
                        block list or for too many connections. An address counts once in each column.";

/// The title of the comparison by a factor.
pub(crate) const fn comparison_title(factor: Factor) -> &'static str {
    match factor {
        Factor::RelayOnly => "Relay only",
        Factor::RefuseListed => "Refuse who is on a block list",
        Factor::LimitConnections => "Limit connections of a source",
        Factor::ReleaseTests => "Release test messages",
    }
}
