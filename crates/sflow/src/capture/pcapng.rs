//! The newer format of captures: sections of blocks, with interfaces that say what their frames and stamps are.

use std::io::Read;

use evidence::Time;

use super::frame::Frame;
use super::pcap::word;
use super::window::Window;
use super::{Fault, MAX_PACKET, Next, Tally};

/// Types of blocks.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;
/// Type and length stand before a block's body; the length again behind it.
const HEAD: usize = 8;
const FRAME: u32 = 12;
/// A block that is read is no longer than this: the longest packet, and room for options.
const MAX_BLOCK: u32 = 2 * MAX_PACKET as u32;
/// Packets of further interfaces of a section are counted and not told.
const MAX_INTERFACES: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Pcapng {
    is_little: bool,
    /// Of the section.
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interface {
    /// `None`: its frames are of a kind that is not read.
    frame: Option<Frame>,
    /// How many stamps make a second; `None` for finer ones than any clock's.
    per_second: Option<u64>,
    /// In seconds.
    offset: i64,
}

impl Pcapng {
    pub(super) fn next<R: Read>(&mut self, window: &mut Window<R>, tally: &mut Tally) -> Result<Next, Fault> {
        if !window.need(HEAD)? {
            return Ok(Next::End);
        }
        let offset = window.offset();
        let broken = |what| Fault::Block { offset, what };
        // The type of a section's head reads the same in both byte orders.
        let kind = word(self.is_little, window.bytes(), 0);
        if kind == SECTION {
            window.need(HEAD + 4)?;
            self.is_little = match window.bytes().get(8..12) {
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => true,
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => false,
                _ => return Err(broken("begins a section without its mark of byte order")),
            };
            self.interfaces.clear();
        }
        let length = word(self.is_little, window.bytes(), 4);
        if length < FRAME || !length.is_multiple_of(4) {
            return Err(broken("has a length that no block can have"));
        }
        let is_read = matches!(kind, SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | PACKET);
        if !is_read {
            window.skip(u64::from(length))?;
            return Ok(Next::Passed);
        }
        if length > MAX_BLOCK {
            return Err(broken("is longer than any that is read"));
        }
        window.need(length as usize)?;
        if word(self.is_little, window.bytes(), length as usize - 4) != length {
            return Err(broken("has another length behind it than before it"));
        }
        window.give(length as usize);
        let body = &window.bytes()[HEAD..length as usize - 4];
        match kind {
            INTERFACE => self.interface(body).ok_or(broken("describes an interface and is too short"))?,
            PACKET | OLD_PACKET => return self.packet(kind, body, tally).ok_or(broken("is shorter than its packet")),
            SIMPLE_PACKET => (tally.packets, tally.timeless) = (tally.packets + 1, tally.timeless + 1),
            _ => {}
        }
        Ok(Next::Passed)
    }

    fn interface(&mut self, body: &[u8]) -> Option<()> {
        let link = self.half(body, 0)?;
        let mut interface = Interface { frame: Frame::of(link), per_second: Some(1_000_000), offset: 0 };
        let mut options = body.get(8..)?;
        while let (Some(option), Some(length)) = (self.half(options, 0), self.half(options, 2)) {
            let Some(value) = options.get(4..4 + usize::from(length)) else { break };
            match (option, value) {
                (0, _) => break,
                (9, [resolution]) => interface.per_second = per_second(*resolution),
                (14, [_, _, _, _, _, _, _, _]) => {
                    let (one, other) = (word(self.is_little, value, 0), word(self.is_little, value, 4));
                    let (high, low) = if self.is_little { (other, one) } else { (one, other) };
                    interface.offset = (u64::from(high) << 32 | u64::from(low)) as i64;
                }
                _ => {}
            }
            options = options.get(4 + usize::from(length).next_multiple_of(4)..).unwrap_or_default();
        }
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(interface);
        }
        Some(())
    }

    /// Interface, stamp in two halves, length, original length, bytes. In the old form the interface has 16 bits, and as many
    /// for drops.
    #[inline]
    fn packet(&self, kind: u32, body: &[u8], tally: &mut Tally) -> Option<Next> {
        let head = body.get(..20)?;
        let number = if kind == PACKET { word(self.is_little, head, 0) } else { u32::from(self.half(head, 0)?) };
        let stamp = u64::from(word(self.is_little, head, 4)) << 32 | u64::from(word(self.is_little, head, 8));
        let length = word(self.is_little, head, 12) as usize;
        body.get(20..20usize.checked_add(length)?)?;
        tally.packets += 1;
        let Some(interface) = self.interfaces.get(number as usize) else {
            tally.interfaces += 1;
            return Some(Next::Passed);
        };
        let Some(frame) = interface.frame else {
            tally.links += 1;
            return Some(Next::Passed);
        };
        let Some(at) = interface.time(stamp) else {
            tally.timeless += 1;
            return Some(Next::Passed);
        };
        Some(Next::Packet { at, frame, start: HEAD + 20, end: HEAD + 20 + length })
    }

    fn half(&self, bytes: &[u8], place: usize) -> Option<u16> {
        let half = *bytes.get(place..)?.first_chunk()?;
        Some(if self.is_little { u16::from_le_bytes(half) } else { u16::from_be_bytes(half) })
    }
}

/// A power of ten, or of two when the top bit is set.
fn per_second(resolution: u8) -> Option<u64> {
    let base = if resolution & 0x80 == 0 { 10u64 } else { 2 };
    base.checked_pow(u32::from(resolution & 0x7f))
}

impl Interface {
    fn time(&self, stamp: u64) -> Option<Time> {
        let micros = match self.per_second? {
            1_000_000 => u128::from(stamp),
            per_second => u128::from(stamp) * 1_000_000 / u128::from(per_second),
        };
        let offset = self.offset.checked_mul(1_000_000)?;
        Some(Time::from_micros(i64::try_from(micros).ok()?.checked_add(offset)?))
    }
}
