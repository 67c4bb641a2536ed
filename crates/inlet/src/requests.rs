//! What Postfix asks a policy service: lines `name=value`, ended by an empty line, one request after the other on a
//! connection. It knows nothing of sockets, and gives the same however the input was split.

use memchr::memchr;

/// A longer request is kept up to here, and counted; it is answered as any other. Postfix sends some 40 values, none longer
/// than a line of SMTP.
pub const MAX_REQUEST: usize = 16 * 1024;

/// The program in whose name a request stands in the log.
const PROGRAM: &str = "spamtrail/policy: ";

/// Splits what comes on one connection.
#[derive(Debug, Default)]
pub struct Requests {
    request: Vec<u8>,
    /// Whether the line that comes has begun.
    within: bool,
    /// Requests of which the rest was left out.
    pub cut: u64,
}

impl Requests {
    /// Takes what came, and hands out each request that ends in it, without the empty line.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.within || line.len() > 1 {
                self.keep(line);
                self.within = false;
                continue;
            }
            self.cut += u64::from(self.request.len() > MAX_REQUEST);
            self.request.truncate(MAX_REQUEST);
            each(&self.request);
            self.request.clear();
            self.request.shrink_to(4096);
        }
        self.within |= !bytes.is_empty();
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (MAX_REQUEST + 1).saturating_sub(self.request.len());
        self.request.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// A request as a line of a log: stamp, host, and the values with tabs between them. Control characters within values, of
/// which Postfix sends none, and backslashes are written as `\x09`.
pub(crate) fn line(stamp: &str, host: &str, request: &[u8]) -> Vec<u8> {
    let mut line = format!("{stamp} {host} {PROGRAM}").into_bytes();
    let values = request.split(|byte| *byte == b'\n').filter(|value| !value.is_empty());
    for (number, value) in values.enumerate() {
        if number > 0 {
            line.push(b'\t');
        }
        for byte in value {
            match byte {
                b'\\' | 0x7f | 0..0x20 => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
                byte => line.push(*byte),
            }
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, u64) {
        let (mut requests, mut found) = (Requests::default(), Vec::new());
        for piece in pieces {
            requests.feed(piece, |request| found.push(request.to_vec()));
        }
        (found, requests.cut)
    }

    #[test]
    fn requests_end_at_empty_lines_and_a_long_one_is_cut_and_told() {
        let (found, cut) = split(&[b"request=smtpd_access_policy\nhelo_name=mx\n\na=\n\nb=1"]);
        assert_eq!((found, cut), (vec![b"request=smtpd_access_policy\nhelo_name=mx\n".to_vec(), b"a=\n".to_vec()], 0));
        let long = [&b"a="[..], &vec![b'x'; 1 << 20], b"\n\nb=\n\n"].concat();
        let (found, cut) = split(&[&long]);
        assert_eq!((found[0].len(), found[1].as_slice(), cut), (MAX_REQUEST, &b"b=\n"[..], 1));
        assert_eq!(split(&[b"\n"]).0, [b""], "an empty request is one, and is answered");
    }

    #[test]
    fn a_request_becomes_one_line_whatever_stands_in_it() {
        let asked = b"helo_name=a\tb\\\nsender=\n";
        let line = line("2026-11-25T06:00:00Z", "mx", asked);
        assert_eq!(line, b"2026-11-25T06:00:00Z mx spamtrail/policy: helo_name=a\\x09b\\x5c\tsender=\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn requests_are_the_same_however_the_input_is_split(
            text in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'='), any::<u8>()], 0..200),
            at in 0..200_usize,
        ) {
            let whole = split(&[&text]);
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            prop_assert_eq!(&split(&bytes), &whole);
            let (before, after) = text.split_at(at.min(text.len()));
            prop_assert_eq!(&split(&[before, after]), &whole);
            for asked in &whole.0 {
                let line = line("now", "mx", asked);
                prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            }
        }
    }
}
