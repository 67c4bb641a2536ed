//! One happening: whose it is, and what the rules of that party see of it. Each part of [`Detector::hear`] answers with the
//! place of the subject of which something may have been told.

use std::net::IpAddr;

use maillog::{Arrival, Attempt, Client, Fate, Loss, LossKind, Mail, Refusal, Taint, TaintKind};

use crate::detector::{Detector, Places};
use crate::diagnosis::Class;
use crate::hash::{Key, both};
use crate::inbound::{Caller, Door, Inbound, SharedHelos};
use crate::memory::{Entry, Memory};
use crate::moment::Moment;
use crate::outbound::{Around, Outbound, Said, Taken, Tried};
use crate::reply::{Reply, exists, meaning};
use crate::rule::{Reading, Rule};
use crate::sender::{Mark, Plain, parts};
use crate::subject::{Machine, Party};
use crate::threshold::Threshold;

impl Detector {
    pub(crate) fn arrival(&mut self, arrival: &Arrival<'_>, places: &Places<'_>, now: Moment) -> Option<usize> {
        let Mail { client, sender, size, .. } = arrival.mail;
        let party = self.site.party(&client)?;
        let (place, _) = self.place(party, now);
        let key = self.memory.key;
        let numbers = self.numbers(sender);
        if let Party::Remote(machine) = party {
            let (inbound, mut door, shared) = self.inbound(place, now)?;
            inbound.message(numbers.domain, &mut door);
            says(inbound, &mut door, &client, machine, shared, &key, places);
            return Some(place);
        }
        let helo = client.helo.filter(|helo| !helo.is_empty()).map(|name| Said {
            name,
            number: key.name(name),
            address: client.address,
            reverse: client.name,
            sender_is_new: false,
        });
        // Programs of people have changing HELO names with the network they are in: names of accounts tell nothing.
        let is_account = matches!(party, Party::Account(_));
        let taken = Taken {
            helo: helo.filter(|_| !is_account),
            domain: numbers.domain,
            sender: numbers.plain,
            mark: numbers.mark,
            size,
            from: client.address.filter(|_| is_account).map(Machine::of),
        };
        let (outbound, mut around) = self.outbound(place, now)?;
        let country = || client.address.and_then(|address| places(address).country);
        outbound.arrival(taken, country, &mut around);
        Some(place)
    }

    pub(crate) fn attempt(&mut self, attempt: &Attempt<'_>, now: Moment) -> Option<usize> {
        let mail = &attempt.mail;
        let party = self.site.party(&mail.client)?;
        if let Party::Remote(_) = party {
            return self.handed_in(attempt, party, now);
        }
        let (place, subject) = self.place(party, now);
        let key = self.memory.key;
        let recipient = key.name(attempt.recipient);
        self.memory.pairs.expect(both(subject, recipient));
        let numbers = self.numbers(mail.sender);
        if let Some(domain) = numbers.domain {
            self.memory.pairs.expect(both(domain, recipient));
        }
        let (said, exists) = told(attempt);
        let is_null = mail.sender == Some(b"");
        // Few attempts need the domain of their recipient.
        let needs_domain = is_null || exists == Some(false);
        let tried = Tried {
            subject,
            recipient,
            recipient_domain: if needs_domain { key.name(parts(attempt.recipient).1) } else { 0 },
            domain: numbers.domain,
            is_null,
            exists,
            is_listed: said == Reply::Listed,
            is_loop: said == Reply::Loop,
            message: mail.message_id.filter(|id| !id.is_empty()).map(|id| key.exact(id)),
            sender: numbers.plain,
            size: mail.size,
        };
        let (outbound, mut around) = self.outbound(place, now)?;
        outbound.attempt(&tried, &mut around);
        Some(place)
    }

    /// What is counted of a sender. Attempts follow the arrival of their message, so that it is mostly the last one again.
    fn numbers(&mut self, sender: Option<&[u8]>) -> Numbers {
        let sender = sender.unwrap_or_default();
        if self.sender != sender {
            self.sender.clear();
            self.sender.extend_from_slice(sender);
            self.numbers = Numbers::of(&self.memory.key, sender);
        }
        self.numbers
    }

