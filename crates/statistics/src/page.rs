//! The page of a window: summary per sensor, and rankings by dimension.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use evidence::{ProtocolSet, SensorName, Time};
use futures::future::try_join_all;
use lake::{Held, Reader, Snapshot, TableVersion, Value};
use tokio::sync::OnceCell;

use crate::StatisticsError;
use crate::question::Question;
use crate::reading::Reading;
use crate::selection::{COVERING, Dimension, Selection, Sort};
use crate::summing::Summing;

/// How long before the end of a window a sensor must have told something to be one of the sensors.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(7 * 86_400);

/// Questions to the lake of a folder.
#[derive(Debug)]
pub struct Statistics {
    reader: Reader,
}

/// Everything about one selection, loaded once.
pub struct Page {
    pub selection: Selection,
    /// The versions of the tables it is computed from.
    pub versions: Vec<TableVersion>,
    pub(crate) snapshot: Snapshot,
    facts: Held,
    /// What was sent to and from domains and in which dialect, loaded when it is first asked for.
    recipient_domains: OnceCell<Held>,
    sender_domains: OnceCell<Held>,
    dialects: OnceCell<Held>,
}

/// What is counted of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub emails: u64,
    pub recipients: u64,
    pub bytes: u64,
    pub connections: u64,
    pub protocols: ProtocolSet,
}

/// The summary: a row for each sensor, and all.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub sensors: Vec<SensorRow>,
    pub all: SensorRow,
    /// Sensors with a sign of life in the window, and sensors known.
    pub reporting: usize,
    pub known: usize,
    /// The names of all sensors known, also when the page is held to one of them.
    pub names: Vec<SensorName>,
}

/// One sensor's row.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorRow {
    /// `None` for all sensors.
    pub sensor: Option<SensorName>,
    pub state: SensorState,
    /// Its last sign of life before the end of the window; of all, the earliest of the sensors that report.
    pub last: Option<Time>,
    pub ccs: u64,
    pub asns: u64,
    pub cidrs: u64,
    pub ips: u64,
    pub counts: Counts,
    /// Ports to which anything was delivered, in numeric order.
    pub ports: Vec<u16>,
    /// Connections that delivered nothing, and their addresses.
    pub probes: u64,
    pub probe_ips: u64,
    /// Messages that are tests of the sensor; they are not among the emails unless they were asked for.
    pub tests: u64,
}

/// Whether a sensor gave a sign of life in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensorState {
    Up,
    /// None; the last one before.
    Down {
        last: Option<Time>,
    },
}

/// A ranking by a dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    pub dimension: Dimension,
    pub sort: Sort,
    pub rows: Vec<Ranked>,
    /// The keys below the rows: how many, and their sum.
    pub others: Option<(u64, Counts)>,
    pub total: Counts,
}

/// One row of a ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Key and labels, by column name.
    pub key: BTreeMap<&'static str, String>,
    pub counts: Counts,
    /// Sensors that saw the key.
    pub sensors: u64,
}

impl Statistics {
    pub async fn open(lake: &Path) -> Result<Self, StatisticsError> {
        Ok(Self { reader: Reader::open(lake).await? })
    }

    /// The newest version of the lake.
    pub async fn snapshot(&self) -> Result<Snapshot, StatisticsError> {
        Ok(self.reader.snapshot().await?)
    }

    /// Loads what the page of a selection is computed from.
    pub async fn page(&self, selection: Selection) -> Result<Page, StatisticsError> {
        Page::load(self.snapshot().await?, selection).await
    }
}

impl Page {
    pub async fn load(snapshot: Snapshot, selection: Selection) -> Result<Self, StatisticsError> {
        let versions = snapshot.versions();
        let facts = hold(&snapshot.within(selection.reach()), &selection, Question::FACTS).await?;
        let (recipient_domains, sender_domains, dialects) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Ok(Self { selection, versions, snapshot, facts, recipient_domains, sender_domains, dialects })
    }

    /// The summary per sensor.
    pub async fn summary(&self) -> Result<Summary, StatisticsError> {
        let held = async |question: Question| -> Result<Reading, StatisticsError> {
            Ok(Reading::new(question, self.facts.sql(question.sql(), &[]).await?))
        };
        let (heard, sums, ports, entities, probes, tests) = tokio::try_join!(
            self.heard(),
            held(Question::SENSORS),
            held(Question::PORTS),
            held(Question::ENTITIES),
            self.probes(),
            self.tests(),
        )?;
        let names = heard.keys().cloned().collect();
        let mut summing = Summing::of(heard, self.selection.filter(Dimension::Sensor));
        summing.add_sums(&sums)?;
        summing.add_ports(&ports)?;
        summing.add_entities(&entities)?;
        if let Some(probes) = probes {
            summing.add_probes(&probes)?;
        }
        summing.add_tests(&tests)?;
        Ok(summing.finish(names))
    }

