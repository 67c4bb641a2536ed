//! Where a proxy is asked to go, and the engine that plays what lies there. [`crate::policy`] says what that is.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use evidence::{Protocol, Target};

use crate::distance::{self, NoAnswer};
use crate::engine::{Cx, Engine, MAX_LAYERS};
use crate::http::{self, Http};
use crate::policy::{self, Far, Web};
use crate::smtp::{Cover, Smtp};
use crate::sniff::Sniff;
use crate::tls::Dying;

/// The port of mail servers that speak TLS from the first byte on (RFC 8314).
const SMTPS: u16 = 465;

/// Who answers at a target, or why nobody does, and after how long one knows.
pub(crate) struct Reach<T> {
    pub(crate) far: Result<T, NoAnswer>,
    pub(crate) after: Duration,
}

/// What lies at a target, for a connection that already went through its layers. What asking tells is noted.
pub(crate) fn far(target: &Target, cx: &mut Cx<'_>) -> Reach<Far> {
    let verdict = policy::verdict(target, cx.connection, cx.listener);
    if let Some(quirk) = verdict.quirk {
        cx.quirk(quirk);
    }
    // The proxy itself is a layer, and so is what is behind it. TLS has a bound of its own.
    let layers = cx.facts.path.iter().filter(|protocol| **protocol != Protocol::Tls).count()
        + match verdict.far {
            Far::Mail | Far::Web => 1,
            Far::Proxy => 2,
            Far::Tls | Far::Nothing => 0,
        };
    let far = match verdict.far {
        Far::Nothing => Err(distance::by_place(target, verdict.quirk)),
        _ if layers > MAX_LAYERS => Err(NoAnswer::Refused),
        far => distance::dead(target, verdict.quirk, cx).map_or(Ok(far), Err),
    };
    let after = distance::wait(target, far.map(|_| ()), cx);
    Reach { far, after }
}

/// The engine that plays the far side of a tunnel.
pub(crate) fn far_side(target: &Target, cx: &mut Cx<'_>) -> Reach<Engine> {
    let Reach { far, mut after } = far(target, cx);
    let engine = far.and_then(|far| match far {
        Far::Mail => Ok(far_mail(target, cx)),
        Far::Proxy => Ok(Engine::Sniff(Sniff::new(cx.now, None, false, mail_server(target, cx).server()))),
        // An address says nothing of the site: its `Host` will.
        Far::Web if cx.listener.web == Web::Empty || is_address(target) || http::is_known(target) => {
            Ok(Engine::Http(Box::new(Http::origin(target.clone()))))
        }
        Far::Tls => Ok(Engine::Dying(Dying::default())),
        Far::Web | Far::Nothing => Err(NoAnswer::Refused),
    });
    if far.is_ok() && engine.is_err() {
        after = distance::wait(target, Err(NoAnswer::Refused), cx);
    }
    if engine.is_ok() {
        cx.facts.distance += after;
    }
    Reach { far: engine, after }
}

/// A far mail server, with the TLS that its port has.
fn far_mail(target: &Target, cx: &Cx<'_>) -> Engine {
    let cover = if target.port == SMTPS && cx.may_secure() { Cover::Awaited } else { Cover::offered(cx) };
    let smtp = mail_server(target, cx);
    let server = smtp.server();
    Engine::Smtp(Box::new(smtp.covered(cover, server)))
}

fn is_address(target: &Target) -> bool {
    policy::address(&target.host).is_some()
}

/// The mail server that plays a target: the same for a host always, whatever the port, and at all sensors of a network.
pub(crate) fn mail_server(target: &Target, cx: &Cx<'_>) -> Smtp {
    let persona = cx.persona;
    let (role, name) = match name(target) {
        Some(name) => persona.far.choose(&persona.key, name.as_bytes(), Some(&name)),
        // An address is the same however it is written.
        None => match policy::address(&target.host) {
            Some(address) => persona.far.choose(&persona.key, address.to_string().as_bytes(), None),
            None => persona.far.choose(&persona.key, &target.host, None),
        },
    };
    Smtp::in_role(persona, role, name)
}

/// The name by which a target was called, in small letters; `None` for an address, and for what is no name.
fn name(target: &Target) -> Option<String> {
    let text = std::str::from_utf8(&target.host).ok()?.trim_end_matches('.');
    let is_name = text.contains('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        && !is_address(target);
    is_name.then(|| text.to_ascii_lowercase())
}

/// Reads `host:port` or `[v6]:port`. The port is needed.
pub(crate) fn parse_authority(authority: &[u8], default_port: Option<u16>) -> Option<Target> {
    let authority = authority.trim_ascii();
    let (host, port) = if let Some(rest) = authority.strip_prefix(b"[") {
        let close = rest.iter().position(|byte| *byte == b']')?;
        (&rest[..close], rest[close + 1..].strip_prefix(b":"))
    } else {
        match authority.iter().rposition(|byte| *byte == b':') {
            Some(colon) => (&authority[..colon], Some(&authority[colon + 1..])),
            None => (authority, None),
        }
    };
    let port = match port {
        Some(digits) => std::str::from_utf8(digits).ok()?.parse().ok()?,
        None => default_port?,
    };
    (!host.is_empty()).then(|| Target { host: host.to_vec().into(), port })
}

/// A host as it stands before a port: an IPv6 address in brackets.
pub(crate) fn bracketed(host: &[u8]) -> Vec<u8> {
    match host.contains(&b':') {
        true => [b"[", host, b"]"].concat(),
        false => host.to_vec(),
    }
}

pub(crate) fn v4(address: [u8; 4], port: u16) -> Target {
    Target { host: Ipv4Addr::from(address).to_string().into_bytes().into(), port }
}

pub(crate) fn v6(address: [u8; 16], port: u16) -> Target {
    Target { host: Ipv6Addr::from(address).to_string().into_bytes().into(), port }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(authority: &str) -> Option<Target> {
        parse_authority(authority.as_bytes(), None)
    }

    #[test]
    fn an_authority_is_a_host_and_a_port() {
        let read = |text| target(text).map(|target| (String::from_utf8(target.host.to_vec()).unwrap(), target.port));
        assert_eq!(read("mx.example:25"), Some(("mx.example".into(), 25)));
        assert_eq!(read("[2001:db8::1]:25"), Some(("2001:db8::1".into(), 25)));
        for bad in ["", ":25", "host", "host:", "host:x", "host:65536", "[::1]25", "[::1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_far_server_has_the_name_it_was_called_by() {
        let name = |text| name(&target(text).unwrap());
        assert_eq!(name("MX.Example.:25").as_deref(), Some("mx.example"));
        for none in ["192.0.2.1:25", "127.1:25", "a\u{1b}.example:25", "[2001:db8::1]:25", "mx:25"] {
            assert_eq!(name(none), None, "{none}");
        }
    }
}
