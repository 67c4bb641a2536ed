//! Sampled traffic of a window, hosts, and what other instruments saw, from rows as the reader of samples writes them.

use std::net::IpAddr;
use std::time::Duration;

use evidence::{
    FindingRow, Origin, Party, PartyKind, Time, TrafficAsRow, TrafficCoverageRow, TrafficHostRow, TrafficSums,
    TrafficVerdictRow, Window,
};
use lake::{Lake, MailLake, MailRows, Rows, Snapshot, TrafficLake, TrafficRows};
use specimen::{QUARTER_START, Visit, origin};
use statistics::{AsOrder, Asked, Dimension, Filter, FlowFile, Flows, HostClass, Hosts, Live, Seen, Statistics};
use tempfile::TempDir;

fn hour(hours: i64) -> Time {
    Time::from_micros(QUARTER_START.day().micros() + hours * 3_600_000_000)
}

fn day() -> Window {
    Window { from: hour(0), until: hour(24) }
}

fn as_client(samples: u64, syn: u64) -> TrafficSums {
    TrafficSums { samples, packets: 1000 * samples, syn, replies: samples - syn, ..TrafficSums::default() }
}

fn as_server(samples: u64, accepted: u64) -> TrafficSums {
    TrafficSums { samples, packets: 1000 * samples, syn: samples - accepted, accepted, ..TrafficSums::default() }
}

fn host(address: &str, asn: u32, at: Time, client: TrafficSums, server: TrafficSums) -> TrafficHostRow {
    TrafficHostRow {
        at,
        address: address.parse().unwrap(),
        origin: origin("192.0.2.0/24", asn, "EXAMPLE", "BR"),
        gateway_as: None,
        client,
        server,
        written_at: at,
    }
}

fn of_as(asn: Option<u32>, at: Time, samples: u64) -> TrafficAsRow {
    TrafficAsRow {
        at,
        asn,
        name: asn.map(|asn| format!("AS-{asn}").into()),
        country: asn.and("DE".parse().ok()),
        hosts: [1, 0, 0, 0],
        client: as_client(samples, 0),
        server: TrafficSums::default(),
        written_at: at,
    }
}

fn heard(at: Time, lost: u64) -> TrafficCoverageRow {
    TrafficCoverageRow {
        at,
        agent: Some([192, 0, 2, 250].into()),
        exporter: Some([192, 0, 2, 251].into()),
        version: 5,
        sources: 3,
        datagrams: 10,
        datagrams_lost: lost,
        samples: 50,
        rate_least: Some(1000),
        rate_most: Some(1000),
        written_at: at,
        ..TrafficCoverageRow::default()
    }
}

fn receiver(at: Time) -> TrafficCoverageRow {
    let reasons = vec![("not-tcp", 7), ("other-port", 2)];
    TrafficCoverageRow { at, told: 20, kernel_drops: 1, reasons, written_at: at, ..TrafficCoverageRow::default() }
}

fn verdict(address: &str, asn: u32, class: Option<&'static str>, told_at: Time) -> TrafficVerdictRow {
    TrafficVerdictRow {
        told_at,
        day: told_at.day(),
        window_days: 1,
        address: address.parse().unwrap(),
        origin: origin("192.0.2.0/24", asn, "EXAMPLE", "BR"),
        gateway_as: None,
        role: "client-only",
        class,
        likeliest: class.unwrap_or("mail-server"),
        probability: 900,
        evidence: vec!["it asks many".into(), "few answer".into()],
        client: as_client(30, 20),
        server: TrafficSums::default(),
        destinations: 17,
        networks: 15,
        exact: true,
        clients: 0,
        unanswered: Some(700),
        refused: None,
        systems: String::new(),
        neighbours: 2,
        first_seen: Some(told_at.day()),
        is_new: None,
        active_days: 1,
        zone: -210,
        client_week: (0..168).collect(),
        server_week: Vec::new(),
    }
}

fn finding(number: u64, address: &str, at: Time) -> FindingRow {
    let address: IpAddr = address.parse().unwrap();
    FindingRow {
        told_at: at,
        finding: number,
        change: "opened",
        by: None,
        party: Party { kind: PartyKind::Remote, name: "a.name".into(), address: Some(address) },
        origin: Origin::default(),
        diagnosis: "remote-spam",
        class: "abuse",
        probability: 900,
        opened_at: at,
        abuse_since: Some(at),
        first_seen: at - Duration::from_secs(3600),
        last_seen: at,
        messages: 1,
        recipients: 1,
        failed: 0,
        strangers: 0,
        spams: 0,
        viruses: 0,
        rules: Vec::new(),
        reasons: Vec::new(),
        lines: Vec::new(),
        again: None,
    }
}

