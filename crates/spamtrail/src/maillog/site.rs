//! What is ours, as flags and a file of settings say.

use std::fs;
use std::hash::{BuildHasher, RandomState};

use anyhow::Context;
use evidence::IpNet;
use findings::{Domain, Site};
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::arguments::MaillogRead;

/// What a run knows before the first line.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) site: Site,
    /// Of the servers' clocks, for stamps without an offset.
    pub(crate) zone: TimeZone,
    /// For hashes of what peers choose; drawn anew for each run.
    pub(crate) seed: u64,
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
}

impl Default for Settings {
    fn default() -> Self {
        Self { site: Site::default(), zone: TimeZone::UTC, seed: seed() }
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
        Ok(Self { site, zone, seed: seed() })
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
