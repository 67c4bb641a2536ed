//! Sendmail: `from=`, `to=` for each recipient, with one queue id. Who logged in stands in a line of the same process, refusals of
//! unknown recipients before the line that names the client.

use memchr::memmem;

use super::open::Slot;
use super::postfix::{is_first, set_client};
use super::waiting::Waiting;
use super::{Assembly, Here};
use crate::happening;
use crate::happening::{Attempt, Client, Fate, Happening, Loss, Mail, Stage, What};
use crate::hash::hash;
use crate::scan::{enhanced, reply, text};
use crate::sendmail::{Delivery, Envelope, Line, Refusal, each};

impl Assembly {
    pub(super) fn sendmail(&mut self, here: &Here<'_>, line: &Line<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        match line {
            Line::Envelope(envelope) => self.envelope(here, envelope, tell),
            Line::Delivery(delivery) => self.sendmail_delivery(here, delivery, tell),
            Line::Notification { about, queue, text } => {
                if memmem::find(text, b"Cannot send message for ").is_some() {
                    self.expired(here, about, tell);
                    if let Some(slot) = self.find(here, about) {
                        self.done(here, slot);
                    }
                }
                self.sendmail_notification(here, about, queue, tell);
            }
            Line::Done { queue } => {
                if let Some(slot) = self.find(here, queue) {
                    self.done(here, slot);
                }
            }
            Line::Refusal(refusal) => self.sendmail_refusal(here, refusal, tell),
            Line::Login { relay, account, .. } => {
                if let Some(address) = relay.client().address {
                    self.logins.learn(here.process, address, here.at, account);
                }
            }
            Line::LoginFailed { relay, account, .. } => {
                tell(&here.happening(What::LoginFailed(Client { account: *account, ..relay.client() })));
            }
            Line::Loss { relay, kind, .. } => {
                tell(&here.happening(What::Loss(Loss { client: relay.client(), kind: *kind })));
            }
            Line::Idle | Line::Unknown => {}
        }
    }

    fn envelope(&mut self, here: &Here<'_>, envelope: &Envelope<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        // A bounce was told when it was made.
        if let Some(slot) = self.find(here, envelope.queue)
            && self.row.get(slot).mail().about.is_some()
        {
            self.row.touch(slot, here.at, |open| (open.size, open.recipients) = (envelope.size, envelope.recipients));
            return;
        }
        let slot = self.begin_again(here, envelope.queue);
        let client = envelope.relay.client();
        let account = client.address.and_then(|address| self.logins.of(here.process, address, here.at));
        self.row.touch(slot, here.at, |open| {
            set_client(open, &Client { account, ..client });
            if let (Some(user), None) = (envelope.relay.user, account) {
                open.account = open.keep_both(b"uid=", user);
            }
            open.state.client = true;
        });
        // The client went before the content, or nobody was left to take it for.
        let is_empty = envelope.size == Some(0) && envelope.message_id.is_none();
        if is_empty || envelope.recipients == Some(0) {
            self.row.touch(slot, here.at, |open| open.sender = open.keep(envelope.sender));
            self.tell_waiting(here, envelope.queue, tell);
            self.counts.closed += 1;
            self.forget(slot);
            return;
        }
        if let Some(id) = envelope.message_id {
            self.message_id(here, envelope.queue, id);
        }
        self.active(here, slot, envelope.sender, envelope.size, envelope.recipients, tell);
        self.tell_waiting(here, envelope.queue, tell);
    }

    fn sendmail_notification(
        &mut self,
        here: &Here<'_>,
        about: &str,
        queue: &str,
        tell: &mut dyn FnMut(&Happening<'_>),
    ) {
        let slot = self.begin_again(here, queue);
        self.row.touch(slot, here.at, |open| {
            open.about = open.keep_name(about);
            open.state.client = true;
        });
        self.active(here, slot, b"", None, None, tell);
    }

    fn sendmail_delivery(&mut self, here: &Here<'_>, delivery: &Delivery<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        let Some(fate) = delivery.fate else { return };
        let slot = self.find_or_midway(here, delivery.queue);
        let came_back = !self.row.get(slot).passed.is_empty();
        if fate == Fate::Delivered && came_back && self.is_passed(here, slot, named(delivery.status)) {
            self.counts.handed_on += 1;
            return self.done(here, slot);
        }
        let said = delivery.reply.unwrap_or(delivery.status);
        let code = reply(said.strip_prefix(b"Deferred: ").unwrap_or(said)).map(|(code, _)| code);
        for address in each(delivery.recipients) {
            let is_command = matches!(address.first(), Some(b'|' | b'/' | b'"'));
            let recipient = delivery.controller.filter(|_| is_command).unwrap_or(address);
            let key = hash(self.seed, recipient);
            let first = self.row.touch(slot, here.at, |open| {
                open.state.piped = fate == Fate::Delivered && delivery.mailer == b"prog";
                is_first(open, key, recipient, fate)
            });
            let attempt = Attempt {
                mail: self.row.get(slot).mail(),
                recipient,
                original: None,
                first,
                fate,
                stage: stage(delivery, fate),
                code,
                enhanced: delivery.enhanced,
                relay: text(delivery.relay.text).filter(|relay| !relay.is_empty()),
                text: said,
            };
            tell(&here.happening(What::Attempt(attempt)));
        }
        let open = self.row.get(slot);
        let is_over = open.recipients.is_none_or(|count| open.tried.len() >= count as usize);
        if is_over && open.tried.iter().all(|tried| !tried.pending) {
            self.done(here, slot);
        }
    }

    /// The message is over, as far as can be seen: aliases may bring more results.
    fn done(&mut self, here: &Here<'_>, slot: Slot) {
        if !self.row.get(slot).state.closed {
            self.counts.closed += 1;
            self.linger(slot, here.at);
        }
    }

    /// A refusal without a client waits for the line that names it.
    pub(super) fn sendmail_refusal(
        &mut self,
        here: &Here<'_>,
        refusal: &Refusal<'_>,
        tell: &mut dyn FnMut(&Happening<'_>),
    ) {
        if refusal.relay.is_none() && !refusal.queue.is_empty() && self.find(here, refusal.queue).is_none() {
            return self.wait(Waiting::new(here, refusal.queue), tell);
        }
        self.sendmail_refused(here, refusal, tell);
    }

    pub(super) fn sendmail_refused(
        &self,
        here: &Here<'_>,
        refusal: &Refusal<'_>,
        tell: &mut dyn FnMut(&Happening<'_>),
    ) {
        let mail = self.find(here, refusal.queue).map_or_else(Mail::default, |slot| self.row.get(slot).mail());
        let client = match refusal.relay {
            Some(relay) => {
                let client = relay.client();
                let account = client.address.and_then(|address| self.logins.of(here.process, address, here.at));
                Client { account, ..client }
            }
            None => mail.client,
        };
        let (code, rest) = reply(refusal.text).map_or((None, refusal.text), |(code, rest)| (Some(code), rest));
        let rest = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"-")).unwrap_or(rest);
        let told = happening::Refusal {
            client,
            stage: refusal.stage,
            sender: refusal.sender.or(mail.sender),
            recipient: refusal.recipient,
            code,
            enhanced: enhanced(rest).map(|(code, _)| code),
            text: refusal.text,
        };
        tell(&here.happening(What::Refusal(told)));
    }
}

/// Where in the dialogue it ended: Sendmail does not say, beyond what follows from the result.
fn stage(delivery: &Delivery<'_>, fate: Fate) -> Stage {
    let status = delivery.status;
    if delivery.relay.address.is_empty() || matches!(delivery.mailer, b"local" | b"prog" | b"*file*") {
        return Stage::Own;
    }
    if fate == Fate::Delivered {
        return Stage::EndOfData;
    }
    let unreached: [&[u8]; 4] =
        [b"Connection ", b"Operation timed out", b"No route to host", b"Network is unreachable"];
    let is_unreached = delivery.reply.is_none() && unreached.iter().any(|word| memmem::find(status, word).is_some());
    if is_unreached { Stage::Connect } else { Stage::Unknown }
}

/// The queue id under which a Sendmail took a message: `Sent (1F Message accepted for delivery)`.
fn named(status: &[u8]) -> &[u8] {
    let inner = status.strip_prefix(b"Sent (").unwrap_or_default();
    let end = inner.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(inner.len());
    &inner[..end]
}
