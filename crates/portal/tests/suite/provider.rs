//! A made-up provider: four weeks of findings about its customers, of what they sent, and of complaints.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use evidence::{ComplaintRow, CustomerRow, FindingRow, MailSums, Origin, Party, PartyKind, QUARTER, Time};
use findings::{Diagnosis, Rule};
use lake::{MailLake, MailRows};
use specimen::QUARTER_START;

/// The start of the day before the last one.
const START: Time = QUARTER_START.day();

/// Hours after that.
pub(crate) fn hour(hours: i64) -> Time {
    Time::from_micros(START.micros() + hours * 3_600_000_000)
}

fn account(number: u64) -> Party {
    Party { kind: PartyKind::Account, name: format!("ann@{number}.provider.example"), address: None }
}

fn machine(kind: PartyKind, address: &str) -> Party {
    let address: IpAddr = address.parse().unwrap();
    Party { kind, name: address.to_string(), address: Some(address) }
}

fn finding(number: u64, party: Party, diagnosis: Diagnosis, opened: Time) -> FindingRow {
    let class = diagnosis.class().name();
    let reason =
        |rule: Rule, number: u32| format!("{rule}: {number} {} (threshold {})", rule.definition().counts, number / 2);
    FindingRow {
        told_at: opened,
        finding: number,
        change: "opened",
        by: None,
        party,
        origin: Origin::default(),
        diagnosis: diagnosis.name(),
        class,
        probability: 987 - (number as u16 % 50),
        opened_at: opened,
        abuse_since: (class == "abuse").then_some(opened),
        first_seen: opened - Duration::from_secs(1200 + 300 * (number % 7)),
        last_seen: opened + Duration::from_secs(60),
        messages: 12 * number,
        recipients: 310 * number,
        failed: 104 * number,
        strangers: 300 * number,
        spams: 0,
        viruses: u64::from(diagnosis == Diagnosis::MassMailer),
        rules: vec![Rule::Failures.id().into(), Rule::Strangers.id().into()],
        reasons: vec![
            reason(Rule::Failures, 104),
            reason(Rule::Strangers, 310),
            "against abuse: it goes to <few> recipients".into(),
        ],
        lines: vec!["postfix/smtpd[7]: ann@provider.example".into()],
        again: None,
    }
}

fn told(row: &FindingRow, change: &'static str, at: Time) -> FindingRow {
    FindingRow { told_at: at, change, by: Some("desk-person".into()), ..row.clone() }
}

/// Four weeks of a provider with ten abused customers a day, an outbreak of viruses, days without a log, complaints, and an
/// address that decoys saw first.
fn made_up() -> MailRows {
    let mut rows = MailRows::default();
    for day in (-27..2_i64).filter(|day| !(-15..-12).contains(day)) {
        let virus = if (-8..-5).contains(&day) { 14 } else { u64::from(day % 3 == 0) };
        let of_day = (0..7 + (day.unsigned_abs() * 5) % 6)
            .map(|n| (n, Diagnosis::CompromisedAccount))
            .chain((50..50 + virus).map(|n| (n, Diagnosis::MassMailer)));
        for (n, diagnosis) in of_day {
            let number = 1000 + 100 * (day + 28) as u64 + n;
            let found = finding(number, account(number), diagnosis, hour(24 * day + n as i64 % 20));
            if day < 1 || n % 3 == 0 {
                let fixed = found.opened_at + Duration::from_secs(3600 * (2 + (n * n) % 60));
                rows.findings.push(told(&found, "fixed", fixed));
            }
            rows.findings.push(found);
        }
        for quarter in (0..96).step_by(8) {
            let sums = MailSums { messages: 900 + 11 * quarter, recipients: 2100, failed: 40, ..MailSums::default() };
            rows.customers.push(sent(account(7), hour(24 * day) + QUARTER * quarter as u32, sums));
        }
        for number in 0..(3 + day.unsigned_abs() % 4) {
            rows.complaints.push(complaint((day + 28) as u8, number as u8, hour(24 * day + 10)));
        }
    }
    rows.findings.extend(few());
    rows
}

/// One finding of each kind, the words on them, and what one of them sent.
fn few() -> Vec<FindingRow> {
    let taken = finding(7, account(7), Diagnosis::Unusual, hour(30));
    let abused = FindingRow { again: Some(1100), ..finding(7, account(7), Diagnosis::CompromisedAccount, hour(31)) };
    let abused = FindingRow { change: "changed", opened_at: taken.opened_at, first_seen: taken.first_seen, ..abused };
    let relay = finding(8, machine(PartyKind::Customer, "192.0.2.7"), Diagnosis::OpenRelay, hour(40));
    let v6 = finding(9, machine(PartyKind::Customer, "2001:db8:0:1::"), Diagnosis::Loop, hour(41));
    let remote = finding(10, machine(PartyKind::Remote, "203.0.113.5"), Diagnosis::RemoteSpam, hour(42));
    let nat = finding(11, machine(PartyKind::Customer, "192.0.2.9"), Diagnosis::NatOffice, hour(43));
    let informed = told(&relay, "informed", hour(44));
    vec![taken, abused, relay, v6, remote, nat, informed]
}

fn sent(party: Party, at: Time, sums: MailSums) -> CustomerRow {
    CustomerRow { at: at.quarter(), host: "mx1".into(), party, origin: Origin::default(), sums, written_at: at }
}

fn complaint(day: u8, number: u8, at: Time) -> ComplaintRow {
    let mut sha256 = [0; 32];
    (sha256[0], sha256[1]) = (day, number);
    ComplaintRow {
        received_at: at,
        sha256,
        format: "arf".into(),
        kind: "spam".into(),
        source: None,
        derived: false,
        source_port: None,
        origin: Origin::default(),
        happened_at: None,
        reporter: Some("other.example".into()),
        account: Some("ann@provider.example".into()),
        message_id: Some("<1@provider.example>".into()),
        incidents: 2,
    }
}

/// Writes these weeks as the reader of logs does: it merges files when it has read.
pub(crate) async fn fill(lake: &Path) {
    let mail = MailLake::open(lake).await.unwrap();
    mail.append(made_up(), 1, hour(48)).await.unwrap();
    for day in 3..5 {
        mail.compact(hour(24 * day)).await.unwrap();
    }
}
