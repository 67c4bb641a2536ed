//! Puts together what the decoy imitates: the personas and the network's key that the configuration names.

use std::path::Path;

use anyhow::Context;
use decoy::{BuiltIn, HttpPersona, MailPersona, NetworkKey, Persona, PersonaError, SocksPersona};

use crate::config::Config;

/// Reads everything that the configuration names; the rest is built in.
pub(crate) fn persona(config: &Config) -> anyhow::Result<Persona> {
    let chosen = &config.persona;
    Ok(Persona::new(
        &config.host,
        network_key(config)?,
        part("mail", &chosen.mail, MailPersona::BUILT_IN, MailPersona::parse)?,
        part("http", &chosen.http, HttpPersona::BUILT_IN, HttpPersona::parse)?,
        part("socks", &chosen.socks, SocksPersona::BUILT_IN, SocksPersona::parse)?,
    ))
}

/// One persona, by its name or its path.
fn part<T>(
    key: &str,
    chosen: &str,
    built_in: &[BuiltIn],
    parse: fn(&str) -> Result<T, PersonaError>,
) -> anyhow::Result<T> {
    if chosen.contains('/') {
        return parse(&read(Path::new(chosen))?).with_context(|| format!("persona.{key}: {chosen}"));
    }
    let names = || built_in.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let found = built_in.iter().find(|(name, _)| *name == chosen);
    let (_, file) = found.with_context(|| {
        format!("persona.{key}: `{chosen}` is neither one of {} nor a path, which would have a `/`", names())
    })?;
    parse(file).with_context(|| format!("persona.{key}: {chosen}"))
}

fn network_key(config: &Config) -> anyhow::Result<NetworkKey> {
    let Some(path) = &config.network_key else {
        tracing::warn!(
            "no network_key: what lies behind this sensor's tunnels differs from what other sensors show, and can be \
             foretold by whoever knows its name"
        );
        return Ok(NetworkKey::of_name(config.name.as_str()));
    };
    read(path)?.parse().with_context(|| format!("network_key: {}", path.display()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(chosen: &str) -> Result<MailPersona, String> {
        part("mail", chosen, MailPersona::BUILT_IN, MailPersona::parse).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_persona_is_chosen_by_its_name_or_by_its_path() {
        for (name, file) in MailPersona::BUILT_IN {
            mail(name).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("own.toml");
            std::fs::write(&path, file).unwrap();
            mail(path.to_str().unwrap()).unwrap();
            std::fs::write(&path, format!("{file}\nunheard_of = 1\n")).unwrap();
            let error = mail(path.to_str().unwrap()).unwrap_err();
            assert!(error.contains("own.toml") && error.contains("unheard_of"), "{error}");
        }
        let error = mail("postfix").unwrap_err();
        assert!(error.contains("persona.mail") && error.contains("`postfix-3.7`"), "{error}");
    }
}
