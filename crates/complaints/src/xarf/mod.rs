//! Reports in XARF: version 4 (xarf/xarf-spec), the versions of abusix/xarf up to 3, and X-ARF 0.2.

mod first;
mod fourth;
mod metrics;
mod rule;
mod schema;
mod third;

use serde_json::Value;

use crate::complaint::Complaint;
use crate::desk::Desk;
use crate::fault::{Fault, NotOne};

pub(crate) use first::of_lines;

/// Longest document that is parsed. The specification allows 15 MB of evidence, which is not looked at.
pub const MAX_DOCUMENT: usize = 32 << 20;

/// Values of a document; one with more is not parsed. A value takes many times the room of its text.
pub const MAX_VALUES: usize = 100_000;

/// Bytes at both ends of a document in which it tells that it is XARF: evidence may stand between them.
const MAX_SIGN: usize = 64 << 10;

/// Whether a JSON document may be XARF.
pub(crate) fn looks_so(document: &[u8]) -> bool {
    let start = &document[..document.len().min(MAX_SIGN)];
    let end = &document[document.len().saturating_sub(MAX_SIGN)..];
    let names = [&b"\"xarf_version\""[..], b"\"ReporterInfo\"", b"\"ReportClass\""];
    names.iter().any(|name| [start, end].iter().any(|bytes| memchr::memmem::find(bytes, name).is_some()))
}

pub(crate) fn read(document: &[u8], desk: &Desk) -> Result<Complaint, NotOne> {
    if document.len() > MAX_DOCUMENT {
        return Err(Fault::new("", "is longer than 32 MiB").into());
    }
    if values(document) > MAX_VALUES {
        return Err(Fault::new("", "has more than 100 000 values").into());
    }
    let Ok(document) = serde_json::from_slice::<Value>(document) else {
        return Err(Fault::new("", "is no JSON").into());
    };
    if document.get("xarf_version").is_some() {
        return fourth::read(&document).map_err(NotOne::from);
    }
    if ["ReporterInfo", "Report", "Disclosure", "Version"].iter().any(|name| document.get(name).is_some()) {
        return third::read(&document, desk).map_err(NotOne::from);
    }
    Err(NotOne::Unknown)
}

/// How many values a document can have at most: one for each sign that begins a list, an object or the next value.
fn values(document: &[u8]) -> usize {
    let (mut is_text, mut is_escaped, mut values) = (false, false, 0);
    for byte in document {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b',' | b'[' | b'{' if !is_text => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_texts() {
        assert_eq!(values(br#"{"a,[{\",": [1, 2, {"b": "\\"}]}"#), 5);
    }

    #[test]
    fn a_document_of_too_many_values_is_not_parsed() {
        let document = format!(r#"{{"xarf_version":"4.0.0","a":[{}]}}"#, "0,".repeat(MAX_VALUES));
        let Err(NotOne::Malformed(fault)) = read(document.as_bytes(), &Desk::default()) else { panic!() };
        assert_eq!(fault.to_string(), "the document has more than 100 000 values");
    }
}
