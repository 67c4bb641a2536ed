//! Oddities of a SYN that systems differ in, under the names that p0f gave them.

use std::fmt;
use std::str::FromStr;

/// One oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// Don't Fragment is set.
    Df,
    /// Don't Fragment is set, and the identification is not zero.
    IdWithDf,
    /// Don't Fragment is not set, and the identification is zero.
    ZeroId,
    /// Explicit congestion notification is offered.
    Ecn,
    /// The reserved bit of the IPv4 flags is set.
    Reserved,
    /// The IPv6 flow label is not zero.
    Flow,
    /// The sequence number is zero.
    ZeroSequence,
    /// The acknowledgement number is not zero, though nothing is acknowledged.
    Acknowledgement,
    /// The acknowledgement number is zero, though something is acknowledged. No SYN has it; signatures may.
    ZeroAcknowledgement,
    /// The urgent pointer is not zero, though nothing is urgent.
    UrgentPointer,
    Urgent,
    Push,
    /// The own timestamp is zero.
    ZeroTimestamp,
    /// The peer's timestamp is not zero, though the peer has not spoken.
    PeerTimestamp,
    /// Bytes behind the end of the options are not zero.
    Padding,
    /// The window scale is larger than 14.
    Scale,
    /// The options cannot be read to their end.
    Malformed,
}

impl Quirk {
    /// In the order in which signatures name them.
    pub const ALL: [Self; 17] = [
        Self::Df,
        Self::IdWithDf,
        Self::ZeroId,
        Self::Ecn,
        Self::Reserved,
        Self::Flow,
        Self::ZeroSequence,
        Self::Acknowledgement,
        Self::ZeroAcknowledgement,
        Self::UrgentPointer,
        Self::Urgent,
        Self::Push,
        Self::ZeroTimestamp,
        Self::PeerTimestamp,
        Self::Padding,
        Self::Scale,
        Self::Malformed,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Df => "df",
            Self::IdWithDf => "id+",
            Self::ZeroId => "id-",
            Self::Ecn => "ecn",
            Self::Reserved => "0+",
            Self::Flow => "flow",
            Self::ZeroSequence => "seq-",
            Self::Acknowledgement => "ack+",
            Self::ZeroAcknowledgement => "ack-",
            Self::UrgentPointer => "uptr+",
            Self::Urgent => "urgf+",
            Self::Push => "pushf+",
            Self::ZeroTimestamp => "ts1-",
            Self::PeerTimestamp => "ts2+",
            Self::Padding => "opt+",
            Self::Scale => "exws",
            Self::Malformed => "bad",
        }
    }
}

/// A set of oddities. Its text is their names with commas between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u32);

impl Quirks {
    pub const fn of(quirks: &[Quirk]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < quirks.len() {
            bits |= 1 << quirks[index] as u32;
            index += 1;
        }
        Self(bits)
    }

    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u32) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn note(&mut self, quirk: Quirk, seen: bool) {
        self.0 |= u32::from(seen) << quirk as u32;
    }

    /// These without the others.
    pub(crate) const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

impl fmt::Display for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for quirk in Quirk::ALL.into_iter().filter(|quirk| self.has(*quirk)) {
            write!(f, "{comma}{}", quirk.name())?;
            comma = ",";
        }
        Ok(())
    }
}

impl FromStr for Quirks {
    type Err = ();

    fn from_str(names: &str) -> Result<Self, ()> {
        let mut quirks = Self::default();
        for name in names.split(',').filter(|_| !names.is_empty()) {
            quirks.note(Quirk::ALL.into_iter().find(|quirk| quirk.name() == name).ok_or(())?, true);
        }
        Ok(quirks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_is_read_by_its_name_and_no_other_is() {
        assert_eq!("".parse(), Ok(Quirks::default()));
        for quirk in Quirk::ALL {
            assert_eq!(quirk.name().parse(), Ok(Quirks::of(&[quirk])));
        }
        assert_eq!("df,id+".parse::<Quirks>().unwrap().to_string(), "df,id+");
        for wrong in ["df,", ",df", "id", "df;id+"] {
            assert!(wrong.parse::<Quirks>().is_err(), "{wrong}");
        }
    }
}
