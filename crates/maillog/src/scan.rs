//! Small steps over the bytes of a line: what comes before, between and after. They copy nothing and decide nothing.

use memchr::{memchr, memrchr};

/// What stands before the first `byte`, and after it.
pub(crate) fn split(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr(byte, text)?;
    Some((&text[..at], &text[at + 1..]))
}

/// What stands before the last `byte`, and after it.
pub(crate) fn split_last(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memrchr(byte, text)?;
    Some((&text[..at], &text[at + 1..]))
}

/// What stands before the first `mark`, and after it.
pub(crate) fn split_at<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(text, mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

/// Where a mark stands first. Lines and marks are short: to look for one byte of it is quicker than to prepare a search.
pub(crate) fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    let (sought, before) = rare(mark);
    let mut from = before;
    loop {
        let at = from + memchr(sought, text.get(from..)?)?;
        if text[at - before..].starts_with(mark) {
            return Some(at - before);
        }
        from = at + 1;
    }
}

/// Where it stands last.
pub(crate) fn find_last(text: &[u8], mark: &[u8]) -> Option<usize> {
    let (sought, before) = rare(mark);
    let mut until = text.len();
    loop {
        let at = memrchr(sought, &text[..until])?;
        if at >= before && text[at - before..].starts_with(mark) {
            return Some(at - before);
        }
        until = at;
    }
}

/// A byte of a mark that is rarer than a blank, and how many stand before it.
fn rare(mark: &[u8]) -> (u8, usize) {
    let at = mark.iter().position(|byte| *byte != b' ').unwrap_or(0);
    (mark.get(at).copied().unwrap_or_default(), at)
}

/// The first word, and what follows its blank; the whole text when it is one word.
pub(crate) fn word(text: &[u8]) -> (&[u8], &[u8]) {
    split(text, b' ').unwrap_or((text, &[]))
}

/// The decimal number at the start, and what follows it. A number that does not fit is none.
pub(crate) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 18 {
        return None;
    }
    let value = text[..digits].iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    Some((value, &text[digits..]))
}

/// The whole text as a decimal number.
pub(crate) fn whole_number(text: &[u8]) -> Option<u64> {
    number(text).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// An enhanced status code (5.1.1) at the start, and what follows it.
pub(crate) fn enhanced(text: &[u8]) -> Option<([u16; 3], &[u8])> {
    let &[class @ (b'2' | b'4' | b'5'), b'.', ..] = text else { return None };
    let (subject, rest) = number(&text[2..])?;
    let (detail, rest) = number(rest.strip_prefix(b".")?)?;
    let ends = rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.');
    let (subject, detail) = (u16::try_from(subject).ok()?, u16::try_from(detail).ok()?);
    ends.then_some(([u16::from(class - b'0'), subject, detail], rest))
}

/// A reply code (550) at the start, and what follows it.
pub(crate) fn reply(text: &[u8]) -> Option<(u16, &[u8])> {
    let (&[hundreds @ b'2'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9'], rest) = text.split_first_chunk()? else {
        return None;
    };
    let code = u16::from(hundreds - b'0') * 100 + u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
    rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric()).then_some((code, rest))
}

/// Text that is UTF-8; names and queue ids are nothing else.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// What stands between `<` at the start and the `>` that belongs to it, and what follows: a `>` in quotes does not count, so
/// that a quoted local part cannot end the address early.
pub(crate) fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"<")?;
    let end = memchr(b'>', inner)?;
    if memchr(b'"', &inner[..end]).is_none() {
        return Some((&inner[..end], &inner[end + 1..]));
    }
    let end = outside_quotes(inner, b'>').unwrap_or(end);
    Some((&inner[..end], &inner[end + 1..]))
}

/// Where `byte` stands first outside of quotes. `None` also when the quotes do not end.
pub(crate) fn outside_quotes(text: &[u8], byte: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &this) in text.iter().enumerate() {
        match this {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if this == byte && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_at_the_bracket_that_is_not_quoted() {
        assert_eq!(bracketed(b"<a@b> to"), Some((&b"a@b"[..], &b" to"[..])));
        assert_eq!(bracketed(b"<>,"), Some((&b""[..], &b","[..])));
        assert_eq!(bracketed(br#"<"x>, relay=y"@b>, r"#), Some((&br#""x>, relay=y"@b"#[..], &b", r"[..])));
        assert_eq!(bracketed(br#"<"x>, relay"#), Some((&br#""x"#[..], &b", relay"[..])), "quotes without an end");
        assert_eq!(bracketed(b"<a"), None);
    }

    #[test]
    fn marks_are_found_first_and_last() {
        let text = b"a: b, from c: d from e";
        assert_eq!((find(text, b": "), find_last(text, b": ")), (Some(1), Some(12)));
        assert_eq!((find(text, b" from "), find_last(text, b" from ")), (Some(5), Some(15)));
        assert_eq!((find(text, b" x "), find_last(text, b"from f")), (None, None));
        assert_eq!((find(b"m", b" from "), find_last(b"m", b" from ")), (None, None));
        assert_eq!((find(b"", b": "), find_last(b"", b": ")), (None, None));
    }

    #[test]
    fn codes_are_whole_words() {
        assert_eq!(reply(b"550 no"), Some((550, &b" no"[..])));
        assert_eq!(reply(b"550-5.7.1"), Some((550, &b"-5.7.1"[..])));
        assert_eq!(reply(b"5500"), None);
        assert_eq!(enhanced(b"5.12.345 <a>"), Some(([5, 12, 345], &b" <a>"[..])));
        assert_eq!(enhanced(b"5.1.1.1"), None);
        assert_eq!(enhanced(b"3.1.1"), None);
        assert_eq!(whole_number(b"99999999999999999999"), None);
    }
}
