//! What lies where a proxy is asked to go, and who may ask: the whole policy, as tables.
//!
//! ```text
//! address of the target ─► PLACES: own, the client's, inside, metadata, impossible ─► far side or nothing, with a quirk
//! else its port         ─► PORTS:  mail, proxy, web, TLS, chat, other              ─► far side or nothing
//! web                   ─► Host:   judges and known pages ([`crate::http`]); the rest as the listener says
//! ```
//!
//! Nothing is resolved or contacted: a name is judged by its letters, an address by its bits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use evidence::{Connection, Quirk, Target};

use crate::conversation::Listener;

/// What a listener does with the logins that clients offer. Who may use the relay without one is not asked here: it is
/// open. A proxy asks for a login unless all are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// Every login is right. A proxy does not ask for one: an open proxy sees the most abuse.
    #[default]
    Accept,
    /// Every login is wrong: all that a guesser tries is caught.
    Reject,
    /// So many logins are wrong, the next is right: a guesser goes on to use what it found.
    After(u32),
}

impl Auth {
    /// Whether a proxy refuses those who offer no login.
    pub(crate) fn demands_login(self) -> bool {
        self != Self::Accept
    }

    /// Whether a login is right, after so many wrong ones.
    pub(crate) fn accepts(self, refused: u32) -> bool {
        match self {
            Self::Accept => true,
            Self::Reject => false,
            Self::After(attempts) => refused >= attempts,
        }
    }

    /// The same for a client that was refused so many times on earlier connections.
    pub fn after_earlier(self, refused: u32) -> Self {
        match self {
            Self::After(attempts) => Self::After(attempts.saturating_sub(refused)),
            other => other,
        }
    }
}

/// What becomes of TLS. It cannot be had where a client has begun as many layers as are borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// Mail servers offer STARTTLS, a first byte that begins TLS is taken for it, and tunnels to port 465 lead to TLS.
    #[default]
    Offered,
    /// On a mail port: TLS from the first byte on, as on port 465. Elsewhere, and inside, as [`Encryption::Offered`].
    Implicit,
    /// There is none. A hello is recorded and not answered.
    Off,
}

impl FromStr for Encryption {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text {
            "offered" => Ok(Self::Offered),
            "implicit" => Ok(Self::Implicit),
            "off" => Ok(Self::Off),
            _ => Err(PolicyError("`offered`, `implicit` or `off`")),
        }
    }
}

/// A policy that is none of those there are.
#[derive(Debug, thiserror::Error)]
#[error("wanted is {0}")]
pub struct PolicyError(&'static str);

impl FromStr for Auth {
    type Err = PolicyError;

    /// `accept`, `reject`, or `after:` and a number.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let attempts = text.strip_prefix("after:").and_then(|attempts| attempts.parse().ok());
        match (text, attempts) {
            ("accept", _) => Ok(Self::Accept),
            ("reject", _) => Ok(Self::Reject),
            (_, Some(attempts)) => Ok(Self::After(attempts)),
            _ => Err(PolicyError("`accept`, `reject` or `after:` and a number of attempts")),
        }
    }
}

impl FromStr for Web {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "empty" => Ok(Self::Empty),
            _ => Err(PolicyError("`refuse` or `empty`")),
        }
    }
}

/// The block list that a client is on, as the server that refuses it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub list: String,
    /// What the list says of it; empty for nothing.
    pub reason: String,
}

/// What a client finds at a web site that no page is known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Web {
    /// It cannot be reached. A page made up for a site is told from the real one at once; a site that does not answer is
    /// everyday life.
    #[default]
    Refuse,
    /// An empty page, for clients that only look whether a proxy answers 200.
    Empty,
}

/// Whether the world behind a proxy is as far and as imperfect as the real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Latency {
    /// Each place is as far as it is, always, and some hosts do not answer.
    #[default]
    Natural,
    /// Every host lives and answers at once.
    None,
}

impl FromStr for Latency {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text {
            "natural" => Ok(Self::Natural),
            "none" => Ok(Self::None),
            _ => Err(PolicyError("`natural` or `none`")),
        }
    }
}

/// What plays the far side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Far {
    Mail,
    /// Another open proxy of any kind.
    Proxy,
    Web,
    /// A server that hears a TLS hello and dies.
    Tls,
    Nothing,
}

/// Ports of a kind, and what answers there.
struct Row {
    ports: &'static [RangeInclusive<u16>],
    far: Far,
    /// What asking for such a port tells.
    quirk: Option<Quirk>,
}

