//! The pages about sampled mail traffic: what spamHINTS told of a window, hosts with what they most likely are, and how
//! complete all of it is; the same for programs. Traffic shows that something is unusual, not whether it was permitted or meant:
//! no page calls a host more than that.

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use evidence::{Span, Time, Window};
use statistics::{
    Agent, DAY, Dimension, Filter, FlowAs, FlowBin, FlowFile, FlowHost, FlowHour, Flows, HOUR, HostCount, Hosts, Lead,
    SeenTwice, Sheet, Snapshot, Sort,
};

use crate::customers::written;
use crate::flow_tables::{Shown, Tables, heat};
use crate::masthead::{Field, Masthead, Tab, moves};
use crate::page::{Group, OfQuestions, OfTables};
use crate::refusal::Refusal;
use crate::table::Table;
use crate::view::View;
use crate::{flow_host, flow_live, seen};

/// What can be asked for about sampled traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowPage {
    Overview,
    Live,
    Host,
    /// The SQL behind either.
    Question,
    /// The same for programs.
    Api(FlowRows),
}

/// Rows for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowRows {
    Totals,
    Ases,
    Hours,
    Agents,
    Receiver,
    Classes,
    Hosts,
    Instruments,
    Addresses,
    Leads,
    Estimates,
    Live,
    Recent,
    Host,
    Week,
    Volume,
}

/// Said where no sample was read.
const NO_TRAFFIC: &str = "No sampled traffic was read into this lake yet: spamtrail flow --data DIR FILE... does it, with the \
                          folder that holds the lake.";

/// What samples cannot say.
const ABSENCE: &str = "What was lost proves no absence. Not covered is what passes no agent: private interconnections, other \
                       exchange points, one direction of a connection whose other direction takes another way, ports other \
                       than 25. A single sampled packet accuses nobody: its source may be forged.";

/// ASes of the original's table; hosts on a page, and in an answer when nobody says how many.
const ASES: usize = 30;
pub(crate) const ROWS: usize = 50;
const ROWS_FOR_PROGRAMS: u64 = 500;

/// The place whose number of clients the original noted.
pub(crate) const NOTED: usize = 100;

/// The shortest and the longest window: hosts are few in an hour, and too many to be counted while somebody waits in more than a
/// month. Of a longer one its end is shown.
const LEAST: Duration = DAY;
const MOST: Duration = Duration::from_secs(31 * 86_400);

/// The windows that are a click away, and what they are called.
const WINDOWS: [(u64, &str); 3] = [(1, "day"), (7, "week"), (31, "31 days")];

#[derive(Template)]
#[template(path = "flows.html")]
struct OfFlows {
    masthead: Masthead,
    tables: Vec<Table>,
    hosts: Table,
    is_empty: bool,
    moves: Vec<Tab>,
    heat: String,
    heat_title: String,
    hours: Table,
    coverage: Vec<Table>,
    absence: &'static str,
    invisible: String,
    seen: Vec<Table>,
}

/// Parameters of these pages alone are refused on the others.
pub(crate) fn is_not_asked(view: &View) -> Result<(), Refusal> {
    match (view.host_class, view.order) {
        (None, None) => Ok(()),
        (Some(_), _) => Err(Refusal::parameter("class", "only the list of hosts of sampled traffic has this one")),
        (_, Some(_)) => Err(Refusal::parameter("sort", "only the ASes of sampled traffic are sorted so")),
    }
}

impl FlowPage {
    /// Whether it can be had of a view.
    pub(crate) fn check(self, view: &View) -> Result<(), Refusal> {
        let is_of_host = matches!(self, Self::Host | Self::Api(FlowRows::Host | FlowRows::Week | FlowRows::Volume));
        if is_of_host && address(view).is_none() {
            return Err(Refusal::parameter("ip", "it is missing: the address of a host"));
        }
        let is_live = matches!(self, Self::Live | Self::Api(FlowRows::Live | FlowRows::Recent));
        let has = |dimension| match dimension {
            Dimension::Ip => is_of_host || self == Self::Question,
            Dimension::As | Dimension::Country => !is_of_host && !is_live,
            _ => false,
        };
        if let Some(filter) = view.filters.iter().find(|filter| !has(filter.dimension)) {
            return Err(Refusal::parameter(
                filter.dimension.name(),
                "this page about sampled traffic is not held to it",
            ));
        }
        if is_of_host || is_live {
            is_not_asked(view)?;
        }
        match (view.id, view.class, view.by) {
            (Some(_), ..) => Err(Refusal::parameter("id", "hosts of sampled traffic have none")),
            (_, Some(_), _) => Err(Refusal::parameter("class", "it is one of findings, not of hosts")),
            (.., Some(_)) => Err(Refusal::parameter("by", "sampled traffic is not ranked by it")),
            _ if view.sort != Sort::default() => Err(Refusal::parameter("sort", "ASes are not sorted by it here")),
            _ => Ok(()),
        }
    }
}

