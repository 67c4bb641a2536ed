//! Sampled packets to hosts that send mail: who sends, who serves, and what that looks like.
//!
//! A [`Day`] counts the packets of port 25 by host, exactly, in at most 256 bytes a host. [`Sealed`] days are kept in a
//! [`Ledger`], from which come the [`Report`] that spamHINTS printed, the [`Features`] of each host and a [`Verdict`] with its
//! evidence. [`Rows`] are what a lake keeps of five minutes. How many there are that nobody found: [`chapman`], [`three_lists`].
//!
//! This crate opens no file or socket and reads no clock: packets come with their time, seeds and tables are arguments. It
//! never looks at payload. From headers it can say what is unusual, not what was in the mail nor whether it was wanted.
//!
//! ```
//! use std::sync::Arc;
//!
//! use fingerprint::Catalogue;
//! use sflow::{Flags, Packet};
//! use traffic::{Bounds, Date, Day, Ledger, Report, Sealed};
//!
//! let at: evidence::Time = "2006-06-01T09:30:00Z".parse().unwrap();
//! let packet = Packet {
//!     source: "192.0.2.7:4000".parse().unwrap(),
//!     destination: "198.51.100.1:25".parse().unwrap(),
//!     flags: Flags(Flags::SYN),
//!     bytes: 48,
//!     header: &[],
//!     source_as: None,
//!     destination_as: None,
//!     rate: 2048,
//! };
//! let mut day = Day::new(Date::of(at), Bounds::DEFAULT, 1, Arc::new(Catalogue::embedded()));
//! day.take(at, packet.rate, &packet);
//!
//! let mut ledger = Ledger::default();
//! ledger.push(Sealed::of(&mut day));
//! let report = Report::of(&ledger, |_| evidence::Origin::default());
//! assert_eq!((report.roles.addresses, report.packets.rows[1].estimate.value), (2, 2048.0));
//! ```
#![forbid(unsafe_code)]

mod clue;
mod code;
mod day;
mod estimate;
mod features;
mod histogram;
mod host;
mod hours;
mod key;
mod kind;
mod ledger;
mod model;
mod open;
mod outline;
mod pairs;
mod parts;
mod recapture;
mod report;
mod rows;
mod sealed;
mod spread;
mod sprt;
mod survey;
mod system;
mod table;
mod text;
mod totals;
mod verdict;

pub use clue::{Clue, Share, Sight};
pub use day::{Bounds, Date, Day, Missed};
pub use estimate::{Estimate, Seen, Weighed, ratio};
pub use features::{Features, Lengths, NEW_AFTER, Place, WITHIN_A_CONNECTION};
pub use histogram::Histogram;
pub use host::{Host, Role, Side, WEEK};
pub use hours::{Hours, lag_correlation};
pub use kind::{COMMAND, FULL, Kind, SMTP, SUBMISSION};
pub use ledger::{DAYS, Ledger, REMEMBERED, RestoreError};
pub use model::Footing;
pub use recapture::{Dependences, ENOUGH, Recapture, ThreeLists, chapman, three_lists};
pub use report::{AsRow, Ases, PacketRow, Packets, Report, Roles, TOP, Unseen};
pub use rows::{LATE, MOST_HOSTS, MOST_OPEN, Rows, Slot, Told, verdict_row};
pub use sealed::Sealed;
pub use spread::{Count, LISTED};
pub use sprt::{Outcome, Test};
pub use survey::Survey;
pub use system::Systems;
pub use text::{Coverage, Text};
pub use totals::Totals;
pub use verdict::{
    BOT_DESTINATIONS, COARSE, Class, DOUBT, DOUBT_OF_ABUSE, DOUBT_OF_COARSE, DOUBT_OF_FEW, Evidence, SAMPLES, Verdict,
    WELL_SEEN,
};
