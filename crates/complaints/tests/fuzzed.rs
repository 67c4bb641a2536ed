//! What fuzzing found to reach different code, played again, and mails changed at random: the checks are those of the fuzz
//! target.
#![allow(clippy::disallowed_methods, reason = "the corpus is in files")]

#[path = "../../../fuzz/harness/complaint.rs"]
mod complaint;
#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;

use proptest::prelude::*;

#[test]
fn any_bytes_are_complaints_or_are_named() {
    corpus::replay("complaint", complaint::complaint);
}

/// A report in ARF, one in X-ARF 0.2, and one in XARF 3, as a mailbox.
const MAILBOX: &[u8] = include_bytes!("../../../fuzz/corpus/complaint/mailbox");

proptest! {
    #[test]
    fn no_change_does_harm(
        choice in any::<u8>(),
        at in 0..MAILBOX.len(),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\r\n:;<>@-=\"{}[] "[..])], 0..40),
        cut in 0..60usize,
    ) {
        let mut input = MAILBOX.to_vec();
        input[0] = choice;
        input.splice(at.max(1)..(at.max(1) + cut).min(MAILBOX.len()), bytes);
        complaint::complaint(&input);
    }
}
