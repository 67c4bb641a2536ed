//! Numbers of vulnerabilities and their metrics: CVE, and CVSS 2, 3.0 and 3.1, as XARF writes them.

use serde_json::{Map, Value};

use super::rule::{Field, Rule, Version, members, must};
use crate::fault::Fault;

/// The values of one metric: its name, then letters for those of one letter, then longer ones.
type Metric = (&'static str, &'static str, &'static [&'static str]);

/// Groups of metrics in their order: the first must be there, the others may be, each whole.
type Groups = [&'static [Metric]; 3];

const TWO: Groups = [
    &[
        ("AV", "LAN", &[]),
        ("AC", "HML", &[]),
        ("Au", "MSN", &[]),
        ("C", "NPC", &[]),
        ("I", "NPC", &[]),
        ("A", "NPC", &[]),
    ],
    &[("E", "UFH", &["POC", "ND"]), ("RL", "WU", &["OF", "TF", "ND"]), ("RC", "C", &["UC", "UR", "ND"])],
    &[
        ("CDP", "NLH", &["LM", "MH", "ND"]),
        ("TD", "NLMH", &["ND"]),
        ("CR", "NLMH", &["ND"]),
        ("IR", "LMH", &["ND"]),
        ("AR", "LMH", &["ND"]),
    ],
];
const THREE: Groups = [
    &[
        ("AV", "NALP", &[]),
        ("AC", "LH", &[]),
        ("PR", "NLH", &[]),
        ("UI", "NR", &[]),
        ("S", "UC", &[]),
        ("C", "NLH", &[]),
        ("I", "NLH", &[]),
        ("A", "NLH", &[]),
    ],
    &[("E", "XUPFH", &[]), ("RL", "XOTWU", &[]), ("RC", "XURC", &[])],
    &[
        ("CR", "XLMH", &[]),
        ("IR", "XLMH", &[]),
        ("AR", "XLMH", &[]),
        ("MAV", "XNALP", &[]),
        ("MAC", "XLH", &[]),
        ("MPR", "XNLH", &[]),
        ("MUI", "XNR", &[]),
        ("MS", "XUC", &[]),
        ("MC", "XNLH", &[]),
        ("MI", "XNLH", &[]),
        ("MA", "XNLH", &[]),
    ],
];

/// Metrics of a vector that are looked at: more than any version has.
const MAX_METRICS: usize = 32;

/// `CVE-2026-12345`.
pub(super) fn is_cve(text: &str) -> bool {
    let is_number = |text: &str, least, most| {
        (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let numbers = text.strip_prefix("CVE-").and_then(|rest| rest.split_once('-'));
    numbers.is_some_and(|(year, number)| is_number(year, 4, 4) && is_number(number, 4, 7))
}

/// The member `CVSS` of a report.
pub(super) fn cvss(object: &Map<String, Value>) -> Result<(), Fault> {
    const FIELDS: [Field; 2] = [must("Version", Rule::OneOf(&["3.1", "3.0", "2"])), must("Vector", Rule::Text)];
    members(object, &FIELDS, Version::Development)?;
    if object.get("Score").is_some_and(|score| !score.is_number()) {
        return Err(Fault::new("Score", "is no number"));
    }
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_two = text("Version") == "2";
    let severities: &[&str] = match is_two {
        true => &["Low", "Medium", "High"],
        false => &["None", "Low", "Medium", "High", "Critical"],
    };
    if object.contains_key("Severity") && !severities.contains(&text("Severity")) {
        return Err(Fault::new("Severity", "is none of the words for it"));
    }
    if is_vector(text("Vector"), is_two) { Ok(()) } else { Err(Fault::new("Vector", "is no vector of its version")) }
}

fn is_vector(vector: &str, is_two: bool) -> bool {
    if is_two {
        let inner = vector.strip_prefix('(').unwrap_or(vector);
        return are_metrics(inner.strip_suffix(')').unwrap_or(inner), &TWO);
    }
    let rest = ["CVSS:3.0/", "CVSS:3.1/"].iter().find_map(|start| vector.strip_prefix(start));
    rest.is_some_and(|rest| are_metrics(rest, &THREE))
}

fn are_metrics(text: &str, groups: &Groups) -> bool {
    let parts: Vec<&str> = text.split('/').take(MAX_METRICS).collect();
    let mut rest = parts.as_slice();
    for (at, group) in groups.iter().enumerate() {
        let is_metric = |(part, (name, letters, words)): (&&str, &Metric)| {
            let value = part.split_once(':').filter(|(found, _)| found == name).map(|(_, value)| value);
            value.is_some_and(|value| words.contains(&value) || (value.len() == 1 && letters.contains(value)))
        };
        if rest.len() >= group.len() && rest.iter().zip(*group).all(is_metric) {
            rest = &rest[group.len()..];
        } else if at == 0 {
            return false;
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_their_groups_whole_and_in_order() {
        let base = "AV:N/AC:L/Au:N/C:P/I:P/A:C";
        for more in ["", "/E:POC/RL:OF/RC:UC", "/CDP:LM/TD:ND/CR:H/IR:L/AR:ND"] {
            assert!(is_vector(&format!("{base}{more}"), true), "{more}");
            assert!(is_vector(&format!("({base}{more})"), true), "{more}");
        }
        for vector in
            ["", "AV:N", "AC:L/AV:N/Au:N/C:P/I:P/A:C", "AV:N/AC:L/Au:N/C:P/I:P/A:X", "AV:N/AC:L/Au:N/C:P/I:P/A:C/E:POC"]
        {
            assert!(!is_vector(vector, true), "{vector}");
        }
        let three = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H";
        assert!(is_vector(three, false) && is_vector(&format!("{three}/E:X/RL:O/RC:C"), false));
        assert!(!is_vector(three, true) && !is_vector(&three.replace("3.1", "4.0"), false));
    }

    #[test]
    fn a_cve_has_a_year_and_four_to_seven_digits() {
        assert!(is_cve("CVE-2026-1234") && is_cve("CVE-2026-1234567"));
        for text in ["CVE-26-1234", "CVE-2026-123", "CVE-2026-12345678", "cve-2026-1234", "CVE-2026"] {
            assert!(!is_cve(text), "{text}");
        }
    }
}
