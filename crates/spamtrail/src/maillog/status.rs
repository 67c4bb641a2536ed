//! How far logs were read, and what was not taken: what the last run kept of itself.

use std::io::Write;

use evidence::shown;
use serde_json::{Map, Value, json};
use tail::Status;

use super::memory::{Counted, Followed, progress};
use crate::Outcome;
use crate::arguments::MaillogStatus;
use crate::data::Data;
use crate::output::{stdout, write_line};

/// Tells it; also while a run goes on, as of the last minute.
pub(super) fn status(arguments: &MaillogStatus) -> anyhow::Result<Outcome> {
    let (logs, inlet) = progress(&Data(arguments.data.clone()))?;
    let mut out = stdout();
    match arguments.json {
        true => write_json(&mut out, &logs, inlet.as_ref())?,
        false => write_text(&mut out, &logs, inlet.as_ref())?,
    }
    out.flush()?;
    Ok(if logs.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn write_text(out: &mut dyn Write, logs: &[Followed], inlet: Option<&Counted>) -> anyhow::Result<()> {
    if logs.is_empty() {
        return Ok(writeln!(out, "no log was followed")?);
    }
    let head = ["log", "lines", "not understood", "rotations", "truncations", "losses"];
    write_line(out, &head.map(str::to_owned))?;
    for Followed { path, status, lines, known, .. } in logs {
        let Status { rotations, truncations, losses, .. } = *status;
        let counts = [*lines, lines.saturating_sub(*known), rotations, truncations, losses];
        write_line(out, &[&[shown(path.as_bytes())][..], &counts.map(|count| count.to_string())].concat())?;
    }
    if let Some(Counted { at, counts }) = inlet {
        writeln!(out, "\nsockets, as of {at}, since the start of that run:")?;
        for (name, count) in counts {
            writeln!(out, "{count:>12} {name}")?;
        }
    }
    Ok(())
}

fn write_json(out: &mut dyn Write, logs: &[Followed], inlet: Option<&Counted>) -> anyhow::Result<()> {
    for Followed { path, status, lines, known, .. } in logs {
        let Status { rotations, truncations, losses, absences } = *status;
        let log = json!({ "type": "log", "log": path, "lines": lines, "known": known, "rotations": rotations,
            "truncations": truncations, "losses": losses, "absences": absences });
        writeln!(out, "{log}")?;
    }
    if let Some(Counted { at, counts }) = inlet {
        let counts: Map<_, _> = counts.iter().map(|(name, count)| (name.clone(), Value::from(*count))).collect();
        writeln!(out, "{}", json!({ "type": "sockets", "at": at.to_string(), "counts": counts }))?;
    }
    Ok(())
}
