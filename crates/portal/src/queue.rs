//! The tables of the abuse desk's queue, and the words that the pages about customers share. Names of accounts are in none
//! of them.

use std::time::Duration;

use evidence::{Time, Window};
use findings::{Class, Diagnosis};
use statistics::{Case, Cases, ClassCount, DAY, DeskDay, NONE, Sighting, TableVersion, Took, grouped};

use crate::bars::{Bars, Plot, Slot};
use crate::customers::ROWS;
use crate::masthead::Tab;
use crate::page::ago;
use crate::table::{Cell, Head, Row, Table};
use crate::tables::minute;
use crate::view::{Format, View};

/// Makes the tables of the queue's page.
pub(crate) struct Tables<'a> {
    pub(crate) cases: &'a Cases,
    pub(crate) view: &'a View,
    /// The view at the end of its window.
    pub(crate) pinned: View,
}

impl Tables<'_> {
    fn table(&self, id: &'static str, title: &str, sentence: &str, heads: Vec<Head>, rows: Vec<Row>) -> Table {
        Table {
            id,
            title: title.into(),
            sentence: sentence.into(),
            heads,
            rows,
            source: source(self.cases.window, &self.cases.versions),
            ..Table::default()
        }
    }

    fn links(&self, path: &str) -> Vec<(String, String)> {
        formats(path, &View { skip: self.view.skip, ..self.pinned.clone() })
    }

    pub(crate) fn classes(&self, counts: &[ClassCount]) -> Table {
        let heads = vec![
            Head::text("class"),
            Head::text("what it is"),
            Head::number("open").titled("of our own: accounts, customers, our servers"),
            Head::number("of others").titled("open, machines of others"),
            Head::number("quiet").titled("of the open ones: nothing was seen for a day"),
            Head::number("informed").titled("of the open ones: somebody told the customer"),
            Head::number("closed").titled("called wrong or fixed, or quiet and no abuse"),
        ];
        let row = |count: &ClassCount| {
            let class = Class::ALL.into_iter().find(|class| class.name() == count.class);
            let all = View { class, skip: 0, ..self.view.clone() };
            let numbers = [count.customers, count.remotes, count.quiet, count.informed, count.closed];
            let mut cells = vec![Cell::head(&count.class).linked(format!("{}#queue", all.link("/customers")))];
            cells.push(Cell::words(class.map_or(NONE, class_words)));
            cells.extend(numbers.map(|number| Cell::number(grouped(number))));
            Row::of(cells)
        };
        let sentence = "How many findings there are, all that were told before the end of the period.";
        let rows = counts.iter().map(row).collect();
        Table {
            links: self.links("/api/v1/customers/classes"),
            ..self.table("classes", "Findings by class", sentence, heads, rows)
        }
    }

    pub(crate) fn queue(&self, cases: &[Case], total: u64) -> Table {
        let heads = vec![
            Head::text("finding"),
            Head::text("class"),
            Head::text("diagnosis"),
            Head::number("likely").titled("how likely abuse is, by the weights of the rules"),
            Head::text("who"),
            Head::text("first seen (UTC)"),
            Head::text("last seen (UTC)"),
            Head::number("messages"),
            Head::number("recipients").titled("first attempts"),
            Head::number("failed").titled("recipients that do not exist"),
            Head::text("rules").titled("rules that hold"),
            Head::text("state"),
            Head::text("words").titled("what people said of it"),
        ];
        let (first, last) = (self.view.skip + 1, self.view.skip + cases.len());
        let shown = if cases.is_empty() { String::new() } else { format!(": {first} to {last} of {}", grouped(total)) };
        let title = match self.view.class {
            Some(class) => format!("Findings of class {}{shown}", class.name()),
            None => format!("What is to do{shown}"),
        };
        let sentence = "First things first: abuse before trouble, our own before machines of others, those whom nobody \
                        informed before those who were, what goes on before what is quiet; then by likelihood and volume.";
        let rows = cases.iter().map(|case| self.case(case)).collect();
        Table { links: self.links("/api/v1/customers"), ..self.table("queue", &title, sentence, heads, rows) }
    }

    fn case(&self, case: &Case) -> Row {
        let words: Vec<_> = case.words().into_iter().map(|(word, _)| word).collect();
        let said = case.words().iter().map(|(word, at)| format!("{word} {}", at.to_page())).collect::<Vec<_>>();
        let words = Cell::words(if words.is_empty() { NONE.to_owned() } else { words.join(", ") });
        let number = case.finding;
        Row::of(vec![
            Cell::head(&number.to_string()).linked(link(&self.view.time(), number)),
            Cell::text(&case.class).marked(if case.class == "abuse" { "t down" } else { "t" }),
            diagnosis(&case.diagnosis).linked(link(&self.view.time(), number)),
            Cell::number(likely(case.probability)),
            who(case),
            Cell::words(minute(&case.first_seen.to_string())),
            Cell::words(minute(&case.last_seen.to_string())),
            Cell::number(grouped(case.messages)),
            Cell::number(grouped(case.recipients)),
            Cell::number(grouped(case.failed)),
            Cell::text(&case.rules.join(" ")),
            Cell::words(state(case)),
            if said.is_empty() { words } else { words.titled(said.join(", ")) },
        ])
    }

    pub(crate) fn moves(&self, shown: usize, total: u64) -> Vec<Tab> {
        let to = |text: &str, skip: usize| Tab {
            text: text.to_owned(),
            href: format!("{}#queue", View { skip, ..self.pinned.clone() }.link("/customers")),
            is_here: false,
        };
        let skip = self.view.skip;
        let mut moves = Vec::new();
        if skip > 0 {
            moves.push(to("← before", skip.saturating_sub(ROWS)));
        }
        if ((skip + shown) as u64) < total && shown == ROWS {
            moves.push(to("more →", skip + ROWS));
        }
        moves
    }

    pub(crate) fn bars<'t>(&self, days: &[DeskDay], title: &'t str) -> Bars<'t> {
        let slot = |day: &DeskDay| {
            let known = if day.is_known() { "" } else { "; no log was read" };
            let (spam, viruses, complaints) = (grouped(day.spam), grouped(day.viruses), grouped(day.complaints));
            Slot {
                start: day.start,
                is_known: day.is_known(),
                is_running: self.cases.window.until < day.start + DAY,
                values: vec![day.spam, day.viruses, day.complaints],
                words: format!(
                    "{}: {spam} with spam, {viruses} with viruses, {complaints} complaints{known}",
                    date(day.start)
                ),
                href: Some(self.day(day.start).link("/customers")),
            }
        };
        let plots = vec![
            Plot { layers: &[("spam", 's'), ("viruses", 'v')], is_hatched: true },
            Plot { layers: &[("complaints", 'c')], is_hatched: false },
        ];
        Bars { title, slots: days.iter().map(slot).collect(), plots }
    }

    /// The queue as it was at the end of a day.
    fn day(&self, start: Time) -> View {
        View { at: Some(start + DAY), ..View { class: self.view.class, ..self.view.time() } }
    }

    /// The data of the chart.
    pub(crate) fn days(&self, days: &[DeskDay]) -> Table {
        let heads = vec![
            Head::text("day (UTC)"),
            Head::number("spam").titled("customers first called abuse, without those of viruses"),
            Head::number("viruses").titled("customers first called abuse, of mass mailers or with viruses found"),
            Head::number("complaints").titled("complaints of others that came in"),
            Head::number("mails complained of"),
            Head::number("of others").titled("machines of others first called abuse"),
            Head::number("trouble").titled("findings of trouble"),
            Head::number("wrong").titled("findings that a person called wrong"),
            Head::number("messages").titled("messages that the mail servers took of customers"),
            Head::number("recipients"),
        ];
        let row = |day: &DeskDay| {
            let is_running = self.cases.window.until < day.start + DAY;
            let name = format!("{}{}", date(day.start), if is_running { " (running)" } else { "" });
            let found = |number: u64| Cell::number(if day.is_known() { grouped(number) } else { NONE.into() });
            let mail = day
                .mail
                .map_or([NONE.to_owned(), NONE.to_owned()], |mail| [grouped(mail.messages), grouped(mail.recipients)]);
            let mut cells = vec![Cell::head(&name).linked(self.day(day.start).link("/customers"))];
            cells.extend([found(day.spam), found(day.viruses)]);
            cells.extend([day.complaints, day.incidents].map(|number| Cell::number(grouped(number))));
            cells.extend([found(day.remotes), found(day.trouble), Cell::number(grouped(day.wrong))]);
            cells.extend(mail.map(Cell::number));
            Row::of(cells)
        };
        let rows = days.iter().map(row).collect();
        let sentence = "Of a day without a log nothing is known of customers.";
        Table {
            links: self.links("/api/v1/customers/days"),
            ..self.table("days", "Figures by day", sentence, heads, rows)
        }
    }

    pub(crate) fn times(&self, times: &[Took]) -> Table {
        let heads = ["cases", "a quarter within", "half within", "three quarters within", "all within"];
        let heads: Vec<_> = [Head::text("from, to")].into_iter().chain(heads.map(Head::number)).collect();
        let row = |took: &Took| {
            let spans = [took.lower, took.median, took.upper, took.longest];
            let mut cells = vec![Cell { is_head: true, ..Cell::words(step_words(&took.step)) }];
            cells.push(Cell::number(grouped(took.cases)));
            cells.extend(spans.map(|span| Cell::number(ago(span))));
            Row::of(cells)
        };
        let count = |step: &str| times.iter().find(|took| took.step == step).map_or(0, |took| took.cases);
        let goes_on = count("detect").saturating_sub(count("fix"));
        let note = format!("{} of them have not ended and are in no time to fix.", grouped(goes_on));
        let sentence = "Customers that were first called abuse in the period, without those that a person called wrong and \
                        without machines of others. It ends when a person says that it is fixed; where nobody does and it is \
                        quiet, with the last line of evidence.";
        let rows: Vec<_> = times.iter().map(row).collect();
        let note = if rows.is_empty() { "None in this period.".into() } else { note };
        Table {
            links: self.links("/api/v1/customers/times"),
            notes: vec![note],
            ..self.table("times", "Time to detect and time to fix", sentence, heads, rows)
        }
    }

    pub(crate) fn decoys(&self, sightings: &[Sighting]) -> Table {
        let heads = vec![
            Head::text("finding"),
            Head::text("who"),
            Head::text("first in the log (UTC)"),
            Head::text("first at a decoy (UTC)"),
            Head::text("who saw it first"),
            Head::number("connections"),
            Head::number("emails"),
            Head::number("sensors"),
        ];
        let row = |seen: &Sighting| {
            let mut cells = vec![Cell::head(&seen.finding.to_string()).linked(link(&self.view.time(), seen.finding))];
            cells.push(party(&seen.party, Some(&seen.source)));
            cells.extend([seen.first_seen, seen.decoys_first].map(|at| Cell::words(minute(&at.to_string()))));
            cells.push(Cell::words(lead_words(seen.lead_seconds)));
            cells.extend([seen.connections, seen.emails, seen.sensors].map(|number| Cell::number(grouped(number))));
            Row::of(cells)
        };
        let sentence = "Findings whose party is an address, and what came from that address (of IPv6, from its /64) to the \
                        decoys in the period. Accounts have no address. An address may have changed hands between.";
        let rows: Vec<_> = sightings.iter().map(row).collect();
        let notes = if rows.is_empty() { vec!["None in this period.".to_owned()] } else { Vec::new() };
        Table {
            links: self.links("/api/v1/customers/decoys"),
            notes,
            ..self.table("decoys", "Seen at decoys", sentence, heads, rows)
        }
    }
}

