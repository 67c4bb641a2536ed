//! A made-up exchange point: a week of samples of hosts of every class, with an hour that nobody heard and a switch that lost some.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use evidence::{Origin, Time, TrafficAsRow, TrafficCoverageRow, TrafficHostRow, TrafficSums, TrafficVerdictRow};
use lake::{TrafficLake, TrafficRows};
use specimen::QUARTER_START;

/// One of so many packets is sampled.
const RATE: u64 = 2048;

/// Days before the one of the original quarter, and after it.
const DAYS: std::ops::Range<i64> = -5..2;

/// A name that would break out of a page.
pub(crate) const HOSTILE: &str = "ACCESS <b>\"onmouseover=\"alert(1)";

/// Hours after the start of the day of the original quarter.
fn hour(hours: i64) -> Time {
    Time::from_micros(QUARTER_START.day().micros() + hours * 3_600_000_000)
}

/// A host with what it is, its AS, and its hours.
struct Host {
    address: IpAddr,
    class: Option<&'static str>,
    likeliest: &'static str,
    role: &'static str,
    asn: u32,
    probability: u16,
    /// Samples an hour, as a client and as a server, by the hour of the day.
    client: fn(i64) -> u64,
    server: fn(i64) -> u64,
    evidence: &'static [&'static str],
}

const BOT: &[&str] = &[
    "9 of 12 further packets were to or from a destination not met before",
    "31 of 46 packets that it sent asked for a connection",
    "11 of 20 packets that came back were resets",
    "its SYNs look like Windows XP",
    "of every 120 others in its AS 117 are clients only",
];

const RELAY: &[&str] = &[
    "40 of 44 packets as a client were in the busiest three hours of the day",
    "39 of 41 packets as a server were in the busiest three hours of the day",
    "its hours as a client are those as a server",
];

const SERVER: &[&str] = &["612 of 1,400 packets that it sent were answers from its own port 25"];

const ASES: [(u32, &str, &str); 5] = [
    (64496, HOSTILE, "TR"),
    (64497, "EXAMPLE-TRANSIT, Example Transit Ltd.", "GB"),
    (64498, "EXAMPLE-HOSTING", "DE"),
    (64499, "EXAMPLE-MOBILE, a name of an organisation that is longer than a cell of a table takes", "BR"),
    (64500, "EXAMPLE-CABLE", "KR"),
];

fn never(_: i64) -> u64 {
    0
}

fn by_night(hour: i64) -> u64 {
    [0, 3, 12, 12, 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 8, 8][usize::try_from(hour).unwrap() % 16] * u64::from(hour < 16)
}

fn by_day(hour: i64) -> u64 {
    let hour = u64::try_from(hour).unwrap();
    if (7..20).contains(&hour) { 14 + hour * 3 % 11 } else { 3 }
}

fn hosts() -> Vec<Host> {
    let host = |address: &str, class, likeliest, role, asn, evidence| Host {
        address: address.parse().unwrap(),
        class,
        likeliest,
        role,
        asn,
        probability: 981,
        client: by_day,
        server: never,
        evidence,
    };
    let bot = |number: u8, asn| Host {
        probability: 999 - u16::from(number),
        client: by_night,
        ..host(&format!("198.51.100.{number}"), Some("likely-bot"), "likely-bot", "client-only", asn, BOT)
    };
    let mut hosts: Vec<_> = (1..60).map(|number| bot(number, if number % 4 == 0 { 64499 } else { 64496 })).collect();
    hosts.push(bot(201, 64500));
    // Decoys and logs have it too.
    hosts.push(Host {
        client: by_night,
        ..host("192.0.2.7", Some("likely-bot"), "likely-bot", "client-only", 64496, BOT)
    });
    let relay = host("203.0.113.9", Some("open-relay"), "open-relay", "both", 64498, RELAY);
    hosts.push(Host { client: by_night, server: by_night, ..relay });
    for number in 10..40 {
        let class = if number % 7 == 0 { None } else { Some("mail-server") };
        let server = host(&format!("203.0.113.{number}"), class, "mail-server", "both", 64497, SERVER);
        hosts.push(Host { server: by_day, probability: 700 + number * 5, ..server });
    }
    hosts.push(Host {
        server: by_day,
        client: never,
        ..host("203.0.113.50", Some("mail-server"), "mail-server", "server-only", 64498, SERVER)
    });
    hosts.push(host("203.0.113.60", Some("gateway"), "gateway", "client-only", 64498, SERVER));
    hosts.push(host("203.0.113.61", Some("list-sender"), "list-sender", "client-only", 64498, SERVER));
    hosts.push(host("2001:db8:0:1::25", Some("single-smarthost"), "single-smarthost", "client-only", 64500, SERVER));
    hosts
}

fn origin(asn: u32) -> Origin {
    let (_, name, country) = ASES.into_iter().find(|(known, ..)| *known == asn).unwrap();
    Origin { asn: Some(asn), as_name: Some(Arc::from(name)), country: country.parse().ok(), ..Origin::default() }
}

fn client_sums(samples: u64) -> TrafficSums {
    let syn = samples * 2 / 3;
    let established = samples / 6;
    let accepted = samples / 12;
    TrafficSums {
        samples,
        packets: samples * RATE,
        syn,
        established,
        full: established / 3,
        accepted,
        refused: accepted / 2,
        replies: samples - syn - established - accepted - accepted / 2,
    }
}

fn server_sums(samples: u64) -> TrafficSums {
    let accepted = samples / 10;
    TrafficSums {
        samples,
        packets: samples * RATE,
        syn: samples / 9,
        established: samples / 2,
        full: samples / 4,
        accepted,
        refused: 0,
        replies: samples - samples / 9 - samples / 2 - accepted,
    }
}

