//! Sampled mail traffic now: the last hours by five minutes, and who had most of the newest five. It asks for itself anew as long as
//! it is not held at an instant; it keeps nothing between.

use std::time::Duration;

use askama::Template;
use evidence::{FIVE_MINUTES, Time};
use statistics::{
    Agent, DAY, Dimension, FlowAs, FlowHour, HOUR, Live, NONE, Newest, Snapshot, TALKERS, Talker, grouped,
};

use crate::bars::{self, Bars, Plot, Slot};
use crate::flow_tables::Tables;
use crate::flow_words::{code, country, network, words};
use crate::flows;
use crate::masthead::{Masthead, moves};
use crate::queue::likely;
use crate::refusal::Refusal;
use crate::table::{Cell, Head, Row, Table};
use crate::tables::minute;
use crate::view::View;

/// After so many seconds the page is asked for anew: rows come every five minutes, and nobody knows at which second.
const REFRESH: u32 = 60;

/// The shortest and the longest time that is shown; of a longer window its end.
const LEAST: Duration = Duration::from_secs(2 * HOUR.as_secs());
const MOST: Duration = DAY;

#[derive(Template)]
#[template(path = "flow-live.html")]
struct OfLive {
    masthead: Masthead,
    /// Said where no agent was heard.
    silence: &'static str,
    refreshed: String,
    tables: Vec<Table>,
    chart: String,
    chart_title: String,
    bins: Table,
    agents: Table,
}

pub(crate) async fn load(snapshot: &Snapshot, until: Time, view: &View) -> Result<Live, Refusal> {
    Ok(Live::load(snapshot, until, view.window.0.clamp(LEAST, MOST)).await?)
}

pub(crate) fn page(live: &Live, snapshot: &Snapshot, view: &View) -> Result<String, Refusal> {
    let flows = statistics::Flows::new(snapshot, live.window);
    let tables = Tables { flows: &flows, view, pinned: view.at(Some(live.window.until)) };
    let chart_title = "Sampled packets of port 25 by five minutes".to_owned();
    let silence = if live.newest.is_some() { "" } else { "No agent was heard in this period." };
    let refreshed = if view.at.is_some() {
        String::new()
    } else {
        format!("This page asks for itself anew every {REFRESH} seconds; held at an instant it does not.")
    };
    let newest = live.newest.iter().flat_map(|newest| of_newest(&tables, newest)).collect();
    let rendered = OfLive {
        masthead: masthead(live, view),
        silence,
        refreshed,
        tables: newest,
        chart: bars::svg(&drawn(live, view, &chart_title)),
        chart_title,
        bins: bins(&tables, live),
        agents: agents(&tables, live),
    };
    Ok(rendered.render()?)
}

fn masthead(live: &Live, view: &View) -> Masthead {
    let of_list = flows::masthead(view, live.window);
    let title = match &live.newest {
        Some(newest) => format!("Sampled mail traffic: five minutes from {} GMT", newest.window.from.to_page()),
        None => "Sampled mail traffic: nobody was heard".to_owned(),
    };
    let windows = of_list.windows.into_iter().map(|mut tab| {
        tab.is_here = tab.href.starts_with("/flows/live");
        tab
    });
    Masthead {
        title,
        windows: windows.collect(),
        moves: moves(view, live.window, "/flows/live"),
        fields: Vec::new(),
        refresh: view.at.is_none().then_some(REFRESH),
        ..of_list
    }
}

fn of_newest(of: &Tables<'_>, newest: &Newest) -> Vec<Table> {
    vec![counts(of, newest), talkers(of, newest), ases(of, newest)]
}

