//! Exim: received are `<=`, delivered are `=>` and `>>`, each with one or more addresses (`->`).

use super::{Message, Totals, When, host, lowered};
use crate::exim::{Arrival, Delivery, Flag, Line, Verb};
use crate::hash::hash;

impl Totals {
    pub(super) fn exim(&mut self, place: u64, when: When, line: &Line<'_>) {
        let key = |queue: &str| hash(place, queue.as_bytes());
        match line {
            Line::Arrival(arrival) => self.arrival(when, key(arrival.queue), arrival),
            Line::Delivery(delivery) => self.delivery(when, key(delivery.queue), delivery),
            Line::Completed { queue } => self.open.remove(key(queue)),
            Line::Refusal(refusal) if refusal.verb == Verb::Discarded => self.discarded += 1,
            Line::Refusal(refusal) => self.reject(when, refusal.verb == Verb::Deferred),
            _ => {}
        }
    }

    fn arrival(&mut self, when: When, key: u64, arrival: &Arrival<'_>) {
        self.receive(when);
        let size = arrival.size.unwrap_or(0);
        let client = host(arrival.host.peer.name, arrival.host.helo, arrival.host.peer.address);
        self.clients.add(&client, size);
        let sender = if arrival.sender.is_empty() { b"<>".to_vec() } else { lowered(arrival.sender) };
        self.sent_by(&sender, &client, size);
        *self.open.get(key) = Message { size: Some(size), ..Message::default() };
    }

    fn delivery(&mut self, when: When, key: u64, delivery: &Delivery<'_>) {
        match delivery.flag {
            Flag::Delivered | Flag::Cutthrough => {
                let size = self.size(key);
                self.deliver(when, delivery.address, size);
                let none = delivery.transport.is_empty();
                self.transports.add(if none { b":blackhole:" } else { delivery.transport }, size);
                let relay = delivery.relay.split(|byte| *byte == b' ').next().unwrap_or_default();
                self.hosts.add(if relay.is_empty() { b"local" } else { relay }, size);
            }
            Flag::Further => {
                let size = self.size(key);
                self.reach(delivery.address, size);
            }
            Flag::Deferred => self.defer(when, key),
            Flag::Failed => self.fail(when, key),
            Flag::Suppressed => {}
        }
    }
}
