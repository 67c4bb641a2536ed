//! A table of hosts in one role, client or server: open addressing, one line of the cache for each IPv4 host. Counts are exact:
//! what does not fit into an entry is carried into a list beside the table.

use std::collections::BTreeMap;

use crate::key::Key;
use crate::kind::Kind;

/// Places of a new table.
const FIRST: usize = 1024;

/// What is kept of a host in one role on one day.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Entry<K: Key> {
    _align: [K::Align; 0],
    pub(crate) key: K,
    /// The destination of the packet before: then it is known, and the set of pairs need not be asked.
    last: K::Short,
    /// The lowest AS number that the exporter told of it; 0 for none.
    pub(crate) asn: u32,
    /// Of a client its servers, of a server its clients.
    pub(crate) peers: u32,
    pub(crate) kinds: [u16; Kind::COUNT],
    /// Packets by hour of the day, UTC.
    pub(crate) hours: [u8; 24],
    /// What is known of the system, and [`OCCUPIED`].
    pub(crate) marks: u8,
}

/// The mark of an entry that holds a host.
pub(crate) const OCCUPIED: u8 = 0x80;

impl<K: Key> Entry<K> {
    fn is(&self, key: K) -> bool {
        self.marks & OCCUPIED != 0 && self.key == key
    }
}

/// A packet, as one of its ends sees it.
#[derive(Clone, Copy)]
pub(crate) struct Touch<K: Key> {
    pub(crate) key: K,
    pub(crate) asn: u32,
    pub(crate) kind: Kind,
    /// Below 24.
    pub(crate) hour: u8,
    pub(crate) marks: u8,
    /// The mark of the other end.
    pub(crate) peer: u64,
}

/// Where a packet was counted.
#[derive(Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) place: usize,
    /// Whether the packet before had the same peer, so that it is known.
    pub(crate) is_same: bool,
}

pub(crate) struct Table<K: Key> {
    places: Vec<Entry<K>>,
    /// By which the hash becomes a place.
    shift: u32,
    used: usize,
    most: usize,
    seed: u64,
    /// How often a counter of an entry ran over: by kind, then by hour. Few hosts of a day are sampled so often.
    carries: BTreeMap<(K, u8), u32>,
}

impl<K: Key> Table<K> {
    /// `most` hosts are tracked. The seed keeps others from choosing addresses that collide.
    pub(crate) fn new(most: usize, seed: u64) -> Self {
        let places = vec![Entry::default(); FIRST];
        Self { places, shift: 64 - FIRST.ilog2(), used: 0, most, seed, carries: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.used
    }

    pub(crate) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Entry<K>>() + self.carries.len() * (size_of::<(K, u8)>() + 4)
    }

    pub(crate) fn place(&self, key: K) -> usize {
        (key.hash(self.seed) >> self.shift) as usize
    }

    /// Has a place brought near, for when it is counted in.
    pub(crate) fn call(&self, place: usize) {
        prefetch::soon(&self.places, place);
    }

    /// Counts a packet; `hint` may be out of date. `None` when the table is full and the host is not in it.
    pub(crate) fn count(&mut self, hint: usize, touch: &Touch<K>) -> Option<Counted> {
        let place = self.find(hint, touch.key)?;
        let entry = &mut self.places[place];
        let (kind, over) = entry.kinds[touch.kind as usize].overflowing_add(1);
        entry.kinds[touch.kind as usize] = kind;
        let hour = &mut entry.hours[usize::from(touch.hour)];
        *hour = hour.wrapping_add(1);
        let hour_over = *hour == 0;
        entry.asn = lowest(entry.asn, touch.asn);
        entry.marks |= touch.marks;
        let short = K::short(touch.peer);
        let is_same = entry.last == short && entry.peers > 0;
        entry.last = short;
        if over {
            self.carry(touch.key, touch.kind as u8, 1);
        }
        if hour_over {
            self.carry(touch.key, Kind::COUNT as u8 + touch.hour, 1);
        }
        Some(Counted { place, is_same })
    }

    /// One more peer for a host that is there.
    pub(crate) fn add_peer(&mut self, (hint, key): (usize, K)) {
        if let Some(place) = self.find(hint, key) {
            self.places[place].peers += 1;
        }
    }

    fn carry(&mut self, key: K, counter: u8, times: u32) {
        *self.carries.entry((key, counter)).or_default() += times;
    }

    /// The place of a host, which is put there when it is new; `None` when it is and the table is full.
    fn find(&mut self, hint: usize, key: K) -> Option<usize> {
        if self.places.get(hint).is_some_and(|entry| entry.is(key)) {
            return Some(hint);
        }
        let mut place = self.probe(key);
        if self.places[place].marks != 0 {
            return Some(place);
        }
        if self.used >= self.most {
            return None;
        }
        // At most three quarters are used: more would make searches long.
        if (self.used + 1) * 4 > self.places.len() * 3 {
            self.grow();
            place = self.probe(key);
        }
        self.used += 1;
        let entry = &mut self.places[place];
        (entry.key, entry.marks) = (key, OCCUPIED);
        Some(place)
    }

    /// Where the host is, or an empty place where it belongs.
    fn probe(&self, key: K) -> usize {
        let mut place = self.place(key);
        while self.places[place].marks != 0 && self.places[place].key != key {
            place = (place + 1) & (self.places.len() - 1);
        }
        place
    }

