//! What the model hands to the driver: who is who, and when which client sends what to whom, with the fate that is wanted
//! for each recipient. It holds what is true; it knows no server.

use std::net::IpAddr;

use evidence::Time;
use serde::Serialize;

/// A planned time of a provider's mail server.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub start: Time,
    pub end: Time,
    /// In the order of their times.
    pub sessions: Vec<Session>,
    /// Everybody whom a detector may name, whether abused or not.
    pub subjects: Vec<Subject>,
    /// The names of addresses, as in a file `hosts`.
    pub names: Vec<(IpAddr, String)>,
    /// The mailboxes of the provider.
    pub mailboxes: Vec<String>,
}

/// A connection to the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub at: Time,
    pub source: IpAddr,
    pub door: Door,
    pub helo: String,
    /// The account under which it logs in.
    pub account: Option<String>,
    /// A login that is wrong, so that nothing follows.
    pub wrong_password: bool,
    pub mails: Vec<Mail>,
    /// Whose it is: a position in [`Plan::subjects`].
    pub subject: usize,
    pub doing: Doing,
}

/// Where a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Port 25: customers by their addresses, and the world.
    Mail,
    /// Port 587: customers by their accounts.
    Submission,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mail {
    /// Empty: the null sender.
    pub sender: String,
    pub recipients: Vec<Recipient>,
    /// Bytes of header and body, about.
    pub size: usize,
    /// Without its angle brackets.
    pub message_id: String,
    /// How many lines `Received:` it brings.
    #[serde(skip_serializing_if = "is_zero")]
    pub received: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recipient {
    pub address: String,
    pub fate: Fate,
}

/// What shall become of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    Delivered,
    /// Put off at the first attempt, delivered at the next.
    Deferred,
    /// No such user, said at RCPT.
    Unknown,
    /// Refused at RCPT for a policy.
    Policy,
    /// Refused at the end of the data for its content. All recipients of a message share it.
    Content,
    /// Refused at RCPT, because the provider's server is on a block list.
    Listed,
    /// Refused by the provider's server itself: no such mailbox, or too many lines `Received:`, which Exim takes and sends back.
    Refused,
}

/// Somebody whom a detector may name.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// An account, an address, or a prefix of 64 bits.
    pub name: String,
    pub place: Place,
    pub kind: Kind,
    /// When its abuse starts and ends, for those that are abused.
    pub abuse: Option<(Time, Time)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A customer of the provider.
    Inside,
    /// Somebody else.
    Outside,
}

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Normal,
    List,
    StaleNewsletter,
    NatOffice,
    ForwardingDomain,
    VacationStorm,
    NotificationFlood,
    UptimeMonitor,
    MigratedServer,
    BackscatterVictim,
    DirtyListSpammer,
    CleanListSpammer,
    StolenAccount,
    MassMailer,
    OpenRelay,
    Loop,
    BackscatterSource,
    BlockListed,
    DictionaryAttack,
    /// Somebody outside who sends mail to customers.
    Correspondent,
}

/// What a session is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Doing {
    /// What the subject does without being abused.
    Ordinary,
    /// What makes it a hard negative.
    Hard,
    Abuse,
}

impl Kind {
    /// All kinds of customers that look abused and are not.
    pub const HARD: [Self; 8] = [
        Self::StaleNewsletter,
        Self::NatOffice,
        Self::ForwardingDomain,
        Self::VacationStorm,
        Self::NotificationFlood,
        Self::UptimeMonitor,
        Self::MigratedServer,
        Self::BackscatterVictim,
    ];

    /// All kinds of abuse.
    pub const ABUSE: [Self; 9] = [
        Self::DirtyListSpammer,
        Self::CleanListSpammer,
        Self::StolenAccount,
        Self::MassMailer,
        Self::OpenRelay,
        Self::Loop,
        Self::BackscatterSource,
        Self::BlockListed,
        Self::DictionaryAttack,
    ];

    pub const fn is_abuse(self) -> bool {
        matches!(
            self,
            Self::DirtyListSpammer
                | Self::CleanListSpammer
                | Self::StolenAccount
                | Self::MassMailer
                | Self::OpenRelay
                | Self::Loop
                | Self::BackscatterSource
                | Self::BlockListed
                | Self::DictionaryAttack
        )
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::List => "list",
            Self::StaleNewsletter => "stale-newsletter",
            Self::NatOffice => "nat-office",
            Self::ForwardingDomain => "forwarding-domain",
            Self::VacationStorm => "vacation-storm",
            Self::NotificationFlood => "notification-flood",
            Self::UptimeMonitor => "uptime-monitor",
            Self::MigratedServer => "migrated-server",
            Self::BackscatterVictim => "backscatter-victim",
            Self::DirtyListSpammer => "dirty-list-spammer",
            Self::CleanListSpammer => "clean-list-spammer",
            Self::StolenAccount => "stolen-account",
            Self::MassMailer => "mass-mailer",
            Self::OpenRelay => "open-relay",
            Self::Loop => "loop",
            Self::BackscatterSource => "backscatter-source",
            Self::BlockListed => "block-listed",
            Self::DictionaryAttack => "dictionary-attack",
            Self::Correspondent => "correspondent",
        }
    }

    /// What a detector should say, in its own words; empty where it should say nothing.
    pub const fn diagnosis(self) -> &'static str {
        match self {
            Self::DirtyListSpammer | Self::CleanListSpammer | Self::StolenAccount => "compromised-account",
            Self::MassMailer => "virus",
            Self::OpenRelay => "open-relay",
            Self::Loop => "loop",
            Self::BackscatterSource => "backscatter",
            Self::BlockListed => "listed-elsewhere",
            Self::DictionaryAttack => "dictionary-attack",
            _ => "",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
