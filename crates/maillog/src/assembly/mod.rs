//! Lines to messages: what lines of one queue id say together, told as it happens.
//!
//! It knows what the messages under way need and no more, within [`Bounds`]. It judges nobody.

mod exim;
mod helos;
mod logins;
mod open;
mod postfix;
mod sendmail;
mod verdict;
mod waiting;

use std::collections::VecDeque;

use evidence::Time;
use hashbrown::HashTable;
use minicbor::{Decode, Encode};

use crate::entry::{Body, Entry};
use crate::happening::{Happening, What};
use crate::hash::hash;
use crate::login::Login;
use crate::policy::Overheard;
use helos::Helos;
use logins::Logins;
pub(crate) use open::{Open, Slot};
use open::{Row, SavedRow};
use waiting::Waiting;

/// How much is kept of messages under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Messages under way; beyond it the one that is silent longest is given up, and counted.
    pub messages: usize,
    /// Bytes of their texts and recipients; the same.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { messages: MESSAGES, bytes: BYTES }
    }
}

/// Messages under way, of all hosts of one source.
pub const MESSAGES: usize = 250_000;

/// Their memory.
pub const BYTES: usize = 256 << 20;

/// A message of which nothing was heard for so long is given up: five days are the longest time in a queue that servers come
/// with, and they try again at least every few hours.
pub const SILENT: std::time::Duration = std::time::Duration::from_secs(6 * 86_400);

/// A message that its queue is done with stays known so long where a filter may hand it back.
const LINGER: std::time::Duration = std::time::Duration::from_secs(120);

/// … and so many of them: what an older one brings is a message of its own.
const LINGERING: usize = 4096;

/// What became of messages in the assembly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counts {
    /// Queue ids of which the log told the beginning.
    #[n(0)]
    pub begun: u64,
    /// … of which it did not: they were in the queue before.
    #[n(1)]
    pub midway: u64,
    /// Closed by the log.
    #[n(2)]
    pub closed: u64,
    /// Whose queue id was used again before they were closed.
    #[n(3)]
    pub reused: u64,
    /// Silent for [`SILENT`].
    #[n(4)]
    pub silent: u64,
    /// Given up for the bounds.
    #[n(5)]
    pub given_up: u64,
    /// Results that were a step to a filter on the same machine, and were not told.
    #[n(6)]
    pub handed_on: u64,
    /// Queue ids that were another's message, back from a filter or forwarded.
    #[n(7)]
    pub joined: u64,
}

/// Where a line stands, and when.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) at: Time,
    pub(crate) host: &'a str,
    /// Hash of the host.
    pub(crate) machine: u64,
    /// Hash of host and instance.
    pub(crate) place: u64,
    /// Hash of place and process, for servers of which it is needed.
    pub(crate) process: u64,
    pub(crate) offset: u64,
    pub(crate) line: &'a [u8],
}

/// Who wrote the line before: nearly always who writes the next one too.
#[derive(Debug, Default)]
struct Lately {
    host: String,
    instance: Vec<u8>,
    /// Hashes, once there was a line.
    hashes: Option<(u64, u64)>,
}

impl Lately {
    /// Hashes of the host, and of host and instance.
    fn place(&mut self, seed: u64, entry: &Entry<'_>) -> (u64, u64) {
        match self.hashes {
            Some(hashes)
                if same(self.host.as_bytes(), entry.host.as_bytes()) && same(&self.instance, entry.instance) =>
            {
                hashes
            }
            _ => {
                let machine = hash(seed, entry.host.as_bytes());
                let hashes = (machine, hash(machine, entry.instance));
                self.host.clear();
                self.host.push_str(entry.host);
                self.instance.clear();
                self.instance.extend_from_slice(entry.instance);
                *self.hashes.insert(hashes)
            }
        }
    }
}

/// Whether two texts are the same. Empty ones are common, and have no memory that the library's comparison could look at: it
/// takes a hundred times as long then.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && (a.is_empty() || a == b)
}

