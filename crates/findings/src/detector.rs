//! Happenings in, findings out: who did it, which rules see it, and what they tell.
//!
//! It reads no log and asks no clock; where an address is comes from its caller. One happening costs a few lookups: all
//! else waits until a rule reads something.

use std::collections::VecDeque;
use std::net::IpAddr;

use evidence::{Country, Time};
use maillog::{Happening, What};

use crate::allow::{Exception, Refused, Scope};
use crate::diagnosis::Diagnosis;
use crate::feedback::{Tally, Verdict, Word};
use crate::finding::{Change, Finding, FindingId};
use crate::hash::Key;
use crate::hearing::Numbers;
use crate::judge;
use crate::memory::{Counters, Index, Memory, Room};
use crate::moment::Moment;
use crate::outbound::Borders;
use crate::rule::{Reading, Rule};
use crate::site::Site;
use crate::subject::Party;
use crate::threshold::Thresholds;

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
    pub(crate) borders: Borders,
    room: Room,
    pub(crate) memory: Memory,
    index: Index,
    /// The hash and the place of the subject that did something last.
    last: (u64, usize),
    /// The last sender, and what is counted of it.
    pub(crate) sender: Vec<u8>,
    pub(crate) numbers: Numbers,
    pub(crate) told: Vec<(Rule, Reading)>,
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
        let numbers = Numbers::of(&memory.key, b"");
        Self {
            site,
            thresholds,
            borders,
            room,
            memory,
            index,
            last: (0, usize::MAX),
            sender: Vec::new(),
            numbers,
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
    pub(crate) fn place(&mut self, party: Party<'_>, now: Moment) -> (usize, u64) {
        // What comes together is mostly of the same.
        let (last, place) = self.last;
        if self.memory.entries.get(place).and_then(Option::as_ref).is_some_and(|entry| party.is(&entry.subject)) {
            return (place, last);
        }
        let number = party.number(&self.memory.key);
        let place = self.memory.place(party, number, &mut self.index, &self.room, now);
        self.last = (number, place);
        (place, number)
    }
}
