//! I8: one HELO name used by machines of unrelated networks, which is the mark of one program on many hijacked machines.
//!
//! One memory of a fixed size for all names. A name whose place is taken by a busier one is not counted until that is
//! idle for a day.

use minicbor::{Decode, Encode};

use crate::moment::Moment;
use crate::pages::written;

/// Names of which the networks are counted.
pub const SHARED_NAMES: usize = 16_384;

/// Networks that are told apart for one name; more are "at least".
pub const SHARED_NETWORKS: usize = 8;

/// Hours after which a name makes room, and after which it begins anew.
const IDLE: u32 = 24;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct Name {
    #[n(0)]
    tag: u32,
    #[n(1)]
    hour: u32,
    #[n(2)]
    networks: [u32; SHARED_NETWORKS],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct SharedHelos(#[n(0)] Vec<Name>);

impl Default for SharedHelos {
    fn default() -> Self {
        Self(written(Name::default(), SHARED_NAMES))
    }
}

impl SharedHelos {
    /// A machine of this network (an AS where known) says this name; how many networks do.
    pub(crate) fn see(&mut self, helo: u64, network: u64, now: Moment) -> u32 {
        let tag = ((helo >> 32) as u32).max(1);
        let Some(name) = self.0.get_mut(helo as usize % SHARED_NAMES) else { return 1 };
        let is_idle = now.hour.saturating_sub(name.hour) >= IDLE;
        let is_single = name.networks[1] == 0 && now.hour > name.hour;
        if name.tag != tag && !is_idle && !is_single && name.tag != 0 {
            return 1;
        }
        if name.tag != tag || is_idle {
            *name = Name { tag, hour: now.hour, networks: [0; SHARED_NETWORKS] };
        }
        name.hour = name.hour.max(now.hour);
        let network = (crate::hash::both(network, 0x9e37_79b9) as u32).max(1);
        if let Some(place) = name.networks.iter().position(|known| *known == 0 || *known == network) {
            name.networks[place] = network;
        }
        name.networks.iter().filter(|known| **known != 0).count() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_a_name_are_counted_for_a_day() {
        let mut shared = SharedHelos::default();
        let at = |hour| Moment { hour, ..Moment::default() };
        assert_eq!(shared.see(1 << 40, 1, at(1000)), 1);
        assert_eq!(shared.see(1 << 40, 1, at(1000)), 1);
        assert_eq!(shared.see(1 << 40, 2, at(1000)), 2);
        assert_eq!(shared.see(1 << 40, 3, at(1001)), 3);
        assert_eq!(shared.see(2 << 40, 4, at(1001)), 1, "its place is taken");
        assert_eq!(shared.see(1 << 40, 5, at(1026)), 1);
        (0..100).for_each(|network| _ = shared.see(1 << 40, network, at(1026)));
        assert_eq!(shared.see(1 << 40, 1000, at(1026)), SHARED_NETWORKS as u32);
        let bytes = minicbor::to_vec(&shared).unwrap();
        assert_eq!(minicbor::decode::<SharedHelos>(&bytes).unwrap(), shared);
    }
}
