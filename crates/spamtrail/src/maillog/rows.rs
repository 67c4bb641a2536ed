//! What was found and counted, as rows of the lake, with the origin of the addresses as of that time.

use evidence::{ComplaintRow, CustomerRow, FindingRow, Origin, Party, Time};
use findings::{Finding, Subject, Sum};
use origin::Atlas;

use super::pending::{Report, Told};

pub(super) fn of_sum(sum: &Sum, atlas: &Atlas, now: Time) -> CustomerRow {
    let Sum { at, host, subject, sums } = sum;
    let (party, origin) = of_party(subject, *at, atlas);
    CustomerRow { at: *at, host: evidence::shown(host.as_bytes()), party, origin, sums: *sums, written_at: now }
}

/// What was told of a finding: what became of it, or a person's word.
pub(super) fn of_told(told: &Told, atlas: &Atlas) -> FindingRow {
    let Told { what, finding, at, by } = told;
    let (party, origin) = of_party(&finding.subject, finding.last_seen, atlas);
    let volume = &finding.volume;
    FindingRow {
        told_at: *at,
        finding: finding.id.0,
        change: what.name(),
        by: by.clone(),
        party,
        origin,
        diagnosis: finding.diagnosis.name(),
        class: finding.class().name(),
        // A probability: 0 to 1.
        probability: (finding.probability() * 1000.0).round() as u16,
        opened_at: finding.opened,
        abuse_since: finding.abuse_since,
        first_seen: finding.first_seen,
        last_seen: finding.last_seen,
        messages: volume.messages.into(),
        recipients: volume.recipients.into(),
        failed: volume.failed.into(),
        strangers: volume.strangers.into(),
        spams: volume.spams.into(),
        viruses: volume.viruses.into(),
        rules: finding.held().map(|proof| proof.rule.id().to_owned()).collect(),
        reasons: finding.reasons(),
        lines: lines(finding),
        again: finding.again.map(|before| before.0),
    }
}

/// A complaint of somebody else. Where the address was is told as of when it happened.
pub(super) fn of_report(report: &Report, atlas: &Atlas) -> ComplaintRow {
    let at = report.happened_at.unwrap_or(report.received_at);
    ComplaintRow {
        received_at: report.received_at,
        sha256: report.sha256,
        format: report.format.clone(),
        kind: evidence::shown(report.kind.as_bytes()),
        source: report.source,
        derived: report.derived,
        source_port: report.source_port,
        origin: report.source.map_or_else(Origin::default, |source| atlas.lookup(source, at)),
        happened_at: report.happened_at,
        reporter: report.reporter.clone(),
        account: report.account.clone(),
        message_id: report.message_id.clone(),
        incidents: report.incidents.into(),
    }
}

/// The lines of logs that show it.
pub(super) fn lines(finding: &Finding) -> Vec<String> {
    let lines = finding.held().flat_map(|proof| [&proof.first, &proof.typical, &proof.last]);
    let mut lines: Vec<_> = lines.map(findings::Line::shown).collect();
    lines.dedup();
    lines
}

fn of_party(subject: &Subject, at: Time, atlas: &Atlas) -> (Party, Origin) {
    let party = Party::from(subject);
    let origin = party.address.map_or_else(Origin::default, |address| atlas.lookup(address, at));
    (party, origin)
}
