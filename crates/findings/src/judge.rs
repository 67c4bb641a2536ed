//! From what rules read to findings: proofs are kept, a diagnosis is made when something new holds, findings are opened,
//! changed and ended, idle subjects are forgotten.

use evidence::Time;
use maillog::Happening;

use crate::allow::{Exception, Scope};
use crate::detector::Detector;
use crate::diagnosis::{Class, Customer, Diagnosis, Kin, Opinion, Remote, Signs, probability};
use crate::feedback::Verdict;
use crate::finding::{Change, Finding, FindingId};
use crate::memory::{Case, Entry, Watch};
use crate::moment::Moment;
use crate::proof::Proof;
use crate::rule::{Reading, Rule};
use crate::subject::Subject;
use crate::threshold::Threshold;
use crate::window::Volume;

/// Minutes after the last line of evidence when a finding ends.
pub const QUIET_AFTER: u32 = 24 * 60;

/// Minutes without any mail after which a customer is forgotten (90 days), and a machine of others of which nothing is
/// found (2 days).
pub const FORGOTTEN_AFTER: (u32, u32) = (90 * 24 * 60, 2 * 24 * 60);

/// Minutes after which a subject of which a rule holds is judged anew, although nothing new holds.
const JUDGED_EVERY: u32 = 5;

/// Changes that wait to be taken; beyond, the oldest go, and are counted.
pub const MOST_CHANGES: usize = 65_536;

/// From this probability of abuse on something unusual is told, although no meaning is found for it.
const WORTH_A_LOOK: f32 = 0.1;

/// How long a diagnosis is hidden that was said to be wrong.
const WRONG_FOR: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// Keeps what the rules read, and judges the subject when that calls for it.
pub(crate) fn conclude(
    detector: &mut Detector,
    place: usize,
    told: &mut Vec<(Rule, Reading)>,
    happening: &Happening<'_>,
    now: Moment,
) {
    let exceptions = &detector.memory.exceptions;
    let Some(entry) = detector.memory.entries[place].as_mut() else { return };
    let watch = entry.watch.get_or_insert_with(|| {
        let volume = entry.outbound.as_ref().map(|outbound| *outbound.ever()).unwrap_or_default();
        Box::new(Watch { volume, ..Watch::default() })
    });
    let mut calls = false;
    for (rule, reading) in told.drain(..) {
        if reading.holds() && !exceptions.all().is_empty() && exceptions.hides_rule(&entry.subject, rule, now.time) {
            continue;
        }
        let known = watch.proofs.iter().position(|proof| proof.rule == rule);
        let known = known.unwrap_or_else(|| {
            watch.proofs.push(Proof::new(rule));
            watch.proofs.len() - 1
        });
        calls |= watch.proofs[known].read(reading, happening, now);
    }
    let is_held = watch.proofs.iter().any(|proof| proof.held.is_some());
    if calls || (is_held && now.minute.saturating_sub(watch.judged) >= JUDGED_EVERY) {
        watch.judged = now.minute;
        judge(detector, place, calls, now);
    }
}

fn judge(detector: &mut Detector, place: usize, calls: bool, now: Moment) {
    let watched = detector.memory.usual.watched(now.hour) as f32 / 24.0;
    let learned = (watched / detector.thresholds.value(Threshold::LearnedDays)).min(1.0);
    let Some(entry) = detector.memory.entries[place].as_mut() else { return };
    let Some(watch) = &entry.watch else { return };
    let party = kin(entry, now);
    let signs = Signs { proofs: &watch.proofs, thresholds: &detector.thresholds, learned, party };
    let opinion = signs.judge();
    if opinion.diagnosis == Diagnosis::Unusual && watch.case.is_none() && probability(opinion.score) < WORTH_A_LOOK {
        return;
    }
    let is_hidden = detector.memory.exceptions.hides(&entry.subject, opinion.diagnosis, now.time);
    let Some(watch) = entry.watch.as_mut() else { return };
    if is_hidden {
        if watch.hidden != Some(opinion.diagnosis) {
            watch.hidden = Some(opinion.diagnosis);
            detector.memory.counters.hidden += 1;
        }
        return;
    }
    watch.hidden = None;
    let is_new = watch.case.is_none();
    let changed = match &mut watch.case {
        Some(case) => case.update(opinion, now.time),
        None => {
            let id = FindingId(detector.memory.next_finding);
            detector.memory.next_finding += 1;
            watch.case = Some(Case::new(id, opinion, entry.before, now.time));
            true
        }
    };
    if !(changed || calls) {
        return;
    }
    if let Some(finding) = finding(entry) {
        tell(detector, if is_new { Change::Opened(finding) } else { Change::Changed(finding) });
    }
}

