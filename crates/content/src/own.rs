//! The addresses by which a sensor can be recognised in a message.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The sensor's own addresses and port, as a peer knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    addresses: BTreeSet<IpAddr>,
    port: u16,
}

impl Own {
    /// Of the addresses only those count that are nobody else's: `127.0.0.1` and `192.168.0.1` stand in many messages.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>, port: u16) -> Self {
        let addresses =
            addresses.into_iter().map(|address| address.to_canonical()).filter(|ip| is_public(*ip)).collect();
        Self { addresses, port }
    }

    pub(crate) fn is(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address.to_canonical())
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

/// Whether an address can be that of one machine in the whole Internet. The networks of documentation count as such.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => is_public_four(four),
        IpAddr::V6(six) => is_public_six(six),
    }
}

fn is_public_four(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b); // RFC 6598
    !(a == 0
        || a >= 240
        || shared
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast())
}

fn is_public_six(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xE000 == 0x2000 // what is given out so far: 2000::/3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_many_machines_have_do_not_count() {
        for address in ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0"] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["::1", "fe80::1", "fd00::1", "ff02::1", "::", "::ffff:127.0.0.1", "224.0.0.1", "255.255.255.255"]
        {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        assert!(is_public("198.51.100.7".parse().unwrap()) && is_public("2001:db8::7".parse().unwrap()));
        assert!(Own::new(["::ffff:198.51.100.7".parse().unwrap()], 25).is("198.51.100.7".parse().unwrap()));
    }
}
