//! Everything that outlives a restart: subjects, pairs, names, words, the time. And how it stays within bounds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use evidence::Time;
use minicbor::{Decode, Encode};

use crate::acquaintance::Acquaintances;
use crate::allow::Exceptions;
use crate::baseline::SiteUsual;
use crate::diagnosis::Diagnosis;
use crate::feedback::Feedback;
use crate::finding::FindingId;
use crate::hash::Key;
use crate::inbound::{Bounced, Inbound, SharedHelos};
use crate::mailbox::Mailboxes;
use crate::moment::{Clock, Moment};
use crate::outbound::Outbound;
use crate::proof::Proof;
use crate::subject::{Party, Subject};
use crate::window::Volume;

/// How much is remembered. Each bound is one of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Subjects, of some 1 to 2 KiB, and 30 at most: beyond, one that is idle and of whom nothing is found makes room.
    pub subjects: usize,
    /// Pairs of who wrote to whom, of 4 bytes, rounded up to a power of two; the memory grows to this size.
    pub pairs: usize,
    /// Mailboxes of ours, of 8 bytes, rounded up to a power of two.
    pub mailboxes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { subjects: 200_000, pairs: 1 << 22, mailboxes: 1 << 18 }
    }
}

/// What happened to the counting itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counters {
    /// Happenings that were looked at.
    #[n(0)]
    pub heard: u64,
    /// Of them, those of our own machines among themselves, and later attempts, which no rule counts.
    #[n(1)]
    pub passed: u64,
    /// Those that were too late to count.
    #[n(2)]
    pub late: u64,
    /// Subjects that made room for others.
    #[n(3)]
    pub evicted: u64,
    /// Subjects that were forgotten because they were idle.
    #[n(4)]
    pub forgotten: u64,
    /// Findings that exceptions hid, each once for each diagnosis.
    #[n(5)]
    pub hidden: u64,
    /// Changes that nobody took in time.
    #[n(6)]
    pub changes_lost: u64,
}

/// The form of this memory. One of another form is not read: learning begins anew.
const FORM: u32 = 1;

#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Memory {
    #[n(0)]
    form: u32,
    #[n(1)]
    pub(crate) key: Key,
    #[n(2)]
    pub(crate) clock: Clock,
    /// The minute of the last sweep, and where it ended.
    #[n(3)]
    pub(crate) swept: u32,
    #[n(4)]
    pub(crate) hand: u64,
    #[n(5)]
    pub(crate) entries: Vec<Option<Entry>>,
    #[n(6)]
    free: Vec<u32>,
    #[n(7)]
    pub(crate) pairs: Acquaintances,
    #[n(8)]
    pub(crate) mailboxes: Mailboxes,
    #[n(9)]
    pub(crate) shared: SharedHelos,
    #[n(10)]
    pub(crate) usual: SiteUsual,
    #[n(11)]
    pub(crate) exceptions: Exceptions,
    #[n(12)]
    pub(crate) feedback: Feedback,
    #[n(13)]
    pub(crate) next_finding: u64,
    #[n(14)]
    pub(crate) counters: Counters,
    #[n(15)]
    pub(crate) bounced: Bounced,
}

/// What is known of one subject.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Entry {
    #[n(0)]
    pub(crate) subject: Subject,
    #[n(1)]
    pub(crate) era: u32,
    /// When it did something last.
    #[n(2)]
    pub(crate) minute: u32,
    #[n(3)]
    pub(crate) outbound: Option<Box<Outbound>>,
    #[n(4)]
    pub(crate) inbound: Option<Box<Inbound>>,
    #[n(5)]
    pub(crate) watch: Option<Box<Watch>>,
    /// The last finding that ended.
    #[n(6)]
    pub(crate) before: Option<FindingId>,
}

