//! What a complaint says, whatever its format.

use std::net::IpAddr;

use evidence::Time;

use crate::fault::Fault;
use crate::recipient::Recipients;
use crate::text::kept;

/// A report of somebody else about mail from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub format: Format,
    /// What is complained of, in lower case: `abuse`, `fraud`, `virus`, `spam`, … as the format has it.
    pub kind: String,
    /// The address complained of.
    pub source: Option<IpAddr>,
    /// Whether that address was not said, but taken from the lines of the mail complained of.
    pub derived: bool,
    pub source_port: Option<u16>,
    /// When it happened: when the mail complained of arrived.
    pub happened_at: Option<Time>,
    /// What tells that time.
    pub timed_by: Option<TimedBy>,
    /// When the report was written, where it came by mail, as it says.
    pub reported_at: Option<Time>,
    /// When the report came in, as the topmost `Received` tells.
    pub received_at: Option<Time>,
    /// Who complains: a domain.
    pub reporter: Option<String>,
    /// The program that wrote the report.
    pub agent: Option<String>,
    /// The envelope sender, else the sender, of the mail complained of.
    pub account: Option<String>,
    pub message_id: Option<String>,
    /// The name that the mail had at the provider who complains.
    pub envelope_id: Option<String>,
    /// How the mail complained of passed through a host of our own.
    pub passage: Option<Passage>,
    /// Who got the mail complained of.
    pub recipients: Recipients,
    /// Domains that are complained of.
    pub domains: Vec<String>,
    /// Addresses of the web that are complained of.
    pub urls: Vec<String>,
    /// What of the authentication failed: `dkim`, `spf`, `dmarc`, …
    pub failed: Option<String>,
    /// How many mails it stands for; at least 1.
    pub incidents: u32,
    /// Where it breaks its format, and is read nevertheless.
    pub faults: Vec<Fault>,
}

impl Complaint {
    /// One that tells nothing yet.
    pub(crate) fn new(format: Format, kind: &str) -> Self {
        Self {
            format,
            kind: kept(kind).unwrap_or_default().to_ascii_lowercase(),
            source: None,
            derived: false,
            source_port: None,
            happened_at: None,
            timed_by: None,
            reported_at: None,
            received_at: None,
            reporter: None,
            agent: None,
            account: None,
            message_id: None,
            envelope_id: None,
            passage: None,
            recipients: Recipients::default(),
            domains: Vec::new(),
            urls: Vec::new(),
            failed: None,
            incidents: 1,
            faults: Vec::new(),
        }
    }

    /// What is complained of, in words that all formats share.
    pub fn class(&self) -> Class {
        match self.kind.rsplit('/').next().unwrap_or_default() {
            "abuse" | "spam" | "bulk_messaging" | "mail-abuse" => Class::Spam,
            "virus" | "malware" | "botnet" | "malware-attack" => Class::Virus,
            "fraud" | "phishing" => Class::Fraud,
            "auth-failure" => Class::AuthFailure,
            "opt-out" | "opt-out-list" => Class::OptOut,
            _ => Class::Other,
        }
    }
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Arf,
    /// X-ARF 0.2: YAML in a mail.
    Xarf0,
    /// Versions alpha, 1, 2, 3 and development of abusix/xarf.
    Xarf3,
    Xarf4,
    /// A mail passed on as it came, under a subject that says so (the junk mail reports of Outlook).
    Forwarded,
}

impl Format {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arf => "arf",
            Self::Xarf0 => "xarf-0.2",
            Self::Xarf3 => "xarf-3",
            Self::Xarf4 => "xarf-4",
            Self::Forwarded => "forwarded",
        }
    }
}

/// What is complained of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Spam,
    Virus,
    Fraud,
    AuthFailure,
    OptOut,
    /// Its name is in [`Complaint::kind`].
    Other,
}

impl Class {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Virus => "virus",
            Self::Fraud => "fraud",
            Self::AuthFailure => "auth-failure",
            Self::OptOut => "opt-out",
            Self::Other => "other",
        }
    }
}

/// What tells when it happened; the first that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedBy {
    /// A field of the report.
    Report,
    /// The topmost `Received` of the mail complained of: the clock of who complains.
    Received,
    /// `Date` of the mail complained of: the word of who sent it.
    Date,
}

impl TimedBy {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Received => "received",
            Self::Date => "date",
        }
    }
}

/// How the mail complained of was handed in at a host of our own, as its `Received` says. Whoever sends can write such a
/// line: it is a hint, to be looked up in the log of that host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Our host.
    pub host: String,
    /// Who handed it in there.
    pub client: Option<IpAddr>,
    /// The name that it had there, as in the log of the host.
    pub queue_id: Option<String>,
    /// Who was logged in.
    pub login: Option<String>,
    pub at: Option<Time>,
}
