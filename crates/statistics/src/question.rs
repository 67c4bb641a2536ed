//! Questions: SQL files with a head.

/// A question, as its file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Name of the file.
    pub name: &'static str,
    file: &'static str,
}

impl Question {
    pub const FACTS: Self = Self { name: "facts", file: include_str!("../questions/facts.sql") };
    pub const SENDER_DOMAINS: Self =
        Self { name: "sender-domains", file: include_str!("../questions/sender-domains.sql") };
    pub const RECIPIENT_DOMAINS: Self =
        Self { name: "recipient-domains", file: include_str!("../questions/recipient-domains.sql") };
    pub const DIALECTS: Self = Self { name: "dialects", file: include_str!("../questions/dialects.sql") };
    pub const RANKING: Self = Self { name: "ranking", file: include_str!("../questions/ranking.sql") };
    pub const SENSORS: Self = Self { name: "sensors", file: include_str!("../questions/sensors.sql") };
    pub const ENTITIES: Self = Self { name: "entities", file: include_str!("../questions/entities.sql") };
    pub const PORTS: Self = Self { name: "ports", file: include_str!("../questions/ports.sql") };
    pub const PROBES: Self = Self { name: "probes", file: include_str!("../questions/probes.sql") };
    pub const TESTS: Self = Self { name: "tests", file: include_str!("../questions/tests.sql") };
    pub const TEST_MESSAGES: Self =
        Self { name: "test-messages", file: include_str!("../questions/test-messages.sql") };
    pub const DROPBOXES: Self = Self { name: "dropboxes", file: include_str!("../questions/dropboxes.sql") };
    pub const ALIVE: Self = Self { name: "alive", file: include_str!("../questions/alive.sql") };
    pub const SERIES: Self = Self { name: "series", file: include_str!("../questions/series.sql") };
    pub const LISTENING: Self = Self { name: "listening", file: include_str!("../questions/listening.sql") };
    pub const EMAILS: Self = Self { name: "emails", file: include_str!("../questions/emails.sql") };
    pub const CONNECTIONS: Self = Self { name: "connections", file: include_str!("../questions/connections.sql") };
    pub const DELIVERIES: Self = Self { name: "deliveries", file: include_str!("../questions/deliveries.sql") };
    pub const LOGINS: Self = Self { name: "logins", file: include_str!("../questions/logins.sql") };
    pub const STATUS: Self = Self { name: "status", file: include_str!("../questions/status.sql") };

    pub const COMPARE: Self = Self { name: "compare", file: include_str!("../questions/compare.sql") };
    pub const COMPARE_PROBES: Self =
        Self { name: "compare-probes", file: include_str!("../questions/compare-probes.sql") };
    pub const EXPOSURE: Self = Self { name: "exposure", file: include_str!("../questions/exposure.sql") };

    pub const CASES: Self = Self { name: "cases", file: include_str!("../questions/cases.sql") };
    pub const QUEUE: Self = Self { name: "queue", file: include_str!("../questions/queue.sql") };
    pub const CASE_CLASSES: Self = Self { name: "case-classes", file: include_str!("../questions/case-classes.sql") };
    pub const CASE_DAYS: Self = Self { name: "case-days", file: include_str!("../questions/case-days.sql") };
    pub const COMPLAINT_DAYS: Self =
        Self { name: "complaint-days", file: include_str!("../questions/complaint-days.sql") };
    pub const MAIL_DAYS: Self = Self { name: "mail-days", file: include_str!("../questions/mail-days.sql") };
    pub const CASE_TIMES: Self = Self { name: "case-times", file: include_str!("../questions/case-times.sql") };
    pub const CASE_HISTORY: Self = Self { name: "case-history", file: include_str!("../questions/case-history.sql") };
    pub const PARTY_VOLUME: Self = Self { name: "party-volume", file: include_str!("../questions/party-volume.sql") };
    pub const SEEN_AT_DECOYS: Self =
        Self { name: "seen-at-decoys", file: include_str!("../questions/seen-at-decoys.sql") };

