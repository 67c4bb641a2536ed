//! The tables of the page about sampled traffic. They hold what was told, and judge nothing.

use std::time::Duration;

use evidence::{Span, Window};
use statistics::{
    AGENTS, Agent, AsOrder, DAY, Dimension, FlowAs, FlowHost, FlowHour, FlowTotals, Flows, HOUR, HostClass, HostCount,
    NONE, Receiver, grouped, percent,
};

use crate::flow_words::{called, code, country, formats, network, of_class, rate, thousandths, traffic, words};
use crate::flows::{NOTED, ROWS};
use crate::heat::{self, Day, Heat};
use crate::masthead::Tab;
use crate::queue::{date, likely, source};
use crate::table::{Cell, Head, Row, Table};
use crate::tables::minute;
use crate::view::View;

/// Reasons on a list of hosts; the page of a host has all.
const REASONS: usize = 2;

/// The time of the heat map, for programs.
const WEEK: Span = Span(Duration::from_secs(7 * DAY.as_secs()));

/// Makes the tables of a page about sampled traffic.
pub(crate) struct Tables<'a> {
    pub(crate) flows: &'a Flows,
    pub(crate) view: &'a View,
    /// The view at the end of its window.
    pub(crate) pinned: View,
}

/// A part of the list of hosts.
pub(crate) struct Shown<'a> {
    pub(crate) hosts: &'a [FlowHost],
    pub(crate) total: u64,
    pub(crate) skip: usize,
}

