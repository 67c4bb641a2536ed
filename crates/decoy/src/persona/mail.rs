//! The mail server of a persona.

use std::time::Duration;

use serde::Deserialize;

use super::{BuiltIn, PersonaError};

/// What a mail server of one version says, and its limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailPersona {
    /// Name of the file.
    pub(crate) name: String,
    /// Largest message, in bytes.
    pub(crate) size_limit: u64,
    /// Most recipients of one message.
    pub(crate) recipient_limit: usize,
    /// Bytes of a command line that are read.
    pub(crate) line_limit: usize,
    /// Errors from which each reply is delayed.
    pub(crate) soft_errors: u32,
    /// Errors at which the server hangs up.
    pub(crate) hard_errors: u32,
    error_delay_seconds: u64,
    /// Idle commands beyond which each counts as an error.
    pub(crate) junk_limit: u32,
    idle_seconds: u64,
    /// The lines of the answer to EHLO, without codes.
    pub(crate) ehlo: Vec<String>,
    pub(crate) replies: Replies,
}

impl MailPersona {
    /// The personas that come with this crate; the first is the default.
    pub const BUILT_IN: &[BuiltIn] = &[("postfix-3.7", include_str!("../../personas/mail/postfix-3.7.toml"))];

    /// Reads a persona file. A missing or unknown key is an error with its place.
    pub fn parse(file: &str) -> Result<Self, PersonaError> {
        Ok(toml::from_str(file)?)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    pub(crate) fn error_delay(&self) -> Duration {
        Duration::from_secs(self.error_delay_seconds)
    }

    /// Whether a mechanism stands in the answer to EHLO.
    pub(crate) fn offers_login(&self, mechanism: &str) -> bool {
        let line = self.ehlo.iter().find_map(|line| line.strip_prefix("AUTH "));
        line.is_some_and(|mechanisms| mechanisms.split(' ').any(|offered| offered.eq_ignore_ascii_case(mechanism)))
    }
}

/// Reply lines. What stands in braces is replaced.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replies {
    pub(crate) banner: String,
    pub(crate) helo: String,
    pub(crate) helo_syntax: String,
    pub(crate) ehlo_syntax: String,
    pub(crate) ok: String,
    pub(crate) sender_ok: String,
    pub(crate) recipient_ok: String,
    pub(crate) start_data: String,
    pub(crate) queued: String,
    pub(crate) chunk_ok: String,
    pub(crate) chunk_queued: String,
    pub(crate) verified: String,
    pub(crate) etrn_unavailable: String,
    pub(crate) etrn_in_mail: String,
    pub(crate) etrn_syntax: String,
    pub(crate) bye: String,
    pub(crate) forbidden: String,
    pub(crate) unknown: String,
    pub(crate) bad_syntax: String,
    pub(crate) bad_utf8: String,
    pub(crate) not_implemented: String,
    pub(crate) unauthorized: String,
    pub(crate) rset_syntax: String,
    pub(crate) vrfy_syntax: String,
    pub(crate) mail_syntax: String,
    pub(crate) rcpt_syntax: String,
    pub(crate) data_syntax: String,
    pub(crate) bdat_syntax: String,
    pub(crate) bad_sender: String,
    pub(crate) bad_recipient: String,
    pub(crate) bad_size: String,
    pub(crate) bad_parameter: String,
    pub(crate) bad_recipient_parameter: String,
    pub(crate) unsupported_option: String,
    pub(crate) nested_mail: String,
    pub(crate) need_mail: String,
    pub(crate) need_recipient: String,
    pub(crate) no_valid_recipients: String,
    pub(crate) too_many_recipients: String,
    pub(crate) data_after_chunk: String,
    pub(crate) recipient_after_chunk: String,
    pub(crate) announced_too_big: String,
    pub(crate) too_big: String,
    pub(crate) chunk_too_big: String,
    pub(crate) no_space: String,
    pub(crate) auth_syntax: String,
    pub(crate) auth_again: String,
    pub(crate) in_mail: String,
    pub(crate) auth_mechanism: String,
    pub(crate) auth_malformed: String,
    pub(crate) auth_aborted: String,
    pub(crate) auth_ok: String,
    pub(crate) auth_failed: String,
    pub(crate) too_many_errors: String,
    pub(crate) timeout: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_stand_in_the_answer_to_ehlo() {
        let persona = MailPersona::parse(MailPersona::BUILT_IN[0].1).unwrap();
        assert!(persona.offers_login("login") && !persona.offers_login("NTLM"));
    }
}
