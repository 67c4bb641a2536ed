//! The networks behind the ports of the exchange point: AS, country, addresses.
//!
//! All addresses are of the shared space (100.64.0.0/10) and of the documentation's 2001:db8::/32, all AS numbers of those for
//! private use, so that nobody in the world is ever accused.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::chance::Chance;

/// The first AS number, and how many of them there are: those of 16 bits for private use.
const FIRST_AS: u32 = 64_512;
pub(crate) const MOST_NETWORKS: usize = 1022;

/// The AS of the exchange point itself.
pub(crate) const EXCHANGE_AS: u32 = 64_500;

const SPACE: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 0);
const SPACE_LENGTH: u32 = 1 << 22;

/// A country, with how far its clocks are ahead of UTC in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Country {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) ahead: i32,
}

/// All countries; those in front have more networks.
pub(crate) const COUNTRIES: [Country; 24] = {
    const fn of(code: &'static str, name: &'static str, ahead: i32) -> Country {
        Country { code, name, ahead }
    }
    [
        of("GB", "UK", 0),
        of("US", "USA", -300),
        of("DE", "Germany", 60),
        of("FR", "France", 60),
        of("TR", "Turkey", 120),
        of("KR", "Korea", 540),
        of("ES", "Spain", 60),
        of("IN", "India", 330),
        of("CN", "China", 480),
        of("IT", "Italy", 60),
        of("BR", "Brazil", -180),
        of("NL", "Netherlands", 60),
        of("RU", "Russia", 180),
        of("PL", "Poland", 60),
        of("JP", "Japan", 540),
        of("PT", "Portugal", 0),
        of("IE", "Ireland", 0),
        of("IL", "Israel", 120),
        of("MY", "Malaysia", 480),
        of("VN", "Vietnam", 420),
        of("ZA", "Africa", 120),
        of("AE", "Middle East", 240),
        of("EU", "Europe", 60),
        of("AU", "Australia", 600),
    ]
};

/// A network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) asn: u32,
    pub(crate) country: Country,
    /// The first address of its prefix, and how many there are: a power of two.
    first: u32,
    size: u32,
    /// The port of the exchange point that it is behind, and the AS whose port that is.
    pub(crate) port: u16,
    pub(crate) member: u32,
}

impl Network {
    /// One of its addresses, another one for each number below what it was made for.
    pub(crate) fn address(&self, number: u32) -> IpAddr {
        let scattered = number.wrapping_mul(0x9e37_79b1).wrapping_add(self.asn.wrapping_mul(0x85eb_ca6b));
        Ipv4Addr::from(self.first + (scattered & (self.size - 1))).into()
    }

    pub(crate) fn address_6(&self, number: u32) -> IpAddr {
        let [high, low] = [(number >> 16) as u16, number as u16];
        Ipv6Addr::new(0x2001, 0xdb8, self.asn as u16, 0, 0, 0, high, low.wrapping_add(1)).into()
    }

    fn last(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.first + self.size - 1)
    }

    pub(crate) fn name(&self) -> String {
        format!("LAB-{}-{}", self.country.code, self.asn)
    }

    /// How late it is there: hours since the midnight before the start, which is a Monday's, of this many minutes after it.
    pub(crate) fn clock(&self, minutes: i64) -> i64 {
        (minutes + i64::from(self.country.ahead)).div_euclid(60)
    }
}

/// Makes networks one after another, and gives out their addresses.
pub(crate) struct Registry {
    next: u32,
    ports: u16,
    pub(crate) networks: Vec<Network>,
}

impl Registry {
    pub(crate) fn new(ports: u16) -> Self {
        Self { next: 0, ports, networks: Vec::new() }
    }

    /// One more network with room for so many hosts.
    ///
    /// # Panics
    /// When there are more hosts than the space has room for: the bounds of the models see to it.
    pub(crate) fn add(&mut self, country: Country, hosts: u32) {
        let number = self.networks.len();
        let size = (hosts + hosts / 4).next_power_of_two().max(256);
        let first = self.next.next_multiple_of(size);
        assert!(number < MOST_NETWORKS && first + size <= SPACE_LENGTH, "more than the space has room for");
        self.next = first + size;
        let port = (number % usize::from(self.ports)) as u16;
        self.networks.push(Network {
            asn: FIRST_AS + number as u32,
            country,
            first: u32::from(SPACE) + first,
            size,
            port,
            member: FIRST_AS + u32::from(port),
        });
    }

    /// Any of the countries, those in front more often.
    pub(crate) fn country(chance: &mut Chance) -> Country {
        COUNTRIES[(chance.unit() * chance.unit() * COUNTRIES.len() as f64) as usize]
    }
}

/// Tables of these networks in the forms that are published: prefixes with AS, names of ASes, countries of addresses.
pub(crate) fn tables(networks: &[Network]) -> [(&'static str, String); 3] {
    let [mut prefixes, mut names, mut countries] = [const { String::new() }; 3];
    for network in networks {
        let (first, asn, code) = (Ipv4Addr::from(network.first), network.asn, network.country.code);
        let length = 32 - network.size.ilog2();
        let six = Ipv6Addr::new(0x2001, 0xdb8, asn as u16, 0, 0, 0, 0, 0);
        let last_six = Ipv6Addr::new(0x2001, 0xdb8, asn as u16, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff);
        _ = writeln!(prefixes, "{first}/{length}\t{asn}\n{six}/48\t{asn}");
        _ = writeln!(names, "AS{asn} {} - Laboratory network, {code}", network.name());
        _ = writeln!(countries, "{first},{},{code}\n{six},{last_six},{code}", network.last());
    }
    [("prefixes", prefixes), ("as-names", names), ("countries", countries)]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_host_of_a_network_has_an_address_of_its_own_within_it() {
        let mut registry = Registry::new(4);
        [300, 1000, 60_000].into_iter().for_each(|hosts| registry.add(COUNTRIES[0], hosts));
        let all: Vec<_> = registry.networks.iter().zip([300, 1000, 60_000]).collect();
        let mut seen = HashSet::new();
        for (network, hosts) in all {
            for number in 0..hosts {
                let IpAddr::V4(address) = network.address(number) else { panic!() };
                let inside = (network.first..network.first + network.size).contains(&u32::from(address));
                assert!(inside && seen.insert(address));
            }
        }
    }
}