    /// Makes room for so many more. Hosts of another table come in the order of their hashes: without this they would crowd the
    /// front of this one before it grows, and searches there would be long.
    fn reserve(&mut self, more: usize) {
        while (self.used + more).min(self.most) * 4 > self.places.len() * 3 {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let doubled = vec![Entry::default(); self.places.len() * 2];
        let old = std::mem::replace(&mut self.places, doubled);
        self.shift -= 1;
        for entry in old.into_iter().filter(|entry| entry.marks != 0) {
            let place = self.probe(entry.key);
            self.places[place] = entry;
        }
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = (usize, &Entry<K>)> {
        self.places.iter().enumerate().filter(|(_, entry)| entry.marks != 0)
    }

    pub(crate) fn at(&self, place: usize) -> &Entry<K> {
        &self.places[place]
    }

    /// The counts of an entry by kind and by hour, with what was carried.
    pub(crate) fn counts(&self, entry: &Entry<K>) -> ([u64; Kind::COUNT], [u64; 24]) {
        let (mut kinds, mut hours) = (entry.kinds.map(u64::from), entry.hours.map(u64::from));
        if !self.carries.is_empty() {
            for ((_, counter), times) in self.carries.range((entry.key, 0)..=(entry.key, u8::MAX)) {
                let (times, counter) = (u64::from(*times), usize::from(*counter));
                match kinds.get_mut(counter) {
                    Some(kind) => *kind += times << 16,
                    None => hours[counter - Kind::COUNT] += times << 8,
                }
            }
        }
        (kinds, hours)
    }

    /// Takes in what another table counted: how many hosts found no room. Peers are added up; those that both have are to be
    /// taken off ([`Self::forget_peers`]).
    pub(crate) fn merge(&mut self, other: Self) -> u64 {
        let mut untracked = 0;
        self.reserve(other.used);
        for entry in other.places.iter().filter(|entry| entry.marks != 0) {
            let Some(place) = self.find(usize::MAX, entry.key) else {
                untracked += 1;
                continue;
            };
            self.merge_entry(place, entry);
        }
        for ((key, counter), times) in other.carries {
            if self.places[self.probe(key)].marks != 0 {
                self.carry(key, counter, times);
            }
        }
        untracked
    }

    fn merge_entry(&mut self, place: usize, other: &Entry<K>) {
        let mut carried = [false; Kind::COUNT + 24];
        let entry = &mut self.places[place];
        for (index, (mine, more)) in entry.kinds.iter_mut().zip(other.kinds).enumerate() {
            (*mine, carried[index]) = mine.overflowing_add(more);
        }
        for (index, (mine, more)) in entry.hours.iter_mut().zip(other.hours).enumerate() {
            (*mine, carried[Kind::COUNT + index]) = mine.overflowing_add(more);
        }
        entry.asn = lowest(entry.asn, other.asn);
        entry.marks |= other.marks;
        entry.peers += other.peers;
        let key = entry.key;
        for (counter, _) in carried.iter().enumerate().filter(|(_, carried)| **carried) {
            self.carry(key, counter as u8, 1);
        }
    }

    /// Takes off peers that were counted twice.
    pub(crate) fn forget_peers(&mut self, twice: impl Fn(K) -> u32) {
        for entry in self.places.iter_mut().filter(|entry| entry.marks != 0) {
            entry.peers -= twice(entry.key);
        }
    }
}

/// The lower of two AS numbers, of which 0 is none: the same in whatever order packets come.
pub(crate) fn lowest(a: u32, b: u32) -> u32 {
    if a.wrapping_sub(1) <= b.wrapping_sub(1) { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(key: u32, kind: Kind, hour: u8) -> Touch<u32> {
        Touch { key, asn: 0, kind, hour, marks: 0, peer: 7 }
    }

    #[test]
    fn an_entry_of_ipv4_is_a_line_of_the_cache_and_one_of_ipv6_is_80_bytes() {
        assert_eq!((size_of::<Entry<u32>>(), align_of::<Entry<u32>>()), (64, 64));
        assert_eq!(size_of::<Entry<u128>>(), 80);
    }

    #[test]
    fn counts_are_exact_beyond_what_an_entry_holds() {
        let mut table = Table::<u32>::new(10, 1);
        for _ in 0..200_000 {
            table.count(0, &touch(9, Kind::Full, 3));
        }
        table.count(0, &touch(9, Kind::Syn, 23));
        let (_, entry) = table.hosts().next().unwrap();
        let (kinds, hours) = table.counts(entry);
        assert_eq!((kinds[Kind::Full as usize], hours[3], hours[23]), (200_000, 200_000, 1));
    }

    #[test]
    fn beyond_the_bound_known_hosts_are_counted_and_others_are_not() {
        let mut table = Table::<u32>::new(3, 1);
        for key in 0..10 {
            assert_eq!(table.count(0, &touch(key, Kind::Syn, 0)).is_none(), key >= 3);
        }
        assert!(table.count(0, &touch(0, Kind::Syn, 0)).is_some());
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn of_two_as_numbers_the_lower_stays_and_none_is_no_number() {
        assert_eq!((lowest(0, 5), lowest(5, 0), lowest(7, 5), lowest(0, 0)), (5, 5, 5, 0));
    }
}
