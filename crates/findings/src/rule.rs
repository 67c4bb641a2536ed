//! The rules by name: what each looks at, of whom, and how much it says for abuse.

use std::fmt;

use minicbor::{Decode, Encode};

/// A rule on what a subject does. X are on mail that customers hand in, I on what remote machines (and customers, as
/// seen by others) do, V, S, G, R are our own additions to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Rule {
    #[n(0)]
    Failures,
    #[n(1)]
    SenderDomains,
    #[n(2)]
    HeloGrowth,
    #[n(3)]
    HeloForm,
    #[n(4)]
    Repetition,
    #[n(5)]
    OneSize,
    #[n(6)]
    Strangers,
    #[n(7)]
    Spread,
    #[n(8)]
    Networks,
    #[n(9)]
    NullSender,
    #[n(10)]
    Listed,
    #[n(11)]
    RemoteHelos,
    #[n(12)]
    RemoteHeloForm,
    #[n(13)]
    RemoteSenders,
    #[n(14)]
    UnknownRecipients,
    #[n(15)]
    Verdicts,
    #[n(16)]
    Manners,
    #[n(17)]
    Burst,
    #[n(18)]
    SharedHelo,
    #[n(19)]
    Growth,
    #[n(20)]
    Scanner,
    #[n(21)]
    Guesses,
    #[n(22)]
    Relayed,
    #[n(23)]
    FailureTest,
    #[n(24)]
    NewHelo,
    #[n(25)]
    Bounced,
}

/// What is fixed about a rule.
pub struct Definition {
    pub rule: Rule,
    /// As the documents and the reference name it.
    pub id: &'static str,
    pub name: &'static str,
    /// What its number counts, after the number: "104 recipients that ...".
    pub counts: &'static str,
    /// How much it says for abuse at its threshold, as a logarithm of odds: 2.3 makes abuse ten times as likely.
    pub weight: f32,
}

/// One row of the table, so that it reads as one.
const fn row(rule: Rule, id: &'static str, name: &'static str, counts: &'static str, weight: f32) -> Definition {
    Definition { rule, id, name, counts, weight }
}

/// Every rule, in the order of the enum.
#[rustfmt::skip]
pub const RULES: [Definition; 26] = [
    row(Rule::Failures, "X1", "failures", "different recipients without a mailbox, within an hour", 6.0),
    row(Rule::SenderDomains, "X2", "sender-domains", "sender domains that are new for this customer, within a day", 3.5),
    row(Rule::HeloGrowth, "X3", "helo-growth", "HELO names beyond those of earlier days, within a day", 2.0),
    row(Rule::HeloForm, "X4", "helo-form", "on the scale of oddity, the mean of its HELO names", 1.5),
    row(Rule::Repetition, "X5", "repetition", "times the same message to the same recipient, within a day", 0.0),
    row(Rule::OneSize, "X6", "one-size", "messages of one size from many sender domains, within a day", 5.0),
    row(Rule::Strangers, "X7", "strangers", "recipients to whom this customer never wrote, within a day", 3.5),
    row(Rule::Spread, "X8", "spread", "different recipients for each message, within a day", 0.7),
    row(Rule::Networks, "X9", "networks", "networks from which the account was used, within a day, beyond its usual ones", 2.0),
    row(Rule::NullSender, "X10", "null-sender", "recipients of mail with the null sender in domains never written to, within a day", 0.0),
    row(Rule::Listed, "X11", "listed", "replies of other servers that name a block list, within a day", 2.3),
    row(Rule::RemoteHelos, "I1", "remote-helos", "HELO names of one remote machine, within a day", 2.0),
    row(Rule::RemoteHeloForm, "I2", "remote-helo-form", "on the scale of oddity, the mean of its HELO names", 3.0),
    row(Rule::RemoteSenders, "I3", "remote-senders", "sender domains of one remote machine, within a day", 1.0),
    row(Rule::UnknownRecipients, "I4", "unknown-recipients", "unknown recipients that it tried, within a day", 5.0),
    row(Rule::Verdicts, "I5", "verdicts", "connections that failed SPF or stand on a block list, within a day", 3.0),
    row(Rule::Manners, "I6", "manners", "breaches of the protocol, within a day", 3.0),
    row(Rule::Burst, "I7", "burst", "connections of its whole life, all within one hour", 1.0),
    row(Rule::SharedHelo, "I8", "shared-helo", "unrelated networks that use its HELO name", 3.5),
    row(Rule::Growth, "V1", "growth", "times the recipients of its usual day", 2.0),
    row(Rule::Scanner, "S1", "scanner", "messages that a scanner calls spam or a virus, within a day", 6.0),
    row(Rule::Guesses, "G1", "guesses", "logins that failed, within five minutes", 5.0),
    row(Rule::Relayed, "R1", "relayed", "recipients elsewhere, for mail of a stranger from elsewhere, within a day", 6.0),
    row(Rule::FailureTest, "X1t", "failure-test", "on the scale of the sequential test of recipients without a mailbox", 6.0),
    row(Rule::NewHelo, "V2", "new-helo", "messages since new HELO names took the place of a settled one", 0.0),
    row(Rule::Bounced, "V3", "bounced", "messages of null senders that one mailbox of ours got, within a day", 0.0),
];