    pub const FLOW_HOSTS: Self = Self { name: "flow-hosts", file: include_str!("../questions/flow-hosts.sql") };
    pub const FLOW_TOTALS: Self = Self { name: "flow-totals", file: include_str!("../questions/flow-totals.sql") };
    pub const FLOW_ASES: Self = Self { name: "flow-ases", file: include_str!("../questions/flow-ases.sql") };
    pub const FLOW_HOURS: Self = Self { name: "flow-hours", file: include_str!("../questions/flow-hours.sql") };
    pub const FLOW_AGENTS: Self = Self { name: "flow-agents", file: include_str!("../questions/flow-agents.sql") };
    pub const FLOW_RECEIVER: Self =
        Self { name: "flow-receiver", file: include_str!("../questions/flow-receiver.sql") };
    pub const FLOW_REASONS: Self = Self { name: "flow-reasons", file: include_str!("../questions/flow-reasons.sql") };
    pub const FLOW_CLASSES: Self = Self { name: "flow-classes", file: include_str!("../questions/flow-classes.sql") };
    pub const FLOW_VERDICTS: Self =
        Self { name: "flow-verdicts", file: include_str!("../questions/flow-verdicts.sql") };
    pub const FLOW_HOST: Self = Self { name: "flow-host", file: include_str!("../questions/flow-host.sql") };
    pub const FLOW_VOLUME: Self = Self { name: "flow-volume", file: include_str!("../questions/flow-volume.sql") };
    pub const FLOW_TALKERS: Self = Self { name: "flow-talkers", file: include_str!("../questions/flow-talkers.sql") };
    pub const FLOW_FIRST: Self = Self { name: "flow-first", file: include_str!("../questions/flow-first.sql") };
    pub const FLOW_AT_DECOYS: Self =
        Self { name: "flow-at-decoys", file: include_str!("../questions/flow-at-decoys.sql") };
    pub const FLOW_IN_LOGS: Self = Self { name: "flow-in-logs", file: include_str!("../questions/flow-in-logs.sql") };
    pub const SEEN_BY: Self = Self { name: "seen-by", file: include_str!("../questions/seen-by.sql") };
    pub const SEEN_TOGETHER: Self =
        Self { name: "seen-together", file: include_str!("../questions/seen-together.sql") };
    pub const SEEN_TWICE: Self = Self { name: "seen-twice", file: include_str!("../questions/seen-twice.sql") };
    pub const SEEN_LEADS: Self = Self { name: "seen-leads", file: include_str!("../questions/seen-leads.sql") };

    /// All questions.
    pub const ALL: [Self; 52] = [
        Self::FACTS,
        Self::SENDER_DOMAINS,
        Self::RECIPIENT_DOMAINS,
        Self::DIALECTS,
        Self::RANKING,
        Self::SENSORS,
        Self::ENTITIES,
        Self::PORTS,
        Self::PROBES,
        Self::TESTS,
        Self::TEST_MESSAGES,
        Self::DROPBOXES,
        Self::ALIVE,
        Self::SERIES,
        Self::LISTENING,
        Self::EMAILS,
        Self::CONNECTIONS,
        Self::DELIVERIES,
        Self::LOGINS,
        Self::STATUS,
        Self::COMPARE,
        Self::COMPARE_PROBES,
        Self::EXPOSURE,
        Self::CASES,
        Self::QUEUE,
        Self::CASE_CLASSES,
        Self::CASE_DAYS,
        Self::COMPLAINT_DAYS,
        Self::MAIL_DAYS,
        Self::CASE_TIMES,
        Self::CASE_HISTORY,
        Self::PARTY_VOLUME,
        Self::SEEN_AT_DECOYS,
        Self::FLOW_HOSTS,
        Self::FLOW_TOTALS,
        Self::FLOW_ASES,
        Self::FLOW_HOURS,
        Self::FLOW_AGENTS,
        Self::FLOW_RECEIVER,
        Self::FLOW_REASONS,
        Self::FLOW_CLASSES,
        Self::FLOW_VERDICTS,
        Self::FLOW_HOST,
        Self::FLOW_VOLUME,
        Self::FLOW_TALKERS,
        Self::FLOW_FIRST,
        Self::FLOW_AT_DECOYS,
        Self::FLOW_IN_LOGS,
        Self::SEEN_BY,
        Self::SEEN_TOGETHER,
        Self::SEEN_TWICE,
        Self::SEEN_LEADS,
    ];

    pub fn title(&self) -> &'static str {
        self.head("-- title: ").next().unwrap_or(self.name)
    }

    /// What the answer says, in one line.
    pub fn doc(&self) -> String {
        let mut lines = self.file.lines().skip_while(|line| !line.starts_with("-- doc: "));
        let first = lines.next().and_then(|line| line.strip_prefix("-- doc: ")).unwrap_or("");
        let rest = lines.map_while(|line| line.strip_prefix("--      "));
        std::iter::once(first).chain(rest).collect::<Vec<_>>().join(" ")
    }

    /// The SQL, with `{name}` where something is filled in.
    pub fn sql(&self) -> &'static str {
        let start = self.file.lines().take_while(|line| line.starts_with("--")).map(|line| line.len() + 1).sum();
        self.file.get(start..).unwrap_or_default()
    }

    /// The SQL with its gaps filled. What is filled in comes of this crate, never of a person.
    pub(crate) fn fill(&self, gaps: &[(&str, &str)]) -> String {
        gaps.iter().fold(self.sql().to_owned(), |sql, (name, text)| sql.replace(&format!("{{{name}}}"), text))
    }

    fn head(&self, prefix: &'static str) -> impl Iterator<Item = &'static str> {
        self.file.lines().filter_map(move |line| line.strip_prefix(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_a_title_a_sentence_and_sql() {
        for question in Question::ALL {
            assert!(!question.title().is_empty() && question.title() != question.name, "{}", question.name);
            assert!(question.doc().ends_with('.'), "{}: {}", question.name, question.doc());
            assert!(question.sql().contains("SELECT"), "{}", question.name);
        }
    }

    #[test]
    fn a_sentence_over_several_lines_is_one() {
        assert!(Question::LISTENING.doc().starts_with("A quarter in which"));
        assert!(Question::FACTS.doc().contains("that delivered anything. A source"));
    }
}
