//! How a client speaks its protocols, told by its software's habits and not by what it had to say.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a digest that stand in a hash: enough to tell millions of dialects apart.
const DIGITS: usize = 16;

/// The dialect of one connection. Its text is made by `decoy`; the reference page of dialects tells every feature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Dialect {
    /// The features in words. It starts with its version and a blank: texts of two versions do not compare.
    #[n(0)]
    pub text: String,
    /// Whether a mail command, or a message, arrived together with a command before it, which therefore was not answered
    /// yet. Not part of the text, since the network may part what a client wrote at once.
    #[n(1)]
    pub pipelined: bool,
}

impl Dialect {
    /// The version and a digest of the text: `d1:` and 16 hexadecimal digits.
    pub fn hash(&self) -> String {
        let version = self.text.split(' ').next().unwrap_or_default();
        let digest = Sha256::digest(self.text.as_bytes());
        let digits = crate::sha256_hex(&digest.into());
        format!("{version}:{}", &digits[..DIGITS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_names_its_version_and_is_that_of_the_text_alone() {
        let dialect = Dialect { text: "d1 SMTP order:QUIT".into(), pipelined: false };
        // printf 'd1 SMTP order:QUIT' | sha256sum
        assert_eq!(dialect.hash(), "d1:660d746205834668");
        assert_eq!(Dialect { pipelined: true, ..dialect.clone() }.hash(), dialect.hash());
        assert_ne!(Dialect { text: "d2 SMTP order:QUIT".into(), ..dialect.clone() }.hash()[3..], dialect.hash()[3..]);
    }
}
