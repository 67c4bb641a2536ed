//! The documents are true: their links lead somewhere, their commands and flags exist, and no key is left out.
//!
//! `BLESS=1 cargo test -p spamtrail documents` rewrites the page that is generated here, `docs/reference/commands.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::observatory::spamtrail;

/// Folders that hold no documents of ours.
const NOT_OURS: [&str; 3] = ["target", "spamtrail-data", "node_modules"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All documents, with their text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found.sort();
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !path.is_symlink() {
            if !name.starts_with('.') && !NOT_OURS.contains(&name) {
                collect(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The targets of links, `[text](target)`, outside fenced code.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let pieces = line.split("](").skip(1).filter(|_| !fenced);
        links.extend(pieces.filter_map(|rest| Some(rest.split_once(')')?.0)));
    }
    links
}

/// The names by which the headings of a document are linked to.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_to_a_heading() {
    let documents = documents();
    assert!(documents.len() > 5, "{documents:?}");
    let mut broken = Vec::new();
    for (path, text) in &documents {
        for link in links(text).into_iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let has_anchor = || anchors(&std::fs::read_to_string(&target).unwrap_or_default()).contains(anchor);
            if !target.exists() || !(anchor.is_empty() || has_anchor()) {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The commands of a document: what stands in fenced code and in code spans, lines that end with a backslash joined.
fn code(text: &str) -> Vec<String> {
    let mut code = Vec::new();
    let mut fenced = false;
    let mut pending = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            match line.strip_suffix('\\') {
                Some(begun) => pending += begun,
                None => code.push(std::mem::take(&mut pending) + line),
            }
        } else {
            code.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    code
}

/// Each `spamtrail …` in a line of code, word by word, up to the end of the command.
fn commands(code: &str) -> Vec<Vec<String>> {
    let code = code.replace("cargo run --release -- ", "spamtrail ");
    let starts = code.match_indices("spamtrail ").map(|(at, _)| at);
    let starts = starts.filter(|at| {
        let before = &code[..*at];
        before.chars().next_back().is_none_or(char::is_whitespace) && !before.ends_with("-p ")
    });
    starts
        .map(|at| {
            let words = code[at..].split_whitespace().skip(1);
            let words = words.take_while(|word| !matches!(*word, "|" | "&&" | ";" | "#" | ">" | "&"));
            words.map(|word| word.trim_matches(['\'', '"', ',', '.', '[', ']', '(', ')']).to_owned()).collect()
        })
        .collect()
}

/// The help of every command and of every command below one, by its words.
fn help() -> BTreeMap<Vec<String>, String> {
    let mut all = BTreeMap::new();
    let mut left = vec![Vec::<String>::new()];
    while let Some(command) = left.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let output = spamtrail(&words).env("COLUMNS", "100").output().unwrap();
        assert!(output.status.success(), "{words:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let below = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        // A name stands two blanks from the left; what is farther in continues a sentence.
        let names = below.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
        left.extend(names.filter(|name| *name != "help").map(|name| [&command[..], &[name.to_owned()]].concat()));
        all.insert(command, text);
    }
    all
}

#[test]
fn every_command_and_flag_that_is_named_exists() {
    let help = help();
    let mut unknown = Vec::new();
    let mut checked = 0;
    for (path, text) in documents() {
        for command in code(&text).iter().flat_map(|code| commands(code)) {
            let is_name =
                |word: &&String| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && !word.starts_with('-');
            let name: Vec<_> = command.iter().take_while(is_name).cloned().collect();
            let known = (0..=name.len().min(2)).rev().map(|words| &name[..words]).find(|name| help.contains_key(*name));
            let known = known.unwrap_or_default();
            checked += 1;
            let complain = |what: &str| format!("{}: `spamtrail {}`: {what}", path.display(), command.join(" "));
            if known.is_empty() && !name.is_empty() {
                unknown.push(complain("no such command"));
                continue;
            }
            let flags = command.iter().filter(|word| word.starts_with("--") && word.len() > 2);
            for flag in flags.map(|word| word.split('=').next().unwrap_or(word)) {
                let mut exists =
                    help[known].split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | '<' | '`' | '.'));
                if !exists.any(|word| word == flag) {
                    unknown.push(complain(flag));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(checked > 20, "only {checked} commands were found");
}

/// The fields of the structures that are read from files, by file of the source.
fn keys_of_source() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for source in ["crates/spamtrail-sensor/src/config.rs", "crates/spamtrail/src/config.rs"] {
        let text = std::fs::read_to_string(root().join(source)).unwrap();
        let mut derived = false;
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with("#[derive(") {
                derived = line.contains("Deserialize");
            } else if line.contains("struct ") && line.ends_with('{') {
                inside = derived;
            } else if line.starts_with('}') || line.contains("enum ") {
                inside = false;
            } else if let Some((name, _)) = line.trim().split_once(": ")
                && inside
                && !line.trim().starts_with(['/', '#'])
            {
                keys.insert(name.rsplit(' ').next().unwrap_or(name).to_owned());
            }
        }
    }
    keys
}

/// The keys of a sample, those that are commented out among them.
fn keys_of_sample(text: &str) -> BTreeSet<String> {
    let is_key = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let lines = text.lines().map(|line| line.strip_prefix('#').unwrap_or(line));
    let keys = lines.filter_map(|line| match line.strip_prefix('[') {
        Some(table) => Some(table.trim_matches(['[', ']'])),
        None => Some(line.split_once(" = ")?.0),
    });
    keys.filter(is_key).map(str::to_owned).collect()
}

#[test]
fn every_key_of_a_configuration_is_in_a_sample_and_in_the_reference() {
    let reference = std::fs::read_to_string(root().join("docs/reference/configuration.md")).unwrap();
    let samples = ["sensor.toml", "collect.toml", "portal.toml"]
        .map(|name| std::fs::read_to_string(root().join("etc").join(name)).unwrap());
    let in_samples: BTreeSet<_> = samples.iter().flat_map(|text| keys_of_sample(text)).collect();
    let in_source = keys_of_source();
    assert!(in_source.len() > 15, "{in_source:?}");
    assert_eq!(in_source, in_samples, "the keys of the source, and those of etc/");
    let left_out: Vec<_> = in_source.iter().filter(|key| !reference.contains(&format!("`{key}`"))).collect();
    assert!(left_out.is_empty(), "not in docs/reference/configuration.md: {left_out:?}");
}

#[test]
fn every_path_and_parameter_of_the_portal_is_in_the_reference() {
    let reference = std::fs::read_to_string(root().join("docs/reference/portal.md")).unwrap();
    let source = |name: &str| std::fs::read_to_string(root().join("crates/portal/src").join(name)).unwrap();
    let words = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut names: Vec<_> = words(&source("document.rs")).into_iter().filter(|word| word.starts_with('/')).collect();
    assert!(names.len() > 10, "{names:?}");
    let view = source("view.rs");
    let set = view.split("match name {").nth(1).unwrap().split("_ =>").next().unwrap();
    let parameters =
        set.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" ")).map(|(name, _)| name);
    names.extend(parameters.map(str::to_owned));
    assert!(names.iter().any(|name| name == "window"), "{names:?}");
    let left_out: Vec<_> = names.iter().filter(|name| !reference.contains(&format!("`{name}`"))).collect();
    assert!(left_out.is_empty(), "not in docs/reference/portal.md: {left_out:?}");
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_bound_and_test_that_the_architecture_names_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut missing = Vec::new();
    let mut source = String::new();
    let bounds = text.split("\n## Bounds").nth(1).unwrap().split("\n## ").next().unwrap();
    for row in bounds.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| where")) {
        let cells: Vec<_> = row.split('|').collect();
        if let Some(file) = links(cells[1]).first() {
            source = std::fs::read_to_string(root().join(file)).unwrap();
        }
        let names = spans(cells[2]).filter(|name| !source.contains(&format!("const {name}: ")));
        missing.extend(names.map(|name| format!("constant {name}: {row}")));
    }
    let mut tests = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        functions(&entry.unwrap().path(), &mut tests);
    }
    let is_test =
        |name: &&str| name.matches('_').count() > 3 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let guides = std::fs::read_to_string(root().join("docs/explanation/exactly-once.md")).unwrap();
    let named: BTreeSet<_> = spans(&text).chain(spans(&guides)).filter(is_test).collect();
    assert!(named.len() > 20, "{named:?}");
    missing.extend(named.iter().filter(|name| !tests.contains(**name)).map(|name| format!("test {name}")));
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The names of all functions of a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            found.extend(names.map(str::to_owned));
        }
    }
}

