//! What was found and counted, as rows of the lake, with the origin of the addresses as of that time.

use evidence::{CustomerRow, FindingRow, Origin, Party, Time};
use findings::{Change, Finding, Subject, Sum, Verdict};
use origin::Atlas;

pub(super) fn of_sum(sum: Sum, atlas: &Atlas, now: Time) -> CustomerRow {
    let Sum { at, host, subject, sums } = sum;
    let (party, origin) = of_party(&subject, at, atlas);
    CustomerRow { at, host: evidence::shown(host.as_bytes()), party, origin, sums, written_at: now }
}

/// `now` is the time of the log.
pub(super) fn of_change(change: &Change, now: Time, atlas: &Atlas) -> FindingRow {
    let name = match change {
        Change::Opened(_) => "opened",
        Change::Changed(_) => "changed",
        Change::Quiet(_) => "quiet",
    };
    of_finding(change.finding(), name, None, now, atlas)
}

pub(super) fn of_word(finding: &Finding, verdict: &Verdict, atlas: &Atlas) -> FindingRow {
    of_finding(finding, verdict.word.name(), Some(verdict.who.clone()), verdict.at, atlas)
}

fn of_finding(finding: &Finding, change: &'static str, by: Option<String>, told_at: Time, atlas: &Atlas) -> FindingRow {
    let (party, origin) = of_party(&finding.subject, finding.last_seen, atlas);
    let volume = &finding.volume;
    let lines = finding.held().flat_map(|proof| [&proof.first, &proof.typical, &proof.last]).map(findings::Line::shown);
    let mut lines: Vec<_> = lines.collect();
    lines.dedup();
    FindingRow {
        told_at,
        finding: finding.id.0,
        change,
        by,
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
        lines,
        again: finding.again.map(|before| before.0),
    }
}

fn of_party(subject: &Subject, at: Time, atlas: &Atlas) -> (Party, Origin) {
    let party = Party::from(subject);
    let origin = party.address.map_or_else(Origin::default, |address| atlas.lookup(address, at));
    (party, origin)
}
