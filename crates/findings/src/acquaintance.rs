//! Who has written to whom: one memory for all customers, of a fixed size.
//!
//! It holds hashes of pairs, not names. A pair that is looked up and was never seen is taken for known once in some 8000
//! times. When a neighbourhood of the memory is full, the pair seen longest ago makes room; `forgotten` counts those that
//! were seen within 90 days.

use minicbor::bytes::ByteVec;
use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};
use minicbor::{Decode, Encode};

/// Pairs of one neighbourhood, which is one line of the processor's cache.
const WAYS: usize = 16;

/// Days after which a pair is not known any more.
pub const PAIR_DAYS: u16 = 90;

/// Which pairs were seen, and on which day last.
#[derive(Clone, Debug)]
pub(crate) struct Acquaintances {
    /// Tag (16 bits, 0 where free) and day (16 bits).
    places: Vec<[u32; WAYS]>,
    pub(crate) forgotten: u64,
}

impl Acquaintances {
    /// Room for at least `pairs`; 4 bytes each.
    pub(crate) fn new(pairs: usize) -> Self {
        Self { places: vec![[0; WAYS]; (pairs / WAYS).max(1).next_power_of_two()], forgotten: 0 }
    }

    /// Whether the pair is known. It is from now on.
    pub(crate) fn meet(&mut self, pair: u64, day: u32) -> bool {
        let mask = self.places.len() - 1;
        let places = &mut self.places[pair as usize & mask];
        let tag = ((pair >> 48) as u32).max(1) << 16;
        let today = day & 0xffff;
        let age = |place: u32| (today as u16).wrapping_sub(place as u16);
        if let Some(place) = places.iter_mut().find(|place| **place & 0xffff_0000 == tag) {
            // A day that lies ahead is of a clock that was set back.
            let known = age(*place) <= PAIR_DAYS || age(*place) > u16::MAX / 2;
            *place = tag | today;
            return known;
        }
        let oldest = |place: &&mut u32| if **place == 0 { u32::MAX } else { u32::from(age(**place)) };
        if let Some(place) = places.iter_mut().max_by_key(oldest) {
            if *place != 0 && age(*place) <= PAIR_DAYS {
                self.forgotten += 1;
            }
            *place = tag | today;
        }
        false
    }
}

impl<C> Encode<C> for Acquaintances {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        let bytes: Vec<u8> = self.places.iter().flatten().flat_map(|place| place.to_le_bytes()).collect();
        e.array(2)?.bytes(&bytes)?.u64(self.forgotten)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Acquaintances {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, Error> {
        if d.array()? != Some(2) {
            return Err(Error::message("no memory of pairs"));
        }
        let bytes: ByteVec = Decode::decode(d, context)?;
        let forgotten = d.u64()?;
        let (words, rest) = bytes.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let (places, partial) = words.as_chunks::<WAYS>();
        if !rest.is_empty() || !partial.is_empty() || !places.len().is_power_of_two() {
            return Err(Error::message("a memory of pairs of a wrong size"));
        }
        Ok(Self { places: places.to_vec(), forgotten })
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
    fn few_strangers_are_taken_for_known_and_few_known_are_forgotten() {
        let mut pairs = Acquaintances::new(1 << 16);
        let known = (0..30_000).filter(|number| pairs.meet(pair(*number), 20_000)).count();
        assert!(known < 10, "{known}");
        assert!((0..30_000).filter(|number| !pairs.meet(pair(*number), 20_001)).count() < 300);
        assert!(pairs.forgotten < 600, "{}", pairs.forgotten);
    }

    #[test]
    fn a_full_memory_counts_what_it_forgets() {
        let mut pairs = Acquaintances::new(16);
        (0..40).for_each(|number| _ = pairs.meet(pair(number), 20_000));
        assert_eq!(pairs.forgotten, 24);
    }

    #[test]
    fn it_is_read_back() {
        let mut pairs = Acquaintances::new(64);
        pairs.meet(pair(1), 20_000);
        let bytes = minicbor::to_vec(&pairs).unwrap();
        let back: Acquaintances = minicbor::decode(&bytes).unwrap();
        assert_eq!(back.places, pairs.places);
        assert!(minicbor::decode::<Acquaintances>(&minicbor::to_vec((vec![1u8], 0)).unwrap()).is_err());
    }
}
