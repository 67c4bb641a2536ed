//! X-ARF 0.2: lines of YAML in the second part of a mail. It is out of use but for some programs that guard servers, which
//! write it badly; so only what a desk needs must be there. Its `Port` is the one that was attacked, and is not kept.

use crate::complaint::{Complaint, Format, TimedBy};
use crate::fault::{Fault, NotOne, forgive};
use crate::head::{Fields, Head};
use crate::part::Parts;
use crate::text::{address, domain, kept, time};

/// Longest beginning of a part that is looked into.
const MAX_LINES: usize = 64 << 10;

/// The report in a mail whose header says that it is X-ARF.
pub(crate) fn of_lines(head: &Head<'_>, parts: &Parts<'_>) -> Option<Result<Complaint, NotOne>> {
    head.fields.first("x-xarf").or_else(|| head.fields.first("x-arf"))?;
    let report = parts.leaves.iter().map(|part| part.contents()).find_map(|contents| {
        let fields = Fields::new(&contents[..contents.len().min(MAX_LINES)]);
        fields.first("report-type").is_some().then_some(fields)
    });
    let missing = || Fault::new("Report-Type", "is missing");
    Some(report.ok_or_else(missing).and_then(|report| read(&report)).map_err(NotOne::from))
}

fn read(report: &Fields) -> Result<Complaint, Fault> {
    let text = |name| report.first(name).map(unquoted).filter(|text| !text.is_empty());
    let needed = |name, place: &'static str| text(name).ok_or_else(|| Fault::new(place, "is missing"));
    let mut complaint = Complaint::new(Format::Xarf0, needed("report-type", "Report-Type")?);
    let source = needed("source", "Source")?;
    let date = needed("date", "Date")?;
    complaint.source = address(source);
    complaint.domains = complaint.source.is_none().then(|| domain(source)).flatten().into_iter().collect();
    complaint.happened_at = Some(time(date).ok_or_else(|| Fault::new("Date", "is no time with a known zone"))?);
    complaint.timed_by = Some(TimedBy::Report);
    complaint.reporter = text("reported-from").and_then(domain);
    complaint.agent = text("user-agent").and_then(kept);
    let count = text("occurrences").or_else(|| text("occurances")).and_then(|count| count.parse().ok());
    complaint.incidents = count.unwrap_or(1).max(1);
    for (name, place) in [("reported-from", "Reported-From"), ("category", "Category"), ("report-id", "Report-ID")] {
        if text(name).is_none() {
            forgive(&mut complaint.faults, place, "is missing");
        }
    }
    Ok(complaint)
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\'']).trim()
}
