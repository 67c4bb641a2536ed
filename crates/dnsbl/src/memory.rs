//! What a list has said: each answer for its time.

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::time::{Duration, Instant};

use crate::question::Verdict;

/// Most addresses of which answers are remembered. When one more comes, answers whose time is over go, then those that
/// list nobody; if all are listings that hold, the new one is not remembered.
pub(crate) const REMEMBERED: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Memory(HashMap<IpAddr, Answer>);

#[derive(Debug)]
struct Answer {
    verdict: Verdict,
    came: Instant,
    until: Instant,
}

impl Memory {
    /// What is known of an address.
    pub(crate) fn about(&self, address: IpAddr, now: Instant) -> Option<&Verdict> {
        self.0.get(&address).filter(|answer| now < answer.until).map(|answer| &answer.verdict)
    }

    /// Whether half of an answer's time is over: then it is asked for again when the address is seen, before it is forgotten.
    pub(crate) fn wants_asking(&self, address: IpAddr, now: Instant) -> bool {
        self.0.get(&address).is_none_or(|answer| now >= answer.came + (answer.until - answer.came) / 2)
    }

    pub(crate) fn remember(&mut self, address: IpAddr, verdict: Verdict, now: Instant, holds: Duration) {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&address) {
            self.0.retain(|_, answer| now < answer.until);
        }
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&address) {
            self.0.retain(|_, answer| answer.verdict != Verdict::Unlisted);
        }
        if self.0.len() < REMEMBERED || self.0.contains_key(&address) {
            self.0.insert(address, Answer { verdict, came: now, until: now + holds });
        }
    }

    pub(crate) fn forget_all(&mut self) {
        self.0.clear();
    }

    /// Who is listed, with the reasons.
    pub(crate) fn listed(&self, now: Instant) -> Vec<(IpAddr, String)> {
        let hold = self.0.iter().filter(|(_, answer)| now < answer.until);
        let mut listed: Vec<_> = hold
            .filter_map(|(address, answer)| match &answer.verdict {
                Verdict::Listed { reason } => Some((*address, reason.clone())),
                Verdict::Unlisted => None,
            })
            .collect();
        listed.sort_unstable();
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn listed() -> Verdict {
        Verdict::Listed { reason: String::new() }
    }

    #[test]
    fn an_answer_holds_for_its_time_and_is_asked_for_again_after_half_of_it() {
        let (mut memory, now, address) = (Memory::default(), Instant::now(), IpAddr::from([192, 0, 2, 7]));
        assert!(memory.wants_asking(address, now) && memory.about(address, now).is_none());
        memory.remember(address, listed(), now, HOUR);
        assert!(!memory.wants_asking(address, now) && memory.wants_asking(address, now + HOUR / 2));
        assert_eq!(memory.listed(now + HOUR / 2).len(), 1);
        assert!(memory.about(address, now + HOUR).is_none() && memory.listed(now + HOUR).is_empty());
    }

    #[test]
    fn memory_is_bounded_and_listings_stay_longest() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        memory.remember(address(0), listed(), now, HOUR);
        for number in 1..=REMEMBERED as u32 {
            memory.remember(address(number), Verdict::Unlisted, now, HOUR);
        }
        assert!(memory.0.len() <= REMEMBERED);
        assert_eq!(memory.about(address(0), now), Some(&listed()));
        assert!(memory.about(address(REMEMBERED as u32), now).is_some(), "the newest is remembered");
        for number in 0..=REMEMBERED as u32 {
            memory.remember(address(number), listed(), now, HOUR);
        }
        assert_eq!(memory.0.len(), REMEMBERED);
        assert!(memory.about(address(REMEMBERED as u32), now).is_none(), "there is no room among listings");
    }
}
