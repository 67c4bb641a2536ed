//! The words that pages about sampled traffic share: classes, rates, networks, who was first. They say what was told, and judge
//! nothing.

use evidence::{Country, Time};
use statistics::{FlowHost, HostClass, NONE, TableVersion, grouped};

use crate::page::ago;
use crate::queue::likely;
use crate::table::Cell;
use crate::view::{Format, View};

/// Characters of an AS and its name beside a host; the rest is in the title.
const NETWORK: usize = 28;

/// Links to the same for programs, and to the question.
pub(crate) fn formats(path: &str, view: &View) -> Vec<(String, String)> {
    let format = |format: Format| (format.name().to_owned(), View { format, ..view.clone() }.link(path));
    let mut links: Vec<_> = Format::ALL.into_iter().map(format).collect();
    links.push(("show the question".into(), view.link("/flows/question")));
    links
}

/// The versions of the tables that these pages are about; others are named where they are asked.
pub(crate) fn traffic(versions: &[TableVersion]) -> Vec<TableVersion> {
    versions.iter().filter(|table| table.table.starts_with("traffic_")).copied().collect()
}

/// What a host was called, in words: an undecided one with its likeliest class.
pub(crate) fn called(host: &FlowHost) -> String {
    match &host.class {
        Some(class) => words(Some(class)),
        None => format!("undecided, {}", words(Some(&host.likeliest))),
    }
}

pub(crate) fn of_class(name: Option<&str>) -> Option<HostClass> {
    HostClass::parse(name.unwrap_or(HostClass::Undecided.name()))
}

/// A class in words; one that nobody here knows by its name.
pub(crate) fn words(name: Option<&str>) -> String {
    of_class(name).map_or_else(|| name.unwrap_or(NONE).to_owned(), |class| class.words().to_owned())
}

/// An AS with its name, where there is little room.
pub(crate) fn network(asn: Option<u64>, name: Option<&str>) -> Cell {
    let Some(asn) = asn else { return Cell::words(NONE) };
    let whole = name.map_or(asn.to_string(), |name| format!("{asn} {name}"));
    let cell = Cell::text(&whole);
    if cell.text.chars().count() <= NETWORK {
        return cell;
    }
    let text = cell.text.chars().take(NETWORK - 1).chain(['…']).collect();
    Cell { text, title: cell.title.or(Some(whole)), ..cell }
}

/// A country by its code, where there is little room.
pub(crate) fn code(code: Option<&str>) -> Cell {
    let cell = Cell::text(code.unwrap_or(NONE));
    match code.and_then(|code| code.parse::<Country>().ok()) {
        Some(country) => cell.titled(country.name()),
        None => cell,
    }
}

pub(crate) fn country(code: Option<&str>) -> Cell {
    let Some(code) = code else { return Cell::words(NONE) };
    match code.parse::<Country>() {
        Ok(country) => Cell::text(&format!("{code} {}", country.name())),
        Err(()) => Cell::text(code),
    }
}

/// `98.7 %`, or nothing.
pub(crate) fn thousandths(share: Option<u64>) -> String {
    share.map_or(NONE.to_owned(), likely)
}

/// `1:2,048`, `1:512 to 1:8,192`.
pub(crate) fn rate(rate: Option<(u64, u64)>) -> String {
    match rate {
        None => NONE.to_owned(),
        Some((least, most)) if least == most => format!("1:{}", grouped(least)),
        Some((least, most)) => format!("1:{} to 1:{}", grouped(least), grouped(most)),
    }
}

/// Who had it first, and by how much.
pub(crate) fn ahead(first: &str, second: &str, one: Time, other: Time) -> String {
    let span = |from: Time, to: Time| ago(to.since(from));
    match one.cmp(&other) {
        std::cmp::Ordering::Less => format!("{first} {} before {second}", span(one, other)),
        std::cmp::Ordering::Equal => format!("{first} and {second} at once"),
        std::cmp::Ordering::Greater => format!("{second} {} before {first}", span(other, one)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_leads_are_said_in_words() {
        assert_eq!(rate(Some((2048, 2048))), "1:2,048");
        assert_eq!(rate(Some((512, 8192))), "1:512 to 1:8,192");
        let at = |hours: i64| Time::from_micros(hours * 3_600_000_000);
        assert_eq!(ahead("a sample", "a decoy", at(1), at(4)), "a sample 3 h before a decoy");
        assert_eq!(ahead("a sample", "a decoy", at(4), at(1)), "a decoy 3 h before a sample");
    }

    #[test]
    fn a_class_that_nobody_knows_is_shown_by_its_name() {
        assert_eq!((words(Some("likely-bot")), words(Some("new-one")), words(None)), {
            ("likely bot".into(), "new-one".into(), "undecided".into())
        });
    }
}
