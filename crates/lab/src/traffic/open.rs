//! The open server of which the hours of a day were drawn, one `X` for each: a peak of twelve in two neighbouring hours, after a
//! gap a lower hump in one hour and another in two, silence at the end of the day, and a few at other times.

use super::original::Card;

/// What it sends in each hour. The heights of the peak and of the humps, and the gaps, are those of the drawing; the hours of
/// the columns are lost, and are our choice.
pub const OPEN_HOURS: [u8; 24] = [0, 1, 3, 12, 12, 1, 0, 2, 9, 1, 0, 2, 8, 8, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0];

/// That server with what it still has to send.
pub(crate) struct OpenServer {
    pub(crate) machine: u32,
    left: [u8; 24],
}

impl OpenServer {
    pub(crate) const fn new(machine: u32) -> Self {
        Self { machine, left: OPEN_HOURS }
    }

    /// Whether this packet is one of its: by turns as a server and as a client, and never a reset.
    pub(crate) fn takes(&mut self, hour: usize, card: &Card) -> bool {
        let Some(left) = self.left.get_mut(hour) else { return false };
        let takes = *left > 0 && card.flags & super::frame::RST == 0 && card.from_client == left.is_multiple_of(2);
        *left -= u8::from(takes);
        takes
    }

    /// How many it still takes of those that clients send, or of those that servers send.
    pub(crate) fn left(&self, from_client: bool) -> u64 {
        let of = |left: u8| if from_client { left / 2 } else { left.div_ceil(2) };
        self.left.iter().map(|left| u64::from(of(*left))).sum()
    }
}
