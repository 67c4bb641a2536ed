//! Which names were seen of a subject, since when, and on how many days: exact up to a bound, then "at least".

use minicbor::{Decode, Encode};

/// One name, as a hash, with the hours in which it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Sighting {
    /// 0 where the place is free.
    #[n(0)]
    tag: u32,
    #[n(1)]
    first: u32,
    #[n(2)]
    last: u32,
    #[n(3)]
    days: u32,
}

/// How new a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// Never seen, or too long ago.
    New,
    /// Seen for the first time within the last 24 hours.
    Fresh,
    Known,
}

/// Names of one subject. A name that was not seen for [`FORGOTTEN_AFTER`] is new again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Sightings {
    /// An open table; its length is a power of two.
    #[n(0)]
    places: Vec<Sighting>,
    #[n(1)]
    held: u32,
    /// Names that found no place: seen, counted once each time, not told apart.
    #[n(2)]
    beyond: u32,
    #[n(3)]
    beyond_hour: u32,
}

/// Hours after which a name is new again (90 days).
pub(crate) const FORGOTTEN_AFTER: u32 = 90 * 24;

/// Hours for which a name is fresh.
pub(crate) const FRESH: u32 = 24;

fn tag_of(number: u64) -> u32 {
    ((number >> 32) as u32).max(1)
}

impl Sightings {
    /// Notes a name. At most `bound` names are held: when all are seen within [`FORGOTTEN_AFTER`], a further one counts as
    /// new each time, and counts are "at least".
    pub(crate) fn see(&mut self, number: u64, hour: u32, bound: u32) -> Novelty {
        let tag = tag_of(number);
        if let Some(place) = self.find(tag) {
            return self.places[place].again(hour);
        }
        if self.held >= bound {
            self.purge(hour);
        }
        if self.held >= bound {
            self.beyond = if hour.saturating_sub(self.beyond_hour) < FRESH { self.beyond.saturating_add(1) } else { 1 };
            self.beyond_hour = hour;
            return Novelty::New;
        }
        if (self.held as usize + 1) * 4 > self.places.len() * 3 {
            let places = (self.places.len() * 2).max(4);
            self.rebuild(places, hour);
        }
        self.put(Sighting { tag, first: hour, last: hour, days: 1 });
        Novelty::New
    }

    fn start(&self, tag: u32) -> usize {
        tag.wrapping_mul(0x9e37_79b9) as usize >> 7 & (self.places.len() - 1)
    }

