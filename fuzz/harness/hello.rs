//! What holds for every beginning of a TLS connection: what is heard and kept of it does not depend on its pieces, and a hello
//! that is read has a fingerprint of the right form.
//!
//! The fuzz target and the tests of `evidence` include this file.

use evidence::{ClientHello, HelloReader, MAX_HELLO};

/// Length of the hello's message beside its content, and of a record beside its own.
const MESSAGE_HEADER: usize = 4;
const RECORD_HEADER: usize = 5;

/// The characters of a JA4.
const JA4: usize = 36;

/// The first byte of the input chooses: bytes as they are, or the content of a hello, which is put into a message and that
/// into records; and into how large pieces all is cut.
pub(crate) fn hello(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let piece = 1 + usize::from(choice >> 1);
    let bytes = if choice & 1 == 1 { records(bytes, piece) } else { bytes.to_vec() };
    let (mut whole, mut pieces) = (HelloReader::default(), HelloReader::default());
    let heard = whole.push(&bytes);
    let heard_in_pieces = bytes.chunks(piece).map(|piece| pieces.push(piece)).last().unwrap_or_default();
    assert_eq!((heard, whole.bytes()), (heard_in_pieces, pieces.bytes()), "pieces change nothing");
    assert!(whole.bytes().len() <= MAX_HELLO && bytes.starts_with(whole.bytes()), "what is kept is what came first");
    if let Some(hello) = ClientHello::parse(whole.bytes()) {
        let ja4 = hello.ja4();
        assert!(ja4.len() == JA4 && ja4.is_ascii(), "{ja4}");
        assert_eq!(ClientHello::parse(&whole.into_bytes()).map(|hello| hello.ja4()), Some(ja4));
    }
}

/// A ClientHello of this content, in records of so many bytes each.
fn records(content: &[u8], each: usize) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(0).to_be_bytes();
    let mut message = Vec::with_capacity(MESSAGE_HEADER + content.len());
    message.extend_from_slice(&[1, length[1], length[2], length[3]]);
    message.extend_from_slice(content);
    let mut records = Vec::with_capacity(message.len() + RECORD_HEADER * message.len().div_ceil(each));
    for fragment in message.chunks(each) {
        records.extend_from_slice(&[22, 3, 1, 0, fragment.len() as u8]);
        records.extend_from_slice(fragment);
    }
    records
}
