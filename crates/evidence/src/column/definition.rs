//! What a column is: a name, a kind, who may see it, and how its value is taken from a row. It defines no column.

use std::borrow::Cow;

use crate::Time;

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8. What a peer sent stands in the form of [`crate::Shown`].
    Text,
    Integer,
    Boolean,
    /// An instant in UTC, in microseconds.
    Instant,
    Bytes,
    /// A list of texts.
    Texts,
    /// A list of integers.
    Integers,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Instant => "instant (UTC, µs)",
            Self::Bytes => "bytes",
            Self::Texts => "list of text",
            Self::Integers => "list of integer",
        }
    }
}

/// Who may see a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Facts about the abuse.
    Open,
    /// Data of persons: mail addresses, contents, credentials. Analysts only; never on an overview.
    Personal,
    /// Would give a sensor away. Operators only; never in a page, feed or report.
    Sensor,
}

impl Exposure {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Personal => "personal",
            Self::Sensor => "sensor",
        }
    }
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
    Instant(Time),
    Bytes(Cow<'a, [u8]>),
    Texts(Vec<String>),
    Integers(Vec<i64>),
}

/// The definition of a column of rows `R`.
pub struct Column<R> {
    pub name: &'static str,
    pub kind: Kind,
    pub nullable: bool,
    pub exposure: Exposure,
    /// The unit of a number, where it is not a plain count.
    pub unit: Option<&'static str>,
    /// One sentence.
    pub doc: &'static str,
    pub(super) cell: Box<CellOf<R>>,
}

pub(super) type CellOf<R> = dyn for<'a> Fn(&'a R) -> Cell<'a> + Send + Sync;

impl<R> Column<R> {
    pub(super) fn new(
        name: &'static str,
        kind: Kind,
        doc: &'static str,
        cell: impl for<'a> Fn(&'a R) -> Cell<'a> + Send + Sync + 'static,
    ) -> Self {
        Self { name, kind, nullable: false, exposure: Exposure::Open, unit: None, doc, cell: Box::new(cell) }
    }

    /// This column's value in a row.
    pub fn cell<'a>(&self, row: &'a R) -> Cell<'a> {
        (self.cell)(row)
    }

    pub(super) fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    pub(super) fn personal(mut self) -> Self {
        self.exposure = Exposure::Personal;
        self
    }

    pub(super) fn sensor(mut self) -> Self {
        self.exposure = Exposure::Sensor;
        self
    }

    pub(super) fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}
