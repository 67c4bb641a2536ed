//! The secret that all sensors of one network share, from which they derive what each destination shows: the same at every
//! sensor, and nothing that anybody without the key could foretell.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The key of a network of sensors. It is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NetworkKey([u8; LENGTH]);

const LENGTH: usize = 32;

/// A text that is no network key.
#[derive(Debug, thiserror::Error)]
#[error("a network key is {} hexadecimal digits", 2 * LENGTH)]
pub struct BadNetworkKey;

impl NetworkKey {
    /// A key of these bytes.
    pub const fn new(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The key of a sensor that was given none: its own, and known to everybody who knows its name.
    pub fn of_name(name: &str) -> Self {
        Self(Sha256::new().chain_update(b"spamtrail network key\0").chain_update(name).finalize().into())
    }

    /// What a destination has for a purpose: HMAC-SHA256 of both. Different purposes tell nothing of each other.
    pub fn draw(&self, purpose: &str, destination: &[u8]) -> [u8; 32] {
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { unreachable!("HMAC takes keys of any length") };
        mac.chain_update(purpose).chain_update([0]).chain_update(destination).finalize().into_bytes().into()
    }
}

impl FromStr for NetworkKey {
    type Err = BadNetworkKey;

    /// Reads the hexadecimal digits of a key, blanks around them removed.
    fn from_str(text: &str) -> Result<Self, BadNetworkKey> {
        let digits = text.trim().as_bytes();
        let mut key = [0; LENGTH];
        if digits.len() != 2 * LENGTH {
            return Err(BadNetworkKey);
        }
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(BadNetworkKey);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self(key))
    }
}

impl fmt::Debug for NetworkKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("NetworkKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_hmac_sha256_of_purpose_and_destination() {
        // RFC 4231 has no key of this length; this value was computed with Python's hmac module.
        let key = NetworkKey::new([7; LENGTH]);
        let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(key.draw("name", b"192.0.2.1")), EXPECTED);
        assert_ne!(key.draw("name", b"192.0.2.1"), key.draw("delay", b"192.0.2.1"));
        assert_ne!(key.draw("name", b"192.0.2.1"), NetworkKey::of_name("XX-01").draw("name", b"192.0.2.1"));
    }

    const EXPECTED: &str = "6148dfbf05bbb916ddc62db57814a81470f30e054bfb32d1e8d007358ca505a6";

    #[test]
    fn a_key_is_read_from_hexadecimal_digits_and_never_printed() {
        let text = "0123456789abcdefABCDEF0123456789".repeat(2);
        let key: NetworkKey = format!(" {text}\n").parse().unwrap();
        assert_eq!(key.0[..4], [0x01, 0x23, 0x45, 0x67]);
        assert_eq!(format!("{key:?}"), "NetworkKey");
        for bad in ["", "00", &text[1..], &text.replace('0', "g"), &format!("{text}00")] {
            assert!(bad.parse::<NetworkKey>().is_err(), "{bad}");
        }
    }
}
