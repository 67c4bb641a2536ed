//! A TCP packet as far as a switch showed it: addresses, ports, flags, lengths, and the headers themselves.

use std::net::SocketAddr;

/// A sampled TCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packet<'a> {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub flags: Flags,
    /// Bytes of the whole packet, from the IP header on, as the IP header tells.
    pub bytes: u32,
    /// The IP and the TCP header, options included, as far as they were sampled; never payload. Empty when the exporter told
    /// fields and no header.
    pub header: &'a [u8],
    /// Origin AS of the source by the exporter's routes.
    pub source_as: Option<u32>,
    /// … and of the destination.
    pub destination_as: Option<u32>,
    /// How many packets stand behind this one, by the exporter's word.
    pub rate: u32,
}

/// Flags of a TCP header: the low eight bits of its thirteenth and fourteenth byte (RFC 9293).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;

    /// The first packet of a connection.
    pub fn is_syn(self) -> bool {
        self.0 & (Self::SYN | Self::ACK) == Self::SYN
    }

    /// The answer to it.
    pub fn is_syn_ack(self) -> bool {
        self.0 & (Self::SYN | Self::ACK) == Self::SYN | Self::ACK
    }

    pub fn is_rst(self) -> bool {
        self.0 & Self::RST != 0
    }

    pub fn is_fin(self) -> bool {
        self.0 & Self::FIN != 0
    }
}