fn counts(of: &Tables<'_>, newest: &Newest) -> Table {
    let heads = ["samples", "packets", "SYN", "SYN/ACK", "RST", "clients", "servers", "both", "neither", "ASes"];
    let totals = &newest.totals;
    let packets = [totals.samples, totals.packets, totals.syn, totals.accepted, totals.reset];
    let addresses = [totals.clients, totals.servers, totals.both, totals.neither, totals.ases];
    let cells = packets.into_iter().chain(addresses).map(|count| Cell::number(grouped(count))).collect();
    let heads = heads.map(Head::number).into_iter().collect();
    let mut table = of.table("newest", "The newest five minutes", heads, vec![Row::of(cells)], "");
    table.sentence = format!(
        "From {} GMT: sampled packets of port 25, those that they stand for (± {} with 95 %), and addresses by what they did.",
        newest.window.from.to_page(),
        grouped(totals.packets_within())
    );
    table.links = question(of);
    table
}

fn talkers(of: &Tables<'_>, newest: &Newest) -> Table {
    let heads = vec![
        Head::text("host"),
        Head::number("samples").titled("of it as a client of others"),
        Head::number("packets").titled("that stand behind these"),
        Head::number("SYN"),
        Head::number("SYN/ACK").titled("that came back"),
        Head::number("RST").titled("that came back"),
        Head::number("as a server").titled("samples"),
        Head::text("told last").titled("what was told of it in the seven days before; nothing is told anew here"),
        Head::number("likely").titled("how likely that class is"),
        Head::text("AS"),
        Head::text("country"),
    ];
    let rows = newest.talkers.iter().map(|talker| of_talker(of, talker)).collect();
    let notes = match newest.talkers.len() {
        0 => vec!["Nothing was sampled in them.".to_owned()],
        TALKERS => vec![format!("Only the first {TALKERS}.")],
        _ => Vec::new(),
    };
    Table {
        sentence: "Hosts with most samples, as clients first. Five minutes say little of a host: what it most likely is was told by \
                   days."
            .into(),
        notes,
        ..of.table("talkers", "Hosts with most samples", heads, rows, "/api/v1/flows/live")
    }
}

fn of_talker(of: &Tables<'_>, talker: &Talker) -> Row {
    let told = match (&talker.class, &talker.likeliest) {
        (Some(class), _) => words(Some(class)),
        (None, Some(likeliest)) => format!("undecided, {}", words(Some(likeliest))),
        (None, None) => NONE.to_owned(),
    };
    let counts = [talker.samples, talker.packets, talker.syn, talker.accepted, talker.reset, talker.server_samples];
    let mut cells = vec![Cell::head(&talker.address).linked(of.page_of(&talker.address))];
    cells.extend(counts.map(|count| Cell::number(grouped(count))));
    cells.push(Cell::words(told));
    cells.push(Cell::number(talker.probability.map_or(NONE.to_owned(), likely)));
    cells.extend([network(talker.asn, talker.as_name.as_deref()), code(talker.country.as_deref())]);
    Row::of(cells)
}

fn ases(of: &Tables<'_>, newest: &Newest) -> Table {
    let heads = vec![
        Head::text("AS"),
        Head::text("name"),
        Head::text("country"),
        Head::number("samples").titled("of its hosts as clients"),
        Head::number("SYN"),
        Head::number("SYN/ACK"),
        Head::number("clients"),
        Head::number("servers"),
        Head::number("both"),
    ];
    let row = |system: &FlowAs| {
        let name = system.asn.map_or(NONE.to_owned(), |asn| asn.to_string());
        let hosts = of.view.time().held(Dimension::As, Some(&name)).link("/flows");
        let counts =
            [system.samples, system.syn, system.accepted, system.clients, system.servers, system.both].map(grouped);
        let mut cells = vec![Cell::head(&name).linked(format!("{hosts}#hosts"))];
        cells.extend([Cell::text(system.name.as_deref().unwrap_or(NONE)), country(system.country.as_deref())]);
        cells.extend(counts.map(Cell::number));
        Row::of(cells)
    };
    Table {
        sentence: "The AS numbers with most samples of clients. Each leads to what was told of its hosts.".into(),
        links: question(of),
        ..of.table("ases", "AS numbers", heads, newest.ases.iter().map(row).collect(), "")
    }
}

