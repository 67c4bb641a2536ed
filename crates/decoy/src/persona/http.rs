//! The HTTP proxy of a persona.

use std::time::Duration;

use serde::Deserialize;

use super::{BuiltIn, PersonaError};

/// What an HTTP proxy of one version says, and its limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpPersona {
    /// Name of the file.
    pub(crate) name: String,
    idle_seconds: u64,
    /// The whole answer to a CONNECT that succeeds.
    pub(crate) connected: String,
    /// The head of an answer that passes on what a mail server says.
    pub(crate) transformed: String,
    /// The heads of two failures, and their pages.
    pub(crate) malformed: String,
    pub(crate) unreachable: String,
    pub(crate) malformed_page: String,
    pub(crate) unreachable_page: String,
    /// The same for a request that needs a login.
    pub(crate) unauthorized: String,
    pub(crate) unauthorized_page: String,
    /// The head before a page that a web site gave.
    pub(crate) served: String,
}

impl HttpPersona {
    /// The personas that come with this crate; the first is the default.
    pub const BUILT_IN: &[BuiltIn] = &[("squid-5.7", include_str!("../../personas/http/squid-5.7.toml"))];

    /// Reads a persona file. A missing or unknown key is an error with its place.
    pub fn parse(file: &str) -> Result<Self, PersonaError> {
        Ok(toml::from_str(file)?)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }
}