fn tell(detector: &mut Detector, change: Change) {
    if detector.changes.len() >= MOST_CHANGES {
        detector.changes.pop_front();
        detector.memory.counters.changes_lost += 1;
    }
    detector.changes.push_back(change);
}

impl Case {
    fn new(id: FindingId, opinion: Opinion, again: Option<FindingId>, now: Time) -> Self {
        let mut case = Self {
            id,
            diagnosis: opinion.diagnosis,
            score: 0.0,
            opened: now,
            abuse_since: None,
            innocent: vec![],
            again,
        };
        case.update(opinion, now);
        case
    }

    /// Whether the diagnosis is another one.
    fn update(&mut self, opinion: Opinion, now: Time) -> bool {
        let is_other = self.diagnosis != opinion.diagnosis;
        self.diagnosis = opinion.diagnosis;
        self.score = opinion.score;
        self.innocent = opinion.innocent.into_iter().map(str::to_owned).collect();
        if self.diagnosis.class() == Class::Abuse && self.abuse_since.is_none() {
            self.abuse_since = Some(now);
        }
        is_other
    }
}

fn kin(entry: &Entry, now: Moment) -> Kin {
    let visits = entry.inbound.as_ref().map(|inbound| (inbound.run, inbound.visits)).unwrap_or_default();
    let Some(outbound) = entry.outbound.as_ref().filter(|_| !matches!(entry.subject, Subject::Remote(_))) else {
        return Kin::Remote(Remote { messages: visits.0.messages, empty: visits.0.empty, visits: visits.1 });
    };
    Kin::Customer(Customer {
        has_account: matches!(entry.subject, Subject::Account(_)),
        day: *outbound.day(),
        different_recipients: outbound.different_recipients(),
        list_senders: outbound.list_senders(),
        failed_domains: outbound.failed_domains(),
        helos: outbound.helos(now.hour),
        repetition: outbound.repetition(),
        usual_days: outbound.usual().days(),
    })
}

/// The open finding of a subject.
pub(crate) fn finding(entry: &Entry) -> Option<Finding> {
    let watch = entry.watch.as_ref()?;
    let case = watch.case.as_ref()?;
    let times = |of: fn(&Proof) -> Time| watch.proofs.iter().map(of);
    let volume = match (&entry.outbound, &entry.inbound) {
        (Some(outbound), _) => outbound.ever().since(&watch.volume),
        (None, Some(inbound)) => {
            let run = inbound.run;
            let recipients = run.accepted + run.unknown + run.relayed;
            Volume {
                messages: run.messages,
                recipients,
                answered: run.accepted + run.unknown,
                failed: run.unknown,
                spams: run.spams,
                viruses: run.viruses,
                ..Volume::default()
            }
        }
        (None, None) => Volume::default(),
    };
    Some(Finding {
        id: case.id,
        subject: entry.subject.clone(),
        diagnosis: case.diagnosis,
        score: case.score,
        innocent: case.innocent.clone(),
        opened: case.opened,
        abuse_since: case.abuse_since,
        first_seen: times(|proof| proof.first.at).filter(|at| *at != Time::default()).min().unwrap_or(case.opened),
        last_seen: times(|proof| proof.last.at).max().unwrap_or(case.opened).max(case.opened),
        volume,
        proofs: watch.proofs.clone(),
        again: case.again,
    })
}