    fn find(&self, tag: u32) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mask = self.places.len() - 1;
        let mut place = self.start(tag);
        loop {
            match self.places[place].tag {
                0 => return None,
                found if found == tag => return Some(place),
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// There is always a free place: at most three quarters are taken.
    fn put(&mut self, sighting: Sighting) {
        let mask = self.places.len() - 1;
        let mut place = self.start(sighting.tag);
        while self.places[place].tag != 0 {
            place = (place + 1) & mask;
        }
        self.places[place] = sighting;
        self.held += 1;
    }

    fn rebuild(&mut self, places: usize, hour: u32) {
        let old = std::mem::replace(&mut self.places, vec![Sighting::default(); places]);
        self.held = 0;
        for sighting in old {
            if sighting.tag != 0 && hour.saturating_sub(sighting.last) < FORGOTTEN_AFTER {
                self.put(sighting);
            }
        }
    }

    /// Lets go of names that are too old, when there are any.
    fn purge(&mut self, hour: u32) {
        let is_old = |sighting: &Sighting| sighting.tag != 0 && hour.saturating_sub(sighting.last) >= FORGOTTEN_AFTER;
        if self.places.iter().any(is_old) {
            self.rebuild(self.places.len(), hour);
        }
    }

    /// Lets go of names not seen within `hours`, and of the room that they took.
    pub(crate) fn expire(&mut self, hour: u32, hours: u32) {
        let stays = |sighting: &Sighting| sighting.tag != 0 && hour.saturating_sub(sighting.last) < hours;
        let kept: Vec<_> = self.places.iter().copied().filter(stays).collect();
        if kept.len() == self.held as usize {
            return;
        }
        let places = if kept.is_empty() { 0 } else { (kept.len() * 4 / 3 + 1).next_power_of_two().max(4) };
        (self.places, self.held) = (vec![Sighting::default(); places], 0);
        kept.into_iter().for_each(|sighting| self.put(sighting));
    }

    pub(crate) fn held(&self) -> u32 {
        self.held
    }

    /// Whether some names found no place within the last day: then counts are "at least".
    pub(crate) fn is_full(&self, hour: u32) -> bool {
        self.beyond > 0 && hour.saturating_sub(self.beyond_hour) < FRESH
    }

    /// Names first seen within the last 24 hours. Those beyond the bound count once together.
    pub(crate) fn fresh(&self, hour: u32) -> u32 {
        let is_fresh = |sighting: &&Sighting| sighting.tag != 0 && hour.saturating_sub(sighting.first) < FRESH;
        self.places.iter().filter(is_fresh).count() as u32 + u32::from(self.is_full(hour))
    }

    /// Names seen within the last 24 hours that were seen on fewer than `settled` days.
    pub(crate) fn unsettled(&self, hour: u32, settled: u32) -> u32 {
        let is_unsettled = |sighting: &&Sighting| {
            sighting.tag != 0 && hour.saturating_sub(sighting.last) < FRESH && sighting.days < settled
        };
        self.places.iter().filter(is_unsettled).count() as u32 + u32::from(self.is_full(hour))
    }

    /// Names seen within the last 24 hours.
    pub(crate) fn recent(&self, hour: u32) -> u32 {
        self.unsettled(hour, u32::MAX)
    }

    /// Whether a settled name gave way: since its last time only names came that are newer, and not a week old.
    pub(crate) fn is_replaced(&self, hour: u32, settled: u32) -> bool {
        let names = || self.places.iter().filter(|sighting| sighting.tag != 0);
        names().filter(|name| name.days >= settled).any(|old| {
            let mut since = names().filter(|name| name.last > old.last);
            let is_newer = |name: &Sighting| name.first > old.last && hour.saturating_sub(name.first) < 7 * 24;
            since.next().is_some_and(is_newer) && since.all(is_newer)
        })
    }
}

impl Sighting {
    fn again(&mut self, hour: u32) -> Novelty {
        if hour.saturating_sub(self.last) >= FORGOTTEN_AFTER {
            (self.first, self.last, self.days) = (hour, hour, 1);
            return Novelty::New;
        }
        if hour / 24 > self.last / 24 {
            self.days = self.days.saturating_add(1);
        }
        self.last = self.last.max(hour);
        if hour.saturating_sub(self.first) < FRESH { Novelty::Fresh } else { Novelty::Known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: u64) -> u64 {
        name.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn a_name_is_new_then_fresh_then_known_then_forgotten() {
        let mut names = Sightings::default();
        let hour = 480_000;
        assert_eq!(names.see(number(1), hour, 8), Novelty::New);
        assert_eq!(names.see(number(1), hour + 23, 8), Novelty::Fresh);
        assert_eq!(names.see(number(1), hour + 24, 8), Novelty::Known);
        assert_eq!(names.see(number(1), hour + 24 + FORGOTTEN_AFTER, 8), Novelty::New);
    }

    #[test]
    fn as_many_as_the_bound_are_told_apart_and_more_are_at_least() {
        let mut names = Sightings::default();
        for name in 1..=200 {
            names.see(number(name), 1000, 100);
        }
        assert_eq!((names.held(), names.fresh(1000), names.is_full(1000)), (100, 101, true));
        assert_eq!(names.see(number(150), 1001, 100), Novelty::New);
        assert!(!names.is_full(1025));
        for name in 301..=310 {
            names.see(number(name), 1000 + FORGOTTEN_AFTER, 100);
        }
        assert_eq!(names.held(), 10, "old ones make room");
    }

    #[test]
    fn a_name_is_replaced_when_only_later_ones_are_seen() {
        let mut names = Sightings::default();
        (0..4).for_each(|day| _ = names.see(number(1), 24 * day, 8));
        assert!(!names.is_replaced(24 * 3, 3));
        names.see(number(2), 24 * 4 + 1, 8);
        assert!(names.is_replaced(24 * 4 + 1, 3) && !names.is_replaced(24 * 4 + 1, 5));
        names.see(number(1), 24 * 4 + 2, 8);
        assert!(!names.is_replaced(24 * 4 + 2, 3), "it is still there");
        names.see(number(2), 24 * 20, 8);
        assert!(!names.is_replaced(24 * 20, 3), "the other one is not new any more");
    }

    #[test]
    fn settled_names_are_those_of_several_days() {
        let mut names = Sightings::default();
        for day in 0..4 {
            names.see(number(1), 24 * day, 8);
        }
        names.see(number(2), 24 * 3, 8);
        assert_eq!(names.unsettled(24 * 3, 3), 1);
        assert_eq!(names.recent(24 * 3), 2);
        names.expire(24 * 10, 24 * 7);
        assert_eq!(names.held(), 0);
        assert_eq!(names.see(number(2), 24 * 10, 8), Novelty::New);
    }
}