fn address(view: &View) -> Option<std::net::IpAddr> {
    view.filter(Dimension::Ip).and_then(|address| address.parse().ok())
}

/// Whether any sample was read.
fn has_traffic(snapshot: &Snapshot) -> bool {
    snapshot.versions().iter().any(|table| table.table == "traffic_coverage" || table.table == "traffic_hosts")
}

pub(crate) async fn render(of: FlowPage, snapshot: &Snapshot, until: Time, view: &View) -> Result<String, Refusal> {
    if !has_traffic(snapshot) {
        return without_traffic(of, view);
    }
    let window = window(view, until);
    match of {
        FlowPage::Overview => overview(snapshot, window, view).await,
        FlowPage::Live => flow_live::page(&flow_live::load(snapshot, until, view).await?, snapshot, view),
        FlowPage::Host => flow_host::page(&file(snapshot, window, view).await?, view),
        FlowPage::Question => question(snapshot, window, view).await,
        FlowPage::Api(rows) => rows.answer(snapshot, window, view).await,
    }
}

/// The page, or the refusal, where there is nothing to tell.
pub(crate) fn without_traffic(of: FlowPage, view: &View) -> Result<String, Refusal> {
    if let FlowPage::Api(_) = of {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_TRAFFIC));
    }
    let masthead = Masthead { title: "Sampled traffic".into(), ..Masthead::pages(&view.time(), "/flows") };
    let lead = format!("{NO_TRAFFIC} This page shows what was sampled as soon as it is there.");
    Ok(OfTables { masthead, tables: Vec::new(), lead, wider: Vec::new(), moves: Vec::new() }.render()?)
}

async fn file(snapshot: &Snapshot, window: Window, view: &View) -> Result<FlowFile, Refusal> {
    let address = address(view).ok_or_else(|| Refusal::parameter("ip", "it is no address"))?;
    Ok(FlowFile::load(snapshot, address, window).await?)
}

/// The time that is shown: whole hours but for the last, which may be running.
fn window(view: &View, until: Time) -> Window {
    let end = whole_hour(until);
    let span = view.window.0.clamp(LEAST, MOST);
    let from = whole_hour(end - span);
    Window { from, until }
}

/// The end of the hour in which an instant is.
fn whole_hour(time: Time) -> Time {
    let hour = HOUR.as_micros() as i64;
    Time::from_micros(-(-time.micros()).div_euclid(hour) * hour)
}

/// The seven days of the heat map.
fn week(window: Window) -> Window {
    let last = if window.until.day() == window.until { window.until - DAY } else { window.until.day() };
    Window { from: last - DAY * 6, ..window }
}

fn hosts(view: &View, rows: usize) -> Hosts {
    Hosts { class: view.host_class, filters: view.filters.clone(), skip: view.skip, rows }
}

