//! Who talked to whom: the set of pairs of client and server, by which destinations are counted exactly.

use crate::key::Key;

/// Places of a new set.
const FIRST: usize = 1024;

pub(crate) struct Pairs<K: Key> {
    places: Vec<K::Pair>,
    shift: u32,
    used: usize,
    most: usize,
    seed: u64,
}

/// What came of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    First,
    /// … or it is the pair that is none.
    Again,
    /// The set is full: whether it is the first time is not known.
    Unkept,
}

impl<K: Key> Pairs<K> {
    pub(crate) fn new(most: usize, seed: u64) -> Self {
        Self { places: vec![K::Pair::default(); FIRST], shift: 64 - FIRST.ilog2(), used: 0, most, seed }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<K::Pair>()
    }

    pub(crate) fn len(&self) -> usize {
        self.used
    }

    pub(crate) fn place(&self, pair: K::Pair) -> usize {
        (K::pair_hash(pair, self.seed) >> self.shift) as usize
    }

    /// Has a place brought near, for when it is asked.
    pub(crate) fn call(&self, place: usize) {
        prefetch::soon(&self.places, place);
    }

    /// `hint` is where it may be.
    pub(crate) fn meet(&mut self, hint: usize, pair: K::Pair) -> Met {
        if pair == K::Pair::default() || self.places.get(hint) == Some(&pair) {
            return Met::Again;
        }
        let mut place = self.probe(pair);
        if self.places[place] == pair {
            return Met::Again;
        }
        if self.used >= self.most {
            return Met::Unkept;
        }
        // At most two thirds are used: a search is a few neighbours.
        if (self.used + 1) * 3 > self.places.len() * 2 {
            self.grow();
            place = self.probe(pair);
        }
        self.places[place] = pair;
        self.used += 1;
        Met::First
    }

    /// Makes room for so many more, which come in the order of their hashes from another set.
    pub(crate) fn reserve(&mut self, more: usize) {
        while (self.used + more).min(self.most) * 3 > self.places.len() * 2 {
            self.grow();
        }
    }

    fn probe(&self, pair: K::Pair) -> usize {
        let mut place = self.place(pair);
        while self.places[place] != K::Pair::default() && self.places[place] != pair {
            place = (place + 1) & (self.places.len() - 1);
        }
        place
    }

    fn grow(&mut self) {
        let doubled = vec![K::Pair::default(); self.places.len() * 2];
        let old = std::mem::replace(&mut self.places, doubled);
        self.shift -= 1;
        for pair in old.into_iter().filter(|pair| *pair != K::Pair::default()) {
            let place = self.probe(pair);
            self.places[place] = pair;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = K::Pair> {
        self.places.iter().copied().filter(|pair| *pair != K::Pair::default())
    }

    /// All pairs, those of a client together, each with its destinations in order.
    pub(crate) fn sorted(&self) -> Vec<K::Pair> {
        let mut pairs: Vec<_> = self.iter().collect();
        pairs.sort_unstable();
        pairs
    }
}
