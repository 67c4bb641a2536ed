//! The pages about customers, from the logs of a provider's own mail servers: the queue of the abuse desk, the figures of
//! each day, and the same for programs. Names of accounts and lines of logs are on none of them.

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use evidence::{Span, Time, Window};
use findings::Class;
use statistics::{
    Case, CaseFile, Cases, ClassCount, DAY, DeskDay, Sent, Sheet, Sighting, Snapshot, TableVersion, Told, Took, Which,
    asked_for_cases,
};

use crate::masthead::{Field, Masthead, Tab, moves};
use crate::page::{Group, OfQuestions, OfTables};
use crate::queue::Tables;
use crate::refusal::Refusal;
use crate::table::Table;
use crate::view::{Format, View};
use crate::{api, bars, finding, flows};

/// What can be asked for about customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Customers {
    /// The queue and the figures.
    Queue,
    Finding,
    /// The SQL behind either.
    Question,
    /// The same for programs.
    Api(Rows),
}

/// Rows for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Queue,
    Classes,
    Days,
    Times,
    Decoys,
    Finding,
    History,
    Volume,
}

/// Said where no log of a mail server was read.
pub(crate) const NO_MAIL: &str = "No log of a mail server was read into this lake yet: spamtrail maillog --data DIR \
                                  FILE... does it, with the folder that holds the lake.";

/// Where names of accounts are to be had.
const PERSONAL: &str = "Names of accounts and lines of logs are personal, and on no page.";

/// Findings on a page, and in an answer when nobody says how many.
pub(crate) const ROWS: usize = 50;
const ROWS_FOR_PROGRAMS: u64 = 500;

/// The least that is shown of days: one says little.
const LEAST: Duration = Duration::from_secs(30 * 86_400);

/// The most: of a longer window its end. More bars would be narrower than a line.
const MAX_DAYS: Duration = Duration::from_secs(400 * 86_400);

/// The windows that are a click away, and what they are called.
const WINDOWS: [(u64, &str); 3] = [(30, "30 days"), (90, "90 days"), (365, "year")];

#[derive(Template)]
#[template(path = "customers.html")]
struct OfCustomers {
    masthead: Masthead,
    classes: Table,
    queue: Table,
    moves: Vec<Tab>,
    is_empty: bool,
    personal: &'static str,
    chart: String,
    chart_title: String,
    days: Table,
    times: Table,
    decoys: Table,
}

/// Parameters of these pages alone are refused on the others.
pub(crate) fn is_not_asked(view: &View) -> Result<(), Refusal> {
    match (view.id, view.class) {
        (None, None) => Ok(()),
        (Some(_), _) => Err(Refusal::parameter("id", "only pages of one finding have it")),
        (_, Some(_)) => Err(Refusal::parameter("class", "only the queue of findings has this one")),
    }
}

impl Customers {
    /// Whether it can be had of a view.
    pub(crate) fn check(self, view: &View) -> Result<(), Refusal> {
        flows::is_not_asked(view)?;
        let has_id = matches!(self, Self::Finding | Self::Api(Rows::Finding | Rows::History | Rows::Volume));
        if has_id && view.id.is_none() {
            return Err(Refusal::parameter("id", "it is missing: the number of a finding"));
        }
        if !has_id && self != Self::Question && view.id.is_some() {
            return Err(Refusal::parameter("id", "only pages of one finding have it"));
        }
        if let Some(filter) = view.filters.first() {
            return Err(Refusal::parameter(filter.dimension.name(), "findings are not held to it"));
        }
        if view.by.is_some() {
            return Err(Refusal::parameter("by", "findings are not ranked"));
        }
        Ok(())
    }
}

/// Whether any log of a mail server was read.
fn has_mail(snapshot: &Snapshot) -> bool {
    snapshot.versions().iter().any(|table| table.table == "findings")
}

