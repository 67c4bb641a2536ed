//! Addresses as Sendmail reads them: brackets and quotes must balance, then its rules look at what is inside.

/// What is wrong with an address: the enhanced code and the words.
pub(super) type Complaint = (&'static str, &'static str);

/// Where an address ends in an argument: at the first blank outside quotes, comments and brackets. The complaint if they do
/// not balance.
pub(super) fn end(text: &[u8]) -> (usize, Option<Complaint>) {
    let (mut quoted, mut escaped, mut comments, mut angles) = (false, false, 0_u32, 0_u32);
    let mut end = text.len();
    for (at, byte) in text.iter().enumerate() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match byte {
            b'\\' => escaped = true,
            b'"' if comments == 0 => quoted = !quoted,
            _ if quoted => {}
            b'(' => comments += 1,
            b')' if comments > 0 => comments -= 1,
            b')' => return (text.len(), Some(("5.0.0", "Unbalanced ')'"))),
            _ if comments > 0 => {}
            b'<' => angles += 1,
            b'>' if angles > 0 => angles -= 1,
            b'>' => return (text.len(), Some(("5.0.0", "Unbalanced '>'"))),
            b' ' if angles == 0 => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let complaint = match (quoted, comments, angles) {
        (true, ..) => Some("Unbalanced '\"'"),
        (_, 1.., _) => Some("Unbalanced '('"),
        (.., 1..) => Some("Unbalanced '<'"),
        _ => None,
    };
    (end, complaint.map(|words| ("5.0.0", words)))
}

/// The address inside the innermost brackets, without comments, blanks and the escapes of its bytes.
pub(super) fn bare(text: &[u8]) -> Vec<u8> {
    let mut bare = Vec::new();
    let (mut quoted, mut comments) = (false, 0_u32);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if comments == 0 => bare.extend(bytes.next()),
            b'"' if comments == 0 => {
                quoted = !quoted;
                bare.push(*byte);
            }
            _ if quoted => bare.push(*byte),
            b'(' => comments += 1,
            b')' if comments > 0 => comments -= 1,
            _ if comments > 0 => {}
            b'<' => bare.clear(),
            b'>' => break,
            byte if byte.is_ascii_whitespace() => {}
            byte => bare.push(*byte),
        }
    }
    bare
}

/// Whether an address is one, by the rules of the configuration. The null address has its own rules.
pub(super) fn complaint(bare: &[u8]) -> Option<Complaint> {
    let unquoted = outside_quotes(bare);
    let routed = unquoted.first() == Some(&b'@');
    let address = match unquoted.iter().position(|byte| *byte == b':').filter(|_| routed) {
        Some(colon) => &unquoted[colon + 1..],
        None => &unquoted[..],
    };
    let ats: Vec<_> = address.iter().enumerate().filter(|(_, byte)| **byte == b'@').map(|(at, _)| at).collect();
    let domain = ats.last().map_or(&[][..], |at| &address[at + 1..]);
    match (ats.as_slice(), address) {
        (_, b"@") => Some(("5.1.3", "List:; syntax illegal for recipient addresses")),
        (_, b"Q") if bare == b"\"\"" => Some(("5.1.3", "User address required")),
        ([], address) if address.contains(&b',') => Some(("5.1.3", "Invalid route address")),
        ([], _) => None,
        ([.., last], _) if last + 1 == address.len() && address == b"@@" => Some(("5.1.3", "Hostname required")),
        ([_, _, ..], _) if domain.is_empty() => Some(("5.1.2", "Invalid route address")),
        ([_, _, ..], _) => Some(("5.1.3", "Invalid route address")),
        _ if address.contains(&b',') => Some(("5.1.3", "Invalid route address")),
        _ if domain.is_empty() => Some(("5.1.3", "Hostname required")),
        ([0], _) => Some(("5.1.3", "User address required")),
        _ if domain.first() != Some(&b'[') && domain.contains(&b':') => {
            Some(("5.1.3", "Colon illegal in host name part"))
        }
        _ if domain.first() == Some(&b'.') || domain.windows(2).any(|pair| pair == b"..") => {
            Some(("5.1.2", "Invalid host name"))
        }
        _ => None,
    }
}

/// Whether an address leads to another machine: it has a domain or another way to say so, also in quotes.
pub(super) fn leads_away(bare: &[u8]) -> bool {
    bare.iter().any(|byte| matches!(byte, b'@' | b'%' | b'!'))
}

