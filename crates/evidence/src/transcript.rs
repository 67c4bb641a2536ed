//! What a peer sent, byte for byte, with the times at which it came. Passwords are blotted out: a login has them.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// One arrival.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Turn {
    /// Bytes, `at` microseconds after the connection was accepted.
    #[n(0)]
    Bytes {
        #[n(0)]
        at: u64,
        #[n(1)]
        bytes: ByteVec,
    },
    /// `length` bytes on the wire that went into the body of the message with this ordinal, which is kept apart.
    #[n(1)]
    Body {
        #[n(0)]
        at: u64,
        #[n(1)]
        message: u32,
        #[n(2)]
        length: u64,
    },
}

/// Everything a peer sent, up to a cap. Of passwords that were offered each byte is `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Transcript {
    #[n(0)]
    pub turns: Vec<Turn>,
    /// Bytes that are not here: those beyond the cap, and the bodies of messages that were refused.
    #[n(1)]
    pub cut: u64,
}

impl Transcript {
    /// The bytes kept, bodies left out.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for turn in &self.turns {
            if let Turn::Bytes { bytes, .. } = turn {
                all.extend_from_slice(bytes);
            }
        }
        all
    }

    /// Everything that came on the wire: bytes kept, bodies, and what was cut.
    pub fn length(&self) -> u64 {
        let kept: u64 = self
            .turns
            .iter()
            .map(|turn| match turn {
                Turn::Bytes { bytes, .. } => bytes.len() as u64,
                Turn::Body { length, .. } => *length,
            })
            .sum();
        kept + self.cut
    }
}