pub(crate) async fn render(of: Customers, snapshot: &Snapshot, until: Time, view: &View) -> Result<String, Refusal> {
    if !has_mail(snapshot) {
        return without_mail(of, view);
    }
    match of {
        Customers::Queue => queue(&Cases::load(snapshot, window(view, until)).await?, view).await,
        Customers::Finding => finding::page(&file(snapshot, until, view).await?, until, view),
        Customers::Question => question(snapshot, until, view).await,
        Customers::Api(rows) => rows.answer(snapshot, until, view).await,
    }
}

/// The page, or the refusal, where there is nothing to tell.
pub(crate) fn without_mail(of: Customers, view: &View) -> Result<String, Refusal> {
    if let Customers::Api(_) = of {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_MAIL));
    }
    let masthead = Masthead { title: "Customers".into(), ..Masthead::pages(view, "/customers") };
    let lead = format!("{NO_MAIL} This page shows what was found as soon as it is there.");
    Ok(OfTables { masthead, tables: Vec::new(), lead, wider: Vec::new(), moves: Vec::new() }.render()?)
}

async fn file(snapshot: &Snapshot, until: Time, view: &View) -> Result<CaseFile, Refusal> {
    let file = CaseFile::load(snapshot, view.id.unwrap_or_default(), until).await?;
    file.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "There was no finding of this number then."))
}

async fn question(snapshot: &Snapshot, until: Time, view: &View) -> Result<String, Refusal> {
    let groups = match view.id {
        Some(_) => {
            let asked = file(snapshot, until, view).await?.asked(until);
            vec![Group { id: "finding", title: "One finding", asked }]
        }
        None => {
            let asked = asked_for_cases(window(view, until), which(view), view.skip, ROWS);
            vec![Group { id: "customers", title: "The queue, and figures by day", asked }]
        }
    };
    let masthead = Masthead { title: "The question: customers".into(), ..Masthead::pages(view, "/customers/question") };
    Ok(OfQuestions { masthead, groups }.render()?)
}

impl Rows {
    async fn answer(self, snapshot: &Snapshot, until: Time, view: &View) -> Result<String, Refusal> {
        let window = window(view, until);
        let cases = async || Cases::load(snapshot, window).await;
        let (sheet, window) = match self {
            Self::Queue => {
                let rows = usize::try_from(view.top.unwrap_or(ROWS_FOR_PROGRAMS)).unwrap_or(usize::MAX);
                (Case::sheet(&cases().await?.queue(which(view), view.skip, rows).await?), window)
            }
            Self::Classes => (ClassCount::sheet(&cases().await?.classes().await?), window),
            Self::Days => (DeskDay::sheet(&cases().await?.days().await?), window),
            Self::Times => (Took::sheet(&cases().await?.times().await?), window),
            Self::Decoys => (Sighting::sheet(&cases().await?.sightings().await?), window),
            Self::Finding | Self::History | Self::Volume => {
                let file = file(snapshot, until, view).await?;
                let sheet = match self {
                    Self::Finding => Case::sheet(std::slice::from_ref(&file.case)),
                    Self::History => Told::sheet(&file.history),
                    _ => Sent::sheet(&file.volume),
                };
                (sheet, file.window)
            }
        };
        written(&sheet, window, &snapshot.versions(), view.format)
    }
}

/// A sheet; in JSON, after a line that says what it is computed from.
pub(crate) fn written(
    sheet: &Sheet,
    window: Window,
    versions: &[TableVersion],
    format: Format,
) -> Result<String, Refusal> {
    let mut head = Vec::new();
    if format == Format::Json {
        statistics::write_json_head(&mut head, window, versions)?;
    }
    Ok(String::from_utf8(head).map_err(Refusal::inside)? + &api::sheet(sheet, format)?)
}

fn which(view: &View) -> Which {
    view.class.map_or(Which::ToDo, Which::Of)
}

