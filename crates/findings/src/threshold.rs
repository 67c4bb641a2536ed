//! Thresholds as data: each with a name, a sentence, a default, and the range in which it may be set.
//!
//! A set of thresholds is always usable: a value outside its range is refused where it is set.

use crate::rule::{RULES, Rule};

/// A number that an operator may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Threshold {
    FailuresPerHour,
    UsualFailures,
    AbusiveFailures,
    FalseAlarm,
    Miss,
    FailedRecipients,
    FailedDomains,
    SenderDomains,
    SenderShare,
    HeloNames,
    HeloDays,
    HeloOddity,
    Repetitions,
    OneSize,
    OneSizeDomains,
    Strangers,
    StrangersUsual,
    Spread,
    Networks,
    NetworksSure,
    Countries,
    NullStrangers,
    Listed,
    RemoteHelos,
    RemoteOddity,
    RemoteSenders,
    UnknownRecipients,
    UnknownShare,
    Verdicts,
    VerdictShare,
    Manners,
    Burst,
    SharedHelo,
    Growth,
    GrowthRecipients,
    Viruses,
    Spams,
    SpamShare,
    Guesses,
    Relayed,
    Abuse,
    LearnedDays,
    NewHelo,
    Bounced,
    ListedShare,
}

/// What is fixed about a threshold.
pub struct Definition {
    pub threshold: Threshold,
    /// The rule whose tuning factor applies to it; `None` where none does.
    pub rule: Option<Rule>,
    pub name: &'static str,
    pub doc: &'static str,
    pub default: f64,
    pub least: f64,
    pub most: f64,
}

const fn row(
    threshold: Threshold,
    rule: Option<Rule>,
    name: &'static str,
    doc: &'static str,
    [default, least, most]: [f64; 3],
) -> Definition {
    Definition { threshold, rule, name, doc, default, least, most }
}

