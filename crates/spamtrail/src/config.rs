//! The configuration files of the collector and the portal. Errors name the file, the line and the key.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use evidence::SensorName;
use lake::Retention;
use release::Caps;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The collector's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectConfig {
    /// The data folder.
    pub(crate) data: PathBuf,
    /// Where sensors ship to.
    pub(crate) listen: SocketAddr,
    #[serde(default)]
    pub(crate) retention: RetentionConfig,
    /// For each sensor, the addresses by which the world knows it, besides the one that connections are addressed to.
    #[serde(default)]
    pub(crate) public_addresses: BTreeMap<String, Vec<IpAddr>>,
    #[serde(default)]
    pub(crate) release: ReleaseConfig,
    /// Block lists of the DNS.
    #[serde(default)]
    pub(crate) dns_list: Vec<DnsListConfig>,
    /// Block lists in files.
    #[serde(default)]
    pub(crate) file_list: Vec<FileListConfig>,
}

/// A block list of the DNS: who is asked, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DnsListConfig {
    /// The zone that is asked, and by which clients are refused.
    pub(crate) zone: String,
    /// What tables call it; absent: as its zone.
    pub(crate) name: Option<String>,
    /// Who keeps it.
    pub(crate) operator: Option<String>,
    /// The server that is asked.
    pub(crate) resolver: SocketAddr,
    /// How long an answer is remembered.
    #[serde(default = "default_hold_minutes")]
    pub(crate) hold_minutes: u32,
    /// The most questions a second.
    #[serde(default = "default_per_second")]
    pub(crate) per_second: u32,
}

/// A block list in a file: an address or a prefix a line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileListConfig {
    pub(crate) path: PathBuf,
    /// By what clients are refused, as by a zone of the DNS.
    pub(crate) zone: String,
    /// What tables call it.
    pub(crate) name: String,
    /// Who keeps it.
    pub(crate) operator: Option<String>,
}

const fn default_hold_minutes() -> u32 {
    60
}

const fn default_per_second() -> u32 {
    10
}

/// Whether and how tests are sent on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReleaseConfig {
    pub(crate) mode: ReleaseMode,
    /// The mail server that takes them, by address.
    pub(crate) smarthost: Option<SocketAddr>,
    /// The sensors whose tests may be sent on.
    pub(crate) sensors: Vec<String>,
    /// The envelope's sender instead of the test's own; `<>` for none.
    pub(crate) envelope_sender: Option<String>,
    /// The most in 24 hours: of all, of one sensor, to one drop-box.
    pub(crate) cap: u32,
    pub(crate) sensor_cap: u32,
    pub(crate) dropbox_cap: u32,
    /// A larger message is not sent.
    pub(crate) most_kib: u32,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReleaseMode {
    /// Nothing is sent, and nothing of this runs.
    Off,
    /// A person, each message.
    Approve,
    /// The rule: the first tests with a strong sign, up to the caps. A person as well.
    Rule,
}

impl Default for ReleaseConfig {
    fn default() -> Self {
        Self {
            mode: ReleaseMode::Off,
            smarthost: None,
            sensors: Vec::new(),
            envelope_sender: None,
            cap: 10,
            sensor_cap: 3,
            dropbox_cap: 1,
            most_kib: 16,
        }
    }
}

impl ReleaseConfig {
    pub(crate) const fn caps(&self) -> Caps {
        Caps { all: self.cap, sensor: self.sensor_cap, dropbox: self.dropbox_cap }
    }
}

/// How many days each class of data is kept; 0 means for ever.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetentionConfig {
    /// Contents of messages: the personal part.
    pub(crate) contents_days: u32,
    /// Facts about messages and connections.
    pub(crate) facts_days: u32,
    pub(crate) heartbeats_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { contents_days: 90, facts_days: 0, heartbeats_days: 400 }
    }
}

/// The portal's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalFile {
    /// The data folder.
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
}

