//! Tables in the formats in which they are published.
//!
//! [`read`] takes any of them, packed or not, and finds out by the content which one it is. A file is taken whole or
//! refused with the place of the fault. Two things are not faults and are counted in [`Notes`]: rows that say nothing
//! usable, and a file that ends in the middle. Whether a cut table may be used is the caller's decision.
//!
//! xz is not unpacked: we met no such table in it, and it would be one more decoder to trust.

mod date;
mod input;
mod mmdb;
mod mrt;
mod names;
mod prefixes;
mod ranges;

use std::fmt;
use std::io::{self, Read};
use std::net::IpAddr;

use evidence::{Time, shown};

use crate::format::MAGIC;
use crate::rows::MAX_ROWS;
use crate::{DecodeError, Rows, Table, TableError};
use input::Input;

/// Reads a table.
///
/// `file_name` gives the table its name, and its date where the content has none. `date` goes before both. Only an
/// encoded table keeps the name and date that it has.
pub fn read(input: impl Read, file_name: &str, date: Option<Time>) -> Result<Loaded, LoadError> {
    let mut input = Input::open(input)?;
    let format = detect(input.head()).ok_or(LoadError::Format)?;
    let mut notes = Notes::default();
    let parsed = match format {
        Format::Encoded => return encoded(&mut input),
        Format::Mrt => mrt::read(&mut input, &mut notes)?,
        Format::Mmdb => mmdb::read(&mut input, &mut notes)?,
        Format::Prefixes => prefixes::read(&mut input, &mut notes)?.into(),
        Format::Ranges => ranges::read(&mut input, &mut notes)?.into(),
        Format::NamesJson => names::read_json(&mut input, &mut notes)?.into(),
        Format::Names => names::read_lines(&mut input, &mut notes)?.into(),
    };
    if parsed.rows.is_empty() {
        return Err(LoadError::Empty { format, truncated: notes.truncated_at.is_some() });
    }
    let named = date::FileName::of(file_name);
    let date = date.or(parsed.date).or(named.date).ok_or_else(|| LoadError::Date(shown(file_name.as_bytes())))?;
    notes.rows = parsed.rows.len() as u64;
    let (table, conflicts) = Table::build(&named.table_name(parsed.rows.kind()), date, parsed.rows)?;
    notes.duplicates += conflicts.duplicates;
    notes.overlaps += conflicts.overlaps;
    Ok(Loaded { table, format, notes })
}

/// What the first bytes of an unpacked file show it to be.
pub fn detect(head: &[u8]) -> Option<Format> {
    if head.starts_with(MAGIC) {
        return Some(Format::Encoded);
    }
    if mrt::is_header(head) {
        return Some(Format::Mrt);
    }
    if head.contains(&0) {
        return Some(Format::Mmdb); // its mark is at the end of the file; the reader looks for it
    }
    let lines = head.split(|byte| *byte == b'\n').filter(|line| !input::is_comment(line));
    let mut lines = lines.map(|line| str::from_utf8(line).unwrap_or_default().trim());
    let first = lines.next()?;
    let line = if ranges::is_head(first) { lines.next()? } else { first };
    match line {
        _ if line.starts_with('{') => Some(Format::NamesJson),
        _ if prefixes::is_row(line) => Some(Format::Prefixes),
        _ if ranges::is_row(line) => Some(Format::Ranges),
        _ if names::is_row(line) => Some(Format::Names),
        _ => None,
    }
}

/// A table read from a file, with what is to be known of the reading.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub table: Table,
    pub format: Format,
    pub notes: Notes,
}

