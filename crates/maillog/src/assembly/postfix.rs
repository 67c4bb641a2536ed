//! Postfix: `client=` or `uid=`, `message-id=`, `(queue active)`, results, `removed`. What comes back from a filter on the same
//! machine has a new queue id and the old message id.

use memchr::memmem;

use super::open::{MAX_TRIED, Name, Open, Part, Slot, State, Tried};
use super::{Assembly, Here};
use crate::happening::{Arrival, Attempt, Client, Fate, Happening, Loss, Mail, Refusal, Stage, Taint, TaintKind, What};
use crate::hash::hash;
use crate::postfix;
use crate::postfix::{Content, Delivery, Handed, Line, coded, subcoded};
use crate::scan::{find_last, reply, text};
use crate::stage;

/// Relays that are remembered as filters; the results of one more are told.
const MAX_FILTERS: usize = 64;

/// Times that one message comes back; of one more the hand-over is told as a result.
const MAX_PASSED: usize = 256;

impl Assembly {
    pub(super) fn postfix(&mut self, here: &Here<'_>, line: &Line<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        match line {
            Line::Client(handed) => self.handed(here, handed),
            Line::Pickup { queue, user, .. } => {
                let slot = self.begin_again(here, queue);
                self.row.touch(slot, here.at, |open| {
                    open.account = open.keep_both(b"uid=", user);
                    open.state.client = true;
                });
            }
            Line::MessageId { queue, id, resent: false } => self.message_id(here, queue, id),
            Line::Active { queue, sender, size, recipients } => {
                let slot = self.find_or_midway(here, queue);
                self.active(here, slot, sender, *size, *recipients, tell);
            }
            Line::Delivery(delivery) => self.delivery(here, delivery, tell),
            Line::Expired { queue, .. } => self.expired(here, queue, tell),
            Line::Removed { queue } | Line::Super { queue, action: b"removed", .. } => self.removed(here, queue),
            Line::Notification { about, queue, .. } => {
                let slot = self.find(here, queue).unwrap_or_else(|| self.begin_again(here, queue));
                self.row.touch(slot, here.at, |open| open.about = open.keep_name(about));
            }
            Line::Refusal(refusal) => self.refusal(here, refusal, tell),
            Line::Content(content) => self.content(here, content, tell),
            Line::Proxied { accepted: false, stage, text, envelope } => {
                let (code, text) = reply(text).map_or((None, *text), |(code, rest)| (Some(code), rest));
                let client = Client { helo: envelope.helo, account: envelope.account, ..Client::default() };
                let (sender, recipient) = (envelope.sender, envelope.recipient);
                let stage = stage::of_command(stage);
                let refusal = Refusal { client, stage, sender, recipient, code, enhanced: None, text };
                tell(&here.happening(What::Refusal(refusal)));
            }
            Line::LoginFailed { peer, account, .. } => {
                tell(&here.happening(What::LoginFailed(Client { account: *account, ..peer.client() })));
            }
            Line::Loss { peer, kind, .. } => {
                tell(&here.happening(What::Loss(Loss { client: peer.client(), kind: *kind })));
            }
            Line::Rank { peer, .. } => {
                let mail = Mail { client: peer.client(), ..Mail::default() };
                let text = memmem::find(here.line, b"DNSBL rank ").map_or(here.line, |at| &here.line[at..]);
                let taint = Taint { mail, kind: TaintKind::Listed, text };
                tell(&here.happening(What::Taint(taint)));
            }
            _ => {}
        }
    }

    /// A queue id that begins: of one that is known and begun already, the old message is over.
    pub(super) fn begin_again(&mut self, here: &Here<'_>, queue: &str) -> Slot {
        if let Some(slot) = self.find(here, queue) {
            let state = self.row.get(slot).state;
            if !state.client && !state.told {
                return slot;
            }
            self.counts.reused += u64::from(!state.closed);
            self.forget(slot);
        }
        self.counts.begun += 1;
        let slot = self.begin(here, queue);
        self.row.touch(slot, here.at, |open| open.arrived = Some(here.at));
        slot
    }

    fn handed(&mut self, here: &Here<'_>, handed: &Handed<'_>) {
        let slot = self.begin_again(here, handed.queue);
        let client = handed.original_client.unwrap_or(handed.peer).client();
        let helo = client.address.and_then(|address| self.helos.recent(address, here.at));
        self.row.touch(slot, here.at, |open| {
            set_client(open, &Client { account: handed.account, helo, ..client });
            open.state.client = true;
            open.state.filtered = handed.original_client.is_some();
        });
    }

    pub(super) fn message_id(&mut self, here: &Here<'_>, queue: &str, id: &[u8]) {
        let is_new = |slot: &Slot| {
            let open = self.row.get(*slot);
            open.part(open.message_id).is_none() && !open.state.told
        };
        let known = self.find(here, queue).filter(is_new);
        // Without a client it is a message of the server's own, or one that it forwards.
        let slot = known.unwrap_or_else(|| self.begin_again(here, queue));
        self.has_message_id(here, slot, id);
    }

    pub(super) fn has_message_id(&mut self, here: &Here<'_>, slot: Slot, id: &[u8]) {
        if id.is_empty() {
            return;
        }
        let id_hash = hash(here.machine, id).max(1);
        self.row.touch(slot, here.at, |open| {
            open.message_id = open.keep(id);
        });
        let first = self.by_message_id(id_hash).filter(|&first| first != slot && self.row.get(slot).is_from_here());
        match first {
            Some(first) => self.join(here, slot, first),
            None => {
                self.row.touch(slot, here.at, |open| open.id_hash = id_hash);
                self.index(slot, id_hash);
            }
        }
    }

    /// The message of `slot` is that of `first`, which a filter hands back or the server forwards.
    fn join(&mut self, here: &Here<'_>, slot: Slot, first: Slot) {
        self.counts.joined += 1;
        let key = self.row.get(slot).key;
        let State { closed, piped, .. } = self.row.get(first).state;
        let relay = self.row.get(first).relay;
        if closed && piped && self.filters.len() < MAX_FILTERS && !self.filters.contains(&relay) {
            self.filters.push(relay);
        }
        self.row.pair(slot, first, |open, first| open.inherit(first));
        self.row.touch(first, here.at, |first| {
            if first.passed.len() < MAX_PASSED {
                first.passed.push(key);
            }
        });
    }

    pub(super) fn active(
        &mut self,
        here: &Here<'_>,
        slot: Slot,
        sender: &[u8],
        size: Option<u64>,
        recipients: Option<u32>,
        tell: &mut dyn FnMut(&Happening<'_>),
    ) {
        let helos = &mut self.helos;
        let was_told = self.row.touch(slot, here.at, |open| {
            if open.part(open.sender).is_none() {
                open.sender = open.keep(sender);
            }
            (open.size, open.recipients) = (size, recipients);
            // A policy service that was asked at the end of the message knows its queue id.
            if let Some(address) = open.address.filter(|_| open.state.client) {
                let of_message = helos.of_message(address, open.queue_id(), here.at).map(<[u8]>::to_vec);
                let is_unknown = open.part(open.helo).is_none();
                let said =
                    of_message.or_else(|| is_unknown.then(|| helos.recent(address, here.at))?.map(<[u8]>::to_vec));
                if let Some(name) = said {
                    open.helo = open.keep(&name);
                }
            }
            std::mem::replace(&mut open.state.told, true)
        });
        let open = self.row.get(slot);
        if !was_told && !open.state.joined {
            tell(&here.happening(What::Arrival(Arrival { mail: open.mail(), recipients })));
        }
    }

    fn delivery(&mut self, here: &Here<'_>, delivery: &Delivery<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        let Some(fate) = delivery.fate else { return };
        let slot = self.find_or_midway(here, delivery.queue);
        let relay = hash(here.place, delivery.relay);
        if fate == Fate::Delivered && (self.filters.contains(&relay) || self.is_handed_on(here, slot, delivery.text)) {
            self.counts.handed_on += 1;
            self.row.touch(slot, here.at, |open| open.relay = relay);
            return;
        }
        let recipient = hash(self.seed, delivery.recipient);
        let first = self.row.touch(slot, here.at, |open| {
            open.relay = relay;
            open.state.piped = fate == Fate::Delivered && is_pipe(delivery.relay);
            is_first(open, recipient, delivery.recipient, fate)
        });
        let (code, stage) = stage::of_answer(delivery.relay, delivery.text, fate);
        let attempt = Attempt {
            mail: self.row.get(slot).mail(),
            recipient: delivery.recipient,
            original: delivery.original,
            first,
            fate,
            stage,
            code,
            enhanced: delivery.enhanced,
            relay: text(delivery.relay).filter(|relay| *relay != "none"),
            text: delivery.text,
        };
        tell(&here.happening(What::Attempt(attempt)));
    }

    /// Whether a result says that the message is back in a queue of this machine under another id.
    fn is_handed_on(&self, here: &Here<'_>, slot: Slot, text: &[u8]) -> bool {
        if self.row.get(slot).passed.is_empty() {
            return false;
        }
        let Some(at) = find_last(text, b" as ") else { return false };
        let id = &text[at + 4..];
        let id = id.iter().position(|byte| !byte.is_ascii_alphanumeric()).map_or(id, |end| &id[..end]);
        self.is_passed(here, slot, id)
    }

    /// Whether the message came back under this queue id.
    pub(super) fn is_passed(&self, here: &Here<'_>, slot: Slot, queue: &[u8]) -> bool {
        self.row.get(slot).passed.contains(&hash(here.place, queue))
    }

    pub(super) fn expired(&mut self, here: &Here<'_>, queue: &str, tell: &mut dyn FnMut(&Happening<'_>)) {
        let slot = self.find_or_midway(here, queue);
        let open = self.row.get(slot);
        for tried in open.tried.iter().filter(|tried| tried.pending) {
            let attempt = Attempt {
                mail: open.mail(),
                recipient: open.part(tried.address).unwrap_or_default(),
                original: None,
                first: false,
                fate: Fate::Expired,
                stage: Stage::Own,
                code: None,
                enhanced: None,
                relay: None,
                text: b"expired, returned to sender",
            };
            tell(&here.happening(What::Attempt(attempt)));
        }
        self.row.touch(slot, here.at, |open| open.tried.iter_mut().for_each(|tried| tried.pending = false));
    }

    pub(super) fn removed(&mut self, here: &Here<'_>, queue: &str) {
        let Some(slot) = self.find(here, queue) else { return };
        self.counts.closed += 1;
        let open = self.row.get(slot);
        // What a pipe has taken may come back: a filter hands it to `sendmail`.
        if open.id_hash != 0 && open.state.piped && !open.state.closed {
            self.linger(slot, here.at);
        } else {
            self.forget(slot);
        }
    }

    fn refusal(&mut self, here: &Here<'_>, refusal: &postfix::Refusal<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        if !matches!(refusal.action, b"reject" | b"milter-reject") {
            return;
        }
        let open = self.find(here, refusal.queue).map(|slot| self.row.get(slot));
        let account = refusal.envelope.account.or_else(|| open.and_then(|open| open.part(open.account)));
        let client = Client { helo: refusal.envelope.helo, account, ..refusal.peer.client() };
        let told = Refusal {
            client,
            stage: stage::of_command(refusal.stage),
            sender: refusal.envelope.sender,
            recipient: refusal.envelope.recipient,
            code: refusal.code,
            enhanced: refusal.enhanced,
            text: refusal.text,
        };
        tell(&here.happening(What::Refusal(told)));
    }

    fn content(&mut self, here: &Here<'_>, content: &Content<'_>, tell: &mut dyn FnMut(&Happening<'_>)) {
        let slot = self.find(here, content.queue);
        if let Some(slot) = slot
            && let Some(helo) = content.envelope.helo
        {
            self.row.touch(slot, here.at, |open| {
                if open.part(open.helo).is_none() {
                    open.helo = open.keep(helo);
                }
            });
        }
        let open = slot.map(|slot| self.row.get(slot));
        let named = content.peer.map_or_else(Client::default, |peer| peer.client());
        let client = open.map_or(Client { helo: content.envelope.helo, ..named }, Open::client);
        if let Some(kind) = tainted(content) {
            let mail = Mail { client, sender: content.envelope.sender, ..open.map_or_else(Mail::default, Open::mail) };
            let text = if content.answer.is_empty() { content.trigger } else { content.answer };
            tell(&here.happening(What::Taint(Taint { mail, kind, text })));
        }
        let refused = matches!(content.action, b"reject" | b"milter-reject");
        if refused {
            let answer = if content.answer.is_empty() { content.text } else { content.answer };
            let (code, text) = coded(answer);
            let (enhanced, text) = subcoded(text);
            let stage = match stage::of_command(content.trigger) {
                Stage::Unknown => Stage::EndOfData,
                stage => stage,
            };
            let (sender, recipient) = (content.envelope.sender, content.envelope.recipient);
            let refusal = Refusal { client, stage, sender, recipient, code, enhanced, text };
            tell(&here.happening(What::Refusal(refusal)));
        }
        if (refused || content.action == b"discard" || content.action == b"milter-discard")
            && let Some(slot) = slot
        {
            self.counts.closed += 1;
            self.forget(slot);
        }
    }
}

