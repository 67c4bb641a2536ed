//! sFlow datagrams of versions 2, 4 and 5, read into the packets that were sampled ([`Packet`]), and captures of such
//! datagrams.
//!
//! Nothing of a payload is told or left: [`Decoder::read`] wipes the datagram that it reads of everything but the headers that
//! it tells. What could not be read is counted by [`Reason`], what is missing is in [`Coverage`]; nothing here fails.
#![forbid(unsafe_code)]

mod agents;
pub mod capture;
mod count;
mod coverage;
mod decoder;
mod exporters;
mod hash;
mod header;
mod ip;
mod link;
mod packet;
mod pass;
mod ports;
mod record;
mod sequence;
mod source;
mod v24;
mod v5;
mod words;

pub use agents::{Agent, MAX_AGENTS, MAX_SOURCES};
pub use count::{Counts, Reason};
pub use coverage::Coverage;
pub use decoder::Decoder;
pub use exporters::MAX_EXPORTERS;
pub use packet::{Flags, Packet};
pub use pass::Seen;
pub use ports::{MAX_PORTS, Ports};
pub use source::{Interface, MEASURED_BY, MEASURED_OVER, MOST_ABOVE, MOST_APART, Scale, Source, SourceId};
