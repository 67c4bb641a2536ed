//! MaxMind DB files of ASes (`autonomous_system_number`, as GeoLite2-ASN and dbip-asn have it) or of countries
//! (`country.iso_code`, or `country_code`).
//!
//! The library reads the tree and its data; this takes two fields out of it. A tree that is cut or contradicts itself
//! is an error as a whole: without its end it has no beginning.

use std::collections::{BTreeMap, HashMap};

use evidence::{Country, Time};
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, path};

use super::input::{Input, MAX_WHOLE};
use super::{LoadError, Notes, Parsed, push};
use crate::{AddressRange, AsName, Rows};

/// What stands before the description of the tree.
const MARK: &[u8] = b"\xAB\xCD\xEFMaxMind.com";

/// The description is within so many bytes of the end, by the format's definition.
const MARK_WITHIN: usize = 128 << 10;

pub(super) fn read(input: &mut Input<'_>, notes: &mut Notes) -> Result<Parsed, LoadError> {
    let bytes = input.rest(MAX_WHOLE)?;
    let tail = &bytes[bytes.len().saturating_sub(MARK_WITHIN)..];
    if !tail.windows(MARK.len()).any(|window| window == MARK) {
        return Err(LoadError::Format);
    }
    let reader = Reader::from_source(bytes)?;
    reader.verify()?;
    let built = i64::try_from(reader.metadata().build_epoch).ok().and_then(|seconds| seconds.checked_mul(1_000_000));
    let date = built.filter(|micros| *micros > 0).map(|micros| Time::from_micros(micros).day());
    Ok(Parsed { rows: rows(&reader, notes)?, date })
}

fn rows(reader: &Reader<Vec<u8>>, notes: &mut Notes) -> Result<Rows, LoadError> {
    let mut names = BTreeMap::new();
    let (mut ranges, mut locations) = (Vec::new(), Vec::new());
    let mut entries: HashMap<usize, Entry> = HashMap::new();
    for found in reader.networks(Default::default())? {
        let found = found?;
        let network = found.network()?;
        let range = AddressRange::new(network.network(), network.broadcast(), ());
        let Some((range, offset)) = range.zip(found.offset()) else { continue };
        let entry = match entries.get(&offset) {
            Some(entry) => *entry,
            None => {
                let (entry, name) = entry(&found)?;
                names.extend(entry.asn.zip(name));
                *entries.entry(offset).or_insert(entry)
            }
        };
        match entry {
            Entry { asn: Some(asn), .. } => push(&mut ranges, range.with(asn))?,
            Entry { country: Some(country), .. } => push(&mut locations, range.with(country))?,
            _ => notes.without_value += 1,
        }
    }
    Ok(if ranges.is_empty() { Rows::Locations(locations) } else { Rows::AsRanges { ranges, names } })
}

/// What is taken from a record of the database; many networks share one.
#[derive(Clone, Copy)]
struct Entry {
    asn: Option<u32>,
    country: Option<Country>,
}

fn entry(found: &LookupResult<'_, Vec<u8>>) -> Result<(Entry, Option<AsName>), MaxMindDbError> {
    let text = |path: &[PathElement<'_>]| found.decode_path::<&str>(path);
    let asn = found.decode_path(&path!["autonomous_system_number"])?.filter(|asn| *asn != 0);
    let name = text(&path!["autonomous_system_organization"])?.and_then(|name| AsName::new(name, None));
    let code = match text(&path!["country_code"])? {
        None => text(&path!["country", "iso_code"])?,
        code => code,
    };
    Ok((Entry { asn, country: code.and_then(|code| code.parse().ok()) }, name))
}

impl From<MaxMindDbError> for LoadError {
    fn from(error: MaxMindDbError) -> Self {
        Self::Mmdb(Box::new(error))
    }
}
