//! The model keeps its word, and real servers carry it out.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use lab::maillog::{Kind, Model, Place, Plan, Report, Server, run};
use specimen::{is_root, skip};

fn model() -> Model {
    Model { customers: 0, days: 1, abuse: 1, ..Model::default() }
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_another() {
    let text = |plan: &Plan| format!("{:?}", plan.sessions);
    let plan = text(&model().plan());
    assert_eq!(plan, text(&model().plan()));
    assert_ne!(plan, text(&Model { seed: 2, ..model() }.plan()));
}

#[test]
fn every_kind_of_abuse_and_every_hard_kind_is_among_the_customers() {
    let model = Model { days: 7, ..Model::default() };
    let plan = model.plan();
    let mut kinds = HashMap::<String, usize>::new();
    plan.subjects.iter().for_each(|subject| *kinds.entry(subject.kind.name().to_owned()).or_default() += 1);
    for kind in Kind::ABUSE {
        assert!(kinds.get(kind.name()).is_some_and(|count| *count >= model.abuse), "{} {kinds:?}", kind.name());
    }
    assert!(Kind::HARD.iter().all(|kind| kinds.contains_key(kind.name())), "{kinds:?}");
    let customers = plan.subjects.iter().filter(|subject| subject.place == Place::Inside).count();
    assert!(customers >= 200, "{customers}");
    assert!(plan.sessions.windows(2).all(|two| two[0].at <= two[1].at), "in the order of time");
}

/// What a server made of a small plan; `None`, and a word, where it cannot run here.
fn ran(server: Server, unpacked: Option<PathBuf>) -> Option<(Plan, Report)> {
    if !is_root() {
        skip("a laboratory needs root");
        return None;
    }
    let programs = match server.find(unpacked.as_deref()) {
        Ok(programs) => programs,
        Err(error) => {
            skip(&error.to_string());
            return None;
        }
    };
    let plan = model().plan();
    let report = run(&plan, &programs, &|_| {}).unwrap();
    Some((plan, report))
}

fn is_carried_out(plan: &Plan, report: &Report) {
    assert_eq!(report.left, 0, "nothing is left in the queue");
    let broken: Vec<_> = report.outcomes.iter().filter_map(|outcome| outcome.broken.as_ref()).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let answered: HashSet<_> =
        report.outcomes.iter().enumerate().filter(|(_, one)| !one.answers.is_empty()).map(|(at, _)| at).collect();
    assert!(answered.len() * 10 > plan.sessions.len() * 5, "{} of {}", answered.len(), plan.sessions.len());
    assert!(report.logs[0].lines > 2 * plan.sessions.len(), "{} lines", report.logs[0].lines);
}

#[test]
fn postfix_carries_out_a_plan_and_its_lines_have_the_times_of_the_plan() {
    let Some((plan, report)) = ran(Server::Postfix, None) else { return };
    is_carried_out(&plan, &report);
    let text = &report.logs[0].text;
    let stamps: Vec<_> = text.lines().map(|line| &line[..15]).collect();
    assert!(stamps.windows(2).all(|two| two[0] <= two[1]), "in the order of time");
    assert!(text.contains("status=bounced") && text.contains("sasl_username="));
}

#[test]
fn exim_carries_out_a_plan() {
    let unpacked = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/spamtrail/mail-servers/exim"));
    let Some((plan, report)) = ran(Server::Exim, unpacked) else { return };
    is_carried_out(&plan, &report);
    assert!(report.logs[0].text.contains(" <= ") && report.logs[0].text.contains(" Completed"));
}