async fn lake(traffic: TrafficRows, findings: Vec<FindingRow>, visits: Vec<Visit>) -> (TempDir, Snapshot) {
    let folder = tempfile::tempdir().unwrap();
    TrafficLake::open(folder.path()).await.unwrap().append(traffic, 1, hour(0)).await.unwrap();
    let mail = MailRows { findings, ..MailRows::default() };
    MailLake::open(folder.path()).await.unwrap().append(mail, 1, hour(0)).await.unwrap();
    let mut rows = Rows::default();
    for visit in visits {
        let evidence = visit.evidence();
        rows.sessions.push(evidence.session);
        rows.messages.extend(evidence.messages);
    }
    Lake::open(folder.path()).await.unwrap().append(rows, 1..=1, hour(0)).await.unwrap();
    let snapshot = Statistics::open(folder.path()).await.unwrap().snapshot().await.unwrap();
    (folder, snapshot)
}

fn hosts(class: Option<HostClass>) -> Hosts {
    Hosts { class, filters: Vec::new(), skip: 0, rows: 10 }
}

/// The rows of a question as it is shown, asked again.
async fn again(snapshot: &Snapshot, asked: &[Asked], name: &str) -> usize {
    let asked = asked.iter().find(|asked| asked.question.name == name).unwrap();
    assert!(!asked.sql.contains(['$', '{']), "{}", asked.sql);
    snapshot.sql(&asked.sql, &[]).await.unwrap_or_else(|error| panic!("{error}: {}", asked.sql)).rows.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_counted_once_by_what_they_did_in_the_window() {
    let none = TrafficSums::default();
    let mut by_gateway = host("192.0.2.3", 64496, hour(3), none, as_server(4, 1));
    by_gateway.gateway_as = Some(64999);
    let rows = TrafficRows {
        hosts: vec![
            // Two rows of a host add up; it is client only.
            host("192.0.2.1", 64496, hour(1), as_client(5, 3), none),
            host("192.0.2.1", 64496, hour(2), as_client(2, 2), none),
            // Both, though not at the same time.
            host("192.0.2.2", 64496, hour(1), as_client(1, 1), none),
            host("192.0.2.2", 64496, hour(5), none, as_server(6, 2)),
            by_gateway,
            // Only asked.
            host("192.0.2.4", 64496, hour(4), none, as_server(3, 0)),
            // Before and after the window.
            host("192.0.2.5", 64496, hour(-1), as_client(9, 9), none),
            host("192.0.2.6", 64496, hour(24), as_client(9, 9), none),
        ],
        ases: vec![of_as(Some(64496), hour(1), 6), of_as(Some(64999), hour(3), 0), of_as(None, hour(5), 2)],
        coverage: vec![heard(hour(1), 0), heard(hour(3), 2), heard(hour(4), 0), receiver(hour(1)), receiver(hour(3))],
        ..TrafficRows::default()
    };
    let (_folder, snapshot) = lake(rows, Vec::new(), Vec::new()).await;
    let flows = Flows::new(&snapshot, day());
    let (totals, ases) = flows.counted(AsOrder::Clients, 10).await.unwrap();
    assert_eq!((totals.clients, totals.servers, totals.both, totals.neither, totals.ases), (1, 1, 1, 1, 2));
    assert_eq!((totals.addresses(), totals.samples, totals.packets, totals.syn, totals.replies), (4, 8, 8000, 6, 2));
    let told: Vec<_> = ases.iter().map(|of| (of.asn, of.name.as_deref(), of.clients, of.servers, of.both)).collect();
    assert_eq!(told, [(Some(64496), Some("AS-64496"), 1, 0, 1), (Some(64999), Some("AS-64999"), 0, 1, 0)]);
    let by_servers = flows.counted(AsOrder::Servers, 1).await.unwrap().1;
    assert_eq!((by_servers.len(), by_servers[0].asn), (1, Some(64999)));

    let hours = flows.hours().await.unwrap();
    let known: Vec<_> =
        hours.iter().enumerate().filter(|(_, hour)| hour.is_known).map(|(at, of)| (at, of.samples)).collect();
    // At five nobody was heard, but there are samples: it is known.
    assert_eq!((hours.len(), known), (24, vec![(1, 6), (3, 0), (4, 0), (5, 2)]));
    let agents = flows.agents().await.unwrap();
    assert_eq!((agents.len(), agents[0].heard, agents[0].datagrams_lost, agents[0].measured), (1, 3, 2, None));
    assert_eq!((agents[0].rate, agents[0].last_at), (Some((1000, 1000)), hour(4)));
    let receiver = flows.receiver().await.unwrap();
    assert_eq!((receiver.told, receiver.kernel_drops), (40, 2));
    assert_eq!(receiver.reasons, [("not-tcp".to_owned(), 14), ("other-port".to_owned(), 4)]);

    let asked = flows.asked(AsOrder::Clients, 10);
    for (name, rows) in
        [("flow-totals", 1), ("flow-ases", 2), ("flow-hours", 4), ("flow-agents", 1), ("flow-reasons", 2)]
    {
        assert_eq!(again(&snapshot, &asked, name).await, rows, "{name}");
    }
    let empty = Flows::new(&snapshot, Window { from: hour(-48), until: hour(-24) });
    assert_eq!(empty.counted(AsOrder::Both, 10).await.unwrap(), (statistics::FlowTotals::default(), Vec::new()));
    assert!(empty.hours().await.unwrap().iter().all(|hour| !hour.is_known));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_what_was_told_of_it_last() {
    let bot = Some("likely-bot");
    let rows = TrafficRows {
        verdicts: vec![
            verdict("192.0.2.1", 64496, None, hour(1)),
            verdict("192.0.2.1", 64496, bot, hour(9)),
            verdict("192.0.2.2", 64496, bot, hour(2)),
            verdict("192.0.2.2", 64496, Some("gateway"), hour(8)),
            TrafficVerdictRow { probability: 990, ..verdict("192.0.2.3", 64497, bot, hour(3)) },
            verdict("192.0.2.4", 64497, Some("open-relay"), hour(3)),
            verdict("192.0.2.5", 64497, None, hour(3)),
            verdict("192.0.2.6", 64497, bot, hour(24)),
        ],
        ..TrafficRows::default()
    };
    let (_folder, snapshot) = lake(rows, Vec::new(), Vec::new()).await;
    let flows = Flows::new(&snapshot, day());
    let counts = flows.classes().await.unwrap();
    let counts: Vec<_> = counts.iter().map(|count| (count.class.as_deref(), count.hosts, count.ases)).collect();
    assert_eq!(counts, [(bot, 2, 2), (Some("open-relay"), 1, 1), (Some("gateway"), 1, 1), (None, 1, 1)]);
    let (told, total) = flows.hosts(&hosts(None)).await.unwrap();
    let addresses: Vec<_> = told.iter().map(|host| host.address.as_str()).collect();
    assert_eq!((addresses, total), (vec!["192.0.2.3", "192.0.2.1", "192.0.2.4"], 3));
    assert_eq!((told[1].evidence.len(), told[1].unanswered, told[1].refused), (2, Some(700), None));
    let (undecided, _) = flows.hosts(&hosts(Some(HostClass::Undecided))).await.unwrap();
    assert_eq!(
        (undecided.len(), undecided[0].class.as_deref(), undecided[0].likeliest.as_str()),
        (1, None, "mail-server")
    );
    let held = Hosts { filters: vec![Filter::new(Dimension::As, "64496").unwrap()], ..hosts(None) };
    assert_eq!(flows.hosts(&held).await.unwrap().1, 1);
    let second = Hosts { skip: 1, rows: 1, ..hosts(None) };
    let (second, total) = flows.hosts(&second).await.unwrap();
    assert_eq!((second[0].address.as_str(), total), ("192.0.2.1", 3));
    let asked = flows.asked_for_hosts(&held);
    assert_eq!(
        (again(&snapshot, &asked, "flow-classes").await, again(&snapshot, &asked, "flow-verdicts").await),
        (4, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_five_minutes_are_those_that_any_agent_was_heard_in() {
    let none = TrafficSums::default();
    let five = |parts: i64| Time::from_micros(hour(9).micros() + parts * 300_000_000);
    let rows = TrafficRows {
        hosts: vec![
            host("192.0.2.1", 64496, five(0), as_client(50, 3), none),
            host("192.0.2.1", 64496, five(2), as_client(2, 1), none),
            host("192.0.2.2", 64497, five(2), as_client(7, 4), as_server(1, 1)),
            host("192.0.2.3", 64497, five(2), none, as_server(9, 2)),
            // Nobody was heard then, and nothing was sampled after it.
            host("192.0.2.4", 64497, five(-40), as_client(99, 9), none),
        ],
        ases: vec![of_as(Some(64496), five(0), 50), of_as(Some(64496), five(2), 2), of_as(Some(64497), five(2), 7)],
        verdicts: vec![
            verdict("192.0.2.2", 64497, Some("gateway"), hour(-24)),
            verdict("192.0.2.2", 64497, None, hour(2)),
            // Too old, and told only later.
            verdict("192.0.2.3", 64497, Some("likely-bot"), hour(-24 * 8)),
            verdict("192.0.2.1", 64496, Some("likely-bot"), hour(10)),
        ],
        coverage: vec![heard(five(0), 0), heard(five(2), 3), receiver(five(4))],
    };
    let (_folder, snapshot) = lake(rows, Vec::new(), Vec::new()).await;
    let two_hours = Duration::from_secs(7200);
    let live = Live::load(&snapshot, five(5) + Duration::from_secs(60), two_hours).await.unwrap();
    assert_eq!((live.window.from, live.bins.len()), (five(-19), 25));
    let known: Vec<_> = live.bins.iter().filter(|bin| bin.is_known).map(|bin| (bin.start, bin.samples)).collect();
    assert_eq!(known, [(five(0), 50), (five(2), 9)]);
    let newest = live.newest.as_ref().unwrap();
    assert_eq!(newest.window, Window { from: five(2), until: five(3) });
    assert_eq!((newest.totals.clients, newest.totals.servers, newest.totals.both), (1, 1, 1));
    assert_eq!((newest.totals.samples, newest.totals.packets, newest.totals.packets_within()), (9, 9000, 5877));
    let ases: Vec<_> = newest.ases.iter().map(|of| (of.asn, of.samples, of.clients, of.servers, of.both)).collect();
    assert_eq!(ases, [(Some(64497), 7, 0, 1, 1), (Some(64496), 2, 1, 0, 0)]);
    let talkers: Vec<_> =
        newest.talkers.iter().map(|of| (of.address.as_str(), of.samples, of.server_samples)).collect();
    assert_eq!(talkers, [("192.0.2.2", 7, 1), ("192.0.2.1", 2, 0), ("192.0.2.3", 0, 9)]);
    let told: Vec<_> = newest.talkers.iter().map(|of| (of.class.as_deref(), of.likeliest.as_deref())).collect();
    assert_eq!(told, [(None, Some("mail-server")), (None, None), (None, None)]);
    assert_eq!((live.agents.len(), live.agents[0].last_at, live.agents[0].datagrams_lost), (1, five(2), 3));
    let asked = live.asked(&snapshot);
    for (name, rows) in
        [("flow-hours", 2), ("flow-agents", 1), ("flow-totals", 1), ("flow-ases", 2), ("flow-talkers", 3)]
    {
        assert_eq!(again(&snapshot, &asked, name).await, rows, "{name}");
    }
    // As it was before: held at an instant, and where nobody was heard.
    let before = Live::load(&snapshot, five(2), two_hours).await.unwrap();
    assert_eq!(before.newest.unwrap().window.from, five(0));
    let silent = Live::load(&snapshot, hour(20), two_hours).await.unwrap();
    assert!(silent.newest.is_none() && silent.bins.len() == 24 && silent.bins.iter().all(|bin| !bin.is_known));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_a_host_has_its_hours_its_samples_and_where_else_it_was_seen() {
    let none = TrafficSums::default();
    let rows = TrafficRows {
        hosts: vec![
            host("192.0.2.7", 64496, hour(-60), none, as_server(3, 1)),
            host("192.0.2.7", 64496, hour(-50), as_client(1, 1), none),
            host("192.0.2.7", 64496, hour(1), as_client(5, 3), none),
            host("192.0.2.7", 64496, hour(2), none, as_server(3, 1)),
            host("192.0.2.8", 64496, hour(3), as_client(5, 3), none),
        ],
        verdicts: vec![
            verdict("192.0.2.7", 64496, Some("likely-bot"), hour(-48)),
            verdict("192.0.2.7", 64496, None, hour(4)),
        ],
        coverage: vec![heard(hour(1), 0), heard(hour(2), 0)],
        ..TrafficRows::default()
    };
    let visits = vec![Visit::example(1, hour(-30)), Visit::example(2, hour(5))];
    let findings = vec![finding(3, "192.0.2.7", hour(6)), finding(4, "192.0.2.9", hour(6))];
    let (_folder, snapshot) = lake(rows, findings, visits).await;
    let file = FlowFile::load(&snapshot, "192.0.2.7".parse().unwrap(), day()).await.unwrap();
    let told: Vec<_> = file.told.iter().map(|told| told.host.class.as_deref()).collect();
    assert_eq!((told, file.told[0].zone), (vec![None, Some("likely-bot")], -210));
    assert_eq!((file.told[0].client_week[167], file.told[0].server_week.len()), (167, 0));
    assert_eq!((file.bin_name(), file.volume.len()), ("five minutes", 288));
    let known: Vec<_> = file.volume.iter().filter(|bin| bin.client.is_known).collect();
    assert_eq!(known.iter().map(|bin| (bin.client.samples, bin.server_samples)).collect::<Vec<_>>(), [(5, 0), (0, 3)]);
    // Before the window, but within the time in which decoys are asked.
    assert_eq!(file.first_sample, Some(hour(-50)));
    let decoys = file.decoys.unwrap();
    assert_eq!((decoys.connections, decoys.emails, decoys.sensors, decoys.first_at), (2, 2, 1, hour(-30)));
    assert_eq!(file.findings.iter().map(|found| found.finding).collect::<Vec<_>>(), [3]);
    let asked = file.asked();
    for (name, rows) in
        [("flow-host", 2), ("flow-volume", 2), ("flow-first", 1), ("flow-at-decoys", 1), ("flow-in-logs", 1)]
    {
        assert_eq!(again(&snapshot, &asked, name).await, rows, "{name}");
    }
    let other = FlowFile::load(&snapshot, "192.0.2.99".parse().unwrap(), day()).await.unwrap();
    assert!(other.told.is_empty() && other.decoys.is_none() && other.findings.is_empty());
    assert_eq!(other.first_sample, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_told_by_the_instruments_that_saw_them_and_by_who_was_first() {
    let none = TrafficSums::default();
    let (bot, relay) = (Some("likely-bot"), Some("open-relay"));
    let seen_at = |address, hours| host(address, 64496, hour(hours), as_client(5, 3), none);
    let rows = TrafficRows {
        hosts: vec![
            seen_at("192.0.2.7", 3),
            seen_at("192.0.2.7", 9),
            seen_at("192.0.2.10", 2),
            seen_at("2001:db8:0:1::5", 8),
            seen_at("192.0.2.11", 2),
            // It was not called anything.
            seen_at("192.0.2.12", 2),
        ],
        verdicts: vec![
            verdict("192.0.2.7", 64496, bot, hour(12)),
            verdict("192.0.2.10", 64496, relay, hour(12)),
            verdict("192.0.2.11", 64496, bot, hour(12)),
            verdict("2001:db8:0:1::5", 64496, bot, hour(12)),
            verdict("192.0.2.12", 64496, Some("gateway"), hour(12)),
        ],
        ..TrafficRows::default()
    };
    // Decoys and logs have 192.0.2.7 later than traffic; logs have the other machine of the /64 earlier.
    let findings = vec![
        finding(1, "192.0.2.7", hour(7)),
        finding(2, "2001:db8:0:1::9", hour(2)),
        finding(3, "192.0.2.12", hour(2)),
        FindingRow { class: "watch", ..finding(4, "192.0.2.11", hour(2)) },
    ];
    let (_folder, snapshot) = lake(rows, findings, vec![Visit::example(1, hour(5))]).await;
    let flows = Flows::new(&snapshot, day());
    let seen = flows.seen().await.unwrap();
    assert_eq!(seen.sets, [0, 0, 1, 0, 2, 0, 1, 1]);
    assert_eq!((0..3).map(|bit| seen.by(bit)).collect::<Vec<_>>(), [1, 3, 4]);
    let twice: Vec<_> = seen.twice.iter().map(|seen| (seen.address.as_str(), seen.first())).collect();
    // Its message came a second after the connection.
    assert_eq!(twice, [("192.0.2.7", Some((2, 7201))), ("2001:db8:0:1", Some((1, 25_200)))]);
    assert_eq!((seen.total, seen.leads.len()), (2, 1));
    let lead = &seen.leads[0];
    assert_eq!((lead.asn, lead.addresses, lead.traffic_first, lead.others_first), (Some(64496), 2, 1, 1));
    assert_eq!(lead.median_seconds, -25_200, "of two the lower one");
    // Three in logs, four by traffic, two by both: 4 x 5 / 3 - 1.
    let of_two = seen.estimates().into_iter().find(|of| of.instruments == [1, 2]).unwrap();
    assert_eq!((of_two.bounds()[0], of_two.all.found), (6, 5));
    let asked = flows.asked_for_seen();
    for (name, rows) in [("seen-together", 4), ("seen-twice", 2), ("seen-leads", 1)] {
        assert_eq!(again(&snapshot, &asked, name).await, rows, "{name}");
    }
    let empty = Flows::new(&snapshot, Window { from: hour(-48), until: hour(-24) });
    assert_eq!(empty.seen().await.unwrap(), Seen::default());
}
