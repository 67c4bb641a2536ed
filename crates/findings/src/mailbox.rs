//! Which of our recipients are real: those who get mail at least every second day. Spam to the others tells of a list that
//! was made, not met.
//!
//! One memory of a fixed size. A mailbox is a hash; when a neighbourhood is full, the one served longest ago makes room.

use minicbor::bytes::ByteVec;
use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};
use minicbor::{Decode, Encode};

use crate::pages::written;

const WAYS: usize = 8;

/// Of the last eight days, those on which a real mailbox gets mail.
const REAL: u32 = 4;

/// Days and tags of mailboxes: tag (24 bits, 0 where free), day (24 bits), the last 16 days as bits.
#[derive(Clone, Debug)]
pub(crate) struct Mailboxes {
    places: Vec<[u64; WAYS]>,
}

impl Mailboxes {
    /// Room for at least `mailboxes`; 8 bytes each.
    pub(crate) fn new(mailboxes: usize) -> Self {
        Self { places: written([0; WAYS], (mailboxes / WAYS).max(1).next_power_of_two()) }
    }

    /// A mailbox got mail that day.
    pub(crate) fn serve(&mut self, mailbox: u64, day: u32) {
        let tag = Self::tag(mailbox);
        let mask = self.places.len() - 1;
        let places = &mut self.places[mailbox as usize & mask];
        if let Some(place) = places.iter_mut().find(|place| **place >> 40 == tag) {
            let (seen, bits) = Self::parts(*place);
            let bits = Self::shifted(bits, day.saturating_sub(seen)) | 1;
            *place = tag << 40 | u64::from(day.max(seen) & 0xff_ffff) << 16 | u64::from(bits);
            return;
        }
        if let Some(place) = places.iter_mut().min_by_key(|place| Self::parts(**place).0) {
            *place = tag << 40 | u64::from(day & 0xff_ffff) << 16 | 1;
        }
    }

    pub(crate) fn is_real(&self, mailbox: u64, day: u32) -> bool {
        let tag = Self::tag(mailbox);
        let places = &self.places[mailbox as usize & (self.places.len() - 1)];
        places.iter().find(|place| **place >> 40 == tag).is_some_and(|place| {
            let (seen, bits) = Self::parts(*place);
            (Self::shifted(bits, day.saturating_sub(seen)) & 0xff).count_ones() >= REAL
        })
    }

    fn tag(mailbox: u64) -> u64 {
        (mailbox >> 40).max(1)
    }

    fn parts(place: u64) -> (u32, u16) {
        ((place >> 16) as u32 & 0xff_ffff, place as u16)
    }

    fn shifted(bits: u16, days: u32) -> u16 {
        if days >= 16 { 0 } else { bits << days }
    }
}

impl<C> Encode<C> for Mailboxes {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        let bytes: Vec<u8> = self.places.iter().flatten().flat_map(|place| place.to_le_bytes()).collect();
        e.bytes(&bytes)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Mailboxes {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, Error> {
        let bytes: ByteVec = Decode::decode(d, context)?;
        let (words, rest) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let (places, partial) = words.as_chunks::<WAYS>();
        if !rest.is_empty() || !partial.is_empty() || !places.len().is_power_of_two() {
            return Err(Error::message("a memory of mailboxes of a wrong size"));
        }
        Ok(Self { places: places.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_every_second_day_makes_a_mailbox_real_and_mail_once_a_week_does_not() {
        let mut mailboxes = Mailboxes::new(64);
        for day in 20_000..20_020 {
            if day % 2 == 0 {
                mailboxes.serve(1 << 40, day);
            }
            if day % 7 == 0 {
                mailboxes.serve(2 << 40, day);
            }
        }
        assert!(mailboxes.is_real(1 << 40, 20_019));
        assert!(!mailboxes.is_real(2 << 40, 20_019));
        assert!(!mailboxes.is_real(3 << 40, 20_019));
        assert!(!mailboxes.is_real(1 << 40, 20_040), "not any more");
        let bytes = minicbor::to_vec(&mailboxes).unwrap();
        assert_eq!(minicbor::decode::<Mailboxes>(&bytes).unwrap().places, mailboxes.places);
    }

    #[test]
    fn the_one_served_longest_ago_makes_room() {
        let mut mailboxes = Mailboxes::new(8);
        for mailbox in 1..=9u64 {
            mailboxes.serve(mailbox << 40, 20_000 + mailbox as u32);
        }
        assert!(!mailboxes.places[0].iter().any(|place| *place >> 40 == 1));
        assert!(mailboxes.places[0].iter().any(|place| *place >> 40 == 9));
    }
}
