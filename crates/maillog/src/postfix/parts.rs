//! Parts of Postfix's lines that have parts themselves, taken apart on demand.

use memchr::memmem;

use super::line::Refusal;
use crate::scan::{number, split, split_at, word};

/// Commands of a connection, from `ehlo=2 rcpt=0/1 commands=5/7`: name, accepted, all.
pub fn commands(counts: &[u8]) -> impl Iterator<Item = (&[u8], u64, u64)> {
    counts.split(|byte| *byte == b' ').filter_map(|count| {
        let (name, value) = split(count, b'=')?;
        let (accepted, rest) = number(value)?;
        let all = rest.strip_prefix(b"/").and_then(number).map_or(accepted, |(all, _)| all);
        Some((name, accepted, all))
    })
}

/// The four parts of `0.2/0.02/0.04/3.3`: before the queue manager, in it, connecting, sending; in seconds, as written.
pub fn delays(delays: &[u8]) -> Option<[&[u8]; 4]> {
    let mut parts = delays.split(|byte| *byte == b'/');
    let found = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

/// `tls=dane/!requiretls:nocertmatch` of a delivery: the policy and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy<'a> {
    pub level: &'a [u8],
    /// What it came to instead.
    pub downgrade: Option<&'a [u8]>,
    pub undecided: bool,
    pub requiretls: Option<RequireTls<'a>>,
}

/// The sender's wish that every hop uses TLS (RFC 8689).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequireTls<'a> {
    pub violated: bool,
    pub downgrade: Option<&'a [u8]>,
    pub undecided: bool,
}

impl<'a> Policy<'a> {
    pub fn parse(text: &'a [u8]) -> Self {
        let (own, wish) = split(text, b'/').map_or((text, None), |(own, wish)| (own, Some(wish)));
        let (level, downgrade, undecided) = leveled(own);
        let requiretls = wish.map(|wish| {
            let (_, downgrade, undecided) = leveled(wish);
            RequireTls { violated: wish.starts_with(b"!"), downgrade, undecided }
        });
        Self { level, downgrade, undecided, requiretls }
    }
}

/// `level:downgrade?`
fn leveled(text: &[u8]) -> (&[u8], Option<&[u8]>, bool) {
    let decided = text.strip_suffix(b"?");
    let text = decided.unwrap_or(text);
    let (level, downgrade) = split(text, b':').map_or((text, None), |(level, downgrade)| (level, Some(downgrade)));
    (level, downgrade, decided.is_some())
}

/// `TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (P-256) server-digest
/// SHA256`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cipher<'a> {
    pub version: &'a [u8],
    pub cipher: &'a [u8],
    pub bits: &'a [u8],
    pub key_exchange: Option<&'a [u8]>,
    pub signature: Option<&'a [u8]>,
    /// A curve's name, or a key's bits.
    pub signature_key: Option<&'a [u8]>,
    pub digest: Option<&'a [u8]>,
}

impl<'a> Cipher<'a> {
    pub fn parse(parameters: &'a [u8]) -> Option<Self> {
        let (version, rest) = split_at(parameters, b" with cipher ")?;
        let (cipher, rest) = word(rest);
        let bits =
            rest.strip_prefix(b"(").and_then(|rest| split_at(rest, b" bits)")).map_or(&b""[..], |(bits, _)| bits);
        let after = |name: &[u8]| split_at(rest, name).map(|(_, value)| word(value));
        let signature = after(b"server-signature ");
        let key = signature.and_then(|(_, rest)| split(rest.strip_prefix(b"(")?, b')')).map(|(key, _)| key);
        Some(Self {
            version,
            cipher,
            bits,
            key_exchange: after(b"key-exchange ").map(|(value, _)| value),
            signature: signature.map(|(value, _)| value),
            signature_key: key.map(|key| key.strip_suffix(b" bits").unwrap_or(key)),
            digest: after(b"server-digest ").map(|(value, _)| value),
        })
    }
}

/// What is on a block list, of a refusal that says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listing<'a> {
    /// `client`, `Helo command`, `Sender address`.
    pub what: &'a [u8],
    /// The address or name.
    pub listed: &'a [u8],
    /// `blocked using zen.spamhaus.org`, and what follows.
    pub text: &'a [u8],
}

impl<'a> Refusal<'a> {
    /// `Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org; …`
    pub fn listing(&self) -> Option<Listing<'a>> {
        let rest = self.text.strip_prefix(b"Service unavailable; ")?;
        let (what, rest) = split_at(rest, b" [")?;
        let (listed, text) = split_at(rest, b"] ")?;
        memmem::find(text, b"blocked using ").map(|_| Listing { what, listed, text })
    }
}
