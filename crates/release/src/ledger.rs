//! What follows from the lines of an audit: where each message stands, and whether one more may be sent.

use std::collections::BTreeMap;
use std::time::Duration;

use evidence::Time;

use crate::entry::{Entry, Event};

/// The span over which the caps count.
const DAY: Duration = Duration::from_secs(86_400);

/// All entries, in their order.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub entries: Vec<Entry>,
    /// The digest of the last line, which the next one will hold.
    pub tip: String,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided.
    Open,
    /// It is to be sent.
    Decided,
    Denied,
    /// It was handed over, and no outcome is told yet.
    Sending,
    Sent,
    /// It was certainly not taken: a person may decide again.
    Failed,
    /// It may have been taken: it is never sent again.
    Unknown,
}

/// How many messages may be sent in 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    pub all: u32,
    /// Of one sensor.
    pub sensor: u32,
    /// To one drop-box.
    pub dropbox: u32,
}

/// Why a step is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Turned {
    #[error("the message is {} already", .0.name())]
    Already(State),
    #[error("the message is {}, so that it is not to be sent", .0.name())]
    NotDecided(State),
    #[error("{cap} of {count} in 24 hours is reached")]
    Cap { cap: &'static str, count: u32 },
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decided => "decided",
            Self::Denied => "denied",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    const fn after(event: Event) -> Self {
        match event {
            Event::Approved | Event::ByRule => Self::Decided,
            Event::Denied => Self::Denied,
            Event::Sending => Self::Sending,
            Event::Sent => Self::Sent,
            Event::Failed => Self::Failed,
            Event::Unknown => Self::Unknown,
        }
    }
}

impl Ledger {
    pub fn state(&self, message: &str) -> State {
        self.last(message).map_or(State::Open, |entry| State::after(entry.event))
    }

    /// The last entry about a message.
    pub fn last(&self, message: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.message == message)
    }

    /// The last entries of all messages in a state, the oldest first.
    pub fn in_state(&self, state: State) -> Vec<&Entry> {
        let last: BTreeMap<_, _> = self.entries.iter().enumerate().map(|(at, e)| (&e.message, (at, e))).collect();
        let mut last: Vec<_> = last.into_values().filter(|(_, entry)| State::after(entry.event) == state).collect();
        last.sort_by_key(|(at, _)| *at);
        last.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Whether a decision may be written: to send the message, or not to.
    pub fn may_decide(&self, entry: &Entry, caps: Option<&Caps>, now: Time) -> Result<(), Turned> {
        match self.state(&entry.message) {
            State::Open | State::Failed => {}
            other => return Err(Turned::Already(other)),
        }
        match caps {
            Some(caps) if entry.event != Event::Denied => self.below(caps, entry, now, true),
            _ => Ok(()),
        }
    }

    /// Whether a decided message may be handed over now.
    pub fn may_send(&self, entry: &Entry, caps: &Caps, now: Time) -> Result<(), Turned> {
        match self.state(&entry.message) {
            State::Decided => self.below(caps, entry, now, false),
            other => Err(Turned::NotDecided(other)),
        }
    }

    /// What was handed over counts, whatever became of it; for a decision also what waits.
    fn below(&self, caps: &Caps, entry: &Entry, now: Time, with_waiting: bool) -> Result<(), Turned> {
        let since = now - DAY;
        let sent = self.entries.iter().filter(|e| e.event == Event::Sending && e.time().is_none_or(|at| at > since));
        let waiting = if with_waiting { self.in_state(State::Decided) } else { Vec::new() };
        let counted: Vec<_> = sent.chain(waiting).collect();
        let count = |of: &dyn Fn(&Entry) -> bool| counted.iter().filter(|e| of(e)).count();
        for (cap, limit, found) in [
            ("the daily cap", caps.all, count(&|_| true)),
            ("the sensor's daily cap", caps.sensor, count(&|e| e.sensor == entry.sensor)),
            ("the drop-box's daily cap", caps.dropbox, count(&|e| e.dropbox == entry.dropbox)),
        ] {
            if found as u64 >= u64::from(limit) {
                return Err(Turned::Cap { cap, count: limit });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps { all: 3, sensor: 2, dropbox: 1 };

    fn at(hour: i64) -> Time {
        Time::from_micros(1_795_500_000_000_000 + hour * 3_600_000_000)
    }

    fn entry(message: &str, sensor: &str, dropbox: &str, event: Event, hour: i64) -> Entry {
        Entry {
            at: at(hour).to_string(),
            message: message.into(),
            event,
            by: "x".into(),
            sensor: sensor.into(),
            dropbox: dropbox.into(),
            content: String::new(),
            words: String::new(),
        }
    }

    fn ledger(entries: &[Entry]) -> Ledger {
        Ledger { entries: entries.to_vec(), tip: String::new() }
    }

    #[test]
    fn a_message_is_decided_once_and_again_only_when_it_certainly_failed() {
        for (event, state) in [
            (Event::Approved, State::Decided),
            (Event::ByRule, State::Decided),
            (Event::Denied, State::Denied),
            (Event::Sending, State::Sending),
            (Event::Sent, State::Sent),
            (Event::Unknown, State::Unknown),
        ] {
            let ledger = ledger(&[entry("m", "a", "d", event, 0)]);
            let again = ledger.may_decide(&entry("m", "a", "d", Event::Approved, 1), Some(&CAPS), at(1));
            assert_eq!(again, Err(Turned::Already(state)));
        }
        let ledger = ledger(&[entry("m", "a", "d", Event::Failed, 0)]);
        assert_eq!(ledger.may_decide(&entry("m", "a", "d", Event::Approved, 1), Some(&CAPS), at(1)), Ok(()));
    }

    #[test]
    fn caps_hold_over_24_hours_for_all_for_a_sensor_and_for_a_drop_box() {
        let sent =
            [("1", "a", "d"), ("2", "a", "e"), ("3", "b", "f")].map(|(m, s, d)| entry(m, s, d, Event::Sending, 0));
        let asked = |sent: &[Entry], s, d, hour| {
            ledger(sent)
                .may_decide(&entry("new", s, d, Event::Approved, hour), Some(&CAPS), at(hour))
                .map_err(|e| e.to_string())
        };
        assert!(asked(&sent, "c", "g", 1).unwrap_err().contains("the daily cap of 3"));
        assert!(asked(&sent[..2], "a", "g", 1).unwrap_err().contains("the sensor's"));
        assert!(asked(&sent[..1], "c", "d", 1).unwrap_err().contains("the drop-box's"));
        assert_eq!(asked(&sent, "c", "g", 25), Ok(()));
        let waiting = [entry("1", "a", "d", Event::Approved, 0)];
        assert!(asked(&waiting, "c", "d", 1).unwrap_err().contains("the drop-box's"), "what waits counts");
        let denied = ledger(&sent).may_decide(&entry("new", "a", "d", Event::Denied, 1), Some(&CAPS), at(1));
        assert_eq!(denied, Ok(()));
    }

    #[test]
    fn only_what_is_decided_may_be_sent() {
        let open = Ledger::default();
        let asked = entry("m", "a", "d", Event::Sending, 0);
        assert_eq!(open.may_send(&asked, &CAPS, at(0)), Err(Turned::NotDecided(State::Open)));
        let decided = ledger(&[entry("m", "a", "d", Event::Approved, 0)]);
        assert_eq!(decided.may_send(&asked, &CAPS, at(0)), Ok(()));
        assert_eq!(
            decided.may_send(&asked, &Caps { all: 0, ..CAPS }, at(0)).unwrap_err().to_string(),
            "the daily cap of 0 in 24 hours is reached"
        );
    }
}
