//! Names as numbers: what a peer wrote, hashed with a key, so that sets of names take little memory.
//!
//! The key matters: peers choose the names, and must not be able to choose which of them collide. The function
//! (SipHash-1-3) is fixed, because its numbers are kept over restarts.

use minicbor::{Decode, Encode};
use siphasher::sip::SipHasher13;

/// Longest name that is told apart to its end. Of a longer one the rest counts by its length alone.
pub const LONGEST_NAME: usize = 256;

/// Nearly all names are at most as long; those are made lower case in a smaller room.
const SHORT_NAME: usize = 64;

/// The key of one installation: any 16 bytes that peers do not know. It must not change while state is kept.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Key(#[n(0)] [u64; 2]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    pub fn new(bytes: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(bytes);
        Self([number as u64, (number >> 64) as u64])
    }

    /// The number of a name, whatever the case of its letters.
    pub(crate) fn name(&self, bytes: &[u8]) -> u64 {
        if bytes.len() <= SHORT_NAME {
            let mut lower = [0; SHORT_NAME];
            lower[..bytes.len()].copy_from_slice(bytes);
            lower.make_ascii_lowercase();
            return self.exact(&lower[..bytes.len()]);
        }
        self.long_name(bytes)
    }

    fn long_name(&self, bytes: &[u8]) -> u64 {
        let mut lower = [0; LONGEST_NAME + 8];
        let kept = bytes.len().min(LONGEST_NAME);
        for (to, from) in lower.iter_mut().zip(&bytes[..kept]) {
            *to = from.to_ascii_lowercase();
        }
        if bytes.len() <= LONGEST_NAME {
            return self.exact(&lower[..kept]);
        }
        lower[kept..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.exact(&lower)
    }

    /// The number of these bytes.
    pub(crate) fn exact(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.0[0], self.0[1]).hash(bytes)
    }
}

/// The number of two things together. Its arguments are keyed numbers, so that mixing them needs no key.
pub(crate) fn both(one: u64, other: u64) -> u64 {
    let product = u128::from(one ^ 0x9e37_79b9_7f4a_7c15) * u128::from(other | 1);
    ((product >> 64) as u64) ^ (product as u64) ^ other.rotate_left(17)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_letters_does_not_matter_and_the_key_does() {
        let key = Key::new([7; 16]);
        assert_eq!(key.name(b"User@Example.COM"), key.name(b"user@example.com"));
        assert_ne!(key.name(b"user@example.com"), key.name(b"user@example.org"));
        assert_ne!(key.name(b"user@example.com"), Key::new([8; 16]).name(b"user@example.com"));
    }

    #[test]
    fn numbers_are_those_of_earlier_runs() {
        // The first vector of the function's authors.
        let key = Key::new(std::array::from_fn(|byte| byte as u8));
        assert_eq!(key.exact(b""), 0xabac_0158_050f_c4dc);
    }

    #[test]
    fn long_names_differ_by_their_length() {
        let key = Key::new([7; 16]);
        assert_eq!(key.name(&[b'a'; 300]), key.name(&[b'A'; 300]));
        assert_ne!(key.name(&[b'a'; 300]), key.name(&[b'a'; 301]));
    }

    #[test]
    fn the_order_of_a_pair_matters() {
        assert_ne!(both(1, 2), both(2, 1));
        assert_ne!(both(0, 0), both(0, 1));
    }
}
