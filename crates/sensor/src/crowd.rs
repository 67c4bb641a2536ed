//! Who comes in numbers: connections open by network, and connections that came of late.
//!
//! Nobody is refused here for what they say, and nothing is remembered of a network that has no connection open and none
//! made within the minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evidence::IpNet;
use tokio::time::Instant;

use crate::limits;

/// The network that an address counts for.
pub(crate) fn network(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { limits::NETWORK_V4 } else { limits::NETWORK_V6 };
    match IpNet::new(address, length) {
        Ok(network) => network.trunc(),
        Err(error) => unreachable!("both lengths are within their addresses: {error}"),
    }
}

/// Open connections, by network or by single address. A network is here while it has one, so there are never more than
/// seats.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<HashMap<IpNet, u32>>);

/// One connection's part in the count: it goes with the value.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    network: IpNet,
}

impl Crowd {
    /// Counts one more connection of a network, unless it has `most`.
    pub(crate) fn enter(self: &Arc<Self>, network: IpNet, most: u32) -> Option<Place> {
        let mut open = lock(&self.0);
        let count = open.get(&network).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        open.insert(network, count + 1);
        Some(Place { crowd: Arc::clone(self), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.crowd.0);
        match open.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = open.remove(&self.network),
        }
        // What a crowd took is given back when it has gone.
        if open.is_empty() {
            open.shrink_to_fit();
        }
    }
}

/// How long arrivals are counted together.
const MINUTE: Duration = Duration::from_secs(60);

/// Connections that came from each network since the minute began.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    began: Option<Instant>,
    networks: HashMap<IpNet, u32>,
}

impl Arrivals {
    /// Counts an arrival: whether it is among the first `most` of its network in this minute.
    pub(crate) fn come(&self, now: Instant, network: IpNet, most: u32) -> bool {
        let mut minute = lock(&self.0);
        if minute.began.is_none_or(|began| now.duration_since(began) >= MINUTE) {
            *minute = Minute { began: Some(now), networks: HashMap::new() };
        }
        if minute.networks.len() >= limits::COUNTED_NETWORKS && !minute.networks.contains_key(&network) {
            return true;
        }
        let count = minute.networks.entry(network).or_default();
        *count = count.saturating_add(1);
        *count <= most
    }
}

/// Locks what no failure elsewhere can leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> IpNet {
        network(address.parse().unwrap())
    }

    #[test]
    fn neighbours_are_one_network() {
        assert_eq!(of("192.0.2.7"), of("192.0.2.255"));
        assert_ne!(of("192.0.2.7"), of("192.0.3.7"));
        assert_eq!(of("2001:db8:0:1::7"), of("2001:db8:0:1:ffff::"));
        assert_ne!(of("2001:db8:0:1::7"), of("2001:db8:0:2::7"));
    }

    #[test]
    fn a_place_that_is_left_is_free_again_and_nothing_is_remembered() {
        let crowd = Arc::new(Crowd::default());
        let first = crowd.enter(of("192.0.2.7"), 2).unwrap();
        let second = crowd.enter(of("192.0.2.8"), 2).unwrap();
        assert!(crowd.enter(of("192.0.2.9"), 2).is_none());
        let other = crowd.enter(of("192.0.3.7"), 2);
        assert!(other.is_some(), "another network has places of its own");
        drop(first);
        let third = crowd.enter(of("192.0.2.9"), 2);
        assert!(third.is_some());
        drop((second, third, other));
        assert!(lock(&crowd.0).is_empty());
    }

    #[test]
    fn arrivals_are_bounded_within_a_minute_and_counted_anew_in_the_next() {
        let (arrivals, now) = (Arrivals::default(), Instant::now());
        let come = |after| arrivals.come(now + Duration::from_secs(after), of("192.0.2.7"), 2);
        assert_eq!([come(0), come(1), come(59), come(60), come(61), come(62)], [true, true, false, true, true, false]);
        assert!(arrivals.come(now + Duration::from_secs(62), of("192.0.3.7"), 2));
    }

    #[test]
    fn networks_beyond_the_table_are_let_in_and_the_table_does_not_grow() {
        let (arrivals, now) = (Arrivals::default(), Instant::now());
        for number in 0..limits::COUNTED_NETWORKS as u32 + 10 {
            assert!(arrivals.come(now, network(IpAddr::from((number << 8).to_be_bytes())), 1));
        }
        assert_eq!(lock(&arrivals.0).networks.len(), limits::COUNTED_NETWORKS);
        assert!(!arrivals.come(now, network(IpAddr::from([0, 0, 0, 1])), 1), "those that are counted stay bounded");
    }
}
