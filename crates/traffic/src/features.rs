//! What can be computed of a host from sampled headers: the features F1 to F13 of the reference (`docs/reference/traffic.md`).

use std::net::IpAddr;

use serde::Serialize;

use crate::day::Date;
use crate::host::{Host, Role};
use crate::hours::{Hours, lag_correlation};
use crate::kind::Kind;
use crate::spread::Count;
use crate::system::Systems;

/// Packets of a client in a connection that delivers a mail, beside the SYN.
pub const WITHIN_A_CONNECTION: f64 = 11.0;

/// A host is new when it was first seen so many days after anything was.
pub const NEW_AFTER: i32 = 3;

/// What is known of where a host is: nothing of it is its own doing, and nothing of it accuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Place {
    /// Minutes east of UTC, by country or AS.
    pub zone: i32,
    /// Others in its AS that are clients and no servers, and all others there with a role; none when the AS is not known.
    pub as_clients: u64,
    pub as_hosts: u64,
    /// Other clients in its /24 (/48), as far as they were seen.
    pub neighbours: u32,
    /// Packets that stand behind a sample of mail, on average over all hosts; 0 when it is not known.
    pub behind_a_sample: f64,
}

/// The features of a host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Features {
    pub address: IpAddr,
    /// F1.
    pub role: Role,
    /// Packets that it sent to port 25, those in connections that stand, and SYNs.
    pub sent: u64,
    pub established: u64,
    pub syn: u64,
    /// F2.
    pub destinations: Count,
    /// F3: destinations for each packet to or from them.
    pub scatter: Option<f64>,
    /// F4: the share of SYNs without an answer; connections that its own packets prove count as answered.
    pub unanswered: Option<f64>,
    /// F5: resets among what it got back.
    pub refused: Option<f64>,
    /// F6: packets to its own port 25, and whether it answered any.
    pub asked: u64,
    pub answered: u64,
    /// F7: of its packets in connections.
    pub lengths: Lengths,
    /// F8 and F9, as a client; as a server where it has that role.
    pub hours: Hours,
    pub server_hours: Option<Hours>,
    /// Hours inward against hours outward.
    pub lag_correlation: Option<f64>,
    /// F10.
    pub systems: Systems,
    /// F11.
    pub place: Place,
    /// F12: the first day as a client, and whether that is new; `None` when memory does not reach far enough back.
    pub first_seen: Option<Date>,
    pub is_new: Option<bool>,
    /// F13: days as a client, of so many.
    pub active_days: u32,
    pub window_days: u32,
}

/// Packets of a client in connections, by length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Lengths {
    /// Nothing but an acknowledgement.
    pub ack: u64,
    pub command: u64,
    pub middle: u64,
    /// As large as paths allow.
    pub full: u64,
}

impl Features {
    pub fn of(host: &Host, place: Place) -> Self {
        let client = |kinds: &[Kind]| host.client.of(kinds);
        let (syn, established) = (client(&[Kind::Syn]), client(&Kind::ESTABLISHED));
        let received = client(&Kind::RECEIVED);
        let packets = host.client.packets();
        let share = |part: f64, whole: u64| (whole > 0).then(|| part / whole as f64);
        Self {
            address: host.address,
            role: host.role(),
            sent: client(&Kind::SENT),
            established,
            syn,
            destinations: host.destinations,
            scatter: share(host.destinations.addresses, packets),
            unanswered: unanswered(syn, client(&[Kind::SynAck]), established),
            refused: share(client(&[Kind::Reset]) as f64, received),
            asked: host.server.of(&Kind::SENT),
            answered: host.server.of(&Kind::ANSWERED),
            lengths: Lengths {
                ack: client(&[Kind::Ack]),
                command: client(&[Kind::Command]),
                middle: client(&[Kind::Middle]),
                full: client(&[Kind::Full]),
            },
            hours: Hours::of(&host.client, place.zone),
            server_hours: (host.server.packets() > 0).then(|| Hours::of(&host.server, place.zone)),
            lag_correlation: lag_correlation(host),
            systems: host.systems,
            place,
            first_seen: host.first_seen,
            is_new: is_new(host),
            active_days: host.client.days,
            window_days: host.window_days,
        }
    }
}

/// SYNs without an answer. Answers come by ways that may not be seen, so the connections that its own packets tell of count too.
fn unanswered(syn: u64, answers: u64, established: u64) -> Option<f64> {
    let answered = (answers as f64).max(established as f64 / WITHIN_A_CONNECTION);
    (syn > 0).then(|| (1.0 - answered / syn as f64).max(0.0))
}

fn is_new(host: &Host) -> Option<bool> {
    let (first, since) = (host.first_seen?, host.known_since?);
    let after = first.0.saturating_sub(since.0);
    // On the first days everybody is new.
    let memory = host.series_end.0.saturating_sub(since.0);
    (memory >= NEW_AFTER).then_some(after >= NEW_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_take_another_way_are_proven_by_own_packets() {
        assert_eq!(unanswered(10, 5, 0), Some(0.5));
        assert_eq!(unanswered(10, 0, 110), Some(0.0));
        assert_eq!(unanswered(10, 0, 55), Some(0.5));
        assert_eq!(unanswered(0, 0, 55), None);
    }
}
