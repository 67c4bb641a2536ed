//! The page of one host of sampled traffic: what it most likely is and why, its hours, its samples over time, and whether decoys
//! and logs saw its address. It calls no mail anything: no content is in samples.

use askama::Template;
use statistics::{Dimension, FlowBin, FlowFile, FlowTold, Found, HostClass, NONE, Sheet, TELLINGS, grouped};

use crate::bars::{self, Bars, Plot, Slot};
use crate::crosses::{self, day_of};
use crate::flow_words::{ahead, called, formats, of_class, thousandths, traffic};
use crate::flows;
use crate::heat::{self, Day, Heat};
use crate::masthead::{Masthead, Tab, moves};
use crate::queue::{date, diagnosis, likely, link, source};
use crate::refusal::Refusal;
use crate::table::{Cell, Head, Row, Table};
use crate::tables::{minute, second};
use crate::view::View;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

#[derive(Template)]
#[template(path = "flow-host.html")]
struct OfHost {
    masthead: Masthead,
    sentence: String,
    facts: Vec<(&'static str, String)>,
    evidence: Vec<String>,
    hours: Vec<Hours>,
    zone: String,
    chart: String,
    chart_title: String,
    volume: Table,
    others: Vec<String>,
    findings: Table,
    history: Table,
}

/// The hours of a host in one role.
struct Hours {
    title: &'static str,
    crosses: String,
    crosses_title: String,
    heat: String,
    heat_title: String,
    week: Table,
}

pub(crate) fn page(file: &FlowFile, view: &View) -> Result<String, Refusal> {
    let pinned = view.at(Some(file.window.until));
    let newest = file.told.first();
    let chart_title = format!("Samples of this host by {}", file.bin_name());
    let sentence = match newest {
        None => "Nothing was told of this host.".to_owned(),
        Some(told) => match of_class(told.host.class.as_deref()) {
            Some(HostClass::Undecided) | None => HostClass::Undecided.sentence().to_owned(),
            Some(class) => class.sentence().to_owned(),
        },
    };
    let rendered = OfHost {
        masthead: masthead(file, view),
        sentence,
        facts: newest.map(facts).unwrap_or_default(),
        evidence: newest.map(|told| told.host.evidence.clone()).unwrap_or_default(),
        hours: newest.map(|told| hours(file, told, &pinned)).unwrap_or_default(),
        zone: newest.map(|told| zone(told.zone)).unwrap_or_default(),
        chart: bars::svg(&drawn(file, &chart_title)),
        chart_title,
        volume: volume(file, &pinned),
        others: others(file),
        findings: findings(file, view),
        history: history(file, &pinned),
    };
    Ok(rendered.render()?)
}

/// The hours of a host's week for programs: none where nothing was told of it.
pub(crate) fn week(file: &FlowFile) -> Sheet {
    let none = || Sheet::new("hour", &["day", "hour", "samples", "server_samples"], Vec::new());
    file.told.first().map_or_else(none, FlowTold::week_sheet)
}

fn masthead(file: &FlowFile, view: &View) -> Masthead {
    let called = file.told.first().map_or("nothing was told of it".to_owned(), |told| called(&told.host));
    let list = Tab { text: "← to the list".into(), href: view.time().link("/flows"), is_here: false };
    let of_list = flows::masthead(view, file.window);
    // The newest five minutes are of all hosts.
    let windows = of_list.windows.into_iter().filter(|tab| !tab.href.starts_with("/flows/live"));
    let windows = windows.map(|tab| Tab { href: tab.href.replacen("/flows?", "/flows/host?", 1), ..tab });
    Masthead {
        title: format!("{}: {called}", file.address),
        windows: windows.collect(),
        moves: [list].into_iter().chain(moves(view, file.window, "/flows/host")).collect(),
        fields: Vec::new(),
        ..of_list
    }
}

fn facts(told: &FlowTold) -> Vec<(&'static str, String)> {
    let host = &told.host;
    let day = |at: Option<evidence::Time>| at.map_or(NONE.to_owned(), date);
    let network = format!(
        "{}{}, AS {} {}, {}",
        told.prefix.as_deref().unwrap_or(NONE),
        if told.announced || told.prefix.is_none() { "" } else { "~" },
        host.asn.map_or(NONE.to_owned(), |asn| asn.to_string()),
        host.as_name.as_deref().unwrap_or(""),
        host.country.as_deref().unwrap_or(NONE)
    );
    let new = match host.is_new {
        Some(true) => ", which is new",
        Some(false) => ", which is not new",
        None => "; whether that is new is not known",
    };
    let about = if told.exact { "" } else { "about " };
    vec![
        ("most likely", format!("{} ({})", called(host), likely(host.probability))),
        ("told", format!("{}, of {} days", second(&host.told_at.to_string()), host.window_days)),
        ("network", network),
        ("role", host.role.replace('-', " ")),
        (
            "as a client",
            format!(
                "{} samples, which stand for {} packets: {} requests, {} packets within connections, {} of them full; back came {} \
                 acceptances, {} resets, {} replies",
                grouped(host.samples),
                grouped(host.packets),
                grouped(told.syn),
                grouped(told.established),
                grouped(told.full),
                grouped(told.accepted),
                grouped(told.reset),
                grouped(told.replies)
            ),
        ),
        ("sent to", format!("{about}{} addresses in {} networks", grouped(host.destinations), grouped(told.networks))),
        ("unanswered", format!("{} of its requests", thousandths(host.unanswered))),
        ("refused", format!("{} of what came back", thousandths(host.refused))),
        (
            "as a server",
            format!(
                "{} samples: {} acceptances, {} resets; {} clients on the day with most",
                grouped(host.server_samples),
                grouped(told.server_accepted),
                grouped(told.server_reset),
                grouped(host.clients)
            ),
        ),
        ("system", if host.systems.is_empty() { NONE.to_owned() } else { host.systems.clone() }),
        ("neighbours", format!("{} other clients in its /24 or /48", grouped(told.neighbours))),
        (
            "days",
            format!(
                "a client on {} of {} days, first on {}{new}",
                host.active_days,
                host.window_days,
                day(host.first_seen)
            ),
        ),
    ]
}

/// `1 email`, `2 emails`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `UTC+3`, `UTC-5:30`.
fn zone(minutes: i64) -> String {
    let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
    match minutes % 60 {
        0 => format!("UTC{sign}{}", minutes / 60),
        rest => format!("UTC{sign}{}:{rest:02}", minutes / 60),
    }
}

fn hours(file: &FlowFile, told: &FlowTold, pinned: &View) -> Vec<Hours> {
    let roles = [("as a client", &told.client_week, "client"), ("as a server", &told.server_week, "server")];
    let of = |(title, week, pattern): (&'static str, &Vec<u64>, &'static str)| {
        let heat_title = format!("Samples of it {title} by day of the week and hour");
        let crosses_title = format!("Samples of it {title} by hour of the day");
        let day = |(name, hours): (&&str, &[u64])| Day {
            name: (*name).to_owned(),
            hours: std::array::from_fn(|hour| hours.get(hour).copied()),
        };
        let days: Vec<_> = DAYS.iter().zip(week.chunks(24)).map(day).collect();
        let table = of_week(file, &days, pattern, pinned);
        Hours {
            title,
            crosses: crosses::svg(&day_of(week), &crosses_title),
            crosses_title,
            heat: heat::svg(&Heat { title: &heat_title, unit: "samples", days, pattern }),
            heat_title,
            week: table,
        }
    };
    roles.into_iter().filter(|(_, week, _)| week.iter().any(|count| *count > 0)).map(of).collect()
}

/// The data of a heat map.
fn of_week(file: &FlowFile, days: &[Day], id: &'static str, pinned: &View) -> Table {
    let heads = [Head::text("day")].into_iter().chain((0..24).map(|hour| Head::number(&format!("{hour} h"))));
    let row = |day: &Day| {
        let cells = day.hours.map(|count| Cell::number(count.map_or(NONE.to_owned(), grouped)));
        Row::of([Cell::head(&day.name)].into_iter().chain(cells).collect())
    };
    let (heads, rows) = (heads.collect(), days.iter().map(row).collect());
    Table {
        links: formats("/api/v1/flows/week", pinned),
        ..table(file, id, "Samples by day of the week and hour".into(), heads, rows)
    }
}

fn table(file: &FlowFile, id: &'static str, title: String, heads: Vec<Head>, rows: Vec<Row>) -> Table {
    let source = source(file.window, &traffic(&file.versions));
    Table { id, title, heads, rows, source, ..Table::default() }
}

fn drawn<'t>(file: &FlowFile, title: &'t str) -> Bars<'t> {
    let slot = |bin: &FlowBin| Slot {
        start: bin.client.start,
        is_known: bin.client.is_known,
        is_running: file.window.until < bin.client.start + file.bin,
        values: vec![
            bin.client.samples.saturating_sub(bin.client.syn),
            bin.client.syn.min(bin.client.samples),
            bin.server_samples,
        ],
        words: format!(
            "{}: {} samples as a client, {} of them requests; {} as a server",
            minute(&bin.client.start.to_string()),
            grouped(bin.client.samples),
            grouped(bin.client.syn),
            grouped(bin.server_samples)
        ),
        href: None,
    };
    let mut plots = vec![Plot { layers: &[("as a client", 'e'), ("requests (SYN)", 'v')], is_hatched: true }];
    if file.volume.iter().any(|bin| bin.server_samples > 0) {
        plots.push(Plot { layers: &[("as a server", 'r')], is_hatched: true });
    }
    Bars { title, slots: file.volume.iter().map(slot).collect(), plots }
}

