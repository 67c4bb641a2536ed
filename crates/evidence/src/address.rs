//! The domain of a mail address, as the tables by domain count it.

use crate::shown;

/// Longest domain taken as one (RFC 1035). A longer one counts as no domain.
const MAX_DOMAIN: usize = 255;

/// The part after the last `@` outside quotes, in lower case, without a final dot; `None` when there is none.
///
/// The domain is what the peer wrote: it is not checked, resolved or cut to a registered domain.
pub fn domain(address: &[u8]) -> Option<String> {
    let mut quoted = false;
    let mut at = None;
    let mut bytes = address.iter().enumerate();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'\\' if quoted => _ = bytes.next(),
            b'"' => quoted = !quoted,
            b'@' if !quoted => at = Some(index),
            _ => {}
        }
    }
    let domain = address.get(at? + 1..)?;
    let domain = domain.strip_suffix(b".").unwrap_or(domain);
    if domain.is_empty() || domain.len() > MAX_DOMAIN {
        return None;
    }
    Some(shown(&domain.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_follows_the_last_at_outside_quotes() {
        let of = |address: &str| domain(address.as_bytes());
        assert_eq!(of("a@Example.COM."), Some("example.com".into()));
        assert_eq!(of("\"a@b\"@c.example"), Some("c.example".into()));
        assert_eq!(of("\"a\\\"@b\"@c.example"), Some("c.example".into()));
        assert_eq!(of("u@d@[192.0.2.1]"), Some("[192.0.2.1]".into()));
        for none in ["", "postmaster", "\"u@d\"", "u@", "u@.", &format!("u@{}", "x".repeat(256))] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
