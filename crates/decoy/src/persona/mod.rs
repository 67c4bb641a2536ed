//! What real servers of one version say. A persona is data: one TOML file of replies and limits for each program that is
//! imitated, and the host name under which their machine answers.

mod far;
mod http;
mod key;
mod mail;
mod socks;
mod words;

pub(crate) use self::far::{FarMail, Role};
pub(crate) use self::http::Failure;
pub use self::http::HttpPersona;
pub use self::key::{BadNetworkKey, NetworkKey};
pub use self::mail::MailPersona;
pub(crate) use self::mail::Manner;
pub use self::socks::SocksPersona;
pub(crate) use self::socks::{Bound, Login, Version4};
pub(crate) use self::words::Replies;

/// A persona file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonaError {
    #[error("persona: {0}")]
    Read(#[from] toml::de::Error),
    #[error("persona: replies: `{0}` is missing")]
    Missing(String),
    #[error("persona: replies: `{0}` is no word of that server")]
    Foreign(String),
}

/// A persona that comes with this crate: its name, and its file.
pub type BuiltIn = (&'static str, &'static str);

/// One imitated machine, as its sensor shows it, and the key from which it derives what lies beyond it.
#[derive(Debug, Clone)]
pub struct Persona {
    /// The machine's own host name.
    pub host: String,
    pub(crate) mail: MailPersona,
    pub(crate) http: HttpPersona,
    pub(crate) socks: SocksPersona,
    pub(crate) key: NetworkKey,
    pub(crate) far: FarMail,
}

impl Persona {
    /// A machine that runs these programs.
    pub fn new(host: &str, key: NetworkKey, mail: MailPersona, http: HttpPersona, socks: SocksPersona) -> Self {
        Self { host: host.to_owned(), mail, http, socks, key, far: FarMail::built_in() }
    }

    /// The mail server in a role.
    pub(crate) fn mail_server(&self, role: Role) -> &MailPersona {
        match role {
            Role::Own => &self.mail,
            Role::Far(place) => self.far.server(place),
        }
    }

    /// The first of each kind that comes with this crate: Postfix, Squid and Dante. The key is made from the host name.
    pub fn built_in(host: &str) -> Self {
        let parts = (
            MailPersona::parse(MailPersona::BUILT_IN[0].1),
            HttpPersona::parse(HttpPersona::BUILT_IN[0].1),
            SocksPersona::parse(SocksPersona::BUILT_IN[0].1),
        );
        match parts {
            (Ok(mail), Ok(http), Ok(socks)) => Self::new(host, NetworkKey::of_name(host), mail, http, socks),
            // The files are part of this crate, and a test reads them.
            (mail, http, socks) => unreachable!("{:?} {:?} {:?}", mail.err(), http.err(), socks.err()),
        }
    }

    /// The key of the network that its sensor is in.
    pub fn key(&self) -> &NetworkKey {
        &self.key
    }

    /// The names of its programs, for the log.
    pub fn names(&self) -> String {
        format!("{} {} {}", self.mail.name, self.http.name, self.socks.name)
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
    fn every_built_in_persona_reads_and_has_the_name_it_is_chosen_by() {
        for (name, file) in MailPersona::BUILT_IN {
            assert_eq!(MailPersona::parse(file).unwrap().name, *name);
        }
        for (name, file) in HttpPersona::BUILT_IN {
            assert_eq!(HttpPersona::parse(file).unwrap().name, *name);
        }
        for (name, file) in SocksPersona::BUILT_IN {
            assert_eq!(SocksPersona::parse(file).unwrap().name, *name);
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it_and_its_line() {
        let file = MailPersona::BUILT_IN[0].1.replace("idle_seconds = 300", "idle_secs = 300");
        let error = MailPersona::parse(&file).unwrap_err().to_string();
        assert!(error.contains("idle_secs") && error.contains("line"), "{error}");
    }

    #[test]
    fn a_value_is_not_searched_for_braces() {
        let mut out = Vec::new();
        fill("a {x} {y} {z", &[("x", b"{y}"), ("y", b"2")], &mut out);
        assert_eq!(out, b"a {y} 2 {z");
    }
}
