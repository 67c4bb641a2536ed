//! The pages: what stands on each. They are rendered by templates and hold no logic of
//! counting.

use std::time::Duration;

use askama::Template;
use evidence::column::{
    COMPLAINTS, CUSTOMERS, Column, FINDINGS, HEARTBEATS, MESSAGES, SESSIONS, TRAFFIC_ASES, TRAFFIC_COVERAGE,
    TRAFFIC_HOSTS, TRAFFIC_VERDICTS,
};
use evidence::{Counter, Factor, QUARTER, Time, Window};
use statistics::{Asked, Dimension, Page, Question, RecordKind, SensorStatus, grouped, size};

use crate::chart::{self, Frame};
use crate::compared::comparison_title;
use crate::masthead::{Masthead, Tab, wider, windows};
use crate::refusal::Refusal;
use crate::table::{Cell, Head, Row, Table};
use crate::tables::{Tables, record_words, second};
use crate::view::View;

/// Said while there is no lake.
pub(crate) const NO_LAKE: &str = "There is no evidence lake yet: it comes into being when the collector starts.";

/// Records on a page.
const RECORDS: usize = 100;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    masthead: Masthead,
    summary: Table,
    /// Windows in which there may be something, when there is nothing in this one.
    wider: Vec<Tab>,
    is_empty: bool,
    chart: String,
    chart_title: String,
    series: Table,
    rankings: Vec<Table>,
}

#[derive(Template)]
#[template(path = "tables.html")]
pub(crate) struct OfTables {
    pub(crate) masthead: Masthead,
    pub(crate) tables: Vec<Table>,
    /// Words above the tables.
    pub(crate) lead: String,
    pub(crate) wider: Vec<Tab>,
    pub(crate) moves: Vec<Tab>,
}

#[derive(Template)]
#[template(path = "question.html")]
pub(crate) struct OfQuestions {
    pub(crate) masthead: Masthead,
    pub(crate) groups: Vec<Group>,
}

pub(crate) struct Group {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) asked: Vec<Asked>,
}

#[derive(Template)]
#[template(path = "method.html")]
struct Method {
    masthead: Masthead,
    questions: &'static [Question],
}

