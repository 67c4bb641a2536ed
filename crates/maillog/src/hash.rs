//! Hashes of short texts, made once when a line is read and used for every table. The seed is given by the caller: who does
//! not know it cannot make many texts with one hash. No cryptography.

const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash of the bytes and of what the seed stands for.
pub(crate) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ (bytes.len() as u64).wrapping_mul(ODD);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(fold(state ^ u64::from_le_bytes(last)) ^ seed)
}

/// One step: both halves of a product of 128 bits.
fn fold(value: u64) -> u64 {
    let product = u128::from(value ^ 0x2545_F491_4F6C_DD1D) * u128::from(0xD6E8_FEB8_6659_FD93_u64);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn short_texts_have_hashes_of_their_own_and_every_seed_others() {
        let texts = (0..50_000).map(|number| format!("{number:X}"));
        let hashes: HashSet<u64> =
            texts.clone().flat_map(|text| [hash(1, text.as_bytes()), hash(2, text.as_bytes())]).collect();
        assert_eq!(hashes.len(), 100_000);
        assert_ne!(hash(7, b"a"), hash(7, b"a\0"), "the length counts");
        let low: HashSet<u64> = texts.map(|text| hash(1, text.as_bytes()) & 0xFFFF).collect();
        assert!(low.len() > 30_000, "low bits differ: {}", low.len());
    }
}
