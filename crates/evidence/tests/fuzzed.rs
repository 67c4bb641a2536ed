//! What fuzzing found to reach different code, played again: the checks are those of the fuzz targets.
#![allow(clippy::disallowed_methods, reason = "the corpus is in files")]

#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/harness/hello.rs"]
mod hello;
#[path = "../../../fuzz/harness/record.rs"]
mod record;

#[test]
fn any_bytes_are_a_record_or_are_refused() {
    corpus::replay("record", record::record);
}

#[test]
fn any_bytes_are_a_hello_or_are_none_however_they_are_split() {
    corpus::replay("hello", hello::hello);
}
