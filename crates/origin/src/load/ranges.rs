//! Comma-separated ranges, as ip-location-db publishes them: `first,last,AS number,name` or `first,last,country`.
//!
//! Fields may be quoted; columns beyond these are not looked at. A quoted field ends on its line: otherwise one lost
//! quote would swallow the rest of the file.

use std::collections::BTreeMap;

use csv_core::{ReadRecordResult, Reader};
use evidence::Country;

use super::input::{Input, Lines, wrong};
use super::{LoadError, Notes, address, as_number, push};
use crate::{AddressRange, AsName, Rows};

/// Most columns of a line. We chose several times what these tables have; a line with more is an error.
const MAX_COLUMNS: usize = 32;

pub(super) fn read(input: &mut Input<'_>, notes: &mut Notes) -> Result<Rows, LoadError> {
    let mut lines = Lines::new(input);
    let mut fields = Fields::default();
    let mut names = BTreeMap::new();
    let (mut ranges, mut locations) = (Vec::new(), Vec::new());
    let mut is_first = true;
    while let Some(line) = lines.next(notes)? {
        if std::mem::take(&mut is_first) && is_head(line) {
            continue;
        }
        let row = match fields.row(line) {
            Ok(row) => row,
            Err(reason) => return Err(lines.error(reason)),
        };
        match row {
            Row::Nothing => notes.without_value += 1,
            Row::As(range, name) if locations.is_empty() => {
                if let Some(name) = name.filter(|_| !names.contains_key(range.of())) {
                    names.extend(AsName::new(name, None).map(|name| (*range.of(), name)));
                }
                push(&mut ranges, range)?;
            }
            Row::Country(range) if ranges.is_empty() => push(&mut locations, range)?,
            _ => return Err(lines.error("AS numbers and countries in one column".to_owned())),
        }
    }
    Ok(if ranges.is_empty() { Rows::Locations(locations) } else { Rows::AsRanges { ranges, names } })
}

/// Whether a line names columns: the only kind of line without a digit.
pub(super) fn is_head(line: &str) -> bool {
    line.contains(',') && !line.starts_with('{') && !line.bytes().any(|byte| byte.is_ascii_digit())
}

pub(super) fn is_row(line: &str) -> bool {
    let mut fields = line.split(',').map(|field| address(field.trim_matches('"')));
    fields.next().flatten().is_some() && fields.next().flatten().is_some()
}

enum Row<'a> {
    As(AddressRange<u32>, Option<&'a str>),
    Country(AddressRange<Country>),
    /// A range of which the file does not say anything.
    Nothing,
}

/// The fields of a line, unquoted.
struct Fields {
    reader: Reader,
    text: Vec<u8>,
    ends: [usize; MAX_COLUMNS],
}

impl Default for Fields {
    fn default() -> Self {
        Self { reader: Reader::new(), text: Vec::new(), ends: [0; MAX_COLUMNS] }
    }
}

impl Fields {
    fn row(&mut self, line: &str) -> Result<Row<'_>, String> {
        let count = self.split(line)?;
        let field = |index: usize| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            let field = self.text.get(start..self.ends[index]).filter(|_| index < count)?;
            str::from_utf8(field).ok()
        };
        let (Some(first), Some(last), Some(of)) = (field(0), field(1), field(2)) else {
            return Err("fewer than three columns".to_owned());
        };
        let from = address(first).ok_or_else(|| wrong(first, "an address"))?;
        let to = address(last).ok_or_else(|| wrong(last, "an address"))?;
        let range = AddressRange::new(from, to, ()).ok_or_else(|| format!("{from} to {to} is no range"))?;
        match (as_number(of), of.trim()) {
            (_, "" | "0" | "-" | "ZZ" | "??") => Ok(Row::Nothing),
            (Some(asn), _) => Ok(Row::As(range.with(asn), field(3))),
            (None, code) => {
                let country = code.parse().map_err(|()| wrong(code, "an AS number or a country"))?;
                Ok(Row::Country(range.with(country)))
            }
        }
    }

    /// The number of fields, of which `ends` has the ends.
    fn split(&mut self, line: &str) -> Result<usize, String> {
        self.text.resize(line.len(), 0);
        let (_, _, length, count) = self.reader.read_record(line.as_bytes(), &mut self.text, &mut self.ends);
        let (result, _, _, more) = self.reader.read_record(b"\n", &mut self.text[length..], &mut self.ends[count..]);
        match result {
            ReadRecordResult::Record => Ok(count + more),
            ReadRecordResult::OutputEndsFull => Err(format!("more than {MAX_COLUMNS} columns")),
            _ => Err("a quote is not closed".to_owned()),
        }
    }
}
