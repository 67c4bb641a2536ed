//! V3: one of our mailboxes gets many messages of null senders: its address is forged elsewhere, and others bounce to it.
//!
//! One memory of a fixed size for all mailboxes: those that get the most stay in it.

use minicbor::{Decode, Encode};

use crate::moment::Moment;
use crate::outbound::Repeat;
use crate::pages::written;

/// Mailboxes of which null senders are counted at a time.
pub const BOUNCED_MAILBOXES: usize = 2048;

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Bounced(#[n(0)] Vec<Repeat>);

impl Default for Bounced {
    fn default() -> Self {
        Self(written(Repeat::default(), BOUNCED_MAILBOXES))
    }
}

impl Bounced {
    /// A mailbox (a hash) got a message of a null sender; how many within a day.
    pub(crate) fn see(&mut self, mailbox: u64, now: Moment) -> u32 {
        let place = self.0.get_mut(mailbox as usize % BOUNCED_MAILBOXES);
        place.map_or(0, |repeat| repeat.see(mailbox, now.minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_mailbox_gets_within_a_day_is_counted() {
        let mut bounced = Bounced::default();
        let at = |minute| Moment { minute, ..Moment::default() };
        let counts: Vec<u32> = (0..4).map(|step| bounced.see(5 << 32, at(1_440_000 + 600 * step))).collect();
        assert_eq!(counts, [0, 2, 3, 1], "the first only takes the place; after a day it begins anew");
        assert_eq!(bounced.see(6 << 32, at(1_441_810)), 0, "another one in its place");
    }
}
