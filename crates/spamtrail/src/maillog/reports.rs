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

use super::memory::{InUse, Read, reported};
use super::pending::Report;
use super::site::Settings;
use super::words::Said;
use super::{Store, words, written};
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
    new: Vec<New>,
}

/// A complaint that was not read before.
struct New {
    file: PathBuf,
    complaint: Complaint,
    received_at: Time,
    sha256: [u8; 32],
}

impl New {
    fn report(&self) -> Report {
        Report::new(self.complaint.clone(), self.sha256, self.received_at)
    }
}

pub(super) async fn read(arguments: MaillogComplaints) -> anyhow::Result<Outcome> {
    let data = Data(arguments.data.clone());
    let found = match Store::open(data.clone()).await {
        Ok(mut store) => {
            let mut watch = store.watch(Settings::default()).await?;
            let found = find(&arguments.paths, store.memory.reports())?;
            found.new.iter().for_each(|new| watch.report(new.report()));
            if !found.new.is_empty() {
                store.keep(&mut watch, Read::default()).await?;
            }
            found
        }
        // The run that reads logs takes them.
        Err(error) if error.is::<InUse>() => {
            let (mut known, taken) = reported(&data)?;
            known.extend(words::reports(&data, taken)?);
            let found = find(&arguments.paths, &known)?;
            let said: Vec<_> = found.new.iter().map(|new| Said::Report(new.report())).collect();
            if !said.is_empty() {
                words::put(&data, &said, sensor::now(), taken)?;
            }
            found
        }
        Err(error) => return Err(error),
    };
    let mut out = stdout();
    if arguments.json {
        write_json(&mut out, &found)?
    } else {
        write_text(&mut out, &found)?
    }
    out.flush()?;
    Ok(if found.new.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

/// What is in files and folders, and new.
fn find(paths: &[PathBuf], known: &[[u8; 32]]) -> anyhow::Result<Found> {
    let (mut known, mut found): (HashSet<_>, _) = (known.iter().copied().collect(), Found::default());
    for path in paths {
        for file in files(path)? {
            let bytes = fs::read(&file).with_context(|| file.display().to_string())?;
            let near = written(&file.metadata()?);
            found.take(&file, &bytes, near, &mut known);
        }
    }
    Ok(found)
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

impl Found {
    /// Takes the mails of a file.
    fn take(&mut self, file: &Path, bytes: &[u8], near: Time, known: &mut HashSet<[u8; 32]>) {
        for mail in mails(bytes) {
            match complaints::read(&mail) {
                Err(what) => *self.others.entry(what.to_string()).or_default() += 1,
                Ok(complaint) => {
                    let sha256 = Sha256::digest(&mail).into();
                    if !known.insert(sha256) {
                        self.known += 1;
                        continue;
                    }
                    // A report from the future is as old as its file.
                    let received_at = complaint.reported_at.unwrap_or(near).min(near);
                    self.new.push(New { file: file.to_owned(), complaint, received_at, sha256 });
                }
            }
        }
    }
}

fn write_text(out: &mut dyn Write, found: &Found) -> anyhow::Result<()> {
    if !found.new.is_empty() {
        let head = ["received", "format", "kind", "address", "port", "happened", "account", "reporter"];
        write_line(out, &head.map(str::to_owned))?;
    }
    for New { complaint, received_at, .. } in &found.new {
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
    writeln!(out, "{} new reports, {} known before", found.new.len(), found.known)?;
    for (what, count) in &found.others {
        writeln!(out, "{count} not taken: {what}")?;
    }
    Ok(())
}

fn write_json(out: &mut dyn Write, found: &Found) -> anyhow::Result<()> {
    for New { file, complaint, received_at, .. } in &found.new {
        let report = json!({ "type": "report", "file": file.display().to_string(), "received_at": received_at.to_string(),
            "format": complaint.format.name(), "kind": complaint.kind,
            "address": complaint.source.map(|source| source.to_string()), "derived": complaint.derived,
            "port": complaint.source_port, "happened_at": complaint.happened_at.map(|at| at.to_string()),
            "account": complaint.account, "message_id": complaint.message_id, "reporter": complaint.reporter,
            "incidents": complaint.incidents });
        writeln!(out, "{report}")?;
    }
    let counts = json!({ "type": "counts", "new": found.new.len(), "known": found.known, "others": found.others });
    Ok(writeln!(out, "{counts}")?)
}
