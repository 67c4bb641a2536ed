//! One line of the audit.

use evidence::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A person wants it sent.
    Approved,
    /// The rule of the configuration wants it sent.
    ByRule,
    /// A person does not want it sent.
    Denied,
    /// It is handed to the smarthost from now on.
    Sending,
    /// The smarthost took it.
    Sent,
    /// It was certainly not taken.
    Failed,
    /// Nobody can tell whether it was taken.
    Unknown,
}

impl Event {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::ByRule => "by-rule",
            Self::Denied => "denied",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// What a line says. It names no person whose mailbox it is: of the drop-box there is a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub at: String,
    /// The id of the message in the lake.
    pub message: String,
    pub event: Event,
    /// Who did it: a user of the collector's machine, or `collector`.
    pub by: String,
    pub sensor: String,
    /// The SHA-256 of the drop-box's address in lower case.
    pub dropbox: String,
    /// The SHA-256 of the content.
    pub content: String,
    /// What the smarthost answered, or why it failed.
    pub words: String,
}

impl Entry {
    pub fn time(&self) -> Option<Time> {
        self.at.parse().ok()
    }

    /// The digest by which a drop-box is named.
    pub fn digest_of(dropbox: &[u8]) -> String {
        evidence::sha256_hex(&Sha256::digest(dropbox.to_ascii_lowercase()).into())
    }

    /// The same message with another event.
    #[must_use]
    pub fn followed_by(&self, event: Event, at: Time, by: &str, words: &str) -> Self {
        Self { at: at.to_string(), event, by: by.to_owned(), words: words.to_owned(), ..self.clone() }
    }
}
