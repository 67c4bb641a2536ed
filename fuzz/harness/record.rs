//! What holds for every record: bytes are one or are refused, and one that is read is written and read again as it is.
//!
//! The fuzz target and the tests of `evidence` include this file.

use evidence::Record;

pub(crate) fn record(input: &[u8]) {
    let Ok(record) = Record::decode(input) else { return };
    let written = record.encode();
    assert_eq!(Record::decode(&written).expect("what is written is read"), record);
    // A short record of another version may lack fields; ours writes all of them, and no list grows by being read.
    assert!(written.len() <= 64 * input.len() + 4096, "{} bytes became {}", input.len(), written.len());
}
