//! The single emails and connections behind a number, without personal data.

use lake::{Answer, Value};

use crate::StatisticsError;
use crate::page::Page;
use crate::question::Question;
use crate::selection::{Dimension, NONE, Selection};
use crate::sheet::Sheet;

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    Emails,
    /// All connections that have ended.
    Connections,
    /// The connections that the tables count: those that delivered email, also while they are open.
    Deliveries,
    /// The connections that ended without an email.
    Probes,
}

/// Records, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    pub kind: RecordKind,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// The most rows that are told; as many mean that there may be more.
    pub limit: usize,
    sheet: Sheet,
}

/// Records that are told when nobody says how many.
const LIMIT: usize = 500;

impl RecordKind {
    pub(crate) const fn question(self) -> Question {
        match self {
            Self::Emails => Question::EMAILS,
            Self::Connections | Self::Probes => Question::CONNECTIONS,
            Self::Deliveries => Question::DELIVERIES,
        }
    }

    /// The `type` of a record in JSON.
    const fn name(self) -> &'static str {
        match self {
            Self::Emails => "email",
            Self::Connections | Self::Deliveries => "connection",
            Self::Probes => "probe",
        }
    }

    /// Whether its table has the column of a dimension.
    pub(crate) fn has(self, dimension: Dimension) -> bool {
        match self {
            Self::Emails | Self::Deliveries => true,
            Self::Connections | Self::Probes => !matches!(dimension, Dimension::Domain | Dimension::SenderDomain),
        }
    }

    /// The question for some of a selection's records.
    pub(crate) fn query(self, selection: &Selection, skip: usize, rows: usize) -> String {
        let mut filter = selection.conditions(|dimension| self.has(dimension));
        if self == Self::Probes {
            filter.push_str(" AND messages = 0");
            // A connection that delivered nothing has no domain.
            if selection.filters.iter().any(|filter| !self.has(filter.dimension)) {
                filter.push_str(" AND FALSE");
            }
        }
        let (rows, skip) = (rows.to_string(), skip.to_string());
        let gaps = selection.gaps(&filter);
        self.question().fill(&[&gaps[..], &[("rows", rows.as_str()), ("skip", skip.as_str())]].concat())
    }
}

impl Page {
    /// The newest records of this page's selection.
    pub async fn records(&self, kind: RecordKind) -> Result<Records, StatisticsError> {
        self.records_after(kind, 0, LIMIT).await
    }

    /// At most `limit` records of this page's selection, after those that are skipped.
    pub async fn records_after(&self, kind: RecordKind, skip: usize, limit: usize) -> Result<Records, StatisticsError> {
        let query = kind.query(&self.selection, skip, limit);
        let parameters = self.selection.parameters(|dimension| kind.has(dimension));
        let Answer { columns, rows } = self.snapshot.within(self.selection.reach()).sql(&query, &parameters).await?;
        let sheet = Sheet { kind: kind.name(), columns: columns.clone(), rows };
        let rows = sheet.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
        Ok(Records { kind, columns, rows, limit, sheet })
    }
}

impl Records {
    /// The same to be written.
    pub fn sheet(&self) -> &Sheet {
        &self.sheet
    }
}

/// A value as text for people.
pub(crate) fn shown(value: &Value) -> String {
    if *value == Value::Null { NONE.to_owned() } else { value.to_string() }
}
