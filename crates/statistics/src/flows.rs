//! Sampled mail traffic of a window: packets, addresses by role, ASes, hours, and how complete it is. It judges no host; see
//! `flow_hosts` for what was told of them.

use std::time::Duration;

use evidence::{FIVE_MINUTES, QUARTER, Time, Window};
use lake::{Answer, Snapshot, TableVersion, Value};

use crate::StatisticsError;
use crate::asked::{Asked, complete, on_table};
use crate::cases::number;
use crate::host_class::AsOrder;
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::sheet::Sheet;

/// Agents that are told, those with most samples.
pub const AGENTS: usize = 200;

/// An hour's length.
pub const HOUR: Duration = Duration::from_secs(4 * QUARTER.as_secs());

/// Sampled mail traffic of a window.
#[derive(Clone)]
pub struct Flows {
    pub window: Window,
    /// The versions of the tables it is computed from.
    pub versions: Vec<TableVersion>,
    pub(crate) snapshot: Snapshot,
}

/// Sampled packets of port 25, and addresses by what they did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowTotals {
    pub clients: u64,
    pub servers: u64,
    pub both: u64,
    pub neither: u64,
    /// ASes that the hosts are in.
    pub ases: u64,
    /// Sampled packets; and those that stand behind them.
    pub samples: u64,
    pub packets: u64,
    pub syn: u64,
    /// SYN/ACK.
    pub accepted: u64,
    /// RST of servers.
    pub reset: u64,
    pub established: u64,
    pub full: u64,
    pub replies: u64,
}

/// An AS by its hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowAs {
    /// `None` for hosts of which none is known.
    pub asn: Option<u64>,
    pub name: Option<String>,
    pub country: Option<String>,
    pub clients: u64,
    pub servers: u64,
    pub both: u64,
    pub samples: u64,
    pub packets: u64,
    pub syn: u64,
    pub accepted: u64,
    pub server_samples: u64,
}

/// Sampled packets of an hour, or of a host in another part of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowHour {
    pub start: Time,
    /// Whether any agent was heard then; otherwise nothing is known.
    pub is_known: bool,
    pub samples: u64,
    pub packets: u64,
    pub syn: u64,
    pub established: u64,
    pub accepted: u64,
    pub reset: u64,
    pub replies: u64,
}

/// A switch that sampled, with what is missing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub agent: String,
    pub sub_agent: u64,
    pub exporter: Option<String>,
    /// Of sFlow.
    pub version: u64,
    pub sources: u64,
    pub datagrams: u64,
    pub datagrams_lost: u64,
    pub samples: u64,
    pub samples_lost: u64,
    pub drops: u64,
    pub restarts: u64,
    /// One of so many: by its word, and as measured.
    pub rate: Option<(u64, u64)>,
    pub measured: Option<(u64, u64)>,
    pub first_at: Time,
    pub last_at: Time,
    /// Five minutes in which it was heard.
    pub heard: u64,
}

/// What the receiver took and lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receiver {
    pub told: u64,
    pub kernel_drops: u64,
    /// What was not told, by reason, the most first.
    pub reasons: Vec<(String, u64)>,
}

impl Flows {
    pub fn new(snapshot: &Snapshot, window: Window) -> Self {
        Self { window, versions: snapshot.versions(), snapshot: snapshot.within(window) }
    }

    /// Totals, and the first ASes in an order.
    pub async fn counted(&self, order: AsOrder, rows: usize) -> Result<(FlowTotals, Vec<FlowAs>), StatisticsError> {
        let hosts = self.snapshot.hold("hosts", Question::FLOW_HOSTS.sql(), &self.parameters()).await?;
        let reading = Reading::new(Question::FLOW_TOTALS, hosts.sql(Question::FLOW_TOTALS.sql(), &[]).await?);
        let totals = reading.lines().next().map(|line| FlowTotals::read(&line)).transpose()?.unwrap_or_default();
        let reading = Reading::new(Question::FLOW_ASES, hosts.sql(&ases_query(order, rows), &[]).await?);
        Ok((totals, reading.lines().map(|line| FlowAs::read(&line)).collect::<Result<_, _>>()?))
    }

    /// Every hour of the window, also those of which nothing is known.
    pub async fn hours(&self) -> Result<Vec<FlowHour>, StatisticsError> {
        self.by(HOUR).await
    }

