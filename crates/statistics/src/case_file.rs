//! One finding with all that is told of it: its history, what the party sent over time, and its visits to decoys.

use std::time::Duration;

use evidence::{QUARTER, Time, Window};
use lake::{Snapshot, TableVersion, Value};

use crate::StatisticsError;
use crate::cases::{Case, Sighting, before, number, sightings};
use crate::desk_days::DAY;
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::sheet::Sheet;

/// How long before the first line of evidence the volume is told: what was usual.
const LOOK_BACK: Duration = Duration::from_secs(7 * 86_400);

/// How long before the first line of evidence decoys are asked: who was first.
pub const DECOYS_BACK: Duration = Duration::from_secs(30 * 86_400);

/// How long after the last line.
const LOOK_ON: Duration = Duration::from_secs(86_400);

/// Longest time that is told by the hour; a longer one is told by the day.
const BY_HOUR: Duration = Duration::from_secs(10 * 86_400);

/// Longest time of which the volume is told: of a longer one its end.
const MAX_TOLD: Duration = Duration::from_secs(400 * 86_400);

/// Changes that are told, the newest; the rest is in the lake.
pub const CHANGES: usize = 200;

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseFile {
    pub case: Case,
    /// The newest first.
    pub history: Vec<Told>,
    /// The time of which the volume is told, and how it is cut into bins.
    pub window: Window,
    pub bin: Duration,
    /// Every bin of that time, also those in which nothing was sent or of which nothing is known.
    pub volume: Vec<Sent>,
    /// The time of which the decoys were asked.
    pub decoys: Window,
    /// `None` where the party is no address, or was not seen there.
    pub sighting: Option<Sighting>,
    pub versions: Vec<TableVersion>,
}

/// A change of a finding, or a word of a person on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub at: Time,
    /// `opened`, `changed`, `quiet`; or `right`, `wrong`, `informed`, `fixed`.
    pub change: String,
    pub class: String,
    pub diagnosis: String,
    /// In thousandths.
    pub probability: u64,
    pub last_seen: Time,
    pub messages: u64,
    pub recipients: u64,
    pub failed: u64,
    pub strangers: u64,
    pub spams: u64,
    pub viruses: u64,
    pub rules: Vec<String>,
}

/// What a party sent in an hour or a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    pub start: Time,
    /// Whether the logs have anything of anybody then; otherwise nothing is known.
    pub is_known: bool,
    pub messages: u64,
    pub bytes: u64,
    pub recipients: u64,
    pub delivered: u64,
    pub deferred: u64,
    pub failed: u64,
    pub refused: u64,
    pub spams: u64,
    pub viruses: u64,
    pub logins_failed: u64,
}

impl CaseFile {
    /// The finding of a number as it was before an instant; `None` when there is none.
    pub async fn load(snapshot: &Snapshot, finding: u64, until: Time) -> Result<Option<Self>, StatisticsError> {
        let told = snapshot.within(before(until));
        let (query, parameters) = case_query(finding, until);
        let reading = Reading::new(Question::CASES, told.sql(&query, &parameters).await?);
        let Some(case) = reading.lines().next().map(|line| Case::read(&line)).transpose()? else { return Ok(None) };
        let (window, bin) = told_of(&case, until);
        let decoys = Window { from: case.first_seen - DECOYS_BACK, until: window.until };
        let (history, volume, sighting) = tokio::try_join!(
            async { Ok(told.sql(&history_query(), &parameters).await?) },
            async {
                let (query, parameters) = volume_query(finding, window, bin);
                // The findings that name the party may be of before or after this time.
                Ok(told.sql(&query, &parameters).await?)
            },
            sightings(snapshot, decoys, Some(finding)),
        )?;
        let history = Reading::new(Question::CASE_HISTORY, history);
        let history = history.lines().map(|line| Told::read(&line)).collect::<Result<_, StatisticsError>>()?;
        let volume = Sent::fill(&Reading::new(Question::PARTY_VOLUME, volume), window, bin)?;
        let (sighting, versions) = (sighting.into_iter().next(), snapshot.versions());
        Ok(Some(Self { case, history, window, bin, volume, decoys, sighting, versions }))
    }

    /// What a bin is: `hour` or `day`.
    pub fn bin_name(&self) -> &'static str {
        bin_name(self.bin)
    }
}

/// The time that is told of a finding, in whole bins, and the length of a bin.
pub(crate) fn told_of(case: &Case, until: Time) -> (Window, Duration) {
    let end = (case.last_seen + LOOK_ON).min(until);
    let begin = (case.first_seen - LOOK_BACK).max(end - MAX_TOLD).min(end);
    let bin = if end.since(begin) <= BY_HOUR { QUARTER * 4 } else { DAY };
    let micros = bin.as_micros() as i64;
    let whole = |time: Time| Time::from_micros(time.micros().div_euclid(micros) * micros);
    (Window { from: whole(begin), until: end }, bin)
}

