//! X5 and X6: the same again. X5: one message to one recipient many times, which is a loop when the Message-ID is the same,
//! and a monitor or a flood of notifications when only sender, recipient and size are. X6: many messages of one size from
//! many sender domains, which is a mass mailer; a newsletter has one sender.
//!
//! Both keep the few most frequent keys (Misra and Gries, in places by hash): what repeats often stays, what comes once
//! makes room. So a count may be too small by the number of other keys in its place, and is never too great.

use minicbor::{Decode, Encode};

use crate::hash::both;
use crate::moment::Moment;
use crate::rule::{Reading, Rule};
use crate::threshold::{Threshold, Thresholds};

/// Keys of each kind that are counted at a time.
pub const REPEATED_KEYS: usize = 8;

/// Hours for which a key is counted from its first time on.
const HOURS: u32 = 24;

/// One key, how often it came, and how regularly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Repeat {
    #[n(0)]
    tag: u32,
    #[n(1)]
    count: u32,
    #[n(2)]
    first: u32,
    #[n(3)]
    last: u32,
    /// Shortest and longest pause, in minutes, from the second on.
    #[n(4)]
    shortest: u32,
    #[n(5)]
    longest: u32,
}

/// What the most frequent repetition is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Kind {
    /// Same sender, recipient and size, at irregular times.
    #[n(0)]
    Flood,
    /// The same at even times.
    #[n(1)]
    Regular,
    /// The same Message-ID, or words of a server that found a loop.
    #[n(2)]
    Loop,
}

impl Repeat {
    pub(crate) fn see(&mut self, number: u64, minute: u32) -> u32 {
        let tag = ((number >> 32) as u32).max(1);
        let fresh = Self { tag, count: 1, first: minute, last: minute, shortest: u32::MAX, longest: 0 };
        let is_over = minute.saturating_sub(self.first) >= HOURS * 60;
        if self.tag != tag {
            self.count = self.count.saturating_sub(1);
            if self.count == 0 || is_over {
                *self = fresh;
            }
            return 0;
        }
        if is_over {
            *self = fresh;
            return 1;
        }
        let pause = minute.saturating_sub(self.last);
        (self.shortest, self.longest) = (self.shortest.min(pause), self.longest.max(pause));
        (self.last, self.count) = (self.last.max(minute), self.count + 1);
        self.count
    }

    /// Pauses that differ by less than a half, or by two minutes, and are no shorter than two minutes.
    fn is_regular(&self) -> bool {
        self.shortest >= 2 && self.longest.saturating_sub(self.shortest) <= (self.longest / 2).max(2)
    }
}

/// One size of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Size {
    #[n(0)]
    bin: u32,
    #[n(1)]
    count: u32,
    #[n(2)]
    first: u32,
    /// One bit for each sender domain, by hash: as many bits as domains, or fewer.
    #[n(3)]
    domains: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Repeats {
    #[n(0)]
    same: [Repeat; REPEATED_KEYS],
    #[n(1)]
    alike: [Repeat; REPEATED_KEYS],
    #[n(2)]
    sizes: [Size; REPEATED_KEYS],
    /// Replies that speak of a loop, of the last day or so.
    #[n(3)]
    spoken: Repeat,
    /// What the last reading of X5 was of.
    #[n(4)]
    kind: Option<Kind>,
}

/// The bin of a size, where each is 1 % wider than the one before.
fn bin(size: u64) -> u32 {
    const DOUBLING: f32 = 69.660_72; // bins until the size has doubled
    ((size.max(1) as f32).log2() * DOUBLING) as u32
}

impl Repeats {
    /// A first attempt; how often the recipient got the message. `message` is the hash of the Message-ID where known, `sender` that of the plain sender.
    pub(crate) fn attempt(
        &mut self,
        (message, sender, recipient): (Option<u64>, u64, u64),
        size: Option<u64>,
        now: Moment,
        thresholds: &Thresholds,
        told: &mut Vec<(Rule, Reading)>,
    ) -> u32 {
        let threshold = thresholds.value(Threshold::Repetitions);
        let place = |number: u64| number as usize % REPEATED_KEYS;
        let mut most = (0, Kind::Flood);
        if let Some(size) = size {
            let key = both(both(sender, recipient), u64::from(bin(size) / 2));
            let repeat = &mut self.alike[place(key)];
            let count = repeat.see(key, now.minute);
            most = (count, if repeat.is_regular() { Kind::Regular } else { Kind::Flood });
        }
        let again = message.map_or(0, |message| {
            let key = both(message, recipient);
            self.same[place(key)].see(key, now.minute)
        });
        if again as f32 * 2.0 >= threshold {
            most = (again, Kind::Loop);
        }
        self.tell(most, threshold, told);
        again
    }

