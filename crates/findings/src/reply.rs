//! What a refusal means: no such mailbox, a block list, a loop, a policy. From codes where there are, else from words.
//!
//! Other servers write what they like, also to mislead: a class is an opinion on a text, and a rule needs many.

use maillog::{Fate, Stage};

/// Longest part of a text that is looked through; what it says later is not seen.
pub const LONGEST_TEXT: usize = 512;

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// There is no such mailbox or domain: what a dirty list meets.
    NoMailbox,
    /// A block list is named.
    Listed,
    /// Mail that goes round.
    Loop,
    /// Relaying was asked for and refused.
    Relay,
    /// SPF did not allow the client.
    Spf,
    /// Content, policy, a full mailbox, or nothing that is known.
    Other,
}

/// Words, in lower case and by their first letter, with what they mean. Of several the first in the text decides, except
/// that [`Reply::Listed`] and [`Reply::Loop`] go before all else.
const WORDS: [(&[u8], Reply); 56] = [
    (b"5.4.6", Reply::Loop),
    (b"5.4.14", Reply::Loop),
    (b"access denied. ip name lookup", Reply::Other),
    (b"address does not exist", Reply::NoMailbox),
    (b"address not found", Reply::NoMailbox),
    (b"address unknown", Reply::NoMailbox),
    (b"abuseat", Reply::Listed),
    (b"barracudacentral", Reply::Listed),
    (b"black list", Reply::Listed),
    (b"blacklist", Reply::Listed),
    (b"block list", Reply::Listed),
    (b"blocked using", Reply::Listed),
    (b"blocklist", Reply::Listed),
    (b"dnsbl", Reply::Listed),
    (b"does not exist", Reply::NoMailbox),
    (b"does not have an account", Reply::NoMailbox),
    (b"domain not found", Reply::NoMailbox),
    (b"host not found", Reply::NoMailbox),
    (b"invalid mailbox", Reply::NoMailbox),
    (b"invalid recipient", Reply::NoMailbox),
    (b"looks like a loop", Reply::Loop),
    (b"mail for unknown", Reply::NoMailbox),
    (b"mail forwarding loop", Reply::Loop),
    (b"mail loop", Reply::Loop),
    (b"mail loops back", Reply::Loop),
    (b"mailbox not found", Reply::NoMailbox),
    (b"mailbox unavailable", Reply::NoMailbox),
    (b"mailbox unknown", Reply::NoMailbox),
    (b"no mailbox", Reply::NoMailbox),
    (b"no such address", Reply::NoMailbox),
    (b"no such domain", Reply::NoMailbox),
    (b"no such mailbox", Reply::NoMailbox),
    (b"no such person", Reply::NoMailbox),
    (b"no such recipient", Reply::NoMailbox),
    (b"no such user", Reply::NoMailbox),
    (b"not a valid mailbox", Reply::NoMailbox),
    (b"not our customer", Reply::NoMailbox),
    (b"nullmx", Reply::NoMailbox),
    (b"rbl", Reply::Listed),
    (b"real-time block", Reply::Listed),
    (b"realtime block", Reply::Listed),
    (b"recipient not found", Reply::NoMailbox),
    (b"recipient unknown", Reply::NoMailbox),
    (b"relay access denied", Reply::Relay),
    (b"relay not permitted", Reply::Relay),
    (b"relaying denied", Reply::Relay),
    (b"sorbs", Reply::Listed),
    (b"spamcop", Reply::Listed),
    (b"spamhaus", Reply::Listed),
    (b"spf", Reply::Spf),
    (b"too many hops", Reply::Loop),
    (b"unknown in local recipient table", Reply::NoMailbox),
    (b"unknown in virtual", Reply::NoMailbox),
    (b"unknown user", Reply::NoMailbox),
    (b"unrouteable address", Reply::NoMailbox),
    (b"user unknown", Reply::NoMailbox),
];

/// What an attempt, a refusal or a deferral means.
pub(crate) fn meaning(stage: Stage, code: Option<u16>, enhanced: Option<[u16; 3]>, text: &[u8]) -> Reply {
    let said = words(text);
    if matches!(said, Reply::Listed | Reply::Loop | Reply::Relay | Reply::Spf) {
        return said;
    }
    match enhanced {
        Some([5, 4, 6 | 14]) => return Reply::Loop,
        Some([5, 1, 1..=3 | 6 | 10] | [5, 4, 4]) => return Reply::NoMailbox,
        // The codes for "disabled", "full", policy and content, which some use for unknown users as well.
        Some([5, 7, _]) if !matches!(said, Reply::NoMailbox) => return Reply::Other,
        _ => {}
    }
    let of_recipient = matches!(stage, Stage::RcptTo | Stage::Own | Stage::Unknown);
    let is_permanent = code.is_none_or(|code| code >= 500) && enhanced.is_none_or(|[class, ..]| class == 5);
    if said == Reply::NoMailbox && of_recipient && is_permanent { Reply::NoMailbox } else { Reply::Other }
}