    /// Every part of the window, of an hour or [`FIVE_MINUTES`].
    pub(crate) async fn by(&self, part: Duration) -> Result<Vec<FlowHour>, StatisticsError> {
        let answer = self.snapshot.sql(&hours_query(part), &self.parameters()).await?;
        let reading = Reading::new(Question::FLOW_HOURS, answer);
        let known = reading.lines().map(|line| FlowHour::read(&line)).collect::<Result<Vec<_>, _>>()?;
        Ok(FlowHour::fill(known, self.window, part))
    }

    pub async fn agents(&self) -> Result<Vec<Agent>, StatisticsError> {
        let answer = self.snapshot.sql(&agents_query(), &self.parameters()).await?;
        Reading::new(Question::FLOW_AGENTS, answer).lines().map(|line| Agent::read(&line)).collect()
    }

    pub async fn receiver(&self) -> Result<Receiver, StatisticsError> {
        let mut receiver = Receiver::default();
        let reading = Reading::new(Question::FLOW_RECEIVER, self.ask(Question::FLOW_RECEIVER).await?);
        for line in reading.lines() {
            (receiver.told, receiver.kernel_drops) = (line.integer("told")?, line.integer("kernel_drops")?);
        }
        let reading = Reading::new(Question::FLOW_REASONS, self.ask(Question::FLOW_REASONS).await?);
        for line in reading.lines() {
            receiver.reasons.push((line.text("reason")?.unwrap_or_default(), line.integer("times")?));
        }
        Ok(receiver)
    }

    /// The questions behind totals, ASes, hours and completeness.
    pub fn asked(&self, order: AsOrder, rows: usize) -> Vec<Asked> {
        let of_tables = |question: Question| Asked { question, sql: complete(question.sql(), &self.parameters()) };
        let [totals, ases] = self.asked_to_count(order, rows);
        let [receiver, reasons] = [Question::FLOW_RECEIVER, Question::FLOW_REASONS].map(of_tables);
        vec![totals, ases, self.asked_by(HOUR), self.asked_for_agents(), receiver, reasons]
    }

    /// The questions behind totals and ASes.
    pub(crate) fn asked_to_count(&self, order: AsOrder, rows: usize) -> [Asked; 2] {
        let hosts = complete(Question::FLOW_HOSTS.sql().trim_end(), &self.parameters());
        let on_hosts = |question, sql: &str| Asked { question, sql: on_table("hosts", &hosts, sql) };
        [
            on_hosts(Question::FLOW_TOTALS, Question::FLOW_TOTALS.sql()),
            on_hosts(Question::FLOW_ASES, &ases_query(order, rows)),
        ]
    }

    /// The question behind parts of the window.
    pub(crate) fn asked_by(&self, part: Duration) -> Asked {
        Asked { question: Question::FLOW_HOURS, sql: complete(&hours_query(part), &self.parameters()) }
    }

    pub(crate) fn asked_for_agents(&self) -> Asked {
        Asked { question: Question::FLOW_AGENTS, sql: complete(&agents_query(), &self.parameters()) }
    }

    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, StatisticsError> {
        Ok(self.snapshot.sql(question.sql(), &self.parameters()).await?)
    }

    pub(crate) fn parameters(&self) -> [(&'static str, Value); 2] {
        [("from", Value::Instant(self.window.from)), ("until", Value::Instant(self.window.until))]
    }
}

fn ases_query(order: AsOrder, rows: usize) -> String {
    Question::FLOW_ASES.fill(&[("order", order.name()), ("rows", &rows.to_string())])
}

fn hours_query(part: Duration) -> String {
    Question::FLOW_HOURS.fill(&[("bin", if part == FIVE_MINUTES { "5 minutes" } else { "1 hour" })])
}

fn agents_query() -> String {
    Question::FLOW_AGENTS.fill(&[("rows", &AGENTS.to_string())])
}

/// A number or nothing.
pub(crate) fn perhaps(line: &Line<'_>, column: &'static str) -> Result<Option<u64>, StatisticsError> {
    Ok(line.signed(column)?.and_then(|number| u64::try_from(number).ok()))
}

pub(crate) fn text(text: Option<&String>) -> Value {
    text.cloned().map_or(Value::Null, Value::Text)
}

pub(crate) fn some(count: Option<u64>) -> Value {
    count.map_or(Value::Null, number)
}

impl FlowTotals {
    pub const fn addresses(&self) -> u64 {
        self.clients + self.servers + self.both + self.neither
    }

