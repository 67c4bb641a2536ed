//! What a rule found, with the lines that show it: the first, a typical one and the last.

use evidence::{Time, shown};
use maillog::Happening;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::moment::Moment;
use crate::rule::{Reading, Rule};

/// Bytes of a line that are kept; the rest is in the log, at its offset.
pub const LONGEST_LINE: usize = 400;

/// Bytes of a host name that are kept.
pub const LONGEST_HOST: usize = 64;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Line {
    /// As the log has it.
    #[n(0)]
    pub at: Time,
    #[n(1)]
    pub host: String,
    /// Where it begins, in bytes of the input.
    #[n(2)]
    pub offset: u64,
    /// As the log has it; text of a peer may stand in it.
    #[n(3)]
    pub text: ByteVec,
}

impl Default for Line {
    fn default() -> Self {
        Self { at: Time::default(), host: String::new(), offset: 0, text: ByteVec::from(Vec::new()) }
    }
}

impl Line {
    /// Takes over what is said, in the room that is there.
    fn set(&mut self, happening: &Happening<'_>) {
        (self.at, self.offset) = (happening.at, happening.offset);
        // Of an empty name there is nothing to compare, and the library's comparison takes long over it.
        if self.host.len() != happening.host.len() || (!self.host.is_empty() && self.host != happening.host) {
            let end = happening.host.floor_char_boundary(LONGEST_HOST);
            self.host.clear();
            self.host.push_str(&happening.host[..end]);
        }
        self.text.clear();
        self.text.extend_from_slice(&happening.line[..happening.line.len().min(LONGEST_LINE)]);
    }

    /// For people.
    pub fn shown(&self) -> String {
        shown(&self.text)
    }
}

/// What one rule found.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Proof {
    #[n(0)]
    pub rule: Rule,
    /// The greatest number of this finding, and the threshold at that time.
    #[n(1)]
    pub reading: Reading,
    /// Lines that the rule read from half its threshold on.
    #[n(2)]
    pub lines: u32,
    #[n(3)]
    pub first: Line,
    /// One from the middle: the last whose number is a power of two.
    #[n(4)]
    pub typical: Line,
    #[n(5)]
    pub last: Line,
    /// When the threshold was reached; `None` while it is not.
    #[n(6)]
    pub held: Option<Time>,
    /// When the rule read something last, by the time of all logs.
    #[n(7)]
    pub(crate) minute: u32,
    /// Its number when a diagnosis was last made with it.
    #[n(8)]
    pub(crate) judged: f32,
}

impl Proof {
    pub(crate) fn new(rule: Rule) -> Self {
        let reading = Reading { number: 0.0, threshold: 1.0, at_least: false };
        let line = Line::default();
        Self {
            rule,
            reading,
            lines: 0,
            first: line.clone(),
            typical: line.clone(),
            last: line,
            held: None,
            minute: 0,
            judged: 0.0,
        }
    }

    /// A further reading. Whether it calls for a new diagnosis: it holds for the first time, or has doubled.
    pub(crate) fn read(&mut self, reading: Reading, happening: &Happening<'_>, now: Moment) -> bool {
        self.lines = self.lines.saturating_add(1);
        if self.lines == 1 {
            self.first.set(happening);
        }
        if self.lines.is_power_of_two() {
            self.typical.set(happening);
        }
        self.last.set(happening);
        self.minute = now.minute;
        if reading.number / reading.threshold >= self.reading.number / self.reading.threshold {
            self.reading = reading;
        }
        if !reading.holds() {
            return false;
        }
        let is_first = self.held.is_none();
        if is_first {
            self.held = Some(now.time);
        }
        let calls = is_first || reading.number >= 2.0 * self.judged;
        if calls {
            self.judged = reading.number;
        }
        calls
    }

    /// `X7 strangers: 312 recipients to whom this customer never wrote, within a day (threshold 200)`.
    pub fn sentence(&self) -> String {
        let Reading { number, threshold, at_least } = self.reading;
        let least = if at_least { "at least " } else { "" };
        let counts = self.rule.definition().counts;
        format!("{}: {least}{} {counts} (threshold {})", self.rule, figure(number), figure(threshold))
    }
}

/// A number as people write it: whole, or with two digits when it is small and broken.
pub(crate) fn figure(number: f32) -> String {
    if number.fract() == 0.0 || number >= 100.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maillog::{Client, What};

    #[test]
    fn a_proof_keeps_the_first_a_typical_and_the_last_line() {
        let mut proof = Proof::new(Rule::Strangers);
        let mut calls = vec![];
        for number in 100..500u32 {
            let line = format!("line {number} {}", "x".repeat(1000));
            let happening = Happening {
                at: Time::from_micros(number.into()),
                host: "mx",
                offset: u64::from(number) * 10,
                line: line.as_bytes(),
                what: What::LoginFailed(Client::default()),
            };
            let reading = Reading::of(number as f32, 200.0).unwrap();
            if proof.read(reading, &happening, Moment::of(happening.at)) {
                calls.push(number);
            }
        }
        assert_eq!(calls, [200, 400]);
        let number = |line: &Line| line.text[5..8].to_vec();
        assert_eq!((number(&proof.first), number(&proof.last)), (b"100".to_vec(), b"499".to_vec()));
        assert_eq!(number(&proof.typical), b"355".to_vec());
        assert_eq!((proof.first.text.len(), proof.first.offset, proof.first.host.as_str()), (LONGEST_LINE, 1000, "mx"));
        assert_eq!(proof.held, Some(Time::from_micros(200)));
        assert_eq!(
            proof.sentence(),
            "X7 strangers: 499 recipients to whom this customer never wrote, within a day (threshold 200)"
        );
    }

    #[test]
    fn a_host_name_is_cut_between_letters() {
        let host = "ä".repeat(100);
        let happening = Happening {
            at: Time::default(),
            host: &host,
            offset: 0,
            line: b"",
            what: What::LoginFailed(Client::default()),
        };
        let mut line = Line::default();
        line.set(&happening);
        assert_eq!(line.host, "ä".repeat(LONGEST_HOST / 2));
    }
}
