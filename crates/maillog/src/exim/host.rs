//! The client as Exim writes it: `name (helo) [address]:port`. Only the address is Exim's own word.

use memchr::memchr;

use crate::happening::Client;
use crate::peer::{Peer, ip};
use crate::scan::split;

/// Who is at the other end, in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host<'a> {
    /// Name and address; the name is one that was looked up and leads back to the address.
    pub peer: Peer<'a>,
    /// What stands in parentheses. Without them the HELO name is the peer's name, or was not said yet.
    pub helo: Option<&'a [u8]>,
}

impl<'a> Host<'a> {
    /// `name (helo) [address]:port` at the start, each but the address optional; and what follows.
    pub(super) fn parse(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let text = text.strip_prefix(b"H=").unwrap_or(text);
        let (name, mut rest) = match text.first()? {
            b'(' | b'[' => (&b""[..], text),
            _ => split(text, b' ')?,
        };
        // `DS`: the name's records were signed.
        rest = rest.strip_prefix(b"DS ").unwrap_or(rest);
        let (helo, peer, rest) = match rest {
            [b'(', inner @ ..] => {
                let (helo, peer, rest) = said(inner)?;
                (Some(helo), peer, rest)
            }
            _ => {
                let (peer, rest) = address(rest)?;
                (None, peer, rest)
            }
        };
        Some((Self { peer: Peer { name, ..peer }, helo }, rest))
    }

    /// As happenings tell it, of a client that has greeted: Exim leaves the HELO name out when it is the host's.
    pub(crate) fn client(&self) -> Client<'a> {
        let client = self.peer.client();
        Client { helo: self.helo.or(client.name.map(str::as_bytes)), ..client }
    }

    /// … of a client that perhaps has not.
    pub(crate) fn stranger(&self) -> Client<'a> {
        Client { helo: self.helo, ..self.peer.client() }
    }
}

/// `[192.0.2.7]:25` at the start, and what follows.
fn address(text: &[u8]) -> Option<(Peer<'_>, &[u8])> {
    if text.first() != Some(&b'[') {
        return None;
    }
    let (peer, rest) = Peer::parse(text)?;
    ip(peer.address).is_some().then_some((peer, rest))
}

/// The HELO name up to its `)`, the address and what follows. A name may look like the end of itself: what follows the address
/// must be what Exim writes there.
fn said(inner: &[u8]) -> Option<(&[u8], Peer<'_>, &[u8])> {
    let mut from = 0;
    loop {
        let end = from + memchr(b')', &inner[from..])?;
        if let Some((peer, rest)) = inner[end + 1..].strip_prefix(b" ").and_then(address)
            && follows(rest)
        {
            return Some((&inner[..end], peer, rest));
        }
        from = end + 1;
    }
}

/// Whether it is the end, or a field, or one of the words that come after a host.
fn follows(rest: &[u8]) -> bool {
    let after = match rest {
        [] | [b':' | b',', b' ', ..] => return true,
        [b' ', after @ ..] => after,
        _ => return false,
    };
    let name = after.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    (1..=4).contains(&name) && after.get(name) == Some(&b'=') || WORDS.iter().any(|word| after.starts_with(word))
}

const WORDS: [&[u8]; 26] = [
    b"rejected",
    b"temporarily rejected",
    b"sender verify",
    b"Warning:",
    b"lost",
    b"closed",
    b"dropped",
    b"next input",
    b"incomplete transaction",
    b"input=",
    b"(",
    b"RCPT <",
    b"DATA",
    b"NULL",
    b"unrecognized",
    b"syntactically",
    b"error",
    b"timed out",
    b"TFO*",
    b"L ",
    b"L. ",
    b"L* ",
    b"L- ",
    b"K ",
    b"PRDR",
    b"AUTH command",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, HELO name, address, port, and what follows.
    type Read = (&'static str, Option<&'static str>, &'static str, Option<u16>, &'static str);

    fn read(text: &'static str) -> Option<Read> {
        let own = |bytes| std::str::from_utf8(bytes).unwrap();
        let (host, rest) = Host::parse(text.as_bytes())?;
        Some((own(host.peer.name), host.helo.map(own), own(host.peer.address), host.peer.port, own(rest)))
    }

    #[test]
    fn every_form_of_a_host_gives_its_address() {
        for (text, wanted) in [
            ("H=mx.example [192.0.2.7] P=esmtp", ("mx.example", None, "192.0.2.7", None, " P=esmtp")),
            ("H=mx.example (me) [192.0.2.7]:25 P=x", ("mx.example", Some("me"), "192.0.2.7", Some(25), " P=x")),
            ("H=(me) [192.0.2.7]", ("", Some("me"), "192.0.2.7", None, "")),
            ("H=(10.1.2.3) [192.0.2.7] F=<>", ("", Some("10.1.2.3"), "192.0.2.7", None, " F=<>")),
            ("H=([10.1.2.3]) [2001:db8::7]:9 X=a", ("", Some("[10.1.2.3]"), "2001:db8::7", Some(9), " X=a")),
            ("H=[192.0.2.7]:1 rejected", ("", None, "192.0.2.7", Some(1), " rejected")),
            ("H=mx.example DS (me) [192.0.2.7] P=a", ("mx.example", Some("me"), "192.0.2.7", None, " P=a")),
            ("(me) [192.0.2.7]:55: 535 x", ("", Some("me"), "192.0.2.7", Some(55), ": 535 x")),
        ] {
            assert_eq!(read(text), Some(wanted), "{text}");
        }
        for wrong in ["", "H=", "H=x", "H=(me [192.0.2.7]", "H=x [y] z", "H=x [1.2.3", "H=() x", "a b [192.0.2.7]"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_helo_name_cannot_put_an_address_of_its_own_before_the_last_one() {
        let (_, helo, address, ..) = read("H=(x) [198.51.100.9]) [192.0.2.7] F=<a>").unwrap();
        assert_eq!((helo, address), (Some("x) [198.51.100.9]"), "192.0.2.7"));
        let (_, helo, address, ..) = read("H=(x) [198.51.100.9] y) [192.0.2.7] rejected").unwrap();
        assert_eq!((helo, address), (Some("x) [198.51.100.9] y"), "192.0.2.7"));
    }
}