/// The data of the chart.
fn volume(file: &FlowFile, pinned: &View) -> Table {
    let numbers = ["samples", "packets", "SYN", "in connections", "full", "SYN/ACK", "RST", "replies", "as a server"];
    let heads = [Head::text("time (UTC)")].into_iter().chain(numbers.map(Head::number)).collect();
    let row = |bin: &FlowBin| {
        let of = &bin.client;
        let counts = [of.samples, of.packets, of.syn, of.established, bin.full, of.accepted, of.reset, of.replies];
        let counts = counts.into_iter().chain([bin.server_samples]).map(|count| Cell::number(grouped(count)));
        [Cell::head(&minute(&of.start.to_string()))].into_iter().chain(counts).collect()
    };
    let has_any = |bin: &&FlowBin| bin.client.samples + bin.server_samples > 0;
    let rows = file.volume.iter().filter(has_any).map(row).map(Row::of).collect();
    Table {
        links: formats("/api/v1/flows/volume", pinned),
        ..table(file, "volume", "Samples over time".into(), heads, rows)
    }
}

/// Whether decoys saw it, and who was first.
fn others(file: &FlowFile) -> Vec<String> {
    let asked = format!("{} to {} GMT", file.others.from.to_page(), file.others.until.to_page());
    let sample = file.first_sample;
    let lead = |name: &str, at| {
        sample.map_or(String::new(), |sample| format!(" First: {}.", ahead("a sample", name, sample, at)))
    };
    let decoys = match &file.decoys {
        None => format!("No decoy saw this address ({asked})."),
        Some(seen) => format!(
            "From this address {} and {} came to {}, the first at {}, the last at {} ({asked}).{}",
            counted(seen.connections, "connection"),
            counted(seen.emails, "email"),
            counted(seen.sensors, "sensor"),
            seen.first_at.to_page(),
            seen.last_at.to_page(),
            lead("a decoy", seen.first_at)
        ),
    };
    let logs = match file.findings.iter().map(|found| found.first_seen).min() {
        None => format!("No finding in logs of mail servers is about this address ({asked})."),
        Some(at) => format!("Findings in logs of mail servers are about this address.{}", lead("a line of a log", at)),
    };
    vec![decoys, logs, "Of IPv6 its /64 is looked for. An address may have changed hands between.".into()]
}

