//! Dumps of routers' tables in MRT: TABLE_DUMP and TABLE_DUMP_V2 (RFC 6396), the latter also with path ids (RFC 8050).
//!
//! Own code, and not `bgpkit-parser`, because we want one number of each path: that library (0.23) brings 34 packages
//! with it and builds every attribute of every peer's route in memory. What is read here is lengths and AS paths; all
//! else is stepped over.
//!
//! A prefix has one row for each origin that some peer sees, with the number of those peers; the table takes the one
//! with most. The origin is the last AS of the path: of a set at the end the smallest, as a set has no order; of a
//! confederation's segment none, as it is not seen outside. An empty path, the collector's own, has no origin.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evidence::{IpNet, Time};

use super::input::Input;
use super::{LoadError, Notes, Parsed};
use crate::{Announcement, MAX_ROWS, Rows, TableError};

/// Longest record. We chose what the routes of ten thousand peers to one prefix fit into; a longer one is an error.
const MAX_RECORD: u32 = 16 << 20;

const HEADER: u64 = 12;

/// Years in which a record can have been made, as seconds since 1970: 1990 to 2100. Elsewhere it is no MRT.
const SECONDS: std::ops::Range<u32> = 631_152_000..4_102_444_800;

const TABLE_DUMP: u16 = 12;
const TABLE_DUMP_V2: u16 = 13;

/// Takes the place of an AS number of 32 bits in a path of 16 (RFC 6793).
const AS_TRANS: u32 = 23456;

type Fault = &'static str;

pub(super) fn read(input: &mut Input<'_>, notes: &mut Notes) -> Result<Parsed, LoadError> {
    let mut routes = Routes::default();
    let mut date = None;
    let mut offset = 0;
    let mut bytes = Vec::new();
    loop {
        input.up_to(HEADER, &mut bytes)?;
        let Some(header) = Header::of(&bytes) else {
            if input.is_cut() || !bytes.is_empty() {
                notes.truncated_at = Some(offset);
            }
            break;
        };
        if header.length > MAX_RECORD {
            return Err(LoadError::Record { offset, reason: "longer than a record can be" });
        }
        input.up_to(header.length.into(), &mut bytes)?;
        if bytes.len() as u64 != u64::from(header.length) {
            notes.truncated_at = Some(offset);
            break;
        }
        date.get_or_insert(Time::from_micros(i64::from(header.seconds) * 1_000_000));
        routes.record(&header, Bytes(&bytes), notes).map_err(|reason| LoadError::Record { offset, reason })?;
        if routes.rows.len() > MAX_ROWS {
            return Err(TableError::TooManyRows(routes.rows.len()).into());
        }
        offset += HEADER + u64::from(header.length);
    }
    routes.close();
    Ok(Parsed { rows: Rows::Announcements(routes.rows), date })
}

/// Whether bytes begin with a record of a table dump.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.get(..HEADER as usize).and_then(Header::of).is_some_and(|header| {
        matches!((header.kind, header.subtype), (TABLE_DUMP, 1..=2) | (TABLE_DUMP_V2, 1..=12))
            && header.length <= MAX_RECORD
            && SECONDS.contains(&header.seconds)
    })
}

struct Header {
    seconds: u32,
    kind: u16,
    subtype: u16,
    length: u32,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let (seconds, kind, subtype, length) =
            (bytes.u32().ok()?, bytes.u16().ok()?, bytes.u16().ok()?, bytes.u32().ok()?);
        Some(Self { seconds, kind, subtype, length })
    }
}

/// The rows so far, and the prefix whose paths are being read: TABLE_DUMP has a record for each peer's path to it.
#[derive(Default)]
struct Routes {
    rows: Vec<Announcement>,
    prefix: Option<IpNet>,
    votes: BTreeMap<u32, u32>,
}

impl Routes {
    fn record(&mut self, header: &Header, body: Bytes<'_>, notes: &mut Notes) -> Result<(), Fault> {
        match (header.kind, header.subtype) {
            (TABLE_DUMP, 1) => self.path(Family::V4, body, notes),
            (TABLE_DUMP, 2) => self.path(Family::V6, body, notes),
            (TABLE_DUMP_V2, 2) => self.paths(Family::V4, false, body, notes),
            (TABLE_DUMP_V2, 4) => self.paths(Family::V6, false, body, notes),
            (TABLE_DUMP_V2, 8) => self.paths(Family::V4, true, body, notes),
            (TABLE_DUMP_V2, 10) => self.paths(Family::V6, true, body, notes),
            (TABLE_DUMP_V2, 1) => Ok(()), // the list of peers
            _ => {
                notes.other_records += 1;
                Ok(())
            }
        }
    }

