//! AS names: pyasn's JSON, and the lines that registries and CIDR report publish.
//!
//! An AS that a list has only as reserved (`-Reserved AS-, ZZ`) is one that the list does not know.

use std::collections::BTreeMap;

use super::input::{Input, Lines, MAX_WHOLE, wrong};
use super::{LoadError, Notes, as_number};
use crate::rows::MAX_ROWS;
use crate::{AsName, Rows, TableError};

pub(super) fn read_json(input: &mut Input<'_>, notes: &mut Notes) -> Result<Rows, LoadError> {
    let listed: BTreeMap<u32, String> = serde_json::from_slice(&input.rest(MAX_WHOLE)?).map_err(LoadError::Json)?;
    let mut names = BTreeMap::new();
    for (asn, text) in listed {
        keep(&mut names, asn, &text, notes)?;
    }
    Ok(Rows::AsNames(names))
}

pub(super) fn read_lines(input: &mut Input<'_>, notes: &mut Notes) -> Result<Rows, LoadError> {
    let mut lines = Lines::new(input);
    let mut names = BTreeMap::new();
    while let Some(line) = lines.next(notes)? {
        let (number, text) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let Some(asn) = as_number(number) else {
            let reason = wrong(number, "an AS number");
            return Err(lines.error(reason));
        };
        keep(&mut names, asn, text, notes)?;
    }
    Ok(Rows::AsNames(names))
}

pub(super) fn is_row(line: &str) -> bool {
    line.split_once([' ', '\t']).is_some_and(|(number, _)| as_number(number).is_some())
}

fn keep(names: &mut BTreeMap<u32, AsName>, asn: u32, text: &str, notes: &mut Notes) -> Result<(), LoadError> {
    match AsName::listed(text) {
        Some(name) if !is_reserved(&name) => {
            if names.len() == MAX_ROWS {
                return Err(TableError::TooManyRows(MAX_ROWS + 1).into());
            }
            notes.duplicates += u64::from(names.insert(asn, name).is_some());
        }
        _ => notes.without_value += 1,
    }
    Ok(())
}

fn is_reserved(name: &AsName) -> bool {
    name.country().is_none() && name.name().starts_with('-') && name.name().ends_with('-')
}
