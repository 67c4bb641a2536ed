//! How well findings fit the truth, where the truth is known: detection beside labels, and beside three plain rules.
//!
//! A finding is right when its subject is abused at that time. It names a customer that only looks abused as what it is
//! when its diagnosis is one of those that fit. What is counted is what a desk would see: findings, not lines.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::time::Duration;

use evidence::Time;
use findings::{Change, Class, Detector, Diagnosis, FindingId, Interval, Rule, Site, nowhere};
use maillog::{Fate, Happening, What};

/// What is true of somebody.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) kind: String,
    /// When abuse starts, for those that are abused.
    pub(crate) start: Option<Time>,
    pub(crate) is_customer: bool,
}

/// Diagnoses that fit a kind. Of those that are abused, each of these is right; the first is the best.
pub(crate) fn fitting(kind: &str) -> &'static [Diagnosis] {
    use Diagnosis::*;
    match kind {
        "dirty-list-spammer" => &[DirtyList, CompromisedAccount],
        "clean-list-spammer" => &[CleanList, CompromisedAccount],
        "stolen-account" => &[CompromisedAccount],
        "mass-mailer" => &[MassMailer],
        "open-relay" => &[OpenRelay],
        "loop" => &[Loop],
        "backscatter-source" => &[Backscatter],
        "block-listed" => &[ListedElsewhere, CleanList, DirtyList, CompromisedAccount],
        "dictionary-attack" => &[DictionaryAttack],
        "stale-newsletter" => &[StaleList, MailingList],
        "list" => &[MailingList, StaleList],
        "nat-office" => &[NatOffice],
        "forwarding-domain" => &[Forwarder],
        "vacation-storm" => &[AutoReplies],
        "notification-flood" => &[NotificationFlood],
        "uptime-monitor" => &[Monitor],
        "migrated-server" => &[NewServer],
        "backscatter-victim" => &[BackscatterVictim],
        _ => &[],
    }
}

/// What was told of one finding.
#[derive(Clone, Debug)]
struct Told {
    subject: String,
    opened: Time,
    /// Each diagnosis that it had, and since when.
    diagnoses: Vec<(Time, Diagnosis)>,
    rules: HashSet<Rule>,
    sentences: Vec<String>,
}

impl Told {
    /// When it was first of this class or of a graver one.
    fn since(&self, class: Class) -> Option<Time> {
        self.diagnoses.iter().find(|(_, diagnosis)| diagnosis.class() <= class).map(|(at, _)| *at)
    }

    fn last(&self) -> Diagnosis {
        self.diagnoses.last().map_or(Diagnosis::Unusual, |(_, diagnosis)| *diagnosis)
    }
}

/// One of the plain rules: a count for each subject and period, and who was flagged when.
struct Plain {
    name: &'static str,
    threshold: usize,
    counts: HashMap<(String, i64), usize>,
    flagged: BTreeMap<(String, i64), Time>,
}

impl Plain {
    fn new(name: &'static str, threshold: usize) -> Self {
        Self { name, threshold, counts: HashMap::new(), flagged: BTreeMap::new() }
    }

    fn count(&mut self, subject: &str, period: i64, at: Time) {
        let count = self.counts.entry((subject.to_owned(), period)).or_default();
        *count += 1;
        if *count == self.threshold {
            let day = at.micros() / DAY;
            self.flagged.entry((subject.to_owned(), day)).or_insert(at);
        }
    }
}

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Detection on labelled logs.
pub(crate) struct Evaluation {
    detector: Detector,
    site: Site,
    labels: HashMap<String, Label>,
    told: BTreeMap<FindingId, Told>,
    /// Times of first attempts, by abused subject, from its start on.
    attempts: HashMap<String, Vec<Time>>,
    plain: [Plain; 3],
    acquainted: HashSet<(String, Vec<u8>)>,
    days: HashSet<i64>,
}

impl Evaluation {
    pub(crate) fn new(detector: Detector, site: Site, labels: HashMap<String, Label>) -> Self {
        // Stamps may be cut to the second.
        let labels = labels.into_iter().map(|(subject, label)| {
            let start = label.start.map(|start| start - Duration::from_secs(1));
            (subject, Label { start, ..label })
        });
        let labels = labels.collect();
        let plain = [
            Plain::new("volume >= 1,000 a day", 1000),
            Plain::new("100 failures an hour", 100),
            Plain::new("200 first-time recipients", 200),
        ];
        Self {
            detector,
            site,
            labels,
            told: BTreeMap::new(),
            attempts: HashMap::new(),
            plain,
            acquainted: HashSet::new(),
            days: HashSet::new(),
        }
    }

