//! What else goes over the exchange point than mail: the web, names, and whatever has no name.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::exchange::{Exchange, Passing};
use super::frame::{ACK, SYN, Segment, Stack};
use super::net::Network;
use crate::chance::Chance;

/// Ports of servers, the usual ones more often.
const PORTS: [u16; 8] = [443, 443, 443, 80, 80, 6881, 22, 5222];

/// Of hundred packets, those of UDP.
const OF_UDP: usize = 18;

/// Bytes that are as if they were encrypted.
const NOISE: [u8; 96] = [0xa7; 96];

/// Packets of everything else, between those of mail.
pub(crate) struct Other {
    chance: Chance,
    /// So many for each packet of mail.
    ratio: f64,
    owed: f64,
    last: i64,
}

impl Other {
    /// When this share of all packets is mail.
    pub(crate) fn new(seed: u64, mail: f64, start: i64) -> Self {
        let mail = mail.clamp(0.001, 1.0);
        Self { chance: Chance::of(seed, "other", 0), ratio: (1.0 - mail) / mail, owed: 0.0, last: start }
    }

    /// Sends what comes before the next packet of mail.
    pub(crate) fn until<W: Write>(
        &mut self,
        at: i64,
        exchange: &mut Exchange<W>,
        networks: &[Network],
    ) -> io::Result<()> {
        self.owed += self.ratio;
        let count = self.owed as i64;
        self.owed -= count as f64;
        for number in 0..count {
            let then = self.last + (at - self.last) * (number + 1) / (count + 1);
            self.packet(then, exchange, networks)?;
        }
        self.last = at;
        Ok(())
    }

    pub(crate) fn packet<W: Write>(
        &mut self,
        at: i64,
        exchange: &mut Exchange<W>,
        networks: &[Network],
    ) -> io::Result<()> {
        let chance = &mut self.chance;
        let from = &networks[chance.favourite(networks.len())];
        let mut to = &networks[chance.favourite(networks.len())];
        while to.port == from.port {
            to = &networks[chance.below(networks.len())];
        }
        let address = |network: &Network, chance: &mut Chance| network.address(chance.below(1 << 16) as u32);
        let passing = Passing { at, from, to, egress: false };
        let (source, destination) = (address(from, chance), address(to, chance));
        let client_port = chance.within(1024, 65_000) as u16;
        if chance.below(100) < OF_UDP {
            let ends = (SocketAddr::new(source, client_port), SocketAddr::new(destination, 53));
            return exchange.udp(&passing, ends, chance.within(30, 1200) as u16);
        }
        let server_port = *chance.pick(&PORTS);
        let from_client = chance.happens(0.45);
        let ports = if from_client { (client_port, server_port) } else { (server_port, client_port) };
        let is_first = chance.happens(0.03);
        let length = if is_first || chance.happens(0.4) { 0 } else { chance.within(60, 1448) as u16 };
        let segment = Segment {
            source: SocketAddr::new(source, ports.0),
            destination: SocketAddr::new(destination, ports.1),
            flags: if is_first { SYN } else { ACK },
            sequence: chance.next() as u32,
            acknowledged: 1,
            stack: if from_client { Stack::Windows } else { Stack::Linux },
            hops: 9,
            payload: &NOISE,
            length,
        };
        exchange.other(&passing, &segment)
    }
}