    /// A reply that speaks of a loop. It counts thrice: a server says so only when it has counted hops.
    pub(crate) fn spoken(&mut self, now: Moment, thresholds: &Thresholds, told: &mut Vec<(Rule, Reading)>) {
        let count = self.spoken.see(1 << 32, now.minute) * 3;
        self.tell((count, Kind::Loop), thresholds.value(Threshold::Repetitions), told);
    }

    fn tell(&mut self, (count, kind): (u32, Kind), threshold: f32, told: &mut Vec<(Rule, Reading)>) {
        if let Some(reading) = Reading::of(count as f32, threshold) {
            // A loop stays a loop when other mail repeats as well.
            self.kind = self.kind.filter(|_| threshold > 0.0).max(Some(kind));
            told.push((Rule::Repetition, reading));
        }
    }

    pub(crate) fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// X6: a message of this size and sender domain.
    pub(crate) fn message(
        &mut self,
        size: u64,
        domain: u64,
        now: Moment,
        thresholds: &Thresholds,
        told: &mut Vec<(Rule, Reading)>,
    ) {
        let bin = bin(size).max(1);
        let entry = &mut self.sizes[bin as usize % REPEATED_KEYS];
        let fresh = Size { bin, count: 0, first: now.minute, domains: 0 };
        if entry.bin != bin {
            entry.count = entry.count.saturating_sub(1);
            if entry.count > 0 {
                return;
            }
            *entry = fresh;
        } else if now.minute.saturating_sub(entry.first) >= HOURS * 60 {
            *entry = fresh;
        }
        entry.count += 1;
        entry.domains |= 1 << (domain >> 58);
        if entry.domains.count_ones() as f32 >= thresholds.value(Threshold::OneSizeDomains) {
            let reading = Reading::of(entry.count as f32, thresholds.value(Threshold::OneSize));
            told.extend(reading.map(|reading| (Rule::OneSize, reading)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Key;

    fn number(name: u64) -> u64 {
        Key::new([1; 16]).exact(&name.to_le_bytes())
    }

    fn at(minute: u32) -> Moment {
        Moment { minute, hour: minute / 60, day: minute / 1440, ..Moment::default() }
    }

    /// The last reading of X5 for mail of one sender and size to one recipient.
    fn repeated(times: &[u32], message: impl Fn(u64) -> u64) -> (Option<f32>, Option<Kind>) {
        let mut repeats = Repeats::default();
        let mut told = vec![];
        for (index, minute) in times.iter().enumerate() {
            let keys = (Some(number(message(index as u64))), number(100), number(200));
            repeats.attempt(keys, Some(4000 + index as u64), at(*minute), &Thresholds::default(), &mut told);
        }
        (told.last().filter(|(_, reading)| reading.holds()).map(|(_, reading)| reading.number), repeats.kind())
    }

    #[test]
    fn one_message_id_is_a_loop_even_times_a_monitor_and_the_rest_a_flood() {
        let even: Vec<u32> = (0..12).map(|number| 1_000_000 + 5 * number).collect();
        let uneven: Vec<u32> = (0..12).map(|number| 1_000_000 + number * number % 7 + number / 3).collect();
        assert_eq!(repeated(&even, |_| 7), (Some(12.0), Some(Kind::Loop)));
        assert_eq!(repeated(&even, |index| index), (Some(12.0), Some(Kind::Regular)));
        assert_eq!(repeated(&uneven, |index| index), (Some(12.0), Some(Kind::Flood)));
        assert_eq!(repeated(&even[..9], |index| index).0, None);
    }

    #[test]
    fn ten_in_two_days_are_not_ten_in_one() {
        let slow: Vec<u32> = (0..18).map(|number| 1_000_000 + 160 * number).collect();
        assert_eq!(repeated(&slow, |index| index).0, None);
    }

    #[test]
    fn servers_that_speak_of_a_loop_are_believed_after_four() {
        let mut repeats = Repeats::default();
        let mut told = vec![];
        (0..4).for_each(|minute| repeats.spoken(at(1_000_000 + minute), &Thresholds::default(), &mut told));
        assert_eq!(told.iter().filter(|(_, reading)| reading.holds()).count(), 1);
        assert_eq!(repeats.kind(), Some(Kind::Loop));
    }

    #[test]
    fn one_size_needs_many_sender_domains() {
        for (domains, holds) in [(1, false), (30, true)] {
            let mut repeats = Repeats::default();
            let mut told = vec![];
            for message in 0..60 {
                let size = 30_000 + message % 7;
                repeats.message(size, number(message % domains), at(1_000_000), &Thresholds::default(), &mut told);
            }
            assert_eq!(told.iter().any(|(_, reading)| reading.holds()), holds, "{domains}");
        }
    }
}
