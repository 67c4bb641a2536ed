//! The ClientHello (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2) as it lies in TLS records, in however many pieces.
//!
//! What cannot be read is no error: there is no hello then.

use super::ja4;

/// Most bytes kept of what a client sends first. Real hellos have some hundred bytes, those with post-quantum keys two
/// thousand. Of a longer one the rest is not kept, and nothing is read from it.
pub const MAX_HELLO: usize = 16 * 1024;

/// Bytes kept of something else, and more only where more was needed to see that.
const MAX_OTHER: usize = 64;

/// Content type of a record that holds handshake messages, and its length with version and size.
const HANDSHAKE: u8 = 22;
const RECORD_HEADER: usize = 5;

/// Type of the message, and its length with its size.
const CLIENT_HELLO: u8 = 1;
const MESSAGE_HEADER: usize = 4;

/// Extensions that are looked into.
const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// Extensions that tell where the client goes rather than which client it is.
pub(super) const SERVER_NAME_AND_ALPN: [u16; 2] = [SERVER_NAME, ALPN];

/// How much of a hello came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heard {
    /// Not all of it yet.
    #[default]
    Part,
    /// The whole message.
    Whole,
    /// Something else than a hello, or one longer than [`MAX_HELLO`].
    Other,
}

/// Keeps what a client sends first, up to the end of the record that ends its hello.
#[derive(Debug)]
pub struct HelloReader {
    bytes: Vec<u8>,
    /// How many of them are kept at most.
    limit: usize,
    /// Where the next record begins in `bytes`.
    next: usize,
    /// Bytes of handshake messages in the records before it.
    gathered: usize,
    /// The first of them: type and size of the message.
    head: Vec<u8>,
    heard: Heard,
}

impl Default for HelloReader {
    fn default() -> Self {
        Self { bytes: Vec::new(), limit: MAX_HELLO, next: 0, gathered: 0, head: Vec::new(), heard: Heard::Part }
    }
}

impl HelloReader {
    /// Takes what came next. What is kept does not depend on the pieces in which it came.
    pub fn push(&mut self, input: &[u8]) -> Heard {
        let room = self.limit - self.bytes.len();
        self.bytes.extend_from_slice(&input[..input.len().min(room)]);
        while self.heard == Heard::Part && self.read_record() {}
        if self.heard == Heard::Part && self.bytes.len() == MAX_HELLO {
            self.heard = Heard::Other;
        }
        self.heard
    }

    /// What was heard ends here: `seen` bytes were needed to know it.
    fn end(&mut self, heard: Heard, seen: usize) -> bool {
        self.limit = if heard == Heard::Whole { seen } else { seen.max(MAX_OTHER) };
        self.bytes.truncate(self.limit);
        self.heard = heard;
        false
    }

    /// What is kept so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was kept.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.shrink_to_fit();
        self.bytes
    }

    /// Reads one record; `false` when it is not all there.
    fn read_record(&mut self) -> bool {
        let record = &self.bytes[self.next..];
        let Some(kind) = record.first() else { return false };
        if *kind != HANDSHAKE {
            return self.end(Heard::Other, self.next + 1);
        }
        let Some(&[_, major, _, high, low]) = record.get(..RECORD_HEADER) else { return false };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if major != 3 || length == 0 {
            return self.end(Heard::Other, self.next + RECORD_HEADER);
        }
        let Some(fragment) = record.get(RECORD_HEADER..RECORD_HEADER + length) else { return false };
        let of_head = fragment.len().min(MESSAGE_HEADER - self.head.len());
        self.head.extend_from_slice(&fragment[..of_head]);
        self.gathered += length;
        self.next += RECORD_HEADER + length;
        if let &[kind, a, b, c] = self.head.as_slice() {
            let wanted = MESSAGE_HEADER + u32::from_be_bytes([0, a, b, c]) as usize;
            if kind != CLIENT_HELLO {
                return self.end(Heard::Other, self.next);
            }
            if self.gathered >= wanted {
                return self.end(Heard::Whole, self.next);
            }
        }
        true
    }
}