/// The first row that has a port counts; a port in no row finds nothing.
const PORTS: [Row; 5] = [
    // Mail servers, and ports that spam tools use for them.
    Row {
        ports: &[24..=26, 465..=465, 587..=587, 2525..=2526, 10025..=10025, 25000..=25000],
        far: Far::Mail,
        quirk: None,
    },
    // Other open proxies, for chains.
    Row {
        ports: &[808..=808, 1080..=1080, 3128..=3128, 4480..=4480, 6588..=6588, 8000..=8000, 8080..=8080, 8888..=8888],
        far: Far::Proxy,
        quirk: None,
    },
    Row { ports: &[80..=81, 8081..=8081], far: Far::Web, quirk: None },
    // HTTPS, IMAP and POP over TLS.
    Row { ports: &[443..=443, 993..=993, 995..=995, 8443..=8443], far: Far::Tls, quirk: None },
    // Chat networks look for open proxies through these. Whoever answers there is put on their lists.
    Row {
        ports: &[194..=194, 6660..=6669, 6697..=6697, 7000..=7000],
        far: Far::Nothing,
        quirk: Some(Quirk::IrcTarget),
    },
];

/// Addresses at which clouds tell a machine its secrets.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// The same by name.
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata", "instance-data"];

/// Names that lead inside, and the ends of such names.
const INTERNAL_NAMES: [&str; 4] = ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];
const INTERNAL_ENDS: [&str; 5] = [".localhost", ".local", ".internal", ".lan", ".home.arpa"];

/// What a request finds, and what asking for it tells of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) far: Far,
    pub(crate) quirk: Option<Quirk>,
}

/// What lies at a target, for a client on a connection.
pub(crate) fn verdict(target: &Target, connection: &Connection, listener: Listener) -> Verdict {
    let (far, quirk) = by_port(target.port);
    match place(target, connection, listener) {
        Some(Quirk::OwnTarget) => {
            // A port of ours is met as any client meets it; of the others we know nothing.
            let far = if target.port == connection.local.port() { Far::Proxy } else { far };
            Verdict { far, quirk: Some(Quirk::OwnTarget) }
        }
        Some(quirk) => Verdict { far: Far::Nothing, quirk: Some(quirk) },
        None => Verdict { far, quirk },
    }
}

fn by_port(port: u16) -> (Far, Option<Quirk>) {
    let row = PORTS.iter().find(|row| row.ports.iter().any(|range| range.contains(&port)));
    row.map_or((Far::Nothing, None), |row| (row.far, row.quirk))
}

/// Where a target lies, if not simply elsewhere. The client's own address comes first: a client on this machine tests
/// with it.
fn place(target: &Target, connection: &Connection, listener: Listener) -> Option<Quirk> {
    if target.port == 0 {
        return Some(Quirk::ImpossibleTarget);
    }
    let Some(address) = address(&target.host) else { return by_name(&target.host) };
    let client = connection.source.ip();
    let own = address == connection.local.ip() || Some(address) == listener.public;
    match address {
        _ if address == client => Some(Quirk::ConnectBack),
        _ if own => Some(Quirk::OwnTarget),
        _ if same_network(address, client) => Some(Quirk::ConnectBack),
        _ if METADATA.contains(&address) => Some(Quirk::MetadataTarget),
        IpAddr::V4(address) => by_v4(address),
        IpAddr::V6(address) => by_v6(address),
    }
}

fn by_name(host: &[u8]) -> Option<Quirk> {
    let name = name(host);
    if METADATA_NAMES.contains(&name.as_str()) {
        return Some(Quirk::MetadataTarget);
    }
    let internal = INTERNAL_NAMES.contains(&name.as_str()) || INTERNAL_ENDS.iter().any(|end| name.ends_with(end));
    internal.then_some(Quirk::InternalTarget)
}

fn by_v4(address: Ipv4Addr) -> Option<Quirk> {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b); // between a carrier and its customers, RFC 6598
    if address.is_private() || address.is_loopback() || address.is_link_local() || shared {
        return Some(Quirk::InternalTarget);
    }
    // This network, multicast, reserved, broadcast.
    (a == 0 || a >= 224).then_some(Quirk::ImpossibleTarget)
}

fn by_v6(address: Ipv6Addr) -> Option<Quirk> {
    if address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local() {
        return Some(Quirk::InternalTarget);
    }
    (address.is_unspecified() || address.is_multicast()).then_some(Quirk::ImpossibleTarget)
}

/// Whether two addresses are of one small network: /24 or /64.
fn same_network(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..3] == other.octets()[..3],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        _ => false,
    }
}

/// A host as a name to compare: lower case, without the dot at its end. Bytes that are no text make a name of nobody.
pub(crate) fn name(host: &[u8]) -> String {
    std::str::from_utf8(host).unwrap_or_default().trim_end_matches('.').to_ascii_lowercase()
}

/// The address in a host, in every spelling that a C library takes: so that none slips through.
pub(crate) fn address(host: &[u8]) -> Option<IpAddr> {
    let text = name(host);
    if let Some(address) = any_v4(&text) {
        return Some(IpAddr::V4(address));
    }
    let address: Ipv6Addr = text.split('%').next()?.parse().ok()?;
    Some(embedded_v4(address).map_or(IpAddr::V6(address), IpAddr::V4))
}

