//! What a run tells: the queue of the desk, the figures of each day, and how much of the logs was understood.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use evidence::shown;
use findings::{Case, Class, DayFigures, Took};
use maillog::{Counts, Kind, Reader, Tally, Totals};
use serde_json::{Value, json};

use super::rows::lines;
use super::totals;
use super::watch::Watch;
use crate::arguments::MaillogRead;
use crate::output::write_line;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Report {
    files: Vec<(PathBuf, Tally, Counts)>,
    totals: Vec<(PathBuf, Totals)>,
}

impl Report {
    pub(super) fn add(&mut self, path: &Path, reader: &Reader) {
        self.files.push((path.to_owned(), reader.tally().clone(), reader.counts()));
        self.totals.extend(reader.totals().map(|totals| (path.to_owned(), totals.clone())));
    }

    pub(super) fn write(&self, out: &mut dyn Write, watch: &Watch, arguments: &MaillogRead) -> io::Result<()> {
        let cases = cases(watch, arguments.all);
        if arguments.json {
            return self.write_json(out, watch, &cases);
        }
        write_cases(out, &cases, arguments.lines)?;
        write_days(out, watch)?;
        self.write_files(out, watch, arguments.all)?;
        self.totals.iter().try_for_each(|(path, sums)| totals::write(out, path, sums))
    }

    fn write_json(&self, out: &mut dyn Write, watch: &Watch, cases: &[&Case]) -> io::Result<()> {
        for case in cases {
            writeln!(out, "{}", finding_json(case))?;
        }
        for (day, figures) in watch.desk().days() {
            let DayFigures { spam, viruses, reports, trouble, wrong } = *figures;
            let day = json!({ "type": "day", "day": day.to_string(), "spam": spam, "viruses": viruses,
                "complaints": reports, "trouble": trouble, "wrong": wrong });
            writeln!(out, "{day}")?;
        }
        for (path, tally, counts) in &self.files {
            let kinds: serde_json::Map<_, _> =
                Kind::ALL.iter().map(|kind| (kind.name().to_owned(), tally.count(*kind).into())).collect();
            let file = json!({ "type": "file", "file": path.display().to_string(), "lines": tally.lines,
                "bytes": tally.bytes, "cut": tally.cut, "kinds": Value::Object(kinds), "messages": counts.begun,
                "before_the_log": counts.midway, "closed": counts.closed, "given_up": counts.given_up });
            writeln!(out, "{file}")?;
        }
        self.totals.iter().try_for_each(|(path, sums)| writeln!(out, "{}", totals::json(path, sums)))
    }

    fn write_files(&self, out: &mut dyn Write, watch: &Watch, all: bool) -> io::Result<()> {
        writeln!(out)?;
        for (path, tally, counts) in &self.files {
            let clear = 100.0 * tally.classified() as f64 / tally.lines.max(1) as f64;
            writeln!(
                out,
                "{}: {} lines, {clear:.2} % of them known; {} messages begun, {} under way before, {} closed",
                shown(path.display().to_string().as_bytes()),
                tally.lines,
                counts.begun,
                counts.midway,
                counts.closed
            )?;
            for kind in Kind::ALL.into_iter().filter(|kind| kind.is_unclear() && tally.count(*kind) > 0) {
                writeln!(out, "  {} {}", tally.count(kind), kind.name())?;
                for sample in tally.samples(kind).iter().filter(|_| all) {
                    writeln!(out, "    {}", shown(sample))?;
                }
            }
            for (count, what) in [(tally.cut, "lines cut"), (counts.given_up, "messages given up for want of room")] {
                if count > 0 {
                    writeln!(out, "  {count} {what}")?;
                }
            }
        }
        let counters = watch.detector().counters();
        if counters.late > 0 {
            writeln!(
                out,
                "{} lines came too late to count: give logs of several servers merged by time",
                counters.late
            )?;
        }
        Ok(())
    }
}

