//! The command `lab`: labelled data, to try instruments on.

mod traffic;

use std::io::{IsTerminal, Write};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use lab::maillog::{Model, run, write};

use crate::Outcome;
use crate::arguments::{Lab, LabCommand, LabMaillog};
use crate::output::stdout;

pub(crate) use traffic::LabTraffic;

pub(crate) fn lab(arguments: Lab) -> anyhow::Result<Outcome> {
    match arguments.command {
        LabCommand::Maillog(arguments) => maillog(&arguments),
        LabCommand::Traffic(arguments) => traffic::traffic(&arguments),
    }
}

fn maillog(arguments: &LabMaillog) -> anyhow::Result<Outcome> {
    let programs = arguments.server.find(arguments.programs.as_deref())?;
    let LabMaillog { customers, days, seed, abuse, .. } = *arguments;
    let model = Model { customers, days, seed, abuse, ..Model::default() };
    let plan = model.plan();
    let bar = progress(plan.sessions.len() as u64, "sessions");
    let report = run(&plan, &programs, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    write(&arguments.out, &model, &plan, &report).with_context(|| arguments.out.display().to_string())?;
    let broken = report.outcomes.iter().filter(|outcome| outcome.broken.is_some()).count();
    if broken + report.left > 0 {
        eprintln!("{broken} sessions broke off, {} messages were left in the server's queue", report.left);
    }
    let mut out = stdout();
    for log in &report.logs {
        writeln!(out, "{}: {} lines", arguments.out.join(log.name).display(), log.lines)?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// How many of these are done, on a terminal.
fn progress(all: u64, what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(all);
    match ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {what}, {{eta}} left")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