impl<'a> Here<'a> {
    pub(crate) fn happening<'b>(&self, what: What<'b>) -> Happening<'b>
    where
        'a: 'b,
    {
        Happening { at: self.at, host: self.host, offset: self.offset, line: self.line, what }
    }
}

/// Messages under way, of one source.
#[derive(Debug)]
pub(crate) struct Assembly {
    seed: u64,
    lately: Lately,
    bounds: Bounds,
    row: Row,
    /// By the hash of their message id: the message that came first with it.
    by_id: HashTable<(u64, Slot)>,
    /// Hashes of relays that turned out to be filters which hand back by `sendmail`.
    filters: Vec<u64>,
    /// Closed messages that a filter may hand back, oldest first.
    lingering: VecDeque<(Slot, u64)>,
    helos: Helos,
    logins: Logins,
    /// Lines that stand before the one that names their client, oldest first.
    waiting: Vec<Waiting>,
    pub(crate) counts: Counts,
}

/// An assembly on disk.
#[derive(Debug, Encode, Decode)]
pub(crate) struct SavedAssembly<R> {
    #[n(0)]
    seed: u64,
    #[n(1)]
    row: R,
    #[n(2)]
    by_id: Vec<(u64, Slot)>,
    #[n(3)]
    filters: Vec<u64>,
    #[n(4)]
    lingering: Vec<(Slot, u64)>,
    #[n(5)]
    helos: Helos,
    #[n(6)]
    counts: Counts,
    #[n(7)]
    waiting: Vec<Waiting>,
    #[n(8)]
    logins: Logins,
}

impl Assembly {
    pub(crate) fn new(seed: u64, bounds: Bounds) -> Self {
        let counts = Counts::default();
        Self {
            seed,
            lately: Lately::default(),
            bounds,
            row: Row::new(),
            by_id: HashTable::new(),
            filters: Vec::new(),
            lingering: VecDeque::new(),
            helos: Helos::default(),
            logins: Logins::default(),
            waiting: Vec::new(),
            counts,
        }
    }

