//! What clients said in HELO a moment ago: Postfix does not log it for mail that it takes, lines of policy services do, just
//! before.

use std::net::IpAddr;
use std::time::Duration;

use evidence::Time;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::hash::hash;

/// Addresses of which a name is remembered; one more takes another's place.
const PLACES: usize = 4096;

/// A longer name is not kept.
const MAX_NAME: usize = 255;

/// A name counts for a message that comes this much later.
const RECENT: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Helos(#[n(0)] Vec<Option<(IpAddr, Time, ByteVec)>>);

impl Helos {
    pub(crate) fn learn(&mut self, address: IpAddr, at: Time, name: &[u8]) {
        if name.is_empty() || name.len() > MAX_NAME {
            return;
        }
        self.0.resize(PLACES, None);
        self.0[place(address)] = Some((address, at, ByteVec::from(name.to_vec())));
    }

    pub(crate) fn recent(&self, address: IpAddr, at: Time) -> Option<&[u8]> {
        let (of, since, name) = self.0.get(place(address))?.as_ref()?;
        (*of == address && at.since(*since) <= RECENT).then_some(name)
    }
}

fn place(address: IpAddr) -> usize {
    let hash = match address {
        IpAddr::V4(address) => hash(4, &address.octets()),
        IpAddr::V6(address) => hash(6, &address.octets()),
    };
    hash as usize % PLACES
}
