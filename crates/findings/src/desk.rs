//! The abuse desk: findings in the order in which they are worth looking at, what was said of them, and the figures of the
//! original plots: spam, viruses and incoming reports for each day, time to detect and time to fix.
//!
//! It keeps what it is told; it asks nobody and sends nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use evidence::Time;
use minicbor::{Decode, Encode};

use crate::diagnosis::{Class, Diagnosis};
use crate::feedback::{Verdict, Word};
use crate::finding::{Change, Finding, FindingId};
use crate::load::{Load, NoLoad};

/// Cases that are kept. Beyond, the oldest that is closed goes, and if none is, the oldest.
pub const CASES_KEPT: usize = 20_000;

/// Days of which figures are kept; the oldest go.
pub const DAYS_KEPT: usize = 800;

/// A finding at the desk.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Case {
    /// As it was told last.
    #[n(0)]
    pub finding: Finding,
    /// Nothing of it was seen for a day.
    #[n(1)]
    pub quiet: bool,
    /// Who said so, and when.
    #[n(2)]
    pub right: Option<Said>,
    #[n(3)]
    pub wrong: Option<Said>,
    #[n(4)]
    pub informed: Option<Said>,
    #[n(5)]
    pub fixed: Option<Said>,
}

/// A word and who said it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Said {
    #[n(0)]
    pub at: Time,
    #[n(1)]
    pub who: String,
}

/// Figures of one day (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct DayFigures {
    /// Findings that were called abuse on this day, without those of viruses.
    #[n(0)]
    pub spam: u32,
    #[n(1)]
    pub viruses: u32,
    /// Reports of others that came in.
    #[n(2)]
    pub reports: u32,
    /// Findings of trouble.
    #[n(3)]
    pub trouble: u32,
    /// Findings that a person said to be wrong.
    #[n(4)]
    pub wrong: u32,
}

/// How long something took, over some cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    pub cases: usize,
    pub median: Duration,
    /// Nine in ten took no longer.
    pub most: Duration,
}

/// The desk.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Desk {
    #[n(0)]
    cases: BTreeMap<FindingId, Case>,
    #[n(1)]
    days: BTreeMap<Time, DayFigures>,
}

impl Case {
    fn new(finding: Finding) -> Self {
        Self { finding, quiet: false, right: None, wrong: None, informed: None, fixed: None }
    }

    /// Whether nothing is left to do.
    pub fn is_closed(&self) -> bool {
        self.fixed.is_some() || self.wrong.is_some() || (self.quiet && self.finding.class() != Class::Abuse)
    }

    /// When it ended: when a person said so, else when the last of it was seen.
    pub fn ended(&self) -> Option<Time> {
        match &self.fixed {
            Some(said) => Some(said.at),
            None => self.quiet.then_some(self.finding.last_seen),
        }
    }
}

impl Desk {
    /// Takes what became of a finding.
    pub fn take(&mut self, change: &Change) {
        let finding = change.finding();
        let before = self.cases.get(&finding.id);
        let was_abuse = before.is_some_and(|case| case.finding.abuse_since.is_some());
        let had_trouble = before.is_some_and(|case| case.finding.class() <= Class::Trouble);
        if let Some(since) = finding.abuse_since.filter(|_| !was_abuse) {
            let is_virus = finding.diagnosis == Diagnosis::MassMailer;
            self.on(since, |day| *(if is_virus { &mut day.viruses } else { &mut day.spam }) += 1);
        } else if finding.class() == Class::Trouble && !had_trouble && !was_abuse {
            self.on(finding.opened, |day| day.trouble += 1);
        }
        let case = self.cases.entry(finding.id).or_insert_with(|| Case::new(finding.clone()));
        case.finding = finding.clone();
        case.quiet = matches!(change, Change::Quiet(_));
        if self.cases.len() > CASES_KEPT {
            let closed = self.cases.iter().find(|(_, case)| case.is_closed()).map(|(id, _)| *id);
            let oldest = closed.or_else(|| self.cases.keys().next().copied());
            oldest.and_then(|id| self.cases.remove(&id));
        }
    }

    fn on(&mut self, at: Time, count: impl FnOnce(&mut DayFigures)) {
        count(self.days.entry(at.day()).or_default());
        if self.days.len() > DAYS_KEPT {
            self.days.pop_first();
        }
    }

