//! List files: an address or a prefix a line.

use std::net::IpAddr;

use evidence::IpNet;

/// The shortest prefixes that a list may have. A shorter one is a mistake that would list a large part of the Internet.
const SHORTEST_V4: u8 = 8;
const SHORTEST_V6: u8 = 16;

/// A line that is neither an address nor a prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{text}` is {what}")]
pub struct ListError {
    line: usize,
    text: String,
    what: &'static str,
}

/// Reads a list: an address or a prefix a line; what follows a blank, `#` or `;` is a comment. One wrong line makes the
/// whole wrong: half a list is another list.
pub fn parse(text: &str) -> Result<Vec<IpNet>, ListError> {
    let mut prefixes = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let word = line.split(['#', ';']).next().unwrap_or_default().split_whitespace().next();
        let Some(word) = word else { continue };
        let wrong = |what| ListError {
            line: index + 1,
            text: evidence::shown(word.as_bytes()).chars().take(80).collect(),
            what,
        };
        let prefix = word.parse().ok().or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from));
        let prefix: IpNet = prefix.ok_or_else(|| wrong("neither an address nor a prefix"))?;
        let shortest = if prefix.addr().is_ipv4() { SHORTEST_V4 } else { SHORTEST_V6 };
        if prefix.prefix_len() < shortest {
            return Err(wrong("too large a part of the Internet to be a list's entry"));
        }
        prefixes.push(prefix.trunc());
    }
    Ok(prefixes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_prefixes_and_comments_are_read() {
        let text = "# a list\n192.0.2.7\n\n198.51.100.9/24 ; SBL1\n2001:db8::1 # one\n2001:db8:1::/48\n";
        let read: Vec<_> = parse(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(read, ["192.0.2.7/32", "198.51.100.0/24", "2001:db8::1/128", "2001:db8:1::/48"]);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, names) in [
            ("192.0.2.7\nexample.org", "line 2: `example.org`"),
            ("192.0.2.7/33", "line 1"),
            ("0.0.0.0/0", "too large"),
            ("\x1b[31m", "`\\x1B[31m`"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(names), "{error}");
        }
    }
}
