//! Findings about customers as the abuse desk sees them: the queue, figures of each day, how long it took to detect and to
//! fix, and who was seen at decoys. Names of accounts and lines of logs never leave the lake here.

use std::time::Duration;

use evidence::{Time, Window};
use findings::Class;
use lake::{Held, Snapshot, TableVersion, Value};

use crate::StatisticsError;
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::sheet::Sheet;

/// All findings that were told before the end of a window, loaded once.
pub struct Cases {
    pub window: Window,
    /// The versions of the tables it is computed from.
    pub versions: Vec<TableVersion>,
    snapshot: Snapshot,
    held: Held,
}

/// A finding as it was told last, with the words of people on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub finding: u64,
    /// `account`, `customer`, `remote` or `server`.
    pub party: String,
    /// The address, where the party is one.
    pub source: Option<String>,
    pub prefix: Option<String>,
    pub announced: bool,
    pub asn: Option<u64>,
    pub as_name: Option<String>,
    pub country: Option<String>,
    pub class: String,
    pub diagnosis: String,
    /// In thousandths.
    pub probability: u64,
    pub opened_at: Time,
    pub abuse_since: Option<Time>,
    pub first_seen: Time,
    pub last_seen: Time,
    pub messages: u64,
    pub recipients: u64,
    pub failed: u64,
    pub strangers: u64,
    pub spams: u64,
    pub viruses: u64,
    pub rules: Vec<String>,
    pub reasons: Vec<String>,
    /// The finding of the same party before this one.
    pub again: Option<u64>,
    pub is_quiet: bool,
    pub is_closed: bool,
    /// Words of people, each with the time when it was said last.
    pub right_at: Option<Time>,
    pub wrong_at: Option<Time>,
    pub informed_at: Option<Time>,
    pub fixed_at: Option<Time>,
    pub ended_at: Option<Time>,
}

/// Which findings a queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// What is to be done: abuse and trouble that is open.
    #[default]
    ToDo,
    /// All of a class, the open ones first.
    Of(Class),
}

/// How many findings of a class there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassCount {
    pub class: String,
    /// Open ones of our own, and of machines of others.
    pub customers: u64,
    pub remotes: u64,
    /// Of the open ones.
    pub quiet: u64,
    pub informed: u64,
    pub closed: u64,
}

/// How long a step took, over some cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Took {
    /// `tell`, `detect` or `fix`.
    pub step: String,
    pub cases: u64,
    pub lower: Duration,
    pub median: Duration,
    pub upper: Duration,
    pub longest: Duration,
}

/// A party that was seen at decoys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub finding: u64,
    pub party: String,
    pub source: String,
    pub first_seen: Time,
    pub sensors: u64,
    pub connections: u64,
    pub emails: u64,
    pub decoys_first: Time,
    pub decoys_last: Time,
    /// How much earlier a decoy saw it than the log; below zero the log was first.
    pub lead_seconds: i64,
}

/// The network of an address as text: of IPv6 its /64, with the zeros that `::` stands for, of IPv4 itself.
pub(crate) const NETWORK: &str = "CASE WHEN strpos(source_ip, ':') = 0 THEN source_ip ELSE substr_index(replace(source_ip, '::', \
                       concat(':', repeat('0:', 8 - (length(source_ip) - length(replace(source_ip, ':', '')))))), ':', 4) \
                       END";

/// Parties seen at decoys that are told.
const SIGHTINGS: usize = 100;

/// What was told at any time before an instant.
pub(crate) const fn before(until: Time) -> Window {
    Window { from: Time::from_micros(i64::MIN), until }
}

impl Cases {
    pub async fn load(snapshot: &Snapshot, window: Window) -> Result<Self, StatisticsError> {
        let versions = snapshot.versions();
        let query = Question::CASES.fill(&[("filter", "")]);
        let told = snapshot.within(before(window.until));
        let held = told.hold("cases", &query, &[("until", Value::Instant(window.until))]).await?;
        Ok(Self { window, versions, snapshot: snapshot.clone(), held })
    }

    /// Some findings of the queue, first things first.
    pub async fn queue(&self, which: Which, skip: usize, rows: usize) -> Result<Vec<Case>, StatisticsError> {
        let answer = self.held.sql(&queue_query(which, skip, rows), &[]).await?;
        Reading::new(Question::QUEUE, answer).lines().map(|line| Case::read(&line)).collect()
    }

    /// How many findings there are of each class, in the order of the queue; none of those of which there are none.
    pub async fn classes(&self) -> Result<Vec<ClassCount>, StatisticsError> {
        let reading = Reading::new(Question::CASE_CLASSES, self.ask(Question::CASE_CLASSES, &[]).await?);
        let mut counts: Vec<_> = reading.lines().map(|line| ClassCount::read(&line)).collect::<Result<_, _>>()?;
        counts.sort_by_key(|count| Class::ALL.iter().position(|class| class.name() == count.class));
        Ok(counts)
    }

