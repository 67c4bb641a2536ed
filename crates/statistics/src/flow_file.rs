//! One host of sampled mail traffic: what was told of it, its hours, its samples over time, and whether decoys and logs saw
//! its address.

use std::net::IpAddr;
use std::time::Duration;

use evidence::{FIVE_MINUTES, Time, Window};
use lake::{Snapshot, TableVersion, Value};

use crate::StatisticsError;
use crate::asked::{Asked, complete};
use crate::case_file::DECOYS_BACK;
use crate::cases::{NETWORK, number};
use crate::desk_days::DAY;
use crate::flow_hosts::FlowHost;
use crate::flows::{FlowHour, HOUR};
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::sheet::Sheet;

/// How far back what was told of a host is looked for.
const TOLD_BACK: Duration = Duration::from_secs(31 * 86_400);

/// Tellings that are told, the newest; and findings in logs.
pub const TELLINGS: usize = 50;
const FINDINGS: usize = 20;

/// Hours of a week.
pub const WEEK: usize = 168;

/// Longest windows that are told by five minutes and by the hour; longer ones are told by the day.
const BY_FIVE_MINUTES: Duration = DAY;
const BY_HOUR: Duration = Duration::from_secs(10 * 86_400);

/// One host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowFile {
    pub address: IpAddr,
    pub window: Window,
    /// How the window is cut into bins.
    pub bin: Duration,
    /// The newest first; none where nothing was told of it.
    pub told: Vec<FlowTold>,
    /// Every bin, also those of which nothing is known.
    pub volume: Vec<FlowBin>,
    /// The time of which decoys and logs were asked.
    pub others: Window,
    /// When samples show it as a client first, in that time.
    pub first_sample: Option<Time>,
    pub decoys: Option<Visited>,
    pub findings: Vec<Found>,
    pub versions: Vec<TableVersion>,
}

/// What was told of a host at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowTold {
    pub host: FlowHost,
    pub day: Time,
    pub prefix: Option<String>,
    pub announced: bool,
    pub syn: u64,
    pub established: u64,
    pub full: u64,
    pub accepted: u64,
    pub reset: u64,
    pub replies: u64,
    pub server_accepted: u64,
    pub server_reset: u64,
    pub networks: u64,
    /// Whether destinations were counted one by one.
    pub exact: bool,
    pub neighbours: u64,
    /// Minutes east of UTC of the hours.
    pub zone: i64,
    /// By hour of the week, from Monday 0 h: [`WEEK`] of them, or none.
    pub client_week: Vec<u64>,
    pub server_week: Vec<u64>,
}

/// Samples of a host in a part of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowBin {
    /// As a client.
    pub client: FlowHour,
    pub full: u64,
    pub server_samples: u64,
    pub server_packets: u64,
}

/// Visits of its address to decoys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visited {
    pub sensors: u64,
    pub connections: u64,
    pub emails: u64,
    pub first_at: Time,
    pub last_at: Time,
}

/// A finding about its address in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub finding: u64,
    pub party: String,
    pub class: String,
    pub diagnosis: String,
    pub probability: u64,
    pub first_seen: Time,
    pub last_seen: Time,
}

