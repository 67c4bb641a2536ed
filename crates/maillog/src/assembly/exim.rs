//! Exim: `<=`, results for each recipient, `Completed`, all with one message id. What was delivered while the client waited
//! (`>>`) stands before its arrival and is told after it.

use memchr::memmem;

use super::open::Name;
use super::postfix::{is_first, set_client};
use super::waiting::Waiting;
use super::{Assembly, Here};
use crate::exim::{Arrival, Delivery, Failure, Flag, Line, Refusal, Verb, failure, queue_id, tainted};
use crate::happening;
use crate::happening::{Attempt, Client, Fate, Happening, Loss, Mail, Stage, Taint, What};
use crate::hash::hash;
use crate::scan::{enhanced, reply, text};

impl Assembly {
    pub(super) fn exim(&mut self, here: &Here<'_>, line: &Line<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        match line {
            Line::Arrival(arrival) => self.exim_arrival(here, arrival, tell),
            Line::Delivery(delivery) if delivery.flag == Flag::Cutthrough => {
                self.wait(Waiting::new(here, delivery.queue), tell);
            }
            Line::Delivery(delivery) => self.exim_delivery(here, delivery, tell),
            Line::Completed { queue } => self.removed(here, queue),
            Line::Refusal(refusal) => exim_refusal(here, refusal, tell),
            Line::Found { queue, host, sender, kind, text } => {
                let mail = Mail { queue, client: host.client(), sender: *sender, ..Mail::default() };
                tell(&here.happening(What::Taint(Taint { mail, kind: *kind, text })));
            }
            Line::LoginFailed { host, account, .. } => {
                tell(&here.happening(What::LoginFailed(Client { account: *account, ..host.client() })));
            }
            Line::Loss { host, kind, .. } => {
                tell(&here.happening(What::Loss(Loss { client: host.stranger(), kind: *kind })));
            }
            Line::Sender { .. } | Line::Idle(_) | Line::Unknown => {}
        }
    }

    fn exim_arrival(&mut self, here: &Here<'_>, arrival: &Arrival<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        let slot = self.begin_again(here, arrival.queue);
        let host = arrival.host.client();
        let user = arrival.user.filter(|_| host.address.is_none());
        self.row.touch(slot, here.at, |open| {
            set_client(open, &Client { account: arrival.account, ..host });
            if let (Some(user), None) = (user, arrival.account) {
                open.account = open.keep_both(b"uid=", user);
            }
            open.about = arrival.about.map_or(Name::NONE, |about| open.keep_name(about));
            open.state.client = true;
        });
        if let Some(id) = arrival.message_id {
            self.has_message_id(here, slot, id);
        }
        self.active(here, slot, arrival.sender, arrival.size, arrival.recipients, tell);
        self.tell_waiting(here, arrival.queue, tell);
    }

    pub(super) fn exim_delivery(
        &mut self,
        here: &Here<'_>,
        delivery: &Delivery<'_>,
        tell: &mut dyn FnMut(&Happening<'_>),
    ) {
        let (fate, why) = match delivery.flag {
            Flag::Suppressed => return,
            Flag::Delivered | Flag::Further | Flag::Cutthrough => (Fate::Delivered, delivered(delivery)),
            Flag::Deferred => (Fate::Deferred, failure(delivery.text)),
            Flag::Failed if delivery.text.ends_with(b"retry timeout exceeded") => {
                (Fate::Expired, failure(delivery.text))
            }
            Flag::Failed => (Fate::Failed, failure(delivery.text)),
        };
        let slot = self.find_or_midway(here, delivery.queue);
        let came_back = !self.row.get(slot).passed.is_empty();
        if fate == Fate::Delivered && came_back && self.is_passed(here, slot, named(delivery.text)) {
            self.counts.handed_on += 1;
            return;
        }
        let (recipient, original) = whose(delivery);
        let key = hash(self.seed, recipient);
        let first = self.row.touch(slot, here.at, |open| {
            open.state.piped = fate == Fate::Delivered && delivery.address.first() == Some(&b'|');
            is_first(open, key, recipient, fate)
        });
        let relay = text(delivery.relay).filter(|relay| !relay.is_empty());
        let Failure { stage, code, enhanced, text } = why;
        let mail = self.row.get(slot).mail();
        let attempt = Attempt { mail, recipient, original, first, fate, stage, code, enhanced, relay, text };
        tell(&here.happening(What::Attempt(attempt)));
    }
}

/// The address that got it, and the one that it was made from. A mailbox, command or file is not one.
fn whose<'a>(delivery: &Delivery<'a>) -> (&'a [u8], Option<&'a [u8]>) {
    let Delivery { address, original, .. } = *delivery;
    let is_address =
        !matches!(address.first(), Some(b'|' | b'/' | b'>' | b':')) && memchr::memchr(b'@', address).is_some();
    match original {
        Some(original) if !is_address => (original, None),
        _ => (address, original),
    }
}

/// What the next hop answered.
fn delivered<'a>(delivery: &Delivery<'a>) -> Failure<'a> {
    let dialogue = memchr::memchr(b'[', delivery.relay).is_some();
    let stage = if dialogue { Stage::EndOfData } else { Stage::Own };
    let text = delivery.text;
    let Some((code, rest)) = reply(text).filter(|_| dialogue) else {
        return Failure { stage, code: None, enhanced: None, text };
    };
    let enhanced = rest.get(1..).and_then(enhanced).map(|(code, _)| code);
    Failure { stage, code: Some(code), enhanced, text }
}

/// The message id under which an Exim took a message: `250 OK id=1xW6Lq-0001Hb-2e`. A filter says what the server behind it said.
fn named(answer: &[u8]) -> &[u8] {
    let Some(at) = memmem::rfind(answer, b"id=") else { return b"" };
    let id = &answer[at + 3..];
    let end = id.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-').unwrap_or(id.len());
    queue_id(&id[..end]).unwrap_or_default().as_bytes()
}

fn exim_refusal(here: &Here<'_>, refusal: &Refusal<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
    if refusal.verb == Verb::Discarded {
        return;
    }
    let client = match refusal.stage {
        Stage::Connect | Stage::Helo => refusal.host.stranger(),
        _ => refusal.host.client(),
    };
    let user = refusal.user.filter(|_| client.address.is_none());
    // A user of this machine stands as for mail that is taken.
    let user = user.map(|user| [b"uid=", user].concat());
    let client = Client { account: refusal.account.or(user.as_deref()), ..client };
    let (code, rest) = reply(refusal.text).map_or((None, refusal.text), |(code, rest)| (Some(code), rest));
    // Exim leaves its own codes out; the word tells that it is 4xx.
    let code = code.or((refusal.verb == Verb::Deferred).then_some(TEMPORARY));
    let rest = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"-")).unwrap_or(rest);
    let told = happening::Refusal {
        client,
        stage: refusal.stage,
        sender: refusal.sender,
        recipient: refusal.recipient,
        code,
        enhanced: enhanced(rest).map(|(code, _)| code),
        text: refusal.text,
    };
    tell(&here.happening(What::Refusal(told)));
    if refusal.stage == Stage::EndOfData
        && let Some(kind) = tainted(refusal.text)
    {
        let mail = Mail { queue: refusal.queue, client, sender: refusal.sender, ..Mail::default() };
        tell(&here.happening(What::Taint(Taint { mail, kind, text: refusal.text })));
    }
}

/// What Exim answers for `temporarily rejected` when nothing else is configured.
const TEMPORARY: u16 = 451;
