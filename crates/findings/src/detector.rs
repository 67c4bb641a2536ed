//! Happenings in, findings out: who did it, which rules see it, and what they tell.
//!
//! It reads no log and asks no clock; where an address is comes from its caller. One happening costs a few lookups: all
//! else waits until a rule reads something.

use std::collections::VecDeque;
use std::net::IpAddr;

use evidence::{Country, Time};
use maillog::{Arrival, Attempt, Client, Fate, Happening, Loss, LossKind, Mail, Refusal, Taint, TaintKind, What};

use crate::allow::{Exception, Refused, Scope};
use crate::diagnosis::{Class, Diagnosis};
use crate::feedback::{Tally, Verdict, Word};
use crate::finding::{Change, Finding, FindingId};
use crate::hash::{Key, both};
use crate::inbound::{Caller, Door, Inbound, SharedHelos};
use crate::judge;
use crate::memory::{Counters, Entry, Index, Memory, Room};
use crate::moment::Moment;
use crate::outbound::{Around, Borders, Outbound, Said, Taken, Tried};
use crate::reply::{Reply, exists, meaning};
use crate::rule::{Reading, Rule};
use crate::sender::{Mark, Plain, parts};
use crate::site::Site;
use crate::subject::{Machine, Party};
use crate::threshold::{Threshold, Thresholds};

/// Where an address is, as far as the caller knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub asn: Option<u32>,
    pub country: Option<Country>,
}

/// Tells where an address is. It is asked for new networks of accounts and new HELO names alone.
pub type Places<'a> = dyn Fn(IpAddr) -> Place + 'a;

/// Nothing is known of any address.
pub fn nowhere(_: IpAddr) -> Place {
    Place::default()
}

/// Finds abuse in what happens to mail.
#[derive(Debug)]
pub struct Detector {
    pub(crate) site: Site,
    pub(crate) thresholds: Thresholds,
    borders: Borders,
    room: Room,
    pub(crate) memory: Memory,
    index: Index,
    /// The hash and the place of the subject that did something last.
    last: (u64, usize),
    told: Vec<(Rule, Reading)>,
    pub(crate) changes: VecDeque<Change>,
}

/// Why a memory was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    #[error("what was learned of mail cannot be read: {0}")]
    Form(#[from] minicbor::decode::Error),
    #[error("what was learned of mail has the form of another version")]
    Version,
}

impl Detector {
    /// A detector that knows nothing yet. `key` must be the same as long as its memory is kept.
    pub fn new(site: Site, thresholds: Thresholds, room: Room, key: Key) -> Self {
        Self::with(Memory::new(key, &room), site, thresholds, room)
    }

    /// One that goes on where another ended ([`Detector::save`]). Site and thresholds are those of today; pairs and
    /// mailboxes have the room that they had.
    pub fn restore(memory: &[u8], site: Site, thresholds: Thresholds, room: Room) -> Result<Self, RestoreError> {
        let memory: Memory = minicbor::decode(memory)?;
        if !memory.is_readable() {
            return Err(RestoreError::Version);
        }
        Ok(Self::with(memory, site, thresholds, room))
    }

    fn with(memory: Memory, site: Site, mut thresholds: Thresholds, room: Room) -> Self {
        memory.feedback.tune(&mut thresholds);
        let (borders, index) = (Borders::new(&thresholds), memory.index());
        Self {
            site,
            thresholds,
            borders,
            room,
            memory,
            index,
            last: (0, usize::MAX),
            told: Vec::new(),
            changes: VecDeque::new(),
        }
    }

