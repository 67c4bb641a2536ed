//! What is not answered: words for the reader, and, apart from them, words for the operator's log.

use axum::http::StatusCode;
use statistics::StatisticsError;

/// Why a request has no answer. What is shown never holds what went wrong inside.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// For the reader.
    pub(crate) words: String,
    /// For the log.
    pub(crate) inside: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into(), inside: None }
    }

    /// A parameter that cannot be what it is.
    pub(crate) fn parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("The parameter {name} is wrong: {reason}."))
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no such page.")
    }

    pub(crate) fn busy() -> Self {
        let words =
            "Too many questions at once, or one that takes too long. Try again in a few seconds, or a shorter window.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, words)
    }

    /// Something of ours failed.
    pub(crate) fn inside(error: impl std::fmt::Display) -> Self {
        let words = "The portal cannot answer this now. The operator's log tells why, under the request's id.";
        Self { inside: Some(error.to_string()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, words) }
    }
}

impl From<StatisticsError> for Refusal {
    fn from(error: StatisticsError) -> Self {
        Self::inside(error)
    }
}

impl From<askama::Error> for Refusal {
    fn from(error: askama::Error) -> Self {
        Self::inside(error)
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::inside(error)
    }
}
