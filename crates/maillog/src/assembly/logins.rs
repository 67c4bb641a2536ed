//! Who logged in, by process: Sendmail has one process for each connection, and names the account once, before the messages.

use std::net::IpAddr;
use std::time::Duration;

use evidence::Time;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// Processes of which a login is remembered; one more takes another's place.
const PLACES: usize = 4096;

/// A longer account name is not kept.
const MAX_NAME: usize = 255;

/// A login counts for messages of the same process and address so long: process numbers come again.
const LASTS: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug, Default, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Logins(#[n(0)] Vec<Option<(u64, IpAddr, Time, ByteVec)>>);

impl Logins {
    /// `process` is a hash of place and process.
    pub(crate) fn learn(&mut self, process: u64, address: IpAddr, at: Time, account: &[u8]) {
        if account.is_empty() || account.len() > MAX_NAME {
            return;
        }
        self.0.resize(PLACES, None);
        self.0[process as usize % PLACES] = Some((process, address, at, ByteVec::from(account.to_vec())));
    }

    pub(crate) fn of(&self, process: u64, address: IpAddr, at: Time) -> Option<&[u8]> {
        let (of, from, since, account) = self.0.get(process as usize % PLACES)?.as_ref()?;
        (*of == process && *from == address && at.since(*since) <= LASTS).then_some(account)
    }
}
