//! Addresses as keys of the host tables: IPv4 exact in 4 bytes, IPv6 in 16, each with hashes that a seed makes
//! unpredictable, since anybody can send packets from addresses of choice.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of one family.
pub(crate) trait Key: Copy + Ord + Default {
    /// What an entry of the table is aligned to: a line of the cache where an entry fills one.
    type Align: Copy + Default;
    /// A mark in as few bytes as hold it.
    type Short: Copy + Eq + Default;
    /// A client and a server.
    type Pair: Copy + Ord + Default;

    /// Bits of a mark below the part that tells the network (/24, /48).
    const NETWORK: u32;

    fn hash(self, seed: u64) -> u64;

    /// What a destination is told apart by: its number for IPv4; for IPv6 hashes of its /48 and of itself, 32 bits each.
    fn mark(self, seed: u64) -> u64;

    fn short(mark: u64) -> Self::Short;

    /// What a client is told apart by within a pair.
    fn owner(self, seed: u64) -> u64;

    /// The default, which stands for an empty place, is that of 0.0.0.0 with itself: no host, and never kept.
    fn pair(owner: u64, mark: u64) -> Self::Pair;

    /// Owner and mark.
    fn parts(pair: Self::Pair) -> (u64, u64);

    fn pair_hash(pair: Self::Pair, seed: u64) -> u64;

    fn ip(self) -> IpAddr;
}

/// Both halves of a product, folded: every bit of the input moves every bit of the result.
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Odd, and half of its bits are set.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_AGAIN: u64 = 0xd6e8_feb8_6659_fd93;

fn hash(number: u64, seed: u64) -> u64 {
    fold(number ^ seed, MIX).wrapping_add(number.rotate_left(32) ^ seed).wrapping_mul(MIX_AGAIN)
}

fn hash_long(number: u128, seed: u64) -> u64 {
    fold(hash(number as u64, seed) ^ (number >> 64) as u64, MIX_AGAIN ^ seed)
}

#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(crate) struct Line;

impl Key for u32 {
    type Align = Line;
    type Short = u32;
    type Pair = u64;

    const NETWORK: u32 = 8;

    fn hash(self, seed: u64) -> u64 {
        hash(self.into(), seed)
    }

    fn mark(self, _seed: u64) -> u64 {
        self.into()
    }

    fn short(mark: u64) -> u32 {
        mark as u32
    }

    fn owner(self, _seed: u64) -> u64 {
        self.into()
    }

    fn pair(owner: u64, mark: u64) -> u64 {
        (owner << 32) | mark
    }

    fn parts(pair: u64) -> (u64, u64) {
        (pair >> 32, pair & 0xffff_ffff)
    }

    fn pair_hash(pair: u64, seed: u64) -> u64 {
        hash(pair, seed)
    }

    fn ip(self) -> IpAddr {
        Ipv4Addr::from(self).into()
    }
}

impl Key for u128 {
    type Align = u64;
    type Short = u64;
    type Pair = u128;

    const NETWORK: u32 = 32;

    fn hash(self, seed: u64) -> u64 {
        hash_long(self, seed)
    }

    fn mark(self, seed: u64) -> u64 {
        let network = hash_long(self >> 80, seed) >> 32;
        network << 32 | hash_long(self, !seed) >> 32
    }

    fn short(mark: u64) -> u64 {
        mark
    }

    fn owner(self, seed: u64) -> u64 {
        hash_long(self, seed.rotate_left(17))
    }

    fn pair(owner: u64, mark: u64) -> u128 {
        u128::from(owner) << 64 | u128::from(mark)
    }

    fn parts(pair: u128) -> (u64, u64) {
        ((pair >> 64) as u64, pair as u64)
    }

    fn pair_hash(pair: u128, seed: u64) -> u64 {
        hash_long(pair, seed)
    }

    fn ip(self) -> IpAddr {
        Ipv6Addr::from(self).into()
    }
}
