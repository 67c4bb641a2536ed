//! One run: a plan, a server, and the logs that come of it.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use evidence::Time;

use super::client::Answer;
use super::drive::{Ran, drive};
use super::login::Accounts;
use super::moved::{Line, begins, delays, moved};
use super::plan::Plan;
use super::server::{Programs, Server};
use super::sink::Sink;
use super::{exim_log, postfix_log, premises};
use crate::error::LabError;

/// What a run gives.
#[derive(Clone, Debug)]
pub struct Report {
    pub server: Server,
    pub logs: Vec<Log>,
    /// What became of the sessions, in the order of the plan.
    pub outcomes: Vec<Outcome>,
    /// Messages that the server still had in its queue when its time was over.
    pub left: usize,
    /// How long the server took.
    pub took: Duration,
}

/// A log whose times are those of the plan.
#[derive(Clone, Debug)]
pub struct Log {
    pub name: &'static str,
    pub text: String,
    pub lines: usize,
    /// Lines that belong to no session, without their times.
    pub left_out: Vec<String>,
}

/// What became of a session.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// When it begins in the log: as planned, or seconds later, because a process serves one after another.
    pub begins: Time,
    /// What the server answered to each message.
    pub answers: Vec<Answer>,
    /// Why it did not come to its end.
    pub broken: Option<String>,
}

/// Has a server carry out a plan. Needs root. `progress` is told how many sessions are done.
///
/// All of it happens in a thread that has a network and mounts of its own; the rest of the process keeps those it has.
pub fn run(plan: &Plan, programs: &Programs, progress: &(dyn Fn(usize) + Sync)) -> Result<Report, LabError> {
    let prefix = format!("spamtrail-lab-{}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir().map_err(LabError::file("a temporary folder"))?;
    let inside = || inside(folder.path(), plan, programs, progress);
    match std::thread::scope(|scope| scope.spawn(inside).join()) {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn inside(
    folder: &Path,
    plan: &Plan,
    programs: &Programs,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Report, LabError> {
    let names: Vec<(IpAddr, String)> = plan.names.clone();
    premises::enter(folder, &names, programs.users())?;
    let _sink = Sink::open(plan)?;
    let _accounts = Accounts::open()?;
    let mut server = programs.within(folder)?.start(folder, &plan.mailboxes)?;
    let began = Instant::now();
    let (ran, left) = drive(plan, &server, progress);
    let took = began.elapsed();
    server.stop();
    let mut report = Report { server: programs.server(), logs: Vec::new(), outcomes: Vec::new(), left, took };
    for name in programs.server().logs() {
        let bytes = server.log(name)?;
        report.log(name, &String::from_utf8_lossy(&bytes), plan, &ran);
    }
    Ok(report)
}

impl Report {
    fn log(&mut self, name: &'static str, text: &str, plan: &Plan, ran: &[Ran]) {
        let (lines, stamp): (Vec<Line>, fn(i64) -> String) = match self.server {
            Server::Postfix => (postfix_log::read(text, plan, ran), postfix_log::stamp),
            Server::Exim => (exim_log::read(text, plan, ran), exim_log::stamp),
        };
        let delays = delays(&lines, plan, ran);
        let moved = moved(&lines, plan, ran, &delays, stamp);
        self.logs.push(Log { name, text: moved.text, lines: moved.lines, left_out: moved.left_out });
        if self.outcomes.is_empty() {
            self.outcomes = vec![Outcome::default(); plan.sessions.len()];
            for (one, delay) in ran.iter().zip(&delays) {
                self.outcomes[one.session] = Outcome {
                    begins: begins(plan, one, *delay),
                    answers: one.answers.clone(),
                    broken: one.broken.clone(),
                };
            }
        }
    }
}