    pub(crate) fn hear(&mut self, happening: &Happening<'_>) {
        self.detector.hear(happening, &nowhere);
        self.days.insert(happening.at.micros() / DAY);
        let changes: Vec<Change> = self.detector.changes().collect();
        changes.into_iter().for_each(|change| self.note(&change));
        if let What::Attempt(attempt) = &happening.what
            && attempt.first
            && let Some(subject) = self.site.subject(&attempt.mail.client)
        {
            self.baseline(&subject.to_string(), attempt.recipient, attempt.fate, happening.at);
        }
    }

    fn note(&mut self, change: &Change) {
        let finding = change.finding();
        let at = self.detector.now();
        let told = self.told.entry(finding.id).or_insert_with(|| Told {
            subject: finding.subject.to_string(),
            opened: at,
            diagnoses: vec![],
            rules: HashSet::new(),
            sentences: vec![],
        });
        if !matches!(change, Change::Quiet(_)) {
            if told.diagnoses.is_empty() || told.last() != finding.diagnosis {
                told.diagnoses.push((at, finding.diagnosis));
            }
            told.rules.extend(finding.held().map(|proof| proof.rule));
            told.sentences = finding.reasons();
        }
    }

    fn baseline(&mut self, subject: &str, recipient: &[u8], fate: Fate, at: Time) {
        let (hour, day) = (at.micros() / HOUR, at.micros() / DAY);
        self.plain[0].count(subject, day, at);
        if fate == Fate::Failed {
            self.plain[1].count(subject, hour, at);
        }
        if self.acquainted.insert((subject.to_owned(), recipient.to_ascii_lowercase())) {
            self.plain[2].count(subject, day, at);
        }
        let start = self.labels.get(subject).and_then(|label| label.start);
        if start.is_some_and(|start| at >= start) {
            self.attempts.entry(subject.to_owned()).or_default().push(at);
        }
    }

    /// The finding of an abused subject: the first of abuse or trouble since its start.
    fn found(&self, subject: &str, start: Time) -> Option<(&Told, Time)> {
        let of_subject = self.told.values().filter(|told| told.subject == subject);
        let since = |told: &Told| {
            told.diagnoses
                .iter()
                .find(|(at, diagnosis)| *at >= start && diagnosis.class() <= Class::Trouble)
                .map(|(at, _)| *at)
        };
        of_subject.filter_map(|told| Some((told, since(told)?))).min_by_key(|(_, at)| *at)
    }

    pub(crate) fn judge(self) -> Judgement {
        let mut judgement = Judgement { days: self.days.len(), ..Judgement::default() };
        judgement.customers = self.labels.values().filter(|label| label.is_customer).count();
        let mut labels: Vec<_> = self.labels.iter().collect();
        labels.sort_by(|a, b| (&a.1.kind, a.0).cmp(&(&b.1.kind, b.0)));
        for (subject, label) in labels {
            match label.start {
                Some(start) => judgement.abused.push(self.case(subject, label, start)),
                None if !fitting(&label.kind).is_empty() => judgement.odd.push(self.odd(subject, label)),
                None => {}
            }
        }
        for told in self.told.values() {
            self.count(told, &mut judgement);
        }
        for plain in &self.plain {
            judgement.plain.push(self.plainly(plain));
        }
        judgement.unusual = self.told.values().filter(|told| told.last() == Diagnosis::Unusual).count();
        judgement
    }

    fn case(&self, subject: &str, label: &Label, start: Time) -> Case {
        let found = self.found(subject, start);
        let fits = |told: &Told| told.diagnoses.iter().any(|(_, diagnosis)| fitting(&label.kind).contains(diagnosis));
        let recipients =
            |until: Time| self.attempts.get(subject).map_or(0, |times| times.iter().filter(|at| **at <= until).count());
        Case {
            subject: subject.to_owned(),
            kind: label.kind.clone(),
            minutes: found.map(|(_, at)| at.since(start).as_secs_f64() / 60.0),
            recipients: found.map(|(_, at)| recipients(at)),
            diagnosis: found.map(|(told, _)| told.last()),
            is_named: found.is_some_and(|(told, _)| fits(told)),
            rules: found.map(|(told, _)| told.rules.clone()).unwrap_or_default(),
        }
    }

