//! How far away the far side of a proxy is, and whether it answers: the same for the same destination at every sensor of a
//! network, with a little of the sensor's and of each connection's own.
//!
//! Nothing is measured and nobody is asked. A network in which everything answers, and at once, is none.

use std::net::IpAddr;
use std::time::Duration;

use evidence::{Quirk, Target};

use crate::engine::Cx;
use crate::http;
use crate::policy::{self, Latency};

/// Why a far side does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Nobody listens at the port.
    Refused,
    /// A router says that the host is not there.
    Unreachable,
    /// No route leads there.
    NoNetwork,
    /// A filter swallows what is sent.
    TimedOut,
    /// The name does not exist.
    NoName,
    /// Port 0, or an address that means none.
    Nowhere,
}

/// Round trips to places that answer, in milliseconds.
const NEAREST: u64 = 30;
const FARTHEST: u64 = 250;

/// How long a filter is waited for, in milliseconds.
const SHORTEST_WAIT: u64 = 5_000;
const LONGEST_WAIT: u64 = 60_000;

/// How long it takes to hear that a name does not exist, in milliseconds at most.
const SLOWEST_NAME: u64 = 60;

/// Of 1000 unknown hosts, how many refuse, are unreachable, and are behind a filter: 55 in all.
const DEAD: [(u64, NoAnswer); 3] = [(20, NoAnswer::Refused), (15, NoAnswer::Unreachable), (20, NoAnswer::TimedOut)];

/// Ends of names that everybody knows to be alive, besides those of `providers.toml`: large mail providers, and where their mail servers are; and the names
/// of documents (RFC 2606), by which operators try their sensor.
const ALIVE: [&str; 38] = [
    "example",
    "example.com",
    "example.net",
    "example.org",
    "gmail.com",
    "google.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "office365.com",
    "microsoft.com",
    "yahoo.com",
    "yahoo.co.jp",
    "yahoodns.net",
    "aol.com",
    "icloud.com",
    "me.com",
    "apple.com",
    "mail.ru",
    "yandex.ru",
    "yandex.net",
    "rambler.ru",
    "qq.com",
    "163.com",
    "126.com",
    "sina.com",
    "naver.com",
    "hinet.net",
    "gmx.net",
    "gmx.com",
    "web.de",
    "t-online.de",
    "comcast.net",
    "uol.com.br",
    "terra.com.br",
    "protonmail.ch",
];

/// Networks of large mail providers and of documents: first address and length of the prefix.
const ALIVE_NETWORKS: [([u8; 4], u32); 15] = [
    ([192, 0, 2, 0], 24),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([64, 233, 160, 0], 19),
    ([66, 102, 0, 0], 20),
    ([74, 125, 0, 0], 16),
    ([108, 177, 8, 0], 21),
    ([142, 250, 0, 0], 15),
    ([172, 217, 0, 0], 16),
    ([173, 194, 0, 0], 16),
    ([209, 85, 128, 0], 17),
    ([40, 92, 0, 0], 15),
    ([52, 100, 0, 0], 14),
    ([104, 47, 0, 0], 17),
    ([67, 195, 204, 0], 22),
];

/// Names that the root does not have (RFC 6761, RFC 7686).
const NO_ROOT: [&str; 4] = ["invalid", "test", "onion", "alt"];