/// Hides a diagnosis that was said to be wrong.
pub(crate) fn hide(detector: &mut Detector, verdict: &Verdict) {
    let exception = Exception {
        scope: Scope::SubjectDiagnosis(verdict.subject.clone(), verdict.diagnosis),
        until: verdict.at.max(detector.now()) + WRONG_FOR,
        who: if verdict.who.trim().is_empty() { "desk".to_owned() } else { verdict.who.clone() },
        why: format!("finding {} was said to be wrong", verdict.finding),
    };
    // Without a place for it the finding may come again, which the desk sees.
    _ = detector.except(exception);
}

/// Ends the finding, if it is still open. What the rules read from now on counts anew.
pub(crate) fn end(detector: &mut Detector, place: usize, id: FindingId) {
    let Some(entry) = detector.memory.entries[place].as_mut() else { return };
    let is_it = entry.watch.as_ref().is_some_and(|watch| watch.case.as_ref().is_some_and(|case| case.id == id));
    if is_it {
        entry.watch = None;
        entry.before = Some(id);
        if let Some(outbound) = &mut entry.outbound {
            outbound.forgive();
        }
    }
}

/// Minutes within which each subject is looked after once.
const LOOKED_AFTER: u32 = 4 * 60;

/// Looks after some subjects, as many as time has passed.
pub(crate) fn sweep(detector: &mut Detector, now: Moment) {
    let count = detector.memory.entries.len();
    let minutes = now.minute.abs_diff(detector.memory.swept).clamp(1, LOOKED_AFTER) as usize;
    let some = (count * minutes).div_ceil(LOOKED_AFTER as usize).min(count);
    for _ in 0..some {
        let place = detector.memory.hand as usize % count;
        detector.memory.hand = (place as u64 + 1) % count as u64;
        look_after(detector, place, now);
    }
}

fn look_after(detector: &mut Detector, place: usize, now: Moment) {
    let thresholds = &detector.thresholds;
    let Some(entry) = detector.memory.entries[place].as_mut() else { return };
    let idle = now.minute.saturating_sub(entry.minute);
    let burst =
        entry.inbound.as_mut().filter(|_| idle >= QUIET_AFTER).and_then(|inbound| inbound.ended(now, thresholds));
    if let (Some(reading), Some(watch)) = (burst, &mut entry.watch) {
        watch.note(Rule::Burst, reading, now);
    }
    let mut ended = None;
    if let Some(watch) = &mut entry.watch {
        let is_fresh = |proof: &Proof| now.minute.saturating_sub(proof.minute) < QUIET_AFTER;
        if watch.case.is_none() {
            watch.proofs.retain(is_fresh);
        } else if !watch.proofs.iter().any(|proof| proof.held.is_some() && is_fresh(proof)) {
            // Until then a finding keeps all that it was made of.
            ended = finding(entry);
        }
    }
    if let Some(finding) = &ended {
        (entry.before, entry.watch) = (Some(finding.id), None);
        if let Some(outbound) = &mut entry.outbound {
            outbound.acquit();
        }
    } else if entry.watch.as_ref().is_some_and(|watch| watch.proofs.is_empty()) {
        entry.watch = None;
    }
    if idle >= QUIET_AFTER
        && let Some(outbound) = &mut entry.outbound
    {
        outbound.tidy(now);
    }
    let (customers, others) = FORGOTTEN_AFTER;
    let is_over = idle >= if matches!(entry.subject, Subject::Remote(_)) { others } else { customers };
    let is_over = is_over && entry.watch.is_none();
    if let Some(finding) = ended {
        tell(detector, Change::Quiet(finding));
    }
    if is_over {
        detector.forget(place);
    }
}

impl Watch {
    /// A reading without a line: what is seen when nothing comes any more.
    fn note(&mut self, rule: Rule, reading: Reading, now: Moment) {
        if reading.holds() && !self.proofs.iter().any(|proof| proof.rule == rule) {
            let mut proof = Proof::new(rule);
            (proof.reading, proof.held, proof.minute) = (reading, Some(now.time), now.minute);
            self.proofs.push(proof);
        }
    }
}