/// Links to the same for programs, and to the question.
pub(crate) fn formats(path: &str, view: &View) -> Vec<(String, String)> {
    let format = |format: Format| (format.name().to_owned(), View { format, ..view.clone() }.link(path));
    let mut links: Vec<_> = Format::ALL.into_iter().map(format).collect();
    links.push(("show the question".into(), view.link("/customers/question")));
    links
}

/// What every table says about itself.
pub(crate) fn source(window: Window, versions: &[TableVersion]) -> String {
    let versions = versions.iter().map(|table| format!("{} {}", table.table, table.version));
    let versions = versions.collect::<Vec<_>>().join(", ");
    format!("{} to {} GMT. Table versions: {versions}.", window.from.to_page(), window.until.to_page())
}

/// The page of a finding.
pub(crate) fn link(view: &View, id: u64) -> String {
    View { id: Some(id), window: View::default().window, ..view.clone() }.link("/customers/finding")
}

/// A diagnosis, with its sentence.
pub(crate) fn diagnosis(name: &str) -> Cell {
    let sentence = Diagnosis::parse(name).map_or("", Diagnosis::sentence);
    Cell::text(name).titled(sentence)
}

/// Of whom a finding is, without names.
pub(crate) fn who(case: &Case) -> Cell {
    party(&case.party, case.source.as_deref())
}

