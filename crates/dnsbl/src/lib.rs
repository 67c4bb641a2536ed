//! Asks DNS block lists (RFC 5782) about addresses, for a collector.
//!
//! ```text
//! want(address) ─► queue ─► one question at a time: A, then TXT ─► memory ─► about(address), listed()
//!                  (bounded)  (paced; longer pauses after failures) (bounded, each answer for its time)
//! ```
//!
//! Whoever wants to know waits for nothing: [`Zone::want`] puts an address into a queue, [`Zone::about`] says what is known.
//! A list is believed only while it passes its own test, which every such list has: `127.0.0.2` is listed and `127.0.0.1`
//! is not. So a resolver that invents answers lists nobody.
//!
//! What this crate refuses to do: ask any but the resolver that it is given; be part of a sensor, which asks nobody.

#![forbid(unsafe_code)]

mod memory;
mod question;
mod zone;

pub use question::Verdict;
pub use zone::{Zone, ZoneConfig};
