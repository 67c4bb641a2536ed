//! Reports in XARF: version 3 (abusix/xarf) and version 4 (xarf/xarf-spec).
//!
//! Read is what a desk needs; a document without that is malformed. Whether it keeps to all of its schema is not looked at.

use serde_json::Value;

use crate::field::{address, domain, kept, time};
use crate::{Complaint, Format, NotOne};

/// Longest document that is parsed.
const MAX_DOCUMENT: usize = 16 << 20;

/// Whether a JSON document may be XARF.
pub(crate) fn looks_so(document: &[u8]) -> bool {
    let head = &document[..document.len().min(64 * 1024)];
    [&b"\"xarf_version\""[..], b"\"ReporterInfo\""].iter().any(|name| memchr::memmem::find(head, name).is_some())
}

pub(crate) fn read(document: &[u8]) -> Result<Complaint, NotOne> {
    if document.len() > MAX_DOCUMENT {
        return Err(NotOne::Malformed("the document is longer than 16 MiB"));
    }
    let document: Value = serde_json::from_slice(document).map_err(|_| NotOne::Malformed("no JSON"))?;
    if document.get("xarf_version").is_some() {
        return version_4(&document);
    }
    if document.get("ReporterInfo").is_some() || document.get("Report").is_some() {
        return version_3(&document);
    }
    Err(NotOne::Unknown)
}

fn version_4(document: &Value) -> Result<Complaint, NotOne> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if !text("xarf_version").is_some_and(|version| version.starts_with("4.")) {
        return Err(NotOne::Malformed("xarf_version is not 4"));
    }
    let kind = text("type").ok_or(NotOne::Malformed("no type"))?;
    let category = text("category").ok_or(NotOne::Malformed("no category"))?;
    let happened_at = text("timestamp").and_then(time).ok_or(NotOne::Malformed("no timestamp"))?;
    let source = text("source_identifier").ok_or(NotOne::Malformed("no source_identifier"))?;
    let reporter = document.get("reporter").ok_or(NotOne::Malformed("no reporter"))?;
    let of_reporter = |name: &str| reporter.get(name).and_then(Value::as_str).and_then(domain);
    Ok(Complaint {
        format: Format::Xarf4,
        kind: format!("{category}/{kind}").to_ascii_lowercase(),
        // A name is kept by nobody: it is not resolved.
        source: address(source),
        derived: false,
        source_port: port(document.get("source_port"))?,
        happened_at: Some(happened_at),
        reported_at: None,
        reporter: of_reporter("domain").or_else(|| of_reporter("contact")),
        account: text("smtp_from").and_then(kept),
        message_id: text("message_id").and_then(kept),
        incidents: count(document.get("recipient_count")),
    })
}

fn version_3(document: &Value) -> Result<Complaint, NotOne> {
    let report = document.get("Report").ok_or(NotOne::Malformed("no Report"))?;
    let reporter = document.get("ReporterInfo").ok_or(NotOne::Malformed("no ReporterInfo"))?;
    let is_3 = match document.get("Version") {
        Some(Value::String(version)) => version.trim() == "3" || version.starts_with("3."),
        Some(Value::Number(version)) => version.as_f64() == Some(3.0),
        _ => false,
    };
    if !is_3 {
        return Err(NotOne::Malformed("Version is not 3"));
    }
    let text = |name: &str| report.get(name).and_then(Value::as_str);
    let kind = text("ReportType").ok_or(NotOne::Malformed("no ReportType"))?;
    text("ReportClass").ok_or(NotOne::Malformed("no ReportClass"))?;
    let happened_at = text("Date").and_then(time).ok_or(NotOne::Malformed("no Date"))?;
    let of_reporter = |name: &str| reporter.get(name).and_then(Value::as_str);
    let source = match text("SourceIp") {
        Some(source) => Some(address(source).ok_or(NotOne::Malformed("SourceIp is no address"))?),
        None => None,
    };
    Ok(Complaint {
        format: Format::Xarf3,
        kind: kind.to_ascii_lowercase(),
        source,
        derived: false,
        source_port: port(report.get("SourcePort"))?,
        happened_at: Some(happened_at),
        reported_at: None,
        reporter: ["ReporterOrgDomain", "ReporterOrgEmail", "ReporterContactEmail"]
            .into_iter()
            .find_map(|name| of_reporter(name).and_then(domain)),
        account: text("SmtpMailFromAddress").and_then(kept),
        message_id: text("SmtpMessageId").and_then(kept),
        incidents: 1,
    })
}

fn port(value: Option<&Value>) -> Result<Option<u16>, NotOne> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    port.map(Some).ok_or(NotOne::Malformed("the port is none"))
}

fn count(value: Option<&Value>) -> u32 {
    value.and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()).unwrap_or(1).max(1)
}
