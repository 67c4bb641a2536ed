//! The SOCKS proxy of a persona.

use std::time::Duration;

use serde::Deserialize;

use super::{BuiltIn, PersonaError};

/// What a SOCKS proxy of one version does, and its limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocksPersona {
    /// Name of the file.
    pub(crate) name: String,
    idle_seconds: u64,
}

impl SocksPersona {
    /// The personas that come with this crate; the first is the default.
    pub const BUILT_IN: &[BuiltIn] = &[("dante-1.4", include_str!("../../personas/socks/dante-1.4.toml"))];

    /// Reads a persona file. A missing or unknown key is an error with its place.
    pub fn parse(file: &str) -> Result<Self, PersonaError> {
        Ok(toml::from_str(file)?)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }
}
