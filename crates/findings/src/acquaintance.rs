//! Who has written to whom: one memory for all customers, which grows up to a fixed size.
//!
//! It holds hashes of pairs, not names. A pair that was never seen is taken for known once in some 4000 times, at most.
//! When the memory has its full size and a neighbourhood in it is full, the pair seen longest ago makes room; `forgotten`
//! counts those that were seen within 90 days.

use minicbor::bytes::ByteVec;
use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};
use minicbor::{Decode, Encode};

use crate::pages::written;

/// Pairs of one neighbourhood, which is one line of the processor's cache.
const WAYS: usize = 16;

/// Days after which a pair is not known any more.
pub const PAIR_DAYS: u32 = 90;

/// Bits of a place for the day on which the pair was seen last; days count around.
const DAY: u32 = (1 << 12) - 1;

/// How often the memory doubles, at most: with each, one bit of the tag tells where the pair stands, and tells no more
/// whether it is the same.
const DOUBLINGS: u32 = 4;

/// Which pairs were seen, and on which day last.
#[derive(Clone, Debug)]
pub(crate) struct Acquaintances {
    /// A tag of 20 bits, 0 where free, and the day.
    places: Vec<[u32; WAYS]>,
    /// The size at the beginning and in the end: neighbourhoods, as powers of two.
    begun: u32,
    most: u32,
    held: usize,
    pub(crate) forgotten: u64,
}

impl Acquaintances {
    /// Room for at least `pairs` in the end; 4 bytes each.
    pub(crate) fn new(pairs: usize) -> Self {
        let most = (pairs / WAYS).max(1).next_power_of_two().ilog2();
        let begun = most.saturating_sub(DOUBLINGS);
        Self { places: written([0; WAYS], 1 << begun), begun, most, held: 0, forgotten: 0 }
    }

    fn doublings(&self) -> u32 {
        self.places.len().ilog2() - self.begun
    }

    /// The upper bits of a pair tell where it stands.
    fn place(&self, pair: u64) -> usize {
        let size = self.places.len().ilog2();
        if size == 0 { 0 } else { (pair >> (64 - size)) as usize }
    }

    /// Says that a pair will be met soon: the memory is large, and slow to come near.
    pub(crate) fn expect(&self, pair: u64) {
        prefetch::soon(&self.places, self.place(pair));
    }

    /// Whether the pair is known. It is from now on.
    pub(crate) fn meet(&mut self, pair: u64, day: u32) -> bool {
        let place = self.place(pair);
        // The bits below those of the first place.
        let tag = ((pair << self.begun >> 44) as u32).max(1) << 12;
        let today = day & DAY;
        let age = |place: u32| today.wrapping_sub(place) & DAY;
        let places = &mut self.places[place];
        let known = which(places, |place| place & !DAY == tag);
        if let Some(place) = places.get_mut(known) {
            // A day that lies ahead is of a clock that was set back.
            let known = age(*place) <= PAIR_DAYS || age(*place) > DAY / 2;
            *place = tag | today;
            return known;
        }
        let free = which(places, |place| place == 0);
        if let Some(place) = places.get_mut(free) {
            self.held += 1;
            *place = tag | today;
        } else if let Some(oldest) = places.iter_mut().max_by_key(|place| age(**place)) {
            self.forgotten += u64::from(age(*oldest) <= PAIR_DAYS);
            *oldest = tag | today;
        }
        if self.held * 2 > self.places.len() * WAYS && self.places.len().ilog2() < self.most {
            self.double();
        }
        false
    }

    /// Each neighbourhood becomes two; the next bit of the tag tells to which a pair goes.
    fn double(&mut self) {
        let bit = 31 - self.doublings();
        let mut doubled = written([0; WAYS], self.places.len() * 2);
        for (place, pairs) in self.places.iter().enumerate() {
            let mut free = [0, 0];
            for pair in pairs.iter().filter(|pair| **pair != 0) {
                let side = (*pair >> bit & 1) as usize;
                doubled[place * 2 + side][free[side]] = *pair;
                free[side] += 1;
            }
        }
        self.places = doubled;
    }
}