/// What is shown, first things first.
fn cases(watch: &Watch, all: bool) -> Vec<&Case> {
    let desk = watch.desk();
    let mut shown: Vec<_> = desk.queue();
    if !all {
        shown.retain(|case| matches!(case.finding.class(), Class::Abuse | Class::Trouble));
        return shown;
    }
    shown.extend(desk.cases().filter(|case| case.is_closed()));
    shown
}

fn write_cases(out: &mut dyn Write, cases: &[&Case], with_lines: bool) -> io::Result<()> {
    if cases.is_empty() {
        return writeln!(out, "nothing found");
    }
    let head = ["finding", "class", "diagnosis", "likely", "who", "first seen", "last seen", "messages", "recipients"];
    write_line(out, &head.map(str::to_owned))?;
    for case in cases {
        let finding = &case.finding;
        write_line(
            out,
            &[
                finding.id.to_string(),
                finding.class().name().to_owned(),
                finding.diagnosis.name().to_owned(),
                format!("{:.1} %", 100.0 * finding.probability()),
                finding.subject.to_string(),
                finding.first_seen.to_string(),
                finding.last_seen.to_string(),
                finding.volume.messages.to_string(),
                finding.volume.recipients.to_string(),
            ],
        )?;
        for reason in finding.reasons() {
            writeln!(out, "    {reason}")?;
        }
        for line in lines(finding).iter().filter(|_| with_lines) {
            writeln!(out, "    | {line}")?;
        }
    }
    Ok(())
}

fn write_days(out: &mut dyn Write, watch: &Watch) -> io::Result<()> {
    let desk = watch.desk();
    let mut days = desk.days().peekable();
    if days.peek().is_none() {
        return Ok(());
    }
    writeln!(out)?;
    write_line(out, &["day", "spam", "viruses", "complaints", "trouble", "wrong"].map(str::to_owned))?;
    for (day, figures) in days {
        let DayFigures { spam, viruses, reports, trouble, wrong } = *figures;
        let day = day.to_string().chars().take(10).collect::<String>();
        let numbers = [spam, viruses, reports, trouble, wrong].map(|number| number.to_string());
        write_line(out, &[&[day][..], &numbers].concat())?;
    }
    for (what, took) in [("detect", desk.time_to_detect()), ("fix", desk.time_to_fix())] {
        if let Some(Took { cases, median, most }) = took {
            let minutes = |span: std::time::Duration| span.as_secs_f64() / 60.0;
            writeln!(
                out,
                "time to {what}: median {:.1} min, nine in ten within {:.1} min ({cases} cases)",
                minutes(median),
                minutes(most)
            )?;
        }
    }
    Ok(())
}

fn finding_json(case: &Case) -> Value {
    let finding = &case.finding;
    let words = [("right", &case.right), ("wrong", &case.wrong), ("informed", &case.informed), ("fixed", &case.fixed)];
    let said = words.into_iter().filter_map(|(word, said)| {
        let said = said.as_ref()?;
        Some(json!({ "word": word, "at": said.at.to_string(), "by": said.who }))
    });
    let rules = finding.held().map(|proof| proof.rule.id());
    json!({
        "type": "finding",
        "finding": finding.id.0,
        "party": evidence::Party::from(&finding.subject).kind.name(),
        "who": finding.subject.to_string(),
        "diagnosis": finding.diagnosis.name(),
        "class": finding.class().name(),
        "probability": f64::from((finding.probability() * 1000.0).round()) / 1000.0,
        "opened_at": finding.opened.to_string(),
        "abuse_since": finding.abuse_since.map(|at| at.to_string()),
        "first_seen": finding.first_seen.to_string(),
        "last_seen": finding.last_seen.to_string(),
        "messages": finding.volume.messages,
        "recipients": finding.volume.recipients,
        "failed": finding.volume.failed,
        "rules": rules.collect::<Vec<_>>(),
        "reasons": finding.reasons(),
        "lines": lines(finding),
        "quiet": case.quiet,
        "said": said.collect::<Vec<_>>(),
    })
}
