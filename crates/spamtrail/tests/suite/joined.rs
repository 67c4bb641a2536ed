//! The same senders in decoys, logs and samples of a lake.

use std::net::IpAddr;
use std::time::Duration;

use evidence::{FindingRow, Origin, Party, PartyKind, Time, TrafficHostRow, TrafficSums, TrafficVerdictRow};
use lake::{Lake, MailLake, MailRows, Rows, TrafficLake, TrafficRows};
use serde_json::Value;
use specimen::Visit;

use crate::observatory::spamtrail;

const HOUR: Duration = Duration::from_secs(3600);

fn address(number: u32) -> IpAddr {
    IpAddr::from((0xcb00_7100 + number).to_be_bytes())
}

fn origin() -> Origin {
    specimen::origin("203.0.113.0/24", 64_496, "Example", "BR")
}

fn visit(number: u32, at: Time) -> Visit {
    Visit { source: address(number), origin: origin(), ..Visit::example(number.into(), at) }
}

fn finding(number: u32, at: Time) -> FindingRow {
    let name = address(number).to_string();
    FindingRow {
        told_at: at + HOUR,
        finding: number.into(),
        change: "opened",
        by: None,
        party: Party { kind: PartyKind::Customer, name, address: Some(address(number)) },
        origin: origin(),
        diagnosis: "direct-to-mx-bot",
        class: "abuse",
        probability: 990,
        opened_at: at + HOUR,
        abuse_since: Some(at + HOUR),
        first_seen: at,
        last_seen: at + HOUR,
        messages: 9,
        recipients: 90,
        failed: 30,
        strangers: 90,
        spams: 0,
        viruses: 0,
        rules: Vec::new(),
        reasons: Vec::new(),
        lines: Vec::new(),
        again: None,
    }
}

fn host(number: u32, at: Time) -> TrafficHostRow {
    let client = TrafficSums { samples: 3, packets: 6144, ..TrafficSums::default() };
    let (address, origin, server) = (address(number), origin(), TrafficSums::default());
    TrafficHostRow { at, address, origin, gateway_as: None, client, server, written_at: at }
}

fn verdict(number: u32, at: Time) -> TrafficVerdictRow {
    TrafficVerdictRow {
        told_at: at + HOUR,
        day: at.day(),
        window_days: 1,
        address: address(number),
        origin: origin(),
        gateway_as: None,
        role: "client-only",
        class: Some("likely-bot"),
        likeliest: "likely-bot",
        probability: 970,
        evidence: Vec::new(),
        client: TrafficSums::default(),
        server: TrafficSums::default(),
        destinations: 3,
        networks: 3,
        exact: true,
        clients: 0,
        unanswered: None,
        refused: None,
        systems: String::new(),
        neighbours: 0,
        first_seen: None,
        is_new: None,
        active_days: 1,
        zone: 0,
        client_week: Vec::new(),
        server_week: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_of_three_instruments_are_joined_and_those_that_each_misses_estimated() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let at: Time = "2026-11-20T10:00:00Z".parse().unwrap();
    // Of 240 senders each instrument sees half, whatever the others see; decoys first, samples five hours after logs.
    let has = |number: u32, bit: u32| number >> bit & 1 == 1;
    let (mut decoys, mut mail, mut traffic) = (Rows::default(), MailRows::default(), TrafficRows::default());
    for number in 0..240 {
        if has(number, 0) {
            let evidence = visit(number, at).evidence();
            decoys.sessions.push(evidence.session);
            decoys.messages.extend(evidence.messages);
        }
        if has(number, 1) {
            mail.findings.push(finding(number, at + 2 * HOUR));
        }
        if has(number, 2) {
            traffic.hosts.push(host(number, at + 7 * HOUR));
            traffic.verdicts.push(verdict(number, at + 7 * HOUR));
        }
    }
    Lake::open(&lake).await.unwrap().append(decoys, 1..=1, at).await.unwrap();
    MailLake::open(&lake).await.unwrap().append(mail, 1, at).await.unwrap();
    TrafficLake::open(&lake).await.unwrap().append(traffic, 1, at).await.unwrap();

    let data = folder.path().to_str().unwrap();
    let joined = ["flow", "--joined", "--window", "2d", "--at", "2026-11-21", "--data", data];
    let told = spamtrail(&[&joined[..], &["--json"]].concat()).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let text = String::from_utf8(told.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert!(of("lists").iter().all(|line| line["senders"] == 30) && of("lists").len() == 7, "{text}");
    assert_eq!(of("estimate").len(), 4);
    for line in of("estimate") {
        let bound = |name: &str| line["estimate"][name].as_f64().unwrap();
        assert!(bound("low") < 240.0 && bound("high") > 239.0 && bound("found") <= 210.0, "{line}");
    }
    let lead = |list: &str| of("lead").into_iter().find(|line| line["list"] == list).unwrap().clone();
    assert_eq!((&lead("decoys")["senders"], &lead("logs")["senders"]), (&90.into(), &30.into()));
    assert_eq!(lead("logs")["median_seconds"], 5 * 3600);
    assert_eq!(of("sender").len(), 210);

    let text = spamtrail(&joined).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    for part in [
        "decoys, logs, samples           30",
        "decoys miss 120 (108 to 139)",
        "decoys         90, by 120 min",
        "BR  64496",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    // Outside the window there is nobody.
    let none = ["flow", "--joined", "--at", "2025-01-01", "--data", data];
    assert_eq!(spamtrail(&none).output().unwrap().status.code(), Some(1));
}
