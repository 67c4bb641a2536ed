//! What happened to mail ([`maillog::Happening`]) to findings: which customers send spam or viruses, and why we think so.
//!
//! It reads no log, opens no file and asks no clock.
#![forbid(unsafe_code)]

mod acquaintance;
mod allow;
mod baseline;
mod desk;
mod detector;
mod diagnosis;
mod feedback;
mod finding;
mod hash;
mod hearing;
mod helo;
mod inbound;
mod interval;
mod judge;
mod load;
mod mailbox;
mod memory;
mod moment;
mod outbound;
mod pages;
mod proof;
mod reply;
mod rule;
mod sender;
mod sighting;
mod site;
mod subject;
mod sums;
mod threshold;
mod window;

pub use acquaintance::PAIR_DAYS;
pub use allow::{Exception, MOST_EXCEPTIONS, Refused, Scope};
pub use baseline::Usual;
pub use desk::{CASES_KEPT, Case, DAYS_KEPT, DayFigures, Desk, Said, Took};
pub use detector::{Detector, Place, Places, RestoreError, nowhere};
pub use diagnosis::{Class, Diagnosis};
pub use feedback::{TUNED_FROM, Tally, Verdict, WORDS_REMEMBERED, Word};
pub use finding::{Change, Finding, FindingId};
pub use hash::{Key, LONGEST_NAME};
pub use inbound::{BOUNCED_MAILBOXES, REMOTE_HELOS, SHARED_NAMES, SHARED_NETWORKS};
pub use interval::Interval;
pub use judge::{FORGOTTEN_AFTER, MOST_CHANGES, QUIET_AFTER};
pub use load::{Estimate, LONGEST, Load, MOST_ARRIVALS, MOST_BACKLOG, NoLoad};
pub use memory::{Counters, Room};
pub use moment::{LATE, LATE_WITNESSES, LEAP, WITNESSES};
pub use outbound::{HELO_NAMES, NETWORKS, REPEATED_KEYS, SENDER_DOMAINS};
pub use proof::{LONGEST_HOST, LONGEST_LINE, Line, Proof};
pub use reply::LONGEST_TEXT;
pub use rule::{RULES, Reading, Rule};
pub use site::{Domain, InvalidDomain, Site};
pub use subject::{Machine, Subject};
pub use sums::{MOST_SUMS, Sum, Sums};
pub use threshold::{OutOfRange, THRESHOLDS, Threshold, Thresholds};
pub use window::Volume;