/// The address with each quoted string as one `Q`.
fn outside_quotes(bare: &[u8]) -> Vec<u8> {
    let mut quoted = false;
    let mut out = Vec::new();
    for byte in bare {
        match (byte, quoted) {
            (b'"', _) => {
                if !quoted {
                    out.push(b'Q');
                }
                quoted = !quoted;
            }
            (_, true) => {}
            (byte, false) => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let (end, unbalanced) = end(text.as_bytes());
        let bare = bare(&text.as_bytes()[..end]);
        match unbalanced.or_else(|| complaint(&bare)) {
            Some((code, words)) => format!("{code} {words}"),
            None => String::from("ok"),
        }
    }

    /// Each as Sendmail 8.17.1.9 answered it.
    #[test]
    fn addresses_are_judged_as_sendmail_judges_them() {
        for (text, words) in [
            ("<a@b>", "ok"),
            ("a@b", "ok"),
            ("a@b.c>", "5.0.0 Unbalanced '>'"),
            ("< a@b>", "ok"),
            ("<a@b >", "ok"),
            ("<a @b>", "ok"),
            ("<a@ b>", "ok"),
            ("<a@[192.0.2.1]>", "ok"),
            ("<a@[IPv6:::1]>", "ok"),
            ("<@x,@y:a@b>", "ok"),
            ("<\"a b\"@c>", "ok"),
            ("<a@b.>", "ok"),
            ("<a@b@c>", "5.1.3 Invalid route address"),
            ("<a@@b>", "5.1.3 Invalid route address"),
            ("<u@d@>", "5.1.2 Invalid route address"),
            ("<@b>", "5.1.3 User address required"),
            ("<a..b@c>", "ok"),
            ("<.a@b>", "ok"),
            ("<a.@b>", "ok"),
            ("<u%d@b.c>", "ok"),
            ("<u%d@[192.0.2.1]>", "ok"),
            ("<\"u@d\">", "ok"),
            ("<\"u@d\"@b.c>", "ok"),
            ("<\"u%d\">", "ok"),
            ("<u@d@[192.0.2.1]>", "5.1.3 Invalid route address"),
            ("<@[192.0.2.1]:u@d>", "ok"),
            ("<d!u>", "ok"),
            ("<d!u@b.c>", "ok"),
            ("<d!u@[192.0.2.1]>", "ok"),
            ("<a(c)@b>", "ok"),
            ("<a@(c)b>", "ok"),
            ("(c)<a@b>", "ok"),
            ("<a(b@c>", "5.0.0 Unbalanced '('"),
            ("<a)b@c>", "5.0.0 Unbalanced ')'"),
            ("<a]b@c>", "ok"),
            ("<a\\@b>", "ok"),
            ("<a:b@c>", "ok"),
            ("<a@b_c>", "ok"),
            ("<a@1.com>", "ok"),
            ("<*@b>", "ok"),
            ("<\"\"@b>", "ok"),
            ("\"\"", "5.1.3 User address required"),
            ("<a@b>;", "ok"),
            ("<<a@b>>", "ok"),
            ("<a@b>>", "5.0.0 Unbalanced '>'"),
            ("<\"\" <a@b>>", "ok"),
            ("<postmaster>", "ok"),
            ("<root>", "ok"),
            ("<a@b", "5.0.0 Unbalanced '<'"),
            ("<a b@c>", "ok"),
            ("<a@>", "5.1.3 Hostname required"),
            ("<a@-b>", "ok"),
            ("<a@b->", "ok"),
            ("<a@b>x", "ok"),
            ("<a@b>,<c@d>", "ok"),
            ("<a@b..c>", "5.1.2 Invalid host name"),
            ("<a@.b>", "5.1.2 Invalid host name"),
            ("<a@1>", "ok"),
            ("<a@192.0.2.1>", "ok"),
            ("<a@[foo]>", "ok"),
            ("<a@[]>", "ok"),
            ("<a@exa!mple>", "ok"),
            ("<a@b,c>", "5.1.3 Invalid route address"),
            ("<a@b;c>", "ok"),
            ("<a@b:c>", "5.1.3 Colon illegal in host name part"),
            ("<a@b.c d>", "ok"),
            ("<a\"b@c>", "5.0.0 Unbalanced '\"'"),
            ("<\"a@b>", "5.0.0 Unbalanced '\"'"),
            ("<a@b\\>", "5.0.0 Unbalanced '<'"),
            ("<a,b@c>", "5.1.3 Invalid route address"),
            ("<a;b@c>", "ok"),
            ("<a[b@c>", "ok"),
            ("<a<b@c>", "5.0.0 Unbalanced '<'"),
            ("<@>", "5.1.3 List:; syntax illegal for recipient addresses"),
            ("<@@>", "5.1.3 Hostname required"),
            ("<a@b/c>", "ok"),
            ("<a@b%c>", "ok"),
            ("<a@*>", "ok"),
            ("a@b<c", "5.0.0 Unbalanced '<'"),
            ("a@b,c@d", "5.1.3 Invalid route address"),
            ("Joe <a@b.c>", "ok"),
            ("|prog", "ok"),
            ("/file", "ok"),
            ("<a&b@c.d>", "ok"),
            ("<a#b@c.d>", "ok"),
            ("<a`b@c.d>", "ok"),
            ("<a?b@c.d>", "ok"),
            ("<a/../b@c.d>", "ok"),
            ("<A@B.C>", "ok"),
            ("<a@b.c>  ", "ok"),
            ("<a@mx.example.net>", "ok"),
            ("<a@b.c> <d@e.f>", "ok"),
        ] {
            assert_eq!(said(text), words, "{text}");
        }
    }
}
