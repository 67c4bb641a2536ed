//! What the collector found out about a message: whether it is a test of the sensor, and by what sign.
//!
//! Those who abuse relays and proxies send a message to themselves first, with the address of the machine in it, and use
//! the machine only when it arrives. Such a message is a test; [`Probe`] tells what gave it away.

use std::fmt;
use std::net::IpAddr;

/// What the collector says of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What makes it a test; `None` for everything else.
    pub probe: Option<Probe>,
    /// The messages of the same connection before it that are tests. A message is the first of its connection that is
    /// none when its ordinal is this number.
    pub tests_before: u32,
}

/// What makes a message a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub sign: Sign,
    pub place: Place,
    /// The sensor's own address that was found; `None` for [`Sign::Dropbox`] and [`Sign::Tester`].
    pub address: Option<IpAddr>,
    /// The sensor's port, where it stands beside the address.
    pub port: Option<u16>,
    /// What stands behind address and port: a counter of the tester, as far as is known.
    pub index: Option<String>,
    /// The bytes in which the sign was found, as they stood.
    pub token: Vec<u8>,
    /// The program or service that tests so, where it is known.
    pub tester: Option<String>,
    pub strength: Strength,
}

/// How the sensor's address was written, or what else gave the message away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// `198.51.100.7`
    Dotted,
    /// `198.051.100.007`
    Padded,
    /// `198-51-100-7` or `198_51_100_7`
    Dashed,
    /// Numbers with blanks or line ends between them.
    Spaced,
    /// The bytes backwards: `7.100.51.198`.
    Reversed,
    /// In hexadecimal: `C6336407`, `0xc6336407`, `c6.33.64.07`.
    Hexadecimal,
    /// In hexadecimal behind one more digit: `1C6336407`.
    PrefixedHexadecimal,
    /// In hexadecimal, the bytes backwards: `076433C6`.
    ReversedHexadecimal,
    /// As one number: `3325256711`.
    Decimal,
    /// In octal: `030614662007`, `0306.063.0144.07`.
    Octal,
    /// An IPv6 address with all its groups.
    Full,
    /// An IPv6 address with `::`.
    Compressed,
    /// The digits of an IPv6 address, backwards, with dots, as in `ip6.arpa`.
    Nibbles,
    /// One of the above, cut by the end of a line.
    Split,
    /// One of the above, in base64.
    Base64,
    /// A recipient of tests that came before.
    Dropbox,
    /// What a known tester writes.
    Tester,
}

impl Sign {
    pub const ALL: [Self; 17] = [
        Self::Dotted,
        Self::Padded,
        Self::Dashed,
        Self::Spaced,
        Self::Reversed,
        Self::Hexadecimal,
        Self::PrefixedHexadecimal,
        Self::ReversedHexadecimal,
        Self::Decimal,
        Self::Octal,
        Self::Full,
        Self::Compressed,
        Self::Nibbles,
        Self::Split,
        Self::Base64,
        Self::Dropbox,
        Self::Tester,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Dotted => "dotted",
            Self::Padded => "padded",
            Self::Dashed => "dashed",
            Self::Spaced => "spaced",
            Self::Reversed => "reversed",
            Self::Hexadecimal => "hex",
            Self::PrefixedHexadecimal => "prefixed-hex",
            Self::ReversedHexadecimal => "reversed-hex",
            Self::Decimal => "decimal",
            Self::Octal => "octal",
            Self::Full => "full",
            Self::Compressed => "compressed",
            Self::Nibbles => "nibbles",
            Self::Split => "split",
            Self::Base64 => "base64",
            Self::Dropbox => "drop-box",
            Self::Tester => "tester",
        }
    }
}

/// Where in a message a sign was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Helo,
    Sender,
    Recipient,
    Subject,
    MessageId,
    /// Another header.
    Header,
    Body,
}

impl Place {
    pub const ALL: [Self; 7] =
        [Self::Helo, Self::Sender, Self::Recipient, Self::Subject, Self::MessageId, Self::Header, Self::Body];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Helo => "helo",
            Self::Sender => "mail-from",
            Self::Recipient => "rcpt-to",
            Self::Subject => "subject",
            Self::MessageId => "message-id",
            Self::Header => "header",
            Self::Body => "body",
        }
    }
}

/// How far a sign can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Enough to count the message as a test, not to send it on.
    Weak,
    /// Nothing but a test is known to look so.
    Strong,
}

impl Strength {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Strong => "strong",
        }
    }
}

impl Verdict {
    /// The class of the message: `test` or `spam`.
    pub const fn class(&self) -> &'static str {
        if self.probe.is_some() { Self::TEST } else { "spam" }
    }

    /// The class of tests.
    pub const TEST: &str = "test";
}

/// The reason in words, without the address.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sign {
            Sign::Dropbox => write!(f, "sent to a drop-box of earlier tests")?,
            Sign::Tester => write!(f, "written as a tester writes, in {}", self.place.name())?,
            sign => write!(f, "the sensor's address in {}, {}", self.place.name(), sign.name())?,
        }
        if self.port.is_some() {
            f.write_str(", its port beside it")?;
        }
        match &self.tester {
            Some(tester) => write!(f, ", as {tester} does"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = Sign::ALL.map(Sign::name).into_iter().collect();
        assert_eq!(names.len(), Sign::ALL.len());
        let names: std::collections::BTreeSet<_> = Place::ALL.map(Place::name).into_iter().collect();
        assert_eq!(names.len(), Place::ALL.len());
    }

    #[test]
    fn a_reason_can_be_read_and_does_not_tell_the_address() {
        let probe = Probe {
            sign: Sign::PrefixedHexadecimal,
            place: Place::Body,
            address: Some([217, 128, 138, 253].into()),
            port: Some(8080),
            index: Some("6".into()),
            token: b"1D9808AFD".to_vec(),
            tester: None,
            strength: Strength::Strong,
        };
        assert_eq!(probe.to_string(), "the sensor's address in body, prefixed-hex, its port beside it");
    }
}
