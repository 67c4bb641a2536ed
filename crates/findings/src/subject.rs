//! Of whom findings speak: a customer by account or by address, a remote machine, the server itself.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use evidence::Shown;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::hash::Key;

/// Of whom a finding speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Subject {
    /// A customer who logged in, or a local user of the server; in lower case.
    #[n(0)]
    Account(#[n(0)] ByteVec),
    /// A customer without an account, by address.
    #[n(1)]
    Customer(#[n(0)] Machine),
    /// A machine of others.
    #[n(2)]
    Remote(#[n(0)] Machine),
    /// The mail server itself.
    #[n(3)]
    Server,
}

/// A machine: an IPv4 address, or the /64 of an IPv6 address, since a machine has all addresses of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Machine(IpAddr);

impl Machine {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) => Self(v4),
            IpAddr::V6(v6) => Self(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64))),
        }
    }

    /// Its address; of IPv6 the first of its /64.
    pub fn address(self) -> IpAddr {
        self.0
    }

    /// The network that stands for its provider where nothing better is known: /16, or /32 of IPv6.
    pub(crate) fn neighbourhood(self) -> u64 {
        match self.0 {
            IpAddr::V4(v4) => u64::from(v4.to_bits() >> 16),
            IpAddr::V6(v6) => (v6.to_bits() >> 96) as u64 | 1 << 40,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

impl<C> Encode<C> for Machine {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self.0 {
            IpAddr::V4(v4) => e.bytes(&v4.octets())?.ok(),
            IpAddr::V6(v6) => e.bytes(&v6.octets())?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Machine {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?;
        if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
            return Ok(Self::of(IpAddr::from(v4)));
        }
        let v6 = <[u8; 16]>::try_from(bytes).map_err(|_| minicbor::decode::Error::message("no address"))?;
        Ok(Self::of(IpAddr::from(v6)))
    }
}

impl Subject {
    /// A customer by account.
    pub fn account(name: &[u8]) -> Self {
        Self::Account(ByteVec::from(name.to_ascii_lowercase()))
    }

    /// Whether this is a customer of ours.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Account(_) | Self::Customer(_))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => Shown(name).fmt(f),
            Self::Customer(machine) | Self::Remote(machine) => machine.fmt(f),
            Self::Server => f.write_str("the server"),
        }
    }
}

/// A subject as a happening names it: without a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party<'a> {
    Account(&'a [u8]),
    Customer(Machine),
    Remote(Machine),
    Server,
}

impl Party<'_> {
    pub(crate) fn number(&self, key: &Key) -> u64 {
        let tagged = |tag: u64, number: u64| crate::hash::both(number, tag);
        match self {
            Self::Account(name) => tagged(1, key.name(name)),
            Self::Customer(machine) => tagged(2, machine.number(key)),
            Self::Remote(machine) => tagged(3, machine.number(key)),
            Self::Server => tagged(4, 0),
        }
    }

    /// Whether a subject is this party.
    pub(crate) fn is(&self, subject: &Subject) -> bool {
        match (self, subject) {
            (Self::Account(name), Subject::Account(known)) => name.eq_ignore_ascii_case(known),
            (Self::Customer(machine), Subject::Customer(known)) | (Self::Remote(machine), Subject::Remote(known)) => {
                machine == known
            }
            (Self::Server, Subject::Server) => true,
            _ => false,
        }
    }

    pub(crate) fn to_subject(self) -> Subject {
        match self {
            Self::Account(name) => Subject::account(name),
            Self::Customer(machine) => Subject::Customer(machine),
            Self::Remote(machine) => Subject::Remote(machine),
            Self::Server => Subject::Server,
        }
    }
}

impl Machine {
    pub(crate) fn number(self, key: &Key) -> u64 {
        match self.0 {
            IpAddr::V4(v4) => key.exact(&v4.octets()),
            IpAddr::V6(v6) => key.exact(&v6.octets()[..8]),
        }
    }
}

impl Subject {
    pub(crate) fn number(&self, key: &Key) -> u64 {
        match self {
            Self::Account(name) => Party::Account(name),
            Self::Customer(machine) => Party::Customer(*machine),
            Self::Remote(machine) => Party::Remote(*machine),
            Self::Server => Party::Server,
        }
        .number(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_an_ipv4_address_or_a_64_of_ipv6() {
        let machine = |text: &str| Machine::of(text.parse().unwrap());
        assert_eq!(machine("2001:db8:1:2:3::4").to_string(), "2001:db8:1:2::/64");
        assert_eq!(machine("2001:db8:1:2::9"), machine("2001:db8:1:2:ffff::"));
        assert_eq!(machine("::ffff:192.0.2.7"), machine("192.0.2.7"));
        assert_eq!(machine("192.0.2.7").to_string(), "192.0.2.7");
    }

    #[test]
    fn a_subject_is_read_back_and_has_the_number_of_its_party() {
        let key = Key::new([3; 16]);
        let machine = Machine::of("192.0.2.7".parse().unwrap());
        for (party, text) in [
            (Party::Account(b"Ann@Example.com"), "ann@example.com"),
            (Party::Customer(machine), "192.0.2.7"),
            (Party::Remote(machine), "192.0.2.7"),
            (Party::Account(b"a\x1b[31m"), "a\\x1B[31m"),
        ] {
            let subject = party.to_subject();
            assert_eq!(subject.to_string(), text);
            assert_eq!(subject.number(&key), party.number(&key));
            assert!(party.is(&subject) && !Party::Server.is(&subject));
            let bytes = minicbor::to_vec(&subject).unwrap();
            assert_eq!(minicbor::decode::<Subject>(&bytes).unwrap(), subject);
        }
        assert_ne!(Party::Customer(machine).number(&key), Party::Remote(machine).number(&key));
    }
}
