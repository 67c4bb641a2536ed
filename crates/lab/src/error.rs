//! What can go wrong in a laboratory: our own environment, never what a server says.

use std::io;
use std::path::PathBuf;

/// Why a laboratory did not run, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    #[error("{server} is not installed: {hint}")]
    NotInstalled { server: &'static str, hint: String },
    #[error("the laboratory must be started by root: it makes a network of its own and starts mail servers")]
    NotRoot,
    #[error("a network of its own cannot be made: {step}")]
    Network { step: String, source: io::Error },
    #[error("{server} did not start: {reason}")]
    NotStarted { server: &'static str, reason: String },
    #[error("{path}")]
    File { path: PathBuf, source: io::Error },
    #[error("nothing can listen on {address}")]
    Listen { address: std::net::SocketAddr, source: io::Error },
}

impl LabError {
    /// For `map_err` on what is done with a file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
