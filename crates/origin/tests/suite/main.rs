//! The crate from outside: every format in, every answer out.
#![allow(clippy::unwrap_used, reason = "a test ends where something is wrong")]

mod corrupt;
mod embedded;
mod mmdb;
mod mrt;
mod oracle;
mod shared;
mod text;

use std::net::IpAddr;

use evidence::{Origin, Time};
use origin::load::{self, LoadError, Loaded};
use origin::{Atlas, Table};

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Loads bytes as of a day that no table names.
fn read(bytes: &[u8]) -> Result<Loaded, LoadError> {
    load::read(bytes, "fixture", Some(time("2020-02-02")))
}

/// What a table alone says of an address.
fn ask(table: Table, address: &str) -> Origin {
    Atlas::new([table]).lookup(ip(address), time("2020-02-02"))
}

/// Prefix and AS that a table gives.
fn route(table: &Table, address: &str) -> Option<(String, u32)> {
    let origin = ask(table.clone(), address);
    Some((origin.prefix?.to_string(), origin.asn?))
}
