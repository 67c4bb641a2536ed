//! The files of a run: the logs, the truth, the schedule, and a README of what they are.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::model::Model;
use super::plan::{Doing, Place, Plan};
use super::run::Report;
use crate::error::LabError;

/// How many lines that were left out are shown.
const SHOWN: usize = 10;

/// Writes all files of a run into a folder, which is made.
pub fn write(out: &Path, model: &Model, plan: &Plan, report: &Report) -> Result<(), LabError> {
    fs::create_dir_all(out).map_err(LabError::file(out))?;
    for log in &report.logs {
        file(out, log.name, &log.text)?;
        // The classic time has no year: readers take it from the file.
        let path = out.join(log.name);
        let end = UNIX_EPOCH + Duration::from_micros(plan.end.micros().unsigned_abs());
        File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(end))
            .map_err(LabError::file(path))?;
    }
    file(out, "truth.csv", &truth(plan))?;
    schedule(out, plan, report)?;
    file(out, "README.md", &readme(model, plan, report))
}

fn file(out: &Path, name: &str, text: &str) -> Result<(), LabError> {
    let path = out.join(name);
    fs::write(&path, text).map_err(LabError::file(path))
}

/// One row for each subject.
fn truth(plan: &Plan) -> String {
    let mut rows = "subject,place,kind,abused,diagnosis,start,end,sessions,messages,recipients\n".to_owned();
    let mut counts = vec![(0, 0, 0); plan.subjects.len()];
    for session in &plan.sessions {
        let count = &mut counts[session.subject];
        count.0 += 1;
        count.1 += session.mails.len();
        count.2 += session.mails.iter().map(|mail| mail.recipients.len()).sum::<usize>();
    }
    for (subject, (sessions, messages, recipients)) in plan.subjects.iter().zip(counts) {
        let (kind, place) = (subject.kind, if subject.place == Place::Inside { "inside" } else { "outside" });
        let (start, end) =
            subject.abuse.map_or_else(Default::default, |(start, end)| (start.to_string(), end.to_string()));
        let (name, abused, diagnosis) = (&subject.name, kind.is_abuse(), kind.diagnosis());
        _ = writeln!(
            rows,
            "{name},{place},{},{abused},{diagnosis},{start},{end},{sessions},{messages},{recipients}",
            kind.name()
        );
    }
    rows
}

/// One JSON object for each session: what was planned, and what the server answered.
fn schedule(out: &Path, plan: &Plan, report: &Report) -> Result<(), LabError> {
    let path = out.join("schedule.jsonl");
    let mut file = std::io::BufWriter::new(File::create(&path).map_err(LabError::file(&path))?);
    for (session, outcome) in plan.sessions.iter().zip(&report.outcomes) {
        let subject = &plan.subjects[session.subject];
        let mails: Vec<_> = session
            .mails
            .iter()
            .enumerate()
            .map(|(index, mail)| json!({ "planned": mail, "answer": outcome.answers.get(index) }))
            .collect();
        let line = json!({
            "at": session.at.to_string(), "begins": outcome.begins.to_string(), "source": session.source,
            "door": session.door, "helo": session.helo, "account": session.account,
            "wrong_password": session.wrong_password, "subject": subject.name, "kind": subject.kind,
            "doing": session.doing, "broken": outcome.broken, "mails": mails,
        });
        writeln!(file, "{line}").map_err(LabError::file(&path))?;
    }
    file.flush().map_err(LabError::file(path))
}

fn readme(model: &Model, plan: &Plan, report: &Report) -> String {
    let messages: usize = plan.sessions.iter().map(|session| session.mails.len()).sum();
    let broken = report.outcomes.iter().filter(|outcome| outcome.broken.is_some()).count();
    let customers = plan.subjects.iter().filter(|subject| subject.place == Place::Inside).count();
    let days = plan.end.since(plan.start).as_secs() / 86_400;
    let abuse = plan.sessions.iter().filter(|session| session.doing == Doing::Abuse).count();
    let mut text = format!(
        "# A laboratory mail log\n\n{} customers, {} days from {}, seed {}, {} of each kind of abuse: {} sessions ({abuse} \
         of abuse), {messages} messages. Written by a real {} in {:.0} s; {broken} sessions broke off, {} messages were \
         left in the queue.\n\n",
        customers,
        days,
        plan.start,
        model.seed,
        model.abuse,
        plan.sessions.len(),
        report.server.name(),
        report.took.as_secs_f64(),
        report.left
    );
    text += "The times of the lines are moved: each line has the planned time of its session, plus the time that the server \
             took from the start of the session to the line. Everything else is as the server wrote it. Times are UTC.\n\n\
             * `truth.csv`: everybody whom a detector may name, what it is, and when its abuse starts and ends\n\
             * `schedule.jsonl`: each session as it was planned, and what the server answered\n";
    for log in &report.logs {
        _ = writeln!(
            text,
            "* `{}`: {} lines; {} that belong to no session were left out",
            log.name,
            log.lines,
            log.left_out.len()
        );
        for line in log.left_out.iter().take(SHOWN) {
            _ = writeln!(text, "  * `{}`", line.trim());
        }
    }
    text
}
