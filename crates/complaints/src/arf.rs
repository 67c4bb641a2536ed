//! Reports in ARF (RFC 5965, 6591, 6692), and mails that are passed on.

use crate::about::About;
use crate::complaint::{Complaint, Format, TimedBy};
use crate::desk::Desk;
use crate::fault::{Fault, NotOne, forgive};
use crate::head::{Fields, Head, split};
use crate::part::Parts;
use crate::recipient::Recipients;
use crate::text::{address, domain, is_outside, kept, mailbox, time};

/// Domains, and addresses of the web, that are kept of one report; further ones are left out.
pub const MAX_LISTED: usize = 32;

/// Fields that may stand once (RFC 5965, 3.1 and 3.2). Of several the first counts.
const ONCE: [(&str, &str); 9] = [
    ("feedback-type", "Feedback-Type"),
    ("user-agent", "User-Agent"),
    ("version", "Version"),
    ("original-envelope-id", "Original-Envelope-Id"),
    ("original-mail-from", "Original-Mail-From"),
    ("arrival-date", "Arrival-Date"),
    ("source-ip", "Source-IP"),
    ("source-port", "Source-Port"),
    ("incidents", "Incidents"),
];

/// Reads the machine's part of a report, and of the mail complained of what that part leaves open.
pub(crate) fn read(fields: &Fields, parts: &Parts<'_>, desk: &Desk) -> Result<Complaint, NotOne> {
    let kind = fields.first("feedback-type").ok_or_else(|| Fault::new("Feedback-Type", "is missing"))?;
    if kind.eq_ignore_ascii_case("not-spam") {
        return Err(NotOne::NotSpam);
    }
    let mut complaint = Complaint::new(Format::Arf, kind);
    let mut faults = shape(fields, parts);
    measured(&mut complaint, fields, &mut faults);
    complaint.agent = fields.first("user-agent").and_then(kept);
    complaint.account = fields.first("original-mail-from").and_then(mailbox);
    complaint.envelope_id = fields.first("original-envelope-id").and_then(kept);
    complaint.failed = fields.first("auth-failure").and_then(kept).map(|failed| failed.to_ascii_lowercase());
    complaint.domains = listed(fields.all("reported-domain"), domain);
    complaint.urls = listed(fields.all("reported-uri"), kept);
    complaint.recipients = Recipients::new(fields.all("original-rcpt-to"), desk.key());
    // Where the mail has no From, as those of programs.
    complaint.reporter = fields.first("reporting-mta").and_then(|mta| domain(mta.rsplit(';').next()?));
    match About::of(&parts.leaves, desk) {
        Some(about) => about.complete(&mut complaint),
        None => forgive(&mut faults, "the third part", "is no mail and no header"),
    }
    complaint.faults = faults;
    Ok(complaint)
}

/// Addresses, times and numbers; those that cannot be understood are faults.
fn measured(complaint: &mut Complaint, fields: &Fields, faults: &mut Vec<Fault>) {
    complaint.source = understood(fields.first("source-ip"), address, "Source-IP", "is no address", faults);
    if complaint.source.is_some_and(|source| !is_outside(source)) {
        forgive(faults, "Source-IP", "is no address of the Internet");
    }
    let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    complaint.source_port = understood(fields.first("source-port"), port, "Source-Port", "is no port", faults);
    let (arrival, received) = (fields.first("arrival-date"), fields.first("received-date"));
    let place = if arrival.is_some() { "Arrival-Date" } else { "Received-Date" };
    complaint.happened_at = understood(arrival.or(received), time, place, "is no time with a known zone", faults);
    complaint.timed_by = complaint.happened_at.map(|_| TimedBy::Report);
    let count = |text: &str| text.parse().ok().filter(|count: &u32| *count > 0);
    let incidents = understood(fields.first("incidents"), count, "Incidents", "is no number", faults);
    complaint.incidents = incidents.unwrap_or(1);
}

/// A value that is there, or a fault when it cannot be understood.
fn understood<T>(
    text: Option<&str>,
    reader: impl Fn(&str) -> Option<T>,
    place: &str,
    reason: &'static str,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let read = reader(text?);
    if read.is_none() {
        forgive(faults, place, reason);
    }
    read
}

/// Where a report has not the form that it should have.
fn shape(fields: &Fields, parts: &Parts<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if parts.report_type.as_deref() != Some("feedback-report") {
        forgive(&mut faults, "Content-Type", "is no multipart/report of feedback-report");
    }
    for (name, place) in [("version", "Version"), ("user-agent", "User-Agent")] {
        if fields.first(name).is_none() {
            forgive(&mut faults, place, "is missing");
        }
    }
    for (name, place) in ONCE {
        if fields.all(name).nth(1).is_some() {
            forgive(&mut faults, place, "stands twice");
        }
    }
    if fields.first("arrival-date").is_some() && fields.first("received-date").is_some() {
        forgive(&mut faults, "Received-Date", "stands beside Arrival-Date");
    }
    faults
}

fn listed<'a>(values: impl Iterator<Item = &'a str>, reader: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut listed = Vec::new();
    for value in values.filter_map(reader).take(MAX_LISTED) {
        if !listed.contains(&value) {
            listed.push(value);
        }
    }
    listed
}

/// A mail that is passed on under a subject which names the address complained of.
pub(crate) fn forwarded(head: &Head<'_>, parts: &Parts<'_>, desk: &Desk) -> Option<Complaint> {
    const SAYS: &str = "complaint about message from ";
    let subject = head.subject().to_ascii_lowercase();
    let source = subject.strip_prefix(SAYS).and_then(address)?;
    let mut complaint = Complaint::new(Format::Forwarded, "abuse");
    complaint.source = Some(source);
    let Some(part) = parts.leaves.iter().find(|part| part.kind == "message/rfc822") else { return Some(complaint) };
    let mail = part.contents();
    let fields = Fields::new(split(&mail).0);
    complaint.recipients = Recipients::new(fields.all("x-hmxmroriginalrecipient"), desk.key());
    About::of_mail(&mail, desk).complete(&mut complaint);
    Some(complaint)
}
