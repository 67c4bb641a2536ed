//! Exceptions that a person makes: what of whom is not told, until when, and why.

use std::io::Write;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, bail};
use evidence::{Time, shown};
use findings::{Diagnosis, Exception, Machine, Rule, Scope, Subject};

use super::memory::trial;
use super::site::Settings;
use super::words::Said;
use super::{hand_in, speaker};
use crate::Outcome;
use crate::arguments::MaillogAllow;
use crate::data::Data;
use crate::output::{stdout, write_line};
use crate::tables::Tables;

/// Makes an exception, ends one, or tells which there are.
pub(super) async fn allow(arguments: MaillogAllow) -> anyhow::Result<Outcome> {
    let data = Data(arguments.data.clone());
    let (Some(who), Some(until), Some(why)) = (&arguments.who, &arguments.until, &arguments.why) else {
        return list(&data);
    };
    let now = sensor::now();
    let until = Time::parse(until, now).context("--until")?;
    let scopes = scopes(who, arguments.only.as_deref())?;
    if until <= now {
        return hand_in(data, vec![Said::End(scopes)]).await;
    }
    let who = speaker(arguments.by.as_ref());
    let exception = |scope| Said::Except(Exception { scope, until, who: who.clone(), why: why.clone() });
    hand_in(data, scopes.into_iter().map(exception).collect()).await
}

/// What is excepted. An address may be that of a customer and that of a machine of others, as the settings say at the time.
fn scopes(who: &str, only: Option<&str>) -> anyhow::Result<Vec<Scope>> {
    let (rule, diagnosis) = (only.and_then(Rule::parse), only.and_then(Diagnosis::parse));
    if let Some(only) = only.filter(|_| rule.is_none() && diagnosis.is_none()) {
        bail!("`{only}` is the name of no rule and no diagnosis");
    }
    if who == "all" {
        let scope = rule.map(Scope::Rule).or(diagnosis.map(Scope::Diagnosis));
        return Ok(vec![scope.context("`all` needs --only: it would hide everything")?]);
    }
    let subjects = match who.parse::<IpAddr>() {
        Ok(address) => vec![Subject::Customer(Machine::of(address)), Subject::Remote(Machine::of(address))],
        Err(_) => vec![Subject::account(who.as_bytes())],
    };
    let scope = |subject| match (rule, diagnosis) {
        (Some(rule), _) => Scope::SubjectRule(subject, rule),
        (None, Some(diagnosis)) => Scope::SubjectDiagnosis(subject, diagnosis),
        (None, None) => Scope::Subject(subject),
    };
    Ok(subjects.into_iter().map(scope).collect())
}

/// As the last run left them, also while one goes on.
fn list(data: &Data) -> anyhow::Result<Outcome> {
    let atlas = Tables::open(Path::new(""))?.atlas();
    let watch = trial(data, Settings::default(), atlas)?.map(|(watch, _)| watch);
    let exceptions = watch.as_ref().map_or(&[][..], |watch| watch.detector().exceptions());
    let mut out = stdout();
    if !exceptions.is_empty() {
        write_line(&mut out, &["until", "of whom", "what", "by", "why"].map(str::to_owned))?;
    }
    for Exception { scope, until, who, why } in exceptions {
        let (subject, what) = match scope {
            Scope::Subject(subject) => (Some(subject), "everything".to_owned()),
            Scope::SubjectRule(subject, rule) => (Some(subject), rule.to_string()),
            Scope::SubjectDiagnosis(subject, diagnosis) => (Some(subject), diagnosis.to_string()),
            Scope::Rule(rule) => (None, rule.to_string()),
            Scope::Diagnosis(diagnosis) => (None, diagnosis.to_string()),
        };
        let of = match subject {
            Some(subject @ Subject::Customer(_)) => format!("customer {subject}"),
            Some(subject) => subject.to_string(),
            None => "all".to_owned(),
        };
        write_line(&mut out, &[until.to_string(), of, what, shown(who.as_bytes()), shown(why.as_bytes())])?;
    }
    out.flush()?;
    Ok(if exceptions.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}
