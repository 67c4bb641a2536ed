//! IPv4 and IPv6 addresses as numbers, so that one search and one file layout serve both.
//!
//! A search compares numbers of the family's own width; everything that is done once per table works on `u128`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::segments::{Cover, Segments};

/// An address of one family.
pub(crate) trait Address: Copy + Ord + 'static {
    /// The width of an address, in bits.
    const BITS: u8;
    /// The highest address.
    const LAST: u128;

    fn widen(self) -> u128;

    /// The address with this number, which must not be above [`Self::LAST`].
    fn narrow(number: u128) -> Self;

    fn ip(self) -> IpAddr;

    /// This family's part of a cover.
    fn of(cover: &Cover) -> &Segments<Self>;

    /// How much a stretch of addresses counts where countries are weighed: IPv4 by addresses, IPv6 by the /64s it
    /// touches, because a /64 is one link whatever it holds.
    fn weight(first: u128, last: u128) -> u128;
}

impl Address for u32 {
    const BITS: u8 = 32;
    const LAST: u128 = u32::MAX as u128;

    fn widen(self) -> u128 {
        self.into()
    }

    fn narrow(number: u128) -> Self {
        number as u32
    }

    fn ip(self) -> IpAddr {
        Ipv4Addr::from(self).into()
    }

    fn of(cover: &Cover) -> &Segments<Self> {
        &cover.v4
    }

    fn weight(first: u128, last: u128) -> u128 {
        last - first + 1
    }
}

impl Address for u128 {
    const BITS: u8 = 128;
    const LAST: u128 = u128::MAX;

    fn widen(self) -> u128 {
        self
    }

    fn narrow(number: u128) -> Self {
        number
    }

    fn ip(self) -> IpAddr {
        Ipv6Addr::from(self).into()
    }

    fn of(cover: &Cover) -> &Segments<Self> {
        &cover.v6
    }

    fn weight(first: u128, last: u128) -> u128 {
        (last >> 64) - (first >> 64) + 1
    }
}