    /// Rankings side by side, in the order asked for.
    pub async fn rankings(
        &self,
        asked: impl IntoIterator<Item = (Dimension, Sort)>,
    ) -> Result<Vec<Ranking>, StatisticsError> {
        try_join_all(asked.into_iter().map(|(dimension, sort)| self.ranking(dimension, sort))).await
    }

    /// The ranking by a dimension.
    pub async fn ranking(&self, dimension: Dimension, sort: Sort) -> Result<Ranking, StatisticsError> {
        match dimension {
            Dimension::Domain => {
                self.other(dimension, sort, Question::RECIPIENT_DOMAINS, &self.recipient_domains).await
            }
            Dimension::SenderDomain => {
                self.other(dimension, sort, Question::SENDER_DOMAINS, &self.sender_domains).await
            }
            Dimension::Dialect => self.other(dimension, sort, Question::DIALECTS, &self.dialects).await,
            _ => rank(&self.facts, "facts", dimension, sort, self.selection.top).await,
        }
    }

    /// The ranking by a dimension that has a question of its own.
    async fn other(
        &self,
        dimension: Dimension,
        sort: Sort,
        question: Question,
        held: &OnceCell<Held>,
    ) -> Result<Ranking, StatisticsError> {
        let snapshot = self.snapshot.within(match dimension {
            Dimension::Dialect => self.selection.reach_of_sessions(),
            _ => self.selection.reach(),
        });
        let held = held.get_or_try_init(|| hold(&snapshot, &self.selection, question)).await?;
        let mut ranking = rank(held, "facts", dimension, sort, self.selection.top).await?;
        if dimension == Dimension::Domain {
            // An email counts in each of its recipients' domains: the total is that of the emails, not of the column.
            ranking.total = self.total().await?;
        }
        Ok(ranking)
    }

    async fn total(&self) -> Result<Counts, StatisticsError> {
        let sums = Reading::new(Question::SENSORS, self.facts.sql(Question::SENSORS.sql(), &[]).await?);
        sums.lines().try_fold(Counts::default(), |total, line| Ok(total.plus(line.counts()?)))
    }

    /// The sensors known at the end of the window: whether each is up, and its last sign of life.
    async fn heard(&self) -> Result<BTreeMap<SensorName, (SensorState, Option<Time>)>, StatisticsError> {
        let window = self.selection.window;
        let since = window.until - KNOWN_FOR;
        let mut parameters = self.selection.parameters(|_| false);
        parameters.push(("since", Value::Instant(since)));
        let week = evidence::Window { from: since, until: window.until };
        let answer = self.snapshot.within(week).sql(Question::ALIVE.sql(), &parameters).await?;
        let reading = Reading::new(Question::ALIVE, answer);
        let mut heard = BTreeMap::new();
        for line in reading.lines() {
            let last = line.instant("ever_at")?;
            let state = if line.instant("last_at")?.is_some() { SensorState::Up } else { SensorState::Down { last } };
            heard.insert(line.sensor()?, (state, last));
        }
        Ok(heard)
    }

    /// What connections that delivered nothing there were; `None` where the filter is one that none of them meets.
    async fn probes(&self) -> Result<Option<Reading>, StatisticsError> {
        let of_sessions = |dimension| !matches!(dimension, Dimension::Domain | Dimension::SenderDomain);
        if !self.selection.filters.iter().all(|filter| of_sessions(filter.dimension)) {
            return Ok(None); // a connection that delivered nothing has no domain
        }
        let query = self.selection.fill(Question::PROBES, of_sessions);
        let parameters = self.selection.parameters(of_sessions);
        let answer = self.snapshot.within(self.selection.reach()).sql(&query, &parameters).await?;
        Ok(Some(Reading::new(Question::PROBES, answer)))
    }

    async fn tests(&self) -> Result<Reading, StatisticsError> {
        let query = self.selection.fill(Question::TESTS, |_| true);
        let parameters = self.selection.parameters(|_| true);
        let answer = self.snapshot.within(self.selection.reach()).sql(&query, &parameters).await?;
        Ok(Reading::new(Question::TESTS, answer))
    }
}

impl SensorRow {
    pub(crate) fn new(sensor: Option<SensorName>, state: SensorState) -> Self {
        Self {
            sensor,
            state,
            last: None,
            ccs: 0,
            asns: 0,
            cidrs: 0,
            ips: 0,
            counts: Counts::default(),
            ports: Vec::new(),
            probes: 0,
            probe_ips: 0,
            tests: 0,
        }
    }

