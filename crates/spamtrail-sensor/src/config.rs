//! The file of a sensor's machine: one for both roles. Errors name the file, the line and the key, and stop the start.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use decoy::{Auth, BuiltIn, Encryption, HttpPersona, Latency, MailPersona, SocksPersona, Web};
use evidence::{IpNet, SensorName};
use serde::Deserialize;

/// The configuration of a sensor's machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The sensor's name: of its certificate, its rows and its table heads.
    #[serde(deserialize_with = "parsed")]
    pub name: SensorName,
    /// The host name under which the decoy answers.
    pub host: String,
    /// The key that all sensors of a network share; absent: one that is made from the name.
    pub network_key: Option<PathBuf>,
    /// Where what was caught waits for the collector.
    pub spool: PathBuf,
    /// The most disk space that it may take.
    #[serde(default = "default_spool_limit")]
    pub spool_limit_mib: u64,
    /// The age at which a segment is given to shipping.
    #[serde(default = "default_seal_after")]
    pub seal_after_seconds: f64,
    /// The most connections at once; more wait in the kernel's queue.
    #[serde(default = "default_max_connections")]
    pub max_connections: u32,
    /// The most connections of one network (IPv4 /24, IPv6 /64) at once; more are closed at once.
    #[serde(default = "default_network_connections")]
    pub max_connections_per_network: u32,
    /// The most connections that one network may make in a minute; absent: as many as it likes.
    pub max_arrivals_per_network: Option<u32>,
    /// Networks of load balancers that present clients with the PROXY protocol. From them a header is demanded.
    #[serde(default, deserialize_with = "parsed_list")]
    pub trusted_balancers: Vec<IpNet>,
    /// Whether the sensor ends at its start when the kernel does not confine it or a way out is open. Otherwise it says so
    /// and serves.
    #[serde(default = "default_require_confinement")]
    pub require_confinement: bool,
    /// The seal that `enroll` made: it closes the secrets that clients offer. Without it none is kept.
    pub seal: Option<PathBuf>,
    /// Which programs the decoy imitates.
    #[serde(default)]
    pub persona: PersonaConfig,
    /// Ports.
    pub listen: Vec<ListenConfig>,
    /// Where to ship; needed by the role `ship` alone.
    pub ship: Option<ShipConfig>,
}

/// Which programs the decoy imitates: each a name of those that are built in, or a path, which has a `/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PersonaConfig {
    pub mail: String,
    pub http: String,
    pub socks: String,
}

impl Default for PersonaConfig {
    fn default() -> Self {
        let first = |built_in: &[BuiltIn]| built_in[0].0.to_owned();
        Self {
            mail: first(MailPersona::BUILT_IN),
            http: first(HttpPersona::BUILT_IN),
            socks: first(SocksPersona::BUILT_IN),
        }
    }
}

/// One port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    pub address: SocketAddr,
    pub mode: Mode,
    /// In mode `sniff`: greet as a mail server after this silence; absent: never.
    pub greet_after_seconds: Option<f64>,
    /// What becomes of logins.
    #[serde(default, deserialize_with = "parsed")]
    pub auth: Auth,
    /// In mode `sniff`: what is found at web sites of which no page is known.
    #[serde(default, deserialize_with = "parsed")]
    pub web: Web,
    /// In mode `sniff`: whether what lies behind a proxy is as far, and as often dead, as in the real world.
    #[serde(default, deserialize_with = "parsed")]
    pub latency: Latency,
    /// What becomes of TLS.
    #[serde(default, deserialize_with = "parsed")]
    pub tls: Encryption,
    /// The sensor's address as the world knows it; absent: the one that a connection is addressed to.
    pub public_address: Option<IpAddr>,
    /// Whether only a mail relay is spoken, and no proxy.
    #[serde(default)]
    pub relay_only: bool,
    /// Whether sources on the collector's block lists are refused.
    #[serde(default)]
    pub refuse_listed: bool,
    /// The most connections of one source at once; absent: as many as come.
    pub limit_connections: Option<u32>,
    /// Whether the collector may release test messages that came here. The sensor does nothing about it.
    #[serde(default)]
    pub release_tests: bool,
}

