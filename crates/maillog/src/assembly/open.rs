//! The messages that are under way: what was said of each, in one piece of memory that is used again for the next one.
//!
//! They are found by a hash of host, instance and queue id, and stand in a row by when they were last heard of. The row is
//! bounded: beyond it the one that was silent longest is given up.

use std::net::IpAddr;

use evidence::Time;
use hashbrown::HashTable;
use minicbor::{Decode, Encode};

use crate::happening::{Client, Mail};

/// Text of one message that is kept: fields beyond it are left out, and counted.
pub(crate) const MAX_TEXT: usize = 8 * 1024;

/// Recipients of one message that are remembered: a result for a further one is taken for its first.
pub(crate) const MAX_TRIED: usize = 10_000;

/// Places of a saved row; more are no row of ours.
const MAX_PLACES: usize = 1 << 24;

/// No message: the end of a row.
const NONE: u32 = u32::MAX;

/// Which message: its place, which is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Slot(#[n(0)] u32);

/// A part of a message's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Part(#[n(0)] Option<(u16, u16)>);

impl Part {
    pub(crate) const NONE: Self = Self(None);
}

/// A part of a message's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Name(#[n(0)] Option<(u16, u16)>);

impl Name {
    pub(crate) const NONE: Self = Self(None);
}

/// A recipient that had a result.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(crate) struct Tried {
    #[n(0)]
    pub(crate) hash: u64,
    /// Deferred: it will have another.
    #[n(1)]
    pub(crate) pending: bool,
    /// Its address, when it was deferred.
    #[n(2)]
    pub(crate) address: Part,
}

/// One message under way.
#[derive(Debug, Encode, Decode)]
pub(crate) struct Open {
    #[n(0)]
    pub(crate) key: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    text: Vec<u8>,
    #[n(2)]
    pub(crate) queue: Name,
    #[n(3)]
    pub(crate) name: Name,
    #[n(4)]
    pub(crate) helo: Part,
    #[n(5)]
    pub(crate) account: Part,
    #[n(6)]
    pub(crate) sender: Part,
    #[n(7)]
    pub(crate) message_id: Part,
    #[n(8)]
    pub(crate) about: Name,
    #[n(9)]
    pub(crate) address: Option<IpAddr>,
    #[n(10)]
    pub(crate) port: Option<u16>,
    #[n(11)]
    pub(crate) size: Option<u64>,
    #[n(12)]
    pub(crate) recipients: Option<u32>,
    #[n(13)]
    pub(crate) arrived: Option<Time>,
    #[n(14)]
    pub(crate) touched: Time,
    /// Hash of the message id; 0 for none.
    #[n(15)]
    pub(crate) id_hash: u64,
    /// Hash of the relay that took it last.
    #[n(16)]
    pub(crate) relay: u64,
    #[n(17)]
    pub(crate) state: State,
    #[n(18)]
    pub(crate) tried: Vec<Tried>,
    /// Hashes of the queue ids under which it came back from a filter.
    #[n(19)]
    pub(crate) passed: Vec<u64>,
    #[n(20)]
    before: u32,
    #[n(21)]
    after: u32,
    /// What the server itself named, as text.
    #[n(22)]
    names: String,
}

/// How far its telling is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct State {
    /// Who handed it in was told.
    #[n(0)]
    pub(crate) client: bool,
    /// Its arrival was told, or is not to be told.
    #[n(1)]
    pub(crate) told: bool,
    /// It came back from a filter or was forwarded: the arrival was that of another queue id.
    #[n(2)]
    pub(crate) joined: bool,
    /// The queue is done with it; it stays a while because a filter may hand it back.
    #[n(3)]
    pub(crate) closed: bool,
    /// A program took it last.
    #[n(4)]
    pub(crate) piped: bool,
    /// Whoever handed it in told for whom (XFORWARD): a filter.
    #[cbor(n(5), default)]
    pub(crate) filtered: bool,
}

impl Open {
    fn new() -> Self {
        Self {
            key: 0,
            text: Vec::new(),
            queue: Name::NONE,
            name: Name::NONE,
            helo: Part::NONE,
            account: Part::NONE,
            sender: Part::NONE,
            message_id: Part::NONE,
            about: Name::NONE,
            address: None,
            port: None,
            size: None,
            recipients: None,
            arrived: None,
            touched: Time::default(),
            id_hash: 0,
            relay: 0,
            state: State::default(),
            tried: Vec::new(),
            passed: Vec::new(),
            before: NONE,
            after: NONE,
            names: String::new(),
        }
    }