    /// Up to three ports in the order of their digits, as the original pages had them; more are `multi (n)`.
    pub fn ports_text(&self) -> String {
        if self.ports.len() > 3 {
            return format!("multi ({})", self.ports.len());
        }
        let mut ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
        ports.sort();
        ports.join(", ")
    }
}

impl Ranked {
    /// Whether its prefix was announced, rather than a range of a location table that covers the source; `None` where
    /// there is no prefix, or the key is none of prefix, AS or address.
    pub fn announced(&self) -> Option<bool> {
        match self.key.get(COVERING)?.as_str() {
            "0" => Some(true),
            "1" => Some(false),
            _ => None,
        }
    }

    /// Whether its prefix, and so its AS, is marked with `~`.
    pub fn is_covering(&self) -> bool {
        self.announced() == Some(false)
    }
}

impl Counts {
    pub fn plus(self, other: Self) -> Self {
        Self {
            emails: self.emails + other.emails,
            recipients: self.recipients + other.recipients,
            bytes: self.bytes + other.bytes,
            connections: self.connections + other.connections,
            protocols: ProtocolSet(self.protocols.0 | other.protocols.0),
        }
    }
}

/// Holds the answer of one of the questions that all others build on, as the table `facts`.
async fn hold(snapshot: &Snapshot, selection: &Selection, question: Question) -> Result<Held, StatisticsError> {
    let query = selection.fill(question, |_| true);
    Ok(snapshot.hold("facts", &query, &selection.parameters(|_| true)).await?)
}

/// Ranks a held table by a dimension.
async fn rank(
    held: &Held,
    table: &str,
    dimension: Dimension,
    sort: Sort,
    top: u64,
) -> Result<Ranking, StatisticsError> {
    let query = ranking_query(table, dimension, sort);
    let top_parameter = Value::Integer(i64::try_from(top).unwrap_or(i64::MAX - 1));
    let reading = Reading::new(Question::RANKING, held.sql(&query, &[("top", top_parameter)]).await?);
    let mut ranking = Ranking { dimension, sort, rows: Vec::new(), others: None, total: Counts::default() };
    for line in reading.lines() {
        let counts = line.counts()?;
        ranking.total = ranking.total.plus(counts);
        if line.integer("rank")? > top {
            ranking.others = Some((line.integer("keys")?, counts));
            continue;
        }
        let mut key = BTreeMap::new();
        for (column, name) in shown_columns(dimension) {
            let text = line.shown(&name)?;
            key.entry(column).or_insert(text);
        }
        ranking.rows.push(Ranked { key, counts, sensors: line.integer("sensors")? });
    }
    Ok(ranking)
}

/// Keys and labels of a dimension with their names in the answer.
fn shown_columns(dimension: Dimension) -> impl Iterator<Item = (&'static str, String)> {
    let numbered = |prefix: &'static str, names: &'static [&'static str]| {
        names.iter().enumerate().map(move |(index, name)| (*name, format!("{prefix}{index}")))
    };
    numbered("key", dimension.keys()).chain(numbered("label", dimension.labels()))
}

/// The question `ranking` for a dimension of a table.
pub(crate) fn ranking_query(table: &str, dimension: Dimension, sort: Sort) -> String {
    let (keys, labels) = (dimension.keys(), dimension.labels());
    let join = |columns: &mut dyn Iterator<Item = String>| columns.collect::<Vec<_>>().join(", ");
    let named = |prefix: &'static str, names: &'static [&'static str]| {
        names.iter().enumerate().map(move |(index, _)| format!("{prefix}{index}"))
    };
    let with_label = |label: String| if labels.is_empty() { "NULL AS label0".to_owned() } else { label };
    let key_names = join(&mut named("key", keys));
    let shown_columns: Vec<_> = shown_columns(dimension).map(|(_, name)| name).collect();
    Question::RANKING.fill(&[
        ("table", table),
        ("keys", &join(&mut keys.iter().enumerate().map(|(index, key)| format!("{key} AS key{index}")))),
        (
            "labels",
            &with_label(join(&mut labels.iter().enumerate().map(|(i, label)| format!("max({label}) AS label{i}")))),
        ),
        ("groups", &keys.join(", ")),
        ("key_names", &key_names),
        ("label_names", &with_label(join(&mut named("label", labels).map(|name| format!("max({name}) AS {name}"))))),
        (
            "shown",
            &join(
                &mut shown_columns.iter().map(|name| format!("max(CASE WHEN rank <= $top THEN {name} END) AS {name}")),
            ),
        ),
        ("first", sort.name()),
        ("second", sort.other().name()),
    ])
}
