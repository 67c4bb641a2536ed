//! The command `maillog complaints`: reports of others from mailboxes and folders, each once.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use complaints::{Complaint, mails};
use evidence::Time;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::memory::Read;
use super::pending::Report;
use super::site::Settings;
use super::watch::Watch;
use super::{Store, written};
use crate::Outcome;
use crate::arguments::MaillogComplaints;
use crate::data::Data;
use crate::output::{stdout, write_line};

/// What was read.
#[derive(Default)]
struct Found {
    /// By what it is: how many.
    others: BTreeMap<String, u64>,
    known: u64,
    reports: Vec<(PathBuf, Complaint, Time)>,
}

pub(super) async fn read(arguments: MaillogComplaints) -> anyhow::Result<Outcome> {
    let mut store = Store::open(Data(arguments.data.clone())).await?;
    let mut watch = store.watch(Settings::default()).await?;
    let mut known: HashSet<[u8; 32]> = store.memory.reports().iter().copied().collect();
    let mut found = Found::default();
    for path in &arguments.paths {
        for file in files(path)? {
            let bytes = fs::read(&file).with_context(|| file.display().to_string())?;
            let near = written(&file.metadata()?);
            take(&file, &bytes, near, &mut known, &mut watch, &mut found);
        }
    }
    if !found.reports.is_empty() {
        store.keep(&mut watch, Read::default()).await?;
    }
    let mut out = stdout();
    if arguments.json {
        write_json(&mut out, &found)?
    } else {
        write_text(&mut out, &found)?
    }
    out.flush()?;
    Ok(if found.reports.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

/// A file, or all files of a folder and its folders, in the order of their names. What begins with a dot is left alone.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.metadata().with_context(|| path.display().to_string())?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).with_context(|| path.display().to_string())? {
        let entry = entry?.path();
        let is_hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden {
            entries.push(entry);
        }
    }
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry)?);
    }
    Ok(found)
}

/// Takes the mails of a file.
fn take(path: &Path, bytes: &[u8], near: Time, known: &mut HashSet<[u8; 32]>, watch: &mut Watch, found: &mut Found) {
    for mail in mails(bytes) {
        match complaints::read(&mail) {
            Err(what) => *found.others.entry(what.to_string()).or_default() += 1,
            Ok(complaint) => {
                let sha256: [u8; 32] = Sha256::digest(&mail).into();
                if !known.insert(sha256) {
                    found.known += 1;
                    continue;
                }
                // A report from the future is as old as its file.
                let received_at = complaint.reported_at.unwrap_or(near).min(near);
                found.reports.push((path.to_owned(), complaint.clone(), received_at));
                watch.report(Report::new(complaint, sha256, received_at));
            }
        }
    }
}

fn write_text(out: &mut dyn Write, found: &Found) -> anyhow::Result<()> {
    if !found.reports.is_empty() {
        let head = ["received", "format", "kind", "address", "port", "happened", "account", "reporter"];
        write_line(out, &head.map(str::to_owned))?;
    }
    for (_, complaint, received_at) in &found.reports {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let mark = if complaint.derived { "~" } else { "" };
        write_line(
            out,
            &[
                received_at.to_string(),
                complaint.format.name().to_owned(),
                evidence::shown(complaint.kind.as_bytes()),
                complaint.source.map_or_else(|| "-".to_owned(), |source| format!("{mark}{source}")),
                complaint.source_port.map_or_else(|| "-".to_owned(), |port| port.to_string()),
                complaint.happened_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
                text(&complaint.account),
                text(&complaint.reporter),
            ],
        )?;
    }
    writeln!(out, "{} new reports, {} known before", found.reports.len(), found.known)?;
    for (what, count) in &found.others {
        writeln!(out, "{count} not taken: {what}")?;
    }
    Ok(())
}

fn write_json(out: &mut dyn Write, found: &Found) -> anyhow::Result<()> {
    for (path, complaint, received_at) in &found.reports {
        let report = json!({ "type": "report", "file": path.display().to_string(), "received_at": received_at.to_string(),
            "format": complaint.format.name(), "kind": complaint.kind,
            "address": complaint.source.map(|source| source.to_string()), "derived": complaint.derived,
            "port": complaint.source_port, "happened_at": complaint.happened_at.map(|at| at.to_string()),
            "account": complaint.account, "message_id": complaint.message_id, "reporter": complaint.reporter,
            "incidents": complaint.incidents });
        writeln!(out, "{report}")?;
    }
    let counts = json!({ "type": "counts", "new": found.reports.len(), "known": found.known, "others": found.others });
    Ok(writeln!(out, "{counts}")?)
}
