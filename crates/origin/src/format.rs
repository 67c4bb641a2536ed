//! The file of a table: small, whole or refused.
//!
//! ```text
//! 8 bytes   magic
//! 1 byte    version of this layout
//! 32 bytes  SHA-256 of all that follows
//! rest      zstd: name, date, kind, rows, then the columns of AS numbers, AS names, their countries, countries,
//!           IPv4 segments, IPv6 segments; what a kind does not have is empty
//! ```
//!
//! The digest finds damage; it does not make a file of strangers trustworthy. So everything behind it is checked as if
//! it were hostile: counts and lengths have bounds, rows ascend, values exist. The bytes are a function of the table
//! and of the version of zstd.

use std::io::{self, Read};

use evidence::{Country, Time};
use sha2::{Digest, Sha256};

use crate::column::{Reader, Result, Writer};
use crate::rows::{AsName, MAX_ROWS};
use crate::segments::{Cover, NONE};
use crate::table::{Content, Kind, MAX_NAME, Route, System, Table, TableError};

/// First bytes of an encoded table. The control character stops a listing, the line end betrays a text-mode copy.
pub(crate) const MAGIC: &[u8; 8] = b"origin\x1A\n";

const VERSION: u8 = 1;
const DIGEST: usize = 32;

/// Most bytes that an encoded table unpacks to. We chose forty times what the larger embedded table takes (6 MB); a file
/// that has more is refused when it reaches that.
const MAX_UNPACKED: u64 = 256 << 20;

/// Most segments of a family: each row begins one and ends one.
const MAX_SEGMENTS: usize = 2 * MAX_ROWS + 1;

/// Most countries: all pairs of letters.
const MAX_COUNTRIES: usize = 26 * 26;

/// How hard zstd tries. We chose the level above which our tables become no smaller (by 0.03 % at the highest).
const LEVEL: i32 = 19;

/// Why bytes are no encoded table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    #[error("not an encoded table: it does not begin with the magic bytes")]
    Magic,
    #[error("layout {0} is not known here, only {VERSION}")]
    Version(u8),
    #[error("cut off in the header, after {0} bytes")]
    Header(usize),
    #[error("damaged: the digest does not match")]
    Digest,
    #[error("the packed columns cannot be unpacked")]
    Packed(#[source] io::Error),
    #[error("the columns unpack to more than {MAX_UNPACKED} bytes")]
    TooLarge,
    #[error("column `{column}`, row {row}: {reason}")]
    Column { column: &'static str, row: usize, reason: &'static str },
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Table {
    /// The table as bytes of a file.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let columns = columns(self);
        let packed = zstd::bulk::compress(&columns, LEVEL)?;
        let digest: [u8; DIGEST] = Sha256::digest(&packed).into();
        Ok([MAGIC, [VERSION].as_slice(), &digest, &packed].concat())
    }

    /// The table that [`Table::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(DecodeError::Magic)?;
        let (&version, rest) = rest.split_first().ok_or(DecodeError::Header(bytes.len()))?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let (digest, packed) = rest.split_first_chunk::<DIGEST>().ok_or(DecodeError::Header(bytes.len()))?;
        if Sha256::digest(packed).as_slice() != digest {
            return Err(DecodeError::Digest);
        }
        table(&unpack(packed)?)
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let mut columns = Vec::new();
    let decoder = zstd::Decoder::with_buffer(packed).map_err(DecodeError::Packed)?;
    decoder.take(MAX_UNPACKED + 1).read_to_end(&mut columns).map_err(DecodeError::Packed)?;
    if columns.len() as u64 > MAX_UNPACKED {
        return Err(DecodeError::TooLarge);
    }
    Ok(columns)
}

fn columns(table: &Table) -> Vec<u8> {
    let Content { kind, rows, systems, countries, cover } = &table.content;
    let mut writer = Writer::default();
    writer.count(table.name.len());
    writer.bytes(table.name.as_bytes());
    writer.bytes(&table.date.micros().to_le_bytes());
    writer.bytes(&[*kind as u8]);
    writer.number((*rows).into());

    writer.count(systems.len());
    let mut before = 0;
    for system in systems {
        writer.number((system.asn - before).into());
        before = system.asn;
    }
    let names = || systems.iter().map(|system| system.name.as_ref());
    writer.count(names().map(|name| name.map_or(0, |name| name.name().len()) + 1).sum());
    for name in names() {
        writer.bytes(name.map_or(b"", |name| name.name().as_bytes()));
        writer.bytes(b"\n"); // an inert name has no line end
    }
    names().for_each(|name| writer.bytes(&code(name.and_then(AsName::country))));

    writer.count(countries.len());
    countries.iter().for_each(|country| writer.bytes(&code(Some(*country))));

    writer.segments(&cover.v4);
    writer.segments(&cover.v6);
    writer.0
}