/// How a port meets its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A mail port: the server greets at once.
    Mail,
    /// The client's first bytes tell what it speaks.
    Sniff,
}

/// The way to the collector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShipConfig {
    /// An address, not a name: nothing is resolved.
    pub collector: SocketAddr,
    /// The folder of the identity that the collector's operator made for this sensor.
    pub identity: PathBuf,
}

const fn default_spool_limit() -> u64 {
    1024
}

const fn default_seal_after() -> f64 {
    1.0
}

const fn default_max_connections() -> u32 {
    10_240
}

const fn default_network_connections() -> u32 {
    sensor::NETWORK_CONNECTIONS
}

/// A sensor that could send shall not face the world by mistake: who wants that says so.
const fn default_require_confinement() -> bool {
    true
}

impl Config {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let config: Self = toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))?;
        config.check().with_context(|| format!("{} is wrong", path.display()))?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.listen.is_empty(), "listen: at least one port is needed");
        ensure!(self.max_connections > 0, "max_connections: must be greater than 0");
        ensure!(self.max_connections_per_network > 0, "max_connections_per_network: must be greater than 0");
        ensure!(self.max_arrivals_per_network != Some(0), "max_arrivals_per_network: must be greater than 0");
        ensure!(self.spool_limit_mib > 0, "spool_limit_mib: must be greater than 0");
        let host = self.host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        ensure!(host && !self.host.is_empty(), "host: `{}` is no host name", self.host);
        seconds("seal_after_seconds", self.seal_after_seconds)?;
        for listen in &self.listen {
            if let Some(after) = listen.greet_after_seconds {
                seconds("greet_after_seconds", after)?;
            }
            let mail = listen.mode == Mode::Mail || listen.relay_only;
            let greets_late = mail && listen.greet_after_seconds.is_some();
            ensure!(!greets_late, "listen {}: greet_after_seconds: a mail server greets at once", listen.address);
            let none = listen.limit_connections == Some(0);
            ensure!(!none, "listen {}: limit_connections: must be greater than 0", listen.address);
            let web_on_mail = mail && listen.web != Web::default();
            let implicit_elsewhere = listen.mode != Mode::Mail && listen.tls == Encryption::Implicit;
            ensure!(!implicit_elsewhere, "listen {}: tls: `implicit` is for mail ports alone", listen.address);
            ensure!(!web_on_mail, "listen {}: web: a mail port leads to no web site", listen.address);
            let far_on_mail = listen.mode == Mode::Mail && listen.latency != Latency::default();
            ensure!(!far_on_mail, "listen {}: latency: nothing lies behind a mail port", listen.address);
        }
        Ok(())
    }

    /// Where the role `ship` puts the block lists, and the role `sensor` reads them.
    pub(crate) fn lists(&self) -> PathBuf {
        self.spool.join("lists")
    }

    pub(crate) fn seal_after(&self) -> Duration {
        Duration::from_secs_f64(self.seal_after_seconds)
    }
}

impl ListenConfig {
    /// The factors that are set.
    pub(crate) fn terms(&self) -> sensor::Terms {
        sensor::Terms {
            relay_only: self.relay_only,
            refuse_listed: self.refuse_listed,
            limit_connections: self.limit_connections,
            release_tests: self.release_tests,
        }
    }

    pub(crate) fn manner(&self) -> decoy::Listener {
        let manner = match self.mode {
            // Who speaks no proxy is a mail server on whatever port.
            _ if self.relay_only => decoy::Listener::smtp(),
            Mode::Mail => decoy::Listener::smtp(),
            Mode::Sniff => decoy::Listener::sniffing(self.greet_after_seconds.map(Duration::from_secs_f64)),
        };
        decoy::Listener {
            auth: self.auth,
            web: self.web,
            latency: self.latency,
            encryption: self.tls,
            public: self.public_address,
            ..manner
        }
    }
}