/// What a client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The version outside all extensions.
    pub legacy_version: u16,
    pub ciphers: Vec<u16>,
    /// Types of the extensions, in their order.
    pub extensions: Vec<u16>,
    /// The host name that the client asks for, as it stands there.
    pub server_name: Option<Vec<u8>>,
    /// Protocols that it would speak inside, the preferred first.
    pub alpn: Vec<Vec<u8>>,
    /// The versions of the extension for them; empty without it.
    pub versions: Vec<u16>,
    pub signature_algorithms: Vec<u16>,
}

impl ClientHello {
    /// Reads the records of a hello; `None` if there is no whole one.
    pub fn parse(records: &[u8]) -> Option<Self> {
        let message = message(records)?;
        let mut hello = Bytes(&message);
        let legacy_version = hello.number()?;
        hello.take(32)?; // random
        hello.short_list()?; // session id
        let ciphers = Bytes(hello.long_list()?).numbers();
        hello.short_list()?; // compression methods
        let mut parsed = Self { legacy_version, ciphers, ..Self::default() };
        // Old clients end here.
        let mut extensions = Bytes(if hello.0.is_empty() { &[] } else { hello.long_list()? });
        while !extensions.0.is_empty() {
            let (kind, body) = (extensions.number()?, extensions.long_list()?);
            parsed.extensions.push(kind);
            parsed.look_into(kind, Bytes(body));
        }
        Some(parsed)
    }

    /// The fingerprint JA4 of this hello over TCP.
    pub fn ja4(&self) -> String {
        ja4::of(self)
    }

    /// An extension that cannot be read is there all the same; it says nothing.
    fn look_into(&mut self, kind: u16, mut body: Bytes<'_>) {
        match kind {
            SERVER_NAME => self.server_name = body.host_name().map(<[u8]>::to_vec),
            SIGNATURE_ALGORITHMS => {
                self.signature_algorithms = body.long_list().map_or(Vec::new(), |l| Bytes(l).numbers())
            }
            SUPPORTED_VERSIONS => self.versions = body.short_list().map_or(Vec::new(), |l| Bytes(l).numbers()),
            ALPN => {
                let mut names = Bytes(body.long_list().unwrap_or_default());
                while let Some(name) = names.short_list() {
                    self.alpn.push(name.to_vec());
                }
            }
            _ => {}
        }
    }
}

/// The message that lies in the records, without its head.
fn message(records: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut all) = (Bytes(records), Vec::new());
    loop {
        let &[kind, major, _] = rest.take(3)? else { return None };
        if kind != HANDSHAKE || major != 3 {
            return None;
        }
        all.extend_from_slice(rest.long_list()?);
        if let &[kind, a, b, c, ..] = all.as_slice() {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            if kind != CLIENT_HELLO {
                return None;
            }
            if let Some(message) = all.get(MESSAGE_HEADER..MESSAGE_HEADER + length) {
                return Some(message.to_vec());
            }
        }
    }
}