    /// A recipient of mail that a stranger handed in: one of ours, or one elsewhere.
    fn handed_in(&mut self, attempt: &Attempt<'_>, party: Party<'_>, now: Moment) -> Option<usize> {
        let (_, exists) = told(attempt);
        let recipient = self.memory.key.name(attempt.recipient);
        let is_relayed = attempt.fate == Fate::Delivered && self.is_elsewhere(attempt);
        let (place, _) = self.place(party, now);
        if is_relayed {
            let (inbound, mut door, _) = self.inbound(place, now)?;
            inbound.relayed(&mut door);
            return Some(place);
        }
        if exists == Some(true) {
            self.memory.mailboxes.serve(recipient, now.day);
            // Before a week is known, each one that takes mail is taken for real.
            let is_real =
                self.memory.usual.watched(now.hour) < 8 * 24 || self.memory.mailboxes.is_real(recipient, now.day);
            self.inbound(place, now)?.0.accepted(is_real);
            return Some(if attempt.mail.sender == Some(b"") {
                self.bounced(attempt, recipient, place, now)
            } else {
                place
            });
        }
        let (inbound, mut door, _) = self.inbound(place, now)?;
        if exists == Some(false) {
            inbound.unknown(recipient, &mut door);
        }
        Some(place)
    }

    /// V3: what is told then is told of the mailbox.
    fn bounced(&mut self, attempt: &Attempt<'_>, recipient: u64, place: usize, now: Moment) -> usize {
        let count = self.memory.bounced.see(recipient, now);
        let reading = Reading::of(count as f32, self.thresholds.value(Threshold::Bounced));
        let Some(reading) = reading else { return place };
        self.told.push((Rule::Bounced, reading));
        let mailbox = attempt.original.unwrap_or(attempt.recipient);
        self.place(Party::Account(mailbox), now).0
    }

    /// Whether a recipient is nobody of ours, and was not one of ours before it was rewritten, and the next hop is another
    /// machine. Without own domains nothing can be said.
    fn is_elsewhere(&self, attempt: &Attempt<'_>) -> bool {
        let is_ours = |address: &[u8]| self.site.has_name(parts(address).1);
        let goes_out = attempt.relay.is_some_and(|relay| {
            let inner = relay.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(inner, _)| inner);
            let address = inner.and_then(|inner| inner.trim_start_matches("IPv6:").parse::<IpAddr>().ok());
            address.is_some_and(|address| matches!(self.site.machine(address), Some(Party::Remote(_))))
        });
        goes_out
            && !self.site.domains().is_empty()
            && !is_ours(attempt.recipient)
            && !attempt.original.is_some_and(is_ours)
    }

    pub(crate) fn refusal(&mut self, refusal: &Refusal<'_>, places: &Places<'_>, now: Moment) -> Option<usize> {
        let party = self.site.party(&refusal.client)?;
        let said = meaning(refusal.stage, refusal.code, refusal.enhanced, refusal.text);
        let key = self.memory.key;
        let (place, subject) = self.place(party, now);
        let unknown = refusal.recipient.filter(|_| said == Reply::NoMailbox);
        if let Party::Remote(machine) = party {
            let (inbound, mut door, shared) = self.inbound(place, now)?;
            inbound.refused();
            says(inbound, &mut door, &refusal.client, machine, shared, &key, places);
            match (said, unknown) {
                (Reply::NoMailbox, Some(recipient)) => inbound.unknown(key.name(recipient), &mut door),
                (Reply::Listed | Reply::Spf, _) => inbound.verdict(&mut door),
                _ => {}
            }
            return Some(place);
        }
        // A recipient that we would not take from a customer is one that failed; no other refusal tells of the mail.
        let recipient = unknown?;
        let numbers = self.numbers(refusal.sender);
        let tried = Tried {
            subject,
            recipient: key.name(recipient),
            recipient_domain: key.name(parts(recipient).1),
            domain: numbers.domain,
            is_null: refusal.sender == Some(b""),
            exists: Some(false),
            is_listed: false,
            is_loop: false,
            message: None,
            sender: numbers.plain,
            size: None,
        };
        let (outbound, mut around) = self.outbound(place, now)?;
        outbound.attempt(&tried, &mut around);
        Some(place)
    }

    pub(crate) fn taint(&mut self, taint: &Taint<'_>, now: Moment) -> Option<usize> {
        let party = self.site.party(&taint.mail.client)?;
        if taint.kind == TaintKind::Clean {
            return None;
        }
        let is_virus = taint.kind == TaintKind::Virus;
        let is_content = matches!(taint.kind, TaintKind::Spam | TaintKind::Virus);
        let (place, _) = self.place(party, now);
        if let Party::Remote(_) = party {
            let (inbound, mut door, _) = self.inbound(place, now)?;
            match taint.kind {
                TaintKind::Spam | TaintKind::Virus => inbound.tainted(is_virus, &mut door),
                _ => inbound.verdict(&mut door),
            }
        } else if is_content {
            let (outbound, mut around) = self.outbound(place, now)?;
            outbound.tainted(is_virus, &mut around);
        }
        Some(place)
    }

    /// A failed login is of the machine that tried, not of the account that it tried.
    pub(crate) fn login(&mut self, client: &Client<'_>, now: Moment) -> Option<usize> {
        let party = self.site.machine(client.address?)?;
        let account = self.memory.key.name(client.account.unwrap_or_default());
        let is_ours = matches!(party, Party::Customer(_));
        let (place, _) = self.place(party, now);
        let (inbound, mut door, _) = self.inbound(place, now)?;
        inbound.guess(account, is_ours, &mut door);
        Some(place)
    }

    pub(crate) fn loss(&mut self, loss: &Loss<'_>, places: &Places<'_>, now: Moment) -> Option<usize> {
        let party = self.site.machine(loss.client.address?)?;
        let key = self.memory.key;
        let (place, _) = self.place(party, now);
        let (inbound, mut door, shared) = self.inbound(place, now)?;
        match loss.kind {
            LossKind::Early | LossKind::Pipelined | LossKind::BareNewline => inbound.breach(&mut door),
            LossKind::Hangup | LossKind::TimedOut => inbound.empty(),
        }
        if let Party::Remote(machine) = party {
            says(inbound, &mut door, &loss.client, machine, shared, &key, places);
        }
        Some(place)
    }

    /// A customer's mail, and what its rules need.
    fn outbound(&mut self, place: usize, now: Moment) -> Option<(&mut Outbound, Around<'_>)> {
        let Self { site, thresholds, borders, memory, told, .. } = self;
        let Memory { entries, usual, pairs, clock, .. } = memory;
        let Entry { era, minute, outbound, watch, .. } = entries[place].as_mut()?;
        *minute = now.minute;
        let outbound = outbound.get_or_insert_default();
        if *era != clock.era() {
            *era = clock.era();
            outbound.begin_anew(now);
        }
        let is_good = watch
            .as_ref()
            .is_none_or(|watch| watch.case.as_ref().is_none_or(|case| case.diagnosis.class() != Class::Abuse));
        outbound.begin(now, is_good, usual);
        Some((outbound, Around { now, site, thresholds, borders, usual, pairs, told }))
    }

    /// A machine's visits, and what its rules need.
    fn inbound(&mut self, place: usize, now: Moment) -> Option<(&mut Inbound, Door<'_>, &mut SharedHelos)> {
        let Self { site, thresholds, memory, told, .. } = self;
        let Memory { entries, shared, clock, .. } = memory;
        let Entry { era, minute, inbound, .. } = entries[place].as_mut()?;
        *minute = now.minute;
        if *era != clock.era() {
            *era = clock.era();
            *inbound = None;
        }
        let inbound = inbound.get_or_insert_default();
        inbound.begin(now);
        Some((inbound, Door { now, site, thresholds, told }, shared))
    }
}