/// A length of time that makes sense: more than nothing, at most a day.
fn seconds(key: &str, value: f64) -> anyhow::Result<Duration> {
    ensure!(value.is_finite() && value > 0.0 && value <= 86_400.0, "{key}: {value} is not between 0 and 86400");
    Ok(Duration::from_secs_f64(value))
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn parsed_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: String| text.parse().map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")));
    texts.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "BR-01"
host = "mx.example.net"
spool = "spool"
trusted_balancers = ["127.0.0.2/32"]

[[listen]]
address = "0.0.0.0:25"
mode = "mail"

[[listen]]
address = "[::]:1080"
mode = "sniff"
greet_after_seconds = 3
auth = "after:3"
web = "empty"
latency = "none"
tls = "off"
public_address = "198.51.100.7"
limit_connections = 20
"#;

    fn read(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sensor.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_good_file_is_read() {
        let config = read(GOOD).unwrap();
        assert_eq!((config.name.as_str(), config.listen.len(), config.spool_limit_mib), ("BR-01", 2, 1024));
    }

    #[test]
    fn every_mistake_is_named_with_its_key_and_line() {
        for (from, to, names) in [
            ("host =", "hots =", &["hots", "line 3"][..]),
            ("spool =", "max_connections_per_network = 0\nspool =", &["max_connections_per_network"]),
            ("spool =", "max_arrivals_per_network = 0\nspool =", &["max_arrivals_per_network"]),
            ("\"BR-01\"", "\"BR 01\"", &["BR 01", "line 2"]),
            ("127.0.0.2/32", "127.0.0.2/33", &["127.0.0.2/33", "line 5"]),
            ("mode = \"mail\"", "mode = \"male\"", &["male", "line 9"]),
            ("0.0.0.0:25", "example.net:25", &["line 8"]),
            ("greet_after_seconds = 3", "greet_after_seconds = -1", &["greet_after_seconds"]),
            ("mx.example.net", "mx example", &["host"]),
            ("after:3", "after:x", &["after:x", "accept", "line 15"]),
            ("\"empty\"", "\"full\"", &["full", "refuse", "line 16"]),
            ("mode = \"mail\"", "mode = \"mail\"\nweb = \"empty\"", &["0.0.0.0:25", "web"]),
            ("\"none\"", "\"some\"", &["some", "natural", "line 17"]),
            ("mode = \"mail\"", "mode = \"mail\"\nlatency = \"none\"", &["0.0.0.0:25", "latency"]),
            ("tls = \"off\"", "tls = \"on\"", &["offered", "line 18"]),
            ("tls = \"off\"", "tls = \"implicit\"", &["[::]:1080", "tls"]),
            ("198.51.100.7", "example.net", &["line 19"]),
            ("limit_connections = 20", "limit_connections = 0", &["[::]:1080", "limit_connections"]),
            ("limit_connections = 20", "relay_only = true", &["[::]:1080", "greet_after_seconds"]),
        ] {
            let error = read(&GOOD.replace(from, to)).unwrap_err();
            assert!(names.iter().all(|name| error.contains(name)), "{to}: {error}");
        }
    }

    #[test]
    fn the_sample_is_read_as_it_is_and_with_every_key_set() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../etc/sensor.toml");
        let text = std::fs::read_to_string(sample).unwrap();
        let config = read(&text).unwrap();
        assert_eq!((config.spool_limit_mib, config.max_connections, config.seal_after_seconds), (1024, 10_240, 1.0));
        assert_eq!((config.max_connections_per_network, config.max_arrivals_per_network), (1024, None));
        assert!(config.require_confinement, "what faces the world is confined unless its operator says otherwise");
        // Lines that begin with `#` and no blank are keys.
        let line = |line: &str| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|first: char| first.is_ascii_lowercase()) => format!("{key}\n"),
            _ => format!("{line}\n"),
        };
        let every = read(&text.lines().map(line).collect::<String>()).unwrap();
        assert!(
            every.network_key.is_some()
                && every.seal.is_some()
                && every.ship.is_some()
                && !every.trusted_balancers.is_empty()
        );
        assert_eq!(every.spool_limit_mib, config.spool_limit_mib, "the keys are shown with their defaults");
        assert_eq!(every.persona.mail, config.persona.mail, "the keys are shown with their defaults");
        assert_eq!(every.max_connections_per_network, config.max_connections_per_network);
        assert!(every.max_arrivals_per_network.is_some());
        assert_eq!(every.require_confinement, config.require_confinement, "the keys are shown with their defaults");
    }
}
