//! The fields that Exim writes of a client before it says what it did to it: `H=… U=… X=… F=<…> A=…`.

use memchr::memmem;

use super::host::Host;
use crate::scan::{bracketed, split, word};

/// What stands before the word that tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    pub(super) host: Host<'a>,
    pub(super) user: Option<&'a [u8]>,
    pub(super) protocol: &'a [u8],
    pub(super) authenticator: Option<&'a [u8]>,
    pub(super) account: Option<&'a [u8]>,
    pub(super) sender: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Fields at the start, each followed by a blank; and the rest without one.
    pub(super) fn parse(mut text: &'a [u8]) -> (Self, &'a [u8]) {
        let mut fields = Self::default();
        while let Some(rest) = fields.take(text) {
            let Some(next) = rest.strip_prefix(b" ") else { return (fields, rest) };
            text = next;
        }
        (fields, text)
    }

    /// One field at the start; what follows it.
    pub(super) fn take(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        match text {
            [b'H', b'=', ..] => {
                let (host, rest) = Host::parse(text)?;
                self.host = host;
                Some(rest)
            }
            [b'F', b'=', rest @ ..] => {
                let (sender, rest) = bracketed(rest).unwrap_or_else(|| up_to_blank(rest));
                self.sender = Some(sender);
                Some(rest)
            }
            [b'U', b'=', rest @ ..] => {
                let (user, rest) = up_to_blank(rest);
                self.user = Some(user);
                Some(rest)
            }
            [b'P', b'=', rest @ ..] => {
                let (protocol, rest) = up_to_blank(rest);
                self.protocol = protocol;
                Some(rest)
            }
            [b'A', b'=', rest @ ..] => {
                let (login, rest) = up_to_blank(rest);
                let (authenticator, account) = split(login, b':').unwrap_or((login, b""));
                // `smtp_mailauth` adds a third part.
                let account = split(account, b':').map_or(account, |(account, _)| account);
                self.authenticator = Some(authenticator);
                self.account = Some(account).filter(|account| !account.is_empty());
                Some(rest)
            }
            _ => skip(text),
        }
    }
}

/// A field that nobody asks for.
fn skip(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"DN=\"") {
        // Exim does not escape quotes in it.
        let end = memmem::find(rest, b"\" ").unwrap_or(rest.len().saturating_sub(1));
        return rest.get(end + 1..);
    }
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let is_field = match text.get(name) {
        Some(b'=') => (1..=6).contains(&name) && text[0].is_ascii_uppercase() || text.starts_with(b"id="),
        _ => {
            matches!(word(text).0, b"DS" | b"TFO*" | b"TFO**" | b"L" | b"L." | b"L*" | b"L-" | b"L.-" | b"K" | b"PRDR")
        }
    };
    is_field.then(|| up_to_blank(text).1)
}

/// What stands before the first blank, and from it.
pub(super) fn up_to_blank(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(memchr::memchr(b' ', text).unwrap_or(text.len()))
}
