//! Lines of the daemons that keep the queue and the house: qmgr, pickup, bounce, master, anvil, caches; and warnings of all.

use super::line::{Idle, Line, Warning};
use super::{queue, queue_id};
use crate::peer::Peer;
use crate::scan::{bracketed, number, split, split_at, split_last, whole_number, word};

pub(super) fn qmgr(text: &[u8]) -> Option<Line<'_>> {
    let (queue, rest) = queue(text)?;
    if rest == b"removed" {
        return Some(Line::Removed { queue });
    }
    if rest == b"skipped, still being delivered" {
        return Some(Line::Idle(Idle::Remark));
    }
    let (sender, rest) = bracketed(rest.strip_prefix(b"from=")?)?;
    let rest = rest.strip_prefix(b", ")?;
    if let Some(status) = rest.strip_prefix(b"status=") {
        let status = split(status, b',').map_or(status, |(status, _)| status);
        return Some(Line::Expired { queue, sender, status });
    }
    let (size, rest) = number(rest.strip_prefix(b"size=")?)?;
    let (recipients, _) = number(rest.strip_prefix(b", nrcpt=")?)?;
    Some(Line::Active { queue, sender, size: Some(size), recipients: u32::try_from(recipients).ok() })
}

/// `1F: uid=0 from=<root>`
pub(super) fn pickup(text: &[u8]) -> Option<Line<'_>> {
    let (queue, rest) = queue(text)?;
    let (user, rest) = split(rest.strip_prefix(b"uid=")?, b' ')?;
    let rest = rest.strip_prefix(b"from=")?;
    let sender = bracketed(rest).map_or(rest, |(sender, _)| sender);
    Some(Line::Pickup { queue, user, sender })
}

/// `1F: sender non-delivery notification: 2F`
pub(super) fn bounce(text: &[u8]) -> Option<Line<'_>> {
    let (about, rest) = queue(text)?;
    let (to, rest) = split(rest, b' ')?;
    let (kind, id) = split_at(rest, b" notification: ")?;
    Some(Line::Notification { about, to, kind, queue: queue_id(id)? })
}

/// `addr 192.0.2.7 listed by domain zen.example as 127.0.0.2`
pub(super) fn dnsblog(text: &[u8]) -> Option<Line<'_>> {
    let (address, rest) = split(text.strip_prefix(b"addr ")?, b' ')?;
    let (domain, result) = split_at(rest.strip_prefix(b"listed by domain ")?, b" as ")?;
    Some(Line::Listed { address, domain, result })
}

/// `statistics: max connection rate 1/60s for (smtpd:192.0.2.7) at Oct 26 18:13:50`
pub(super) fn anvil(text: &[u8]) -> Option<Line<'_>> {
    let rest = text.strip_prefix(b"statistics: max ")?;
    let (rest, at) = split_at(rest, b" at ")?;
    if let Some(value) = rest.strip_prefix(b"cache size ") {
        return Some(Line::Anvil { what: b"cache", value, service: b"", client: b"", at });
    }
    let (what, whom) = split_at(rest, b" for (")?;
    let (what, value) = split_last(what, b' ')?;
    let whom = whom.strip_suffix(b")")?;
    // A service may be an address and a port, and a client may have colons: `127.0.0.1:2525:127.0.0.1`, `smtpd:2001:db8::1`.
    let (service, client) = split(whom, b':')?;
    let (service, client) = match number(client) {
        Some((_, [b':', after @ ..])) if service.contains(&b'.') => (&whom[..whom.len() - after.len() - 1], after),
        _ => (service, client),
    };
    Some(Line::Anvil { what, value, service, client, at })
}

/// `statistics: domain lookup hits=0 miss=1 success=0%`
pub(super) fn scache(text: &[u8]) -> Option<Line<'_>> {
    let rest = text.strip_prefix(b"statistics: ")?;
    for what in [&b"domain lookup"[..], b"address lookup", b"max simultaneous", b"start interval"] {
        if let Some(values) = rest.strip_prefix(what).and_then(|rest| rest.strip_prefix(b" ")) {
            return Some(Line::Scache { what, values });
        }
    }
    None
}

/// `cache btree:/var/lib/postfix/x full cleanup: retained=242 dropped=7 entries`
pub(super) fn cleaned(text: &[u8]) -> Option<Line<'_>> {
    let (before, rest) = split_at(text.strip_prefix(b"cache ")?, b" cleanup: retained=")?;
    let (_, scope) = split_last(before, b' ')?;
    let (retained, rest) = number(rest)?;
    let (dropped, _) = number(rest.strip_prefix(b" dropped=")?)?;
    Some(Line::Cleaned { scope, retained, dropped })
}

pub(super) fn master(text: &[u8]) -> Option<Line<'_>> {
    let line = |what, version, folder| Some(Line::Master { what, version, folder });
    for what in [&b"daemon started"[..], b"reload"] {
        if let Some(rest) = text.strip_prefix(what).and_then(|rest| rest.strip_prefix(b" -- version ")) {
            let (version, folder) = split_at(rest, b", configuration ")?;
            return line(what, version, folder);
        }
    }
    if let Some(signal) = text.strip_prefix(b"terminating on signal ") {
        return line(b"terminating on signal", signal, b"");
    }
    // postfix-script: `starting the Postfix mail system`.
    text.ends_with(b" the Postfix mail system").then_some(Line::Master { what: text, version: b"", folder: b"" })
}

pub(super) fn postsuper(text: &[u8]) -> Option<Line<'_>> {
    if let Some((queue, action)) = queue(text) {
        let known = matches!(
            action,
            b"removed" | b"requeued" | b"placed on hold" | b"released from hold" | b"expired" | b"force-expired"
        );
        return known.then_some(Line::Super { queue, action, count: None });
    }
    let (action, rest) = split_at(text, b": ")?;
    let (count, unit) = word(rest);
    let known = matches!(
        action,
        b"Deleted"
            | b"Requeued"
            | b"Placed on hold"
            | b"Released from hold"
            | b"Expired"
            | b"Force-expired"
            | b"Renamed"
    );
    let count = whole_number(count).filter(|_| known && unit.starts_with(b"message"))?;
    Some(Line::Super { queue: "", action, count: Some(count) })
}

/// `warning: …` of any daemon, with a queue id before or after, and a peer at its start.
pub(super) fn warning(text: &[u8]) -> Option<Line<'_>> {
    let (outer, rest) = queue(text).unwrap_or(("", text));
    let (level, rest) = split_at(rest, b": ")?;
    if !matches!(level, b"warning" | b"fatal" | b"error" | b"panic" | b"info") {
        return None;
    }
    let (queue, rest) = queue(rest).unwrap_or((outer, rest));
    let (peer, text) = match Peer::parse(rest) {
        // A function may have an index: `dict_ldap_get_values[1]: …`.
        Some((peer, [b':', b' ', text @ ..])) if peer.ip().is_some() || peer.address == b"unknown" => {
            (Some(peer), text)
        }
        _ => (None, rest),
    };
    Some(Line::Warning(Warning { level, queue, peer, text }))
}
