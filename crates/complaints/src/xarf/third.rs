//! XARF of abusix/xarf: the versions alpha, 1, 2, 3 and development. A document that breaks a rule of the schema of its
//! version is no complaint; the first rule that it breaks is told.

use serde_json::{Map, Value};

use super::rule::{Field, Version, is_mailbox, members, object};
use super::schema::{
    ACCOUNT, COMPLAINANT, DOCUMENT, OF_COMPLAINANT, OF_REPORTER, REPORT, REPORTER, SOURCE_ADDRESS, SOURCE_PORT,
    SOURCE_URL, Subject, TYPES, Type,
};
use crate::complaint::{Complaint, Format, TimedBy};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::recipient::Recipients;
use crate::text::{address, domain, kept, time};

const MISSING: &str = "is missing";

type Members = Map<String, Value>;

pub(super) fn read(document: &Value, desk: &Desk) -> Result<Complaint, Fault> {
    let document = object(document)?;
    let version = version(document)?;
    members(document, DOCUMENT, version)?;
    let reporter = part(document, "ReporterInfo")?.ok_or_else(|| Fault::new("ReporterInfo", MISSING))?;
    check_reporter(reporter, version).map_err(|fault| fault.within("ReporterInfo"))?;
    if let Some(other) = part(document, "OnBehalfOf")? {
        check_complainant(other, version).map_err(|fault| fault.within("OnBehalfOf"))?;
    }
    let report = part(document, "Report")?.ok_or_else(|| Fault::new("Report", MISSING))?;
    check_report(report, version).map_err(|fault| fault.within("Report"))?;
    Ok(complaint(reporter, report, desk))
}

/// Only the oldest version may leave out its name.
fn version(document: &Members) -> Result<Version, Fault> {
    let Some(named) = document.get("Version") else { return Ok(Version::Alpha) };
    match named.as_str() {
        Some("alpha") => Ok(Version::Alpha),
        Some("1") => Ok(Version::One),
        Some("2") => Ok(Version::Two),
        Some("3") => Ok(Version::Three),
        Some("development") => Ok(Version::Development),
        _ => Err(Fault::new("Version", "is none that is known")),
    }
}

fn part<'d>(document: &'d Members, name: &'static str) -> Result<Option<&'d Members>, Fault> {
    document.get(name).map(object).transpose().map_err(|fault| fault.within(name))
}

fn check_reporter(reporter: &Members, version: Version) -> Result<(), Fault> {
    let is_known = |name: &String| REPORTER.iter().map(Field::name).any(|known| known == name);
    if version >= Version::Three && !reporter.keys().all(is_known) {
        return Err(Fault::new("", "has a member that is not known"));
    }
    members(reporter, REPORTER, version)?;
    organisation(reporter, "ReporterType", &OF_REPORTER, version)
}

fn check_complainant(other: &Members, version: Version) -> Result<(), Fault> {
    members(other, COMPLAINANT, version)?;
    organisation(other, "ComplainantType", &OF_COMPLAINANT, version)
}

/// An organisation must say which. Since version 3 only who says to be one: that the schema asks nothing of who does not say
/// is hardly meant, but so it is.
fn organisation(party: &Members, kind: &str, names: &[&'static str], version: Version) -> Result<(), Fault> {
    if version >= Version::Three && party.get(kind).and_then(Value::as_str) != Some("Org") {
        return Ok(());
    }
    match names.iter().find(|name| !party.contains_key(**name)) {
        Some(name) => Err(Fault::new(*name, MISSING)),
        None => Ok(()),
    }
}

fn check_report(report: &Members, version: Version) -> Result<(), Fault> {
    let kind = kind(report, version)?;
    members(report, REPORT, version)?;
    match kind.subject {
        Subject::Address => {
            members(report, SOURCE_PORT, version)?;
            members(report, SOURCE_ADDRESS, version)?;
        }
        Subject::AddressOrUrl => {
            members(report, SOURCE_PORT, version)?;
            source(report, version)?;
        }
        Subject::Account => account(report, version)?,
    }
    kind.fields.iter().try_for_each(|fields| members(report, fields, version))
}

fn kind(report: &Members, version: Version) -> Result<&'static Type, Fault> {
    let text = |name: &'static str| match report.get(name) {
        None => Err(Fault::new(name, MISSING)),
        Some(value) => value.as_str().ok_or_else(|| Fault::new(name, "is no text")),
    };
    let (class, name) = (text("ReportClass")?, text("ReportType")?);
    let mut named = TYPES.iter().filter(|kind| kind.name == name && kind.is_in(version)).peekable();
    if named.peek().is_none() {
        return Err(Fault::new("ReportType", "is none of its version"));
    }
    named.find(|kind| kind.class == class).ok_or_else(|| Fault::new("ReportClass", "is not that of its type"))
}

/// One of address and URL must keep its rules.
fn source(report: &Members, version: Version) -> Result<(), Fault> {
    let Err(of_address) = members(report, SOURCE_ADDRESS, version) else { return Ok(()) };
    let Err(of_url) = members(report, SOURCE_URL, version) else { return Ok(()) };
    Err(match (report.contains_key("SourceIp"), report.contains_key("SourceUrl")) {
        (true, _) => of_address,
        (false, true) => of_url,
        (false, false) => Fault::new("", "has neither SourceIp nor SourceUrl"),
    })
}

/// An account, and nothing that would be a report of an address.
fn account(report: &Members, version: Version) -> Result<(), Fault> {
    let account = part(report, "Account")?.ok_or_else(|| Fault::new("Account", MISSING))?;
    if account.is_empty() {
        return Err(Fault::new("Account", "is empty"));
    }
    members(account, ACCOUNT, version).map_err(|fault| fault.within("Account"))?;
    if account.get("AccountIdentifier").and_then(Value::as_str).is_some_and(is_mailbox) {
        return Err(Fault::new("Account/AccountIdentifier", "is an address of mail"));
    }
    let is_of_source = members(report, SOURCE_PORT, version).is_ok() && source(report, version).is_ok();
    if is_of_source { Err(Fault::new("", "has a source beside the account")) } else { Ok(()) }
}

fn complaint(reporter: &Members, report: &Members, desk: &Desk) -> Complaint {
    let text = |name: &str| report.get(name).and_then(Value::as_str);
    let of_reporter = |name: &str| reporter.get(name).and_then(Value::as_str).and_then(domain);
    let of_account = |name: &str| report.get("Account").and_then(|account| account.get(name)?.as_str());
    let mut complaint = Complaint::new(Format::Xarf3, text("ReportType").unwrap_or_default());
    complaint.source = text("SourceIp").and_then(address);
    complaint.source_port = report.get("SourcePort").and_then(Value::as_f64).map(|port| port as u16);
    complaint.happened_at = text("Date").and_then(time);
    complaint.timed_by = complaint.happened_at.map(|_| TimedBy::Report);
    complaint.reporter =
        ["ReporterOrgDomain", "ReporterOrgEmail", "ReporterContactEmail"].into_iter().find_map(of_reporter);
    let sender = ["SmtpMailFromAddress", "FromAddress"].into_iter().find_map(text);
    let named = || ["AccountEmail", "AccountIdentifier"].into_iter().find_map(of_account);
    complaint.account = sender.or_else(named).and_then(kept);
    let recipients = ["SmtpRcptToAddress", "ToAddress"].into_iter().filter_map(text);
    complaint.recipients = Recipients::new(recipients, desk.key());
    complaint.message_id = text("SmtpMessageId").and_then(kept);
    complaint.urls = text("SourceUrl").and_then(kept).into_iter().collect();
    complaint
}
