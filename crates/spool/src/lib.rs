//! What a sensor caught, on its way to the collector: written to disk, shipped, received, each step durable before the
//! next begins.
//!
//! ```text
//! sensor                                             collector
//!   Spool ──► NNN.open ──► NNN.sealed ──► ship ══════► receive ──► Inbox ──► (lake)
//!             appended,     never written   PUT over     200 only after
//!             fsynced per   again, deleted  HTTP/2       fsync of file
//!             group         after the 200   with mTLS    and folder
//! ```
//!
//! The folder is the ledger: there is no index beside the files. A segment is append-only, each of its frames has a
//! length and a checksum, and a torn tail is cut and counted at the next start, never guessed ([`segment`]). Records are
//! delivered at least once; segments have an id, so that they take effect once ([`Inbox`]).
//!
//! The other way goes one thing alone: the table of block lists, which `ship` asks the collector for and puts beside the
//! segments.
//!
//! What this crate refuses to do: look into a record, beyond checking that it is one; connect to any address but the
//! one it is given; resolve a name.

mod answers;
pub mod frame;
mod handle;
mod handout;
mod identity;
mod inbox;
mod receive;
mod recovery;
mod roster;
mod seal;
pub mod segment;
mod ship;
mod writer;

pub use handle::Spool;
pub use handout::Handout;
pub use identity::{Authority, COLLECTOR_NAME, Identity, IdentityError, NETWORK_KEY, sensor_of_certificate};
pub use inbox::{Arrival, Inbox, InboxError, Put};
pub use receive::{ReceiveError, receive};
pub use recovery::{Recovery, SpoolError};
pub use roster::{FreeSeat, TakenSeat};
pub use seal::{Seal, SealError, SealKey};
pub use segment::SegmentId;
pub use ship::{Shipping, ship};
pub use writer::SpoolConfig;
