//! What the desk says of findings, and what follows: precision of each rule as observed, and thresholds that rise with
//! wrong findings.
//!
//! Tuning is a function of the tallies alone: so it is bounded, and undone when a word is taken back.

use std::collections::BTreeMap;

use evidence::Time;
use minicbor::{Decode, Encode};

use crate::diagnosis::Diagnosis;
use crate::finding::{Finding, FindingId};
use crate::interval::Interval;
use crate::rule::{RULES, Rule};
use crate::subject::Subject;
use crate::threshold::Thresholds;

/// What a person says of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Word {
    #[n(0)]
    Right,
    #[n(1)]
    Wrong,
    /// The customer, or whoever answers for the machine, was told.
    #[n(2)]
    Informed,
    /// The cause is gone.
    #[n(3)]
    Fixed,
}

impl Word {
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Informed => "informed",
            Self::Fixed => "fixed",
        }
    }
}

/// A word on a finding.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Verdict {
    #[n(0)]
    pub finding: FindingId,
    #[n(1)]
    pub subject: Subject,
    #[n(2)]
    pub diagnosis: Diagnosis,
    /// The rules that held.
    #[n(3)]
    pub rules: Vec<Rule>,
    #[n(4)]
    pub word: Word,
    #[n(5)]
    pub at: Time,
    #[n(6)]
    pub who: String,
}

impl Verdict {
    pub fn on(finding: &Finding, word: Word, at: Time, who: &str) -> Self {
        Self {
            finding: finding.id,
            subject: finding.subject.clone(),
            diagnosis: finding.diagnosis,
            rules: finding.held().map(|proof| proof.rule).collect(),
            word,
            at,
            who: who.to_owned(),
        }
    }
}

/// Findings of which a word is remembered; the oldest goes first, and does not count any more.
pub const WORDS_REMEMBERED: usize = 20_000;

/// Words on a rule, or a diagnosis, that a tuning needs.
pub const TUNED_FROM: u32 = 10;

/// How right or wrong a rule or a diagnosis was said to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub right: u32,
    pub wrong: u32,
}

impl Tally {
    /// The share that was right; `None` without words.
    pub fn precision(&self) -> Option<Interval> {
        Interval::of(self.right.into(), u64::from(self.right) + u64::from(self.wrong))
    }

    /// What a rule's thresholds are multiplied with: 2 when it is surely wrong more often than right, 1.5 when it is
    /// surely right less than seven times in ten, 0.9 when it is surely right 95 times in 100; else 1.
    pub fn factor(&self) -> f64 {
        let Some(precision) = self.precision().filter(|_| self.right + self.wrong >= TUNED_FROM) else { return 1.0 };
        match precision {
            Interval { high, .. } if high < 0.5 => 2.0,
            Interval { high, .. } if high < 0.7 => 1.5,
            Interval { low, .. } if low > 0.95 => 0.9,
            _ => 1.0,
        }
    }
}

/// A word as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Remembered {
    #[n(0)]
    diagnosis: Diagnosis,
    #[n(1)]
    rules: Vec<Rule>,
    #[n(2)]
    is_right: bool,
}

/// All words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Feedback(#[n(0)] BTreeMap<FindingId, Remembered>);

impl Feedback {
    /// Takes a word; a later one on the same finding replaces it. Informed and fixed say that it was right, unless it was
    /// said to be wrong.
    pub(crate) fn hear(&mut self, verdict: &Verdict) {
        let is_right = match verdict.word {
            Word::Right => true,
            Word::Wrong => false,
            Word::Informed | Word::Fixed => self.0.get(&verdict.finding).is_none_or(|before| before.is_right),
        };
        let (diagnosis, rules) = (verdict.diagnosis, verdict.rules.clone());
        self.0.insert(verdict.finding, Remembered { diagnosis, rules, is_right });
        if self.0.len() > WORDS_REMEMBERED {
            self.0.pop_first();
        }
    }

    /// Takes a word back; whether there was one.
    pub(crate) fn retract(&mut self, finding: FindingId) -> bool {
        self.0.remove(&finding).is_some()
    }

    fn tally(&self, counts: impl Fn(&Remembered) -> bool) -> Tally {
        let mut tally = Tally::default();
        for word in self.0.values().filter(|word| counts(word)) {
            *(if word.is_right { &mut tally.right } else { &mut tally.wrong }) += 1;
        }
        tally
    }

    pub(crate) fn of_rule(&self, rule: Rule) -> Tally {
        self.tally(|word| word.rules.contains(&rule))
    }

    pub(crate) fn of_diagnosis(&self, diagnosis: Diagnosis) -> Tally {
        self.tally(|word| word.diagnosis == diagnosis)
    }

    /// Sets the factors of all rules.
    pub(crate) fn tune(&self, thresholds: &mut Thresholds) {
        for row in &RULES {
            thresholds.tune(row.rule, self.of_rule(row.rule).factor());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threshold::Threshold;

    fn verdict(finding: u64, rules: &[Rule], word: Word) -> Verdict {
        Verdict {
            finding: FindingId(finding),
            subject: Subject::Server,
            diagnosis: Diagnosis::CleanList,
            rules: rules.to_vec(),
            word,
            at: Time::default(),
            who: "desk".into(),
        }
    }

    #[test]
    fn wrong_findings_raise_the_thresholds_of_their_rules_and_taking_them_back_undoes_it() {
        let (mut feedback, mut thresholds) = (Feedback::default(), Thresholds::default());
        for finding in 0..9 {
            feedback.hear(&verdict(finding, &[Rule::Strangers], Word::Wrong));
        }
        feedback.tune(&mut thresholds);
        assert_eq!(thresholds.value(Threshold::Strangers), 200.0, "too few words");
        feedback.hear(&verdict(9, &[Rule::Strangers, Rule::Growth], Word::Wrong));
        feedback.tune(&mut thresholds);
        assert_eq!((thresholds.value(Threshold::Strangers), thresholds.value(Threshold::Growth)), (400.0, 8.0));
        assert!(feedback.retract(FindingId(0)));
        feedback.hear(&verdict(1, &[Rule::Strangers], Word::Right));
        feedback.tune(&mut thresholds);
        assert_eq!(thresholds.value(Threshold::Strangers), 200.0);
    }

    #[test]
    fn many_right_ones_lower_them_a_little_and_precision_is_measured() {
        let mut feedback = Feedback::default();
        for finding in 0..200 {
            feedback.hear(&verdict(finding, &[Rule::Failures], Word::Informed));
        }
        assert_eq!(feedback.of_rule(Rule::Failures), Tally { right: 200, wrong: 0 });
        assert_eq!(feedback.of_rule(Rule::Failures).factor(), 0.9);
        feedback.hear(&verdict(0, &[Rule::Failures], Word::Wrong));
        feedback.hear(&verdict(0, &[Rule::Failures], Word::Fixed));
        assert_eq!(feedback.of_diagnosis(Diagnosis::CleanList), Tally { right: 199, wrong: 1 });
        assert!(feedback.of_rule(Rule::Failures).precision().unwrap().low > 0.97);
    }
}
