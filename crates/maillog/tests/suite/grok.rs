//! Every case of whyscream/postfix-grok-patterns: a line, and the fields that its authors expect of it.

use std::path::Path;

use maillog::postfix;

use crate::named::{Fields, counted, fields, policy, relay};

/// One case: the pattern's name, the line, and what is expected.
struct Case {
    pattern: String,
    data: String,
    results: Vec<(String, String)>,
}

impl Case {
    /// Reads the few forms of YAML that the cases have.
    fn parse(text: &str) -> Self {
        let mut case = Self { pattern: String::new(), data: String::new(), results: Vec::new() };
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty()) {
            let (key, value) = line.split_once(':').unwrap();
            let value = scalar(value);
            match key {
                "pattern" => case.pattern = value,
                "data" => case.data = value,
                "results" => assert_eq!(value, ""),
                key => case.results.push((key.trim().to_owned(), value)),
            }
        }
        assert!(!case.pattern.is_empty() && !case.results.is_empty());
        case
    }

    fn daemon(&self) -> String {
        let name = self.pattern.trim_matches(['^', '$', '%', '{', '}']);
        let name = name.strip_prefix("POSTFIX_").unwrap().to_ascii_lowercase();
        match name.as_str() {
            "trivial_rewrite" => "trivial-rewrite".to_owned(),
            "script" => "postfix-script".to_owned(),
            _ => name,
        }
    }
}

/// A plain or a quoted scalar.
fn scalar(text: &str) -> String {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.to_owned() };
    let mut plain = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => plain.push(match letters.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                other => other,
            }),
            (letter, false) => plain.push(letter),
        }
    }
    plain
}

/// What we make of a case.
fn found(case: &Case) -> Fields {
    let data = case.data.as_bytes();
    match case.daemon().as_str() {
        "command_counter_data" => counted(data),
        "relay" => relay(data),
        "tls_features" => policy(data),
        "delays" => {
            let names =
                ["before_qmgr", "in_qmgr", "conn_setup", "transmission"].map(|name| format!("postfix_delay_{name}"));
            let values = postfix::delays(data).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap());
            names.into_iter().zip(values).collect()
        }
        daemon => match postfix::read(daemon.as_bytes(), data) {
            postfix::Line::Idle(postfix::Idle::Remark) => {
                let (queue, message) = case.data.split_once(": ").unwrap();
                [("postfix_queueid", queue), ("postfix_message", message)]
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
                    .into()
            }
            line => fields(daemon, &line),
        },
    }
}

/// `to=<a>, relay=b` and `from=<a> to=<b>` to names and values.
fn pairs(text: &str) -> Vec<(String, String)> {
    let keys = [
        "from", "to", "orig_to", "relay", "delay", "delays", "tls", "dsn", "proto", "helo", "size", "nrcpt", "uid",
        "client",
    ];
    let mut starts: Vec<usize> = Vec::new();
    for key in keys {
        let mark = format!("{key}=");
        starts.extend(text.match_indices(&mark).map(|(at, _)| at).filter(|at| *at == 0 || text[..*at].ends_with(' ')));
    }
    starts.sort_unstable();
    starts.push(text.len());
    let pairs =
        starts.windows(2).map(|ends| text[ends[0]..ends[1]].trim_end_matches([' ', ',']).split_once('=').unwrap());
    let bare =
        |value: &str| value.strip_prefix('<').and_then(|value| value.strip_suffix('>')).unwrap_or(value).to_owned();
    pairs.map(|(key, value)| (key.to_owned(), bare(value))).collect()
}

#[test]
fn every_case_of_the_grok_patterns_has_the_fields_that_are_expected() {
    let Some(folder) = specimen::shared_data("maillogs", Path::new(env!("CARGO_TARGET_TMPDIR"))) else { return };
    let (mut cases, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder.join("postfix_grok/test")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let case = Case::parse(&std::fs::read_to_string(&path).unwrap());
        let found = found(&case);
        for (key, value) in &case.results {
            let wanted = if key == "postfix_keyvalue_data" { pairs(value) } else { vec![(key.clone(), value.clone())] };
            for (key, value) in wanted {
                if found.get(&key) != Some(&value) {
                    wrong.push(format!("{name}: {key} of {}: {value:?}, not {:?}", case.data, found.get(&key)));
                }
            }
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(cases, 191);
}
