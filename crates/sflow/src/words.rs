//! Bytes taken from the front, as XDR has them: words of 32 bits, most significant byte first.

/// What is left of a datagram, a sample or a record. Whoever takes more than there is gets `None`, and nothing is taken.
#[derive(Debug, Default)]
pub(crate) struct Words<'d>(pub(crate) &'d mut [u8]);

impl<'d> Words<'d> {
    #[inline(always)]
    pub(crate) fn word(&mut self) -> Option<u32> {
        self.words::<4>().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// `N` is in bytes.
    #[inline(always)]
    pub(crate) fn words<const N: usize>(&mut self) -> Option<&'d mut [u8; N]> {
        if self.0.len() < N {
            return None;
        }
        let (taken, left) = std::mem::take(&mut self.0).split_first_chunk_mut::<N>()?;
        self.0 = left;
        Some(taken)
    }

    /// Any number of bytes: compared with what there is before it is used.
    #[inline(always)]
    pub(crate) fn bytes(&mut self, length: u32) -> Option<&'d mut [u8]> {
        let length = usize::try_from(length).ok().filter(|length| *length <= self.0.len())?;
        let (taken, left) = std::mem::take(&mut self.0).split_at_mut(length);
        self.0 = left;
        Some(taken)
    }

    /// Bytes and what fills the last word up.
    #[inline(always)]
    pub(crate) fn opaque(&mut self, length: u32) -> Option<&'d mut [u8]> {
        self.bytes(length.checked_next_multiple_of(4)?)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Zeroes what is left.
    pub(crate) fn wipe(self) {
        self.0.fill(0);
    }
}

/// The words of a head of fixed size; `place` is in words.
#[inline(always)]
pub(crate) fn word_at<const N: usize>(head: &[u8; N], place: usize) -> u32 {
    let at = place * 4;
    u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
}