/// Whether a fate with this meaning tells that there is such a mailbox, or that there is none; `None` where it tells
/// neither: greylisting, policy, content.
pub(crate) fn exists(fate: Fate, stage: Stage, meaning: Reply) -> Option<bool> {
    match fate {
        Fate::Delivered => Some(true),
        Fate::Failed if meaning == Reply::NoMailbox && !matches!(stage, Stage::MailFrom | Stage::EndOfData) => {
            Some(false)
        }
        Fate::Failed | Fate::Deferred | Fate::Expired => None,
    }
}

fn words(text: &[u8]) -> Reply {
    let text = &text[..text.len().min(LONGEST_TEXT)];
    let mut found = Reply::Other;
    let mut inside = false;
    for (at, byte) in text.iter().enumerate() {
        let begins = !inside;
        inside = byte.is_ascii_alphanumeric();
        if !begins || !inside {
            continue;
        }
        let rest = &text[at..];
        for (words, meaning) in &WORDS[range(byte.to_ascii_lowercase())] {
            if rest.len() >= words.len() && rest[..words.len()].eq_ignore_ascii_case(words) {
                if matches!(meaning, Reply::Listed | Reply::Loop) {
                    return *meaning;
                }
                if found == Reply::Other {
                    found = *meaning;
                }
            }
        }
    }
    found
}

/// Where in [`WORDS`] those with this first letter stand.
fn range(letter: u8) -> std::ops::Range<usize> {
    const RANGES: [(u8, u8); 128] = ranges();
    let (from, until) = RANGES.get(usize::from(letter)).copied().unwrap_or_default();
    from.into()..until.into()
}

const fn ranges() -> [(u8, u8); 128] {
    let mut ranges = [(0, 0); 128];
    let mut index = 0;
    while index < WORDS.len() {
        let letter = WORDS[index].0[0] as usize;
        if ranges[letter].1 == 0 {
            ranges[letter].0 = index as u8;
        }
        ranges[letter].1 = index as u8 + 1;
        index += 1;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_together_by_their_first_letter() {
        let letters: Vec<u8> = WORDS.iter().map(|(words, _)| words[0]).collect();
        assert!(letters.is_sorted());
        assert!(WORDS.iter().all(|(words, _)| *words == words.to_ascii_lowercase()));
    }

    #[test]
    fn replies_of_real_servers_mean_what_people_read_in_them() {
        let rcpt = |code, enhanced, text: &str| meaning(Stage::RcptTo, Some(code), enhanced, text.as_bytes());
        for (code, enhanced, text, wanted) in [
            (550, Some([5, 1, 1]), "The email account that you tried to reach does not exist.", Reply::NoMailbox),
            (550, None, "<bob@example.org>: Recipient address rejected: User unknown", Reply::NoMailbox),
            (550, None, "Unrouteable address", Reply::NoMailbox),
            (550, None, "No such user here", Reply::NoMailbox),
            (450, Some([4, 2, 0]), "Recipient address rejected: Greylisted", Reply::Other),
            (450, None, "user unknown, try later", Reply::Other),
            (550, Some([5, 7, 1]), "Message refused by policy", Reply::Other),
            (
                550,
                Some([5, 7, 1]),
                "Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org",
                Reply::Listed,
            ),
            (554, None, "Your access has been rejected due to Spamcop", Reply::Listed),
            (550, Some([5, 7, 23]), "SPF validation failed", Reply::Spf),
            (554, Some([5, 7, 1]), "<bob@example.org>: Relay access denied", Reply::Relay),
            (554, Some([5, 4, 6]), "too many hops", Reply::Loop),
            (552, Some([5, 2, 2]), "mailbox full", Reply::Other),
            (550, None, "garbled text", Reply::Other),
        ] {
            assert_eq!(rcpt(code, enhanced, text), wanted, "{text}");
        }
    }

    #[test]
    fn only_what_tells_of_the_mailbox_counts() {
        use Reply::{NoMailbox, Other};
        assert_eq!(exists(Fate::Delivered, Stage::EndOfData, Other), Some(true));
        assert_eq!(exists(Fate::Failed, Stage::RcptTo, NoMailbox), Some(false));
        assert_eq!(exists(Fate::Failed, Stage::EndOfData, NoMailbox), None);
        assert_eq!(exists(Fate::Failed, Stage::RcptTo, Other), None);
        assert_eq!(exists(Fate::Deferred, Stage::RcptTo, NoMailbox), None);
    }
}
