//! Emails and recipients over time, in quarters of an hour.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{QUARTER, Time, Window};
use lake::{Snapshot, Value};

use crate::StatisticsError;
use crate::page::{Page, Statistics};
use crate::question::Question;
use crate::reading::Reading;
use crate::selection::{Dimension, Selection};
use crate::sheet::Sheet;

/// A series over a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub window: Window,
    pub quarters: Vec<Quarter>,
}

/// One quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarter {
    pub start: Time,
    pub emails: u64,
    pub recipients: u64,
    /// Whether any sensor gave a sign of life in it: where none did, nothing is known.
    pub known: bool,
}

impl Statistics {
    /// The series of a selection, from the quarter in which its window begins to the one in which it ends.
    pub async fn series(&self, selection: &Selection) -> Result<Series, StatisticsError> {
        Series::load(&self.snapshot().await?, selection).await
    }
}

impl Page {
    /// The series of this page's filters over another window, from the same versions of the tables.
    pub async fn series(&self, window: Window) -> Result<Series, StatisticsError> {
        Series::load(&self.snapshot, &Selection { window, ..self.selection.clone() }).await
    }
}

impl Series {
    pub async fn load(snapshot: &Snapshot, selection: &Selection) -> Result<Self, StatisticsError> {
        let snapshot = snapshot.within(selection.reach());
        let answer = snapshot.sql(&series_query(selection), &selection.parameters(|_| true)).await?;
        let mut counted = BTreeMap::new();
        for line in Reading::new(Question::SERIES, answer).lines() {
            if let Some(quarter) = line.instant("quarter")? {
                counted.insert(quarter, (line.integer("emails")?, line.integer("recipients")?));
            }
        }
        let answer = snapshot.sql(&listening_query(selection), &selection.parameters(of_sensor)).await?;
        let mut listening = BTreeSet::new();
        for line in Reading::new(Question::LISTENING, answer).lines() {
            listening.extend(line.instant("quarter")?);
        }
        let mut quarters = Vec::new();
        let mut start = selection.window.from.quarter();
        while start < selection.window.until {
            let (emails, recipients) = counted.get(&start).copied().unwrap_or_default();
            let known = emails > 0 || listening.contains(&start);
            quarters.push(Quarter { start, emails, recipients, known });
            start = start + QUARTER;
        }
        Ok(Self { window: selection.window, quarters })
    }

    /// The series to be written; the counts of a quarter of which nothing is known are absent.
    pub fn sheet(&self) -> Sheet {
        let count = |quarter: &Quarter, count: u64| match quarter.known {
            true => Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)),
            false => Value::Null,
        };
        let row = |quarter: &Quarter| {
            vec![Value::Instant(quarter.start), count(quarter, quarter.emails), count(quarter, quarter.recipients)]
        };
        let columns = ["quarter", "emails", "recipients"].map(str::to_owned).to_vec();
        Sheet { kind: "quarter", columns, rows: self.quarters.iter().map(row).collect() }
    }
}

pub(crate) fn series_query(selection: &Selection) -> String {
    selection.fill(Question::SERIES, |_| true)
}

pub(crate) fn listening_query(selection: &Selection) -> String {
    selection.fill(Question::LISTENING, of_sensor)
}

/// Heartbeats know no other dimension.
pub(crate) fn of_sensor(dimension: Dimension) -> bool {
    dimension == Dimension::Sensor
}