/// The first place that fits; a place beyond all when none does. All are looked at, in one step of the processor; to stop at the first
/// that fits would take longer.
fn which(places: &[u32; WAYS], fits: impl Fn(u32) -> bool) -> usize {
    let bits = places.iter().enumerate().fold(0u32, |bits, (at, place)| bits | u32::from(fits(*place)) << at);
    bits.trailing_zeros() as usize
}

impl<C> Encode<C> for Acquaintances {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        let bytes: Vec<u8> = self.places.iter().flatten().flat_map(|place| place.to_le_bytes()).collect();
        e.array(4)?.bytes(&bytes)?.u32(self.begun)?.u32(self.most)?.u64(self.forgotten)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Acquaintances {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, Error> {
        if d.array()? != Some(4) {
            return Err(Error::message("no memory of pairs"));
        }
        let bytes: ByteVec = Decode::decode(d, context)?;
        let (begun, most, forgotten) = (d.u32()?, d.u32()?, d.u64()?);
        let (words, rest) = bytes.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let (places, partial) = words.as_chunks::<WAYS>();
        let is_of_size = places.len().is_power_of_two()
            && (begun..=most).contains(&places.len().ilog2())
            && most - begun <= DOUBLINGS;
        if !rest.is_empty() || !partial.is_empty() || !is_of_size {
            return Err(Error::message("a memory of pairs of a wrong size"));
        }
        let held = words.iter().filter(|place| **place != 0).count();
        Ok(Self { places: places.to_vec(), begun, most, held, forgotten })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Key;

    fn pair(number: u64) -> u64 {
        Key::new([9; 16]).exact(&number.to_le_bytes())
    }

    #[test]
    fn a_pair_is_a_stranger_once_and_again_after_90_days() {
        let mut pairs = Acquaintances::new(1 << 10);
        assert!(!pairs.meet(pair(1), 20_000));
        assert!(pairs.meet(pair(1), 20_090));
        assert!(!pairs.meet(pair(1), 20_181));
        assert!(pairs.meet(pair(1), 20_000), "a clock that goes back");
    }

    #[test]
    fn few_strangers_are_taken_for_known_and_few_known_are_forgotten_while_it_grows() {
        let mut pairs = Acquaintances::new(1 << 16);
        assert_eq!(pairs.places.len() * WAYS, 1 << 12);
        let known = (0..30_000).filter(|number| pairs.meet(pair(*number), 20_000)).count();
        assert_eq!(pairs.places.len() * WAYS, 1 << 16);
        assert!(known < 15, "{known}");
        let forgotten = (0..30_000).filter(|number| !pairs.meet(pair(*number), 20_001)).count();
        assert!(forgotten < 600, "{forgotten}");
    }

    #[test]
    fn a_full_memory_counts_what_it_forgets_and_grows_no_more() {
        let mut pairs = Acquaintances::new(16);
        (0..40).for_each(|number| _ = pairs.meet(pair(number), 20_000));
        assert_eq!(pairs.forgotten, 24);
        let mut pairs = Acquaintances::new(1 << 10);
        (0..10_000).for_each(|number| _ = pairs.meet(pair(number), 20_000));
        assert_eq!((pairs.places.len() * WAYS, pairs.held), (1 << 10, 1 << 10));
    }

    #[test]
    fn it_is_read_back() {
        let mut pairs = Acquaintances::new(1 << 10);
        (0..700).for_each(|number| _ = pairs.meet(pair(number), 20_000));
        let bytes = minicbor::to_vec(&pairs).unwrap();
        let back: Acquaintances = minicbor::decode(&bytes).unwrap();
        assert_eq!((back.places, back.held), (pairs.places, pairs.held));
        assert!(minicbor::decode::<Acquaintances>(&minicbor::to_vec((vec![1u8], 0, 0, 0)).unwrap()).is_err());
    }
}
