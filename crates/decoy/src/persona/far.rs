//! Mail servers at the far side of tunnels: the same for a destination at all sensors of a network, and always.
//!
//! A large provider is known by its name; for every other destination the network's key draws the server and, where the
//! destination is an address, a name. Nothing is resolved.

use serde::Deserialize;

use super::{MailPersona, NetworkKey, PersonaError};

/// Which mail server of a persona speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The machine's own.
    Own,
    /// One at the far side of a tunnel, by its place in [`FarMail`].
    Far(usize),
}

/// The mail servers that a tunnel may lead to, read once.
#[derive(Debug, Clone)]
pub(crate) struct FarMail {
    servers: Vec<MailPersona>,
    providers: Vec<Provider>,
}

/// How many of 256 destinations have each of the built-in servers, in their order. What cannot be taken as it comes, as a lone
/// LF by Sendmail, is not caught: so that one is rare.
const SHARES: [u8; 3] = [154, 77, 25];

/// Purposes of draws.
const SERVER: &str = "mail server";
const NAME: &str = "mail server's name";

/// Parts of a name for a server that was addressed by its number.
const HOSTS: [&str; 8] = ["mail", "mx", "smtp", "mx1", "mx2", "mail2", "relay", "mta"];
const SYLLABLES: [&str; 16] =
    ["al", "ber", "cor", "dan", "el", "fin", "gra", "hol", "in", "kar", "lum", "mer", "nor", "pol", "ster", "val"];
const ENDS: [&str; 8] = ["net", "com", "net", "org", "com", "net", "info", "com"];

/// A provider in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderFile {
    provider: Vec<ProviderEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderEntry {
    name: String,
    names: Vec<String>,
    base: String,
    host: Option<String>,
    ehlo: Vec<String>,
    replies: toml::Table,
}

#[derive(Debug, Clone)]
struct Provider {
    names: Vec<String>,
    host: Option<String>,
    /// The place of its server.
    place: usize,
}

impl FarMail {
    /// The servers that come with this crate.
    pub(super) fn built_in() -> Self {
        match Self::parse(include_str!("../../personas/mail/providers.toml")) {
            Ok(far) => far,
            // The files are part of this crate, and a test reads them.
            Err(error) => unreachable!("{error}"),
        }
    }

    fn parse(file: &str) -> Result<Self, PersonaError> {
        let mut servers =
            MailPersona::BUILT_IN.iter().map(|(_, file)| MailPersona::parse(file)).collect::<Result<Vec<_>, _>>()?;
        let mut providers = Vec::new();
        for entry in toml::from_str::<ProviderFile>(file)?.provider {
            let base = MailPersona::BUILT_IN.iter().find(|(name, _)| *name == entry.base);
            let base = base.ok_or_else(|| PersonaError::Missing(entry.base.clone()))?.1;
            servers.push(over(toml::from_str(base)?, &entry)?);
            providers.push(Provider { names: entry.names, host: entry.host, place: servers.len() - 1 });
        }
        Ok(Self { servers, providers })
    }

    /// Whether a name is a large provider's, or below one.
    pub(crate) fn is_provider(&self, name: &str) -> bool {
        self.providers.iter().any(|provider| provider.names.iter().any(|suffix| is_below(name, suffix)))
    }

    pub(super) fn server(&self, place: usize) -> &MailPersona {
        &self.servers[place]
    }

    /// The server of a destination and its name. `name` is that of the destination, in small letters, if it has one.
    pub(crate) fn choose(&self, key: &NetworkKey, destination: &[u8], name: Option<&str>) -> (Role, String) {
        if let Some(name) = name {
            let is_of = |provider: &&Provider| provider.names.iter().any(|suffix| is_below(name, suffix));
            if let Some(provider) = self.providers.iter().find(is_of) {
                return (Role::Far(provider.place), provider.host.clone().unwrap_or_else(|| name.to_owned()));
            }
        }
        let mut left = key.draw(SERVER, destination)[0];
        let place = SHARES.iter().take_while(|share| {
            let beyond = left >= **share;
            left = left.saturating_sub(**share);
            beyond
        });
        let role = Role::Far(place.count().min(SHARES.len() - 1));
        (role, name.map_or_else(|| drawn_name(&key.draw(NAME, destination)), str::to_owned))
    }
}

/// A built-in persona with a provider's words in the place of its own.
fn over(mut base: toml::Table, entry: &ProviderEntry) -> Result<MailPersona, PersonaError> {
    base.insert("name".into(), entry.name.clone().into());
    base.insert("ehlo".into(), entry.ehlo.clone().into());
    if let Some(replies) = base.get_mut("replies").and_then(toml::Value::as_table_mut) {
        replies.extend(entry.replies.clone());
    }
    MailPersona::of_table(&base)
}

fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// A name as such servers have: nobody's in particular, and the same for the same draw.
fn drawn_name(draw: &[u8; 32]) -> String {
    let pick = |list: &[&'static str], byte: u8| list[usize::from(byte) % list.len()];
    let syllables: String = draw[1..4].iter().map(|byte| pick(&SYLLABLES, *byte)).collect();
    format!(
        "{}.{syllables}{}.{}",
        pick(&HOSTS, draw[0]),
        if draw[5].is_multiple_of(4) { "net" } else { "" },
        pick(&ENDS, draw[6])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_known_by_their_names_and_by_names_below() {
        let far = FarMail::built_in();
        let key = NetworkKey::of_name("XX-01");
        let server = |name: &str| {
            let (role, host) = far.choose(&key, name.as_bytes(), Some(name));
            let Role::Far(place) = role else { unreachable!("the far side is not our own") };
            (far.server(place).name.clone(), host)
        };
        assert_eq!(server("aspmx.l.google.com"), ("google".into(), "mx.google.com".into()));
        assert_eq!(
            server("x-y.mail.protection.outlook.com"),
            ("microsoft".into(), "x-y.mail.protection.outlook.com".into())
        );
        assert_eq!(server("gmx.net").0, "gmx");
        assert_ne!(server("notgoogle.com").0, "google");
    }

    #[test]
    fn a_destination_has_the_same_server_and_name_wherever_the_key_is_the_same() {
        let key = NetworkKey::of_name("XX-01");
        let mut servers = [0_u32; 3];
        let mut names = std::collections::BTreeSet::new();
        for number in 0..512 {
            let address = format!("192.0.{}.{}", number / 256, number % 256);
            let here = FarMail::built_in().choose(&key, address.as_bytes(), None);
            if number % 64 == 0 {
                assert_eq!(here, FarMail::built_in().choose(&key, address.as_bytes(), None));
            }
            let Role::Far(place) = here.0 else { unreachable!("the far side is not our own") };
            servers[place] += 1;
            names.insert(here.1);
        }
        assert!(servers[0] > 250 && servers[1] > 100 && servers[2] > 20, "{servers:?}");
        assert!(names.len() > 400, "{}", names.len());
    }
}