/// Whether nobody was heard in an hour.
fn is_deaf(at: Time) -> bool {
    at == hour(6) || at == hour(-40)
}

/// A week of it.
fn made_up() -> TrafficRows {
    let (hosts, mut rows) = (hosts(), TrafficRows::default());
    for of_day in DAYS.flat_map(|day| (0..24).map(move |of_day| day * 24 + of_day)) {
        let at = hour(of_day);
        if is_deaf(at) {
            continue;
        }
        let mut ases: std::collections::BTreeMap<u32, ([u64; 4], u64, u64)> = std::collections::BTreeMap::new();
        for host in &hosts {
            let (client, server) = ((host.client)(of_day.rem_euclid(24)), (host.server)(of_day.rem_euclid(24)));
            if client + server == 0 {
                continue;
            }
            let sums = ases.entry(host.asn).or_default();
            sums.0[usize::from(server > 0) + usize::from(server > 0 && client > 0)] += 1;
            (sums.1, sums.2) = (sums.1 + client, sums.2 + server);
            rows.hosts.push(host_row(host, at, client, server));
        }
        rows.ases.extend(ases.into_iter().map(|(asn, (hosts, client, server))| as_row(asn, at, hosts, client, server)));
        coverage(&mut rows.coverage, at, of_day);
    }
    for day in DAYS {
        rows.verdicts.extend(hosts.iter().map(|host| verdict(host, hour(24 * day), hour(24 * day + 24))));
        // Of some, something was told in the middle of the day.
        rows.verdicts.extend(hosts.iter().take(3).map(|host| verdict(host, hour(24 * day), hour(24 * day + 12))));
    }
    rows
}

fn host_row(host: &Host, at: Time, client: u64, server: u64) -> TrafficHostRow {
    TrafficHostRow {
        at: at + Duration::from_secs(300),
        address: host.address,
        origin: origin(host.asn),
        gateway_as: None,
        client: client_sums(client),
        server: server_sums(server),
        written_at: at,
    }
}

fn as_row(asn: u32, at: Time, hosts: [u64; 4], client: u64, server: u64) -> TrafficAsRow {
    let Origin { as_name, country, .. } = origin(asn);
    TrafficAsRow {
        at: at + Duration::from_secs(300),
        asn: Some(asn),
        name: as_name,
        country,
        hosts,
        client: client_sums(client),
        server: server_sums(server),
        written_at: at,
    }
}

/// Two agents, the second of which loses samples, and the receiver.
fn coverage(rows: &mut Vec<TrafficCoverageRow>, at: Time, of_day: i64) {
    for part in 0..12 {
        let at = at + Duration::from_secs(300 * part);
        let agent = |last: u8, lost, rate| TrafficCoverageRow {
            at,
            agent: Some([192, 0, 2, last].into()),
            sub_agent: u32::from(last == 251),
            exporter: Some([192, 0, 2, 250].into()),
            version: 5,
            sources: 24,
            datagrams: 60,
            datagrams_lost: lost,
            samples: 300,
            samples_lost: 4 * lost,
            drops: lost,
            restarts: u64::from(lost > 0 && part == 0),
            rate_least: Some(rate),
            rate_most: Some(RATE as u32),
            measured_least: Some(rate),
            measured_most: Some(RATE as u32 + 11),
            written_at: at,
            ..TrafficCoverageRow::default()
        };
        rows.push(agent(250, 0, RATE as u32));
        if part % 3 != 2 {
            rows.push(agent(251, u64::from(of_day % 5 == 0), 512));
        }
        rows.push(TrafficCoverageRow {
            at,
            told: 120,
            kernel_drops: u64::from(of_day % 20 == 0),
            reasons: vec![("other-port", 400), ("not-tcp", 77)],
            written_at: at,
            ..TrafficCoverageRow::default()
        });
    }
}

fn verdict(host: &Host, day: Time, told_at: Time) -> TrafficVerdictRow {
    let week = |of: fn(i64) -> u64| -> Vec<u32> {
        let week = (0..168_i64).map(|at| of(at % 24) as u32 * u32::from(at < 120 || at % 3 == 0)).collect::<Vec<_>>();
        if week.iter().any(|count| *count > 0) { week } else { Vec::new() }
    };
    let sum = |of: fn(i64) -> u64| 7 * (0..24).map(of).sum::<u64>();
    TrafficVerdictRow {
        told_at: told_at - Duration::from_micros(1),
        day,
        window_days: 7,
        address: host.address,
        origin: origin(host.asn),
        gateway_as: None,
        role: host.role,
        class: host.class,
        likeliest: host.likeliest,
        probability: host.probability,
        evidence: host.evidence.iter().map(|words| (*words).to_owned()).collect(),
        client: client_sums(sum(host.client)),
        server: server_sums(sum(host.server)),
        destinations: 41,
        networks: 39,
        exact: true,
        clients: 12,
        unanswered: Some(612),
        refused: None,
        systems: "Windows".into(),
        neighbours: 3,
        first_seen: Some(hour(-120)),
        is_new: Some(host.asn == 64499),
        active_days: 6,
        zone: 180,
        client_week: week(host.client),
        server_week: week(host.server),
    }
}

/// Writes this week as the reader of samples does.
pub(crate) async fn fill(lake: &Path) {
    let traffic = TrafficLake::open(lake).await.unwrap();
    traffic.append(made_up(), 1, hour(48)).await.unwrap();
    for day in 3..5 {
        traffic.compact(hour(24 * day)).await.unwrap();
    }
}
