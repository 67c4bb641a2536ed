//! What is ours, as flags and a file of settings say.

use std::fmt;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use anyhow::Context;
use evidence::IpNet;
use findings::{Domain, Site, Threshold, Thresholds};
use jiff::tz::TimeZone;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::arguments::MaillogRead;

/// What a run knows before the first line.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) site: Site,
    /// Of the servers' clocks, for stamps without an offset.
    pub(crate) zone: TimeZone,
    /// For hashes of what peers choose; drawn anew for each run.
    pub(crate) seed: u64,
    pub(crate) thresholds: Thresholds,
    /// How long what was found is kept; `None`: for ever.
    pub(crate) keep: Option<Duration>,
}

/// The file of settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    #[serde(default)]
    customers: Vec<String>,
    #[serde(default)]
    machines: Vec<String>,
    #[serde(default)]
    domains: Vec<String>,
    zone: Option<String>,
    #[serde(default)]
    keep_days: u32,
    #[serde(default)]
    thresholds: Set,
}

/// Thresholds that are set, each in its range.
#[derive(Debug, Default)]
struct Set(Thresholds);

impl Default for Settings {
    fn default() -> Self {
        Self { site: Site::default(), zone: TimeZone::UTC, seed: seed(), thresholds: Thresholds::default(), keep: None }
    }
}

impl Settings {
    /// The file's and the flags' together.
    pub(crate) fn read(arguments: &MaillogRead) -> anyhow::Result<Self> {
        let mut file = match &arguments.site {
            None => SettingsFile::default(),
            Some(path) => {
                let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
                toml::from_str(&text).with_context(|| path.display().to_string())?
            }
        };
        let mut customers = networks(&file.customers).context("customers")?;
        customers.extend(&arguments.customers);
        let mut machines = networks(&file.machines).context("machines")?;
        machines.extend(&arguments.machines);
        file.domains.extend(arguments.domains.iter().cloned());
        let domains: Result<Vec<Domain>, _> = file.domains.iter().map(|domain| domain.parse()).collect();
        let site = Site::new(&customers, &machines, domains.context("domains")?);
        let zone = arguments.zone.as_ref().or(file.zone.as_ref());
        let zone = zone.map_or(Ok(TimeZone::UTC), |name| zone_of(name)).context("zone")?;
        let keep = (file.keep_days > 0).then(|| Duration::from_secs(u64::from(file.keep_days) * 86_400));
        Ok(Self { site, zone, seed: seed(), thresholds: file.thresholds.0, keep })
    }
}

impl<'de> Deserialize<'de> for Set {
    fn deserialize<D: Deserializer<'de>>(table: D) -> Result<Self, D::Error> {
        table.deserialize_map(Setting)
    }
}

/// Reads them one by one, so that a mistake is told with its line.
struct Setting;

impl<'de> Visitor<'de> for Setting {
    type Value = Set;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of thresholds with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Set, A::Error> {
        let mut set = Set::default();
        while let Some(Name(threshold)) = table.next_key()? {
            table.next_value_seed(Value(threshold, &mut set.0))?;
        }
        Ok(set)
    }
}

struct Name(Threshold);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(name: D) -> Result<Self, D::Error> {
        let name = String::deserialize(name)?;
        let unknown = || Error::custom(format!("no threshold has the name `{name}`"));
        Threshold::parse(&name).map(Self).ok_or_else(unknown)
    }
}

struct Value<'a>(Threshold, &'a mut Thresholds);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        let Self(threshold, set) = self;
        set.set(threshold, f64::deserialize(value)?).map_err(Error::custom)
    }
}

fn networks(texts: &[String]) -> anyhow::Result<Vec<IpNet>> {
    texts.iter().map(|text| text.parse().with_context(|| format!("`{text}` is no network"))).collect()
}

/// A zone by its name (`Europe/Berlin`) or as an offset (`+01:00`).
fn zone_of(name: &str) -> anyhow::Result<TimeZone> {
    if name.starts_with(['+', '-']) {
        let at = format!("2000-01-01T00:00:00{name}");
        let pieces: jiff::fmt::temporal::Pieces = jiff::fmt::temporal::Pieces::parse(&at)?;
        let offset = pieces.to_numeric_offset().context("an offset is written +01:00")?;
        return Ok(offset.to_time_zone());
    }
    TimeZone::get(name).with_context(|| format!("no zone has the name `{name}` on this machine"))
}

/// A number that nobody outside can know: the standard library seeds its hash tables from the system's randomness.
fn seed() -> u64 {
    RandomState::new().hash_one(0)
}

/// Sixteen such bytes.
pub(super) fn secret() -> [u8; 16] {
    let (one, other) = (seed().to_le_bytes(), seed().to_le_bytes());
    std::array::from_fn(|at| if at < 8 { one[at] } else { other[at - 8] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_set_by_name_and_a_mistake_is_told_with_its_line() {
        let read = |text: &str| toml::from_str::<SettingsFile>(text).map(|file| file.thresholds.0);
        let set = read("zone = \"UTC\"\n[thresholds]\nstrangers = 300\nsender_share = 0.6\n").unwrap();
        assert_eq!((set.untuned(Threshold::Strangers), set.untuned(Threshold::SenderShare)), (300.0, 0.6));
        assert_eq!(set.untuned(Threshold::Listed), Thresholds::default().untuned(Threshold::Listed));
        for (text, parts) in [
            ("[thresholds]\nlisted = 6\nstrangers = 5\n", ["line 3", "strangers = 5: it must be from 10 to 100000"]),
            ("[thresholds]\nstranger = 50\n", ["line 2", "no threshold has the name `stranger`"]),
            ("[thresholds]\nstrangers = \"many\"\n", ["line 2", "many"]),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