async fn overview(snapshot: &Snapshot, window: Window, view: &View) -> Result<String, Refusal> {
    let (flows, of_week) = (Flows::new(snapshot, window), Flows::new(snapshot, week(window)));
    let order = view.order.unwrap_or_default();
    let of_hosts = hosts(view, ROWS);
    let ((totals, ases), classes, (shown, total), hours, agents, receiver, seen) = tokio::try_join!(
        flows.counted(order, NOTED),
        flows.classes(),
        flows.hosts(&of_hosts),
        of_week.hours(),
        flows.agents(),
        flows.receiver(),
        flows.seen(),
    )?;
    let tables = Tables { flows: &flows, view, pinned: view.at(Some(window.until)) };
    let heat_title = "Sampled packets of port 25 by hour, over the seven days up to the end of the period".to_owned();
    let shown = Shown { hosts: &shown, total, skip: view.skip };
    let rendered = OfFlows {
        masthead: masthead(view, window),
        tables: vec![
            tables.packets(&totals),
            tables.addresses(&totals),
            tables.ases(&ases, order, ASES),
            tables.classes(&classes),
        ],
        hosts: tables.hosts(&shown),
        is_empty: shown.hosts.is_empty(),
        moves: tables.moves(&shown),
        heat: heat(&hours, &heat_title),
        heat_title,
        hours: tables.hours(&hours),
        coverage: vec![tables.agents(&agents), tables.receiver(&receiver)],
        absence: ABSENCE,
        invisible: invisible(&agents),
        seen: seen::tables(&tables, &seen),
    };
    Ok(rendered.render()?)
}

/// Whom samples do not show, by the rate at which least was sampled.
fn invisible(agents: &[Agent]) -> String {
    let Some(rate) = agents.iter().filter_map(|agent| agent.measured.or(agent.rate)).map(|rate| rate.1).max() else {
        return String::new();
    };
    // With twelve packets of the client to a message; 9.15 samples are expected where 95 % have five or more.
    let messages = (rate as f64 * 9.15 / 12.0).ceil() as u64;
    format!(
        "Where one of {} packets is sampled, a host is seen five times or more with a chance of 95 % only if it sends about {} \
         messages in the period. Most senders of little mail are not seen at all.",
        statistics::grouped(rate),
        statistics::grouped(messages)
    )
}

async fn question(snapshot: &Snapshot, window: Window, view: &View) -> Result<String, Refusal> {
    let groups = if address(view).is_some() {
        let asked = file(snapshot, window, view).await?.asked();
        vec![Group { id: "host", title: "One host", asked }]
    } else {
        let flows = Flows::new(snapshot, window);
        let traffic = flows.asked(view.order.unwrap_or_default(), NOTED);
        let live = flow_live::load(snapshot, window.until, view).await?.asked(snapshot);
        vec![
            Group { id: "flows", title: "Packets, addresses, ASes, hours and coverage", asked: traffic },
            Group { id: "hosts", title: "Hosts", asked: flows.asked_for_hosts(&hosts(view, ROWS)) },
            Group { id: "seen", title: "Seen by other instruments", asked: flows.asked_for_seen() },
            Group { id: "live", title: "The newest five minutes", asked: live },
        ]
    };
    let masthead =
        Masthead { title: "The question: sampled traffic".into(), ..Masthead::pages(&view.time(), "/flows") };
    Ok(OfQuestions { masthead, groups }.render()?)
}

impl FlowRows {
    async fn answer(self, snapshot: &Snapshot, window: Window, view: &View) -> Result<String, Refusal> {
        let flows = Flows::new(snapshot, window);
        let rows = |most: u64| usize::try_from(view.top.unwrap_or(most)).unwrap_or(usize::MAX);
        let order = view.order.unwrap_or_default();
        let sheet: Sheet = match self {
            Self::Live | Self::Recent => {
                let live = flow_live::load(snapshot, window.until, view).await?;
                let sheet = if self == Self::Live { live.talkers_sheet() } else { live.bins_sheet() };
                return written(&sheet, live.window, &snapshot.versions(), view.format);
            }
            Self::Totals => flows.counted(order, 1).await?.0.sheet(),
            Self::Ases => FlowAs::sheet(&flows.counted(order, rows(ASES as u64)).await?.1),
            Self::Hours => FlowHour::sheet(&flows.hours().await?),
            Self::Agents => Agent::sheet(&flows.agents().await?),
            Self::Receiver => flows.receiver().await?.sheet(),
            Self::Classes => HostCount::sheet(&flows.classes().await?),
            Self::Hosts => FlowHost::sheet(&flows.hosts(&hosts(view, rows(ROWS_FOR_PROGRAMS))).await?.0),
            Self::Instruments => flows.seen().await?.sheet(),
            Self::Addresses => SeenTwice::sheet(&flows.seen().await?.twice),
            Self::Estimates => flows.seen().await?.estimates_sheet(),
            Self::Leads => Lead::sheet(&flows.seen().await?.leads),
            Self::Host => FlowHost::sheet(file(snapshot, window, view).await?.told.iter().map(|told| &told.host)),
            Self::Week => flow_host::week(&file(snapshot, window, view).await?),
            Self::Volume => FlowBin::sheet(&file(snapshot, window, view).await?.volume),
        };
        written(&sheet, window, &snapshot.versions(), view.format)
    }
}

