//! Lines about clients: smtpd, postscreen, tlsproxy.

use memchr::{memchr, memmem};

use super::line::{Envelope, Handed, Idle, Line, Refusal};
use super::{house, queue, queue_id};
use crate::happening::LossKind;
use crate::peer::Peer;
use crate::scan::{bracketed, enhanced, find, number, reply, split, split_at};

pub(super) fn smtpd(text: &[u8]) -> Option<Line<'_>> {
    if let Some((queue, rest)) = queue(text) {
        if let Some(client) = rest.strip_prefix(b"client=") {
            return handed(queue, client);
        }
        return refusal(queue, rest);
    }
    if let Some(rest) = text.strip_prefix(b"connect from ") {
        return Some(Line::Connect { peer: Peer::parse(rest)?.0, to: None });
    }
    if let Some(rest) = text.strip_prefix(b"disconnect from ") {
        let (peer, counts) = Peer::parse(rest)?;
        return Some(Line::Disconnect { peer, counts: counts.strip_prefix(b" ").unwrap_or(counts) });
    }
    if let Some(rest) = text.strip_prefix(b"warning: ") {
        return login_failed(rest).or_else(|| house::warning(text));
    }
    lost(text).or_else(|| tls(text)).or_else(|| proxied(text)).or_else(|| remarks(text))
}

/// `name[address], sasl_method=PLAIN, sasl_username=joe`, and what a filter tells that hands a message back.
fn handed<'a>(queue: &'a str, rest: &'a [u8]) -> Option<Line<'a>> {
    let (peer, mut rest) = Peer::parse(rest)?;
    let mut handed = Handed { queue, peer, ..Handed::default() };
    while let Some(after) = rest.strip_prefix(b", ") {
        let (key, after) = split(after, b'=')?;
        // A user name may have a comma and a blank; the next key may not.
        let end = next_key(after);
        let value = &after[..end];
        match key {
            b"sasl_method" => handed.method = Some(value),
            b"sasl_username" => handed.account = Some(value),
            b"sasl_sender" => handed.sasl_sender = Some(value),
            b"orig_queue_id" => handed.original_queue = queue_id(value).filter(|id| !id.is_empty()),
            b"orig_client" => handed.original_client = Peer::parse(value).map(|(peer, _)| peer),
            _ => {}
        }
        rest = &after[end..];
    }
    Some(Line::Client(handed))
}

fn next_key(text: &[u8]) -> usize {
    let is_key = |at: &usize| {
        let rest = &text[at + 2..];
        [&b"sasl_"[..], b"orig_"].iter().any(|start| rest.starts_with(start)) && memchr(b'=', rest).is_some()
    };
    memmem::find_iter(text, b", ").find(is_key).unwrap_or(text.len())
}

/// `reject: RCPT from name[address]: 550 5.1.1 <a>: text; from=<a> to=<b> proto=ESMTP helo=<c>`
fn refusal<'a>(queue: &'a str, rest: &'a [u8]) -> Option<Line<'a>> {
    let (action, rest) = split_at(rest, b": ")?;
    let known = matches!(
        action.strip_prefix(b"milter-").unwrap_or(action),
        b"reject"
            | b"reject_warning"
            | b"discard"
            | b"filter"
            | b"hold"
            | b"redirect"
            | b"warn"
            | b"info"
            | b"bcc"
            | b"delay"
            | b"accept"
            | b"defer"
            | b"quarantine"
            | b"replace"
            | b"prepend"
            | b"permit"
    );
    if !known {
        return None;
    }
    let (stage, rest) = split_at(rest, b" from ")?;
    let (peer, rest) = Peer::parse(rest)?;
    let rest = rest.strip_prefix(b": ")?;
    let (text, envelope) = envelope(rest);
    let (code, text) = coded(text);
    let (enhanced, text) = subcoded(text);
    let (subject, text) = subject(text);
    let refusal = Refusal { queue, action, stage, peer, code, enhanced, subject, text, envelope };
    Some(Line::Refusal(refusal))
}