/// Whether a host as it was asked for is one that nobody can resolve.
fn has_no_name(host: &[u8]) -> bool {
    let name = policy::name(host);
    let labels: Vec<_> = name.split('.').collect();
    let good = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() > 253
        || labels.len() < 2
        || !labels.iter().all(good)
        || labels.last().is_some_and(|last| NO_ROOT.contains(last) || last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Why a target that the policy gives nothing does not answer, by what asking for it told.
pub(crate) fn by_place(target: &Target, quirk: Option<Quirk>) -> NoAnswer {
    let address = policy::address(&target.host);
    match (quirk, address) {
        _ if target.port == 0 => NoAnswer::Nowhere,
        (_, None) if has_no_name(&target.host) && quirk.is_none() => NoAnswer::NoName,
        (Some(Quirk::ImpossibleTarget), Some(address)) if address.is_unspecified() => NoAnswer::Nowhere,
        (Some(Quirk::ImpossibleTarget), _) => NoAnswer::NoNetwork,
        (Some(Quirk::InternalTarget), Some(address)) if !address.is_loopback() => NoAnswer::Unreachable,
        (Some(Quirk::MetadataTarget), Some(_)) => NoAnswer::Unreachable,
        (Some(Quirk::InternalTarget | Quirk::MetadataTarget), None)
            if !policy::name(&target.host).contains("localhost") =>
        {
            NoAnswer::NoName
        }
        _ => NoAnswer::Refused,
    }
}

/// Whether a host that the policy would have answer is dead all the same, and how.
pub(crate) fn dead(target: &Target, quirk: Option<Quirk>, cx: &Cx<'_>) -> Option<NoAnswer> {
    if policy::address(&target.host).is_none() && has_no_name(&target.host) {
        return Some(NoAnswer::NoName);
    }
    if cx.listener.latency == Latency::None
        || quirk == Some(Quirk::OwnTarget)
        || is_known_alive(target, cx)
        || http::is_known(target)
    {
        return None;
    }
    let mut lot = number(cx, "life", target) % 1000;
    for (share, how) in DEAD {
        if lot < share {
            return Some(how);
        }
        lot -= share;
    }
    None
}

/// Whether a host is one that everybody knows to be alive.
fn is_known_alive(target: &Target, cx: &Cx<'_>) -> bool {
    match policy::address(&target.host) {
        Some(IpAddr::V4(address)) => ALIVE_NETWORKS
            .iter()
            .any(|(first, length)| (u32::from_be_bytes(*first) ^ u32::from(address)) >> (32 - length) == 0),
        Some(IpAddr::V6(address)) => address.segments()[..2] == [0x2001, 0xdb8],
        None => {
            let name = policy::name(&target.host);
            let is_below =
                |end: &&str| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            cx.persona.far.is_provider(&name) || ALIVE.iter().any(is_below)
        }
    }
}

/// How long a round trip to a target takes on this connection, or how long it takes to know that there is none.
pub(crate) fn wait(target: &Target, answers: Result<(), NoAnswer>, cx: &Cx<'_>) -> Duration {
    if cx.listener.latency == Latency::None {
        return Duration::ZERO;
    }
    let drawn = |from: u64, to: u64| from + number(cx, "distance", target) % (to - from + 1);
    let millis = match answers {
        Ok(()) => drawn(NEAREST, FARTHEST),
        Err(NoAnswer::Refused | NoAnswer::Unreachable) => drawn(NEAREST, FARTHEST) / 2,
        Err(NoAnswer::TimedOut) => drawn(SHORTEST_WAIT, LONGEST_WAIT),
        Err(NoAnswer::NoName) => drawn(1, SLOWEST_NAME),
        Err(NoAnswer::NoNetwork | NoAnswer::Nowhere) => return Duration::ZERO,
    };
    // The way from this sensor, which is its own, and this connection's part: up to a sixteenth each.
    let sensor =
        number_of(cx, "way", &[cx.persona.host.as_bytes(), b"\0", policy::name(&target.host).as_bytes()].concat());
    let parts = sensor % 1024 + (cx.seed >> 20) % 1024;
    Duration::from_micros(millis * 1000 + millis * 1000 / 16 * parts / 1024)
}

/// The address that a host seems to have: its own, or one that is always the same for a name. It is said, never asked.
pub(crate) fn address(target: &Target, cx: &Cx<'_>) -> IpAddr {
    policy::address(&target.host).unwrap_or_else(|| {
        let drawn = number(cx, "address", target).to_be_bytes();
        // From 11 to 99: all of these are given out to somebody.
        IpAddr::from([11 + drawn[4] % 89, drawn[5], drawn[6], 1 + drawn[7] % 254])
    })
}

/// A number that a destination has for a purpose.
fn number(cx: &Cx<'_>, purpose: &str, target: &Target) -> u64 {
    number_of(cx, purpose, policy::name(&target.host).as_bytes())
}

fn number_of(cx: &Cx<'_>, purpose: &str, what: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = cx.persona.key.draw(purpose, what);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, port: u16) -> Target {
        Target { host: host.as_bytes().to_vec().into(), port }
    }

    #[test]
    fn a_name_that_nobody_can_resolve_is_known_by_its_letters() {
        for name in ["nodot", "a.invalid", "a..example", "a.test", "sp ace.example", "1.2.3.999", "", "x.onion"] {
            assert!(has_no_name(name.as_bytes()), "{name}");
        }
        for name in ["mx.example.org", "MX1.Example.COM.", "a_b.example.net", "xn--p1ai.xn--p1ai"] {
            assert!(!has_no_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_is_asked_for_tells_how_it_fails() {
        for (host, port, quirk, reason) in [
            ("192.0.2.1", 0, Some(Quirk::ImpossibleTarget), NoAnswer::Nowhere),
            ("0.0.0.0", 25, Some(Quirk::ImpossibleTarget), NoAnswer::Nowhere),
            ("224.0.0.1", 25, Some(Quirk::ImpossibleTarget), NoAnswer::NoNetwork),
            ("127.0.0.1", 25, Some(Quirk::InternalTarget), NoAnswer::Refused),
            ("localhost", 25, Some(Quirk::InternalTarget), NoAnswer::Refused),
            ("10.1.2.3", 25, Some(Quirk::InternalTarget), NoAnswer::Unreachable),
            ("169.254.169.254", 80, Some(Quirk::MetadataTarget), NoAnswer::Unreachable),
            ("metadata.google.internal", 80, Some(Quirk::MetadataTarget), NoAnswer::NoName),
            ("203.0.113.7", 25, Some(Quirk::ConnectBack), NoAnswer::Refused),
            ("irc.example", 6667, Some(Quirk::IrcTarget), NoAnswer::Refused),
            ("mx.example.org", 22, None, NoAnswer::Refused),
            ("mx.invalid", 22, None, NoAnswer::NoName),
        ] {
            assert_eq!(by_place(&target(host, port), quirk), reason, "{host}:{port}");
        }
    }
}
