//! Sampled mail traffic as it is now: the last hours by five minutes, and the newest five minutes that any agent was heard in, with
//! the hosts that had most of it. It judges no host: what was told of one before is told again.

use std::time::Duration;

use evidence::{FIVE_MINUTES, Time, Window};
use lake::{Snapshot, Value};

use crate::StatisticsError;
use crate::asked::{Asked, complete};
use crate::cases::number;
use crate::desk_days::DAY;
use crate::flows::{Agent, FlowAs, FlowHour, FlowTotals, Flows, perhaps, some, text, whole};
use crate::host_class::AsOrder;
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::sheet::Sheet;

/// Hosts of the newest five minutes that are told, those with most samples.
pub const TALKERS: usize = 25;

/// ASes of them.
const ASES: usize = 10;

/// How far back what was told of a host is looked for: as far as a verdict looks itself.
const TOLD_BACK: Duration = Duration::from_secs(7 * DAY.as_secs());

/// Sampled traffic up to an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    pub window: Window,
    /// By five minutes, also those of which nothing is known.
    pub bins: Vec<FlowHour>,
    /// Of the whole window.
    pub agents: Vec<Agent>,
    /// None where no agent was heard in the window.
    pub newest: Option<Newest>,
}

/// The newest five minutes of which anything is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub window: Window,
    pub totals: FlowTotals,
    pub ases: Vec<FlowAs>,
    pub talkers: Vec<Talker>,
}

/// A host of five minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talker {
    pub address: String,
    pub asn: Option<u64>,
    pub as_name: Option<String>,
    pub country: Option<String>,
    pub samples: u64,
    pub packets: u64,
    pub syn: u64,
    pub established: u64,
    pub accepted: u64,
    pub reset: u64,
    pub server_samples: u64,
    /// What was told of it last; without `likeliest` nothing was.
    pub class: Option<String>,
    pub likeliest: Option<String>,
    pub probability: Option<u64>,
}

impl Live {
    /// What is known at an instant, of a span before it.
    pub async fn load(snapshot: &Snapshot, until: Time, span: Duration) -> Result<Self, StatisticsError> {
        let flows = Flows::new(snapshot, window(until, span));
        let (bins, agents) = tokio::try_join!(flows.by(FIVE_MINUTES), flows.agents())?;
        let newest = match bins.iter().rev().find(|bin| bin.is_known) {
            Some(bin) => Some(Newest::load(snapshot, bin.start, until).await?),
            None => None,
        };
        Ok(Self { window: flows.window, bins, agents, newest })
    }

    /// The questions behind it, at the instant that it was loaded for.
    pub fn asked(&self, snapshot: &Snapshot) -> Vec<Asked> {
        let flows = Flows::new(snapshot, self.window);
        let mut asked = vec![flows.asked_by(FIVE_MINUTES), flows.asked_for_agents()];
        if let Some(newest) = &self.newest {
            asked.extend(Flows::new(snapshot, newest.window).asked_to_count(AsOrder::Samples, ASES));
            let (query, parameters) = talkers_query(newest.window, self.window.until);
            asked.push(Asked { question: Question::FLOW_TALKERS, sql: complete(&query, &parameters) });
        }
        asked
    }

    /// Hosts of the newest five minutes to be written.
    pub fn talkers_sheet(&self) -> Sheet {
        Talker::sheet(self.newest.as_ref().map_or(&[], |newest| &newest.talkers))
    }

    /// Parts of five minutes to be written; what is not known is absent.
    pub fn bins_sheet(&self) -> Sheet {
        FlowHour::sheet(&self.bins)
    }
}

impl Newest {
    async fn load(snapshot: &Snapshot, start: Time, asked: Time) -> Result<Self, StatisticsError> {
        let window = Window { from: start, until: start + FIVE_MINUTES };
        let (query, parameters) = talkers_query(window, asked);
        let told = snapshot.within(Window { from: asked - TOLD_BACK, until: asked.max(window.until) });
        let flows = Flows::new(snapshot, window);
        let (counted, talkers) = tokio::join!(flows.counted(AsOrder::Samples, ASES), told.sql(&query, &parameters));
        let ((totals, ases), talkers) = (counted?, Reading::new(Question::FLOW_TALKERS, talkers?));
        let talkers = talkers.lines().map(|line| Talker::read(&line)).collect::<Result<_, _>>()?;
        Ok(Self { window, totals, ases, talkers })
    }
}

/// Whole parts of five minutes but for the last, which may be running.
fn window(until: Time, span: Duration) -> Window {
    Window { from: whole(until - span, FIVE_MINUTES), until }
}

fn talkers_query(window: Window, asked: Time) -> (String, Vec<(&'static str, Value)>) {
    let parameters = [("from", window.from), ("until", window.until), ("since", asked - TOLD_BACK), ("asked", asked)];
    let parameters = parameters.map(|(name, at)| (name, Value::Instant(at))).into_iter().collect();
    (Question::FLOW_TALKERS.fill(&[("rows", &TALKERS.to_string())]), parameters)
}

impl Talker {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            address: line.text("source_ip")?.unwrap_or_default(),
            asn: perhaps(line, "asn")?,
            as_name: line.text("as_name")?,
            country: line.text("country")?,
            samples: line.integer("samples")?,
            packets: line.integer("packets")?,
            syn: line.integer("syn")?,
            established: line.integer("established")?,
            accepted: line.integer("accepted")?,
            reset: line.integer("reset")?,
            server_samples: line.integer("server_samples")?,
            class: line.text("class")?,
            likeliest: line.text("likeliest")?,
            probability: perhaps(line, "probability")?,
        })
    }

    fn sheet(talkers: &[Self]) -> Sheet {
        let columns = ["source_ip", "asn", "as_name", "country", "samples", "packets", "syn", "established", "syn_ack"];
        let columns = columns.into_iter().chain(["rst", "server_samples", "class", "likeliest", "probability"]);
        let row = |of: &Self| {
            let counts = [of.samples, of.packets, of.syn, of.established, of.accepted, of.reset, of.server_samples];
            let mut values = vec![Value::Text(of.address.clone()), some(of.asn)];
            values.extend([&of.as_name, &of.country].map(|words| text(words.as_ref())));
            values.extend(counts.map(number));
            values.extend([&of.class, &of.likeliest].map(|words| text(words.as_ref())));
            values.push(some(of.probability));
            values
        };
        Sheet::new("host", &columns.collect::<Vec<_>>(), talkers.iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_begins_with_whole_five_minutes() {
        let at = |minutes: i64| Time::from_micros(minutes * 60_000_000);
        let of = window(at(127), Duration::from_secs(7_200));
        assert_eq!((of.from, of.until), (at(5), at(127)));
    }
}
