//! The older format of captures: a head, then packets with a head each; in either byte order, micro- or nanoseconds.

use std::io::Read;

use evidence::Time;

use super::frame::Frame;
use super::window::Window;
use super::{Fault, MAX_PACKET, Next, Tally};

const HEAD: usize = 24;
const RECORD: usize = 16;

#[derive(Debug)]
pub(super) struct Pcap {
    is_little: bool,
    /// In the part of a second that stamps count.
    per_micro: u32,
    frame: Frame,
}

impl Pcap {
    /// Takes the head. `None`: these are not the first bytes of such a capture.
    pub(super) fn open<R: Read>(first: [u8; 4], window: &mut Window<R>) -> Result<Option<Self>, Fault> {
        let (is_little, per_micro) = match first {
            [0xd4, 0xc3, 0xb2, 0xa1] => (true, 1),
            [0xa1, 0xb2, 0xc3, 0xd4] => (false, 1),
            [0x4d, 0x3c, 0xb2, 0xa1] => (true, 1000),
            [0xa1, 0xb2, 0x3c, 0x4d] => (false, 1000),
            _ => return Ok(None),
        };
        window.need(HEAD)?;
        // The upper half of the word tells of check sums behind frames, which are beyond the packet's end.
        let link = word(is_little, window.bytes(), 20) as u16;
        let frame = Frame::of(link).ok_or(Fault::Link { link })?;
        window.give(HEAD);
        Ok(Some(Self { is_little, per_micro, frame }))
    }

    #[inline]
    pub(super) fn next<R: Read>(&mut self, window: &mut Window<R>, tally: &mut Tally) -> Result<Next, Fault> {
        if !window.need(RECORD)? {
            return Ok(Next::End);
        }
        let word = |place: usize| word(self.is_little, window.bytes(), place);
        let (seconds, part, length) = (word(0), word(4), word(8));
        if length as usize > MAX_PACKET {
            return Err(Fault::Packet { offset: window.offset(), length });
        }
        let end = RECORD + length as usize;
        window.need(end)?;
        window.give(end);
        tally.packets += 1;
        let at = Time::from_micros(i64::from(seconds) * 1_000_000 + i64::from(part / self.per_micro));
        Ok(Next::Packet { at, frame: self.frame, start: RECORD, end })
    }
}

/// A word of a head that is in the window.
#[inline]
pub(super) fn word(is_little: bool, bytes: &[u8], place: usize) -> u32 {
    let word = bytes.get(place..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default();
    if is_little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
}