    /// Half the width of the interval of 95 % around `packets`, by what sampling leaves to chance; exact where all was sampled
    /// at one rate. What was lost, or never passed an agent, is in no interval.
    pub fn packets_within(&self) -> u64 {
        let (samples, packets) = (self.samples as f64, self.packets as f64);
        if self.samples == 0 {
            return 0;
        }
        (1.96 * (packets * (packets / samples - 1.0).max(0.0)).sqrt()).round() as u64
    }

    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            clients: line.integer("clients")?,
            servers: line.integer("servers")?,
            both: line.integer("both")?,
            neither: line.integer("neither")?,
            ases: line.integer("ases")?,
            samples: line.integer("samples")?,
            packets: line.integer("packets")?,
            syn: line.integer("syn")?,
            accepted: line.integer("accepted")?,
            reset: line.integer("reset")?,
            established: line.integer("established")?,
            full: line.integer("full")?,
            replies: line.integer("replies")?,
        })
    }

    /// Totals to be written.
    pub fn sheet(&self) -> Sheet {
        let columns = ["clients", "servers", "both", "neither", "ases", "samples", "packets", "packets_within", "syn"];
        let columns: Vec<_> = columns.into_iter().chain(["syn_ack", "rst", "established", "full", "replies"]).collect();
        let roles = [self.clients, self.servers, self.both, self.neither, self.ases];
        let packets = [self.samples, self.packets, self.packets_within(), self.syn, self.accepted, self.reset];
        let more = [self.established, self.full, self.replies];
        Sheet::new("traffic", &columns, vec![roles.into_iter().chain(packets).chain(more).map(number).collect()])
    }
}

impl FlowAs {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            asn: perhaps(line, "asn")?,
            name: line.text("as_name")?,
            country: line.text("country")?,
            clients: line.integer("clients")?,
            servers: line.integer("servers")?,
            both: line.integer("both")?,
            samples: line.integer("samples")?,
            packets: line.integer("packets")?,
            syn: line.integer("syn")?,
            accepted: line.integer("accepted")?,
            server_samples: line.integer("server_samples")?,
        })
    }

    /// ASes to be written.
    pub fn sheet(ases: &[Self]) -> Sheet {
        let columns = ["asn", "as_name", "country", "clients", "servers", "both", "samples", "packets", "syn"];
        let columns: Vec<_> = columns.into_iter().chain(["syn_ack", "server_samples"]).collect();
        let row = |of: &Self| {
            let counts = [of.clients, of.servers, of.both, of.samples, of.packets, of.syn, of.accepted];
            let mut values = vec![some(of.asn), text(of.name.as_ref()), text(of.country.as_ref())];
            values.extend(counts.into_iter().chain([of.server_samples]).map(number));
            values
        };
        Sheet::new("as", &columns, ases.iter().map(row).collect())
    }
}

impl FlowHour {
    pub(crate) fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            start: line.instant("start")?.unwrap_or_default(),
            is_known: true,
            samples: line.integer("samples")?,
            packets: line.integer("packets")?,
            syn: line.integer("syn")?,
            established: line.integer("established")?,
            accepted: line.integer("accepted")?,
            reset: line.integer("reset")?,
            replies: line.integer("replies")?,
        })
    }

    /// All parts of a window; of those that are not among the known nothing is known.
    pub(crate) fn fill(known: Vec<Self>, window: Window, part: Duration) -> Vec<Self> {
        let mut known = known.into_iter().peekable();
        let mut hours = Vec::new();
        let mut start = whole(window.from, part);
        while start < window.until {
            // The first part may have begun before the window.
            let hour = known.next_if(|hour| hour.start == start);
            hours.push(hour.unwrap_or(Self { start, ..Self::default() }));
            start = start + part;
        }
        hours
    }

    /// Hours to be written; what is not known is absent.
    pub fn sheet(hours: &[Self]) -> Sheet {
        let columns = ["start", "samples", "packets", "syn", "established", "syn_ack", "rst", "replies"];
        let row = |hour: &Self| {
            let counts = [hour.samples, hour.packets, hour.syn, hour.established, hour.accepted, hour.reset];
            let counts = counts.into_iter().chain([hour.replies]);
            let counts = counts.map(|count| if hour.is_known { number(count) } else { Value::Null });
            [Value::Instant(hour.start)].into_iter().chain(counts).collect()
        };
        Sheet::new("hour", &columns, hours.iter().map(row).collect())
    }
}

