//! Names and addresses of the model: domains elsewhere, people, machines, networks.
//!
//! All addresses are reserved ones, so that no network of the world is ever accused: the provider and the servers that it
//! delivers to are in ranges for documentation, customers in those for benchmarks, everybody else in the shared space.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::chance::Chance;

/// The provider's server, its mailboxes, and its domain.
pub(crate) const SERVER: &str = "mail.provider.example";
pub(crate) const SERVER_4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 25);
pub(crate) const SERVER_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x25, 0, 0, 0, 0, 0x25);
pub(crate) const STORE: &str = "store.provider.example";
pub(crate) const STORE_4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 30);
pub(crate) const DOMAIN: &str = "provider.example";

/// The networks of customers.
pub(crate) const CUSTOMERS_4: &str = "198.18.0.0/15";
pub(crate) const CUSTOMERS_6: &str = "2001:db8:c000::/36";

/// Domains elsewhere, and the servers that take their mail.
pub(crate) const DOMAINS: usize = 400;
pub(crate) const EXCHANGERS: u8 = 24;

const FIRST: [&str; 40] = [
    "anna", "bruno", "carla", "david", "elena", "felix", "greta", "hugo", "ines", "jonas", "karin", "luis", "maria",
    "nils", "olga", "pedro", "rita", "simon", "tanja", "ulrich", "vera", "walter", "xenia", "yusuf", "zoe", "amir",
    "bea", "cem", "dora", "emil", "fatima", "georg", "hanna", "ivan", "julia", "kofi", "lea", "mika", "nora", "otto",
];
const LAST: [&str; 40] = [
    "adler", "berg", "costa", "diaz", "ebert", "frank", "garcia", "hansen", "ivanov", "jansen", "keller", "lopez",
    "meyer", "novak", "olsen", "pereira", "quinn", "rossi", "silva", "tanaka", "urban", "vogel", "weiss", "xu",
    "yilmaz", "ziegler", "arnold", "brandt", "castro", "dietz", "engel", "fuchs", "graf", "horn", "iqbal", "jung",
    "koch", "lang", "moreau", "nagel",
];
const SYLLABLES: [&str; 32] = [
    "al", "be", "cor", "da", "el", "fin", "go", "hal", "in", "jo", "kal", "lum", "mar", "no", "or", "pal", "qua",
    "ril", "sol", "tor", "ur", "vel", "win", "xen", "ya", "zor", "net", "mex", "tri", "ba", "ken", "li",
];

/// A word that sounds like a name of a firm.
pub(crate) fn word(chance: &mut Chance) -> String {
    (0..chance.within(2, 3)).map(|_| *chance.pick(&SYLLABLES)).collect()
}

/// The local part of a person's address.
pub(crate) fn person(chance: &mut Chance) -> String {
    let (first, last) = (*chance.pick(&FIRST), *chance.pick(&LAST));
    match chance.below(5) {
        0 => format!("{first}{}", chance.below(100)),
        1 => format!("{}{last}", &first[..1]),
        2 => format!("{last}.{first}"),
        3 => format!("{first}.{last}{}", chance.within(60, 99)),
        _ => format!("{first}.{last}"),
    }
}

/// The domains elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct World {
    domains: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let domains = (0..DOMAINS)
            .map(|number| {
                let mut chance = Chance::of(seed, "domain", number as u64);
                let ending = *chance.pick(&["example", "example", "test"]);
                format!("{}{}.{ending}", word(&mut chance), chance.pick(&["", "", "mail", "-group", "24", "net"]))
            })
            .collect();
        Self { domains }
    }

    /// Any domain; the first ones are the large providers, where most people are.
    pub(crate) fn popular(&self, chance: &mut Chance) -> &str {
        &self.domains[chance.favourite(DOMAINS)]
    }

    /// Any domain, one as often as the other.
    pub(crate) fn any(&self, chance: &mut Chance) -> &str {
        &self.domains[chance.below(DOMAINS)]
    }

    /// Somebody with a mailbox elsewhere, or who is thought to have one.
    pub(crate) fn somebody(&self, chance: &mut Chance) -> String {
        format!("{}{}@{}", person(chance), chance.within(1, 999), self.popular(chance))
    }

    /// The names of all addresses that have some, as in a file `hosts`.
    pub(crate) fn names(&self) -> Vec<(IpAddr, String)> {
        let mut names =
            vec![(SERVER_4.into(), SERVER.into()), (SERVER_6.into(), SERVER.into()), (STORE_4.into(), STORE.into())];
        names.extend((0..EXCHANGERS).map(|number| (exchanger(number), format!("mx{number}.mailhosts.example"))));
        let of = |(number, domain): (usize, &String)| (exchanger((number % EXCHANGERS as usize) as u8), domain.clone());
        names.extend(self.domains.iter().enumerate().map(of));
        names
    }
}

/// The address of a server that takes mail elsewhere.
pub(crate) fn exchanger(number: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, number + 1).into()
}

/// An address of a customer's line.
pub(crate) fn line(number: usize) -> IpAddr {
    Ipv4Addr::new(198, 18, (number / 200) as u8, (number % 200) as u8 + 10).into()
}

/// An address that a customer's line has in the network that it has by IPv6.
pub(crate) fn line_6(number: usize, chance: &mut Chance) -> IpAddr {
    let tail = |chance: &mut Chance| chance.below(65_536) as u16;
    let (a, b, c, d) = (tail(chance), tail(chance), tail(chance), tail(chance));
    Ipv6Addr::new(0x2001, 0xdb8, 0xc000, number as u16, a, b, c, d).into()
}

/// An address of the mobile networks of customers: few networks, many addresses.
pub(crate) fn mobile(chance: &mut Chance) -> IpAddr {
    Ipv4Addr::new(198, 19, chance.below(8) as u8, chance.within(1, 250) as u8).into()
}

/// An address somewhere in the world.
pub(crate) fn elsewhere(chance: &mut Chance) -> IpAddr {
    Ipv4Addr::new(100, 64 + chance.below(64) as u8, chance.below(256) as u8, chance.within(1, 250) as u8).into()
}
