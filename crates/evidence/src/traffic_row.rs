//! What stands in the lake of sampled traffic: samples of each host and AS by five minutes, what hosts most likely are, and how
//! complete all of it is.

use std::net::IpAddr;
use std::sync::Arc;

use crate::row::OfOrigin;
use crate::{Country, Origin, Time};

/// Sampled packets of connections to port 25, as one of the two ends sees them: what clients sent and what servers sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficSums {
    /// All of them.
    pub samples: u64,
    /// Packets that stand behind them, by the rate at which each was sampled.
    pub packets: u64,
    /// What clients sent: requests for a connection, packets within one, and of these the full ones.
    pub syn: u64,
    pub established: u64,
    pub full: u64,
    /// What servers sent: acceptances, refusals, and what they said within a connection.
    pub accepted: u64,
    pub refused: u64,
    pub replies: u64,
}

/// A host in five minutes. Rows of the same host and time add up.
#[derive(Clone, Debug)]
pub struct TrafficHostRow {
    /// The start of the five minutes.
    pub at: Time,
    pub address: IpAddr,
    pub origin: Origin,
    /// The AS by the exporter's routes.
    pub gateway_as: Option<u32>,
    /// As a client of others.
    pub client: TrafficSums,
    /// As a server: on its port 25.
    pub server: TrafficSums,
    pub written_at: Time,
}

/// An AS in five minutes. Rows of the same AS and time add up, but for the hosts of late samples, which are counted again.
#[derive(Clone, Debug)]
pub struct TrafficAsRow {
    pub at: Time,
    /// `None` for the hosts of which none is known.
    pub asn: Option<u32>,
    pub name: Option<Arc<str>>,
    pub country: Option<Country>,
    /// Hosts by role: asked only, answered only, both, neither.
    pub hosts: [u64; 4],
    /// Of its hosts as clients, and as servers.
    pub client: TrafficSums,
    pub server: TrafficSums,
    pub written_at: Time,
}

/// What a host most likely is, by the days until then. Of a host and day the row told last holds.
#[derive(Clone, Debug)]
pub struct TrafficVerdictRow {
    /// When this was told, by the time of the samples.
    pub told_at: Time,
    /// The day, UTC, with which the window ends, and the days of the window that were looked at.
    pub day: Time,
    pub window_days: u32,
    pub address: IpAddr,
    pub origin: Origin,
    pub gateway_as: Option<u32>,
    /// By the evidence: `client-only`, `server-only`, `both` or `neither`.
    pub role: &'static str,
    /// `None` is undecided.
    pub class: Option<&'static str>,
    pub likeliest: &'static str,
    /// Of the likeliest, in thousandths.
    pub probability: u16,
    /// Why, in sentences, the weightiest first.
    pub evidence: Vec<String>,
    /// Samples of it as a client of others and as a server.
    pub client: TrafficSums,
    pub server: TrafficSums,
    /// Those it sent to, addresses and networks; and whether they were counted one by one.
    pub destinations: u64,
    pub networks: u64,
    pub exact: bool,
    /// Those that sent to it: the most on one day.
    pub clients: u64,
    /// In thousandths: requests without an answer; resets among what came back.
    pub unanswered: Option<u16>,
    pub refused: Option<u16>,
    /// What its packets say of its system, in words.
    pub systems: String,
    /// Other clients in its /24 or /48.
    pub neighbours: u64,
    /// The first day as a client, and whether that is new.
    pub first_seen: Option<Time>,
    pub is_new: Option<bool>,
    pub active_days: u32,
    /// Minutes east of UTC, of its country or AS: the zone of the hours.
    pub zone: i32,
    /// Samples by hour of the week in that zone, from Monday 0 h: 168 as a client, 168 as a server; empty for none.
    pub client_week: Vec<u32>,
    pub server_week: Vec<u32>,
}

/// How complete the samples of an agent are in five minutes; or, without an agent, what became of all that came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficCoverageRow {
    pub at: Time,
    /// The switch by its own word, with its part; `None` in the row about the receiver itself.
    pub agent: Option<IpAddr>,
    pub sub_agent: u32,
    /// Who sent its datagrams.
    pub exporter: Option<IpAddr>,
    /// Of sFlow.
    pub version: u32,
    /// Interfaces and other sources that were heard so far.
    pub sources: u64,
    pub datagrams: u64,
    /// Missing by their numbers.
    pub datagrams_lost: u64,
    pub samples: u64,
    pub samples_lost: u64,
    /// Packets that the agent says it could not sample.
    pub drops: u64,
    pub restarts: u64,
    /// One of so many packets was sampled: by the agent's word, and as measured by its counts; the least and the most of its
    /// sources so far.
    pub rate_least: Option<u32>,
    pub rate_most: Option<u32>,
    pub measured_least: Option<u32>,
    pub measured_most: Option<u32>,
    /// Of the receiver: packets of mail that samples told, and datagrams that the kernel dropped since nobody took them.
    pub told: u64,
    pub kernel_drops: u64,
    /// Of the receiver: what was not told, by reason.
    pub reasons: Vec<(&'static str, u64)>,
    pub written_at: Time,
}

impl OfOrigin for TrafficHostRow {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl OfOrigin for TrafficVerdictRow {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}
