//! Sender addresses before they are counted: what mailing software puts into them for each recipient or message is taken
//! out, so that one list is one sender.
//!
//! It only ever drops parts of what the peer wrote; nothing is decoded or checked.

/// A sender without its changing parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain<'a> {
    /// The constant beginning of the local part.
    pub(crate) local: &'a [u8],
    /// After the last `@`; empty where there is none.
    pub(crate) domain: &'a [u8],
    pub(crate) mark: Mark,
}

/// What the changing part was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    /// Variable envelope return path: a mailing list that wants to know whose address failed.
    List,
    /// Sender rewriting: mail that was forwarded; the domain is the forwarder's.
    Forwarded,
    /// A tag against forged bounces (BATV), or an own tag of the user (`+`).
    Tag,
}

/// The part of an address before and after its last `@`.
pub(crate) fn parts(address: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'@', address) {
        Some(at) => (&address[..at], address[at + 1..].strip_suffix(b".").unwrap_or(&address[at + 1..])),
        None => (address, b""),
    }
}

impl<'a> Plain<'a> {
    pub(crate) fn of(sender: &'a [u8]) -> Self {
        let (local, domain) = parts(sender);
        let (local, mark) = plain_local(local);
        Self { local, domain, mark }
    }
}

fn starts(text: &[u8], with: &[u8]) -> bool {
    text.len() >= with.len() && text[..with.len()].eq_ignore_ascii_case(with)
}

fn plain_local(local: &[u8]) -> (&[u8], Mark) {
    if starts(local, b"srs0") || starts(local, b"srs1") {
        return (&local[..4], Mark::Forwarded);
    }
    // prvs=tag=local, btv1==tag==local; some write the local part first: prvs=local=tag.
    if starts(local, b"prvs=") {
        let mut fields = local.splitn(3, |byte| *byte == b'=').skip(1);
        let (first, last) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let is_tag = |field: &[u8]| field.len() == 10 && field[0].is_ascii_digit();
        return (if is_tag(last) && !is_tag(first) { first } else { last }, Mark::Tag);
    }
    if starts(local, b"btv1==") {
        let at = memchr::memmem::rfind(local, b"==").map_or(0, |at| at + 2);
        return (&local[at..], Mark::Tag);
    }
    if let Some(equals) = memchr::memchr(b'=', local).filter(|equals| *equals > 0) {
        // bounces+user=example.com, list-owner-user=example.com: constant up to the separator before the recipient.
        let separator = local[..equals].iter().position(|byte| *byte == b'+');
        let separator =
            separator.or_else(|| local[..equals].iter().rposition(|byte| matches!(byte, b'-' | b'.' | b'_')));
        return (&local[..separator.unwrap_or(0)], Mark::List);
    }
    if let Some(plus) = memchr::memchr(b'+', local).filter(|plus| *plus > 0) {
        return (&local[..plus], if says_bounce(local) { Mark::List } else { Mark::Tag });
    }
    if says_bounce(local) {
        // bounces-12345, bounce-77-ab12cd: constant up to the first token that has a digit.
        let tokens = local.split(|byte| matches!(byte, b'-' | b'.' | b'_'));
        let constant: usize =
            tokens.take_while(|token| !token.iter().any(u8::is_ascii_digit)).map(|token| token.len() + 1).sum();
        if constant < local.len() {
            return (&local[..constant.saturating_sub(1)], Mark::List);
        }
        return (local, Mark::List);
    }
    (local, Mark::None)
}

/// Words of list software in the local part: with them even an address that never changes is of a list.
fn says_bounce(local: &[u8]) -> bool {
    let mut words = local.split(|byte| matches!(byte, b'-' | b'.' | b'_' | b'+'));
    words.any(|word| [&b"bounces"[..], b"bounce", b"returns", b"verp"].iter().any(|w| word.eq_ignore_ascii_case(w)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(sender: &str) -> (String, Mark) {
        let Plain { local, domain, mark } = Plain::of(sender.as_bytes());
        (format!("{}@{}", String::from_utf8_lossy(local), String::from_utf8_lossy(domain)), mark)
    }

    #[test]
    fn what_changes_with_recipient_or_message_is_taken_out() {
        for (sender, wanted, mark) in [
            ("ann@example.com", "ann@example.com", Mark::None),
            ("ann.lee-7@example.com.", "ann.lee-7@example.com", Mark::None),
            ("ann+shop@example.com", "ann@example.com", Mark::Tag),
            ("bounces+bob=example.org@list.example", "bounces@list.example", Mark::List),
            ("news-owner-bob=example.org@list.example", "news-owner@list.example", Mark::List),
            ("bounces-12345@list.example", "bounces@list.example", Mark::List),
            ("bounce-77-ab12cd@list.example", "bounce@list.example", Mark::List),
            ("news-bounces@list.example", "news-bounces@list.example", Mark::List),
            ("prvs=1234abcdef=ann@example.com", "ann@example.com", Mark::Tag),
            ("prvs=ann=1234abcdef@example.com", "ann@example.com", Mark::Tag),
            ("btv1==077abc==ann@example.com", "ann@example.com", Mark::Tag),
            ("SRS0=HHH=TT=example.org=bob@fwd.example", "SRS0@fwd.example", Mark::Forwarded),
            ("srs1+x=fwd==HHH=TT=example.org=bob@fwd2.example", "srs1@fwd2.example", Mark::Forwarded),
            ("", "@", Mark::None),
            ("postmaster", "postmaster@", Mark::None),
            ("=@x", "=@x", Mark::None),
            ("prvs=@x", "@x", Mark::Tag),
            ("bounces@x", "bounces@x", Mark::List),
        ] {
            assert_eq!(plain(sender), (wanted.to_owned(), mark), "{sender}");
        }
    }

    #[test]
    fn no_sender_of_strange_bytes_does_harm() {
        proptest::proptest!(|(sender: Vec<u8>)| {
            let Plain { local, domain, .. } = Plain::of(&sender);
            assert!(local.len() + domain.len() <= sender.len());
        });
        proptest::proptest!(|(sender in "(prvs=|btv1==|SRS0|bounces)?[-a-z0-9=+.@]{0,20}")| {
            Plain::of(sender.as_bytes());
        });
    }
}
