//! The rows of an answer, read by column name into the types that they have.

use evidence::{Protocol, ProtocolSet, SensorName, Time};
use lake::{Answer, Value};

use crate::StatisticsError;
use crate::page::Counts;
use crate::question::Question;

/// An answer, read by column name.
pub(crate) struct Reading {
    question: Question,
    answer: Answer,
}

/// One row of it.
pub(crate) struct Line<'a> {
    reading: &'a Reading,
    values: &'a [Value],
}

impl Reading {
    pub(crate) fn new(question: Question, answer: Answer) -> Self {
        Self { question, answer }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.answer.rows.iter().map(|values| Line { reading: self, values })
    }
}

impl Line<'_> {
    fn value(&self, column: &str) -> Option<&Value> {
        self.values.get(self.reading.answer.column(column)?)
    }

    fn wrong(&self, column: &'static str) -> StatisticsError {
        StatisticsError::Answer { question: self.reading.question.name, column }
    }

    /// A count; null counts as zero.
    pub(crate) fn integer(&self, column: &'static str) -> Result<u64, StatisticsError> {
        match self.value(column) {
            Some(Value::Integer(number)) => u64::try_from(*number).map_err(|_| self.wrong(column)),
            Some(Value::Null) => Ok(0),
            _ => Err(self.wrong(column)),
        }
    }

    /// A number of either sign.
    pub(crate) fn signed(&self, column: &'static str) -> Result<Option<i64>, StatisticsError> {
        match self.value(column) {
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    pub(crate) fn boolean(&self, column: &'static str) -> Result<bool, StatisticsError> {
        match self.value(column) {
            Some(Value::Boolean(truth)) => Ok(*truth),
            _ => Err(self.wrong(column)),
        }
    }

    /// A truth, where it is known.
    pub(crate) fn perhaps(&self, column: &'static str) -> Result<Option<bool>, StatisticsError> {
        match self.value(column) {
            Some(Value::Boolean(truth)) => Ok(Some(*truth)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<Option<String>, StatisticsError> {
        match self.value(column) {
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    pub(crate) fn texts(&self, column: &'static str) -> Result<Vec<String>, StatisticsError> {
        match self.value(column) {
            Some(Value::List(items)) => Ok(items.iter().filter_map(Value::as_text).map(str::to_owned).collect()),
            _ => Err(self.wrong(column)),
        }
    }

    pub(crate) fn integers(&self, column: &'static str) -> Result<Vec<u64>, StatisticsError> {
        match self.value(column) {
            Some(Value::List(items)) => {
                let count = |item: &Value| item.as_integer().and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
                Ok(items.iter().map(count).collect())
            }
            _ => Err(self.wrong(column)),
        }
    }

    pub(crate) fn instant(&self, column: &'static str) -> Result<Option<Time>, StatisticsError> {
        match self.value(column) {
            Some(Value::Instant(time)) => Ok(Some(*time)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    pub(crate) fn sensor(&self) -> Result<SensorName, StatisticsError> {
        self.text("sensor")?.and_then(|name| name.parse().ok()).ok_or_else(|| self.wrong("sensor"))
    }

    /// A key or label as tables show it.
    pub(crate) fn shown(&self, column: &str) -> Result<String, StatisticsError> {
        match self.value(column) {
            Some(Value::Text(text)) if text.is_empty() => Ok(crate::selection::NONE.to_owned()),
            Some(Value::Text(text)) => Ok(text.clone()),
            Some(Value::Integer(number)) => Ok(number.to_string()),
            Some(Value::Null) => Ok(crate::selection::NONE.to_owned()),
            _ => Err(self.wrong("key")),
        }
    }

    pub(crate) fn counts(&self) -> Result<Counts, StatisticsError> {
        let bits = self.integer("protocols")?;
        Ok(Counts {
            emails: self.integer("emails")?,
            recipients: self.integer("recipients")?,
            bytes: self.integer("bytes")?,
            connections: self.integer("connections")?,
            protocols: ProtocolSet(u8::try_from(bits).unwrap_or(0) & ALL_PROTOCOLS),
        })
    }
}

const ALL_PROTOCOLS: u8 = {
    let mut all = 0;
    let mut index = 0;
    while index < Protocol::ALL.len() {
        all |= Protocol::ALL[index].bit();
        index += 1;
    }
    all
};
