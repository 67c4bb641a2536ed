//! The packets themselves: headers as systems write them, and the addresses of those who are only asked.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use evidence::Time;
use sflow::{Flags, Packet};
use traffic::Day;

use crate::population::View;
use crate::population::chance::Chance;
use crate::population::host::{Model, Sort};

/// A packet of a connection, by who sends it and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    Syn,
    Ack,
    Command,
    Middle,
    Full,
    SynAck,
    Reset,
    Reply,
}

impl Exchange {
    pub(crate) fn is_outward(self) -> bool {
        !matches!(self, Self::SynAck | Self::Reset | Self::Reply)
    }

    pub(crate) fn is_hidden(self, client: &Model, view: View) -> bool {
        view.is_asymmetric && if self.is_outward() { client.is_mute } else { client.is_deaf }
    }

    fn flags(self) -> u8 {
        match self {
            Self::Syn => Flags::SYN,
            Self::SynAck => Flags::SYN | Flags::ACK,
            Self::Reset => Flags::RST | Flags::ACK,
            Self::Ack => Flags::ACK,
            _ => Flags::ACK | Flags::PSH,
        }
    }

    fn bytes(self, headers: u32, chance: &mut Chance) -> u32 {
        headers
            + match self {
                Self::Syn | Self::SynAck | Self::Reset | Self::Ack => 0,
                Self::Command | Self::Reply => 6 + chance.below(60) as u32,
                Self::Middle => 220 + chance.below(900) as u32,
                Self::Full => 1400,
            }
    }
}

/// Addresses that many know: of providers, and of other servers, in the population and beyond it.
pub(crate) struct Wire<'a> {
    servers: Vec<&'a Model>,
}

/// Servers of large providers, other servers beyond the population, and addresses where nobody answers.
pub(crate) const PROVIDERS: u32 = 200;
pub(crate) const BEYOND: u64 = 20_000;
pub(crate) const DEAD: usize = 30_000;

/// Senders beyond the population that take no mail, and those with households.
pub(crate) const SENDERS: u32 = 500;
pub(crate) const AT_HOME: u32 = 200;

/// What an address beyond the population is.
pub(crate) fn stranger_sort(address: u32) -> Option<Sort> {
    match address {
        NOBODY.. => None,
        OTHER.. => Some(if (address - OTHER).is_multiple_of(31) { Sort::Server } else { Sort::Gateway }),
        PROVIDER.. => Some(Sort::Server),
        _ if address & 0xf000 == 0x8000 => Some(Sort::Gateway),
        _ => Some(Sort::Server),
    }
}

/// Whether it is one of the other servers beyond the population.
pub(crate) fn is_beyond(address: IpAddr) -> bool {
    let IpAddr::V4(address) = address else { return false };
    (OTHER..NOBODY).contains(&address.to_bits()) && (address.to_bits() - OTHER).is_multiple_of(31)
}

/// Where those are: providers in 10.200, others from 10.208, dead ones from 10.220.
const PROVIDER: u32 = 0x0ac8_0000;
const OTHER: u32 = 0x0ad0_0000;
const NOBODY: u32 = 0x0adc_0000;

impl<'a> Wire<'a> {
    pub(crate) fn new(hosts: &'a [Model]) -> Self {
        let is_server = |sort| matches!(sort, Sort::Server | Sort::Migrated | Sort::List);
        Self { servers: hosts.iter().filter(|host| is_server(host.sort)).collect() }
    }

    pub(crate) fn provider(&self, chance: &mut Chance) -> u32 {
        PROVIDER + chance.rank(PROVIDERS as usize) as u32
    }

    pub(crate) fn dead(&self, chance: &mut Chance) -> u32 {
        NOBODY + chance.below(DEAD) as u32 * 7
    }

    pub(crate) fn anybody(&self, chance: &mut Chance) -> u32 {
        self.numbered(chance.next())
    }

    /// Who sends to the population from outside: mostly servers that take mail too, else senders only, some of them with
    /// households.
    pub(crate) fn stranger(&self, chance: &mut Chance) -> u32 {
        match chance.below(20) {
            0..13 => OTHER + chance.below(BEYOND as usize) as u32 * 31,
            13..18 => OTHER + chance.below(SENDERS as usize) as u32 * 31 * 40 + 1,
            _ => {
                let number = chance.below(AT_HOME as usize) as u32;
                10 << 24 | (number % 40) << 16 | 0x8000 | (number / 40)
            }
        }
    }

