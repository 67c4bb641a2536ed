//! A great capture to measure the speed of readers with: full datagrams of a fixed number of samples, no routes, no counters,
//! packets of no conversations, between hosts of which some are seen far more often than others.

use std::io::{self, Write};
use std::net::SocketAddr;

use evidence::Time;

use super::exchange::{Exchange, PORTS, Passing, SWITCHES, Setting};
use super::frame::{ACK, FIN, PSH, SYN, Segment, Stack};
use super::net::{Network, Registry};
use super::other::Other;
use super::output::{Host, Written};
use super::talk::{Content, Step, payload};
use super::tally::{Mail, Tally};
use super::wire::Version;
use crate::chance::Chance;

/// Samples in each datagram: what fits where the network takes 1500 bytes.
pub const SAMPLES: u32 = 7;

/// The most hosts: the addresses are as many as these need.
pub const MOST_FLOOD_HOSTS: usize = 1_500_000;

const NETWORKS: usize = 512;

/// Monday, 2026-03-02.
const START: Time = Time::from_micros(1_772_409_600_000_000);

/// Between two packets, in microseconds.
const GAP: i64 = 20;

/// The arguments of it.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    pub seed: u64,
    pub datagrams: u64,
    pub hosts: usize,
    pub rate: u32,
    pub version: Version,
    /// The share of sampled packets that is mail.
    pub mail: f64,
}

impl Flood {
    /// Writes the capture. `progress` is told how many of how many datagrams are written.
    pub fn write(&self, out: impl Write, progress: &dyn Fn(u64, u64)) -> io::Result<Written> {
        let hosts = self.hosts.clamp(NETWORKS * 2, MOST_FLOOD_HOSTS);
        let mut chance = Chance::of(self.seed, "flood", 0);
        let mut registry = Registry::new(SWITCHES * PORTS);
        (0..NETWORKS).for_each(|_| registry.add(Registry::country(&mut chance), hosts.div_ceil(NETWORKS) as u32));
        let networks = registry.networks;
        let start = START.micros();
        let end = start + (self.datagrams * u64::from(SAMPLES)) as i64 * 2 * GAP;
        let setting = Setting {
            version: self.version,
            rate: self.rate,
            loss: 0.0,
            drops: 0.0,
            egress: 0.0,
            restarts: 0,
            routes: false,
            samples: Some(SAMPLES),
            seed: self.seed,
            start,
            end,
        };
        let mut exchange = Exchange::new(out, setting, Tally::of(hosts))?;
        let mut other = Other::new(self.seed, self.mail, start);
        let (mut at, mut said, mut told) = (start, Vec::new(), 0);
        while exchange.datagrams() < self.datagrams {
            at += GAP;
            if chance.happens(self.mail) {
                mail(&mut exchange, &networks, hosts, at, &mut chance, &mut said)?;
            } else {
                other.packet(at, &mut exchange, &networks)?;
            }
            if exchange.datagrams() >= told + STEP {
                told = exchange.datagrams();
                progress(told, self.datagrams);
            }
        }
        let done = exchange.finish()?;
        let host = |number: usize| Host::any(of(&networks, number).1, "any", number % NETWORKS);
        let hosts = (0..hosts).map(host).collect();
        Ok(Written { start: START, end: Time::from_micros(at), networks, hosts, done })
    }
}

/// After so many datagrams the progress is told.
const STEP: u64 = 4096;

fn of(networks: &[Network], host: usize) -> (&Network, std::net::IpAddr) {
    let network = &networks[host % NETWORKS];
    (network, network.address((host / NETWORKS) as u32))
}

fn mail<W: Write>(
    exchange: &mut Exchange<W>,
    networks: &[Network],
    hosts: usize,
    at: i64,
    chance: &mut Chance,
    said: &mut Vec<u8>,
) -> io::Result<()> {
    // A third of the hosts are servers.
    let server = chance.favourite(hosts / 3) * 3;
    let mut client = chance.favourite(hosts);
    while of(networks, client).0.port == of(networks, server).0.port {
        client = chance.favourite(hosts);
    }
    let (from_client, flags, content) = match chance.below(100) {
        0..5 => (true, SYN, Content::Nothing),
        5..8 => (false, SYN | ACK, Content::Nothing),
        8..10 => (true, FIN | ACK, Content::Nothing),
        10..12 => (false, FIN | ACK, Content::Nothing),
        12..40 => (true, ACK, Content::Body),
        40..55 => (true, PSH | ACK, Content::Sender),
        55..70 => (true, ACK, Content::Nothing),
        70..85 => (false, PSH | ACK, Content::Fine),
        _ => (false, ACK, Content::Nothing),
    };
    let step = Step { from_client, flags, after: 0, content, sent: 0, length: 1448 };
    let key = chance.next();
    let length = payload(&step, 1448, key, said);
    let ((client_net, client_ip), (server_net, server_ip)) = (of(networks, client), of(networks, server));
    let ends = (SocketAddr::new(client_ip, 1024 + (key % 60_000) as u16), SocketAddr::new(server_ip, 25));
    let (source, destination) = if from_client { ends } else { (ends.1, ends.0) };
    let (from, to) = if from_client { (client_net, server_net) } else { (server_net, client_net) };
    let segment = Segment {
        source,
        destination,
        flags,
        sequence: (key >> 16) as u32,
        acknowledged: (key >> 32) as u32,
        stack: if client.is_multiple_of(3) { Stack::Linux } else { Stack::Windows },
        hops: 7,
        payload: said,
        length,
    };
    let told = Mail { client: client as u32, server: server as u32, from_client, flags };
    exchange.mail(&Passing { at, from, to, egress: false }, &segment, told)
}
