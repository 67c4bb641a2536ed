//! The single emails and connections behind a number, without personal data.

use lake::{Answer, Value};

use crate::StatisticsError;
use crate::page::Page;
use crate::question::Question;
use crate::selection::{Dimension, NONE};

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    Emails,
    Connections,
}

/// Records, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    pub kind: RecordKind,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// The most rows that are told; as many mean that there may be more.
    pub limit: usize,
}

/// The limit in the questions' files.
const LIMIT: usize = 500;

impl RecordKind {
    const fn question(self) -> Question {
        match self {
            Self::Emails => Question::EMAILS,
            Self::Connections => Question::CONNECTIONS,
        }
    }
}

impl Page {
    /// The records of this page's selection.
    pub async fn records(&self, kind: RecordKind) -> Result<Records, StatisticsError> {
        let question = kind.question();
        let applies = |dimension: Dimension| match kind {
            RecordKind::Emails => true,
            RecordKind::Connections => !matches!(dimension, Dimension::Domain | Dimension::SenderDomain),
        };
        let query = question.fill(&[("filter", &self.selection.conditions(applies))]);
        let snapshot = self.snapshot.within(self.selection.window);
        let Answer { columns, rows } = snapshot.sql(&query, &self.selection.parameters(applies)).await?;
        let rows = rows.iter().map(|row| row.iter().map(shown).collect()).collect();
        Ok(Records { kind, columns, rows, limit: LIMIT })
    }
}

/// A value as text for people.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Instant(time) => time.to_string(),
        Value::Bytes(bytes) => evidence::shown(bytes),
        Value::List(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Struct(fields) => {
            fields.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect::<Vec<_>>().join(" ")
        }
    }
}
