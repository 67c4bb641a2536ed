//! What is wrong with a line of a signature file.

/// A line that cannot be read. Nothing of its file is used then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    pub problem: Problem,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    #[error("`{0}` is neither a section nor `key = value`")]
    Line(String),
    #[error("`{0}` is none of label, sys, sig")]
    Key(String),
    #[error("a `sig` or `sys` before any `label`")]
    Unlabelled,
    #[error("a label is `s:class:name:flavour` or `g:class:name:flavour`, not `{0}`")]
    Label(String),
    #[error("the class `{0}` is not one of the file's `classes`")]
    Class(String),
    #[error("{wanted} fields with colons between them are wanted, not {found}")]
    Fields { wanted: usize, found: usize },
    #[error("`{value}` is no {field}")]
    Value { field: &'static str, value: String },
    #[error("more than {} signatures", crate::MAX_SIGNATURES)]
    TooMany,
}

impl Problem {
    pub(crate) fn value(field: &'static str, value: &str) -> Self {
        Self::Value { field, value: value.to_owned() }
    }
}
