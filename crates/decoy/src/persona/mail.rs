//! The mail server of a persona.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{BuiltIn, PersonaError, Replies};

/// What a mail server of one version says, and its limits. A limit that the server does not have is left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailPersona {
    /// Name of the file.
    pub(crate) name: String,
    /// Whose reading of commands and addresses it follows.
    pub(crate) manner: Manner,
    /// Largest message, in bytes.
    pub(crate) size_limit: u64,
    /// Most recipients of one message.
    pub(crate) recipient_limit: usize,
    /// Bytes of a command line that are read.
    pub(crate) line_limit: usize,
    /// Errors from which each reply is delayed.
    #[serde(default = "none")]
    pub(crate) soft_errors: u32,
    /// Errors at which the server hangs up.
    #[serde(default = "none")]
    pub(crate) hard_errors: u32,
    #[serde(default)]
    error_delay_seconds: u64,
    /// Unknown commands that are answered as such; at the next one the server hangs up.
    #[serde(default = "none")]
    pub(crate) unknown_limit: u32,
    /// Idle commands that are free; what becomes of more is the server's manner.
    #[serde(default = "none")]
    pub(crate) junk_limit: u32,
    /// By command: from this one on each is slower than the one before.
    #[serde(default)]
    pub(crate) slow_from: BTreeMap<String, u32>,
    idle_seconds: u64,
    /// Bytes that no local part of a recipient may begin with, and bytes that none may hold.
    #[serde(default)]
    pub(crate) restricted_first: String,
    #[serde(default)]
    pub(crate) restricted: String,
    /// The lines of the answer to EHLO, without codes.
    pub(crate) ehlo: Vec<String>,
    pub(crate) replies: Replies,
    /// By topic, the whole answer to HELP; the empty topic is HELP alone.
    #[serde(default)]
    pub(crate) help: BTreeMap<String, String>,
}

/// Whose reading of commands and addresses a persona follows: what is a command, which address is one, in which order
/// things are looked at, what is counted, how content ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Manner {
    Postfix,
    Exim,
    Sendmail,
}

const fn none() -> u32 {
    u32::MAX
}

impl MailPersona {
    /// The personas that come with this crate; the first is the default.
    pub const BUILT_IN: &[BuiltIn] = &[
        ("postfix-3.7", include_str!("../../personas/mail/postfix-3.7.toml")),
        ("exim-4.96", include_str!("../../personas/mail/exim-4.96.toml")),
        ("sendmail-8.17", include_str!("../../personas/mail/sendmail-8.17.toml")),
    ];

    /// Reads a persona file. An unknown key is an error with its place, a word that is missing or not its server's one with
    /// its name.
    pub fn parse(file: &str) -> Result<Self, PersonaError> {
        Self::checked(toml::from_str(file)?, &toml::from_str(file)?)
    }

    /// Reads the persona of a table.
    pub(super) fn of_table(table: &toml::Table) -> Result<Self, PersonaError> {
        Self::checked(table.clone().try_into()?, table)
    }

    fn checked(persona: Self, table: &toml::Table) -> Result<Self, PersonaError> {
        let words = Replies::of(persona.manner);
        let given = table.get("replies").and_then(toml::Value::as_table);
        let is_given = |word: &str| given.is_some_and(|given| given.contains_key(word));
        if let Some(missing) = words.iter().find(|word| !is_given(word)) {
            return Err(PersonaError::Missing((*missing).to_owned()));
        }
        match given.into_iter().flat_map(toml::Table::keys).find(|word| !words.contains(&word.as_str())) {
            Some(foreign) => Err(PersonaError::Foreign(foreign.clone())),
            None => Ok(persona),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_stand_in_the_answer_to_ehlo() {
        let persona = MailPersona::parse(MailPersona::BUILT_IN[0].1).unwrap();
        assert!(persona.offers_login("login") && !persona.offers_login("NTLM"));
    }

    #[test]
    fn a_word_too_few_or_too_many_is_named() {
        for (_, file) in MailPersona::BUILT_IN {
            let missing = file.replace("\nbanner = ", "\n#banner = ");
            assert!(MailPersona::parse(&missing).unwrap_err().to_string().contains("`banner`"));
            let word = if file.contains("only_rset = ") { "bare_lf" } else { "only_rset" };
            let foreign = file.replace("\nbanner = ", &format!("\n{word} = \"x\"\nbanner = "));
            assert!(MailPersona::parse(&foreign).unwrap_err().to_string().contains(word));
        }
    }
}
