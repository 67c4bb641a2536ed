//! The part of the input that is in memory: filled from a reader, consumed from the front. Knows no format.

use std::io::{ErrorKind, Read};

use super::Fault;

/// Memory at the beginning, and bytes that are read at once. It grows when something that is read does not fit; the formats
/// bound that by [`MAX_PACKET`](super::MAX_PACKET).
const SIZE: usize = 128 * 1024;

#[derive(Debug)]
pub(super) struct Window<R> {
    input: R,
    memory: Vec<u8>,
    start: usize,
    end: usize,
    /// Of `start` in the input.
    offset: u64,
    /// What the reader before gave out and is consumed with the next fill: the bytes stay valid until then.
    given: usize,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, memory: vec![0; SIZE], start: 0, end: 0, offset: 0, given: 0 }
    }

    /// Everything from the front that is there.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    /// Where the front is in the input.
    pub(super) fn offset(&self) -> u64 {
        self.offset + self.given as u64
    }

    /// Lets go of as many bytes when the next are asked for.
    #[inline]
    pub(super) fn give(&mut self, count: usize) {
        self.given = count;
    }

    /// Has at least as many bytes in memory, unless the input ends. Gives how many there are.
    #[inline]
    pub(super) fn fill(&mut self, count: usize) -> Result<usize, Fault> {
        self.take(self.given);
        self.given = 0;
        if self.end - self.start < count {
            self.read_more(count)?;
        }
        Ok(self.end - self.start)
    }

    /// Like `fill`, and it is a fault when they are not there; at the very end of the input `false`.
    #[inline]
    pub(super) fn need(&mut self, count: usize) -> Result<bool, Fault> {
        let there = self.fill(count)?;
        if there >= count {
            return Ok(true);
        }
        if there == 0 {
            return Ok(false);
        }
        Err(Fault::Cut { offset: self.offset, missing: (count - there) as u64 })
    }

    /// Passes bytes that need not be in memory together: those of a block that nobody reads.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Fault> {
        let (begun, mut left) = (self.offset(), count);
        while left > 0 {
            let there = self.fill(1)?;
            if there == 0 {
                return Err(Fault::Cut { offset: begun, missing: left });
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(there);
            self.take(step);
            left -= step as u64;
        }
        Ok(())
    }

    fn take(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    fn read_more(&mut self, count: usize) -> Result<(), Fault> {
        if self.memory.len() - self.start < count {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.memory.len() < count {
            self.memory.resize(count.next_power_of_two(), 0);
        }
        while self.end - self.start < count {
            match self.input.read(&mut self.memory[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    let offset = self.offset + (self.end - self.start) as u64;
                    return Err(Fault::Read { offset, source });
                }
            }
        }
        Ok(())
    }
}