impl CollectConfig {
    pub(crate) fn retention(&self) -> Retention {
        let days = |days: u32| (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400));
        Retention {
            contents: days(self.retention.contents_days),
            facts: days(self.retention.facts_days),
            heartbeats: days(self.retention.heartbeats_days),
        }
    }

    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let config: Self = read(path)?;
        let RetentionConfig { contents_days, facts_days, .. } = config.retention;
        let contents_first = facts_days == 0 || (contents_days != 0 && contents_days <= facts_days);
        ensure!(
            contents_first,
            "{} is wrong: retention.contents_days: contents cannot be kept longer than the facts about them",
            path.display()
        );
        config.check_lists().with_context(|| format!("{} is wrong", path.display()))?;
        let ReleaseConfig { mode, smarthost, sensors, .. } = &config.release;
        let is_off = *mode == ReleaseMode::Off;
        ensure!(
            is_off || smarthost.is_some(),
            "{} is wrong: release.smarthost: without it nothing can be sent",
            path.display()
        );
        ensure!(
            is_off || !sensors.is_empty(),
            "{} is wrong: release.sensors: name those whose tests may be sent",
            path.display()
        );
        let names = config.public_addresses.keys().chain(sensors);
        for name in names {
            let parsed = name.parse::<SensorName>();
            parsed.with_context(|| format!("{} is wrong: release.sensors or public_addresses", path.display()))?;
        }
        Ok(config)
    }

    fn check_lists(&self) -> anyhow::Result<()> {
        let is_name = |text: &str| {
            let sayable = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
            !text.is_empty() && text.len() <= blocklist::MAX_REASON && sayable
        };
        let mut zones = std::collections::BTreeSet::new();
        for list in &self.dns_list {
            ensure!(is_name(&list.zone), "dns_list: zone: `{}` is no domain name", list.zone);
            ensure!(list.hold_minutes > 0, "dns_list {}: hold_minutes: must be greater than 0", list.zone);
            ensure!((1..=1000).contains(&list.per_second), "dns_list {}: per_second: 1 to 1000", list.zone);
        }
        for list in &self.file_list {
            ensure!(is_name(&list.zone), "file_list: zone: `{}` is no domain name", list.zone);
        }
        let all = self.dns_list.iter().map(|list| &list.zone).chain(self.file_list.iter().map(|list| &list.zone));
        for zone in all {
            ensure!(zones.insert(zone), "zone: `{zone}` is that of two lists");
        }
        Ok(())
    }
}

impl PortalFile {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        read(path)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(text: &str) -> Result<CollectConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("collect.toml");
        std::fs::write(&path, text).unwrap();
        CollectConfig::read(&path).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn retention_has_defaults_and_zero_means_for_ever() {
        let config = collect("data = \"d\"\nlisten = \"127.0.0.1:8026\"").unwrap();
        assert_eq!(config.retention().contents, Some(Duration::from_secs(90 * 86_400)));
        assert_eq!(config.retention().facts, None);
    }

    #[test]
    fn mistakes_are_named() {
        let good = "data = \"d\"\nlisten = \"127.0.0.1:8026\"\n";
        assert!(collect(&format!("{good}datta = 1")).unwrap_err().contains("line 3"));
        assert!(collect("data = \"d\"\nlisten = \"127.0.0.1\"").unwrap_err().contains("line 2"));
        let longer = format!("{good}[retention]\ncontents_days = 0\nfacts_days = 10");
        assert!(collect(&longer).unwrap_err().contains("contents_days"));
        let on = format!("{good}[release]\nmode = \"approve\"\n");
        assert!(collect(&on).unwrap_err().contains("release.smarthost"));
        let on = format!("{on}smarthost = \"127.0.0.1:25\"\n");
        assert!(collect(&on).unwrap_err().contains("release.sensors"));
        assert!(collect(&format!("{on}sensors = [\"BR-01\"]")).is_ok());
        assert!(collect(&format!("{on}sensors = [\"BR 01\"]")).unwrap_err().contains("BR 01"));
        assert!(collect(&format!("{good}[release]\nmode = \"on\"")).unwrap_err().contains("line 4"));
        let list = "[[dns_list]]\nzone = \"z.example\"\nresolver = \"127.0.0.1:53\"\n";
        assert!(collect(&format!("{good}{list}")).is_ok());
        for (lists, names) in [
            (list.replace("z.example", "z example"), "z example"),
            (list.replace("127.0.0.1:53", "localhost:53"), "line 5"),
            (format!("{list}per_second = 0"), "per_second"),
            (format!("{list}hold_minutes = 0"), "hold_minutes"),
            (format!("{list}{list}"), "two lists"),
        ] {
            let error = collect(&format!("{good}{lists}")).unwrap_err();
            assert!(error.contains(names), "{error}");
        }
    }

    #[test]
    fn nothing_is_released_unless_somebody_wants_it() {
        let config = collect("data = \"d\"\nlisten = \"127.0.0.1:8026\"").unwrap();
        assert_eq!(config.release.mode, ReleaseMode::Off);
    }

    #[test]
    fn the_samples_are_read_as_they_are_and_with_every_key_set() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../etc");
        for name in ["collect.toml", "portal.toml"] {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            for text in [text.clone(), with_every_key(&text)] {
                let read = if name == "collect.toml" {
                    collect(&text).map(drop)
                } else {
                    toml::from_str::<PortalFile>(&text).map(drop).map_err(|error| error.to_string())
                };
                assert_eq!(read, Ok(()), "{name}:\n{text}");
            }
        }
    }

    /// Lines that begin with `#` and no blank are keys.
    fn with_every_key(text: &str) -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') => {
                format!("{key}\n")
            }
            _ => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    }
}
