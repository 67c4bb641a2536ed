//! Addresses of MAIL and RCPT, judged as Postfix judges them: it takes what it can make sense of and refuses the rest.

/// Longest host name and label of a domain (RFC 1035). A longer one is refused.
const MAX_HOST: usize = 255;
const MAX_LABEL: usize = 63;

/// An address that the server takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    /// The address as given, without its brackets and the blanks around it; empty for `<>`.
    pub(super) address: &'a [u8],
    pub(super) bracketed: bool,
}

/// Reads one address token (see [`token`]); `None` when its syntax is bad.
pub(super) fn parse(token: &[u8]) -> Option<Path<'_>> {
    let mut address = token.trim_ascii();
    let mut bracketed = false;
    // The end of an address list is taken, a second address is not.
    while let Some(shorter) = address.strip_suffix(b",").or(address.strip_suffix(b";")) {
        address = shorter;
    }
    while let Some(open) = find_unquoted(address, b'<') {
        let close = address.strip_suffix(b">")?.len();
        address = address.get(open + 1..close)?.trim_ascii();
        bracketed = true;
    }
    while !bracketed && address.last() == Some(&b'>') {
        address = &address[..address.len() - 1];
    }
    let words = Words::read(without_route(address))?;
    (address.is_empty() || words.make_an_address()).then_some(Path { address, bracketed })
}

/// Cuts the first blank-separated token off an argument; blanks in quotes and brackets belong to it.
pub(super) fn token(argument: &[u8]) -> (&[u8], &[u8]) {
    let argument = argument.trim_ascii_start();
    let (mut quoted, mut depth, mut escaped) = (false, 0_i32, false);
    let end = argument.iter().position(|byte| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match byte {
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => depth += 1,
            b'>' if !quoted => depth -= 1,
            byte if byte.is_ascii_whitespace() => return !quoted && depth <= 0,
            _ => {}
        }
        false
    });
    argument.split_at(end.unwrap_or(argument.len()))
}

/// An address without its source route (RFC 5321, appendix C): `@a,@b:c@d` is `c@d`.
fn without_route(address: &[u8]) -> &[u8] {
    match find_unquoted(address, b':') {
        Some(colon) if address.starts_with(b"@") => &address[colon + 1..],
        _ => address,
    }
}

fn find_unquoted(text: &[u8], wanted: u8) -> Option<usize> {
    let mut quoted = false;
    text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        !quoted && *byte == wanted
    })
}

/// An address taken apart: words, `@`, and whether a domain literal stands last. Comments are gone.
#[derive(Default)]
struct Words {
    /// What stands after the last `@`.
    domain: Vec<u8>,
    literal: bool,
    ats: usize,
    /// Whether any word stands before the last `@`.
    local: bool,
}

impl Words {
    fn read(text: &[u8]) -> Option<Self> {
        let mut words = Self::default();
        let mut rest = text;
        // Two words with only a blank between them are two addresses.
        let (mut in_word, mut blank) = (false, false);
        while let [first, tail @ ..] = rest {
            let length = match first {
                b'"' => 2 + closing(tail, b'"')?,
                b'\\' => 1 + tail.first().map(|_| 1)?,
                b'(' => 2 + closing(tail, b')').unwrap_or(tail.len().saturating_sub(1)),
                b'[' => 2 + closing(tail, b']')?,
                b',' | b';' | b'<' => return None,
                _ => 1,
            };
            match first {
                b' ' | b'\t' => blank = true,
                b'(' | b'>' => {}
                b'@' => {
                    words.local |= !words.domain.is_empty() || words.literal;
                    words.domain.clear();
                    words.literal = false;
                    words.ats += 1;
                    in_word = false;
                }
                _ if in_word && blank => return None,
                _ => {
                    words.domain.extend_from_slice(&rest[..length]);
                    words.literal = *first == b'[';
                    in_word = true;
                    blank = false;
                }
            }
            if *first == b'@' {
                blank = false;
            }
            rest = &rest[length.min(rest.len())..];
        }
        Some(words)
    }