    /// TABLE_DUMP: view, number, prefix, length, status, time, peer's address and AS, attributes.
    fn path(&mut self, family: Family, mut body: Bytes<'_>, notes: &mut Notes) -> Result<(), Fault> {
        body.take(2 + 2)?;
        let network = body.take(family.octets())?;
        let prefix = family.prefix(network, body.u8()?)?;
        body.take(1 + 4 + family.octets() + 2)?;
        let length = body.u16()?;
        let attributes = body.take(length.into())?;
        self.vote(prefix, origin(attributes, Width::Two)?, notes);
        Ok(())
    }

    /// TABLE_DUMP_V2: number, length, prefix, then for each path the peer, the time, an id if there are ids, attributes.
    fn paths(&mut self, family: Family, ids: bool, mut body: Bytes<'_>, notes: &mut Notes) -> Result<(), Fault> {
        body.take(4)?;
        let length = body.u8()?;
        let prefix = family.prefix(body.take(usize::from(length).div_ceil(8))?, length)?;
        for _ in 0..body.u16()? {
            body.take(2 + 4 + if ids { 4 } else { 0 })?;
            let length = body.u16()?;
            let attributes = body.take(length.into())?;
            self.vote(prefix, origin(attributes, Width::Four)?, notes);
        }
        Ok(())
    }

    fn vote(&mut self, prefix: IpNet, origin: Option<u32>, notes: &mut Notes) {
        if self.prefix != Some(prefix) {
            self.close();
            self.prefix = Some(prefix);
            notes.default_routes += u64::from(prefix.prefix_len() == 0);
        }
        match origin {
            _ if prefix.prefix_len() == 0 => {}
            None | Some(0) => notes.without_value += 1,
            Some(asn) => *self.votes.entry(asn).or_default() += 1,
        }
    }

    /// Ends the paths of the current prefix.
    fn close(&mut self) {
        if let Some(prefix) = self.prefix.take() {
            let votes = std::mem::take(&mut self.votes).into_iter();
            self.rows.extend(votes.map(|(asn, votes)| Announcement { prefix, asn, votes }));
        }
    }
}

/// The last AS of the path among the attributes of a route.
fn origin(attributes: &[u8], width: Width) -> Result<Option<u32>, Fault> {
    const EXTENDED_LENGTH: u8 = 0x10;
    const AS_PATH: u8 = 2;
    const AS4_PATH: u8 = 17;

    let mut attributes = Bytes(attributes);
    let (mut last, mut last_of_four) = (None, None);
    while !attributes.0.is_empty() {
        let (flags, kind) = (attributes.u8()?, attributes.u8()?);
        let length = if flags & EXTENDED_LENGTH == 0 { attributes.u8()?.into() } else { attributes.u16()?.into() };
        let value = attributes.take(length)?;
        match kind {
            AS_PATH => last = last_as(value, width)?,
            AS4_PATH => last_of_four = last_as(value, Width::Four)?,
            _ => {}
        }
    }
    Ok(match (width, last) {
        (Width::Two, Some(AS_TRANS)) => last_of_four.or(last),
        _ => last,
    })
}

/// The last AS of a path.
fn last_as(path: &[u8], width: Width) -> Result<Option<u32>, Fault> {
    let mut path = Bytes(path);
    let mut last = None;
    while !path.0.is_empty() {
        let (kind, count) = (path.u8()?, path.u8()?);
        let members = path.take(usize::from(count) * width as usize)?;
        let mut numbers = members.chunks_exact(width as usize).map(number);
        match kind {
            1 => last = numbers.min().or(last),
            2 => last = numbers.next_back().or(last),
            3 | 4 => {} // of a confederation
            _ => return Err("a part of an AS path of unknown kind"),
        }
    }
    Ok(last)
}

/// Bytes of an AS number in a path.
#[derive(Clone, Copy)]
enum Width {
    Two = 2,
    Four = 4,
}

#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    const fn octets(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }

    /// A prefix from its first bytes, which may have bits set beyond its length.
    fn prefix(self, network: &[u8], length: u8) -> Result<IpNet, Fault> {
        let mut octets = [0; 16];
        octets.get_mut(..network.len()).ok_or("a prefix longer than an address")?.copy_from_slice(network);
        let address: IpAddr = match self {
            Self::V4 => Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into(),
            Self::V6 => Ipv6Addr::from(octets).into(),
        };
        IpNet::new(address, length).map(|prefix| prefix.trunc()).map_err(|_| "a prefix longer than an address")
    }
}

/// Bytes of a record not yet read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("shorter than what it says it holds")?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, Fault> {
        Ok(number(self.take(2)?) as u16)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        self.take(4).map(number)
    }
}

/// A big-endian number of up to four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