    /// Takes a word on a finding; whether the finding is known here.
    pub fn hear(&mut self, verdict: &Verdict) -> bool {
        let said = Some(Said { at: verdict.at, who: verdict.who.clone() });
        let Some(case) = self.cases.get_mut(&verdict.finding) else { return false };
        let is_wrong = verdict.word == Word::Wrong && case.wrong.is_none();
        match verdict.word {
            Word::Right => (case.right, case.wrong) = (said, None),
            Word::Wrong => (case.wrong, case.right) = (said, None),
            Word::Informed => case.informed = said,
            Word::Fixed => case.fixed = said,
        }
        if is_wrong {
            self.on(verdict.at, |day| day.wrong += 1);
        }
        true
    }

    /// A report of somebody else came in.
    pub fn report(&mut self, at: Time) {
        self.on(at, |day| day.reports += 1);
    }

    pub fn case(&self, id: FindingId) -> Option<&Case> {
        self.cases.get(&id)
    }

    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.cases.values()
    }

    /// What is to be done, first things first: abuse before trouble before what is only odd; those of whom nobody was
    /// informed before those who were; what still goes on before what is quiet; then by the probability, in tenths, and
    /// by what it sends.
    pub fn queue(&self) -> Vec<&Case> {
        let mut open: Vec<&Case> = self.cases.values().filter(|case| !case.is_closed()).collect();
        open.sort_by_key(|case| {
            let finding = &case.finding;
            let likely = (finding.probability() * 10.0) as i32;
            let volume = i64::from(finding.volume.recipients.max(finding.volume.messages));
            (finding.class(), case.informed.is_some(), case.quiet, -likely, -volume, finding.id)
        });
        open
    }

    /// Figures of all days that have some.
    pub fn days(&self) -> impl Iterator<Item = (Time, &DayFigures)> {
        self.days.iter().map(|(day, figures)| (*day, figures))
    }

    /// From the first line of evidence to the first word of abuse.
    pub fn time_to_detect(&self) -> Option<Took> {
        let found = |case: &Case| Some(case.finding.abuse_since?.since(case.finding.first_seen));
        Took::of(self.judged().filter_map(found).collect())
    }

    /// From the first word of abuse to its end, for those that ended.
    pub fn time_to_fix(&self) -> Option<Took> {
        let fixed = |case: &Case| Some(case.ended()?.since(case.finding.abuse_since?));
        Took::of(self.judged().filter_map(fixed).collect())
    }

    /// Those that nobody called wrong.
    fn judged(&self) -> impl Iterator<Item = &Case> {
        self.cases.values().filter(|case| case.wrong.is_none())
    }

    /// The work that abuse makes, by what came in the days known; a case takes `minutes`.
    pub fn load(&self, minutes: f64, spread: f64) -> Result<Load, NoLoad> {
        let count: u32 = self.days.values().map(|day| day.spam + day.viruses).sum();
        let ends = self.days.first_key_value().zip(self.days.last_key_value());
        let days = ends.map_or(1.0, |((first, _), (last, _))| last.since(*first).as_secs_f64() / 86_400.0 + 1.0);
        let waits = self.queue().iter().filter(|case| case.finding.class() == Class::Abuse).count();
        Load::new(f64::from(count) / days, minutes, spread, u32::try_from(waits).unwrap_or(u32::MAX))
    }
}