/// What an attempt tells of the recipient: what was said, and whether there is such a mailbox.
fn told(attempt: &Attempt<'_>) -> (Reply, Option<bool>) {
    let said = match attempt.fate {
        Fate::Delivered => Reply::Other,
        _ => meaning(attempt.stage, attempt.code, attempt.enhanced, attempt.text),
    };
    (said, exists(attempt.fate, attempt.stage, said))
}

/// I1, I2 and I8 on a HELO name, where one is told.
fn says(
    inbound: &mut Inbound,
    door: &mut Door<'_>,
    client: &Client<'_>,
    machine: Machine,
    shared: &mut SharedHelos,
    key: &Key,
    places: &Places<'_>,
) {
    let Some(helo) = client.helo.filter(|helo| !helo.is_empty()) else { return };
    let caller = Caller { helo, number: key.name(helo), address: client.address, reverse: client.name };
    let is_new = inbound.says(&caller, door);
    // A name that the reverse DNS bears out is the machine's own, and shared with nobody.
    let is_own = client.name.is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(helo));
    if is_new && !is_own {
        let network = client
            .address
            .and_then(|address| places(address).asn)
            .map_or_else(|| machine.neighbourhood(), |asn| u64::from(asn) | 1 << 48);
        inbound.shares(shared.see(caller.number, network, door.now), door);
    }
}

/// What is counted of a sender: hashes of the domain and of the plain sender, which for mail that was forwarded is one for
/// each forwarder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// `None` for the null sender and where none is known.
    domain: Option<u64>,
    plain: u64,
    mark: Mark,
}

impl Numbers {
    pub(crate) fn of(key: &Key, sender: &[u8]) -> Self {
        let plain = Plain::of(sender);
        let domain = key.name(plain.domain);
        let local = if plain.mark == Mark::Forwarded { 0 } else { key.name(plain.local) };
        Self { domain: (!sender.is_empty()).then_some(domain), plain: both(local, domain), mark: plain.mark }
    }
}