/// The question alone: programs have these numbers by other windows.
fn question(of: &Tables<'_>) -> Vec<(String, String)> {
    vec![("show the question".into(), format!("{}#live", of.pinned.link("/flows/question")))]
}

fn drawn<'t>(live: &Live, view: &View, title: &'t str) -> Bars<'t> {
    let slot = |bin: &FlowHour| {
        let end = bin.start + FIVE_MINUTES;
        Slot {
            start: bin.start,
            is_known: bin.is_known,
            is_running: live.window.until < end,
            values: vec![bin.samples.saturating_sub(bin.syn), bin.syn.min(bin.samples), bin.accepted],
            words: format!(
                "{}: {} samples, {} of them requests, {} acceptances",
                minute(&bin.start.to_string()),
                grouped(bin.samples),
                grouped(bin.syn),
                grouped(bin.accepted)
            ),
            href: bin.is_known.then(|| view.at(Some(end)).link("/flows/live")),
        }
    };
    let plots = vec![
        Plot { layers: &[("packets", 'e'), ("requests (SYN)", 'v')], is_hatched: true },
        Plot { layers: &[("accepted connections (SYN/ACK)", 'r')], is_hatched: true },
    ];
    Bars { title, slots: live.bins.iter().map(slot).collect(), plots }
}

/// The data of the chart.
fn bins(of: &Tables<'_>, live: &Live) -> Table {
    let numbers = ["samples", "packets", "SYN", "in connections", "SYN/ACK", "RST", "replies"].map(Head::number);
    let heads = [Head::text("time (UTC)")].into_iter().chain(numbers).collect();
    let row = |bin: &FlowHour| {
        let counts = [bin.samples, bin.packets, bin.syn, bin.established, bin.accepted, bin.reset, bin.replies];
        let counts = counts.map(|count| Cell::number(if bin.is_known { grouped(count) } else { NONE.to_owned() }));
        let time = Cell::head(&minute(&bin.start.to_string()));
        let held = of.view.at(Some(bin.start + FIVE_MINUTES)).link("/flows/live");
        let time = if bin.is_known { time.linked(held) } else { time };
        Row::of([time].into_iter().chain(counts).collect())
    };
    let rows = live.bins.iter().rev().map(row).collect();
    of.table("bins", "Sampled packets by five minutes", heads, rows, "/api/v1/flows/recent")
}

/// Agents by when they were heard last.
fn agents(of: &Tables<'_>, live: &Live) -> Table {
    let heads = vec![
        Head::text("agent").titled("the switch, by its own word, with its part"),
        Head::text("heard last (UTC)").titled("the five minutes"),
        Head::number("samples"),
        Head::number("lost").titled("samples missing by their numbers"),
        Head::number("datagrams lost"),
        Head::number("drops").titled("packets that it says it could not sample"),
    ];
    let newest = live.newest.as_ref().map(|newest| newest.window.from);
    let row = |agent: &Agent| {
        let part = if agent.sub_agent == 0 { String::new() } else { format!("/{}", agent.sub_agent) };
        let heard = Cell::words(minute(&agent.last_at.to_string()));
        let is_silent = newest.is_some_and(|newest| agent.last_at < newest);
        let heard = if is_silent { heard.marked("t down").titled("it is silent since") } else { heard };
        let lost = |count: u64| {
            let cell = Cell::number(grouped(count));
            if count > 0 { cell.marked("down") } else { cell }
        };
        let mut cells =
            vec![Cell::head(&format!("{}{part}", agent.agent)), heard, Cell::number(grouped(agent.samples))];
        cells.extend([agent.samples_lost, agent.datagrams_lost, agent.drops].map(lost));
        Row::of(cells)
    };
    Table {
        sentence: "Of the whole period. An agent that is silent tells nothing of what passed it.".into(),
        links: question(of),
        ..of.table("agents", "Agents", heads, live.agents.iter().map(row).collect(), "")
    }
}
