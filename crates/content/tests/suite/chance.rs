//! Numbers that look random and are the same in each run (xorshift, by its seed).

pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }

    /// A public IPv4 address.
    pub(crate) fn four(&mut self) -> std::net::Ipv4Addr {
        loop {
            let address = std::net::Ipv4Addr::from((self.next() >> 32) as u32);
            if content::is_public(address.into()) {
                return address;
            }
        }
    }

    /// A public IPv6 address, half of them with a run of zeros.
    pub(crate) fn six(&mut self) -> std::net::Ipv6Addr {
        let mut value = u128::from(self.next()) << 64 | u128::from(self.next());
        value = value & !(0xE000 << 112) | 0x2000 << 112;
        if self.below(2) == 0 {
            value &= !(0xFFFF_FFFF_FFFF << 16);
        }
        value.into()
    }

    pub(crate) fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| *self.one_of(&alphabet)).collect()
    }
}