fn table(columns: &[u8]) -> Result<Table> {
    let mut reader = Reader::new(columns);
    let length = reader.column("name").count(MAX_NAME)?;
    let name = str::from_utf8(reader.bytes(length)?).map_err(|_| reader.error(0, "not UTF-8"))?;
    let date = reader.column("date").bytes(8)?;
    let date = date.try_into().map(i64::from_le_bytes).map_err(|_| reader.error(0, "not eight bytes"))?;
    let kind = usize::from(reader.column("kind").bytes(1)?[0]);
    let kind = *Kind::ALL.get(kind).ok_or_else(|| reader.error(0, "not a kind known here"))?;
    let rows = reader.column("rows").number(0)?;
    let rows = u64::try_from(rows).map_err(|_| reader.error(0, "more than 64 bits"))?;

    let asns = asns(&mut reader)?;
    let systems = systems(&mut reader, &asns)?;
    let countries = countries(&mut reader)?;
    let known = |value: u32, width: u8| match kind {
        _ if value == NONE => true,
        Kind::Announcements => {
            let route = Route::unpack(value);
            (1..=width).contains(&route.length) && (route.system as usize) < systems.len()
        }
        Kind::AsRanges => (value as usize) < systems.len(),
        Kind::Locations => (value as usize) < countries.len(),
        Kind::AsNames => false,
    };
    let v4 = reader.column("IPv4 segments").segments(MAX_SEGMENTS, |value| known(value, 32))?;
    let v6 = reader.column("IPv6 segments").segments(MAX_SEGMENTS, |value| known(value, 128))?;
    if !reader.is_at_end() {
        return Err(reader.error(0, "bytes follow the last column"));
    }
    let cover = Cover { v4, v6 };
    Ok(Table::from_content(name, Time::from_micros(date), Content { kind, rows, systems, countries, cover })?)
}

fn asns(reader: &mut Reader<'_>) -> Result<Vec<u32>> {
    let count = reader.column("AS numbers").count(MAX_ROWS)?;
    let mut asns = Vec::with_capacity(count);
    let mut asn = 0_u32;
    for row in 0..count {
        let step = u32::try_from(reader.number(row)?).ok().filter(|step| row == 0 || *step > 0);
        asn = step.and_then(|step| asn.checked_add(step)).ok_or_else(|| reader.error(row, "not ascending"))?;
        asns.push(asn);
    }
    Ok(asns)
}

fn systems(reader: &mut Reader<'_>, asns: &[u32]) -> Result<Vec<System>> {
    let length = reader.column("AS names").count(usize::MAX)?;
    let text = str::from_utf8(reader.bytes(length)?).map_err(|_| reader.error(0, "not UTF-8"))?;
    let codes = reader.bytes(2 * asns.len())?;
    let mut names = text.split_terminator('\n');
    let mut systems = Vec::with_capacity(asns.len());
    for (row, (&asn, code)) in asns.iter().zip(codes.chunks_exact(2)).enumerate() {
        let name = names.next().ok_or_else(|| reader.error(row, "fewer names than AS numbers"))?;
        let country = country(code).map_err(|()| reader.error(row, "not a country"))?;
        let name = match (name, country) {
            ("", None) => None,
            _ => Some(AsName::stored(name, country).ok_or_else(|| reader.error(row, "not a name"))?),
        };
        systems.push(System { asn, name });
    }
    match names.next() {
        Some(_) => Err(reader.error(asns.len(), "more names than AS numbers")),
        None => Ok(systems),
    }
}

fn countries(reader: &mut Reader<'_>) -> Result<Vec<Country>> {
    let count = reader.column("countries").count(MAX_COUNTRIES)?;
    let mut countries: Vec<Country> = Vec::with_capacity(count);
    for (row, code) in reader.bytes(2 * count)?.chunks_exact(2).enumerate() {
        let country = country(code).ok().flatten().filter(|country| countries.last().is_none_or(|last| last < country));
        countries.push(country.ok_or_else(|| reader.error(row, "not a country, or not ascending"))?);
    }
    Ok(countries)
}

const UNKNOWN: [u8; 2] = [0, 0];

fn code(country: Option<Country>) -> [u8; 2] {
    country.and_then(|country| country.as_str().as_bytes().try_into().ok()).unwrap_or(UNKNOWN)
}

fn country(code: &[u8]) -> std::result::Result<Option<Country>, ()> {
    if code == UNKNOWN {
        return Ok(None);
    }
    str::from_utf8(code).map_err(|_| ())?.parse().map(Some)
}