    /// Empty again; the memory stays, unless it was much.
    fn clear(&mut self) {
        let Self { mut text, mut tried, mut passed, mut names, .. } = std::mem::replace(self, Self::new());
        text.clear();
        text.shrink_to(1024);
        names.clear();
        names.shrink_to(256);
        tried.clear();
        tried.shrink_to(16);
        passed.clear();
        (self.text, self.names, self.tried, self.passed) = (text, names, tried, passed);
    }

    pub(crate) fn part(&self, part: Part) -> Option<&[u8]> {
        let (at, length) = part.0?;
        Some(&self.text[usize::from(at)..][..usize::from(length)])
    }

    pub(crate) fn named(&self, name: Name) -> Option<&str> {
        let (at, length) = name.0?;
        self.names.get(usize::from(at)..usize::from(at) + usize::from(length))
    }

    fn has_room(&self, length: usize) -> bool {
        self.text.len() + self.names.len() + length <= MAX_TEXT
    }

    /// Keeps a name; one of nothing when there is no room.
    pub(crate) fn keep_name(&mut self, name: &str) -> Name {
        if !self.has_room(name.len()) {
            return Name::NONE;
        }
        let at = self.names.len();
        self.names.push_str(name);
        Name(Some((at as u16, name.len() as u16)))
    }

    /// Keeps a text; a part of nothing when there is no room.
    pub(crate) fn keep(&mut self, text: &[u8]) -> Part {
        if !self.has_room(text.len()) {
            return Part::NONE;
        }
        let at = self.text.len();
        self.text.extend_from_slice(text);
        Part(Some((at as u16, text.len() as u16)))
    }

    /// … in two pieces.
    pub(crate) fn keep_both(&mut self, before: &[u8], text: &[u8]) -> Part {
        if !self.has_room(before.len() + text.len()) {
            return Part::NONE;
        }
        let at = self.text.len();
        _ = self.keep(before);
        _ = self.keep(text);
        Part(Some((at as u16, (before.len() + text.len()) as u16)))
    }

    pub(crate) fn queue_id(&self) -> &str {
        self.named(self.queue).unwrap_or_default()
    }

    pub(crate) fn client(&self) -> Client<'_> {
        Client {
            address: self.address,
            port: self.port,
            name: self.named(self.name),
            helo: self.part(self.helo),
            account: self.part(self.account),
        }
    }

    pub(crate) fn mail(&self) -> Mail<'_> {
        Mail {
            queue: self.queue_id(),
            client: self.client(),
            sender: self.part(self.sender),
            message_id: self.part(self.message_id),
            size: self.size,
            about: self.named(self.about),
            arrived: self.arrived,
        }
    }

    /// Takes over who handed it in, and when, from another.
    pub(crate) fn inherit(&mut self, from: &Open) {
        (self.address, self.port, self.arrived) = (from.address, from.port, from.arrived);
        self.name = from.named(from.name).map_or(Name::NONE, |name| self.keep_name(name));
        self.helo = from.part(from.helo).map_or(Part::NONE, |text| self.keep(text));
        self.account = from.part(from.account).map_or(Part::NONE, |text| self.keep(text));
        self.state.joined = true;
    }

    /// Whether nobody but this machine is known to have handed it in, a filter included.
    pub(crate) fn is_from_here(&self) -> bool {
        let account = self.part(self.account);
        self.state.filtered
            || self.address.is_none_or(|address| address.is_loopback())
                && account.is_none_or(|account| account.starts_with(b"uid="))
    }

    /// Whether all its parts are in its text.
    fn is_whole(&self) -> bool {
        let tried = self.tried.iter().map(|tried| tried.address);
        let parts = [self.helo, self.account, self.sender, self.message_id].into_iter();
        let has_names =
            [self.queue, self.name, self.about].iter().all(|name| name.0.is_none() || self.named(*name).is_some());
        has_names
            && parts
                .chain(tried)
                .all(|part| part.0.is_none_or(|(at, length)| usize::from(at) + usize::from(length) <= self.text.len()))
    }

    fn bytes(&self) -> usize {
        self.text.capacity()
            + self.names.capacity()
            + self.tried.capacity() * size_of::<Tried>()
            + self.passed.capacity() * 8
    }
}

/// Messages with their places.
pub(crate) type SavedRow<'a> = Vec<(Slot, &'a Open)>;

/// All messages under way.
#[derive(Debug)]
pub(crate) struct Row {
    slots: Vec<Open>,
    free: Vec<u32>,
    found: HashTable<u32>,
    /// Silent longest, and heard of last.
    oldest: u32,
    newest: u32,
    /// Memory of texts and recipients, as of when each was last looked at.
    held: usize,
}