fn findings(file: &FlowFile, view: &View) -> Table {
    let heads = vec![
        Head::text("finding"),
        Head::text("class"),
        Head::text("diagnosis"),
        Head::number("likely").titled("how likely abuse is"),
        Head::text("first seen (UTC)"),
        Head::text("last seen (UTC)"),
    ];
    let row = |found: &Found| {
        let time = View { window: View::default().window, ..view.time() };
        Row::of(vec![
            Cell::head(&found.finding.to_string()).linked(link(&time, found.finding)),
            Cell::text(&found.class),
            diagnosis(&found.diagnosis),
            Cell::number(likely(found.probability)),
            Cell::words(minute(&found.first_seen.to_string())),
            Cell::words(minute(&found.last_seen.to_string())),
        ])
    };
    table(file, "findings", "In logs".into(), heads, file.findings.iter().map(row).collect())
}

fn history(file: &FlowFile, pinned: &View) -> Table {
    let heads = vec![
        Head::text("told (UTC)"),
        Head::text("most likely"),
        Head::number("likely"),
        Head::text("role"),
        Head::number("samples"),
        Head::number("sent to"),
        Head::number("unanswered"),
        Head::number("refused"),
        Head::number("days").titled("active, of those looked at"),
    ];
    let row = |told: &FlowTold| {
        let host = &told.host;
        Row::of(vec![
            Cell::head(&second(&host.told_at.to_string())),
            Cell::words(called(host)),
            Cell::number(likely(host.probability)),
            Cell::words(host.role.replace('-', " ")),
            Cell::number(grouped(host.samples)),
            Cell::number(grouped(host.destinations)),
            Cell::number(thousandths(host.unanswered)),
            Cell::number(thousandths(host.refused)),
            Cell::number(format!("{} of {}", host.active_days, host.window_days)),
        ])
    };
    let notes = (file.told.len() == TELLINGS).then(|| format!("Only the newest {TELLINGS} are shown."));
    Table {
        sentence: "Each telling of the month before the end of the period, the newest first.".into(),
        notes: notes.into_iter().collect(),
        links: formats("/api/v1/flows/host", &pinned.held(Dimension::Ip, Some(&file.address.to_string()))),
        ..table(file, "told", "What was told of it".into(), heads, file.told.iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_said_as_people_do() {
        assert_eq!([0, 180, -330, 345].map(zone), ["UTC+0", "UTC+3", "UTC-5:30", "UTC+5:45"]);
    }
}
