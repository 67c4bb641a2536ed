//! What is publicly known to give decoys away, against the answers of every mail server that is imitated here.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;

/// Strings that scanners for decoys look for: default names, mistyped replies, replies that no real server gives. Each is
/// compared as it is written, in any place of a reply.
const SIGNATURES: [&str; 13] = [
    "mail.example.com",
    "220 localhost ESMTP Postfix",
    "354 go ahead",
    "502 Nope",
    "220 schizo-",
    "ESMTP Exim 4.80 #2",
    "502 Error: command \"EHLO\" not implemented",
    "502 Error: command \"HELP\" not implemented",
    "250 EHLO",
    "235 Authentication failed",
    "334 VXNlciBOYW1lAA==",
    "Supported commands: AUTH HELP NOOP QUIT RSET HELO EHLO MAIL RCPT DATA",
    "214 HELP",
];

/// All that the imitated servers say: the words in the files, and the replies in the transcripts.
fn said() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut said = Vec::new();
    for entry in std::fs::read_dir(root.join("personas/mail")).unwrap() {
        let path = entry.unwrap().path();
        let file: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        strings(&toml::Value::Table(file), &mut |text| said.push((path.display().to_string(), format!("{text}\r\n"))));
    }
    for entry in std::fs::read_dir(root.join("transcripts")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let replies = text.lines().filter_map(|line| line.strip_prefix("S "));
        said.extend(replies.map(|reply| (path.display().to_string(), reply.replace("\\r", "\r").replace("\\n", "\n"))));
    }
    said
}

fn strings(value: &toml::Value, found: &mut dyn FnMut(&str)) {
    match value {
        toml::Value::String(text) => found(text),
        toml::Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        toml::Value::Table(table) => table.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

#[test]
fn no_answer_holds_what_gives_decoys_away() {
    let said = said();
    assert!(said.len() > 2000, "{}", said.len());
    let given_away: Vec<_> = said
        .iter()
        .filter_map(|(path, text)| {
            let signature = SIGNATURES.iter().find(|signature| text.contains(**signature))?;
            Some(format!("{path}: {text:?}: {signature}"))
        })
        .collect();
    assert!(given_away.is_empty(), "{}", given_away.join("\n"));
}
