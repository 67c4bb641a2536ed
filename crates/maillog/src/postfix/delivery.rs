//! Lines of the delivery agents: results for recipients, and what smtp says of next hops on the way.

use super::line::{Delivery, Idle, Line, Remote};
use super::queue;
use crate::happening::Fate;
use crate::peer::Peer;
use crate::scan::{bracketed, enhanced, find, find_last, split, split_at};

pub(super) fn smtp(text: &[u8]) -> Option<Line<'_>> {
    delivery(text).or_else(|| remote(text))
}

/// `1F: to=<a>, orig_to=<b>, relay=…, delay=…, delays=…, tls=…, dsn=…, status=sent (…)`
pub(super) fn delivery(text: &[u8]) -> Option<Line<'_>> {
    let (queue, rest) = queue(text)?;
    let (recipient, rest) = address(rest.strip_prefix(b"to=")?)?;
    let mut delivery = Delivery {
        queue,
        recipient,
        original: None,
        relay: b"",
        delay: b"",
        delays: b"",
        tls: None,
        enhanced: None,
        status: b"",
        fate: None,
        text: b"",
    };
    let mut rest = rest.strip_prefix(b", ")?;
    if let Some(after) = rest.strip_prefix(b"orig_to=") {
        let (original, after) = address(after)?;
        (delivery.original, rest) = (Some(original), after.strip_prefix(b", ")?);
    }
    while let Some((key, after)) = split(rest, b'=') {
        if key == b"status" {
            let (status, after) = split(after, b' ').unwrap_or((after, b""));
            delivery.status = status;
            delivery.text = parenthesised(after);
            return Some(judged(delivery));
        }
        let (value, after) = split_at(after, b", ")?;
        match key {
            b"relay" => delivery.relay = value,
            b"delay" => delivery.delay = value,
            b"delays" => delivery.delays = value,
            b"tls" => delivery.tls = Some(value),
            b"dsn" => delivery.enhanced = enhanced(value).map(|(code, _)| code),
            _ => {}
        }
        rest = after;
    }
    None
}

fn judged(mut delivery: Delivery<'_>) -> Line<'_> {
    delivery.fate = match delivery.status {
        b"sent" => Some(Fate::Delivered),
        b"deferred" | b"SOFTBOUNCE" => Some(Fate::Deferred),
        b"bounced" => Some(Fate::Failed),
        b"expired" | b"force-expired" => Some(Fate::Expired),
        _ => None,
    };
    Line::Delivery(delivery)
}

/// `<a>`, or an address without brackets up to `, `.
fn address(text: &[u8]) -> Option<(&[u8], &[u8])> {
    bracketed(text).or_else(|| {
        let end = find(text, b", ")?;
        Some((&text[..end], &text[end..]))
    })
}

fn parenthesised(text: &[u8]) -> &[u8] {
    let inner = text.strip_prefix(b"(").unwrap_or(text);
    inner.strip_suffix(b")").unwrap_or(inner)
}

/// What smtp says that is no result.
fn remote(text: &[u8]) -> Option<Line<'_>> {
    let (queue, rest) = queue(text).unwrap_or(("", text));
    let line = |peer, kind, text, stage| Some(Line::Remote { queue, peer, kind, text, stage });
    if let Some(after) = rest.strip_prefix(b"host ") {
        let (peer, after) = Peer::parse(after)?;
        if let Some(said) = after.strip_prefix(b" said: ") {
            let (said, stage) = in_reply_to(said);
            return line(peer, Remote::Said, said, stage);
        }
        if let Some(said) = after.strip_prefix(b" refused to talk to me: ") {
            return line(peer, Remote::Refused, said, b"");
        }
        return after.strip_prefix(b" offers ").and_then(|offer| line(peer, Remote::Offer, offer, b""));
    }
    if let Some(after) = rest.strip_prefix(b"connect to ") {
        let (peer, after) = Peer::parse(after)?;
        return line(peer, Remote::Unreachable, after.strip_prefix(b": ")?, b"");
    }
    for (start, kind) in [
        (&b"lost connection with "[..], Remote::Lost),
        (b"conversation with ", Remote::Lost),
        (b"timeout with ", Remote::Lost),
    ] {
        if let Some(after) = rest.strip_prefix(start) {
            let (peer, after) = Peer::parse(after)?;
            let while_ = split_at(after, b" while ").map_or(&b""[..], |(_, doing)| doing);
            return line(peer, kind, &start[..start.len() - 6], while_);
        }
    }
    if let Some(after) = rest.strip_prefix(b"SSL_connect error to ") {
        let (peer, after) = Peer::parse(after)?;
        return line(peer, Remote::Tls, after.strip_prefix(b": ")?, b"");
    }
    if let Some(after) = rest.strip_prefix(b"certificate verification failed for ") {
        let (peer, after) = Peer::parse(after)?;
        return line(peer, Remote::Tls, after.strip_prefix(b": ")?, b"");
    }
    if let Some(after) = rest.strip_prefix(b"SASL authentication failed; server ") {
        let (peer, after) = Peer::parse(after)?;
        return line(peer, Remote::Login, after.strip_prefix(b" said: ")?, b"");
    }
    if let Some(after) = rest.strip_prefix(b"enabling PIX workarounds: ") {
        let (workarounds, after) = split_at(after, b" for ")?;
        let (peer, _) = Peer::parse(after)?;
        return line(peer, Remote::Offer, workarounds, b"");
    }
    if rest.starts_with(b"Server certificate not ") || rest.starts_with(b"Cannot start TLS") {
        return Some(Line::Idle(Idle::Remark));
    }
    super::clients::tls(rest)
}

/// Without `(in reply to RCPT TO command)` at the end; and the command.
pub(crate) fn in_reply_to(text: &[u8]) -> (&[u8], &[u8]) {
    let Some(at) = find_last(text, b" (in reply to ") else { return (text, b"") };
    let stage = &text[at + 14..];
    (&text[..at], stage.strip_suffix(b")").and_then(|stage| stage.strip_suffix(b" command")).unwrap_or(stage))
}