/// Every threshold, in the order of the enum: name, sentence, default, least, most.
#[rustfmt::skip]
pub const THRESHOLDS: [Definition; 45] = [
    row(Threshold::FailuresPerHour, Some(Rule::Failures), "failures_per_hour", "X1: different recipients without a mailbox, within an hour.", [100.0, 5.0, 1000.0]),
    row(Threshold::UsualFailures, None, "usual_failures", "X1t: share of failures that is usual, at least; a customer's own and the site's median raise it up to 0.12.", [0.03, 0.001, 0.12]),
    row(Threshold::AbusiveFailures, None, "abusive_failures", "X1t: share of failures that means abuse; at least three times the usual.", [0.25, 0.1, 0.9]),
    row(Threshold::FalseAlarm, None, "false_alarm", "X1t: chance that the test flags a customer with the usual share.", [1e-3, 1e-9, 0.1]),
    row(Threshold::Miss, None, "miss", "X1t: chance that it clears one with the abusive share.", [0.01, 1e-6, 0.2]),
    row(Threshold::FailedRecipients, Some(Rule::FailureTest), "failed_recipients", "X1t: the test flags only with so many different failed recipients, or failed_domains.", [10.0, 1.0, 1000.0]),
    row(Threshold::FailedDomains, None, "failed_domains", "X1t: domains of failed recipients that do as well.", [3.0, 1.0, 8.0]),
    row(Threshold::SenderDomains, Some(Rule::SenderDomains), "sender_domains", "X2: sender domains of the day that were not seen in 90 days.", [8.0, 2.0, 200.0]),
    row(Threshold::SenderShare, None, "sender_share", "X2: share of the day's or of the last mail that is of such domains.", [0.5, 0.01, 1.0]),
    row(Threshold::HeloNames, Some(Rule::HeloGrowth), "helo_names", "X3: HELO names of the day beyond the settled ones.", [4.0, 2.0, 60.0]),
    row(Threshold::HeloDays, None, "helo_days", "X3: days on which a HELO name was seen when it is settled.", [3.0, 1.0, 30.0]),
    row(Threshold::HeloOddity, Some(Rule::HeloForm), "helo_oddity", "X4: mean oddity of the HELO names of at least ten messages.", [0.5, 0.1, 2.0]),
    row(Threshold::Repetitions, Some(Rule::Repetition), "repetitions", "X5: times the same message to the same recipient within a day.", [10.0, 3.0, 1000.0]),
    row(Threshold::OneSize, Some(Rule::OneSize), "one_size", "X6: messages in one size bin of 1 %.", [30.0, 5.0, 10_000.0]),
    row(Threshold::OneSizeDomains, None, "one_size_domains", "X6: sender domains of these messages.", [10.0, 2.0, 40.0]),
    row(Threshold::Strangers, Some(Rule::Strangers), "strangers", "X7: recipients to whom the customer never wrote, within a day.", [200.0, 10.0, 100_000.0]),
    row(Threshold::StrangersUsual, None, "strangers_usual", "X7: and so many times the most of its usual days.", [3.0, 1.0, 100.0]),
    row(Threshold::Spread, Some(Rule::Spread), "spread", "X8: different recipients for each message, of at least 100 recipients.", [1.2, 1.01, 100.0]),
    row(Threshold::Networks, Some(Rule::Networks), "networks", "X9: networks (/16, IPv6 /32) beyond the settled ones, within a day, that are suspect.", [3.0, 2.0, 60.0]),
    row(Threshold::NetworksSure, Some(Rule::Networks), "networks_sure", "X9: networks that indicate a stolen account.", [11.0, 3.0, 60.0]),
    row(Threshold::Countries, None, "countries", "X9: countries within an hour that do as well.", [5.0, 2.0, 8.0]),
    row(Threshold::NullStrangers, Some(Rule::NullSender), "null_strangers", "X10: recipients of the null sender in domains never written to, within a day.", [15.0, 5.0, 10_000.0]),
    row(Threshold::Listed, Some(Rule::Listed), "listed", "X11: replies that name a block list, within a day.", [5.0, 1.0, 1000.0]),
    row(Threshold::RemoteHelos, Some(Rule::RemoteHelos), "remote_helos", "I1: HELO names of a remote machine within a day.", [4.0, 2.0, 30.0]),
    row(Threshold::RemoteOddity, Some(Rule::RemoteHeloForm), "remote_oddity", "I2: mean oddity of its HELO names, of at least three.", [0.75, 0.1, 2.0]),
    row(Threshold::RemoteSenders, Some(Rule::RemoteSenders), "remote_senders", "I3: sender domains of a remote machine within a day.", [30.0, 3.0, 60.0]),
    row(Threshold::UnknownRecipients, Some(Rule::UnknownRecipients), "unknown_recipients", "I4: unknown recipients that it tried within a day.", [10.0, 3.0, 10_000.0]),
    row(Threshold::UnknownShare, None, "unknown_share", "I4: share of them in all that it tried.", [0.5, 0.05, 1.0]),
    row(Threshold::Verdicts, Some(Rule::Verdicts), "verdicts", "I5: SPF failures and block-list verdicts within a day.", [3.0, 1.0, 1000.0]),
    row(Threshold::VerdictShare, None, "verdict_share", "I5: share of them in what it brought.", [0.5, 0.05, 1.0]),
    row(Threshold::Manners, Some(Rule::Manners), "manners", "I6: breaches of the protocol within a day.", [3.0, 1.0, 1000.0]),
    row(Threshold::Burst, Some(Rule::Burst), "burst", "I7: connections, all in one clock hour, and none for a day after.", [10.0, 3.0, 1000.0]),
    row(Threshold::SharedHelo, Some(Rule::SharedHelo), "shared_helo", "I8: unrelated networks with the same HELO name within a day.", [3.0, 2.0, 8.0]),
    row(Threshold::Growth, Some(Rule::Growth), "growth", "V1: times the recipients of its usual day.", [8.0, 2.0, 1000.0]),
    row(Threshold::GrowthRecipients, None, "growth_recipients", "V1: and at least so many recipients.", [100.0, 10.0, 100_000.0]),
    row(Threshold::Viruses, Some(Rule::Scanner), "viruses", "S1: messages with a virus within a day.", [2.0, 1.0, 1000.0]),
    row(Threshold::Spams, Some(Rule::Scanner), "spams", "S1: messages that a scanner calls spam within a day.", [10.0, 2.0, 10_000.0]),
    row(Threshold::SpamShare, None, "spam_share", "S1: share of them in the day's mail.", [0.3, 0.01, 1.0]),
    row(Threshold::Guesses, Some(Rule::Guesses), "guesses", "G1: failed logins within five minutes.", [7.0, 3.0, 1000.0]),
    row(Threshold::Relayed, Some(Rule::Relayed), "relayed", "R1: recipients elsewhere that a stranger's mail was passed on to, within a day.", [5.0, 1.0, 1000.0]),
    row(Threshold::Abuse, None, "abuse", "Probability from which a finding is one of abuse.", [0.5, 0.1, 0.99]),
    row(Threshold::LearnedDays, None, "learned_days", "Days of mail after which a customer's usual day is known.", [3.0, 1.0, 30.0]),
    row(Threshold::NewHelo, Some(Rule::NewHelo), "new_helo", "V2: messages since the settled HELO name gave way to new ones.", [20.0, 5.0, 1000.0]),
    row(Threshold::Bounced, Some(Rule::Bounced), "bounced", "V3: messages of null senders to one mailbox within a day.", [30.0, 5.0, 10_000.0]),
    row(Threshold::ListedShare, None, "listed_share", "X11: share of them in the day's or in the last mail.", [0.1, 0.01, 1.0]),
];

