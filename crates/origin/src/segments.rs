//! An address space cut into segments: how every table answers.
//!
//! Prefixes nest and ranges overlap; here they are flattened once, so that a lookup is one search and its answer is
//! always the most specific row. What a value means is the table's affair.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::address::Address;

/// The value of addresses of which a table says nothing.
pub(crate) const NONE: u32 = u32::MAX;

/// Both address spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cover {
    pub(crate) v4: Segments<u32>,
    pub(crate) v6: Segments<u128>,
}

/// One address space: segment `n` runs from `starts[n]` to just before `starts[n + 1]`, the last one to the end.
///
/// The first starts at zero, starts ascend, and neighbours differ in value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segments<A> {
    starts: Vec<A>,
    values: Vec<u32>,
    /// For each value of an address's first bits, how many segments start at or before the first address that has them;
    /// then the number of all segments. A search begins between two of these: measured, that makes it three times as
    /// fast, because the rest of it is in one or two cache lines.
    leaps: Vec<u32>,
    /// How far to shift an address until only its first bits are left.
    shift: u8,
}

/// Most bits of an address with which a search leaps near its end. We chose what keeps the leaps within a second-level
/// cache; tables of fewer segments than values of these bits have fewer bits.
const MAX_LEAP: u32 = 16;

/// Addresses from `first` to `last`, both included, that have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) first: u128,
    pub(crate) last: u128,
    pub(crate) value: u32,
}

/// The pieces of which a [`Cover`] is made.
#[derive(Default)]
pub(crate) struct Pieces {
    v4: Vec<Piece>,
    v6: Vec<Piece>,
}

/// How many pieces were not alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conflicts {
    /// Pieces with the addresses of another piece exactly; the last one given holds.
    pub(crate) duplicates: u64,
    /// Pieces that share only some addresses with another piece.
    pub(crate) overlaps: u64,
}

impl Pieces {
    /// Adds a piece. Both ends must be of one family.
    pub(crate) fn push(&mut self, first: IpAddr, last: IpAddr, value: u32) {
        let (list, first, last) = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => (&mut self.v4, u32::from(first).into(), u32::from(last).into()),
            (first, last) => (&mut self.v6, six(first), six(last)),
        };
        list.push(Piece { first, last, value });
    }

    /// Where pieces overlap, the one that starts later holds, and of two that start together the shorter: for prefixes
    /// that is the longest match.
    pub(crate) fn flatten(self) -> (Cover, Conflicts) {
        let mut conflicts = Conflicts::default();
        let v4 = Segments::flatten(self.v4, &mut conflicts);
        let v6 = Segments::flatten(self.v6, &mut conflicts);
        (Cover { v4, v6 }, conflicts)
    }
}

fn six(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => four.to_ipv6_mapped().into(),
        IpAddr::V6(six) => six.into(),
    }
}

impl Default for Cover {
    fn default() -> Self {
        Pieces::default().flatten().0
    }
}

impl<A: Address> Segments<A> {
    /// Takes columns that keep the rules of this type.
    pub(crate) fn from_columns(starts: Vec<A>, values: Vec<u32>) -> Self {
        debug_assert!(starts.len() == values.len());
        debug_assert!(starts.first().is_some_and(|start| start.widen() == 0) && starts.is_sorted_by(|a, b| a < b));
        debug_assert!(values.windows(2).all(|pair| pair[0] != pair[1]));
        let bits = starts.len().ilog2().clamp(1, MAX_LEAP) as u8;
        let shift = A::BITS - bits;
        let mut leaps = Vec::with_capacity((1 << bits) + 1);
        let mut before = 0;
        for first in (0..1 << bits).map(|bits: u128| bits << shift) {
            before += starts[before..].iter().take_while(|start| start.widen() <= first).count();
            leaps.push(before as u32);
        }
        leaps.push(starts.len() as u32);
        Self { starts, values, leaps, shift }
    }

    pub(crate) fn starts(&self) -> &[A] {
        &self.starts
    }

    pub(crate) fn values(&self) -> &[u32] {
        &self.values
    }

    /// Whether no address has a value.
    pub(crate) fn is_blank(&self) -> bool {
        self.values == [NONE]
    }

    /// The segment that holds an address.
    pub(crate) fn find(&self, address: A) -> Piece {
        let leap = (address.widen() >> self.shift) as usize;
        let (before, until) = (self.leaps[leap] as usize, self.leaps[leap + 1] as usize);
        let near = &self.starts[before..until];
        // The first segment starts at zero, so there is always one that starts before.
        self.piece(before + near.partition_point(|start| *start <= address) - 1)
    }