impl Row {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), found: HashTable::new(), oldest: NONE, newest: NONE, held: 0 }
    }

    /// The messages, oldest first, each with its place; to be made a row again.
    pub(crate) fn saved(&self) -> SavedRow<'_> {
        let mut messages = Vec::with_capacity(self.len());
        let mut next = self.oldest;
        while let Some(open) = self.slots.get(next as usize) {
            messages.push((Slot(next), open));
            next = open.after;
        }
        messages
    }

    /// `None` when there is no such place.
    pub(crate) fn check(&self, slot: Slot) -> Option<()> {
        self.slots.get(slot.0 as usize).map(|_| ())
    }

    /// A row of saved messages, each at its place. `None` when they cannot be one.
    pub(crate) fn restore(messages: Vec<(Slot, Open)>) -> Option<Self> {
        let mut row = Self::new();
        let places = messages.iter().map(|(slot, _)| slot.0 as usize + 1).max().unwrap_or(0);
        if places > MAX_PLACES {
            return None;
        }
        row.slots.resize_with(places, Open::new);
        let mut is_used = vec![false; places];
        for (Slot(index), open) in messages {
            if std::mem::replace(&mut is_used[index as usize], true) || !open.is_whole() {
                return None;
            }
            row.held += open.bytes();
            let key = open.key;
            row.slots[index as usize] = open;
            let slots = &row.slots;
            row.found.insert_unique(key, index, |&index| slots[index as usize].key);
            row.link(index);
        }
        row.free = (0..places as u32).rev().filter(|index| !is_used[*index as usize]).collect();
        Some(row)
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// Bytes that the messages hold.
    pub(crate) fn held(&self) -> usize {
        self.held + self.slots.len() * size_of::<Open>()
    }

    pub(crate) fn get(&self, slot: Slot) -> &Open {
        &self.slots[slot.0 as usize]
    }

    pub(crate) fn find(&self, key: u64, queue: &str) -> Option<Slot> {
        let is = |&index: &u32| {
            let open = &self.slots[index as usize];
            open.key == key && open.named(open.queue) == Some(queue)
        };
        self.found.find(key, is).map(|&index| Slot(index))
    }

    /// Changes a message, which is the one heard of last then.
    pub(crate) fn touch<T>(&mut self, slot: Slot, at: Time, change: impl FnOnce(&mut Open) -> T) -> T {
        if self.newest != slot.0 {
            self.unlink(slot.0);
            self.link(slot.0);
        }
        let open = &mut self.slots[slot.0 as usize];
        let before = open.bytes();
        open.touched = at;
        let result = change(open);
        let after = open.bytes();
        self.held = self.held + after - before;
        result
    }

    /// Changes one message by what another has.
    pub(crate) fn pair(&mut self, slot: Slot, other: Slot, change: impl FnOnce(&mut Open, &Open)) {
        let Ok([open, other]) = self.slots.get_disjoint_mut([slot.0 as usize, other.0 as usize]) else { return };
        let before = open.bytes();
        change(open, other);
        let after = open.bytes();
        self.held = self.held + after - before;
    }

    /// A new message.
    pub(crate) fn add(&mut self, key: u64, queue: &str, at: Time) -> Slot {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Open::new());
            (self.slots.len() - 1) as u32
        });
        let open = &mut self.slots[index as usize];
        open.key = key;
        let before = open.bytes();
        open.queue = open.keep_name(queue);
        open.touched = at;
        let after = open.bytes();
        self.held = self.held + after - before;
        let slots = &self.slots;
        self.found.insert_unique(key, index, |&index| slots[index as usize].key);
        self.link(index);
        Slot(index)
    }

    pub(crate) fn remove(&mut self, slot: Slot) {
        self.unlink(slot.0);
        let open = &mut self.slots[slot.0 as usize];
        if let Ok(entry) = self.found.find_entry(open.key, |&index| index == slot.0) {
            entry.remove();
        }
        let before = open.bytes();
        open.clear();
        self.held = self.held + open.bytes() - before;
        self.free.push(slot.0);
    }

    /// The one that is silent longest.
    pub(crate) fn oldest(&self) -> Option<Slot> {
        (self.oldest != NONE).then_some(Slot(self.oldest))
    }

    fn link(&mut self, index: u32) {
        let newest = self.newest;
        let open = &mut self.slots[index as usize];
        (open.before, open.after) = (newest, NONE);
        match newest {
            NONE => self.oldest = index,
            newest => self.slots[newest as usize].after = index,
        }
        self.newest = index;
    }

    fn unlink(&mut self, index: u32) {
        let open = &self.slots[index as usize];
        let (before, after) = (open.before, open.after);
        match before {
            NONE => self.oldest = after,
            before => self.slots[before as usize].after = after,
        }
        match after {
            NONE => self.newest = before,
            after => self.slots[after as usize].before = before,
        }
    }
}
