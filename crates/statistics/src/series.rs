//! Emails and recipients over time, in quarters of an hour.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{QUARTER, Time, Window};

use crate::StatisticsError;
use crate::page::{Reading, Statistics};
use crate::question::Question;
use crate::selection::{Dimension, Selection};

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
        let snapshot = self.snapshot().await?.within(selection.window);
        let query = Question::SERIES.fill(&[("filter", &selection.conditions(|_| true))]);
        let answer = snapshot.sql(&query, &selection.parameters(|_| true)).await?;
        let mut counted = BTreeMap::new();
        for line in Reading::new(Question::SERIES, answer).lines() {
            if let Some(quarter) = line.instant("quarter")? {
                counted.insert(quarter, (line.integer("emails")?, line.integer("recipients")?));
            }
        }
        let of_sensor = |dimension| dimension == Dimension::Sensor;
        let query = Question::LISTENING.fill(&[("filter", &selection.conditions(of_sensor))]);
        let answer = snapshot.sql(&query, &selection.parameters(of_sensor)).await?;
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
        Ok(Series { window: selection.window, quarters })
    }
}