/// The formats that are read, each also packed by gzip, bzip2 or zstd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// What [`Table::encode`] writes.
    Encoded,
    /// A dump of a router's table: MRT TABLE_DUMP or TABLE_DUMP_V2 (RFC 6396, RFC 8050).
    Mrt,
    /// MaxMind DB, of ASes or of countries.
    Mmdb,
    /// Lines of prefix and AS: pyasn's (`192.0.2.0/24 64496`) or CAIDA's pfx2as (`192.0.2.0 24 64496_64511`).
    Prefixes,
    /// Comma-separated first address, last address, and AS number with name, or country.
    Ranges,
    /// pyasn's `{"64496": "NAME - Organisation, CC"}`.
    NamesJson,
    /// Lines `AS64496 NAME - Organisation, CC`, with or without the `AS`.
    Names,
}

impl Format {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encoded => "encoded table",
            Self::Mrt => "MRT table dump",
            Self::Mmdb => "MaxMind DB",
            Self::Prefixes => "lines of prefixes",
            Self::Ranges => "comma-separated ranges",
            Self::NamesJson => "AS names in JSON",
            Self::Names => "lines of AS names",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was met while reading and is no fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Rows in the table. In a routing table, one for each prefix and origin.
    pub rows: u64,
    /// Default routes, left out: they cover everything and say nothing.
    pub default_routes: u64,
    /// Rows without an AS number, country or name, left out: AS 0, `ZZ`, an empty path, a reserved AS.
    pub without_value: u64,
    /// Records of other things than unicast routes, left out.
    pub other_records: u64,
    /// Rows that repeat the prefix and origin, or the range, of another; of two ranges the last one holds.
    pub duplicates: u64,
    /// Ranges that share addresses with another; the one that starts later holds, then the shorter.
    pub overlaps: u64,
    /// Where the file ended although it was not at its end: bytes after unpacking. What came before is in the table.
    pub truncated_at: Option<u64>,
}

impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.rows)?;
        for (count, what) in [
            (self.default_routes, "default routes left out"),
            (self.without_value, "rows without a value left out"),
            (self.other_records, "other records left out"),
            (self.duplicates, "duplicates"),
            (self.overlaps, "overlaps"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        self.truncated_at.map_or(Ok(()), |at| write!(f, "; the file is cut off at byte {at}"))
    }
}

/// Why a file is no table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    #[error("the file cannot be read or unpacked")]
    Unreadable(#[source] io::Error),
    #[error("the file unpacks to more than {0} bytes")]
    TooLarge(u64),
    #[error("the file is in none of the formats known here")]
    Format,
    #[error("line {line}: {reason}")]
    Line { line: u64, reason: String },
    #[error("record at byte {offset}: {reason}")]
    Record { offset: u64, reason: &'static str },
    #[error("the MaxMind DB cannot be read")]
    Mmdb(#[source] Box<maxminddb::MaxMindDbError>),
    #[error("the JSON cannot be read")]
    Json(#[source] serde_json::Error),
    #[error("no usable row in the {format}{}", if *.truncated { ", which is cut off" } else { "" })]
    Empty { format: Format, truncated: bool },
    #[error("`{0}` has no date in its content or name: give the date of the table")]
    Date(String),
    #[error("the encoded table cannot be read")]
    Encoded(#[from] DecodeError),
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Rows of a file, and the date that the file gives them.
struct Parsed {
    rows: Rows,
    date: Option<Time>,
}

impl From<Rows> for Parsed {
    fn from(rows: Rows) -> Self {
        Self { rows, date: None }
    }
}

fn encoded(input: &mut Input<'_>) -> Result<Loaded, LoadError> {
    let table = Table::decode(&input.rest(input::MAX_WHOLE)?)?;
    let notes = Notes { rows: table.rows(), ..Notes::default() };
    Ok(Loaded { table, format: Format::Encoded, notes })
}

/// Adds a row, as long as a table may have one more.
fn push<T>(rows: &mut Vec<T>, row: T) -> Result<(), LoadError> {
    if rows.len() == MAX_ROWS {
        return Err(TableError::TooManyRows(MAX_ROWS + 1).into());
    }
    rows.push(row);
    Ok(())
}

fn address(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok()
}

/// An AS number, with or without `AS` before it.
fn as_number(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