    /// The same for the same place and salt.
    pub(crate) fn of_circle(&self, place: u64, salt: u64) -> u32 {
        let mut fixed = Chance::new(salt.wrapping_add(place.wrapping_mul(0x9e37_79b9)));
        self.numbered(fixed.next())
    }

    fn numbered(&self, number: u64) -> u32 {
        let number = number % (BEYOND + self.servers.len() as u64);
        match number.checked_sub(BEYOND) {
            None => OTHER + number as u32 * 31,
            Some(own) => self.servers[own as usize].address,
        }
    }

    /// A sampled packet between a client of the population and a server.
    #[allow(clippy::too_many_arguments, reason = "a packet has that many properties")]
    pub(crate) fn carry(
        &self,
        exchange: Exchange,
        client: &Model,
        server: u32,
        hour: u32,
        chance: &mut Chance,
        view: View,
        to: &mut Day,
    ) {
        let is_windows = if client.is_mixed { chance.is(0.5) } else { client.is_windows };
        sample(exchange, client.address, server, is_windows, hour, chance, view, to);
    }

    /// … between a stranger and a server of the population.
    #[allow(clippy::too_many_arguments, reason = "a packet has that many properties")]
    pub(crate) fn inward(
        &self,
        exchange: Exchange,
        client: u32,
        server: &Model,
        hour: u32,
        chance: &mut Chance,
        view: View,
        to: &mut Day,
    ) {
        // Of the other direction of an asymmetric way nothing is seen.
        let is_hidden = if exchange.is_outward() { server.is_deaf } else { server.is_mute };
        if !(view.is_asymmetric && is_hidden) {
            sample(exchange, client, server.address, client.is_multiple_of(7), hour, chance, view, to);
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "a packet has that many properties")]
fn sample(
    exchange: Exchange,
    client: u32,
    server: u32,
    is_windows: bool,
    hour: u32,
    chance: &mut Chance,
    view: View,
    to: &mut Day,
) {
    let hops = 5 + chance.below(20) as u8;
    let ttl = if exchange.is_outward() && is_windows { 128 - hops } else { 64 - hops };
    let mut header = [0; 60];
    let header = if exchange == Exchange::Syn { syn(&mut header, ttl, is_windows) } else { plain(&mut header, ttl) };
    let socket = |address: u32, port| SocketAddr::new(Ipv4Addr::from(address).into(), port);
    let (here, there) = (socket(client, 1024 + (chance.next() % 60_000) as u16), socket(server, 25));
    let (source, destination) = if exchange.is_outward() { (here, there) } else { (there, here) };
    let bytes = exchange.bytes(header.len() as u32, chance);
    let flags = Flags(exchange.flags());
    let packet =
        Packet { source, destination, flags, bytes, header, source_as: None, destination_as: None, rate: view.rate };
    let within = u64::from(hour) * 3_600_000_000 + chance.next() % 3_600_000_000;
    to.take(Time::from_micros(to.date().start().micros() + within as i64), view.rate, &packet);
}

fn plain(header: &mut [u8; 60], ttl: u8) -> &[u8] {
    (header[0], header[6], header[8], header[9], header[32]) = (0x45, 0x40, ttl, 6, 0x50);
    &header[..40]
}

/// As Windows 10 and Linux write it.
fn syn(header: &mut [u8; 60], ttl: u8, is_windows: bool) -> &[u8] {
    let windows: &[u8] = &[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
    let linux: &[u8] = &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7];
    let options = if is_windows { windows } else { linux };
    let length = 40 + options.len();
    (header[0], header[3], header[5], header[6], header[8], header[9]) = (0x45, length as u8, 9, 0x40, ttl, 6);
    header[12..20].copy_from_slice(&[192, 0, 2, 7, 198, 51, 100, 1]);
    (header[20], header[23], header[27]) = (4, 25, 1);
    (header[32], header[33]) = ((5 + options.len() as u8 / 4) << 4, 2);
    let window: u16 = if is_windows { 64_240 } else { 29_200 };
    header[34..36].copy_from_slice(&window.to_be_bytes());
    header[40..length].copy_from_slice(options);
    &header[..length]
}
