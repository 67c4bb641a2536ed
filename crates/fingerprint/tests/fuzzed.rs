//! What fuzzing found to reach different code, played again: the checks are those of the fuzz targets.
#![allow(clippy::disallowed_methods, reason = "the corpus is in files")]

#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/harness/fingerprint.rs"]
mod harness;

#[test]
fn any_packet_is_a_syn_or_is_none() {
    corpus::replay("syn", harness::syn);
}

#[test]
fn any_text_is_a_signature_file_or_is_refused() {
    corpus::replay("signatures", harness::signatures);
}
