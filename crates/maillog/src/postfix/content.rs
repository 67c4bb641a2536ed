//! Lines of cleanup: message ids, and rules on headers and bodies.

use super::clients::pairs;
use super::line::{Content, Envelope, Line};
use super::queue;
use crate::peer::Peer;
use crate::scan::{find_last, split_at};

pub(super) fn cleanup(text: &[u8]) -> Option<Line<'_>> {
    let (queue, rest) = queue(text)?;
    if let Some(id) = rest.strip_prefix(b"message-id=") {
        return Some(Line::MessageId { queue, id: unbracketed(id), resent: false });
    }
    if let Some(id) = rest.strip_prefix(b"resent-message-id=") {
        return Some(Line::MessageId { queue, id: unbracketed(id), resent: true });
    }
    content(queue, rest)
}

fn unbracketed(id: &[u8]) -> &[u8] {
    id.strip_prefix(b"<").and_then(|id| id.strip_suffix(b">")).unwrap_or(id)
}

/// `warning: header Subject: x from name[address]; from=<a> to=<b> proto=ESMTP helo=<c>: text`
fn content<'a>(queue: &'a str, rest: &'a [u8]) -> Option<Line<'a>> {
    let (action, rest) = split_at(rest, b": ")?;
    let known = matches!(
        action.strip_prefix(b"milter-").unwrap_or(action),
        b"warning"
            | b"info"
            | b"reject"
            | b"prepend"
            | b"hold"
            | b"discard"
            | b"filter"
            | b"redirect"
            | b"replace"
            | b"ignore"
            | b"strip"
            | b"bcc"
            | b"pass"
            | b"header-redirect"
            | b"tempfail"
            | b"quarantine"
            | b"defer"
    );
    if !known || !is_trigger(rest) {
        return None;
    }
    // What a header says is the sender's: the end that Postfix wrote is the last.
    let (before, envelope, text) = match find_last(rest, b"; from=<") {
        Some(at) => {
            let (envelope, after) = pairs(&rest[at + 2..]);
            (&rest[..at], envelope, after.strip_prefix(b": ").unwrap_or(after))
        }
        None => (rest, Envelope::default(), &b""[..]),
    };
    let (trigger, peer, answer) = trigger(before).unwrap_or((before, None, b""));
    Some(Line::Content(Content { queue, action, trigger, peer, answer, envelope, text }))
}

fn is_trigger(rest: &[u8]) -> bool {
    [&b"header "[..], b"body ", b"mime-header ", b"nested-header ", b"END-OF-MESSAGE", b"DATA", b"RCPT", b"MAIL"]
        .iter()
        .any(|start| rest.starts_with(start))
}

/// `header X from name[address]`, or `END-OF-MESSAGE from name[address]: 5.7.1 text`: what, by whom, and the answer.
fn trigger(before: &[u8]) -> Option<(&[u8], Option<Peer<'_>>, &[u8])> {
    if let Some(trigger) = before.strip_suffix(b" from local") {
        return Some((trigger, None, b""));
    }
    let at = find_last(before, b" from ")?;
    let (peer, rest) = Peer::parse(&before[at + 6..])?;
    match rest.strip_prefix(b": ") {
        Some(answer) => Some((&before[..at], Some(peer), answer)),
        None if rest.is_empty() => Some((&before[..at], Some(peer), b"")),
        None => None,
    }
}