    /// How long it took to tell, to detect and to fix those that were first called abuse in the window.
    pub async fn times(&self) -> Result<Vec<Took>, StatisticsError> {
        let reading = Reading::new(Question::CASE_TIMES, self.ask(Question::CASE_TIMES, &self.parameters()).await?);
        reading.lines().map(|line| Took::read(&line)).collect()
    }

    /// The parties of findings that were seen at decoys, the newest finding first.
    pub async fn sightings(&self) -> Result<Vec<Sighting>, StatisticsError> {
        sightings(&self.snapshot, self.window, None).await
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn parameters(&self) -> [(&'static str, Value); 2] {
        [("from", Value::Instant(self.window.from)), ("until", Value::Instant(self.window.until))]
    }

    /// Asks what is held.
    pub(crate) async fn ask(
        &self,
        question: Question,
        parameters: &[(&str, Value)],
    ) -> Result<lake::Answer, StatisticsError> {
        Ok(self.held.sql(question.sql(), parameters).await?)
    }
}

/// Who was seen at decoys: all, or the party of one finding.
pub(crate) async fn sightings(
    snapshot: &Snapshot,
    window: Window,
    finding: Option<u64>,
) -> Result<Vec<Sighting>, StatisticsError> {
    let (query, parameters) = sightings_query(window, finding);
    // Findings of before the window may be told of in it.
    let answer = snapshot.within(window).sql(&query, &parameters).await?;
    Reading::new(Question::SEEN_AT_DECOYS, answer).lines().map(|line| Sighting::read(&line)).collect()
}

pub(crate) fn sightings_query(window: Window, finding: Option<u64>) -> (String, Vec<(&'static str, Value)>) {
    let mut parameters = vec![("from", Value::Instant(window.from)), ("until", Value::Instant(window.until))];
    parameters.extend(finding.map(|finding| ("finding", number(finding))));
    let filter = if finding.is_some() { "AND finding = $finding" } else { "" };
    let gaps = [("network", NETWORK), ("filter", filter), ("rows", &SIGHTINGS.to_string())];
    (Question::SEEN_AT_DECOYS.fill(&gaps), parameters)
}

/// The question for some of the queue.
pub(crate) fn queue_query(which: Which, skip: usize, rows: usize) -> String {
    let which = match which {
        Which::ToDo => "NOT is_closed AND class IN ('abuse', 'trouble')".to_owned(),
        Which::Of(class) => format!("class = '{}'", class.name()),
    };
    Question::QUEUE.fill(&[("which", &which), ("rows", &rows.to_string()), ("skip", &skip.to_string())])
}

pub(crate) fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Case {
    pub(crate) fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        let text = |column| line.text(column).map(Option::unwrap_or_default);
        let instant = |column| line.instant(column).map(Option::unwrap_or_default);
        let perhaps = |column| line.signed(column).map(|number| number.and_then(|number| u64::try_from(number).ok()));
        Ok(Self {
            finding: line.integer("finding")?,
            party: text("party")?,
            source: line.text("source_ip")?,
            prefix: line.text("prefix")?,
            announced: line.boolean("announced")?,
            asn: perhaps("asn")?,
            as_name: line.text("as_name")?,
            country: line.text("country")?,
            class: text("class")?,
            diagnosis: text("diagnosis")?,
            probability: line.integer("probability")?,
            opened_at: instant("opened_at")?,
            abuse_since: line.instant("abuse_since")?,
            first_seen: instant("first_seen")?,
            last_seen: instant("last_seen")?,
            messages: line.integer("messages")?,
            recipients: line.integer("recipients")?,
            failed: line.integer("failed")?,
            strangers: line.integer("strangers")?,
            spams: line.integer("spams")?,
            viruses: line.integer("viruses")?,
            rules: line.texts("rules")?,
            reasons: line.texts("reasons")?,
            again: perhaps("again")?,
            is_quiet: line.boolean("is_quiet")?,
            is_closed: line.boolean("is_closed")?,
            right_at: line.instant("right_at")?,
            wrong_at: line.instant("wrong_at")?,
            informed_at: line.instant("informed_at")?,
            fixed_at: line.instant("fixed_at")?,
            ended_at: line.instant("ended_at")?,
        })
    }

    /// The words of people that hold, in the order in which they were said.
    pub fn words(&self) -> Vec<(&'static str, Time)> {
        let words = [
            ("right", self.right_at),
            ("wrong", self.wrong_at),
            ("informed", self.informed_at),
            ("fixed", self.fixed_at),
        ];
        let mut words: Vec<_> = words.into_iter().filter_map(|(word, at)| Some((word, at?))).collect();
        words.sort_by_key(|(_, at)| *at);
        words
    }

    /// Findings to be written.
    pub fn sheet(cases: &[Self]) -> Sheet {
        let columns = ["finding", "party", "source_ip", "prefix", "announced", "asn", "as_name", "country", "class"];
        let columns = columns.into_iter().chain(["diagnosis", "probability", "opened_at", "abuse_since", "first_seen"]);
        let columns = columns.chain(["last_seen", "messages", "recipients", "failed", "strangers", "spams", "viruses"]);
        let columns = columns.chain(["rules", "reasons", "again", "quiet", "closed", "right_at", "wrong_at"]);
        let columns: Vec<_> = columns.chain(["informed_at", "fixed_at", "ended_at"]).collect();
        Sheet::new("finding", &columns, cases.iter().map(Self::values).collect())
    }

    fn values(&self) -> Vec<Value> {
        let text = |text: &str| Value::Text(text.to_owned());
        let perhaps = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
        let instant = |at: Option<Time>| at.map_or(Value::Null, Value::Instant);
        let texts = |texts: &[String]| Value::List(texts.iter().cloned().map(Value::Text).collect());
        vec![
            number(self.finding),
            text(&self.party),
            perhaps(&self.source),
            perhaps(&self.prefix),
            Value::Boolean(self.announced),
            self.asn.map_or(Value::Null, number),
            perhaps(&self.as_name),
            perhaps(&self.country),
            text(&self.class),
            text(&self.diagnosis),
            number(self.probability),
            Value::Instant(self.opened_at),
            instant(self.abuse_since),
            Value::Instant(self.first_seen),
            Value::Instant(self.last_seen),
            number(self.messages),
            number(self.recipients),
            number(self.failed),
            number(self.strangers),
            number(self.spams),
            number(self.viruses),
            texts(&self.rules),
            texts(&self.reasons),
            self.again.map_or(Value::Null, number),
            Value::Boolean(self.is_quiet),
            Value::Boolean(self.is_closed),
            instant(self.right_at),
            instant(self.wrong_at),
            instant(self.informed_at),
            instant(self.fixed_at),
            instant(self.ended_at),
        ]
    }
}

impl ClassCount {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            class: line.text("class")?.unwrap_or_default(),
            customers: line.integer("customers")?,
            remotes: line.integer("remotes")?,
            quiet: line.integer("quiet")?,
            informed: line.integer("informed")?,
            closed: line.integer("closed")?,
        })
    }

    /// Counts to be written.
    pub fn sheet(counts: &[Self]) -> Sheet {
        let row = |count: &Self| {
            let numbers = [count.customers, count.remotes, count.quiet, count.informed, count.closed].map(number);
            [&[Value::Text(count.class.clone())][..], &numbers].concat()
        };
        let columns = ["class", "customers", "remotes", "quiet", "informed", "closed"];
        Sheet::new("class", &columns, counts.iter().map(row).collect())
    }
}

