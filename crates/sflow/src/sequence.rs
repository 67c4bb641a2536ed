//! Numbers that go up by one, as they arrive: what is missing, what is late, when the count began anew.

/// A number as far behind the newest as this, or less, is late; one further behind means that the exporter counts anew.
pub(crate) const MOST_LATE: u32 = 64;

/// How a number follows those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// As far ahead of the newest as this, at least 1: all but one of them are missing.
    Ahead(u32),
    /// The same again: an exporter that does not count.
    Still,
    Late,
    Anew,
}

impl Step {
    /// Numbers wrap; what is more than half the range ahead is behind.
    #[inline]
    pub(crate) fn of(newest: u32, number: u32) -> Self {
        match number.wrapping_sub(newest) {
            0 => Self::Still,
            ahead if ahead < 1 << 31 => Self::Ahead(ahead),
            behind if behind.wrapping_neg() <= MOST_LATE => Self::Late,
            _ => Self::Anew,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_are_told_from_late_ones_and_from_restarts() {
        assert_eq!(Step::of(7, 8), Step::Ahead(1));
        assert_eq!(Step::of(u32::MAX, 2), Step::Ahead(3));
        assert_eq!(Step::of(7, 7), Step::Still);
        assert_eq!(Step::of(1, u32::MAX), Step::Late);
        assert_eq!(Step::of(100, 36), Step::Late);
        assert_eq!(Step::of(100, 35), Step::Anew);
        assert_eq!(Step::of(0, 1 << 31), Step::Anew);
    }
}
