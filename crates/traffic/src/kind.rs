//! What a sampled packet of a mail connection is: which end sent it, and what it proves. Each packet is of exactly one kind,
//! so the counts of kinds add up to the packets.

use sflow::{Flags, Packet};

/// The port of mail between servers.
pub const SMTP: u16 = 25;

/// Ports of submission, which is another matter: counted, and told apart.
pub const SUBMISSION: [u16; 2] = [465, 587];

/// Payload below it is a command, not a part of a message.
pub const COMMAND: u32 = 200;

/// A packet of so many bytes is as large as paths allow: the smallest of IPv6 is 1280, less what tunnels take.
pub const FULL: u32 = 1200;

/// What a packet of port 25 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The client asks for a connection.
    Syn,
    /// The client acknowledges and says nothing: the connection stands.
    Ack,
    /// The client says less than [`COMMAND`] bytes.
    Command,
    /// The client says more, in a packet that is not full.
    Middle,
    /// The client fills a packet ([`FULL`]): a message is under way.
    Full,
    /// The client sends a reset, or what has no place in a connection.
    Odd,
    /// The server accepts.
    SynAck,
    /// The server, or something in its name, refuses.
    Reset,
    /// The server speaks or acknowledges within a connection.
    Reply,
    /// The server sends what has no place in a connection.
    OddReply,
}

impl Kind {
    pub const COUNT: usize = 10;

    pub const ALL: [Self; Self::COUNT] = [
        Self::Syn,
        Self::Ack,
        Self::Command,
        Self::Middle,
        Self::Full,
        Self::Odd,
        Self::SynAck,
        Self::Reset,
        Self::Reply,
        Self::OddReply,
    ];

    /// What the client sent.
    pub const SENT: [Self; 6] = [Self::Syn, Self::Ack, Self::Command, Self::Middle, Self::Full, Self::Odd];

    /// What the client sends only in a connection that stands.
    pub const ESTABLISHED: [Self; 4] = [Self::Ack, Self::Command, Self::Middle, Self::Full];

    /// What the server sent.
    pub const RECEIVED: [Self; 4] = [Self::SynAck, Self::Reset, Self::Reply, Self::OddReply];

    /// What only a host that listens sends.
    pub const ANSWERED: [Self; 2] = [Self::SynAck, Self::Reply];

    /// By [`Self::BY_FLAGS`]: a table, because flags and lengths come in no order that a processor could guess.
    pub(crate) fn of(flags: Flags, from_client: bool, length: usize) -> Self {
        let known = usize::from(flags.0 >> 1 & 3 | flags.0 >> 2 & 4);
        Self::BY_FLAGS[usize::from(from_client)][known][length & 3]
    }

    /// By direction, by SYN (1), RST (2) and ACK (4), and by [`length`].
    const BY_FLAGS: [[[Self; 4]; 8]; 2] = {
        const fn all(kind: Kind) -> [Kind; 4] {
            [kind; 4]
        }
        const SAID: [Kind; 4] = [Kind::Ack, Kind::Command, Kind::Middle, Kind::Full];
        let (odd, odd_reply) = (all(Self::Odd), all(Self::OddReply));
        let (reset, reply) = (all(Self::Reset), all(Self::Reply));
        [
            [odd_reply, odd_reply, reset, reset, reply, all(Self::SynAck), reset, reset],
            [odd, all(Self::Syn), odd, odd, SAID, odd, odd, odd],
        ]
    };
}

/// The place of a packet's length among [`Kind::Ack`], [`Kind::Command`], [`Kind::Middle`] and [`Kind::Full`]. Without its
/// headers it is taken to have IP's, TCP's and the time stamps that most systems send.
pub(crate) fn length(bytes: u32, header: &[u8], is_four: bool) -> usize {
    let without = if is_four { 52 } else { 72 };
    let headers = if header.is_empty() { without } else { header.len() as u32 };
    let payload = bytes.saturating_sub(headers);
    let steps = usize::from(payload > 0) + usize::from(payload >= COMMAND);
    steps + usize::from(payload > 0 && bytes >= FULL) * (3 - steps)
}

/// Whether the source is the client, by the ports; `None` for a packet of other ports. Where both are 25 the one that asks,
/// or does not accept, is the client.
pub(crate) fn from_client(source: u16, destination: u16, flags: Flags) -> Option<bool> {
    if source != SMTP && destination != SMTP {
        return None;
    }
    Some(destination == SMTP && (source != SMTP || !flags.is_syn_ack()))
}

/// Whether a packet is one of submission.
pub(crate) fn is_submission(packet: &Packet<'_>) -> bool {
    SUBMISSION.contains(&packet.source.port()) || SUBMISSION.contains(&packet.destination.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packet_is_of_one_kind_by_its_end_its_flags_and_its_length() {
        let outward = [
            (Flags::SYN, 40, Kind::Syn),
            (Flags::SYN | 0xc0, 40, Kind::Syn), // with congestion notification
            (Flags::ACK, 40, Kind::Ack),
            (Flags::ACK | Flags::FIN, 40, Kind::Ack),
            (Flags::ACK | Flags::PSH, 41, Kind::Command),
            (Flags::ACK, 239, Kind::Command),
            (Flags::ACK, 240, Kind::Middle),
            (Flags::ACK, 1199, Kind::Middle),
            (Flags::ACK, 1200, Kind::Full),
            (Flags::RST, 40, Kind::Odd),
            (Flags::RST | Flags::ACK, 40, Kind::Odd),
            (Flags::SYN | Flags::ACK, 40, Kind::Odd),
            (0, 40, Kind::Odd),
            (Flags::FIN, 40, Kind::Odd),
        ];
        for (flags, bytes, expected) in outward {
            assert_eq!(Kind::of(Flags(flags), true, length(bytes, &[0; 40], true)), expected, "{flags:#x} {bytes}");
        }
        let inward = [
            (Flags::SYN | Flags::ACK, Kind::SynAck),
            (Flags::RST | Flags::ACK, Kind::Reset),
            (Flags::RST, Kind::Reset),
            (Flags::ACK, Kind::Reply),
            (Flags::ACK | Flags::FIN, Kind::Reply),
            (Flags::FIN, Kind::OddReply),
            (Flags::SYN, Kind::OddReply),
        ];
        for (flags, expected) in inward {
            assert_eq!(Kind::of(Flags(flags), false, length(90, &[0; 40], true)), expected, "{flags:#x}");
        }
    }

    #[test]
    fn without_headers_a_packet_of_their_usual_length_says_nothing() {
        assert_eq!([40, 52, 53, 300, 1500].map(|bytes| length(bytes, &[], true)), [0, 0, 1, 2, 3]);
    }

    #[test]
    fn the_client_is_who_has_another_port_and_between_two_ports_25_who_asks() {
        let answer = Flags(Flags::SYN | Flags::ACK);
        let client = |source, destination| from_client(source, destination, Flags(Flags::ACK));
        assert_eq!([client(4000, 25), client(25, 4000), client(587, 4000)], [Some(true), Some(false), None]);
        assert_eq!([from_client(25, 25, Flags(Flags::SYN)), from_client(25, 25, answer)], [Some(true), Some(false)]);
        assert_eq!(from_client(4000, 25, answer), Some(true));
    }
}
