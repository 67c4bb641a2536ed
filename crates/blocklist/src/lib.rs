//! Block lists as data: which addresses and prefixes are on which list, and what a server says that refuses them for it.
//!
//! A collector makes a [`Table`] of list files ([`parse`]) and of what it was told by DNS block lists; sensors are given
//! that table whole and look up their clients in it. So a sensor refuses who is listed, and asks nobody.
//!
//! ```
//! use blocklist::{Draft, Table};
//! use evidence::Time;
//!
//! let mut draft = Draft::default();
//! draft.add("192.0.2.0/24".parse()?, "zone.example", "see https://zone.example/$");
//! let table = draft.finish(1, Time::default());
//! let table = Table::decode(&table.encode())?;
//! let listing = table.find("192.0.2.7".parse()?).expect("it is listed");
//! assert_eq!(listing.reason("192.0.2.7".parse()?), "see https://zone.example/192.0.2.7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this crate refuses to do: open a file, ask anybody, know what time it is.

#![forbid(unsafe_code)]

mod file;
mod rows;
mod table;

pub use file::{ListError, parse};
pub use table::{Draft, Listing, MAX_BYTES, MAX_ENTRIES, MAX_REASON, STALE_AFTER, Table, TableError};