#[derive(Template)]
#[template(path = "columns.html")]
struct Columns {
    masthead: Masthead,
    columns: Vec<(&'static str, Vec<ColumnDoc>)>,
}

struct ColumnDoc {
    name: &'static str,
    kind: &'static str,
    exposure: &'static str,
    doc: &'static str,
}

pub(crate) async fn overview(page: &Page, view: &View) -> Result<String, Refusal> {
    let summary = page.summary().await?;
    let tables = Tables::new("/", view, page, &summary);
    let series = page.series(last_day(page.selection.window.until)).await?;
    let chart_title = "Emails and recipients over the last 24 hours, in quarters of an hour";
    let link = |start: Time| tables.quarter(start).link("/");
    let is_empty = summary.all.counts == statistics::Counts::default();
    let mut rankings = Vec::new();
    if !is_empty {
        let all = page.rankings(Dimension::TABLES.map(|dimension| (dimension, view.sort))).await?;
        rankings.extend(all.iter().map(|ranking| tables.ranking(ranking)));
    }
    let rendered = Overview {
        masthead: Masthead::new("/", view, page, &summary),
        summary: tables.summary(),
        wider: wider(view, "/"),
        is_empty,
        chart: chart::svg(&series, &Frame { title: chart_title, link: &link }),
        chart_title: chart_title.to_owned(),
        series: tables.series(&series),
        rankings,
    };
    Ok(rendered.render()?)
}

pub(crate) async fn ranking(page: &Page, view: &View) -> Result<String, Refusal> {
    let summary = page.summary().await?;
    let tables = Tables::new("/ranking", view, page, &summary);
    let table = match view.by {
        Some(Dimension::Sensor) | None => tables.summary(),
        Some(by) => tables.ranking(&page.ranking(by, view.sort).await?),
    };
    let others = Dimension::TABLES
        .into_iter()
        .chain([Dimension::Os, Dimension::Dialect, Dimension::Location, Dimension::Sensor])
        .map(|by| Tab {
            text: by.title().to_owned(),
            href: view.by(by).link("/ranking"),
            is_here: view.by == Some(by),
        });
    let is_empty = summary.all.counts == statistics::Counts::default();
    let rendered = OfTables {
        masthead: Masthead::new("/ranking", view, page, &summary),
        tables: vec![table],
        lead: if is_empty { NO_EMAIL.into() } else { String::new() },
        wider: if is_empty { wider(view, "/ranking") } else { Vec::new() },
        moves: others.collect(),
    };
    Ok(rendered.render()?)
}

const NO_EMAIL: &str = "No email in this window.";

pub(crate) async fn records(page: &Page, view: &View, kind: RecordKind) -> Result<String, Refusal> {
    let summary = page.summary().await?;
    let (path, title) = record_words(kind);
    let tables = Tables::new(path, view, page, &summary);
    let total = match kind {
        RecordKind::Emails => summary.all.counts.emails,
        RecordKind::Connections | RecordKind::Deliveries => summary.all.counts.connections,
        RecordKind::Probes => summary.all.probes,
    };
    let records = page.records_after(kind, view.skip, RECORDS).await?;
    // The next records are those of the same instant, or they would overlap.
    let pinned = view.at(Some(page.selection.window.until));
    let move_to = |text: &str, skip: usize| Tab {
        text: text.to_owned(),
        href: View { skip, ..pinned.clone() }.link(path),
        is_here: false,
    };
    let mut moves = Vec::new();
    if view.skip > 0 {
        moves.push(move_to("← newer", view.skip.saturating_sub(RECORDS)));
    }
    if ((view.skip + records.rows.len()) as u64) < total && records.rows.len() == RECORDS {
        moves.push(move_to("older →", view.skip + RECORDS));
    }
    let is_empty = records.rows.is_empty();
    let rendered = OfTables {
        masthead: Masthead::new(path, view, page, &summary),
        tables: vec![tables.records(&records, total)],
        lead: if is_empty { format!("{title}: none in this window.") } else { String::new() },
        wider: if is_empty { wider(view, path) } else { Vec::new() },
        moves,
    };
    Ok(rendered.render()?)
}

pub(crate) async fn compare(page: &Page, view: &View) -> Result<String, Refusal> {
    let summary = page.summary().await?;
    let tables = Tables::new("/compare", view, page, &summary);
    let mut compared = Vec::new();
    for factor in Factor::ALL {
        compared.push(tables.comparison(&page.comparison(factor).await?));
    }
    let lead = "Listeners differ in more than one factor, in place and in time: what is told for each hour of each \
                listener can be compared, and is no proof.";
    let masthead = Masthead::new("/compare", view, page, &summary);
    Ok(OfTables { masthead, tables: compared, lead: lead.into(), wider: Vec::new(), moves: Vec::new() }.render()?)
}

pub(crate) async fn question(page: &Page, view: &View) -> Result<String, Refusal> {
    let summary = page.summary().await?;
    let selection = &page.selection;
    let mut groups = Vec::new();
    match view.by {
        Some(by) if by != Dimension::Sensor => {
            groups.push(Group {
                id: "ranking",
                title: by.title(),
                asked: vec![selection.asked_for_ranking(by, view.sort)],
            });
        }
        _ => groups.push(Group { id: "summary", title: "Summary", asked: selection.asked_for_summary() }),
    }
    if view.by.is_none() {
        let day = last_day(selection.window.until);
        groups.push(Group {
            id: "series",
            title: "Emails and recipients over the last 24 hours",
            asked: selection.asked_for_series(day),
        });
        for kind in [RecordKind::Emails, RecordKind::Deliveries, RecordKind::Probes] {
            let (path, title) = record_words(kind);
            let asked = vec![selection.asked_for_records(kind, view.skip, RECORDS)];
            groups.push(Group { id: path.trim_start_matches('/'), title, asked });
        }
        for factor in Factor::ALL {
            let asked = selection.asked_for_comparison(factor);
            groups.push(Group { id: factor.name(), title: comparison_title(factor), asked });
        }
    }
    Ok(OfQuestions { masthead: Masthead::new("/question", view, page, &summary), groups }.render()?)
}

pub(crate) fn method() -> Result<String, Refusal> {
    let masthead = Masthead::plain("Method: what is counted, and how", "/method");
    Ok(Method { masthead, questions: &Question::ALL }.render()?)
}

/// The columns that queries can ask for.
pub(crate) fn columns() -> Result<String, Refusal> {
    let columns = vec![
        ("messages", docs(&MESSAGES)),
        ("sessions", docs(&SESSIONS)),
        ("heartbeats", docs(&HEARTBEATS)),
        ("customers", docs(&CUSTOMERS)),
        ("findings", docs(&FINDINGS)),
        ("complaints", docs(&COMPLAINTS)),
        ("traffic_hosts", docs(&TRAFFIC_HOSTS)),
        ("traffic_ases", docs(&TRAFFIC_ASES)),
        ("traffic_verdicts", docs(&TRAFFIC_VERDICTS)),
        ("traffic_coverage", docs(&TRAFFIC_COVERAGE)),
    ];
    Ok(Columns { masthead: Masthead::plain("The tables of the lake", "/method"), columns }.render()?)
}

fn docs<R>(columns: &[Column<R>]) -> Vec<ColumnDoc> {
    let doc = |column: &Column<R>| ColumnDoc {
        name: column.name,
        kind: column.kind.name(),
        exposure: column.exposure.name(),
        doc: column.doc,
    };
    columns.iter().map(doc).collect()
}

pub(crate) fn without_lake(view: &View) -> Result<String, Refusal> {
    let mut masthead = Masthead::plain("No evidence yet", "/");
    masthead.windows = windows(view, "/");
    let lead = format!("{NO_LAKE} This page shows the numbers as soon as it is there; nothing need be started again.");
    Ok(OfTables { masthead, tables: Vec::new(), lead, wider: Vec::new(), moves: Vec::new() }.render()?)
}

pub(crate) fn status(
    versions: &[statistics::TableVersion],
    sensors: &[SensorStatus],
    now: Time,
) -> Result<String, Refusal> {
    let up = sensors.iter().filter(|sensor| sensor.health == statistics::Health::Up).count();
    let drops: u64 = DROPS.iter().map(|drop| sensors.iter().map(|sensor| sensor.counter(*drop)).sum::<u64>()).sum();
    let mut masthead = Masthead::plain("Status", "/status");
    masthead.period = format!("At {} UTC", second(&now.to_string()));
    let lead = match sensors.len() {
        0 => "No sensor has given a sign of life in the last seven days.".to_owned(),
        known => format!("Sensors up: {up} / {known}. Drops and repairs counted: {}.", grouped(drops)),
    };
    let mut tables = vec![version_table(versions)];
    if !sensors.is_empty() {
        tables.splice(0..0, [sensor_table(sensors, now), counter_table(sensors)]);
    }
    Ok(OfTables { masthead, tables, lead, wider: Vec::new(), moves: Vec::new() }.render()?)
}

/// What a sensor counts when something was refused, failed or had to be repaired.
const DROPS: [Counter; 14] = [
    Counter::RefusedDisk,
    Counter::RefusedMemory,
    Counter::RefusedSize,
    Counter::Panics,
    Counter::BadProxyHeaders,
    Counter::AcceptErrors,
    Counter::RecordsRetried,
    Counter::TornBytes,
    Counter::LostSessions,
    Counter::RefusedCrowded,
    Counter::RefusedTooOften,
    Counter::SeatsTaken,
    Counter::RefusedListed,
    Counter::RefusedTooMany,
];

fn sensor_table(sensors: &[SensorStatus], now: Time) -> Table {
    let heads = vec![
        Head::text("sensor"),
        Head::text("state"),
        Head::text("last sign of life (UTC)"),
        Head::number("ago").titled("since the sensor wrote it"),
        Head::number("lag").titled("from its writing to the collector"),
        Head::text("running since (UTC)"),
        Head::text("version"),
        Head::number("open").titled("connections open"),
        Head::number("waiting").titled("segments not yet acknowledged by the collector"),
        Head::number("waiting bytes"),
        Head::number("of at most"),
        Head::number("clock offset").titled("estimated offset of the sensor's clock from UTC"),
        Head::number("uncertainty").titled("largest error of that clock"),
    ];
    let rows = sensors.iter().map(|sensor| {
        let name = sensor.sensor.to_string();
        let view = View::default().held(Dimension::Sensor, Some(&name));
        let state = sensor.health.name();
        let millis = |us: f64| format!("{:.3} ms", us / 1000.0);
        Row::of(vec![
            Cell::head(&name).linked(view.link("/")),
            Cell::text(state).marked(if state == "up" { "t up" } else { "t down" }),
            Cell::text(&second(&sensor.at.to_string())),
            Cell::number(ago(now.since(sensor.at))),
            Cell::number(format!("{:.1} s", sensor.lag().as_secs_f64())),
            Cell::text(&second(&sensor.started_at.to_string())),
            Cell::text(&sensor.version),
            Cell::number(grouped(sensor.open)),
            Cell::number(grouped(sensor.spool_segments)),
            Cell::number(size(sensor.spool_bytes)),
            Cell::number(size(sensor.spool_limit)),
            Cell::number(millis(sensor.clock_offset_us as f64)),
            Cell::number(sensor.clock_uncertainty_us.map_or("not synchronised".into(), |us| millis(us as f64))),
        ])
    });
    Table {
        id: "sensors",
        title: "Sensors".into(),
        sentence: "The last sign of life of each sensor that gave one in the last seven days. A sensor gives one each \
                   minute; after three minutes without one it is silent."
            .into(),
        heads,
        rows: rows.collect(),
        links: ["text", "csv", "json"]
            .map(|format| (format.to_owned(), format!("/api/v1/status?format={format}")))
            .into_iter()
            .collect(),
        ..Table::default()
    }
}

fn counter_table(sensors: &[SensorStatus]) -> Table {
    let mut heads = vec![Head::text("counter"), Head::text("what it counts"), Head::number("all")];
    heads.extend(sensors.iter().map(|sensor| Head::number(sensor.sensor.as_str())));
    let mut rows = Vec::new();
    for counter in Counter::ALL {
        let is_drop = DROPS.contains(&counter);
        let cell = |count: u64| {
            let cell = Cell::number(grouped(count));
            if is_drop && count > 0 { cell.marked("down") } else { cell }
        };
        let all = sensors.iter().map(|sensor| sensor.counter(counter)).sum();
        let mut cells = vec![Cell::head(&counter.name().replace('_', " ")), Cell::words(counter.doc()), cell(all)];
        cells.extend(sensors.iter().map(|sensor| cell(sensor.counter(counter))));
        rows.push(Row::of(cells));
    }
    Table {
        id: "counters",
        title: "Counters".into(),
        sentence: "What each sensor has counted since its program started: what it took in, then every drop, failure \
                   and repair, so that nothing is lost silently."
            .into(),
        heads,
        rows,
        ..Table::default()
    }
}

fn version_table(versions: &[statistics::TableVersion]) -> Table {
    let rows = versions.iter().map(|table| {
        Row::of(vec![
            Cell::head(table.table),
            Cell::number(table.version.to_string()),
            Cell::number(grouped(table.files as u64)),
            Cell::number(grouped(table.rows)),
        ])
    });
    Table {
        id: "tables",
        title: "Tables of the lake".into(),
        sentence: "The newest version of each table; pages name the versions they were computed from.".into(),
        heads: vec![Head::text("table"), Head::number("version"), Head::number("files"), Head::number("rows")],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// `12 s`, `3 min`, `5 h`, `2 d`.
pub(crate) fn ago(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// The 24 hours up to the end of the quarter of an hour in which a window ends.
pub(crate) fn last_day(until: Time) -> Window {
    let end = if until.quarter() == until { until } else { until.quarter() + QUARTER };
    Window { from: end - Duration::from_secs(86_400), until }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_has_96_quarters_the_last_of_which_may_be_running() {
        let time = |text: &str| text.parse::<Time>().unwrap();
        let day = last_day(time("2010-05-17T21:45:00Z"));
        assert_eq!(day.from, time("2010-05-16T21:45:00Z"));
        let day = last_day(time("2010-05-17T21:45:01Z"));
        assert_eq!((day.from, day.until), (time("2010-05-16T22:00:00Z"), time("2010-05-17T21:45:01Z")));
    }

    #[test]
    fn a_drop_is_whatever_is_not_taken_in() {
        let taken = Counter::ALL.into_iter().filter(|counter| !DROPS.contains(counter)).map(Counter::name);
        let expected = ["accepted", "sessions", "messages", "recipients", "bytes_received", "bytes_sent"];
        assert_eq!(taken.collect::<Vec<_>>(), expected);
    }
}
