//! The form of a HELO name: what is odd about it, for a client of this address.
//!
//! A name is judged by its look alone: nothing is resolved.

use std::net::IpAddr;

use crate::site::{Site, is_in};

/// Names that abusers like to bear and that only their owners' machines have.
const BRANDS: [&[u8]; 16] = [
    b"gmail.com",
    b"google.com",
    b"yahoo.com",
    b"hotmail.com",
    b"outlook.com",
    b"live.com",
    b"msn.com",
    b"aol.com",
    b"microsoft.com",
    b"apple.com",
    b"icloud.com",
    b"paypal.com",
    b"amazon.com",
    b"ebay.com",
    b"facebook.com",
    b"gmx.net",
];

/// What is odd about a HELO name, as a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A name with a dot, or a literal of the client's address.
    Plain,
    /// No dot: usual for people's computers, odd for servers.
    NoDot,
    /// An address without brackets.
    BareAddress,
    /// A literal of another address: usual behind NAT.
    OtherLiteral,
    /// One of our own names.
    Ours,
    /// A name of a provider or brand, which the client's reverse name does not bear out.
    Brand,
    /// Known of one spam engine only.
    Engine,
    /// No name at all, or bytes that no name has.
    Broken,
}

impl Form {
    pub(crate) fn of(helo: &[u8], address: Option<IpAddr>, reverse: Option<&str>, site: &Site) -> Self {
        let literal = helo.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        if let Some(inner) = literal {
            return match parsed(inner.strip_prefix(b"IPv6:").unwrap_or(inner)) {
                Some(said) if Some(said.to_canonical()) == address.map(|a| a.to_canonical()) => Self::Plain,
                Some(_) => Self::OtherLiteral,
                None => Self::Broken,
            };
        }
        if helo.eq_ignore_ascii_case(b"ylmf-pc") {
            return Self::Engine;
        }
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if helo.is_empty() || !helo.iter().all(is_name) {
            return Self::Broken;
        }
        if parsed(helo).is_some() {
            return Self::BareAddress;
        }
        if site.has_name(helo) {
            return Self::Ours;
        }
        let is_of_brand = |brand: &&&[u8]| is_in(helo, brand);
        if let Some(brand) = BRANDS.iter().find(is_of_brand) {
            return if reverse.is_some_and(|name| is_in(name.as_bytes(), brand)) { Self::Plain } else { Self::Brand };
        }
        if helo.contains(&b'.') { Self::Plain } else { Self::NoDot }
    }

    /// How odd for a customer's client: people's computers have names without a dot and literals of inner addresses.
    pub(crate) fn oddity_of_customer(self) -> f32 {
        match self {
            Self::Plain | Self::NoDot | Self::OtherLiteral => 0.0,
            Self::BareAddress | Self::Broken => 0.5,
            Self::Ours | Self::Brand => 1.0,
            Self::Engine => 2.0,
        }
    }

    /// How odd for a machine that calls itself a mail server.
    pub(crate) fn oddity_of_server(self) -> f32 {
        match self {
            Self::Plain => 0.0,
            Self::NoDot | Self::OtherLiteral => 0.5,
            Self::BareAddress | Self::Broken => 1.0,
            Self::Ours | Self::Brand => 1.5,
            Self::Engine => 2.0,
        }
    }
}

fn parsed(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let site = Site::new(&[], &[], vec!["isp.example".parse().unwrap()]);
        let client = Some("192.0.2.7".parse().unwrap());
        for (helo, form) in [
            ("mx.example.com", Form::Plain),
            ("[192.0.2.7]", Form::Plain),
            ("[IPv6:::ffff:192.0.2.7]", Form::Plain),
            ("[192.168.1.5]", Form::OtherLiteral),
            ("[x]", Form::Broken),
            ("192.0.2.7", Form::BareAddress),
            ("2001:db8::1", Form::BareAddress),
            ("DESKTOP-1234", Form::NoDot),
            ("mail.ISP.example", Form::Ours),
            ("smtp.gmail.com", Form::Brand),
            ("ylmf-pc", Form::Engine),
            ("", Form::Broken),
            ("a b", Form::Broken),
        ] {
            assert_eq!(Form::of(helo.as_bytes(), client, None, &site), form, "{helo}");
        }
        let google = Some("mail-ed1-f41.google.com");
        assert_eq!(Form::of(b"mail-ed1-f41.google.com", client, google, &site), Form::Plain);
        assert_eq!(Form::of(b"\xff\xfe", client, None, &site), Form::Broken);
    }
}
