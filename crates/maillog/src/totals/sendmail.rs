//! Sendmail: received are `from=` lines that have recipients, delivered are the recipients of `to=` lines.

use super::{Message, Totals, When, host, lowered};
use crate::happening::Fate;
use crate::hash::hash;
use crate::sendmail::{Envelope, Line, each};

impl Totals {
    pub(super) fn sendmail(&mut self, place: u64, when: When, line: &Line<'_>) {
        let key = |queue: &str| hash(place, queue.as_bytes());
        match line {
            Line::Envelope(envelope) if envelope.recipients != Some(0) => {
                self.envelope(when, key(envelope.queue), envelope);
            }
            Line::Delivery(delivery) => {
                let key = key(delivery.queue);
                for recipient in each(delivery.recipients) {
                    match delivery.fate {
                        Some(Fate::Delivered) => {
                            let size = self.size(key);
                            self.deliver(when, recipient, size);
                            self.transports.add(delivery.mailer, size);
                        }
                        Some(Fate::Deferred) => self.defer(when, key),
                        Some(Fate::Failed | Fate::Expired) => self.fail(when, key),
                        None => {}
                    }
                }
            }
            Line::Done { queue } => self.open.remove(key(queue)),
            Line::Refusal(refusal) => self.reject(when, refusal.text.first() == Some(&b'4')),
            _ => {}
        }
    }

    fn envelope(&mut self, when: When, key: u64, envelope: &Envelope<'_>) {
        self.receive(when);
        let size = envelope.size.unwrap_or(0);
        let client = host(envelope.relay.name, None, envelope.relay.address);
        self.clients.add(&client, size);
        let sender = if envelope.sender.is_empty() { b"<>".to_vec() } else { lowered(envelope.sender) };
        self.sent_by(&sender, &client, size);
        *self.open.get(key) = Message { size: Some(size), ..Message::default() };
    }
}