    fn odd(&self, subject: &str, label: &Label) -> Odd {
        let of_subject = self.told.values().filter(|told| told.subject == subject);
        let diagnoses: Vec<_> =
            of_subject.flat_map(|told| told.diagnoses.iter().map(|(_, diagnosis)| *diagnosis)).collect();
        Odd {
            subject: subject.to_owned(),
            kind: label.kind.clone(),
            is_named: diagnoses.iter().any(|diagnosis| fitting(&label.kind).contains(diagnosis)),
            is_accused: diagnoses.iter().any(|diagnosis| diagnosis.class() == Class::Abuse),
            diagnoses,
        }
    }

    fn count(&self, told: &Told, judgement: &mut Judgement) {
        let label = self.labels.get(&told.subject);
        let is_abused = |at: Time| label.is_some_and(|label| label.start.is_some_and(|start| at >= start));
        let kind = label.map_or("unlabelled", |label| label.kind.as_str());
        let fits = |diagnosis: Diagnosis| fitting(kind).contains(&diagnosis);
        let accused = told.since(Class::Abuse);
        let troubled = told.since(Class::Trouble);
        let is_false = match (accused, troubled) {
            (Some(at), _) => !is_abused(at),
            (None, Some(at)) => !is_abused(at) && !told.diagnoses.iter().any(|(_, diagnosis)| fits(*diagnosis)),
            _ => false,
        };
        if is_false {
            judgement.wrong.push(format!(
                "{kind} {} {:?}: {}",
                told.subject,
                told.diagnoses,
                told.sentences.join("; ")
            ));
        }
        let tally = judgement.by_diagnosis.entry(told.last().name()).or_default();
        tally.told += 1;
        tally.right += u64::from(fits(told.last()));
        let held_true = is_abused(accused.or(troubled).unwrap_or(told.opened));
        if troubled.is_some() {
            for rule in &told.rules {
                let tally = judgement.by_rule.entry(*rule).or_default();
                tally.told += 1;
                tally.right += u64::from(held_true || fits(told.last()));
            }
        }
    }

    fn plainly(&self, plain: &Plain) -> Plainly {
        let mut minutes = vec![];
        for (subject, label) in &self.labels {
            let Some(start) = label.start else { continue };
            let flagged = plain.flagged.iter().filter(|((flagged, _), at)| flagged == subject && **at >= start);
            minutes.extend(flagged.map(|(_, at)| at.since(start).as_secs_f64() / 60.0).min_by(f64::total_cmp));
        }
        let is_true = |subject: &String, at: &Time| {
            self.labels.get(subject).is_some_and(|label| label.start.is_some_and(|start| *at >= start))
        };
        let wrong = plain.flagged.iter().filter(|((subject, _), at)| !is_true(subject, at)).count();
        Plainly { name: plain.name, minutes, wrong }
    }
}

/// An abused subject.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) subject: String,
    pub(crate) kind: String,
    pub(crate) minutes: Option<f64>,
    pub(crate) recipients: Option<usize>,
    pub(crate) diagnosis: Option<Diagnosis>,
    pub(crate) is_named: bool,
    pub(crate) rules: HashSet<Rule>,
}

impl Case {
    /// Who, and what was said.
    fn words(&self) -> String {
        format!("{} {}", self.subject, self.diagnosis.map_or("-", Diagnosis::name))
    }
}

/// One that looks abused and is not.
#[derive(Debug)]
pub(crate) struct Odd {
    pub(crate) subject: String,
    pub(crate) kind: String,
    pub(crate) is_named: bool,
    pub(crate) is_accused: bool,
    pub(crate) diagnoses: Vec<Diagnosis>,
}

#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) told: u64,
    pub(crate) right: u64,
}

/// What a plain rule would have found.
#[derive(Debug)]
pub(crate) struct Plainly {
    pub(crate) name: &'static str,
    pub(crate) minutes: Vec<f64>,
    pub(crate) wrong: usize,
}

/// The outcome.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) days: usize,
    pub(crate) customers: usize,
    pub(crate) abused: Vec<Case>,
    pub(crate) odd: Vec<Odd>,
    pub(crate) wrong: Vec<String>,
    pub(crate) unusual: usize,
    pub(crate) by_diagnosis: BTreeMap<&'static str, Count>,
    pub(crate) by_rule: BTreeMap<Rule, Count>,
    pub(crate) plain: Vec<Plainly>,
}

pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    if numbers.is_empty() { f64::NAN } else { numbers[numbers.len() / 2] }
}

fn interval(hits: u64, trials: u64) -> String {
    Interval::of(hits, trials).map_or_else(|| "-".to_owned(), |interval| interval.to_string())
}

impl Judgement {
    pub(crate) fn found(&self) -> usize {
        self.abused.iter().filter(|case| case.minutes.is_some()).count()
    }

    pub(crate) fn median_minutes(&self) -> f64 {
        median(self.abused.iter().map(|case| case.minutes.unwrap_or(f64::INFINITY)).collect())
    }

    /// False findings for each day and 1,000 customers.
    pub(crate) fn false_rate(&self) -> f64 {
        self.rate(self.wrong.len())
    }

    fn rate(&self, wrong: usize) -> f64 {
        wrong as f64 * 1000.0 / self.days.max(1) as f64 / self.customers.max(1) as f64
    }

    /// The tables, as text.
    pub(crate) fn report(&self) -> String {
        let mut text = String::new();
        _ = self.write(&mut text); // a string takes everything
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let total = self.abused.len();
        writeln!(text, "{} customers, {} days, {total} abused", self.customers, self.days)?;
        writeln!(text, "\nabuse: kind, found, named right, minutes and recipients to detection (median, most)")?;
        let mut kinds: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        self.abused.iter().for_each(|case| kinds.entry(&case.kind).or_default().push(case));
        for (kind, cases) in &kinds {
            let minutes: Vec<f64> = cases.iter().filter_map(|case| case.minutes).collect();
            let recipients: Vec<f64> =
                cases.iter().filter_map(|case| case.recipients).map(|count| count as f64).collect();
            let most = |numbers: &[f64]| numbers.iter().copied().fold(f64::NAN, f64::max);
            let named = cases.iter().filter(|case| case.is_named).count();
            writeln!(
                text,
                "  {kind:22} {}/{} recall {}  named {named}  {:.1} ({:.1}) min  {:.0} ({:.0}) recipients  {:?}",
                minutes.len(),
                cases.len(),
                interval(minutes.len() as u64, cases.len() as u64),
                median(minutes.clone()),
                most(&minutes),
                median(recipients.clone()),
                most(&recipients),
                cases.iter().map(|case| case.words()).collect::<Vec<_>>(),
            )?;
        }
        let found = self.found();
        writeln!(
            text,
            "  all {found}/{total} recall {}  median {:.1} min",
            interval(found as u64, total as u64),
            self.median_minutes()
        )?;
        writeln!(text, "\nlooks abused and is not: kind, named as what it is, accused of abuse, diagnoses")?;
        for odd in &self.odd {
            let names: Vec<_> = odd.diagnoses.iter().map(|diagnosis| diagnosis.name()).collect();
            writeln!(text, "  {:22} {:5} {:5} {} {names:?}", odd.kind, odd.is_named, odd.is_accused, odd.subject)?;
        }
        writeln!(text, "\nfindings by diagnosis: told, right, precision")?;
        for (name, count) in &self.by_diagnosis {
            writeln!(text, "  {name:22} {:4} {:4} {}", count.told, count.right, interval(count.right, count.told))?;
        }
        writeln!(
            text,
            "\nrules in findings of abuse and trouble: held, in right ones, precision; recall among the abused"
        )?;
        for (rule, count) in &self.by_rule {
            let recalled = self.abused.iter().filter(|case| case.rules.contains(rule)).count() as u64;
            let (precision, recall) = (interval(count.right, count.told), interval(recalled, total as u64));
            writeln!(text, "  {:24} {:4} {:4} {precision}  {recall}", rule.to_string(), count.told, count.right)?;
        }
        writeln!(
            text,
            "\nfalse findings: {}, {:.2} a day and 1,000 customers; {} told as unusual",
            self.wrong.len(),
            self.false_rate(),
            self.unusual
        )?;
        self.wrong.iter().try_for_each(|wrong| writeln!(text, "  {wrong}"))?;
        writeln!(text, "\nplain rules: found, median minutes of those, false flags a day and 1,000 customers")?;
        for plain in &self.plain {
            let (found, middle) = (plain.minutes.len() as u64, median(plain.minutes.clone()));
            writeln!(
                text,
                "  {:26} {found}/{total} {}  {middle:.1} min  {:.2}",
                plain.name,
                interval(found, total as u64),
                self.rate(plain.wrong)
            )?;
        }
        Ok(())
    }
}