impl Took {
    fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let at = |share: usize| times.get(times.len().checked_sub(1)? * share / 10).copied();
        Some(Self { cases: times.len(), median: at(5)?, most: at(9)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;
    use crate::window::Volume;

    fn at(minute: i64) -> Time {
        Time::from_micros(1_780_000_000_000_000 + minute * 60_000_000)
    }

    fn finding(id: u64, diagnosis: Diagnosis, recipients: u32) -> Finding {
        Finding {
            id: FindingId(id),
            subject: Subject::account(format!("a{id}").as_bytes()),
            diagnosis,
            score: if diagnosis.class() == Class::Abuse { 2.0 } else { -3.0 },
            innocent: vec![],
            opened: at(10),
            abuse_since: (diagnosis.class() == Class::Abuse).then(|| at(10 + id as i64)),
            first_seen: at(0),
            last_seen: at(60),
            volume: Volume { recipients, ..Volume::default() },
            proofs: vec![],
            again: None,
        }
    }

    fn desk() -> Desk {
        let mut desk = Desk::default();
        for (id, diagnosis, recipients) in [
            (1, Diagnosis::NatOffice, 900),
            (2, Diagnosis::DirtyList, 100),
            (3, Diagnosis::MassMailer, 500),
            (4, Diagnosis::Loop, 70),
            (5, Diagnosis::CompromisedAccount, 300),
        ] {
            desk.take(&Change::Opened(finding(id, diagnosis, recipients)));
        }
        desk
    }

    fn word(id: u64, word: Word, minute: i64) -> Verdict {
        Verdict::on(&finding(id, Diagnosis::DirtyList, 0), word, at(minute), "ann")
    }

    fn order(desk: &Desk) -> Vec<u64> {
        desk.queue().iter().map(|case| case.finding.id.0).collect()
    }

    #[test]
    fn the_queue_has_abuse_first_and_those_informed_later() {
        let mut desk = desk();
        assert_eq!(order(&desk), [3, 5, 2, 4, 1]);
        assert!(desk.hear(&word(3, Word::Informed, 20)));
        assert_eq!(order(&desk), [5, 2, 3, 4, 1]);
        desk.take(&Change::Quiet(finding(5, Diagnosis::CompromisedAccount, 300)));
        desk.take(&Change::Quiet(finding(1, Diagnosis::NatOffice, 900)));
        assert_eq!(order(&desk), [2, 5, 3, 4], "what is harmless and quiet is done");
        desk.hear(&word(5, Word::Fixed, 100));
        desk.hear(&word(2, Word::Wrong, 100));
        assert_eq!(order(&desk), [3, 4]);
        assert!(!desk.hear(&word(9, Word::Right, 1)));
    }

    #[test]
    fn figures_of_a_day_count_a_finding_once() {
        let mut desk = desk();
        desk.take(&Change::Changed(finding(2, Diagnosis::DirtyList, 200)));
        desk.report(at(5));
        desk.hear(&word(2, Word::Wrong, 30));
        desk.hear(&word(2, Word::Wrong, 31));
        let days: Vec<_> = desk.days().map(|(_, day)| *day).collect();
        assert_eq!(days, [DayFigures { spam: 2, viruses: 1, reports: 1, trouble: 1, wrong: 1 }]);
        // What was trouble first, and is abuse now, is counted as abuse too.
        desk.take(&Change::Changed(finding(4, Diagnosis::CompromisedAccount, 70)));
        assert_eq!(desk.days().next().unwrap().1.spam, 3);
    }

    #[test]
    fn time_to_detect_and_to_fix_are_of_those_not_called_wrong() {
        let mut desk = desk();
        desk.hear(&word(2, Word::Wrong, 30));
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(desk.time_to_detect(), Some(Took { cases: 2, median: minutes(13), most: minutes(13) }));
        assert_eq!(desk.time_to_fix(), None);
        desk.hear(&word(5, Word::Fixed, 115));
        desk.take(&Change::Quiet(finding(3, Diagnosis::MassMailer, 500)));
        assert_eq!(desk.time_to_fix(), Some(Took { cases: 2, median: minutes(47), most: minutes(47) }));
    }

    #[test]
    fn the_load_is_of_what_came_and_waits() {
        let desk = desk();
        let load = desk.load(30.0, 0.8).unwrap();
        assert_eq!(load.minutes_per_day(), 90.0);
        assert_eq!(load, Load::new(3.0, 30.0, 0.8, 3).unwrap());
    }

    #[test]
    fn a_desk_is_read_back_and_bounded() {
        let mut desk = desk();
        let bytes = minicbor::to_vec(&desk).unwrap();
        assert_eq!(minicbor::decode::<Desk>(&bytes).unwrap(), desk);
        desk.hear(&word(2, Word::Fixed, 30));
        for id in 10..10 + CASES_KEPT as u64 {
            desk.take(&Change::Opened(finding(id, Diagnosis::DirtyList, 1)));
        }
        assert_eq!(desk.cases().count(), CASES_KEPT);
        assert!(desk.case(FindingId(2)).is_none() && desk.case(FindingId(10)).is_some());
    }
}