pub(crate) fn coded(text: &[u8]) -> (Option<u16>, &[u8]) {
    match reply(text) {
        Some((code, rest)) => (Some(code), rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (None, text),
    }
}

pub(crate) fn subcoded(text: &[u8]) -> (Option<[u16; 3]>, &[u8]) {
    match enhanced(text) {
        Some((code, rest)) => (Some(code), rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (None, text),
    }
}

/// `<a>: text`
fn subject(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match bracketed(text) {
        Some((subject, rest)) if rest.starts_with(b": ") => (Some(subject), &rest[2..]),
        _ => (None, text),
    }
}

/// The text before `; from=<a> to=<b> proto=ESMTP helo=<c>`, and these.
pub(super) fn envelope(text: &[u8]) -> (&[u8], Envelope<'_>) {
    // The text may quote an address of the client's, the HELO name is all the client's: the first place is the safer one.
    let mut from = 0;
    while let Some(at) = find(&text[from..], b"; ") {
        let (before, rest) = (&text[..from + at], &text[from + at + 2..]);
        if [&b"from=<"[..], b"to=<", b"proto=", b"helo=<", b"sasl_"].iter().any(|key| rest.starts_with(key)) {
            return (before, pairs(rest).0);
        }
        from += at + 2;
    }
    (text, Envelope::default())
}

/// `from=<a> to=<b> proto=ESMTP helo=<c>`, with commas or without; and what follows.
pub(super) fn pairs(mut rest: &[u8]) -> (Envelope<'_>, &[u8]) {
    let mut envelope = Envelope::default();
    while let Some((key, after)) = split(rest, b'=') {
        let field = match key {
            b"from" => &mut envelope.sender,
            b"to" => &mut envelope.recipient,
            b"proto" => &mut envelope.protocol,
            b"helo" => &mut envelope.helo,
            b"sasl_username" => &mut envelope.account,
            b"sasl_method" | b"sasl_sender" => &mut None,
            _ => break,
        };
        let (value, after) = bracketed(after).unwrap_or_else(|| {
            let end = after.iter().position(|byte| matches!(byte, b' ' | b',' | b':' | b';'));
            after.split_at(end.unwrap_or(after.len()))
        });
        // A HELO name may hold the same words again: what stands first is ours.
        _ = field.get_or_insert(value);
        rest = after;
        let Some(next) = rest.strip_prefix(b", ").or_else(|| rest.strip_prefix(b" ")) else { break };
        rest = next;
    }
    (envelope, rest)
}

/// After `warning: `: `name[address]: SASL LOGIN authentication failed: text, sasl_username=joe`
fn login_failed(rest: &[u8]) -> Option<Line<'_>> {
    let (peer, rest) = Peer::parse(rest)?;
    let (method, text) = split_at(rest.strip_prefix(b": SASL ")?, b" authentication failed")?;
    let text = text.strip_prefix(b": ").unwrap_or(text);
    let (text, account) = match split_at(text, b", sasl_username=") {
        Some((text, account)) => (text, Some(account)),
        None => (text, None),
    };
    let account = account.filter(|account| *account != b"(unavailable)");
    Some(Line::LoginFailed { peer, method, text, account })
}

/// `lost connection after DATA (7 bytes) from name[address]` and its like.
fn lost(text: &[u8]) -> Option<Line<'_>> {
    let losses = [
        (&b"lost connection"[..], LossKind::Hangup),
        (b"timeout", LossKind::TimedOut),
        (b"too many errors", LossKind::Hangup),
        (b"SSL_accept error", LossKind::Hangup),
        (b"bare <LF> received", LossKind::BareNewline),
        (b"improper command pipelining", LossKind::Pipelined),
    ];
    let (what, kind) = losses.into_iter().find(|(what, _)| text.starts_with(what))?;
    let rest = &text[what.len()..];
    let (stage, rest) = match rest.strip_prefix(b" after ") {
        Some(after) => split_at(after, b" from ")?,
        None => (&b""[..], rest.strip_prefix(b" from ")?),
    };
    let stage = split_at(stage, b" (").map_or(stage, |(stage, _)| stage);
    let (peer, rest) = Peer::parse(rest)?;
    Some(Line::Loss { peer, kind, what, waited: b"", stage, text: rest.strip_prefix(b": ").unwrap_or(rest) })
}

/// `Anonymous TLS connection established from name[address]: TLSv1.3 with cipher …`
pub(super) fn tls(text: &[u8]) -> Option<Line<'_>> {
    if text.starts_with(b"setting up TLS connection ") || text.starts_with(b"Host offered STARTTLS: ") {
        return Some(Line::Idle(Idle::Remark));
    }
    let (trust, rest) = split_at(text, b" TLS connection ")?;
    let rest = rest.strip_prefix(b"established ").or_else(|| rest.strip_prefix(b"reused "))?;
    let (inbound, rest) = match rest.strip_prefix(b"from ") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(b"to ")?),
    };
    let (peer, rest) = Peer::parse(rest)?;
    Some(Line::Tls { trust, peer, inbound, parameters: rest.strip_prefix(b": ").unwrap_or(rest) })
}

