//! What fuzzing found to reach different code, played again, and logs changed at random: the checks are those of the fuzz target.
#![allow(clippy::disallowed_methods, reason = "the corpus is in files")]

#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/harness/maillog.rs"]
mod harness;

use proptest::prelude::*;

#[test]
fn any_bytes_are_lines_of_a_log() {
    corpus::replay("maillog", harness::maillog);
}

const LOG: &[u8] = include_bytes!("logs/postfix.log");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_change_of_a_log_does_harm(
        choice in any::<u8>(),
        at in 0..LOG.len(),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\r\n\0:;<>@-=\"{}[]_ "[..])], 0..40),
        cut in 0..60usize,
    ) {
        let mut input = [&[choice], LOG].concat();
        input.splice(at + 1..(at + 1 + cut).min(LOG.len() + 1), bytes);
        harness::maillog(&input);
    }
}