impl Threshold {
    pub fn definition(self) -> &'static Definition {
        &THRESHOLDS[self as usize]
    }

    pub fn parse(name: &str) -> Option<Self> {
        THRESHOLDS.iter().find(|row| row.name == name).map(|row| row.threshold)
    }
}

/// A value that a threshold cannot have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} = {value}: it must be from {least} to {most}")]
pub struct OutOfRange {
    pub name: &'static str,
    pub value: f64,
    pub least: f64,
    pub most: f64,
}

/// Values of all thresholds, and what feedback has made of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    set: [f64; THRESHOLDS.len()],
    factors: [f64; RULES.len()],
    /// `set` with `factors`, within the ranges.
    held: [f32; THRESHOLDS.len()],
}

impl Default for Thresholds {
    fn default() -> Self {
        let set = std::array::from_fn(|index| THRESHOLDS[index].default);
        Self { set, factors: [1.0; RULES.len()], held: set.map(|value| value as f32) }
    }
}

impl Thresholds {
    /// Sets one.
    pub fn set(&mut self, threshold: Threshold, value: f64) -> Result<(), OutOfRange> {
        let Definition { name, least, most, .. } = *threshold.definition();
        if !(least..=most).contains(&value) {
            return Err(OutOfRange { name, value, least, most });
        }
        self.set[threshold as usize] = value;
        self.hold();
        Ok(())
    }

    /// The value in effect.
    pub fn value(&self, threshold: Threshold) -> f32 {
        self.held[threshold as usize]
    }

    /// The value that was set, without tuning.
    pub fn untuned(&self, threshold: Threshold) -> f64 {
        self.set[threshold as usize]
    }

    /// What feedback makes of a rule's thresholds.
    pub(crate) fn tune(&mut self, rule: Rule, factor: f64) {
        self.factors[rule as usize] = factor;
        self.hold();
    }

    pub fn factor(&self, rule: Rule) -> f64 {
        self.factors[rule as usize]
    }

    fn hold(&mut self) {
        for (index, row) in THRESHOLDS.iter().enumerate() {
            let factor = row.rule.map_or(1.0, |rule| self.factors[rule as usize]);
            self.held[index] = (self.set[index] * factor).clamp(row.least, row.most) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_stand_in_the_table_in_their_order_with_defaults_in_range() {
        for (index, row) in THRESHOLDS.iter().enumerate() {
            assert_eq!(row.threshold as usize, index, "{}", row.name);
            assert!((row.least..=row.most).contains(&row.default), "{}", row.name);
            assert_eq!(Threshold::parse(row.name), Some(row.threshold));
            let rule = row.doc.split(':').next().unwrap();
            assert!(row.rule.is_none_or(|row| row.id() == rule), "{}", row.name);
        }
    }

    #[test]
    fn a_value_out_of_range_is_refused_and_tuning_stays_in_range() {
        let mut thresholds = Thresholds::default();
        assert!(thresholds.set(Threshold::Strangers, 5.0).is_err());
        assert!(thresholds.set(Threshold::Strangers, f64::NAN).is_err());
        thresholds.set(Threshold::Strangers, 300.0).unwrap();
        thresholds.tune(Rule::Strangers, 2.0);
        assert_eq!(thresholds.value(Threshold::Strangers), 600.0);
        thresholds.tune(Rule::Strangers, 1e9);
        assert_eq!(thresholds.value(Threshold::Strangers), 100_000.0);
        thresholds.tune(Rule::Strangers, 1.0);
        assert_eq!(thresholds.value(Threshold::Strangers), 300.0);
        assert_eq!(thresholds.untuned(Threshold::FailuresPerHour), 100.0);
    }
}