fn party(kind: &str, source: Option<&str>) -> Cell {
    match (kind, source) {
        ("account", _) => Cell::words("an account"),
        ("server", _) => Cell::words("the mail server"),
        (_, Some(source)) if source.contains(':') => Cell::words(format!("{source}/64")),
        (_, Some(source)) => Cell::text(source),
        (kind, None) => Cell::text(kind),
    }
}

/// `98.7 %`.
pub(crate) fn likely(thousandths: u64) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

pub(crate) fn state(case: &Case) -> &'static str {
    match (case.is_closed, case.is_quiet) {
        (true, _) => "closed",
        (false, true) => "quiet",
        (false, false) => "open",
    }
}

const fn class_words(class: Class) -> &'static str {
    match class {
        Class::Abuse => "somebody abuses, or is abused",
        Class::Trouble => "something is out of order, without ill will",
        Class::Harmless => "it looks odd and is in order",
        Class::Watch => "odd, and not enough to say why",
    }
}

fn step_words(step: &str) -> &'static str {
    match step {
        "tell" => "the first line of evidence, until anything was told",
        "detect" => "the first line of evidence, until it was called abuse",
        _ => "called abuse, until it ended",
    }
}

/// Who had it first, and by how much.
pub(crate) fn lead_words(seconds: i64) -> String {
    let span = ago(Duration::from_secs(seconds.unsigned_abs()));
    match seconds {
        0 => "both at once".into(),
        1.. => format!("a decoy, {span} before the log"),
        _ => format!("the log, {span} before a decoy"),
    }
}

/// `2026-11-24`.
pub(crate) fn date(day: Time) -> String {
    day.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_first_is_said_in_words() {
        assert_eq!(lead_words(7_200), "a decoy, 2 h before the log");
        assert_eq!(lead_words(-90), "the log, 90 s before a decoy");
    }
}