/// `proxy-reject: END-OF-MESSAGE: 554 5.7.0 text; from=<a> …`
fn proxied(text: &[u8]) -> Option<Line<'_>> {
    let rest = text.strip_prefix(b"proxy-")?;
    let (result, rest) = split_at(rest, b": ")?;
    let (stage, rest) = split_at(rest, b": ")?;
    let (text, envelope) = envelope(rest);
    Some(Line::Proxied { accepted: result == b"accept", stage, text, envelope })
}

fn remarks(text: &[u8]) -> Option<Line<'_>> {
    if let Some(words) = text.strip_prefix(b"discarding EHLO keywords: ") {
        return Some(Line::Keywords(words));
    }
    let starts: [&[u8]; 6] = [
        b"Milter ",
        b"setting up TLS",
        b"Peer ",
        b"idle timeout -- exiting",
        b"using backwards-compatible default setting",
        b"Deferred ",
    ];
    starts.iter().any(|start| text.starts_with(start)).then_some(Line::Idle(Idle::Remark))
}

pub(super) fn postscreen(text: &[u8]) -> Option<Line<'_>> {
    if let Some(rest) = text.strip_prefix(b"CONNECT from ") {
        let (peer, rest) = Peer::parse(rest)?;
        let to = rest.strip_prefix(b" to ").and_then(Peer::parse).map(|(peer, _)| peer);
        return Some(Line::Connect { peer, to });
    }
    if let Some((queue, rest)) = queue(text) {
        return refusal(queue, rest);
    }
    if let Some(rest) = text.strip_prefix(b"DNSBL rank ") {
        let (rank, rest) = number(rest)?;
        return Some(Line::Rank { rank, peer: Peer::parse(rest.strip_prefix(b" for ")?)?.0 });
    }
    if let Some(rest) = text.strip_prefix(b"DISCONNECT ") {
        return Some(Line::Disconnect { peer: Peer::parse(rest)?.0, counts: b"" });
    }
    violation(text).or_else(|| access(text)).or_else(|| house::cleaned(text)).or_else(|| remarks(text))
}

/// `PREGREET 6 after 1.2 from [192.0.2.7]:43421: RSET`, `COMMAND TIME LIMIT from [192.0.2.7]:51799 after CONNECT`
fn violation(text: &[u8]) -> Option<Line<'_>> {
    let kinds = [
        (&b"PREGREET"[..], LossKind::Early),
        (b"HANGUP", LossKind::Hangup),
        (b"COMMAND PIPELINING", LossKind::Pipelined),
        (b"BARE NEWLINE", LossKind::BareNewline),
        (b"COMMAND TIME LIMIT", LossKind::TimedOut),
        (b"COMMAND COUNT LIMIT", LossKind::Hangup),
        (b"COMMAND LENGTH LIMIT", LossKind::Hangup),
        (b"NON-SMTP COMMAND", LossKind::Hangup),
    ];
    let (what, kind) = kinds.into_iter().find(|(what, _)| text.starts_with(what))?;
    let (waited, rest) = split_at(&text[what.len()..], b" from ")?;
    let waited = split_at(waited, b" after ").map_or(&b""[..], |(_, seconds)| seconds);
    let (peer, rest) = Peer::parse(rest)?;
    let (stage, text) = match rest.strip_prefix(b" after ") {
        Some(after) => split_at(after, b": ").unwrap_or((after, b"")),
        None => (&b""[..], rest.strip_prefix(b": ").unwrap_or(rest)),
    };
    Some(Line::Loss { peer, kind, what, waited, stage, text })
}

fn access(text: &[u8]) -> Option<Line<'_>> {
    let verdicts: [&[u8]; 10] = [
        b"PASS NEW",
        b"PASS OLD",
        b"ALLOWLISTED",
        b"WHITELISTED",
        b"DENYLISTED",
        b"BLACKLISTED",
        b"ALLOWLIST VETO",
        b"WHITELIST VETO",
        b"ALLOWLIST",
        b"DENYLIST",
    ];
    let verdict = verdicts.into_iter().find(|verdict| text.starts_with(verdict))?;
    let (peer, _) = Peer::parse(text[verdict.len()..].strip_prefix(b" ")?)?;
    Some(Line::Access { verdict, peer })
}

pub(super) fn tlsproxy(text: &[u8]) -> Option<Line<'_>> {
    if let Some(rest) = text.strip_prefix(b"CONNECT ") {
        let rest = rest.strip_prefix(b"from ").unwrap_or(rest);
        return Some(Line::Connect { peer: Peer::parse(rest)?.0, to: None });
    }
    if let Some(rest) = text.strip_prefix(b"DISCONNECT ") {
        return Some(Line::Disconnect { peer: Peer::parse(rest)?.0, counts: b"" });
    }
    tls(text).or_else(|| lost(text)).or_else(|| super::delivery::smtp(text))
}