    fn make_an_address(&self) -> bool {
        match (self.ats, self.domain.as_slice()) {
            (0, _) => true,
            // `u@d@` is taken, `u@` is not.
            (ats, []) => ats > 1 && self.local,
            (_, [b'[', literal @ .., b']']) if self.literal => is_address_literal(literal),
            (_, host) => is_host_name(host),
        }
    }
}

/// The place of the unescaped closing byte.
fn closing(text: &[u8], close: u8) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| match (std::mem::take(&mut escaped), byte) {
        (false, b'\\') => {
            escaped = true;
            false
        }
        (escaped, byte) => !escaped && *byte == close,
    })
}

fn is_address_literal(literal: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(literal) else { return false };
    match text.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => text[5..].parse::<std::net::Ipv6Addr>().is_ok(),
        _ => text.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

fn is_host_name(host: &[u8]) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let numeric = host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    host.len() <= MAX_HOST
        && !numeric
        && host.split(|byte| *byte == b'.').all(|label| {
            (1..=MAX_LABEL).contains(&label.len())
                && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
                && !label.starts_with(b"-")
                && !label.ends_with(b"-")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(address: &str) -> bool {
        parse(address.as_bytes()).is_some()
    }

    /// Each as Postfix 3.7.11 answered it.
    #[test]
    fn addresses_are_judged_as_postfix_judges_them() {
        for good in [
            "<a@b>",
            "<>",
            "a@b",
            "a@b.c>",
            "< a@b>",
            "<a@b >",
            "<a @b>",
            "<a@ b>",
            "<a@[192.0.2.1]>",
            "<a@[IPv6:::1]>",
            "<@x,@y:a@b>",
            "<\"a b\"@c>",
            "<a@b.>",
            "<a@b@c>",
            "<a@@b>",
            "<u@d@>",
            "<@b>",
            "<a..b@c>",
            "<.a@b>",
            "<a.@b>",
            "<u%d@[192.0.2.1]>",
            "<\"u@d\">",
            "<d!u>",
            "<a(c)@b>",
            "<a@(c)b>",
            "(c)<a@b>",
            "<a(b@c>",
            "<a)b@c>",
            "<a]b@c>",
            "<a\\@b>",
            "<a:b@c>",
            "<a@b_c>",
            "<a@1.com>",
            "<*@b>",
            "<\"\"@b>",
            "\"\"",
            "<a@b>;",
            "<<a@b>>",
            "<a@b>>",
            "<\"\" <a@b>>",
            "<a\u{e9}@b>",
            "<postmaster>",
        ] {
            assert!(judged(good), "{good}");
        }
        for bad in [
            "<a@b",
            "<a b@c>",
            "<a@>",
            "<a@-b>",
            "<a@b->",
            "<a@b>x",
            "<a@b>,<c@d>",
            "<a@b..c>",
            "<a@.b>",
            "<a@1>",
            "<a@192.0.2.1>",
            "<a@[foo]>",
            "<a@[]>",
            "<a@exa!mple>",
            "<a@b,c>",
            "<a@b;c>",
            "<a@b:c>",
            "<a@b.c d>",
            "<a@\u{e9}.com>",
            "<a\"b@c>",
            "<\"a@b>",
            "<a@b\\>",
            "<a,b@c>",
            "<a;b@c>",
            "<a[b@c>",
            "<a<b@c>",
            "<@>",
            "<@@>",
            "<a@b/c>",
            "<a@b%c>",
            "<a@*>",
            "a@b<c",
            "a@b,c@d",
        ] {
            assert!(!judged(bad), "{bad}");
        }
    }

    #[test]
    fn a_token_ends_at_a_blank_outside_quotes_and_brackets() {
        assert_eq!(token(b" <a b> SIZE=1 X"), (&b"<a b>"[..], &b" SIZE=1 X"[..]));
        assert_eq!(token(b"\"a b\" c"), (&b"\"a b\""[..], &b" c"[..]));
        assert_eq!(token(b""), (&b""[..], &b""[..]));
    }
}