impl Took {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        let seconds = |column| line.integer(column).map(Duration::from_secs);
        Ok(Self {
            step: line.text("step")?.unwrap_or_default(),
            cases: line.integer("cases")?,
            lower: seconds("lower")?,
            median: seconds("median")?,
            upper: seconds("upper")?,
            longest: seconds("longest")?,
        })
    }

    /// Times to be written, in seconds.
    pub fn sheet(times: &[Self]) -> Sheet {
        let row = |took: &Self| {
            let spans = [took.lower, took.median, took.upper, took.longest].map(|span| number(span.as_secs()));
            [&[Value::Text(took.step.clone()), number(took.cases)][..], &spans].concat()
        };
        let columns = ["step", "cases", "lower_seconds", "median_seconds", "upper_seconds", "longest_seconds"];
        Sheet::new("time", &columns, times.iter().map(row).collect())
    }
}

impl Sighting {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        let text = |column| line.text(column).map(Option::unwrap_or_default);
        let instant = |column| line.instant(column).map(Option::unwrap_or_default);
        Ok(Self {
            finding: line.integer("finding")?,
            party: text("party")?,
            source: text("source_ip")?,
            first_seen: instant("first_seen")?,
            sensors: line.integer("sensors")?,
            connections: line.integer("connections")?,
            emails: line.integer("emails")?,
            decoys_first: instant("decoys_first")?,
            decoys_last: instant("decoys_last")?,
            lead_seconds: line.signed("lead_seconds")?.unwrap_or(0),
        })
    }

    /// Sightings to be written.
    pub fn sheet(sightings: &[Self]) -> Sheet {
        let columns = ["finding", "party", "source_ip", "first_seen", "sensors", "connections", "emails"];
        let columns: Vec<_> = columns.into_iter().chain(["decoys_first", "decoys_last", "lead_seconds"]).collect();
        let row = |seen: &Self| {
            vec![
                number(seen.finding),
                Value::Text(seen.party.clone()),
                Value::Text(seen.source.clone()),
                Value::Instant(seen.first_seen),
                number(seen.sensors),
                number(seen.connections),
                number(seen.emails),
                Value::Instant(seen.decoys_first),
                Value::Instant(seen.decoys_last),
                Value::Integer(seen.lead_seconds),
            ]
        };
        Sheet::new("sighting", &columns, sightings.iter().map(row).collect())
    }
}