/// The start of the part of time in which an instant is.
pub(crate) fn whole(time: Time, part: Duration) -> Time {
    let micros = part.as_micros() as i64;
    Time::from_micros(time.micros().div_euclid(micros) * micros)
}

impl Agent {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        let pair = |least, most| Ok::<_, StatisticsError>(perhaps(line, least)?.zip(perhaps(line, most)?));
        Ok(Self {
            agent: line.text("agent")?.unwrap_or_default(),
            sub_agent: line.integer("sub_agent")?,
            exporter: line.text("exporter")?,
            version: line.integer("version")?,
            sources: line.integer("sources")?,
            datagrams: line.integer("datagrams")?,
            datagrams_lost: line.integer("datagrams_lost")?,
            samples: line.integer("samples")?,
            samples_lost: line.integer("samples_lost")?,
            drops: line.integer("drops")?,
            restarts: line.integer("restarts")?,
            rate: pair("rate_least", "rate_most")?,
            measured: pair("measured_least", "measured_most")?,
            first_at: line.instant("first_at")?.unwrap_or_default(),
            last_at: line.instant("last_at")?.unwrap_or_default(),
            heard: line.integer("heard")?,
        })
    }

    /// Agents to be written.
    pub fn sheet(agents: &[Self]) -> Sheet {
        let columns =
            ["agent", "sub_agent", "exporter", "version", "sources", "datagrams", "datagrams_lost", "samples"];
        let columns = columns.into_iter().chain(["samples_lost", "drops", "restarts", "rate_least", "rate_most"]);
        let columns: Vec<_> =
            columns.chain(["measured_least", "measured_most", "first_at", "last_at", "five_minutes"]).collect();
        let row = |of: &Self| {
            let pair = |pair: Option<(u64, u64)>| [some(pair.map(|pair| pair.0)), some(pair.map(|pair| pair.1))];
            let counts = [of.version, of.sources, of.datagrams, of.datagrams_lost, of.samples, of.samples_lost];
            let mut values = vec![Value::Text(of.agent.clone()), number(of.sub_agent), text(of.exporter.as_ref())];
            values.extend(counts.into_iter().chain([of.drops, of.restarts]).map(number));
            values.extend(pair(of.rate).into_iter().chain(pair(of.measured)));
            values.extend([Value::Instant(of.first_at), Value::Instant(of.last_at), number(of.heard)]);
            values
        };
        Sheet::new("agent", &columns, agents.iter().map(row).collect())
    }
}

impl Receiver {
    /// What was taken and lost, to be written: a row for each way.
    pub fn sheet(&self) -> Sheet {
        let row = |name: &str, times| vec![Value::Text(name.to_owned()), number(times)];
        let own = [row("told", self.told), row("kernel-drops", self.kernel_drops)];
        let rows = own.into_iter().chain(self.reasons.iter().map(|(reason, times)| row(reason, *times)));
        Sheet::new("reason", &["reason", "times"], rows.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_sampling_at_one_rate() {
        // 10,000 samples at 1:1024: a relative error of 1.96 %, a little less by the part that was sampled.
        let totals = FlowTotals { samples: 10_000, packets: 10_240_000, ..FlowTotals::default() };
        assert_eq!(totals.packets_within(), 200_606);
        assert_eq!(FlowTotals { samples: 7, packets: 7, ..totals }.packets_within(), 0);
        assert_eq!(FlowTotals::default().packets_within(), 0);
    }

    #[test]
    fn hours_of_which_nothing_is_known_are_told_apart() {
        let hour = |hours: i64| Time::from_micros(hours * 3_600_000_000);
        let known = vec![FlowHour { start: hour(1), is_known: true, samples: 5, ..FlowHour::default() }];
        let hours = FlowHour::fill(known, Window { from: hour(0), until: hour(3) }, HOUR);
        assert_eq!(hours.iter().map(|hour| hour.is_known).collect::<Vec<_>>(), [false, true, false]);
    }
}
