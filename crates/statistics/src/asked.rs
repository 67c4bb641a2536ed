//! What was asked, in full: SQL that anybody can ask again, with nothing left to fill in.

use evidence::{Time, Window};
use lake::Value;

use crate::case_file::{CaseFile, case_query, history_query, volume_query};
use crate::cases::{Which, queue_query, sightings_query};
use crate::page::ranking_query;
use crate::question::Question;
use crate::records::RecordKind;
use crate::selection::{Dimension, Selection, Sort};
use crate::series::{listening_query, of_sensor, series_query};

/// A question as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub question: Question,
    pub sql: String,
}

impl Selection {
    /// The questions behind the summary.
    pub fn asked_for_summary(&self) -> Vec<Asked> {
        let on_facts = [Question::SENSORS, Question::ENTITIES, Question::PORTS];
        let mut asked: Vec<_> = on_facts
            .map(|question| Asked { question, sql: self.on_facts(Question::FACTS, question.sql()) })
            .into_iter()
            .collect();
        let of_sessions = |dimension| RecordKind::Probes.has(dimension);
        let tests = self.fill(Question::TESTS, |_| true);
        asked.push(Asked { question: Question::TESTS, sql: complete(&tests, &self.parameters(|_| true)) });
        let probes = self.fill(Question::PROBES, of_sessions);
        asked.push(Asked { question: Question::PROBES, sql: complete(&probes, &self.parameters(of_sessions)) });
        let mut parameters = self.parameters(|_| false);
        parameters.push(("since", Value::Instant(self.window.until - crate::page::KNOWN_FOR)));
        asked.push(Asked { question: Question::ALIVE, sql: complete(Question::ALIVE.sql(), &parameters) });
        asked
    }

    /// The question behind a ranking.
    pub fn asked_for_ranking(&self, dimension: Dimension, sort: Sort) -> Asked {
        let facts = match dimension {
            Dimension::Domain => Question::RECIPIENT_DOMAINS,
            Dimension::SenderDomain => Question::SENDER_DOMAINS,
            Dimension::Dialect => Question::DIALECTS,
            _ => Question::FACTS,
        };
        let sql = self.on_facts(facts, &ranking_query("facts", dimension, sort));
        let top = Value::Integer(i64::try_from(self.top).unwrap_or(i64::MAX - 1));
        Asked { question: Question::RANKING, sql: complete(&sql, &[("top", top)]) }
    }

    /// The question behind records.
    pub fn asked_for_records(&self, kind: RecordKind, skip: usize, rows: usize) -> Asked {
        let query = kind.query(self, skip, rows);
        Asked { question: kind.question(), sql: complete(&query, &self.parameters(|dimension| kind.has(dimension))) }
    }

    /// The questions behind a series over a window.
    pub fn asked_for_series(&self, window: Window) -> Vec<Asked> {
        let of = Self { window, ..self.clone() };
        let series = complete(&series_query(&of), &of.parameters(|_| true));
        let listening = complete(&listening_query(&of), &of.parameters(of_sensor));
        vec![Asked { question: Question::SERIES, sql: series }, Asked { question: Question::LISTENING, sql: listening }]
    }

    /// A question to the table `facts`, with the question that makes the table in it.
    fn on_facts(&self, facts: Question, sql: &str) -> String {
        let facts = self.fill(facts, |_| true);
        let facts = complete(facts.trim_end(), &self.parameters(|_| true));
        on_table("facts", &facts, sql)
    }
}

/// The questions behind the desk's queue and the figures of a window.
pub fn asked_for_cases(window: Window, which: Which, skip: usize, rows: usize) -> Vec<Asked> {
    let parameters = [("from", Value::Instant(window.from)), ("until", Value::Instant(window.until))];
    let cases = complete(Question::CASES.fill(&[("filter", "")]).trim_end(), &parameters);
    let of_cases =
        |question: Question, sql: &str| Asked { question, sql: on_table("cases", &cases, &complete(sql, &parameters)) };
    let of_tables = |question: Question| Asked { question, sql: complete(question.sql(), &parameters) };
    let (sightings, of_sightings) = sightings_query(window, None);
    vec![
        of_cases(Question::QUEUE, &queue_query(which, skip, rows)),
        of_cases(Question::CASE_CLASSES, Question::CASE_CLASSES.sql()),
        of_cases(Question::CASE_TIMES, Question::CASE_TIMES.sql()),
        of_cases(Question::CASE_DAYS, Question::CASE_DAYS.sql()),
        of_tables(Question::COMPLAINT_DAYS),
        of_tables(Question::MAIL_DAYS),
        Asked { question: Question::SEEN_AT_DECOYS, sql: complete(&sightings, &of_sightings) },
    ]
}

impl CaseFile {
    /// The questions behind it, as it was before an instant.
    pub fn asked(&self, until: Time) -> Vec<Asked> {
        let finding = self.case.finding;
        let (cases, parameters) = case_query(finding, until);
        let (volume, of_volume) = volume_query(finding, self.window, self.bin);
        let (sightings, of_sightings) = sightings_query(self.decoys, Some(finding));
        vec![
            Asked { question: Question::CASES, sql: complete(&cases, &parameters) },
            Asked { question: Question::CASE_HISTORY, sql: complete(&history_query(), &parameters) },
            Asked { question: Question::PARTY_VOLUME, sql: complete(&volume, &of_volume) },
            Asked { question: Question::SEEN_AT_DECOYS, sql: complete(&sightings, &of_sightings) },
        ]
    }
}

/// A question to a table that is held, with the question that makes the table in it.
pub(crate) fn on_table(table: &str, held: &str, sql: &str) -> String {
    match sql.strip_prefix("WITH ") {
        Some(more) => format!("WITH {table} AS (\n{held}\n), {more}"),
        None => format!("WITH {table} AS (\n{held}\n)\n{sql}"),
    }
}

/// The SQL with a literal for each parameter that is given. The text is gone over once, so that nothing in a literal is
/// taken for a parameter.
pub(crate) fn complete(sql: &str, parameters: &[(&str, Value)]) -> String {
    let mut text = String::with_capacity(sql.len() + 100);
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        let name_and_more = &rest[at + 1..];
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = name_and_more.find(|c| !is_name(c)).unwrap_or(name_and_more.len());
        let (name, more) = name_and_more.split_at(length);
        text.push_str(&rest[..at]);
        match parameters.iter().find(|(parameter, _)| *parameter == name) {
            Some((_, value)) => text.push_str(&literal(value)),
            None => text.push_str(&rest[at..at + 1 + length]),
        }
        rest = more;
    }
    text.push_str(rest);
    text
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Integer(number) => number.to_string(),
        Value::Instant(time) => format!("TIMESTAMP '{time}'"),
        // No parameter is of another kind.
        _ => "NULL".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_cannot_end_themselves_or_name_parameters() {
        let parameters = [("domain", Value::Text("a' OR $top --".into())), ("top", Value::Integer(3))];
        assert_eq!(
            complete("x = $domain AND y = $top + $other", &parameters),
            "x = 'a'' OR $top --' AND y = 3 + $other"
        );
    }
}
