//! What is ours: networks of customers, our own machines, our own domains. It is configuration, made once and whole.
//!
//! It resolves nothing: what stands here is taken for true.

use std::net::IpAddr;
use std::str::FromStr;

use evidence::IpNet;
use maillog::Client;

use crate::subject::{Machine, Party, Subject};

/// What is ours. Every value of this type is usable: its parts are checked where they are made.
#[derive(Clone, Debug, Default)]
pub struct Site {
    customers: Ranges,
    machines: Ranges,
    domains: Vec<Domain>,
}

impl Site {
    /// `customers` hand in mail without an account; `machines` are our own servers and filters, of which mail that is
    /// handed on was judged before. Where both name an address, it is a customer's. `domains` are those that we take mail
    /// for.
    pub fn new(customers: &[IpNet], machines: &[IpNet], mut domains: Vec<Domain>) -> Self {
        domains.sort();
        domains.dedup();
        Self { customers: Ranges::new(customers), machines: Ranges::new(machines), domains }
    }

    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// Of whom findings on this client's mail speak.
    pub fn subject(&self, client: &Client<'_>) -> Option<Subject> {
        self.party(client).map(Party::to_subject)
    }

    /// Whose mail this is. An account counts before an address: it may be used from anywhere. `None` for what our own
    /// machines hand on among themselves: it was judged where it came in.
    pub(crate) fn party<'a>(&self, client: &Client<'a>) -> Option<Party<'a>> {
        if let Some(account) = client.account.filter(|account| !account.is_empty()) {
            return Some(Party::Account(account));
        }
        match client.address {
            Some(address) => self.machine(address),
            None => Some(Party::Server),
        }
    }

    /// Whose machine this is.
    pub(crate) fn machine(&self, address: IpAddr) -> Option<Party<'static>> {
        let address = address.to_canonical();
        if self.customers.contain(address) {
            Some(Party::Customer(Machine::of(address)))
        } else if self.machines.contain(address) || address.is_loopback() {
            None
        } else {
            Some(Party::Remote(Machine::of(address)))
        }
    }

    /// Whether a name is one of our domains, or a name in one.
    pub(crate) fn has_name(&self, name: &[u8]) -> bool {
        self.domains.iter().any(|domain| is_in(name, domain.0.as_bytes()))
    }
}

/// Whether a name is `domain` (in lower case) or ends in it after a dot.
pub(crate) fn is_in(name: &[u8], domain: &[u8]) -> bool {
    let Some(start) = name.len().checked_sub(domain.len()) else { return false };
    name[start..].eq_ignore_ascii_case(domain) && (start == 0 || name[start - 1] == b'.')
}

/// A domain as mail addresses have it: labels and dots, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Domain(Box<str>);

/// A text that is no domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a domain: write example.com")]
pub struct InvalidDomain(pub String);

impl FromStr for Domain {
    type Err = InvalidDomain;

    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        let invalid = || InvalidDomain(text.to_owned());
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte >= 0x80)
        };
        if name.len() > 253 || !name.contains('.') || !name.split('.').all(is_label) {
            return Err(invalid());
        }
        Ok(Self(name.into()))
    }
}

impl Domain {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Networks as ranges, without overlaps and in order.
#[derive(Clone, Debug, Default)]
struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    fn new(networks: &[IpNet]) -> Self {
        let mut ranges: Vec<_> =
            networks.iter().map(|network| (bits(network.network()), bits(network.broadcast()))).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    fn contain(&self, address: IpAddr) -> bool {
        let address = bits(address);
        let after = self.0.partition_point(|(first, _)| *first <= address);
        after > 0 && address <= self.0[after - 1].1
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client<'static> {
        Client { address: Some(address.parse().unwrap()), ..Client::default() }
    }

    fn site() -> Site {
        let net = |text: &str| text.parse().unwrap();
        Site::new(
            &[net("192.0.2.0/24"), net("192.0.2.128/25"), net("2001:db8:1::/48"), net("127.0.1.0/24")],
            &[net("198.51.100.0/28")],
            vec!["Example.com.".parse().unwrap(), "example.net".parse().unwrap()],
        )
    }

    #[test]
    fn accounts_come_before_addresses_and_customers_before_machines() {
        let site = site();
        let party = |address| site.party(&client(address));
        assert!(matches!(party("192.0.2.200"), Some(Party::Customer(_))));
        assert!(matches!(party("2001:db8:1:9::1"), Some(Party::Customer(_))));
        assert!(matches!(party("127.0.1.5"), Some(Party::Customer(_))));
        assert_eq!(party("127.0.0.1"), None);
        assert_eq!(party("198.51.100.3"), None);
        assert!(matches!(party("203.0.113.1"), Some(Party::Remote(_))));
        let account = Client { account: Some(b"ann"), ..client("203.0.113.1") };
        assert_eq!(site.party(&account), Some(Party::Account(b"ann")));
        assert_eq!(site.party(&Client::default()), Some(Party::Server));
    }

    #[test]
    fn a_name_in_our_domain_is_ours_and_one_that_only_ends_alike_is_not() {
        let site = site();
        for (name, ours) in
            [("example.com", true), ("MX.Example.com", true), ("notexample.com", false), ("com", false), ("", false)]
        {
            assert_eq!(site.has_name(name.as_bytes()), ours, "{name}");
        }
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for wrong in ["", "localhost", "a b.example", "a..example", "user@example.com", ".example.com"] {
            assert!(wrong.parse::<Domain>().is_err(), "{wrong}");
        }
    }
}
