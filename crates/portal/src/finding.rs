//! The page of one finding: what it means, why, what was told of it when, what was sent, and whether decoys saw it. The
//! name of an account and the lines of logs are not on it; it says where they are to be had.

use askama::Template;
use evidence::Time;
use findings::{Diagnosis, Rule};
use statistics::{CHANGES, CaseFile, NONE, Sent, Told, grouped, size};

use crate::bars::{self, Bars, Plot, Slot};
use crate::masthead::{Masthead, Tab};
use crate::queue::{date, diagnosis, formats, lead_words, likely, link, source, state, who};
use crate::refusal::Refusal;
use crate::table::{Cell, Head, Row, Table};
use crate::tables::{minute, second};
use crate::view::View;

#[derive(Template)]
#[template(path = "finding.html")]
struct OfFinding {
    masthead: Masthead,
    sentence: &'static str,
    facts: Vec<Fact>,
    rules: Table,
    /// What speaks against abuse.
    against: Vec<String>,
    chart: String,
    chart_title: String,
    volume: Table,
    history: Table,
    decoys: String,
    number: u64,
}

/// A line of the list of facts.
struct Fact {
    name: &'static str,
    text: String,
    href: Option<String>,
}

/// What begins a reason that speaks against abuse.
const AGAINST: &str = "against abuse: ";

pub(crate) fn page(file: &CaseFile, until: Time, view: &View) -> Result<String, Refusal> {
    let case = &file.case;
    let pinned = view.at(Some(until));
    let chart_title = format!("What this party sent, by {}", file.bin_name());
    let against = case.reasons.iter().filter_map(|reason| reason.strip_prefix(AGAINST));
    let rendered = OfFinding {
        masthead: masthead(file, until, view),
        sentence: Diagnosis::parse(&case.diagnosis).map_or("", Diagnosis::sentence),
        facts: facts(file, view),
        rules: rules(file, &pinned),
        against: against.map(str::to_owned).collect(),
        chart: bars::svg(&drawn(file, &chart_title)),
        chart_title,
        volume: volume(file, &pinned),
        history: history(file, &pinned),
        decoys: decoys(file),
        number: case.finding,
    };
    Ok(rendered.render()?)
}

fn masthead(file: &CaseFile, until: Time, view: &View) -> Masthead {
    let live = |text: &str, at| Tab { text: text.into(), href: view.at(at).link("/customers/finding"), is_here: false };
    let queue = Tab { text: "← to the queue".into(), href: view.time().link("/customers"), is_here: false };
    Masthead {
        title: format!("Finding {}: {}", file.case.finding, file.case.diagnosis.replace('-', " ")),
        period: format!("As it was told before {} GMT", until.to_page()),
        moves: vec![
            queue,
            if view.at.is_some() { live("now", None) } else { live("hold at this instant", Some(until)) },
        ],
        ..Masthead::pages(&view.time(), "/customers/finding")
    }
}

fn facts(file: &CaseFile, view: &View) -> Vec<Fact> {
    let case = &file.case;
    let instant = |at: Option<Time>| at.map_or(NONE.to_owned(), |at| second(&at.to_string()));
    let fact = |name, text: String| Fact { name, text, href: None };
    let network = match (&case.prefix, case.asn) {
        (None, None) => NONE.to_owned(),
        (prefix, asn) => format!(
            "{}{}, AS {} {}, {}",
            prefix.as_deref().unwrap_or(NONE),
            if case.announced { "" } else { "~" },
            asn.map_or(NONE.to_owned(), |asn| asn.to_string()),
            case.as_name.as_deref().unwrap_or(""),
            case.country.as_deref().unwrap_or(NONE)
        ),
    };
    let words = case.words().into_iter().map(|(word, at)| format!("{word} {}", second(&at.to_string())));
    let words = words.collect::<Vec<_>>().join(", ");
    let mut facts = vec![
        fact("who", who(case).text),
        fact("network", network),
        fact("class", format!("{}, abuse is {} likely", case.class, likely(case.probability))),
        fact("state", state(case).into()),
        fact("words", if words.is_empty() { "nobody said anything".into() } else { words }),
        fact("first seen", instant(Some(case.first_seen))),
        fact("last seen", instant(Some(case.last_seen))),
        fact("told", instant(Some(case.opened_at))),
        fact("called abuse", instant(case.abuse_since)),
        fact("ended", instant(case.ended_at)),
        fact("volume", {
            let [messages, recipients, failed] = [case.messages, case.recipients, case.failed].map(grouped);
            let [strangers, spams, viruses] = [case.strangers, case.spams, case.viruses].map(grouped);
            format!(
                "{messages} messages to {recipients} recipients; of them {failed} do not exist and {strangers} never had \
                 mail from there; {spams} called spam, {viruses} with viruses"
            )
        }),
    ];
    if let Some(before) = case.again {
        let href = Some(link(&view.time(), before));
        facts.push(Fact { name: "before it", text: format!("finding {before} of the same party"), href });
    }
    facts
}

fn table(file: &CaseFile, id: &'static str, title: String, heads: Vec<Head>, rows: Vec<Row>) -> Table {
    let source = source(file.window, &file.versions);
    Table { id, title, heads, rows, source, ..Table::default() }
}