impl Tables<'_> {
    pub(crate) fn table(&self, id: &'static str, title: &str, heads: Vec<Head>, rows: Vec<Row>, path: &str) -> Table {
        Table {
            id,
            title: title.into(),
            heads,
            rows,
            links: formats(path, &self.pinned),
            source: source(self.flows.window, &traffic(&self.flows.versions)),
            ..Table::default()
        }
    }

    pub(crate) fn packets(&self, totals: &FlowTotals) -> Table {
        let heads = vec![
            Head::text("packets of port 25"),
            Head::number("sampled"),
            Head::number("(%)").titled("of all sampled packets of port 25"),
        ];
        let kinds = [
            ("SMTP packets", totals.samples),
            ("SYN", totals.syn),
            ("SYN/ACK", totals.accepted),
            ("RST (of servers)", totals.reset),
            ("of clients, within connections", totals.established),
            ("of these full: a message under way", totals.full),
            ("of servers, within connections", totals.replies),
        ];
        let row = |(index, (name, count)): (usize, (&str, u64))| {
            let share = if index == 0 { String::new() } else { percent(count, totals.samples) };
            let head = Cell { is_head: true, ..Cell::words(name) };
            Row::of(vec![head, Cell::number(grouped(count)), Cell::number(share)])
        };
        let estimate = format!(
            "They stand for {} packets (± {} with 95 %, by what sampling leaves to chance, if all was sampled at one rate). FINs \
             are not told apart in the lake; spamtrail flow tells them.",
            grouped(totals.packets),
            grouped(totals.packets_within())
        );
        Table {
            sentence: "A SYN/ACK is an accepted connection: the counter that no sampling biases.".into(),
            notes: vec![estimate],
            ..self.table("packets", "Packets", heads, kinds.into_iter().enumerate().map(row).collect(), "/api/v1/flows")
        }
    }

    pub(crate) fn addresses(&self, totals: &FlowTotals) -> Table {
        let heads = vec![Head::text("role"), Head::number("addresses"), Head::number("(%)")];
        let roles = [
            ("client only", totals.clients),
            ("server only", totals.servers),
            ("both client & server", totals.both),
            ("neither", totals.neither),
        ];
        let row = |(name, count): (&str, u64)| {
            let head = Cell { is_head: true, ..Cell::words(name) };
            Row::of(vec![head, Cell::number(grouped(count)), Cell::number(percent(count, totals.addresses()))])
        };
        let mut rows: Vec<_> = roles.into_iter().map(row).collect();
        rows.push(Row::sum(vec![Cell::head("Total"), Cell::number(grouped(totals.addresses())), Cell::number("")]));
        Table {
            sentence: "A server is one that answered, not one that was asked; neither was only asked, or only refused."
                .into(),
            ..self.table("addresses", "Unique addresses", heads, rows, "/api/v1/flows")
        }
    }

    pub(crate) fn ases(&self, ases: &[FlowAs], order: AsOrder, shown: usize) -> Table {
        let sorted = |by: AsOrder, text: &str| Head {
            href: Some(format!("{}#ases", View { order: Some(by), ..self.view.clone() }.link("/flows"))),
            is_sorted: by == order,
            ..Head::number(text)
        };
        let heads = vec![
            Head::number("#"),
            Head::text("AS"),
            Head::text("name"),
            Head::text("country"),
            sorted(AsOrder::Clients, "clients"),
            sorted(AsOrder::Servers, "servers"),
            sorted(AsOrder::Both, "both"),
            Head::number("clients a server").titled("clients for each host that answered"),
            sorted(AsOrder::Samples, "samples"),
            Head::number("packets").titled("that stand behind these samples"),
        ];
        let rows = ases.iter().take(shown).enumerate().map(|(index, of)| self.system(index + 1, of)).collect();
        let mut notes = Vec::new();
        if let Some(last) = ases.get(NOTED - 1) {
            notes.push(format!("The {NOTED}th place has {} clients.", grouped(last.clients)));
        }
        if ases.is_empty() {
            notes.push("No sample in this period.".into());
        }
        Table {
            sentence:
                "Clients asked only, servers answered only, both did both. Many clients for each server is what access \
                       networks have; samples are those of its hosts as clients."
                    .into(),
            notes,
            ..self.table(
                "ases",
                &format!("AS numbers, the first {shown} by {}", order.name()),
                heads,
                rows,
                "/api/v1/flows/ases",
            )
        }
    }

    fn system(&self, place: usize, of: &FlowAs) -> Row {
        let name = of.asn.map_or(NONE.to_owned(), |asn| asn.to_string());
        let hosts = View { host_class: None, ..self.view.clone() }.held(Dimension::As, Some(&name));
        let servers = of.servers + of.both;
        let ratio = if servers == 0 { NONE.to_owned() } else { format!("{:.1}", of.clients as f64 / servers as f64) };
        let mut cells = vec![Cell::number(place.to_string())];
        cells.push(Cell::head(&name).linked(format!("{}#hosts", hosts.link("/flows"))));
        cells.extend([Cell::text(of.name.as_deref().unwrap_or(NONE)), country(of.country.as_deref())]);
        cells.extend([of.clients, of.servers, of.both].map(|count| Cell::number(grouped(count))));
        cells.push(Cell::number(ratio));
        cells.extend([of.samples, of.packets].map(|count| Cell::number(grouped(count))));
        Row::of(cells)
    }

    pub(crate) fn classes(&self, counts: &[HostCount]) -> Table {
        let heads = vec![
            Head::text("class"),
            Head::text("what it does"),
            Head::number("hosts"),
            Head::number("ASes"),
            Head::number("new").titled("of the hosts: no clients before, as far as is remembered"),
        ];
        let row = |count: &HostCount| {
            let class = of_class(count.class.as_deref());
            let view = View { host_class: class, skip: 0, ..self.view.clone() };
            let head = Cell { is_head: true, ..Cell::words(words(count.class.as_deref())) };
            Row::of(vec![
                head.linked(format!("{}#hosts", view.link("/flows"))),
                Cell::words(class.map_or(NONE, HostClass::sentence)),
                Cell::number(grouped(count.hosts)),
                Cell::number(grouped(count.ases)),
                Cell::number(grouped(count.new)),
            ])
        };
        let sentence = "By what was told last of each host in the period. A class is named only when it is far ahead of all \
                        others; the rest is undecided. Traffic shows that something is unusual, not whether it was permitted or \
                        meant.";
        Table {
            sentence: sentence.into(),
            notes: if counts.is_empty() {
                vec!["Nothing was told of any host in this period.".into()]
            } else {
                Vec::new()
            },
            ..self.table("classes", "Hosts by class", heads, counts.iter().map(row).collect(), "/api/v1/flows/classes")
        }
    }

    pub(crate) fn hosts(&self, shown: &Shown<'_>) -> Table {
        let heads = vec![
            Head::text("host"),
            Head::text("most likely"),
            Head::number("likely").titled("how likely that class is"),
            Head::text("AS"),
            Head::text("country"),
            Head::number("samples").titled("of it as a client of others"),
            Head::number("sent to").titled("addresses that it sent to, or tried to"),
            Head::number("unanswered").titled("of its requests for a connection"),
            Head::number("refused").titled("resets among what came back"),
            Head::text("why").titled("the weightiest reasons; the page of the host has all"),
        ];
        let title = match self.view.host_class {
            Some(class) => format!("Hosts: {}", class.words()),
            None => "Hosts called likely bot, or open server or relay".to_owned(),
        };
        let held: String =
            self.view.filters.iter().map(|held| format!(", {} {}", held.dimension, held.value)).collect();
        let (first, last) = (shown.skip + 1, shown.skip + shown.hosts.len());
        let place = if shown.hosts.is_empty() {
            String::new()
        } else {
            format!(": {first} to {last} of {}", grouped(shown.total))
        };
        let rows = shown.hosts.iter().map(|host| self.host(host)).collect();
        let path = "/api/v1/flows/hosts";
        Table {
            sentence: "The likeliest first, then by samples. What a host did is told, not what was in its mail.".into(),
            links: formats(path, &View { skip: shown.skip, ..self.pinned.clone() }),
            ..self.table("hosts", &format!("{title}{held}{place}"), heads, rows, path)
        }
    }

    fn host(&self, host: &FlowHost) -> Row {
        let reasons = host.evidence.iter().take(REASONS).map(String::as_str).collect::<Vec<_>>().join("; ");
        Row::of(vec![
            Cell::head(&host.address).linked(self.page_of(&host.address)),
            Cell::words(called(host)).titled(of_class(Some(&host.likeliest)).map_or("", HostClass::sentence)),
            Cell::number(likely(host.probability)),
            network(host.asn, host.as_name.as_deref()),
            code(host.country.as_deref()),
            Cell::number(grouped(host.samples)),
            Cell::number(grouped(host.destinations)),
            Cell::number(thousandths(host.unanswered)),
            Cell::number(thousandths(host.refused)),
            Cell::words(reasons).marked("t wrap"),
        ])
    }

    /// The page of a host.
    pub(crate) fn page_of(&self, address: &str) -> String {
        self.view.time().held(Dimension::Ip, Some(address)).link("/flows/host")
    }

    pub(crate) fn moves(&self, shown: &Shown<'_>) -> Vec<Tab> {
        let to = |text: &str, skip: usize| Tab {
            text: text.to_owned(),
            href: format!("{}#hosts", View { skip, ..self.pinned.clone() }.link("/flows")),
            is_here: false,
        };
        let mut moves = Vec::new();
        if shown.skip > 0 {
            moves.push(to("← before", shown.skip.saturating_sub(ROWS)));
        }
        if ((shown.skip + shown.hosts.len()) as u64) < shown.total && shown.hosts.len() == ROWS {
            moves.push(to("more →", shown.skip + ROWS));
        }
        if !self.view.filters.is_empty() {
            let all = View { filters: Vec::new(), skip: 0, ..self.view.clone() };
            moves.push(Tab {
                text: "of all networks".into(),
                href: format!("{}#hosts", all.link("/flows")),
                is_here: false,
            });
        }
        moves
    }

    /// The data of the heat map.
    pub(crate) fn hours(&self, hours: &[FlowHour]) -> Table {
        let heads = [Head::text("day (UTC)")].into_iter().chain((0..24).map(|hour| Head::number(&format!("{hour} h"))));
        let row = |(day, hours): (String, [Option<u64>; 24])| {
            let cells = hours.map(|count| Cell::number(count.map_or(NONE.to_owned(), grouped)));
            Row::of([Cell::head(&day)].into_iter().chain(cells).collect())
        };
        let rows = days(hours).into_iter().map(row).collect();
        let path = "/api/v1/flows/hours";
        let week = View { window: WEEK, ..self.pinned.clone() };
        Table {
            links: formats(path, &week),
            ..self.table("hours", "Sampled packets by hour", heads.collect(), rows, path)
        }
    }

    pub(crate) fn agents(&self, agents: &[Agent]) -> Table {
        let heads = vec![
            Head::text("agent").titled("the switch, by its own word, with its part"),
            Head::text("exporter").titled("who sent its datagrams"),
            Head::number("sFlow"),
            Head::number("sources").titled("interfaces and other sources"),
            Head::text("heard (UTC)"),
            Head::number("of the period").titled("five minutes in which it was heard"),
            Head::number("rate").titled("one of so many packets, by its word"),
            Head::number("measured").titled("the same by its counts"),
            Head::number("samples"),
            Head::number("lost").titled("samples missing by their numbers"),
            Head::number("datagrams lost"),
            Head::number("drops").titled("packets that it says it could not sample"),
            Head::number("restarts"),
        ];
        let notes = match agents.len() {
            0 => vec!["No agent was heard: nothing is known of this period.".to_owned()],
            AGENTS => vec![format!("Only the {AGENTS} with most samples are told.")],
            _ => Vec::new(),
        };
        Table {
            sentence: "How complete it is, by each agent's own numbers. An agent that is silent tells nothing of what passed it."
                .into(),
            notes,
            ..self.table(
                "coverage",
                "Coverage",
                heads,
                agents.iter().map(|agent| self.agent(agent)).collect(),
                "/api/v1/flows/coverage",
            )
        }
    }

    fn agent(&self, of: &Agent) -> Row {
        let lost = |count: u64| {
            let cell = Cell::number(grouped(count));
            if count > 0 { cell.marked("down") } else { cell }
        };
        let part = if of.sub_agent == 0 { String::new() } else { format!("/{}", of.sub_agent) };
        let (first, last) = (minute(&of.first_at.to_string()), minute(&of.last_at.to_string()));
        // The day is said once.
        let last =
            if of.first_at.day() == of.last_at.day() { last.split(' ').next_back().unwrap_or("") } else { &last };
        let heard = format!("{first} to {last}");
        let of_all = parts(self.flows.window);
        Row::of(vec![
            Cell::head(&format!("{}{part}", of.agent)),
            Cell::text(of.exporter.as_deref().unwrap_or(NONE)),
            Cell::number(of.version.to_string()),
            Cell::number(grouped(of.sources)),
            Cell::words(heard),
            Cell::number(format!("{} %", percent(of.heard.min(of_all), of_all))),
            Cell::number(rate(of.rate)),
            Cell::number(rate(of.measured)),
            Cell::number(grouped(of.samples)),
            lost(of.samples_lost),
            lost(of.datagrams_lost),
            lost(of.drops),
            Cell::number(grouped(of.restarts)),
        ])
    }

    pub(crate) fn receiver(&self, of: &Receiver) -> Table {
        let row = |name: &str, count: u64, is_loss: bool| {
            let cell = Cell::number(grouped(count));
            let cell = if is_loss && count > 0 { cell.marked("down") } else { cell };
            Row::of(vec![Cell { is_head: true, ..Cell::words(name) }, cell])
        };
        let mut rows = vec![row("packets of mail told", of.told, false)];
        rows.push(row("datagrams that the kernel dropped", of.kernel_drops, true));
        rows.extend(of.reasons.iter().map(|(reason, times)| row(&reason.replace('-', " "), *times, false)));
        Table {
            sentence: "What the receiver told, what it lost, and what it did not tell, by reason.".into(),
            ..self.table(
                "receiver",
                "The receiver",
                vec![Head::text("what"), Head::number("times")],
                rows,
                "/api/v1/flows/receiver",
            )
        }
    }
}

/// The heat map of whole days of hours.
pub(crate) fn heat(hours: &[FlowHour], title: &str) -> String {
    let days = days(hours).into_iter().map(|(name, hours)| Day { name, hours }).collect();
    heat::svg(&Heat { title, unit: "sampled packets", days, pattern: "unknown" })
}

/// Hours by day; what has not come yet is not known.
fn days(hours: &[FlowHour]) -> Vec<(String, [Option<u64>; 24])> {
    let mut days: Vec<(String, [Option<u64>; 24])> = Vec::new();
    for of in hours {
        let day = date(of.start);
        if days.last().is_none_or(|(last, _)| *last != day) {
            days.push((day, [None; 24]));
        }
        let hour = of.start.since(of.start.day()).as_secs() / HOUR.as_secs();
        if let (Some((_, day)), true) = (days.last_mut(), of.is_known) {
            day[hour as usize % 24] = Some(of.samples);
        }
    }
    days
}

/// Five minutes of a window.
fn parts(window: Window) -> u64 {
    window.length().as_secs().div_ceil(DAY.as_secs() / 288).max(1)
}
