//! What a real server of one version says. A persona is data: a TOML file of replies and limits.

use std::time::Duration;

use serde::Deserialize;

/// One imitated machine: replies, limits, and the name under which it answers.
#[derive(Debug, Clone)]
pub struct Persona {
    /// Name of the file, for the record.
    pub name: String,
    /// The machine's own host name.
    pub host: String,
    pub(crate) smtp: SmtpPersona,
    pub(crate) http: HttpPersona,
    pub(crate) socks: SocksPersona,
}

/// A persona file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("persona: {0}")]
pub struct PersonaError(#[from] toml::de::Error);

impl Persona {
    /// The persona that comes with this crate: Postfix 3.7 with Squid and Dante beside it.
    pub fn built_in(host: &str) -> Self {
        match Self::parse(include_str!("../personas/postfix.toml"), host) {
            Ok(persona) => persona,
            // The file is part of this crate, and a test reads it.
            Err(error) => unreachable!("{error}"),
        }
    }

    /// Reads a persona file for a machine called `host`. A missing or unknown key is an error with its place.
    pub fn parse(file: &str, host: &str) -> Result<Self, PersonaError> {
        let file: PersonaFile = toml::from_str(file)?;
        Ok(Self { name: file.name, host: host.to_owned(), smtp: file.smtp, http: file.http, socks: file.socks })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonaFile {
    name: String,
    smtp: SmtpPersona,
    http: HttpPersona,
    socks: SocksPersona,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmtpPersona {
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

impl SmtpPersona {
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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpPersona {
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
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SocksPersona {
    idle_seconds: u64,
}

impl SocksPersona {
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }
}

/// Writes `template` with each `{name}` replaced by its value, in one pass: a value is never searched for braces.
pub(crate) fn fill(template: &str, values: &[(&str, &[u8])], to: &mut Vec<u8>) {
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        to.extend_from_slice(&rest.as_bytes()[..open]);
        rest = &rest[open..];
        let value = rest.find('}').and_then(|close| {
            let (_, value) = values.iter().find(|(name, _)| *name == &rest[1..close])?;
            Some((close, value))
        });
        match value {
            Some((close, value)) => {
                to.extend_from_slice(value);
                rest = &rest[close + 1..];
            }
            None => {
                to.push(b'{');
                rest = &rest[1..];
            }
        }
    }
    to.extend_from_slice(rest.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_persona_reads() {
        let persona = Persona::built_in("mx.example.net");
        assert_eq!(persona.name, "postfix-3.7");
        assert!(persona.smtp.offers_login("login") && !persona.smtp.offers_login("NTLM"));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it_and_its_line() {
        let file = include_str!("../personas/postfix.toml").replace("idle_seconds = 120", "idle_secs = 120");
        let error = Persona::parse(&file, "mx").unwrap_err().to_string();
        assert!(error.contains("idle_secs") && error.contains("line"), "{error}");
    }

    #[test]
    fn a_value_is_not_searched_for_braces() {
        let mut out = Vec::new();
        fill("a {x} {y} {z", &[("x", b"{y}"), ("y", b"2")], &mut out);
        assert_eq!(out, b"a {y} 2 {z");
    }
}
