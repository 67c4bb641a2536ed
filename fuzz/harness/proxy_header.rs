//! What holds for every PROXY header: whether it is one, and what it says, does not depend on how much more has come.
//!
//! The fuzz target and the tests of `sensor` include this file, each beside the source that it checks.

use crate::limits;
use crate::proxy_header::{Parsed, parse};

pub(crate) fn proxy_header(input: &[u8]) {
    let mut decided = None;
    for cut in 0..=input.len() {
        match (decided, parse(&input[..cut])) {
            (None, Parsed::Incomplete) => assert!(cut < limits::PROXY_HEADER, "no longer header is waited for"),
            (None, Parsed::Whole(presented, length)) => {
                assert_eq!(length, cut, "a header is whole with its last byte");
                decided = Some(Parsed::Whole(presented, length));
            }
            (None, Parsed::Bad) => decided = Some(Parsed::Bad),
            (Some(before), after) => assert_eq!(before, after, "what was decided stays so with {cut} bytes"),
        }
    }
}