impl Rule {
    pub fn definition(self) -> &'static Definition {
        &RULES[self as usize]
    }

    /// `X1`.
    pub fn id(self) -> &'static str {
        self.definition().id
    }

    /// `failures`.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// By id or name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_it = |row: &&Definition| row.id.eq_ignore_ascii_case(text) || row.name == text;
        RULES.iter().find(is_it).map(|row| row.rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.name())
    }
}

/// What a rule reads: its number beside the threshold that held then.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Reading {
    #[n(0)]
    pub number: f32,
    #[n(1)]
    pub threshold: f32,
    /// Whether a bound cut the count: there were at least so many.
    #[n(2)]
    pub at_least: bool,
}

impl Reading {
    /// `None` below half the threshold: not worth a line of evidence.
    pub(crate) fn of(number: f32, threshold: f32) -> Option<Self> {
        (number * 2.0 >= threshold && number > 0.0).then_some(Self { number, threshold, at_least: false })
    }

    pub(crate) fn at_least(self, at_least: bool) -> Self {
        Self { at_least, ..self }
    }

    /// Whether the threshold is reached.
    pub fn holds(&self) -> bool {
        self.number >= self.threshold
    }

    /// What it adds to the logarithm of the odds: the rule's weight at the threshold, a quarter more with each doubling,
    /// half as much again at most.
    pub(crate) fn weight(&self, weight: f32) -> f32 {
        let doublings = (self.number / self.threshold.max(f32::MIN_POSITIVE)).log2();
        weight * (1.0 + 0.25 * doublings).clamp(0.0, 1.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_stand_in_the_table_in_their_order_and_are_found_by_both_names() {
        for (index, row) in RULES.iter().enumerate() {
            assert_eq!(row.rule as usize, index);
            assert_eq!(Rule::parse(row.id), Some(row.rule));
            assert_eq!(Rule::parse(row.name), Some(row.rule));
        }
        assert_eq!(Rule::parse("X99"), None);
    }

    #[test]
    fn a_reading_is_told_from_half_the_threshold_on_and_weighs_more_when_it_is_far_beyond() {
        assert_eq!(Reading::of(49.0, 100.0), None);
        assert!(!Reading::of(99.0, 100.0).unwrap().holds());
        let at = |number| Reading::of(number, 100.0).unwrap().weight(2.0);
        assert_eq!((at(100.0), at(200.0), at(400.0), at(90_000.0)), (2.0, 2.5, 3.0, 3.0));
    }
}
