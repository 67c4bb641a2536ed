//! Who is there: classes of hosts, and what each of them does.

use super::frame::Stack;
use super::rhythm::Rhythm;
use crate::chance::Chance;

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    MailServer,
    /// Sends for an organisation and receives nothing.
    OutboundGateway,
    /// A gateway with old lists: it sends far and wide, and much of it finds nobody. It looks like a bot.
    ScatteredGateway,
    ListSender,
    /// Sends to one server, which does the rest.
    SingleSmarthost,
    /// Many people behind one address, with several servers.
    NatOffice,
    /// Looks at the greeting of servers around the clock.
    Monitor,
    /// A mail server that gets another address half way: there are two rows of it.
    MigratedServer,
    Bot,
    /// A mail server that abusers found.
    OpenRelay,
    /// Sends through open relays.
    RelayAbuser,
    /// Never sends anything: others write its address on their packets.
    ForgedSource,
    /// Refuses connections to port 25.
    Closed,
    /// Nobody is at this address.
    Nobody,
}

impl Class {
    pub const ALL: [Self; 14] = [
        Self::MailServer,
        Self::OutboundGateway,
        Self::ScatteredGateway,
        Self::ListSender,
        Self::SingleSmarthost,
        Self::NatOffice,
        Self::Monitor,
        Self::MigratedServer,
        Self::Bot,
        Self::OpenRelay,
        Self::RelayAbuser,
        Self::ForgedSource,
        Self::Closed,
        Self::Nobody,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::MailServer => "mail-server",
            Self::OutboundGateway => "outbound-gateway",
            Self::ScatteredGateway => "scattered-gateway",
            Self::ListSender => "list-sender",
            Self::SingleSmarthost => "single-smarthost",
            Self::NatOffice => "nat-office",
            Self::Monitor => "monitor",
            Self::MigratedServer => "migrated-server",
            Self::Bot => "bot",
            Self::OpenRelay => "open-relay",
            Self::RelayAbuser => "relay-abuser",
            Self::ForgedSource => "forged-source",
            Self::Closed => "closed",
            Self::Nobody => "nobody",
        }
    }

    /// How many of ten thousand hosts are of it; clients with one smarthost are all the others.
    pub(crate) const fn share(self) -> u64 {
        match self {
            Self::MailServer => 800,
            Self::OutboundGateway => 110,
            Self::ScatteredGateway => 15,
            Self::ListSender => 12,
            Self::NatOffice => 80,
            Self::Monitor => 8,
            Self::MigratedServer => 20,
            Self::Bot => 200,
            Self::OpenRelay => 20,
            Self::RelayAbuser => 200,
            Self::ForgedSource => 30,
            Self::Closed => 60,
            Self::Nobody => 200,
            Self::SingleSmarthost => 0,
        }
    }

    /// How many of a thousand have an address of IPv6.
    pub(crate) const fn newer(self) -> u64 {
        match self {
            Self::MailServer | Self::OutboundGateway | Self::Closed | Self::Nobody => 60,
            Self::ListSender => 100,
            Self::Bot => 20,
            _ => 0,
        }
    }

    /// The system that one of them runs.
    pub(crate) fn stack(self, chance: &mut Chance) -> Stack {
        let shares: [(Stack, usize); 5] = match self {
            Self::Bot | Self::RelayAbuser => {
                [(Stack::OldWindows, 40), (Stack::Windows, 35), (Stack::Bare, 10), (Stack::Linux, 12), (Stack::Bsd, 3)]
            }
            Self::SingleSmarthost | Self::NatOffice => {
                [(Stack::Windows, 55), (Stack::OldWindows, 15), (Stack::Linux, 15), (Stack::Bsd, 15), (Stack::Bare, 0)]
            }
            _ => [(Stack::Linux, 75), (Stack::Bsd, 12), (Stack::Windows, 13), (Stack::OldWindows, 0), (Stack::Bare, 0)],
        };
        let mut left = chance.below(100);
        for (stack, share) in shares {
            if left < share {
                return stack;
            }
            left -= share;
        }
        Stack::Linux
    }
}

/// A host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) class: Class,
    pub(crate) network: u16,
    /// Its number in the network.
    pub(crate) number: u32,
    pub(crate) is_newer: bool,
    pub(crate) stack: Stack,
    /// Hops between it and the exchange point.
    pub(crate) hops: u8,
    /// It does something from this minute on, and up to that one.
    pub(crate) since: u32,
    pub(crate) until: u32,
    /// Who has its place after that.
    pub(crate) heir: Option<u32>,
}

/// To whom a host sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Partners {
    /// Mail servers, the popular ones more often.
    Anyone,
    /// So many of its own, and with this probability anyone.
    Few { count: u32, strange: f32 },
    /// One host.
    One(u32),
}

/// One thing that a host does: so many connections a day, in a rhythm, to some, of kinds that a mix tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trade {
    pub(crate) host: u32,
    pub(crate) per_day: f32,
    pub(crate) rhythm: Rhythm,
    pub(crate) partners: Partners,
    pub(crate) mix: u16,
    /// The network whose clock the rhythm goes by.
    pub(crate) place: u16,
    /// It is done up to so many minutes later than the rhythm says.
    pub(crate) lag: u16,
}
