//! Where messages of syslog end in what comes over TCP (RFC 6587): counted, `57 <22>…`, or ended by a line feed; each message
//! in its own way, as it begins. It knows nothing of sockets, and gives the same lines however the input was split.

use memchr::memchr;

/// A longer message is kept up to here; the rest is left out, and counted. As long as a line that is read.
pub const MAX_LINE: usize = 64 * 1024;

/// Most digits of a count. What has more of them is the beginning of a line.
const DIGITS: usize = 9;

/// Splits what comes on one connection.
#[derive(Debug, Default)]
pub struct Frames {
    state: State,
    /// The beginning of the message, at most [`MAX_LINE`] and a byte.
    line: Vec<u8>,
    /// Messages of which the rest was left out.
    pub cut: u64,
    /// Messages with line ends within them; these are written as `#012`.
    pub broken: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// What may be a count is in `line`.
    #[default]
    Begin,
    /// So many bytes are still to come.
    Counted(usize),
    /// Until the next line feed.
    Line,
}

impl Frames {
    /// Takes what came, and appends each message that ends in it to `lines`, with a line feed.
    pub fn feed(&mut self, mut bytes: &[u8], lines: &mut Vec<u8>) {
        while let Some((&first, rest)) = bytes.split_first() {
            bytes = match self.state {
                State::Begin => {
                    self.begin(first, lines);
                    rest
                }
                State::Counted(left) => {
                    let (part, rest) = bytes.split_at(left.min(bytes.len()));
                    self.keep(part);
                    self.state = State::Counted(left - part.len());
                    rest
                }
                State::Line => match memchr(b'\n', bytes) {
                    Some(end) => {
                        self.keep(&bytes[..end]);
                        self.end(lines);
                        &bytes[end + 1..]
                    }
                    None => {
                        self.keep(bytes);
                        &[]
                    }
                },
            };
            if self.state == State::Counted(0) {
                self.end(lines);
            }
        }
    }

    /// The connection has ended in order: a last line without an end is one. Whether a counted message was torn.
    #[must_use]
    pub fn finish(&mut self, lines: &mut Vec<u8>) -> bool {
        let torn = matches!(self.state, State::Counted(_));
        if !torn {
            self.end(lines);
        }
        torn
    }

    /// Whether a message has begun.
    pub fn is_within(&self) -> bool {
        !self.line.is_empty()
    }

    /// The next byte of what may be a count: digits, a blank, and then the bracket with which a message begins.
    fn begin(&mut self, byte: u8, lines: &mut Vec<u8>) {
        let count = self.line.strip_suffix(b" ").map(<[u8]>::to_vec);
        match byte {
            b'0'..=b'9' if count.is_none() && self.line.len() < DIGITS => self.line.push(byte),
            b' ' if count.is_none() && !self.line.is_empty() => self.line.push(byte),
            b'\n' => self.end(lines),
            b'<' => {
                let length = count.and_then(|digits| str::from_utf8(&digits).ok()?.parse::<usize>().ok());
                // `0 <` counts nothing: it is the beginning of a line.
                self.state = match length.and_then(|length| length.checked_sub(1)) {
                    Some(left) => {
                        self.line.clear();
                        State::Counted(left)
                    }
                    None => State::Line,
                };
                self.line.push(byte);
            }
            _ => {
                self.state = State::Line;
                self.line.push(byte);
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = (MAX_LINE + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end(&mut self, lines: &mut Vec<u8>) {
        let (cut, broken) = append(&self.line, lines);
        self.cut += u64::from(cut);
        self.broken += u64::from(broken);
        self.line.clear();
        self.line.shrink_to(4096);
        self.state = State::Begin;
    }
}

/// Appends one message as a line; whether it was cut, and whether it had line ends within. Line ends and NUL bytes at its end
/// are none of its own, and an empty one is no line.
pub(crate) fn append(message: &[u8], lines: &mut Vec<u8>) -> (bool, bool) {
    let cut = message.len() > MAX_LINE;
    let mut message = &message[..message.len().min(MAX_LINE)];
    while let [rest @ .., b'\n' | b'\r' | 0] = message {
        message = rest;
    }
    if message.is_empty() {
        return (cut, false);
    }
    let mut broken = false;
    while let Some(end) = memchr(b'\n', message) {
        broken = true;
        lines.extend_from_slice(&message[..end]);
        lines.extend_from_slice(b"#012");
        message = &message[end + 1..];
    }
    lines.extend_from_slice(message);
    lines.push(b'\n');
    (cut, broken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&[u8]]) -> (String, [u64; 2], bool) {
        let (mut frames, mut lines) = (Frames::default(), Vec::new());
        for piece in pieces {
            frames.feed(piece, &mut lines);
        }
        let torn = frames.finish(&mut lines);
        (String::from_utf8_lossy(&lines).into_owned(), [frames.cut, frames.broken], torn)
    }

    fn of(text: &str) -> (String, [u64; 2], bool) {
        split(&[text.as_bytes()])
    }

    #[test]
    fn messages_are_counted_or_ended_by_line_feeds_each_in_its_own_way() {
        let (lines, counts, torn) = of("6 <22>ab<22>c\n8 <22>d\nex<22>e\r\n5 <22>f\n\n<22>g\0\n<22>h");
        assert_eq!(lines, "<22>ab\n<22>c\n<22>d#012ex\n<22>e\n<22>f\n<22>g\n<22>h\n");
        assert_eq!((counts, torn), ([0, 1], false));
    }

    #[test]
    fn what_only_looks_like_a_count_is_a_line() {
        let lines =
            ["2026-11-25 x", "1 2026-11-25T06:00:00Z mx", "12", "1234567890 <22>a", "0 <22>a", "7  <22>a", " 7 <", "7"];
        for text in lines {
            let text = format!("{text}\n<22>b\n");
            assert_eq!(of(&text).0, text);
        }
    }

    #[test]
    fn a_message_that_breaks_off_is_torn_and_one_of_a_megabyte_is_cut() {
        assert_eq!(of("9 <22>ab"), (String::new(), [0, 0], true));
        let long = "x".repeat(1 << 20);
        for text in [format!("<22>{long}\n<22>b\n"), format!("{} <22>{long}<22>b\n", long.len() + 4)] {
            let (lines, counts, torn) = of(&text);
            assert_eq!((lines.len(), counts, torn), (MAX_LINE + 1 + 6, [1, 0], false));
        }
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(b'<'), Just(b' '), Just(b'\n'), Just(b'\r'), Just(0), b'0'..=b'9', any::<u8>()];
        prop::collection::vec(byte, 0..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lines_are_the_same_however_the_input_is_split(text in text(), at in prop::collection::vec(0..200_usize, 0..9)) {
            let whole = split(&[&text]);
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            prop_assert_eq!(&split(&bytes), &whole);
            let mut at: Vec<usize> = at.into_iter().map(|at| at.min(text.len())).chain([0, text.len()]).collect();
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(&split(&pieces), &whole);
        }

        #[test]
        fn each_message_gives_one_line_in_both_ways(messages in prop::collection::vec("<22>[ -~]{0,40}[!-~]", 1..9)) {
            let counted: String = messages.iter().map(|message| format!("{} {message}", message.len())).collect();
            let ended: String = messages.iter().map(|message| format!("{message}\n")).collect();
            prop_assert_eq!(&of(&counted).0, &ended);
            prop_assert_eq!(&of(&ended).0, &ended);
        }
    }
}
