//! Lines of announced prefixes: pyasn's two columns and CAIDA's three.
//!
//! CAIDA lists several origins of a prefix as `1_2`, most frequent first, and a set as `1,2`: the first one is taken.

use std::net::IpAddr;

use evidence::IpNet;

use super::input::{Input, Lines, wrong};
use super::{LoadError, Notes, address, as_number, push};
use crate::{Announcement, Rows};

pub(super) fn read(input: &mut Input<'_>, notes: &mut Notes) -> Result<Rows, LoadError> {
    let mut lines = Lines::new(input);
    let mut rows = Vec::new();
    while let Some(line) = lines.next(notes)? {
        let (prefix, asn) = match row(line) {
            Ok(row) => row,
            Err(reason) => return Err(lines.error(reason)),
        };
        match (prefix.prefix_len(), asn) {
            (0, _) => notes.default_routes += 1,
            (_, 0) => notes.without_value += 1,
            _ => push(&mut rows, Announcement::new(prefix, asn))?,
        }
    }
    Ok(Rows::Announcements(rows))
}

/// Whether a line begins with a prefix in either form.
pub(super) fn is_row(line: &str) -> bool {
    let (network, rest) = line.split_once([' ', '\t', '/']).unwrap_or((line, ""));
    address(network).is_some() && rest.starts_with(|c: char| c.is_ascii_digit())
}

fn row(line: &str) -> Result<(IpNet, u32), String> {
    let mut fields = line.split_whitespace();
    let network = fields.next().unwrap_or_default();
    let (network, length) = match network.split_once('/') {
        Some((network, length)) => (network, length),
        None => (network, fields.next().ok_or("no length of the prefix")?),
    };
    let origin = fields.next().ok_or("no AS number")?;
    if let Some(more) = fields.next() {
        return Err(wrong(more, "expected behind the AS number"));
    }
    let network: IpAddr = address(network).ok_or_else(|| wrong(network, "an address"))?;
    let prefix = length.parse().ok().and_then(|length| IpNet::new(network, length).ok());
    let prefix = prefix.ok_or_else(|| wrong(length, "a length of its prefix"))?;
    if prefix != prefix.trunc() {
        return Err(format!("{prefix} has bits beyond its length"));
    }
    let first = origin.split(['_', ',']).next().unwrap_or_default();
    Ok((prefix, as_number(first).ok_or_else(|| wrong(origin, "an AS number"))?))
}