/// The days that are shown: whole ones but for the last, which may be running.
fn window(view: &View, until: Time) -> Window {
    let end = if until.day() == until { until } else { until.day() + DAY };
    let span = view.window.0.clamp(LEAST, MAX_DAYS);
    Window { from: (end - span).day(), until }
}

async fn queue(cases: &Cases, view: &View) -> Result<String, Refusal> {
    let (shown, classes, days, times, sightings) = tokio::try_join!(
        cases.queue(which(view), view.skip, ROWS),
        cases.classes(),
        cases.days(),
        cases.times(),
        cases.sightings(),
    )?;
    let tables = Tables { cases, view, pinned: view.at(Some(cases.window.until)) };
    let total = classes.iter().map(|count| in_queue(count, view.class)).sum();
    let chart_title = "Customers that send spam or viruses, by the day on which they were first called abuse, and \
                       complaints of others that came in";
    let rendered = OfCustomers {
        masthead: masthead(view, cases.window),
        classes: tables.classes(&classes),
        queue: tables.queue(&shown, total),
        moves: tables.moves(shown.len(), total),
        is_empty: shown.is_empty(),
        personal: PERSONAL,
        chart: bars::svg(&tables.bars(&days, chart_title)),
        chart_title: chart_title.to_owned(),
        days: tables.days(&days),
        times: tables.times(&times),
        decoys: tables.decoys(&sightings),
    };
    Ok(rendered.render()?)
}

fn masthead(view: &View, window: Window) -> Masthead {
    let days = window.until.since(window.from).as_secs().div_ceil(DAY.as_secs());
    let span = Span(DAY * u32::try_from(days).unwrap_or(u32::MAX));
    let tab = |(days, name): (u64, &str)| {
        let length = Span(Duration::from_secs(days * DAY.as_secs()));
        Tab { text: name.to_owned(), href: view.window(length).link("/customers"), is_here: span == length }
    };
    let last = if view.at.is_none() { "last " } else { "" };
    let class = view.class.map(|class| Tab {
        text: format!("class {}", class.name()),
        href: View { class: None, skip: 0, ..view.clone() }.link("/customers"),
        is_here: false,
    });
    let field = |name, value, hint| Field { name, value, hint };
    Masthead {
        title: format!("Customers: {last}{days} days"),
        period: format!("Period: {} to {} GMT", window.from.to_page(), window.until.to_page()),
        windows: WINDOWS.map(tab).into_iter().collect(),
        held: class.into_iter().collect(),
        moves: moves(view, window, "/customers"),
        action: "/customers",
        fields: vec![
            field("window", span.to_string(), "30d, 365d"),
            field("at", view.at.map_or(String::new(), |at| at.to_string()), "2026-11-24T21:45 or 2d; empty: now"),
            field(
                "class",
                view.class.map_or(String::new(), |class| class.name().into()),
                "abuse, trouble, harmless, watch",
            ),
        ],
        ..Masthead::pages(view, "/customers")
    }
}

/// How many of a class are in the queue.
fn in_queue(count: &ClassCount, class: Option<Class>) -> u64 {
    let open = count.customers + count.remotes;
    match class {
        Some(class) if class.name() == count.class => open + count.closed,
        None if ["abuse", "trouble"].contains(&count.class.as_str()) => open,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_not_fewer_than_thirty() {
        let time = |text: &str| text.parse::<Time>().unwrap();
        let of = |query: &str, until: &str| window(&View::parse(query, Time::default()).unwrap(), time(until));
        let days = of("", "2026-11-24T10:00:00Z");
        assert_eq!((days.from, days.until), (time("2026-10-26T00:00:00Z"), time("2026-11-24T10:00:00Z")));
        assert_eq!(of("window=1d", "2026-11-25T00:00:00Z").from, time("2026-10-26T00:00:00Z"));
        assert_eq!(of("window=90d", "2026-11-25T00:00:00Z").length(), DAY * 90);
        assert_eq!(of("window=3660d", "2026-11-25T00:00:00Z").length(), DAY * 400);
    }
}