/// The rules that hold, each with what it read.
fn rules(file: &CaseFile, pinned: &View) -> Table {
    let case = &file.case;
    // Each rule that holds has its reason, in the same order.
    let mut reasons = case.reasons.iter().filter(|reason| !reason.starts_with(AGAINST));
    let row = |id: &String| {
        let rule = Rule::parse(id);
        let reason = reasons.next().map_or(NONE, String::as_str);
        let reason = reason.split_once(": ").map_or(reason, |(_, read)| read);
        Row::of(vec![
            Cell::head(id),
            Cell::words(rule.map_or(NONE, Rule::name)),
            Cell::words(reason),
            Cell::number(rule.map_or(NONE.to_owned(), |rule| format!("{:.1}", rule.definition().weight))),
        ])
    };
    let rows = case.rules.iter().map(row).collect();
    let heads = vec![
        Head::text("rule"),
        Head::text("name"),
        Head::text("what it read, and its threshold"),
        Head::number("weight").titled("at its threshold: 2.3 makes abuse ten times as likely"),
    ];
    Table {
        sentence: "The rules that hold, with the greatest number of each.".into(),
        links: formats("/api/v1/customers/finding", pinned),
        ..table(file, "rules", "Why".into(), heads, rows)
    }
}

fn drawn<'t>(file: &CaseFile, title: &'t str) -> Bars<'t> {
    let bin = file.bin;
    let slot = |sent: &Sent| Slot {
        start: sent.start,
        is_known: sent.is_known,
        is_running: file.window.until < sent.start + bin,
        values: vec![sent.messages, sent.recipients.saturating_sub(sent.failed), sent.failed.min(sent.recipients)],
        words: format!(
            "{}: {} messages, {} recipients, {} of them failed",
            minute(&sent.start.to_string()),
            grouped(sent.messages),
            grouped(sent.recipients),
            grouped(sent.failed)
        ),
        href: None,
    };
    let plots = vec![
        Plot { layers: &[("messages", 'e')], is_hatched: true },
        Plot { layers: &[("recipients", 'r'), ("failed", 'v')], is_hatched: true },
    ];
    Bars { title, slots: file.volume.iter().map(slot).collect(), plots }
}

/// The data of the chart.
fn volume(file: &CaseFile, pinned: &View) -> Table {
    let numbers = [
        "messages",
        "bytes",
        "recipients",
        "delivered",
        "deferred",
        "failed",
        "refused",
        "spam",
        "viruses",
        "bad logins",
    ];
    let name = if file.bin_name() == "day" { "day (UTC)" } else { "hour (UTC)" };
    let heads = [Head::text(name)].into_iter().chain(numbers.map(Head::number)).collect();
    let row = |sent: &Sent| {
        let counts = [sent.recipients, sent.delivered, sent.deferred, sent.failed, sent.refused];
        let more = [sent.spams, sent.viruses, sent.logins_failed];
        let start = if file.bin_name() == "day" { date(sent.start) } else { minute(&sent.start.to_string()) };
        let mut cells = vec![Cell::head(&start), Cell::number(grouped(sent.messages)), Cell::number(size(sent.bytes))];
        cells.extend(counts.into_iter().chain(more).map(|count| Cell::number(grouped(count))));
        Row::of(cells)
    };
    let is_empty = |sent: &&Sent| **sent == Sent { start: sent.start, is_known: sent.is_known, ..Sent::default() };
    let rows = file.volume.iter().filter(|sent| !is_empty(sent)).map(row).collect();
    Table {
        links: formats("/api/v1/customers/volume", pinned),
        ..table(file, "volume", "What it sent".into(), heads, rows)
    }
}

fn history(file: &CaseFile, pinned: &View) -> Table {
    let heads = vec![
        Head::text("told (UTC)"),
        Head::text("what"),
        Head::text("class"),
        Head::text("diagnosis"),
        Head::number("likely"),
        Head::number("messages"),
        Head::number("recipients"),
        Head::number("failed"),
        Head::text("rules"),
    ];
    let row = |told: &Told| {
        Row::of(vec![
            Cell::head(&second(&told.at.to_string())),
            Cell::text(&told.change),
            Cell::text(&told.class),
            diagnosis(&told.diagnosis),
            Cell::number(likely(told.probability)),
            Cell::number(grouped(told.messages)),
            Cell::number(grouped(told.recipients)),
            Cell::number(grouped(told.failed)),
            Cell::text(&told.rules.join(" ")),
        ])
    };
    let notes = (file.history.len() == CHANGES).then(|| format!("Only the newest {CHANGES} are shown."));
    Table {
        sentence:
            "Each change, and each word of a person, the newest first. Instants of changes are those of the log, \
                   instants of words those of who said them."
                .into(),
        notes: notes.into_iter().collect(),
        links: formats("/api/v1/customers/history", pinned),
        ..table(file, "history", "What was told of it".into(), heads, file.history.iter().map(row).collect())
    }
}

fn decoys(file: &CaseFile) -> String {
    let window = file.decoys;
    let asked = format!("{} to {}", window.from.to_page(), window.until.to_page());
    match (&file.sighting, &file.case.source) {
        (Some(seen), _) => format!(
            "First seen by {}. From this address {} connections and {} emails came to {} sensors, the first at {}, the last at \
             {} ({asked} GMT). The address may have changed hands between.",
            lead_words(seen.lead_seconds),
            grouped(seen.connections),
            grouped(seen.emails),
            grouped(seen.sensors),
            seen.decoys_first.to_page(),
            seen.decoys_last.to_page()
        ),
        (None, Some(_)) => format!("No decoy saw this address ({asked} GMT)."),
        (None, None) => "An account has no address to look for at decoys.".into(),
    }
}