const COMMANDS: &str = "\
# Commands

This page is generated from the program's own help by `BLESS=1 cargo test -p spamtrail documents`; a test fails when the
two differ.

One program, `spamtrail`, has all roles and questions. A second, `spamtrail-sensor`, has `sensor`, `ship` and `check`
alone, each with `--config FILE`: it is what a sensor's machine needs, and it contains no query engine.

* Results go to stdout, everything else to stderr. With `--json` a result is one object a line, each with its `type`.
* Exit codes: 0 done; 1 nothing found, or a check failed; 2 an error. A reader that closes the pipe early is no error.
* The log goes to stderr: lines for people on a terminal, JSON elsewhere. `SPAMTRAIL_LOG` sets its level.
";

#[test]
fn the_reference_of_the_commands_is_their_help() {
    let mut page = COMMANDS.to_owned();
    let help = help();
    // In the order of the overview, each followed by those below it.
    let mut order: Vec<_> = help.keys().collect();
    let overview = &help[&Vec::<String>::new()];
    let place = |command: &&Vec<String>| {
        let first = command.first().map(|name| overview.find(&format!("\n  {name} ")));
        (first, command.len(), (*command).clone())
    };
    order.sort_by_key(place);
    for command in order {
        let name = [&["spamtrail".to_owned()], &command[..]].concat().join(" ");
        let lines: Vec<_> = help[command].lines().map(str::trim_end).collect();
        _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n"));
    }
    let path = root().join("docs/reference/commands.md");
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(&path, page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let differs = page.lines().zip(written.lines()).find(|(page, written)| page != written);
    assert!(page == written, "{}: {differs:?} (BLESS=1 rewrites it)", path.display());
}
