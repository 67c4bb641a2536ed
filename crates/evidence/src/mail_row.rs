//! What stands in the lake of mail that went through a provider's own servers: sums for each customer, what was found of
//! whom, and complaints of others.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::row::OfOrigin;
use crate::{Origin, Time};

/// Of whom a row speaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Party {
    pub kind: PartyKind,
    /// An account, or an address (`192.0.2.7`, `2001:db8::/64`), as shown; empty for the server itself.
    pub name: String,
    /// The address, where the party is one; of IPv6 the first of its /64.
    pub address: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartyKind {
    /// A customer who logged in, or a local user.
    Account,
    /// A customer without an account.
    Customer,
    /// A machine of others.
    Remote,
    /// The mail server itself.
    Server,
}

impl PartyKind {
    pub const ALL: [Self; 4] = [Self::Account, Self::Customer, Self::Remote, Self::Server];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Customer => "customer",
            Self::Remote => "remote",
            Self::Server => "server",
        }
    }
}

/// What a party did at one mail server in a quarter of an hour. Rows of the same party, server and quarter add up.
#[derive(Clone, Debug)]
pub struct CustomerRow {
    /// The start of the quarter.
    pub at: Time,
    /// The mail server, as its log names it.
    pub host: String,
    pub party: Party,
    pub origin: Origin,
    pub sums: MailSums,
    pub written_at: Time,
}

/// Sums over mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct MailSums {
    /// Messages that the server took, and their bytes where it told them.
    #[n(0)]
    pub messages: u64,
    #[n(1)]
    pub bytes: u64,
    /// First attempts, one for each recipient, and how they ended.
    #[n(2)]
    pub recipients: u64,
    #[n(3)]
    pub delivered: u64,
    #[n(4)]
    pub deferred: u64,
    #[n(5)]
    pub failed: u64,
    /// Of the failed and refused: recipients that do not exist.
    #[n(6)]
    pub unknown: u64,
    /// Recipients, senders and messages that the server would not take.
    #[n(7)]
    pub refused: u64,
    #[n(8)]
    pub spams: u64,
    #[n(9)]
    pub viruses: u64,
    /// Logins that failed.
    #[n(10)]
    pub logins_failed: u64,
}

/// What was found of a party, when it changed; or what a person said of it.
#[derive(Clone, Debug)]
pub struct FindingRow {
    /// When this was told.
    pub told_at: Time,
    /// The number of the finding.
    pub finding: u64,
    /// `opened`, `changed`, `quiet`, or a person's word: `right`, `wrong`, `informed`, `fixed`.
    pub change: &'static str,
    /// Who said a word; `None` where a program told.
    pub by: Option<String>,
    pub party: Party,
    pub origin: Origin,
    pub diagnosis: &'static str,
    pub class: &'static str,
    /// How likely abuse is, in thousandths.
    pub probability: u16,
    pub opened_at: Time,
    /// When it was first called abuse.
    pub abuse_since: Option<Time>,
    pub first_seen: Time,
    pub last_seen: Time,
    pub messages: u64,
    pub recipients: u64,
    pub failed: u64,
    pub strangers: u64,
    pub spams: u64,
    pub viruses: u64,
    /// Names of the rules that hold.
    pub rules: Vec<String>,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// Lines of logs that show it, as shown.
    pub lines: Vec<String>,
    /// The finding of the same party before this one.
    pub again: Option<u64>,
}

/// A complaint of others about mail from here.
#[derive(Clone, Debug)]
pub struct ComplaintRow {
    /// When it came in.
    pub received_at: Time,
    /// The digest of the complaint: it counts once, however often it is read.
    pub sha256: [u8; 32],
    /// The format, such as `arf`.
    pub format: String,
    /// What is complained of, such as `spam`, as the format has it.
    pub kind: String,
    /// The address complained of, and whether it was not said but taken from the mail's own lines.
    pub source: Option<IpAddr>,
    pub derived: bool,
    pub source_port: Option<u16>,
    pub origin: Origin,
    /// When it happened, as the complaint says.
    pub happened_at: Option<Time>,
    /// Who complains: a domain.
    pub reporter: Option<String>,
    /// The envelope sender or account of the mail.
    pub account: Option<String>,
    pub message_id: Option<String>,
    /// How many mails it stands for.
    pub incidents: u64,
}

impl OfOrigin for CustomerRow {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl OfOrigin for FindingRow {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl OfOrigin for ComplaintRow {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}