/// A subject of which a rule has read something.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Watch {
    #[n(0)]
    pub(crate) proofs: Vec<Proof>,
    /// What the customer had sent when the first rule read something.
    #[n(1)]
    pub(crate) volume: Volume,
    #[n(2)]
    pub(crate) case: Option<Case>,
    /// When it was judged last.
    #[n(3)]
    pub(crate) judged: u32,
    /// The diagnosis that an exception hid last.
    #[n(4)]
    pub(crate) hidden: Option<Diagnosis>,
}

/// A finding that is told.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Case {
    #[n(0)]
    pub(crate) id: FindingId,
    #[n(1)]
    pub(crate) diagnosis: Diagnosis,
    #[n(2)]
    pub(crate) score: f32,
    #[n(3)]
    pub(crate) opened: Time,
    #[n(4)]
    pub(crate) abuse_since: Option<Time>,
    #[n(5)]
    pub(crate) innocent: Vec<String>,
    #[n(6)]
    pub(crate) again: Option<FindingId>,
}

/// Where a subject stands, by its hash, which is spread already.
pub(crate) type Index = HashMap<u64, u32, BuildHasherDefault<AsIs>>;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }
}

/// Places that are looked at for one to make room: the longest idle of them goes.
const LOOKED_AT: usize = 16;

impl Memory {
    pub(crate) fn new(key: Key, room: &Room) -> Self {
        Self {
            form: FORM,
            key,
            clock: Clock::default(),
            swept: 0,
            hand: 0,
            entries: Vec::new(),
            free: Vec::new(),
            pairs: Acquaintances::new(room.pairs),
            mailboxes: Mailboxes::new(room.mailboxes),
            shared: SharedHelos::default(),
            usual: SiteUsual::default(),
            exceptions: Exceptions::default(),
            feedback: Feedback::default(),
            next_finding: 1,
            counters: Counters::default(),
            bounced: Bounced::default(),
        }
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.form == FORM
    }

    pub(crate) fn index(&self) -> Index {
        let known = self.entries.iter().enumerate();
        known.filter_map(|(place, entry)| Some((entry.as_ref()?.subject.number(&self.key), place as u32))).collect()
    }

    /// The place of a subject, which is made when there is none.
    pub(crate) fn place(
        &mut self,
        party: Party<'_>,
        number: u64,
        index: &mut Index,
        room: &Room,
        now: Moment,
    ) -> usize {
        if let Some(place) = index.get(&number) {
            return *place as usize;
        }
        if index.len() >= room.subjects.max(1) {
            self.make_room(index);
        }
        let entry = Entry {
            subject: party.to_subject(),
            era: self.clock.era(),
            minute: now.minute,
            outbound: None,
            inbound: None,
            watch: None,
            before: None,
        };
        let place = match self.free.pop() {
            Some(place) => place as usize,
            None => {
                self.entries.push(None);
                self.entries.len() - 1
            }
        };
        self.entries[place] = Some(entry);
        index.insert(number, place as u32);
        place
    }

    /// Of a few in turn the longest idle goes; one of whom something is found only when all are such.
    fn make_room(&mut self, index: &mut Index) {
        let count = self.entries.len();
        let looked_at = (0..LOOKED_AT.min(count)).map(|step| (self.hand as usize + step) % count);
        let idle = |place: &usize| {
            self.entries[*place].as_ref().map_or((2, 0), |entry| {
                let is_found = entry.watch.as_ref().is_some_and(|watch| watch.case.is_some());
                (u8::from(is_found), entry.minute)
            })
        };
        let Some(place) = looked_at.min_by_key(idle) else { return };
        self.hand = ((self.hand as usize + LOOKED_AT) % count) as u64;
        self.counters.evicted += 1;
        self.forget(place, index);
    }

    pub(crate) fn forget(&mut self, place: usize, index: &mut Index) {
        if let Some(entry) = self.entries[place].take() {
            index.remove(&entry.subject.number(&self.key));
            self.free.push(place as u32);
        }
    }
}