/// Bytes that are left to read. Nothing is read beyond them.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// All that is left as numbers; an odd byte at the end is none.
    fn numbers(&self) -> Vec<u16> {
        self.0.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
    }

    /// What stands behind a length of one byte.
    fn short_list(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(*self.take(1)?.first()?);
        self.take(length)
    }

    /// What stands behind a length of two bytes.
    fn long_list(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.number()?);
        self.take(length)
    }

    /// The first host name in a list of names (RFC 6066).
    fn host_name(&mut self) -> Option<&'a [u8]> {
        let mut names = Bytes(self.long_list()?);
        loop {
            let (kind, name) = (*names.take(1)?.first()?, names.long_list()?);
            if kind == 0 {
                return Some(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello of OpenSSL 1.0.1 kind: TLS 1.0, two ciphers, no extension.
    fn old_hello() -> Vec<u8> {
        let mut message = vec![3, 1];
        message.extend([7; 32]);
        message.extend([0, 0, 4, 0, 0x2f, 0, 0x35, 1, 0]);
        let mut handshake = vec![CLIENT_HELLO, 0, 0, message.len() as u8];
        handshake.extend(message);
        handshake
    }

    /// Records that hold a message in fragments of this size.
    fn records(message: &[u8], fragment: usize) -> Vec<u8> {
        let record = |piece: &[u8]| [&[HANDSHAKE, 3, 1, 0, piece.len() as u8], piece].concat();
        message.chunks(fragment).flat_map(record).collect()
    }

    #[test]
    fn a_hello_is_read_from_any_records_and_in_any_pieces_and_no_further() {
        for fragment in [1, 3, 4, 5, 40, 200] {
            let records = records(&old_hello(), fragment);
            let stream = [&records[..], b"more"].concat();
            for piece in [1, 7, stream.len()] {
                let mut reader = HelloReader::default();
                let heard = stream.chunks(piece).map(|piece| reader.push(piece)).last();
                assert_eq!(heard, Some(Heard::Whole), "fragments of {fragment}, pieces of {piece}");
                assert_eq!(reader.into_bytes(), records);
            }
            let hello = ClientHello::parse(&records).unwrap();
            assert_eq!((hello.legacy_version, hello.ciphers.as_slice()), (0x0301, &[0x2f, 0x35][..]));
            assert_eq!(hello.ja4(), "t10i020000_f54dd463d39b_000000000000");
        }
    }

    #[test]
    fn what_is_no_hello_is_told_at_once() {
        for other in [
            &b"EHLO x\r\n"[..],
            b"\x80\x2e\x01\x03\x01",
            b"\x16\x02\x00\x00\x01\x01",
            b"\x16\x03\x01\x00\x04\x02\0\0\0",
        ] {
            let stream = [other, &[b'x'; 100]].concat();
            let kept = [1, 3, stream.len()].map(|piece| {
                let mut reader = HelloReader::default();
                let heard = stream.chunks(piece).map(|piece| reader.push(piece)).last();
                assert_eq!(heard, Some(Heard::Other), "{other:?}");
                reader.into_bytes()
            });
            assert_eq!(kept[0], stream[..MAX_OTHER], "its first bytes are kept, however they came");
            assert!(kept.windows(2).all(|pair| pair[0] == pair[1]));
            assert_eq!(ClientHello::parse(other), None);
        }
        assert_eq!(HelloReader::default().push(&[0x16]), Heard::Part);
    }

    #[test]
    fn a_hello_without_end_is_kept_up_to_the_bound() {
        let endless = [&[HANDSHAKE, 3, 1, 1, 0, CLIENT_HELLO, 0xff, 0xff, 0xff][..], &[0; 252]].concat();
        let mut reader = HelloReader::default();
        let record = [&[HANDSHAKE, 3, 1, 1, 0][..], &[0; 256]].concat();
        assert_eq!(reader.push(&endless), Heard::Part);
        let heard = (0..100).map(|_| reader.push(&record)).last();
        assert_eq!((heard, reader.into_bytes().len()), (Some(Heard::Other), MAX_HELLO));
    }

    proptest::proptest! {
        /// Whatever comes: no panic, and the same is kept however it was split.
        #[test]
        fn any_bytes_are_read_and_kept_the_same_in_all_pieces(
            fragments in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80), 1..8),
            framed in proptest::prelude::any::<bool>(),
            piece in 1_usize..40,
        ) {
            let record = |fragment: &Vec<u8>| match framed {
                true => [&[HANDSHAKE, 3, 1, 0, fragment.len() as u8], fragment.as_slice()].concat(),
                false => fragment.clone(),
            };
            let mut stream: Vec<u8> = fragments.iter().flat_map(record).collect();
            if framed && stream.len() > 9 {
                stream[5..8].copy_from_slice(&[CLIENT_HELLO, 0, 0]);
            }
            let read = |size: usize| {
                let mut reader = HelloReader::default();
                let heard = stream.chunks(size).map(|piece| reader.push(piece)).last();
                (heard, reader.into_bytes())
            };
            let (heard, kept) = read(stream.len().max(1));
            proptest::prop_assert_eq!(&read(piece), &(heard, kept.clone()));
            if let Some(hello) = ClientHello::parse(&kept) {
                proptest::prop_assert_eq!(hello.ja4().len(), 36);
            }
        }
    }

    #[test]
    fn no_cut_and_no_flipped_bit_reaches_a_panic() {
        let records = records(&old_hello(), 20);
        for cut in 0..records.len() {
            assert_eq!(ClientHello::parse(&records[..cut]), None);
        }
        for bit in 0..records.len() * 8 {
            let mut flipped = records.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            HelloReader::default().push(&flipped);
            _ = ClientHello::parse(&flipped).map(|hello| hello.ja4());
        }
    }
}
