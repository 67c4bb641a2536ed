//! What fuzzing found to reach different code, played again: the checks are those of the fuzz targets.
#![allow(clippy::disallowed_methods, reason = "the corpus is in files")]

#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/harness/segment.rs"]
mod harness;

#[test]
fn any_bytes_are_a_segment_up_to_the_first_bad_frame() {
    corpus::replay("segment", harness::segment);
}