pub(super) fn set_client(open: &mut Open, client: &Client<'_>) {
    (open.address, open.port) = (client.address, client.port);
    open.name = client.name.map_or(Name::NONE, |name| open.keep_name(name));
    open.account = client.account.map_or(Part::NONE, |account| open.keep(account));
    open.helo = client.helo.map_or(Part::NONE, |helo| open.keep(helo));
}

/// Whether a relay is a program: a next hop has an address in brackets.
fn is_pipe(relay: &[u8]) -> bool {
    memchr::memchr(b'[', relay).is_none() && !matches!(relay, b"local" | b"virtual" | b"none")
}

/// Whether this is the first result for the recipient; it is remembered.
pub(super) fn is_first(open: &mut Open, hash: u64, address: &[u8], fate: Fate) -> bool {
    let pending = fate == Fate::Deferred;
    if let Some(at) = open.tried.iter().position(|tried| tried.hash == hash) {
        open.tried[at].pending = pending;
        return false;
    }
    if open.tried.len() < MAX_TRIED {
        let address = if pending { open.keep(address) } else { Part::NONE };
        open.tried.push(Tried { hash, pending, address });
    }
    true
}

/// What a rule on content says of a message: headers of scanners, and milters that name a virus or spam.
fn tainted(content: &Content<'_>) -> Option<TaintKind> {
    let trigger = content.trigger.to_ascii_lowercase();
    if trigger.starts_with(b"header x-spam-") && memmem::find(&trigger, b"yes").is_some() {
        return Some(TaintKind::Spam);
    }
    if trigger.starts_with(b"header x-virus-") && memmem::find(&trigger, b"infected").is_some() {
        return Some(TaintKind::Virus);
    }
    if content.action != b"milter-reject" {
        return None;
    }
    let text = content.answer.to_ascii_lowercase();
    if [&b"virus"[..], b"infected", b"malware"].iter().any(|word| memmem::find(&text, word).is_some()) {
        return Some(TaintKind::Virus);
    }
    memmem::find(&text, b"spam").map(|_| TaintKind::Spam)
}