    /// All that is to outlive a restart. Changes that were not taken are not in it.
    pub fn save(&self) -> Vec<u8> {
        match minicbor::to_vec(&self.memory) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("writing to memory does not fail: {error}"),
        }
    }

    /// Something happened. What follows is in [`Detector::changes`].
    pub fn hear(&mut self, happening: &Happening<'_>, places: &Places<'_>) {
        self.memory.counters.heard += 1;
        let Some(now) = self.memory.clock.hear(happening.at) else {
            self.memory.counters.late += 1;
            return;
        };
        if now.minute != self.memory.swept {
            self.memory.usual.begin(now.hour);
            self.sweep(now);
        }
        self.told.clear();
        let place = match &happening.what {
            What::Attempt(attempt) if !attempt.first => None,
            What::Attempt(attempt) => self.attempt(attempt, now),
            What::Arrival(arrival) => self.arrival(arrival, places, now),
            What::Refusal(refusal) => self.refusal(refusal, places, now),
            What::Taint(taint) => self.taint(taint, now),
            What::LoginFailed(client) => self.login(client, now),
            What::Loss(loss) => self.loss(loss, places, now),
        };
        match place {
            Some(place) if !self.told.is_empty() => {
                let mut told = std::mem::take(&mut self.told);
                judge::conclude(self, place, &mut told, happening, now);
                self.told = told;
            }
            Some(_) => {}
            None => self.memory.counters.passed += 1,
        }
    }

    /// What became of findings since the last call.
    pub fn changes(&mut self) -> impl Iterator<Item = Change> + '_ {
        self.changes.drain(..)
    }

    /// Findings that are open.
    pub fn findings(&self) -> impl Iterator<Item = Finding> + '_ {
        self.memory.entries.iter().flatten().filter_map(judge::finding)
    }

    /// The time of the log.
    pub fn now(&self) -> Time {
        self.memory.clock.now().time
    }

    pub fn counters(&self) -> Counters {
        self.memory.counters
    }

    /// Pairs of who wrote to whom that were forgotten for want of room, within 90 days of their last mail.
    pub fn pairs_forgotten(&self) -> u64 {
        self.memory.pairs.forgotten
    }

    /// Subjects that are known.
    pub fn subjects(&self) -> usize {
        self.index.len()
    }

    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Takes an exception.
    pub fn except(&mut self, exception: Exception) -> Result<(), Refused> {
        let now = self.now();
        self.memory.exceptions.add(exception, now)
    }

    /// Ends an exception before its time; whether there was one.
    pub fn end_exception(&mut self, scope: &Scope) -> bool {
        self.memory.exceptions.end(scope)
    }

    pub fn exceptions(&self) -> &[Exception] {
        self.memory.exceptions.all()
    }

    /// Takes a person's word on a finding. *Wrong* hides the same diagnosis of the subject for a week; *fixed* ends the
    /// finding, and what comes after is found anew.
    pub fn feedback(&mut self, verdict: &Verdict) {
        self.memory.feedback.hear(verdict);
        self.memory.feedback.tune(&mut self.thresholds);
        self.borders = Borders::new(&self.thresholds);
        if verdict.word == Word::Wrong {
            judge::hide(self, verdict);
        }
        if matches!(verdict.word, Word::Wrong | Word::Fixed)
            && let Some(place) = self.index.get(&verdict.subject.number(&self.memory.key))
        {
            judge::end(self, *place as usize, verdict.finding);
        }
    }

    /// Takes back what was said of a finding; whether something was. Exceptions stay until they end.
    pub fn retract(&mut self, finding: FindingId) -> bool {
        let was_said = self.memory.feedback.retract(finding);
        self.memory.feedback.tune(&mut self.thresholds);
        was_said
    }

    /// How right a rule was said to be.
    pub fn tally(&self, rule: Rule) -> Tally {
        self.memory.feedback.of_rule(rule)
    }

    pub fn tally_of(&self, diagnosis: Diagnosis) -> Tally {
        self.memory.feedback.of_diagnosis(diagnosis)
    }

    fn sweep(&mut self, now: Moment) {
        judge::sweep(self, now);
        self.memory.swept = now.minute;
    }

    pub(crate) fn forget(&mut self, place: usize) {
        self.memory.counters.forgotten += 1;
        self.last = (0, usize::MAX);
        self.memory.forget(place, &mut self.index);
    }

    /// Where the party stands, and its hash.
    fn place(&mut self, party: Party<'_>, now: Moment) -> (usize, u64) {
        let number = party.number(&self.memory.key);
        // What comes together is mostly of the same.
        let (last, place) = self.last;
        if number == last && self.memory.entries.get(place).is_some_and(Option::is_some) {
            return (place, number);
        }
        let place = self.memory.place(party, number, &mut self.index, &self.room, now);
        self.last = (number, place);
        (place, number)
    }

    fn arrival(&mut self, arrival: &Arrival<'_>, places: &Places<'_>, now: Moment) -> Option<usize> {
        let Mail { client, sender, size, .. } = arrival.mail;
        let party = self.site.party(&client)?;
        let (place, _) = self.place(party, now);
        let key = self.memory.key;
        let plain = Plain::of(sender.unwrap_or_default());
        let numbers = Numbers::of(&key, &plain, sender);
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
            mark: plain.mark,
            size,
            from: client.address.filter(|_| is_account).map(Machine::of),
        };
        let (outbound, mut around) = self.outbound(place, now)?;
        let country = || client.address.and_then(|address| places(address).country);
        outbound.arrival(taken, country, &mut around);
        Some(place)
    }

    fn attempt(&mut self, attempt: &Attempt<'_>, now: Moment) -> Option<usize> {
        let mail = &attempt.mail;
        let party = self.site.party(&mail.client)?;
        let said = match attempt.fate {
            Fate::Delivered => Reply::Other,
            _ => meaning(attempt.stage, attempt.code, attempt.enhanced, attempt.text),
        };
        let exists = exists(attempt.fate, attempt.stage, said);
        if let Party::Remote(_) = party {
            return self.handed_in(attempt, party, exists, now);
        }
        let (place, subject) = self.place(party, now);
        let key = self.memory.key;
        let numbers = Numbers::of(&key, &Plain::of(mail.sender.unwrap_or_default()), mail.sender);
        let is_null = mail.sender == Some(b"");
        // Few attempts need the domain of their recipient.
        let needs_domain = is_null || exists == Some(false);
        let tried = Tried {
            subject,
            recipient: key.name(attempt.recipient),
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

    /// A recipient of mail that a stranger handed in: one of ours, or one elsewhere.
    fn handed_in(
        &mut self,
        attempt: &Attempt<'_>,
        party: Party<'_>,
        exists: Option<bool>,
        now: Moment,
    ) -> Option<usize> {
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

    fn refusal(&mut self, refusal: &Refusal<'_>, places: &Places<'_>, now: Moment) -> Option<usize> {
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
        let numbers = Numbers::of(&key, &Plain::of(refusal.sender.unwrap_or_default()), refusal.sender);
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

    fn taint(&mut self, taint: &Taint<'_>, now: Moment) -> Option<usize> {
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
    fn login(&mut self, client: &Client<'_>, now: Moment) -> Option<usize> {
        let party = self.site.machine(client.address?)?;
        let account = self.memory.key.name(client.account.unwrap_or_default());
        let is_ours = matches!(party, Party::Customer(_));
        let (place, _) = self.place(party, now);
        let (inbound, mut door, _) = self.inbound(place, now)?;
        inbound.guess(account, is_ours, &mut door);
        Some(place)
    }

    fn loss(&mut self, loss: &Loss<'_>, places: &Places<'_>, now: Moment) -> Option<usize> {
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

/// Hashes of a sender: the domain, and the plain sender, which for mail that was forwarded is one for each forwarder.
struct Numbers {
    /// `None` for the null sender and where none is known.
    domain: Option<u64>,
    plain: u64,
}

impl Numbers {
    fn of(key: &Key, plain: &Plain<'_>, sender: Option<&[u8]>) -> Self {
        let domain = key.name(plain.domain);
        let local = if plain.mark == Mark::Forwarded { 0 } else { key.name(plain.local) };
        let is_named = sender.is_some_and(|sender| !sender.is_empty());
        Self { domain: is_named.then_some(domain), plain: both(local, domain) }
    }
}
