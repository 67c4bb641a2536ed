//! What fuzzing found to reach different code, played again: the checks are those of the fuzz targets.
#![allow(clippy::disallowed_methods, reason = "the corpus is in files")]

#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/harness/record.rs"]
mod harness;

#[test]
fn any_bytes_are_a_record_or_are_refused() {
    corpus::replay("record", harness::record);
}
