//! What holds for every segment, be it of a disk that failed or of a sensor in foreign hands: frames are whole or the first
//! bad one is told with its place, and nothing behind it is read.
//!
//! The fuzz target and the tests of `spool` include this file.

use spool::frame::{self, Frames};

/// The first byte of the input chooses: bytes as they are, or with checksums made right, so that what is behind them is
/// reached.
pub(crate) fn segment(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if choice & 1 == 1 {
        make_right(&mut bytes);
    }
    let whole = frames(&bytes);
    assert!(whole <= bytes.len());
    if let Ok((_, records)) = spool::segment::read(&bytes) {
        assert_eq!(whole, bytes.len(), "a segment that is read is read to its end");
        for record in records {
            assert!(record.encode().len() <= 64 * bytes.len() + 4096);
        }
    }
    // Cut anywhere behind a frame, the frames before it are the same.
    assert_eq!(frames(&bytes[..whole]), whole);
}

/// Where the frames end that are whole.
fn frames(bytes: &[u8]) -> usize {
    let start = bytes.len().min(MAGIC);
    let mut frames = Frames::new(bytes, start);
    let mut end = start;
    while let Ok(Some(payload)) = frames.next_payload() {
        assert_eq!(frames.offset(), end + frame::HEAD + payload.len());
        end = frames.offset();
    }
    assert_eq!(frames.offset(), end, "a bad frame is not passed");
    let (once, again) = (frames.next_payload(), frames.next_payload());
    assert_eq!(once, again, "an error stays");
    end
}

/// Length of what a segment begins with.
const MAGIC: usize = 8;

/// Gives a segment its first bytes, and each frame the checksum of its payload; a length that leads beyond the end becomes
/// what is left.
fn make_right(bytes: &mut [u8]) {
    if let Some(magic) = bytes.first_chunk_mut::<MAGIC>() {
        *magic = *b"SPAMSEG1";
    }
    let mut at = MAGIC;
    while let Some(rest) = bytes.get_mut(at..).filter(|rest| rest.len() > frame::HEAD) {
        let (head, payload) = rest.split_at_mut(frame::HEAD);
        let length = (usize::from(head[0]) | usize::from(head[1]) << 8).min(payload.len());
        let mut framed = Vec::new();
        frame::append(&payload[..length], &mut framed);
        head.copy_from_slice(&framed[..frame::HEAD]);
        at += frame::HEAD + length;
    }
}