fn bin_name(bin: Duration) -> &'static str {
    if bin == DAY { "day" } else { "hour" }
}

pub(crate) fn case_query(finding: u64, until: Time) -> (String, [(&'static str, Value); 2]) {
    let query = Question::CASES.fill(&[("filter", "AND finding = $finding")]);
    (query, [("finding", number(finding)), ("until", Value::Instant(until))])
}

pub(crate) fn history_query() -> String {
    Question::CASE_HISTORY.fill(&[("rows", &CHANGES.to_string())])
}

pub(crate) fn volume_query(finding: u64, window: Window, bin: Duration) -> (String, [(&'static str, Value); 3]) {
    let query = Question::PARTY_VOLUME.fill(&[("bin", &format!("1 {}", bin_name(bin)))]);
    let (from, until) = (Value::Instant(window.from), Value::Instant(window.until));
    (query, [("finding", number(finding)), ("from", from), ("until", until)])
}

impl Told {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        let text = |column| line.text(column).map(Option::unwrap_or_default);
        Ok(Self {
            at: line.instant("told_at")?.unwrap_or_default(),
            change: text("change")?,
            class: text("class")?,
            diagnosis: text("diagnosis")?,
            probability: line.integer("probability")?,
            last_seen: line.instant("last_seen")?.unwrap_or_default(),
            messages: line.integer("messages")?,
            recipients: line.integer("recipients")?,
            failed: line.integer("failed")?,
            strangers: line.integer("strangers")?,
            spams: line.integer("spams")?,
            viruses: line.integer("viruses")?,
            rules: line.texts("rules")?,
        })
    }

    /// A history to be written.
    pub fn sheet(history: &[Self]) -> Sheet {
        let columns = ["told_at", "change", "class", "diagnosis", "probability", "last_seen", "messages", "recipients"];
        let columns: Vec<_> = columns.into_iter().chain(["failed", "strangers", "spams", "viruses", "rules"]).collect();
        let row = |told: &Self| {
            let text = |text: &str| Value::Text(text.to_owned());
            let mut values = vec![Value::Instant(told.at), text(&told.change), text(&told.class)];
            values.extend([text(&told.diagnosis), number(told.probability), Value::Instant(told.last_seen)]);
            let counts = [told.messages, told.recipients, told.failed, told.strangers, told.spams, told.viruses];
            values.extend(counts.map(number));
            values.push(Value::List(told.rules.iter().cloned().map(Value::Text).collect()));
            values
        };
        Sheet::new("change", &columns, history.iter().map(row).collect())
    }
}

impl Sent {
    /// All bins of a window; of those that have no line nothing is known.
    fn fill(reading: &Reading, window: Window, bin: Duration) -> Result<Vec<Self>, StatisticsError> {
        let mut bins = Vec::new();
        let mut lines = reading.lines().map(|line| Self::read(&line)).collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut next = lines.next();
        let mut start = window.from;
        while start < window.until {
            let is_next = next.as_ref().is_some_and(|sent| sent.start == start);
            bins.push(next.take_if(|_| is_next).unwrap_or(Self { start, ..Self::default() }));
            if is_next {
                next = lines.next();
            }
            start = start + bin;
        }
        Ok(bins)
    }

    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            start: line.instant("start")?.unwrap_or_default(),
            is_known: true,
            messages: line.integer("messages")?,
            bytes: line.integer("bytes")?,
            recipients: line.integer("recipients")?,
            delivered: line.integer("delivered")?,
            deferred: line.integer("deferred")?,
            failed: line.integer("failed")?,
            refused: line.integer("refused")?,
            spams: line.integer("spams")?,
            viruses: line.integer("viruses")?,
            logins_failed: line.integer("logins_failed")?,
        })
    }

    /// Volumes to be written; what is not known is absent.
    pub fn sheet(volume: &[Self]) -> Sheet {
        let columns = ["start", "messages", "bytes", "recipients", "delivered", "deferred", "failed", "refused"];
        let columns: Vec<_> = columns.into_iter().chain(["spams", "viruses", "logins_failed"]).collect();
        let row = |sent: &Self| {
            let counts = [sent.messages, sent.bytes, sent.recipients, sent.delivered, sent.deferred, sent.failed];
            let more = [sent.refused, sent.spams, sent.viruses, sent.logins_failed];
            let known = |count| if sent.is_known { number(count) } else { Value::Null };
            let counts = counts.into_iter().chain(more).map(known);
            [Value::Instant(sent.start)].into_iter().chain(counts).collect()
        };
        Sheet::new("volume", &columns, volume.iter().map(row).collect())
    }
}
