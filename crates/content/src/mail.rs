//! The parts of a message, as they stand: nothing is decoded or mended.

/// A message with its envelope.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// The name in HELO or EHLO.
    pub helo: Option<&'a [u8]>,
    /// The address of MAIL FROM.
    pub sender: &'a [u8],
    /// The addresses of all RCPT TO.
    pub recipients: Vec<&'a [u8]>,
    /// Header and body.
    pub content: &'a [u8],
}

/// What is known of the message's source and recipients from before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages of the same source that are no tests.
    pub others: u32,
    /// Recipients of the same source's tests that are none of this message's.
    pub dropboxes: u32,
    /// Whether a recipient got tests from another source, or through another sensor.
    pub is_dropbox: bool,
}

/// A line of the header with those that continue it: name, and value with its line ends.
pub(crate) struct Header<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl Header<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The headers of a content, and its body. What does not begin with a header is all body; among headers, a line that is
/// none has no name.
pub(crate) fn parts(content: &[u8]) -> (Vec<Header<'_>>, &[u8]) {
    let mut headers = Vec::new();
    let mut rest = content;
    if rest.starts_with(b"From ") || rest.starts_with(b">From ") {
        rest = &rest[until_line_end(rest, 0)..]; // of a mailbox file
    }
    while !rest.is_empty() {
        let line = until_line_end(rest, 0);
        if matches!(&rest[..line], b"\r\n" | b"\n") {
            return (headers, &rest[line..]);
        }
        let mut end = line;
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end = until_line_end(rest, end);
        }
        let colon = rest[..line].iter().position(|byte| *byte == b':');
        let is_name = |at: &usize| *at > 0 && rest[..*at].iter().all(u8::is_ascii_graphic);
        match colon.filter(is_name) {
            Some(colon) => headers.push(Header { name: &rest[..colon], value: &rest[colon + 1..end] }),
            None if headers.is_empty() => return (headers, content),
            None => headers.push(Header { name: b"", value: &rest[..end] }),
        }
        rest = &rest[end..];
    }
    (headers, rest)
}

/// The offset behind the line that `from` lies in.
fn until_line_end(text: &[u8], from: usize) -> usize {
    text[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| from + at + 1)
}

/// Whether a text has a word, in either case.
pub(crate) fn has(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_their_continuations_and_the_rest_is_body() {
        let (headers, body) = parts(b"Subject: a\r\n b\r\nX:c\n\nbody: x\r\n");
        let read: Vec<_> = headers.iter().map(|header| (header.name, header.value)).collect();
        assert_eq!(read, [(&b"Subject"[..], &b" a\r\n b\r\n"[..]), (b"X", b"c\n")]);
        assert_eq!(body, b"body: x\r\n");
        assert_eq!(parts(b"no header here").1, b"no header here");
        let (headers, body) = parts(b"From a Thu Aug 22 12:36:23 2002\nA: b\r\nno header\n\nc");
        let read: Vec<_> = headers.iter().map(|header| (header.name, header.value)).collect();
        assert_eq!((read, body), (vec![(&b"A"[..], &b" b\r\n"[..]), (b"", b"no header\n")], &b"c"[..]));
        assert_eq!(parts(b"").1, b"");
    }
}