/// What a page about a host asks.
struct Queries {
    told: (String, Vec<(&'static str, Value)>),
    volume: (String, Vec<(&'static str, Value)>),
    first: (String, Vec<(&'static str, Value)>),
    decoys: (String, Vec<(&'static str, Value)>),
    findings: (String, Vec<(&'static str, Value)>),
}

impl FlowFile {
    pub async fn load(snapshot: &Snapshot, address: IpAddr, window: Window) -> Result<Self, StatisticsError> {
        let (queries, others) = (Queries::new(address, window), others(window));
        let (told, seen) = (snapshot.within(told(window)), snapshot.within(others));
        let (told, volume, first, decoys, findings) = tokio::try_join!(
            told.sql(&queries.told.0, &queries.told.1),
            seen.sql(&queries.volume.0, &queries.volume.1),
            seen.sql(&queries.first.0, &queries.first.1),
            seen.sql(&queries.decoys.0, &queries.decoys.1),
            // A finding that was told before this time may have evidence in it.
            snapshot.sql(&queries.findings.0, &queries.findings.1),
        )?;
        let told = Reading::new(Question::FLOW_HOST, told);
        let bin = bin(window);
        let first = Reading::new(Question::FLOW_FIRST, first);
        let decoys = Reading::new(Question::FLOW_AT_DECOYS, decoys);
        let findings = Reading::new(Question::FLOW_IN_LOGS, findings);
        Ok(Self {
            address,
            window,
            bin,
            told: told.lines().map(|line| FlowTold::read(&line)).collect::<Result<_, _>>()?,
            volume: FlowBin::fill(&Reading::new(Question::FLOW_VOLUME, volume), window, bin)?,
            others,
            first_sample: first.lines().next().map(|line| line.instant("first_at")).transpose()?.flatten(),
            decoys: decoys.lines().next().map(|line| Visited::read(&line)).transpose()?.flatten(),
            findings: findings.lines().map(|line| Found::read(&line)).collect::<Result<_, _>>()?,
            versions: snapshot.versions(),
        })
    }

    /// The questions behind it.
    pub fn asked(&self) -> Vec<Asked> {
        let queries = Queries::new(self.address, self.window);
        let asked = |question, (sql, parameters): &(String, Vec<_>)| Asked { question, sql: complete(sql, parameters) };
        vec![
            asked(Question::FLOW_HOST, &queries.told),
            asked(Question::FLOW_VOLUME, &queries.volume),
            asked(Question::FLOW_FIRST, &queries.first),
            asked(Question::FLOW_AT_DECOYS, &queries.decoys),
            asked(Question::FLOW_IN_LOGS, &queries.findings),
        ]
    }

    /// What a bin is: `five minutes`, `hour` or `day`.
    pub fn bin_name(&self) -> &'static str {
        match self.bin {
            FIVE_MINUTES => "five minutes",
            HOUR => "hour",
            _ => "day",
        }
    }
}

/// When a window's hosts were told.
fn told(window: Window) -> Window {
    Window { from: window.until - TOLD_BACK, ..window }
}

fn others(window: Window) -> Window {
    Window { from: window.from - DECOYS_BACK, ..window }
}

fn bin(window: Window) -> Duration {
    match window.length() {
        // A window that begins at a whole hour may be a little longer than a day.
        length if length < BY_FIVE_MINUTES + HOUR => FIVE_MINUTES,
        length if length <= BY_HOUR => HOUR,
        _ => DAY,
    }
}

impl Queries {
    fn new(address: IpAddr, window: Window) -> Self {
        let times =
            |window: Window| vec![("from", Value::Instant(window.from)), ("until", Value::Instant(window.until))];
        let with = |window, name, text: String| [times(window), vec![(name, Value::Text(text))]].concat();
        let bin = match bin(window) {
            FIVE_MINUTES => "5 minutes",
            HOUR => "1 hour",
            _ => "1 day",
        };
        let (ip, network) = (address.to_string(), network(address));
        let rows = FINDINGS.to_string();
        Self {
            told: (Question::FLOW_HOST.fill(&[("rows", &TELLINGS.to_string())]), with(told(window), "ip", ip.clone())),
            volume: (Question::FLOW_VOLUME.fill(&[("bin", bin)]), with(window, "ip", ip.clone())),
            first: (Question::FLOW_FIRST.sql().to_owned(), with(others(window), "ip", ip)),
            decoys: (
                Question::FLOW_AT_DECOYS.fill(&[("network", NETWORK)]),
                with(others(window), "network", network.clone()),
            ),
            findings: (
                Question::FLOW_IN_LOGS.fill(&[("network", NETWORK), ("rows", &rows)]),
                with(others(window), "network", network),
            ),
        }
    }
}

/// The network of an address, as the questions make it of a text.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            address.segments()[..4].iter().map(|part| format!("{part:x}")).collect::<Vec<_>>().join(":")
        }
    }
}

impl FlowTold {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            host: FlowHost::read(line)?,
            day: line.instant("day")?.unwrap_or_default(),
            prefix: line.text("prefix")?,
            announced: line.boolean("announced")?,
            syn: line.integer("syn")?,
            established: line.integer("established")?,
            full: line.integer("full")?,
            accepted: line.integer("accepted")?,
            reset: line.integer("reset")?,
            replies: line.integer("replies")?,
            server_accepted: line.integer("server_accepted")?,
            server_reset: line.integer("server_reset")?,
            networks: line.integer("destination_networks")?,
            exact: line.boolean("exact")?,
            neighbours: line.integer("neighbours")?,
            zone: line.signed("zone")?.unwrap_or(0),
            client_week: line.integers("client_week")?,
            server_week: line.integers("server_week")?,
        })
    }

    /// Hours of the week to be written, in the zone of the host: a row for each.
    pub fn week_sheet(&self) -> Sheet {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let at = |week: &[u64], hour: usize| number(week.get(hour).copied().unwrap_or(0));
        let row = |hour: usize| {
            vec![
                Value::Text(DAYS[hour / 24].to_owned()),
                number(hour as u64 % 24),
                at(&self.client_week, hour),
                at(&self.server_week, hour),
            ]
        };
        Sheet::new("hour", &["day", "hour", "samples", "server_samples"], (0..WEEK).map(row).collect())
    }
}

impl FlowBin {
    fn fill(reading: &Reading, window: Window, part: Duration) -> Result<Vec<Self>, StatisticsError> {
        let known = reading.lines().map(|line| Self::read(&line)).collect::<Result<Vec<_>, _>>()?;
        let hours = FlowHour::fill(known.iter().map(|bin| bin.client).collect(), window, part);
        let mut known = known.into_iter().peekable();
        let bin = |client: FlowHour| {
            let told = known.next_if(|bin| bin.client.start == client.start);
            told.unwrap_or(Self { client, ..Self::default() })
        };
        Ok(hours.into_iter().map(bin).collect())
    }

    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        Ok(Self {
            client: FlowHour::read(line)?,
            full: line.integer("full")?,
            server_samples: line.integer("server_samples")?,
            server_packets: line.integer("server_packets")?,
        })
    }

    /// Bins to be written; what is not known is absent.
    pub fn sheet(bins: &[Self]) -> Sheet {
        let columns = ["start", "samples", "packets", "syn", "established", "full", "syn_ack", "rst", "replies"];
        let columns: Vec<_> = columns.into_iter().chain(["server_samples", "server_packets"]).collect();
        let row = |bin: &Self| {
            let of = &bin.client;
            let counts = [of.samples, of.packets, of.syn, of.established, bin.full, of.accepted, of.reset, of.replies];
            let counts = counts.into_iter().chain([bin.server_samples, bin.server_packets]);
            let counts = counts.map(|count| if of.is_known { number(count) } else { Value::Null });
            [Value::Instant(of.start)].into_iter().chain(counts).collect()
        };
        Sheet::new("bin", &columns, bins.iter().map(row).collect())
    }
}

impl Visited {
    /// `None` where there was no visit.
    fn read(line: &Line<'_>) -> Result<Option<Self>, StatisticsError> {
        let Some((first_at, last_at)) = line.instant("first_at")?.zip(line.instant("last_at")?) else {
            return Ok(None);
        };
        Ok(Some(Self {
            sensors: line.integer("sensors")?,
            connections: line.integer("connections")?,
            emails: line.integer("emails")?,
            first_at,
            last_at,
        }))
    }
}

impl Found {
    fn read(line: &Line<'_>) -> Result<Self, StatisticsError> {
        let text = |column| line.text(column).map(Option::unwrap_or_default);
        Ok(Self {
            finding: line.integer("finding")?,
            party: text("party")?,
            class: text("class")?,
            diagnosis: text("diagnosis")?,
            probability: line.integer("probability")?,
            first_seen: line.instant("first_seen")?.unwrap_or_default(),
            last_seen: line.instant("last_seen")?.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_as_the_questions_write_it() {
        assert_eq!(network("192.0.2.7".parse().unwrap()), "192.0.2.7");
        assert_eq!(network("2001:db8::1".parse().unwrap()), "2001:db8:0:0");
        assert_eq!(network("2001:db8:0:1:2:3:4:5".parse().unwrap()), "2001:db8:0:1");
    }

    #[test]
    fn bins_are_short_in_short_windows() {
        let of = |days: u32| bin(Window { from: Time::default(), until: Time::default() + DAY * days });
        assert_eq!([1, 2, 10, 11].map(of), [FIVE_MINUTES, HOUR, HOUR, DAY]);
    }
}
