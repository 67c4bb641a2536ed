//! Sampled traffic of an exchange point of which it is known what every host is.
//!
//! [`Model`] is a seeded population of hosts and networks in countries of their own: mail servers, gateways, lists, clients,
//! bots, abused relays, and hosts that look abused and are not. [`Original`] is the capture of 2006 again, with exactly the
//! totals that were shown of it. [`Flood`] is many samples to measure speed with. Each writes what the switches would have sent
//! (sFlow of versions 2, 4 or 5) as a capture, and [`Written`] tells the truth about it.
//!
//! Everything is made up here, packet for packet: addresses and AS numbers are reserved ones, and payload is only there to be
//! thrown away. It says nothing of how real spammers behave beyond what it was told. Nothing is sent anywhere.

mod exchange;
mod flood;
mod frame;
mod host;
mod mix;
mod model;
mod net;
mod open;
mod original;
mod other;
mod output;
mod pcap;
mod population;
mod rhythm;
mod talk;
mod tally;
mod wire;

pub use flood::{Flood, MOST_FLOOD_HOSTS, SAMPLES};
pub use frame::MOST_HEADER;
pub use host::Class;
pub use model::{FEWEST_HOSTS, MOST_DAYS, MOST_HOSTS, MOST_RATE, Model};
pub use open::OPEN_HOURS;
pub use original::{BOTH, CLIENTS, FINS, HOURS, HUNDREDTH, Original, PACKETS, RSTS, SERVERS, SYN_ACKS, SYNS, TOP};
pub use output::{CAPTURE, Sums, Written, create};
pub use talk::NOBODYS_BUSINESS;
pub use tally::{Flags, Roles};
pub use wire::{UnknownVersion, Version};
