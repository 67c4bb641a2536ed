//! What a log tells of each message, read as simply as can be: no code of the laboratory's own.

use std::collections::HashMap;

use evidence::Time;

/// What the lines with a queue id tell.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) first: Time,
    /// Whether the last attempt for a recipient delivered.
    pub(crate) ends: HashMap<String, bool>,
}

const YEAR: &str = "2026";
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Mar  2 00:00:02 mail postfix/smtp[7]: C7D2F35: to=<a@b>, …, status=sent (…)`.
pub(crate) fn postfix(text: &str) -> HashMap<String, Told> {
    let mut all = HashMap::<String, Told>::new();
    for line in text.lines() {
        let words = line.split_once("]: ").unwrap().1;
        let Some((id, words)) = words.split_once(": ") else { continue };
        if id.len() < 6 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            continue;
        }
        let told = all.entry(id.to_owned()).or_insert_with(|| Told { first: classic(line), ..Told::default() });
        if let (Some(to), Some((_, status))) = (words.strip_prefix("to=<"), words.split_once(" status=")) {
            told.ends.insert(to.split_once('>').unwrap().0.to_owned(), status.starts_with("sent"));
        }
    }
    all
}

fn classic(line: &str) -> Time {
    let month = MONTHS.iter().position(|month| line.starts_with(month)).unwrap() + 1;
    format!("{YEAR}-{month:02}-{:0>2}T{}Z", line[4..6].trim(), &line[7..15]).parse().unwrap()
}

/// Connections of a server process do not overlap.
pub(crate) fn sessions_of_a_process_follow_each_other(text: &str) {
    let mut open = HashMap::new();
    for line in text.lines().filter(|line| line.contains("smtpd[")) {
        let (tag, words) = line[16..].split_once("]: ").unwrap();
        if let Some(client) = words.strip_prefix("connect from ") {
            assert_eq!(open.insert(tag, client), None, "{line}");
        }
        if let Some(words) = words.strip_prefix("disconnect from ") {
            let client = open.remove(tag).unwrap_or_else(|| panic!("{line}"));
            assert!(words.starts_with(client), "{line}");
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// `2026-03-02 00:00:02 1vwt1y-000004-2K => a@b R=…`.
pub(crate) fn exim(text: &str) -> HashMap<String, Told> {
    let mut all = HashMap::<String, Told>::new();
    for line in text.lines() {
        let Some((id, words)) = line[20..].split_once(' ') else { continue };
        if id.len() < 16 || id.as_bytes()[6] != b'-' {
            continue;
        }
        let first = || format!("{}T{}Z", &line[..10], &line[11..19]).parse().unwrap();
        let told = all.entry(id.to_owned()).or_insert_with(|| Told { first: first(), ..Told::default() });
        let mut words = words.split(' ');
        let (flag, address) = (words.next().unwrap(), words.next().unwrap_or_default().trim_end_matches(':'));
        if matches!(flag, "=>" | "->" | "**" | "==") {
            told.ends.insert(address.to_owned(), matches!(flag, "=>" | "->"));
        }
    }
    all
}
