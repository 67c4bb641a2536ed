//! Where an address was in the Internet on the day it was seen: announced prefix, AS, name, country.
//!
//! A [`Table`] is what one source said on one date. [`load`] reads tables in the formats in which they are published,
//! [`Table::encode`] keeps them small, and an [`Atlas`] answers from the table whose date fits the observation:
//! prefixes change hands, so today's table is wrong about yesterday's spam. [`embedded()`] is a table of ranges and a
//! table of countries that are always there.
//!
//! This crate opens no file, asks no registry and reads no clock. It estimates where an address *was*, from tables of
//! others; it does not say who used it.
//!
//! ```
//! use evidence::Time;
//! use origin::{Announcement, Atlas, Rows, Table};
//!
//! let rib = |date: &str, prefix: &str, asn| {
//!     let row = Announcement::new(prefix.parse().unwrap(), asn);
//!     Table::new("rib", date.parse().unwrap(), Rows::Announcements(vec![row])).unwrap()
//! };
//! let atlas = Atlas::new([rib("2008-05-01", "192.0.2.0/24", 64496), rib("2014-05-13", "192.0.2.0/25", 64511)]);
//!
//! let seen_at: Time = "2010-05-17T21:30:00Z".parse().unwrap();
//! let seen = atlas.lookup("192.0.2.7".parse().unwrap(), seen_at);
//! assert_eq!((seen.asn, &*seen.tables), (Some(64496), "rib-2008-05-01"));
//! ```
#![forbid(unsafe_code)]

mod address;
mod atlas;
mod column;
mod embedded;
mod format;
mod home;
pub mod load;
mod rows;
mod segments;
mod table;

pub use atlas::Atlas;
pub use embedded::{ATTRIBUTION, Credit, embedded};
pub use format::DecodeError;
pub use rows::{AddressRange, Announcement, AsName, MAX_ROWS, Rows};
pub use table::{Kind, Table, TableError};
