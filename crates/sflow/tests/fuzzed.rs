//! What fuzzing found to reach different code, played again: the checks are those of the fuzz targets.
#![allow(clippy::disallowed_methods, reason = "the corpus is in files")]

#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/harness/sflow.rs"]
mod harness;

#[test]
fn any_datagram_is_accounted_for() {
    corpus::replay("sflow", harness::datagram);
}

#[test]
fn any_capture_is_the_same_in_pieces() {
    corpus::replay("capture", harness::capture);
}
