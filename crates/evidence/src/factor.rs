//! The four factors of the experiment of 2011: what a listener offers its abusers, and what it refuses them.

use std::fmt;
use std::str::FromStr;

use minicbor::data::Type;
use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};

/// One factor. The number is the bit in [`Factors`]: never reuse or reorder one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Factor {
    RelayOnly = 0,
    RefuseListed = 1,
    LimitConnections = 2,
    ReleaseTests = 3,
}

impl Factor {
    pub const ALL: [Self; 4] = [Self::RelayOnly, Self::RefuseListed, Self::LimitConnections, Self::ReleaseTests];

    /// The name in records, columns, commands and URLs.
    pub const fn name(self) -> &'static str {
        self.describe().0
    }

    /// One sentence for people: what a listener does that has it.
    pub const fn doc(self) -> &'static str {
        self.describe().1
    }

    const fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::RelayOnly => ("relay-only", "speaks as an open mail relay alone, and no proxy"),
            Self::RefuseListed => ("refuse-listed", "refuses sources that are on a block list"),
            Self::LimitConnections => ("limit-connections", "lets each source have a few connections at once"),
            Self::ReleaseTests => ("release-tests", "is one whose test messages the collector may release"),
        }
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Factor {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|factor| factor.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{}` is none of {names}", crate::shown(name.as_bytes()))
        })
    }
}

/// The factors that are set. None is what sensors had that knew of no factors.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Factors(u8);

impl Factors {
    pub fn of(factors: impl IntoIterator<Item = Factor>) -> Self {
        factors.into_iter().fold(Self::default(), |set, factor| Self(set.0 | 1 << factor as u8))
    }

    pub fn contains(self, factor: Factor) -> bool {
        self.0 & (1 << factor as u8) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Factor> {
        Factor::ALL.into_iter().filter(move |factor| self.contains(*factor))
    }
}

impl fmt::Debug for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Factor::name)).finish()
    }
}

/// By hand, so that the empty set is not written, and read where nothing was.
impl<C> Encode<C> for Factors {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encoder.u8(self.0)?.ok()
    }

    fn is_nil(&self) -> bool {
        *self == Self::default()
    }
}

impl<'b, C> Decode<'b, C> for Factors {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        match decoder.datatype()? {
            Type::Null => decoder.null().map(|()| Self::default()),
            _ => Ok(Self(decoder.u8()?)),
        }
    }

    fn nil() -> Option<Self> {
        Some(Self::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_factor_has_its_own_bit_and_a_name_that_is_read_back() {
        for (index, factor) in Factor::ALL.into_iter().enumerate() {
            assert_eq!(factor as usize, index);
            assert_eq!(factor.name().parse(), Ok(factor));
            assert_eq!(Factors::of([factor]).iter().collect::<Vec<_>>(), [factor]);
        }
        assert_eq!(Factors::of(Factor::ALL).iter().collect::<Vec<_>>(), Factor::ALL);
        assert!("relay_only".parse::<Factor>().is_err());
    }
}
