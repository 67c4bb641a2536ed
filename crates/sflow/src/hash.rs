//! Places in tables, from addresses and numbers. The same in every run: these tables are never told in their order.

use std::net::IpAddr;

pub(crate) fn hash_of(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => mix(u64::from(u32::from(address)), 4),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            mix(bits as u64, mix((bits >> 64) as u64, 6))
        }
    }
}

/// Both halves of a product depend on all bits. Who forges numbers that collide slows down his own datagrams, by at most the
/// size of the table.
#[inline]
pub(crate) fn mix(one: u64, other: u64) -> u64 {
    let other = other.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ 0xa076_1d64_78bd_642f;
    let product = u128::from(one ^ 0x9e37_79b9_7f4a_7c15) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}
