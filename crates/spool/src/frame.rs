//! Frames: `length:u32le crc32c:u32le payload`, one after the other.

/// Longest payload: the largest message a persona takes, with a thousand recipients and some room. A longer record is not
/// written, and a frame that claims to be longer is corrupt.
pub const MAX_PAYLOAD: usize = 12 * 1024 * 1024;

/// Bytes before each payload.
pub const HEAD: usize = 8;

/// Appends one frame.
///
/// # Panics
/// When `payload` is longer than [`MAX_PAYLOAD`]; the caller checks.
pub fn append(payload: &[u8], to: &mut Vec<u8>) {
    assert!(payload.len() <= MAX_PAYLOAD, "a frame of {} bytes", payload.len());
    to.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    to.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    to.extend_from_slice(payload);
}

/// Reads frames until the end or the first that is not whole.
#[derive(Debug)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Why the bytes at an offset are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadFrame {
    #[error("offset {at}: cut off")]
    Cut { at: usize },
    #[error("offset {at}: a length of {length} bytes, longer than any frame")]
    TooLong { at: usize, length: usize },
    #[error("offset {at}: the checksum is wrong")]
    Checksum { at: usize },
}

impl<'a> Frames<'a> {
    /// Frames from `offset` on.
    pub fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, at: offset }
    }

    /// Where the next frame begins: everything before is whole.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next payload; `None` at the end. After an error the same error comes again.
    pub fn next_payload(&mut self) -> Result<Option<&'a [u8]>, BadFrame> {
        let at = self.at;
        let rest = &self.bytes[at.min(self.bytes.len())..];
        if rest.is_empty() {
            return Ok(None);
        }
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return Err(BadFrame::Cut { at }) };
        let Some((checksum, rest)) = rest.split_first_chunk::<4>() else { return Err(BadFrame::Cut { at }) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_PAYLOAD {
            return Err(BadFrame::TooLong { at, length });
        }
        let Some(payload) = rest.get(..length) else { return Err(BadFrame::Cut { at }) };
        if crc32c::crc32c(payload) != u32::from_le_bytes(*checksum) {
            return Err(BadFrame::Checksum { at });
        }
        self.at = at + HEAD + length;
        Ok(Some(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<BadFrame>, usize) {
        let mut frames = Frames::new(bytes, 0);
        let mut payloads = Vec::new();
        loop {
            match frames.next_payload() {
                Ok(Some(payload)) => payloads.push(payload.to_vec()),
                Ok(None) => return (payloads, None, frames.offset()),
                Err(error) => return (payloads, Some(error), frames.offset()),
            }
        }
    }

    fn three() -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in [&b"one"[..], b"", b"three"] {
            append(payload, &mut bytes);
        }
        bytes
    }

    #[test]
    fn frames_are_read_back_in_order() {
        let (read, error, end) = payloads(&three());
        assert_eq!((read.len(), error, end), (3, None, three().len()));
        assert_eq!(read[2], b"three");
    }

    #[test]
    fn a_cut_anywhere_keeps_the_whole_frames_before_it() {
        let whole = three();
        for cut in 0..whole.len() {
            let (read, error, end) = payloads(&whole[..cut]);
            assert!(end <= cut && read.len() < 3);
            assert_eq!(error.is_none(), end == cut, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_never_changes_a_payload_unnoticed() {
        let (expected, _, _) = payloads(&three());
        for bit in 0..three().len() * 8 {
            let mut bytes = three();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (read, error, _) = payloads(&bytes);
            assert!(error.is_some(), "bit {bit}");
            assert!(read.iter().zip(&expected).all(|(a, b)| a == b), "bit {bit}");
        }
    }

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_memory_is_taken() {
        let mut bytes = u32::MAX.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0; 8]);
        assert!(matches!(payloads(&bytes).1, Some(BadFrame::TooLong { at: 0, .. })));
    }
}
