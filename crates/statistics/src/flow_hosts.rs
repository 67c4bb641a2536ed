//! What hosts of sampled mail traffic most likely are, as it was told last of each in a window, with the reasons. It judges
//! nothing itself.

use evidence::Time;
use lake::Value;
use traffic::Class;

use crate::StatisticsError;
use crate::asked::{Asked, complete};
use crate::cases::number;
use crate::flows::{Flows, perhaps, some, text};
use crate::host_class::HostClass;
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::selection::{Dimension, Filter, Selection};
use crate::sheet::Sheet;

/// Which hosts a list has.
#[derive(Debug, Clone, PartialEq)]
pub struct Hosts {
    /// `None` is what somebody may act upon: likely bots, and open servers or relays.
    pub class: Option<HostClass>,
    /// Of an AS or a country alone.
    pub filters: Vec<Filter>,
    pub skip: usize,
    pub rows: usize,
}

/// A host as it was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowHost {
    pub address: String,
    pub asn: Option<u64>,
    pub as_name: Option<String>,
    pub country: Option<String>,
    pub role: String,
    /// `None` is undecided.
    pub class: Option<String>,
    pub likeliest: String,
    /// In thousandths.
    pub probability: u64,
    pub evidence: Vec<String>,
    /// Samples of it as a client and as a server, and packets that stand behind the first.
    pub samples: u64,
    pub packets: u64,
    pub server_samples: u64,
    pub destinations: u64,
    pub clients: u64,
    /// In thousandths.
    pub unanswered: Option<u64>,
    pub refused: Option<u64>,
    pub systems: String,
    pub first_seen: Option<Time>,
    pub is_new: Option<bool>,
    pub active_days: u64,
    pub window_days: u64,
    pub told_at: Time,
}

/// How many hosts are of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCount {
    /// `None` is undecided.
    pub class: Option<String>,
    pub hosts: u64,
    pub ases: u64,
    /// Of the hosts, those that were no clients before.
    pub new: u64,
}

impl Flows {
    /// How many hosts there are of each class, in the order of pages.
    pub async fn classes(&self) -> Result<Vec<HostCount>, StatisticsError> {
        let reading = Reading::new(Question::FLOW_CLASSES, self.ask(Question::FLOW_CLASSES).await?);
        let mut counts = reading.lines().map(|line| HostCount::read(&line)).collect::<Result<Vec<_>, _>>()?;
        counts.sort_by_key(|count| {
            let name = count.class.as_deref().unwrap_or(HostClass::Undecided.name());
            HostClass::ALL.iter().position(|class| class.name() == name).unwrap_or(HostClass::ALL.len())
        });
        Ok(counts)
    }

    /// Some hosts, the likeliest first, and how many there are in all.
    pub async fn hosts(&self, hosts: &Hosts) -> Result<(Vec<FlowHost>, u64), StatisticsError> {
        let (query, parameters) = self.hosts_query(hosts);
        let reading = Reading::new(Question::FLOW_VERDICTS, self.snapshot.sql(&query, &parameters).await?);
        let total = reading.lines().next().map_or(Ok(0), |line| line.integer("total"))?;
        Ok((reading.lines().map(|line| FlowHost::read(&line)).collect::<Result<_, _>>()?, total))
    }

    /// The questions behind both.
    pub fn asked_for_hosts(&self, hosts: &Hosts) -> Vec<Asked> {
        let (query, parameters) = self.hosts_query(hosts);
        vec![
            Asked { question: Question::FLOW_CLASSES, sql: complete(Question::FLOW_CLASSES.sql(), &self.parameters()) },
            Asked { question: Question::FLOW_VERDICTS, sql: complete(&query, &parameters) },
        ]
    }

    fn hosts_query(&self, hosts: &Hosts) -> (String, Vec<(&'static str, Value)>) {
        let applies = |dimension| matches!(dimension, Dimension::As | Dimension::Country);
        let held = Selection { filters: hosts.filters.clone(), ..Selection::new(self.window) };
        let to_act = || format!("class IN ('{}', '{}')", Class::LikelyBot.name(), Class::OpenRelay.name());
        let which = hosts.class.map_or_else(to_act, HostClass::condition);
        let query = Question::FLOW_VERDICTS.fill(&[
            ("which", &which),
            ("filter", &held.conditions(applies)),
            ("rows", &hosts.rows.to_string()),
            ("skip", &hosts.skip.to_string()),
        ]);
        (query, held.parameters(applies))
    }
}

impl HostCount {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            class: line.text("class")?,
            hosts: line.integer("hosts")?,
            ases: line.integer("ases")?,
            new: line.integer("new")?,
        })
    }

    /// Counts to be written.
    pub fn sheet(counts: &[Self]) -> Sheet {
        let row =
            |count: &Self| vec![text(count.class.as_ref()), number(count.hosts), number(count.ases), number(count.new)];
        Sheet::new("class", &["class", "hosts", "ases", "new"], counts.iter().map(row).collect())
    }
}

impl FlowHost {
    pub(crate) fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        let words = |column| line.text(column).map(Option::unwrap_or_default);
        Ok(Self {
            address: words("source_ip")?,
            asn: perhaps(line, "asn")?,
            as_name: line.text("as_name")?,
            country: line.text("country")?,
            role: words("role")?,
            class: line.text("class")?,
            likeliest: words("likeliest")?,
            probability: line.integer("probability")?,
            evidence: line.texts("evidence")?,
            samples: line.integer("samples")?,
            packets: line.integer("packets")?,
            server_samples: line.integer("server_samples")?,
            destinations: line.integer("destinations")?,
            clients: line.integer("clients")?,
            unanswered: perhaps(line, "unanswered")?,
            refused: perhaps(line, "refused")?,
            systems: words("systems")?,
            first_seen: line.instant("first_seen")?,
            is_new: line.perhaps("is_new")?,
            active_days: line.integer("active_days")?,
            window_days: line.integer("window_days")?,
            told_at: line.instant("told_at")?.unwrap_or_default(),
        })
    }

    /// Hosts to be written.
    pub fn sheet<'a>(hosts: impl IntoIterator<Item = &'a Self>) -> Sheet {
        let columns =
            ["source_ip", "asn", "as_name", "country", "role", "class", "likeliest", "probability", "evidence"];
        let columns = columns.into_iter().chain(["samples", "packets", "server_samples", "destinations", "clients"]);
        let columns = columns.chain(["unanswered", "refused", "systems", "first_seen", "is_new", "active_days"]);
        let columns: Vec<_> = columns.chain(["window_days", "told_at"]).collect();
        Sheet::new("host", &columns, hosts.into_iter().map(Self::values).collect())
    }

    fn values(&self) -> Vec<Value> {
        let words = |text: &str| Value::Text(text.to_owned());
        vec![
            words(&self.address),
            some(self.asn),
            text(self.as_name.as_ref()),
            text(self.country.as_ref()),
            words(&self.role),
            text(self.class.as_ref()),
            words(&self.likeliest),
            number(self.probability),
            Value::List(self.evidence.iter().cloned().map(Value::Text).collect()),
            number(self.samples),
            number(self.packets),
            number(self.server_samples),
            number(self.destinations),
            number(self.clients),
            some(self.unanswered),
            some(self.refused),
            words(&self.systems),
            self.first_seen.map_or(Value::Null, Value::Instant),
            self.is_new.map_or(Value::Null, Value::Boolean),
            number(self.active_days),
            number(self.window_days),
            Value::Instant(self.told_at),
        ]
    }
}
