//! Postfix: received are `client=` and `uid=` lines, delivered are recipients with `status=sent`.

use super::{Message, Totals, When, host, lowered};
use crate::happening::Fate;
use crate::hash::hash;
use crate::peer::Peer;
use crate::postfix::{Delivery, Line};
use crate::scan::find;

/// Where a message came from that was handed in on the machine.
const HERE: &[u8] = b"pickup";

impl Totals {
    pub(super) fn postfix(&mut self, place: u64, when: When, line: &Line<'_>) {
        let key = |queue: &str| hash(place, queue.as_bytes());
        match line {
            Line::Client(handed) => {
                let client = host(handed.peer.name, None, handed.peer.address);
                self.hand_in(when, key(handed.queue), from(&handed.peer), &client);
            }
            Line::Pickup { queue, .. } => self.hand_in(when, key(queue), HERE.to_vec(), b"local"),
            Line::Active { queue, sender, size, .. } => self.active(key(queue), sender, size.unwrap_or(0)),
            Line::Delivery(delivery) => self.result(when, key(delivery.queue), delivery),
            Line::Removed { queue } => self.open.remove(key(queue)),
            Line::Refusal(refusal) => {
                let for_now = refusal.code.is_some_and(|code| code < 500);
                self.acted(when, refusal.action, for_now);
            }
            Line::Content(content) => {
                let answer = if content.answer.is_empty() { content.text } else { content.answer };
                self.acted(when, content.action, answer.first() == Some(&b'4'));
            }
            Line::Proxied { accepted: false, text, .. } => self.reject(when, text.first() == Some(&b'4')),
            _ => {}
        }
    }

    fn hand_in(&mut self, when: When, key: u64, from: Vec<u8>, client: &[u8]) {
        self.receive(when);
        self.clients.add(client, 0);
        // The queue id may have been another's before.
        *self.open.get(key) = Message { from: Some(from.into()), ..Message::default() };
    }

    fn active(&mut self, key: u64, sender: &[u8], size: u64) {
        let message = self.open.get(key);
        message.size.get_or_insert(size);
        let Some(from) = message.from.take() else { return };
        let sender = if sender.is_empty() { b"from=<>".to_vec() } else { lowered(sender) };
        let client = if *from == *HERE { &sender } else { &*from };
        self.sent_by(&sender, client, size);
    }

    fn result(&mut self, when: When, key: u64, delivery: &Delivery<'_>) {
        match delivery.fate {
            Some(Fate::Delivered) if find(delivery.text, b"forwarded as ").is_some() => self.forwarded += 1,
            Some(Fate::Delivered) => {
                let size = self.size(key);
                self.deliver(when, delivery.recipient, size);
                match Peer::parse(delivery.relay) {
                    Some((peer, _)) => self.hosts.add(&host(peer.name, None, peer.address), size),
                    None => self.transports.add(delivery.relay, size),
                }
            }
            Some(Fate::Deferred) => self.defer(when, key),
            Some(Fate::Failed | Fate::Expired) => self.fail(when, key),
            None => {}
        }
    }

    fn acted(&mut self, when: When, action: &[u8], for_now: bool) {
        let count = match action.strip_prefix(b"milter-").unwrap_or(action) {
            b"reject" => return self.reject(when, for_now),
            b"reject_warning" | b"warning" => &mut self.warned,
            b"hold" => &mut self.held,
            b"discard" => &mut self.discarded,
            _ => return,
        };
        *count += 1;
        self.period(when, |period| period.rejected += 1);
    }
}

/// The domain of a client, or its address.
fn from(peer: &Peer<'_>) -> Vec<u8> {
    if peer.name.is_empty() || peer.name == b"unknown" { peer.address.to_vec() } else { of_host(peer.name) }
}

/// A host's domain: its last two labels when the last has three letters, its last three when these are as in `example.co.uk`;
/// otherwise the whole name. It is how pflogsumm takes it.
fn of_host(name: &[u8]) -> Vec<u8> {
    let labels: Vec<&[u8]> = name.split(|byte| *byte == b'.').collect();
    let kept = match labels.as_slice() {
        [_, .., second, last] if last.len() == 3 => [second.to_ascii_lowercase(), last.to_vec()],
        [_, .., first, second, last] if last.len() == 2 && (2..=3).contains(&second.len()) => {
            [first.to_ascii_lowercase(), [second, &b"."[..], last].concat()]
        }
        _ => return name.to_vec(),
    };
    kept.join(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_domain_is_what_pflogsumm_takes_for_it() {
        for (name, domain) in [
            ("mx1.mail.example.com", "example.com"),
            ("Host.Example.com", "example.com"),
            ("mail.example.co.uk", "example.co.uk"),
            ("example.com", "example.com"),
            ("mx.example.de", "mx.example.de"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(of_host(name.as_bytes()), domain.as_bytes(), "{name}");
        }
    }
}