/// The IPv4 address inside a mapped (RFC 4291) or translated (RFC 6052) one.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let translated = address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let [.., a, b, c, d] = address.octets();
    address.to_ipv4_mapped().or(translated.then_some(Ipv4Addr::new(a, b, c, d)))
}

/// `inet_aton(3)`: one to four parts, each decimal, octal (`0…`) or hexadecimal (`0x…`); the last fills what is left.
fn any_v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let room = 32 - 8 * first.len() as u32;
    if room < 32 && *last >> room != 0 {
        return None;
    }
    let high = first.iter().fold(0_u64, |all, part| all << 8 | u64::from(*part));
    Some(Ipv4Addr::from((high << room) as u32 | *last))
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    let digits_only = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits_only.then(|| u32::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::parse_authority;

    fn found(authority: &str) -> Verdict {
        let connection = Connection {
            id: evidence::SessionId { sensor: "XX-01".parse().unwrap(), boot: evidence::Boot(1), number: 1 },
            accepted_at: evidence::Time::default(),
            source: "203.0.113.7:40112".parse().unwrap(),
            local: "198.51.100.1:9999".parse().unwrap(),
            balancer: None,
            clock: evidence::Clock::default(),
            syn: None,
            factors: evidence::Factors::default(),
        };
        verdict(&parse_authority(authority.as_bytes(), None).unwrap(), &connection, Listener::sniffing(None))
    }

    #[test]
    fn the_port_decides_elsewhere() {
        for (ports, far) in [
            (&[24, 25, 26, 465, 587, 2525, 25000][..], Far::Mail),
            (&[808, 1080, 3128, 8080], Far::Proxy),
            (&[80, 81], Far::Web),
            (&[443, 993, 8443], Far::Tls),
            (&[1, 22, 6666, 7000, 65535], Far::Nothing),
        ] {
            for port in ports {
                assert_eq!(found(&format!("192.0.2.25:{port}")).far, far, "{port}");
            }
        }
    }

    #[test]
    fn every_spelling_of_an_address_inside_is_refused() {
        for (quirk, hosts) in [
            (
                Quirk::InternalTarget,
                &[
                    "10.1.2.3",
                    "172.16.0.1",
                    "192.168.0.1",
                    "127.0.0.1",
                    "127.1",
                    "2130706433",
                    "0x7f000001",
                    "0177.0.0.1",
                    "017700000001",
                    "100.64.0.1",
                    "169.254.1.1",
                    "[::1]",
                    "[fe80::1]",
                    "[fd00::1]",
                    "[::ffff:10.0.0.1]",
                    "[64:ff9b::a00:1]",
                    "localhost",
                    "LOCALHOST.",
                    "router.lan",
                    "db.internal",
                ][..],
            ),
            (
                Quirk::MetadataTarget,
                &["169.254.169.254", "0xA9FEA9FE", "[fd00:ec2::254]", "metadata.google.internal", "100.100.100.200"],
            ),
            (Quirk::ImpossibleTarget, &["0.0.0.0", "0", "224.0.0.1", "255.255.255.255", "[::]", "[ff02::1]"]),
            (Quirk::ConnectBack, &["203.0.113.7", "203.0.113.200", "0xCB007107"]),
        ] {
            for host in hosts {
                assert_eq!(found(&format!("{host}:25")), Verdict { far: Far::Nothing, quirk: Some(quirk) }, "{host}");
            }
        }
        assert_eq!(found("192.0.2.1:0").quirk, Some(Quirk::ImpossibleTarget));
    }

    #[test]
    fn what_only_looks_like_an_address_is_a_name() {
        for name in ["1.2.3.4.5", "256.1.1.1", "1.2.3.256", "08.1.1.1", "0x", "1..2", "+1", "a.1", "4294967296"] {
            assert_eq!(address(name.as_bytes()), None, "{name}");
        }
        assert_eq!(found("mx.example:25"), Verdict { far: Far::Mail, quirk: None });
    }

    #[test]
    fn the_sensor_itself_answers_at_its_own_port() {
        assert_eq!(found("198.51.100.1:9999"), Verdict { far: Far::Proxy, quirk: Some(Quirk::OwnTarget) });
        assert_eq!(found("198.51.100.1:25").far, Far::Mail);
        assert_eq!(found("198.51.100.1:22").far, Far::Nothing);
    }

    #[test]
    fn policies_are_read_as_they_are_written() {
        assert_eq!("after:3".parse::<Auth>().unwrap(), Auth::After(3));
        assert!("after:".parse::<Auth>().is_err() && "after:-1".parse::<Auth>().is_err() && "".parse::<Web>().is_err());
    }

    #[test]
    fn a_login_is_right_after_as_many_wrong_ones_as_the_policy_says() {
        assert!(Auth::Accept.accepts(0) && !Auth::Reject.accepts(1000));
        assert!(!Auth::After(3).accepts(2) && Auth::After(3).accepts(3));
        assert!(!Auth::After(3).after_earlier(2).accepts(0) && Auth::After(3).after_earlier(9).accepts(0));
    }
}
