//! What clients said in HELO a moment ago: Postfix does not log it for mail that it takes, lines of policy services do, just
//! before. They stand in the same log, or in one of their own, which is read beside it and may be ahead.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use evidence::Time;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::hash::hash;
use crate::policy::Overheard;

/// Addresses of which a name is remembered; one more takes another's place.
const PLACES: usize = 4096;

/// A longer name is not kept.
const MAX_NAME: usize = 255;

/// A longer queue id is none.
const MAX_QUEUE: usize = 32;

/// A name counts for a message that comes this much later.
const RECENT: Duration = Duration::from_secs(60);

/// … and this much earlier: stamps may be cut to seconds, and clocks of two machines differ a little.
const AHEAD: Duration = Duration::from_secs(2);

/// Names of which the message is known by its queue id. With one more the oldest is forgotten.
const MAX_OF_MESSAGES: usize = 256;

/// Names from another log whose time has not come. With one more the oldest is taken for one of a moment ago.
const MAX_WAITING: usize = 4096;

#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Helos {
    #[n(0)]
    places: Vec<Option<Said>>,
    /// From another log, oldest first.
    #[n(1)]
    waiting: VecDeque<Said>,
    /// Of one address many may come within the second that a stamp tells.
    #[n(2)]
    of_messages: VecDeque<Said>,
}

#[derive(Clone, Debug, Encode, Decode)]
struct Said {
    #[n(0)]
    address: IpAddr,
    #[n(1)]
    at: Time,
    #[n(2)]
    name: ByteVec,
    /// Queue id of the message; empty before it has one.
    #[n(3)]
    queue: String,
}

impl Said {
    fn new(heard: &Overheard<'_>) -> Option<Self> {
        let Overheard { address, at, helo, queue } = *heard;
        let queue = if queue.len() > MAX_QUEUE { "" } else { queue };
        let name = || ByteVec::from(helo.to_vec());
        (1..=MAX_NAME).contains(&helo.len()).then(|| Self { address, at, name: name(), queue: queue.to_owned() })
    }
}

impl Helos {
    /// From the log that is read.
    pub(crate) fn learn(&mut self, heard: &Overheard<'_>) {
        if let Some(said) = Said::new(heard) {
            self.put(said);
        }
    }

    /// From another log: for what has this time in the log that is read.
    pub(crate) fn await_time(&mut self, heard: &Overheard<'_>) {
        self.waiting.extend(Said::new(heard));
        if self.waiting.len() > MAX_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.put(oldest);
        }
    }

    /// What the client of this message said.
    pub(crate) fn of_message(&mut self, address: IpAddr, queue: &str, at: Time) -> Option<&[u8]> {
        self.come_to(at);
        let said = self.of_messages.iter().rev().find(|said| said.address == address && said.queue == queue)?;
        Some(&said.name)
    }

    /// What a client of this address said last.
    pub(crate) fn recent(&mut self, address: IpAddr, at: Time) -> Option<&[u8]> {
        self.come_to(at);
        let said = self.places.get(place(address))?.as_ref()?;
        (said.address == address && at.since(said.at) <= RECENT).then_some(&said.name[..])
    }

    /// Whether half as many names wait for their time as may.
    pub(crate) fn is_ahead(&self) -> bool {
        self.waiting.len() >= MAX_WAITING / 2
    }

    fn come_to(&mut self, at: Time) {
        while let Some(said) = self.waiting.pop_front_if(|said| said.at <= at + AHEAD) {
            self.put(said);
        }
    }

    fn put(&mut self, said: Said) {
        if !said.queue.is_empty() {
            self.of_messages.push_back(said.clone());
            if self.of_messages.len() > MAX_OF_MESSAGES {
                self.of_messages.pop_front();
            }
        }
        self.places.resize(PLACES, None);
        let place = place(said.address);
        self.places[place] = Some(said);
    }
}

fn place(address: IpAddr) -> usize {
    let hash = match address {
        IpAddr::V4(address) => hash(4, &address.octets()),
        IpAddr::V6(address) => hash(6, &address.octets()),
    };
    hash as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_another_log_counts_from_its_time_on_and_not_before() {
        let (mut helos, at) = (Helos::default(), |second: i64| Time::from_micros(second * 1_000_000));
        let address = "192.0.2.7".parse().unwrap();
        let heard = |second, helo, queue| Overheard { at: at(second), address, helo, queue };
        helos.await_time(&heard(100, b"first.example", ""));
        helos.await_time(&heard(200, b"second.example", ""));
        assert_eq!(helos.recent(address, at(97)), None);
        assert_eq!(helos.recent(address, at(99)), Some(&b"first.example"[..]));
        assert_eq!(helos.recent(address, at(150)), Some(&b"first.example"[..]));
        assert_eq!(helos.recent(address, at(200)), Some(&b"second.example"[..]));
        assert_eq!(helos.recent(address, at(261)), None);
        for second in 0..=MAX_WAITING as i64 {
            helos.await_time(&heard(300 + second, b"third.example", ""));
        }
        assert!(helos.is_ahead() && helos.waiting.len() == MAX_WAITING);
    }

    #[test]
    fn names_of_one_second_are_told_apart_by_the_message() {
        let (mut helos, at) = (Helos::default(), Time::from_micros(1_000_000));
        let address = "192.0.2.7".parse().unwrap();
        for (helo, queue) in [(&b"a.example"[..], "1A"), (b"b.example", "2B")] {
            helos.await_time(&Overheard { at, address, helo, queue });
        }
        assert_eq!(helos.of_message(address, "1A", at), Some(&b"a.example"[..]));
        assert_eq!(helos.of_message(address, "3C", at), None);
        assert_eq!(helos.recent(address, at), Some(&b"b.example"[..]));
        for _ in 0..MAX_OF_MESSAGES {
            helos.learn(&Overheard { at, address, helo: b"c.example", queue: "4D" });
        }
        assert_eq!(helos.of_message(address, "1A", at), None);
    }
}