    /// All that is to outlive a restart.
    pub(crate) fn saved(&self) -> SavedAssembly<SavedRow<'_>> {
        SavedAssembly {
            seed: self.seed,
            row: self.row.saved(),
            by_id: self.by_id.iter().copied().collect(),
            filters: self.filters.clone(),
            lingering: self.lingering.iter().copied().collect(),
            helos: self.helos.clone(),
            counts: self.counts,
            waiting: self.waiting.clone(),
            logins: self.logins.clone(),
        }
    }

    /// What was saved, within today's bounds. `None` when it does not fit together.
    pub(crate) fn restore(saved: SavedAssembly<Vec<(Slot, Open)>>, bounds: Bounds) -> Option<Self> {
        let SavedAssembly { seed, row, by_id, filters, lingering, helos, counts, waiting, logins } = saved;
        let row = Row::restore(row)?;
        let mut table = HashTable::with_capacity(by_id.len());
        for entry in by_id {
            row.check(entry.1)?;
            table.insert_unique(entry.0, entry, |&(hash, _)| hash);
        }
        for (slot, _) in &lingering {
            row.check(*slot)?;
        }
        Some(Self {
            seed,
            lately: Lately::default(),
            bounds,
            row,
            by_id: table,
            filters,
            lingering: lingering.into(),
            helos,
            logins,
            waiting,
            counts,
        })
    }

    /// Messages under way.
    pub(crate) fn len(&self) -> usize {
        self.row.len()
    }

    /// Bytes that they hold.
    pub(crate) fn held(&self) -> usize {
        self.row.held()
    }

    /// Takes a line, and tells what it makes known.
    pub(crate) fn take(
        &mut self,
        entry: &Entry<'_>,
        at: Time,
        offset: u64,
        line: &[u8],
        tell: &mut dyn FnMut(&Happening<'_>),
    ) {
        let (machine, place) = self.lately.place(self.seed, entry);
        let here = Here { at, host: entry.host, machine, place, process: 0, offset, line };
        match &entry.body {
            Body::Postfix(line) => self.postfix(&here, line, tell),
            Body::Scanner(verdict) => self.verdict(&here, verdict, tell),
            Body::Exim(line) => self.exim(&here, line, tell),
            Body::Sendmail(line) => {
                let process = hash(place, entry.process);
                self.sendmail(&Here { process, ..here }, line, tell);
            }
            Body::Login(Login::Failed(client)) => tell(&here.happening(What::LoginFailed(*client))),
            Body::Login(Login::Other) | Body::Part(_) | Body::Other(_) | Body::Unknown | Body::Malformed(_) => {}
        }
    }

    /// Takes what another log tells of a client.
    pub(crate) fn overhear(&mut self, heard: &Overheard<'_>) {
        self.helos.await_time(heard);
    }

    /// Whether the other log is far ahead of this one.
    pub(crate) fn is_behind(&self) -> bool {
        self.helos.is_ahead()
    }

    fn find(&self, here: &Here<'_>, queue: &str) -> Option<Slot> {
        self.row.find(hash(here.place, queue.as_bytes()), queue)
    }

    /// A message that begins with this line.
    fn begin(&mut self, here: &Here<'_>, queue: &str) -> Slot {
        self.make_room(here.at);
        self.row.add(hash(here.place, queue.as_bytes()), queue, here.at)
    }

    /// The message, or one that was in the queue before the log began.
    fn find_or_midway(&mut self, here: &Here<'_>, queue: &str) -> Slot {
        if let Some(slot) = self.find(here, queue) {
            return slot;
        }
        self.counts.midway += 1;
        let slot = self.begin(here, queue);
        self.row.touch(slot, here.at, |open| open.state.told = true);
        slot
    }

    fn make_room(&mut self, at: Time) {
        // Two for each that comes: the row shrinks when it has been silent.
        for _ in 0..2 {
            let Some(oldest) = self.row.oldest() else { break };
            let open = self.row.get(oldest);
            if at.since(open.touched) <= SILENT {
                break;
            }
            self.counts.silent += u64::from(!open.state.closed);
            self.forget(oldest);
        }
        while self.row.len() >= self.bounds.messages || self.row.held() > self.bounds.bytes {
            let Some(oldest) = self.row.oldest() else { break };
            self.counts.given_up += u64::from(!self.row.get(oldest).state.closed);
            self.forget(oldest);
        }
    }

    /// Keeps a closed message a while.
    fn linger(&mut self, slot: Slot, at: Time) {
        let key = self.row.touch(slot, at, |open| {
            open.state.closed = true;
            open.key
        });
        self.lingering.push_back((slot, key));
        while let Some(&(oldest, key)) = self.lingering.front() {
            let open = self.row.get(oldest);
            let stays = open.key == key && open.state.closed;
            if stays && self.lingering.len() <= LINGERING && at.since(open.touched) <= LINGER {
                break;
            }
            self.lingering.pop_front();
            if stays {
                self.forget(oldest);
            }
        }
    }

    fn forget(&mut self, slot: Slot) {
        let id_hash = self.row.get(slot).id_hash;
        if id_hash != 0
            && let Ok(entry) = self.by_id.find_entry(id_hash, |&(hash, of)| hash == id_hash && of == slot)
        {
            entry.remove();
        }
        self.row.remove(slot);
    }

    /// Knows the message by its message id from now on; what another brings with the same id joins it.
    fn index(&mut self, slot: Slot, id_hash: u64) {
        match self.by_id.find_mut(id_hash, |&(hash, _)| hash == id_hash) {
            Some(entry) => entry.1 = slot,
            None => _ = self.by_id.insert_unique(id_hash, (id_hash, slot), |&(hash, _)| hash),
        }
    }

    fn by_message_id(&self, id_hash: u64) -> Option<Slot> {
        self.by_id.find(id_hash, |&(hash, _)| hash == id_hash).map(|&(_, slot)| slot)
    }
}