    /// All segments, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece> {
        (0..self.starts.len()).map(|index| self.piece(index))
    }

    fn piece(&self, index: usize) -> Piece {
        let last = self.starts.get(index + 1).map_or(A::LAST, |next| next.widen() - 1);
        Piece { first: self.starts[index].widen(), last, value: self.values[index] }
    }

    fn flatten(mut pieces: Vec<Piece>, conflicts: &mut Conflicts) -> Self {
        // The sort is stable: of duplicates, the last one given comes last, and holds.
        pieces.sort_by_key(|piece| (piece.first, Reverse(piece.last)));
        let mut cuts = Cuts::<A> { starts: Vec::new(), values: Vec::new() };
        cuts.begin(0, NONE);
        let mut open: Vec<Piece> = Vec::new();
        let mut before: Option<Piece> = None;
        let mut reach: Option<u128> = None;
        for piece in pieces {
            if before.is_some_and(|before| (before.first, before.last) == (piece.first, piece.last)) {
                conflicts.duplicates += 1;
            } else if reach.is_some_and(|reach| piece.first <= reach) {
                conflicts.overlaps += 1;
            }
            before = Some(piece);
            reach = reach.max(Some(piece.last));

            cuts.end(&mut open, |last| last < piece.first);
            cuts.begin(piece.first, piece.value);
            open.push(piece);
        }
        cuts.end(&mut open, |_| true);
        Self::from_columns(cuts.starts, cuts.values)
    }
}

/// Segments in the making.
struct Cuts<A> {
    starts: Vec<A>,
    values: Vec<u32>,
}

impl<A: Address> Cuts<A> {
    /// Ends the open pieces that are `over`, innermost first; what lies below an ended piece goes on behind it.
    fn end(&mut self, open: &mut Vec<Piece>, over: impl Fn(u128) -> bool) {
        while let Some(last) = open.last().map(|piece| piece.last).filter(|last| over(*last)) {
            while open.pop_if(|piece| piece.last <= last).is_some() {}
            if last < A::LAST {
                self.begin(last + 1, open.last().map_or(NONE, |piece| piece.value));
            }
        }
    }

    /// From `start` on, addresses have this value.
    fn begin(&mut self, start: u128, value: u32) {
        if self.starts.last().is_some_and(|last| last.widen() == start) {
            self.starts.pop();
            self.values.pop();
        }
        if self.values.last() != Some(&value) {
            self.starts.push(A::narrow(start));
            self.values.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(pieces: &[(u128, u128, u32)]) -> (Vec<(u32, u32)>, Conflicts) {
        let pieces = pieces.iter().map(|&(first, last, value)| Piece { first, last, value }).collect();
        let mut conflicts = Conflicts::default();
        let segments = Segments::<u32>::flatten(pieces, &mut conflicts);
        (segments.starts.into_iter().zip(segments.values).collect(), conflicts)
    }

    #[test]
    fn nothing_is_one_segment_of_nothing() {
        assert_eq!(v4(&[]).0, [(0, NONE)]);
        assert!(Cover::default().v6.is_blank());
    }

    #[test]
    fn a_nested_piece_interrupts_the_one_around_it() {
        let (segments, conflicts) = v4(&[(10, 99, 1), (20, 29, 2), (20, 24, 3), (29, 29, 4)]);
        assert_eq!(segments, [(0, NONE), (10, 1), (20, 3), (25, 2), (29, 4), (30, 1), (100, NONE)]);
        assert_eq!(conflicts, Conflicts { duplicates: 0, overlaps: 3 });
    }

    #[test]
    fn of_pieces_that_cross_the_later_one_holds() {
        let (segments, conflicts) = v4(&[(0, 10, 1), (5, 20, 2), (8, 9, 3)]);
        assert_eq!(segments, [(0, 1), (5, 2), (8, 3), (10, 2), (21, NONE)]);
        assert_eq!(conflicts.overlaps, 2);
    }

    #[test]
    fn of_duplicates_the_last_one_given_holds() {
        let (segments, conflicts) = v4(&[(0, 10, 1), (0, 10, 2)]);
        assert_eq!(segments, [(0, 2), (11, NONE)]);
        assert_eq!(conflicts, Conflicts { duplicates: 1, overlaps: 0 });
    }

    #[test]
    fn neighbours_of_the_same_value_are_one_segment_and_the_last_address_belongs_to_it() {
        let end = u128::from(u32::MAX);
        assert_eq!(v4(&[(0, 9, 1), (10, end, 1)]).0, [(0, 1)]);
    }
}