pub(crate) fn masthead(view: &View, window: Window) -> Masthead {
    let hours = window.until.since(window.from).as_secs().div_ceil(HOUR.as_secs());
    let span = view.window.0.clamp(LEAST, MOST);
    let tab = |(days, name): (u64, &str)| {
        let length = Span(Duration::from_secs(days * DAY.as_secs()));
        Tab { text: name.to_owned(), href: view.window(length).link("/flows"), is_here: Span(span) == length }
    };
    let time = View { at: view.at, ..View::default() };
    let now = Tab { text: "five minutes".into(), href: time.link("/flows/live"), is_here: false };
    let held = view.host_class.map(|class| Tab {
        text: format!("class {}", class.name()),
        href: View { host_class: None, skip: 0, ..view.clone() }.link("/flows"),
        is_here: false,
    });
    let is_of_list = |filter: &&Filter| matches!(filter.dimension, Dimension::As | Dimension::Country);
    let networks = view.filters.iter().filter(is_of_list).map(|filter| Tab {
        text: format!("hosts of {} {}", filter.dimension, filter.value),
        href: view.held(filter.dimension, None).link("/flows"),
        is_here: false,
    });
    let of = |dimension: Dimension| Field {
        name: dimension.name(),
        value: view.filter(dimension).unwrap_or("").to_owned(),
        hint: if dimension == Dimension::As { "64496: of the list of hosts" } else { "BR: of the list of hosts" },
    };
    let field = |name, value, hint| Field { name, value, hint };
    let last = if view.at.is_none() { "last " } else { "" };
    Masthead {
        title: format!("Sampled mail traffic: {last}{}", spell(hours)),
        period: format!("Period: {} to {} GMT", window.from.to_page(), window.until.to_page()),
        windows: [now].into_iter().chain(WINDOWS.map(tab)).collect(),
        held: held.into_iter().chain(networks).collect(),
        moves: moves(view, window, "/flows"),
        action: "/flows",
        fields: vec![
            field("window", Span(span).to_string(), "1d, 25h, 7d"),
            field("at", view.at.map_or(String::new(), |at| at.to_string()), "2026-11-24T21:45 or 2d; empty: now"),
            field(
                "class",
                view.host_class.map_or(String::new(), |class| class.name().into()),
                "likely-bot, open-relay, …",
            ),
            of(Dimension::As),
            of(Dimension::Country),
        ],
        ..Masthead::pages(&view.time(), "/flows")
    }
}

/// `25 hours`, `7 days`.
fn spell(hours: u64) -> String {
    if hours.is_multiple_of(24) && hours > 24 { format!("{} days", hours / 24) } else { format!("{hours} hours") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_whole_and_not_fewer_than_a_day_has() {
        let time = |text: &str| text.parse::<Time>().unwrap();
        let of = |query: &str, until: &str| window(&View::parse(query, Time::default()).unwrap(), time(until));
        let day = of("", "2026-11-24T10:20:00Z");
        assert_eq!((day.from, day.until), (time("2026-11-23T11:00:00Z"), time("2026-11-24T10:20:00Z")));
        assert_eq!(of("window=25h", "2026-11-24T10:00:00Z").from, time("2026-11-23T09:00:00Z"));
        assert_eq!(of("window=3660d", "2026-11-24T10:00:00Z").length(), MOST);
        assert_eq!(week(day).from, time("2026-11-18T00:00:00Z"));
        assert_eq!(week(of("", "2026-11-24T00:00:00Z")).from, time("2026-11-17T00:00:00Z"));
        assert_eq!(([24, 25, 168].map(spell)), ["24 hours", "25 hours", "7 days"]);
    }
}
