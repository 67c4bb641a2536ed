//! XARF 4.
//!
//! A document needs what a desk needs: version, category, type, time, source and reporter. What else the specification wants
//! is said where it lacks, and forgiven. Evidence is not looked at.

use serde_json::Value;

use crate::complaint::{Complaint, Format, TimedBy};
use crate::fault::{Fault, forgive};
use crate::text::{address, domain, kept, time};

const MISSING: &str = "is missing";

/// What the types need besides the core, as far as it is about mail, connections and machines.
const NEEDS: [(&str, &[&str]); 9] = [
    ("messaging/spam", &["protocol"]),
    ("messaging/bulk_messaging", &["protocol", "recipient_count"]),
    ("infrastructure/botnet", &["compromise_evidence"]),
    ("infrastructure/compromised_server", &["compromise_method"]),
    ("connection/port_scan", &["protocol", "first_seen"]),
    ("connection/login_attack", &["protocol", "first_seen"]),
    ("content/phishing", &["url"]),
    ("content/malware", &["url"]),
    ("reputation/blocklist", &["threat_type"]),
];

pub(super) fn read(document: &Value) -> Result<Complaint, Fault> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let needed = |name: &'static str| text(name).ok_or_else(|| Fault::new(name, MISSING));
    if !needed("xarf_version")?.starts_with("4.") {
        return Err(Fault::new("xarf_version", "is not 4"));
    }
    let kind = format!("{}/{}", needed("category")?, needed("type")?);
    let happened_at = time(needed("timestamp")?).ok_or_else(|| Fault::new("timestamp", "is no time with a zone"))?;
    let source = needed("source_identifier")?;
    let reporter = document.get("reporter").ok_or_else(|| Fault::new("reporter", MISSING))?;
    let of_reporter = |name: &str| reporter.get(name).and_then(Value::as_str).and_then(domain);
    let mut complaint = Complaint::new(Format::Xarf4, &kind);
    complaint.source = address(source);
    // A name is kept as a name: it is not resolved.
    complaint.domains = complaint.source.is_none().then(|| domain(source)).flatten().into_iter().collect();
    complaint.source_port = port(document.get("source_port"))?;
    complaint.happened_at = Some(happened_at);
    complaint.timed_by = Some(TimedBy::Report);
    complaint.reporter = of_reporter("domain").or_else(|| of_reporter("contact"));
    complaint.account = text("smtp_from").and_then(kept);
    complaint.message_id = text("message_id").and_then(kept);
    complaint.urls = text("url").and_then(kept).into_iter().collect();
    complaint.incidents = count(document.get("recipient_count"));
    complaint.faults = forgiven(document, &complaint);
    Ok(complaint)
}

/// What the specification wants and the document lacks.
fn forgiven(document: &Value, complaint: &Complaint) -> Vec<Fault> {
    let mut faults = Vec::new();
    let is_absent = |name: &str| document.get(name).is_none_or(Value::is_null);
    let needs = NEEDS.iter().find(|(kind, _)| *kind == complaint.kind).map_or(&[][..], |(_, needs)| needs);
    let is_smtp = document.get("protocol").and_then(Value::as_str) == Some("smtp");
    let of_smtp: &[&str] =
        if is_smtp && complaint.kind.starts_with("messaging/") { &["smtp_from", "source_port"] } else { &[] };
    for name in ["report_id", "sender"].iter().chain(needs).chain(of_smtp).filter(|name| is_absent(name)) {
        forgive(&mut faults, name, MISSING);
    }
    for party in ["reporter", "sender"] {
        let Some(value) = document.get(party) else { continue };
        for name in ["org", "contact", "domain"] {
            if value.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                forgive(&mut faults, &format!("{party}/{name}"), MISSING);
            }
        }
    }
    if document.get("_internal").is_some() {
        forgive(&mut faults, "_internal", "is never to be sent");
    }
    faults
}

fn port(value: Option<&Value>) -> Result<Option<u16>, Fault> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    port.map(Some).ok_or_else(|| Fault::new("source_port", "is no port"))
}

fn count(value: Option<&Value>) -> u32 {
    value.and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()).unwrap_or(1).max(1)
}
