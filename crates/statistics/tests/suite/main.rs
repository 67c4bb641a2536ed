//! The tables of made-up windows, and those of the original pages.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod desk;
mod flows;
mod original;
mod probes;

use std::time::Duration;

use evidence::{Factor, Factors, Listening, Protocol, ProtocolSet, Span, System, Time, Window};
use lake::{Lake, Rows};
use specimen::{Email, QUARTER_START, Quarter, Visit, heartbeat, origin};
use statistics::{
    Comparison, Counts, Dimension, Filter, RecordKind, Selection, SensorState, Side, Sort, Statistics, write_csv,
    write_json, write_text,
};
use tempfile::TempDir;

/// A lake of visits and heartbeats.
async fn lake(visits: impl IntoIterator<Item = Visit>, heartbeats: &[(&str, Time)]) -> (TempDir, Statistics) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let mut rows = Rows::default();
    for visit in visits {
        let evidence = visit.evidence();
        rows.sessions.push(evidence.session);
        rows.messages.extend(evidence.messages);
    }
    rows.heartbeats = heartbeats.iter().zip(1..).map(|((sensor, at), number)| heartbeat(sensor, number, *at)).collect();
    lake.append(rows, 1..=1, QUARTER_START).await.unwrap();
    let statistics = Statistics::open(folder.path()).await.unwrap();
    (folder, statistics)
}

fn quarter() -> Window {
    Window::ending(QUARTER_START + evidence::QUARTER, Span(evidence::QUARTER))
}

fn minute(minutes: i64) -> Time {
    Time::from_micros(QUARTER_START.micros() + minutes * 60_000_000)
}

fn emails(count: usize, recipients: usize) -> Vec<Email> {
    let email = |index: usize| Email {
        after: Duration::from_secs(index as u64),
        recipients: (0..recipients).map(|r| format!("u{r}@d{}.example", r % 2)).collect(),
        ..Email::example()
    };
    (0..count).map(email).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_original_quarter_gives_the_sums_and_counts_of_its_page() {
    let sensors: Vec<_> = Quarter::SENSORS.iter().map(|sensor| (sensor.name, minute(1))).collect();
    let (_folder, statistics) = lake(Quarter::visits(0), &sensors).await;
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    let summary = page.summary().await.unwrap();
    assert_eq!((summary.reporting, summary.known), (9, 9));
    for (row, expected) in summary.sensors.iter().zip(Quarter::SENSORS) {
        let Counts { emails, recipients, connections, .. } = row.counts;
        assert_eq!(row.sensor.as_ref().unwrap().as_str(), expected.name);
        assert_eq!((emails, recipients, connections), (expected.emails, expected.recipients, expected.connections));
        assert!(row.ccs <= row.asns && row.asns <= row.cidrs && row.cidrs <= row.ips && row.ips > 0);
    }
    let all = &summary.all;
    assert_eq!((all.counts.emails, all.counts.recipients), (Quarter::EMAILS, Quarter::RECIPIENTS));
    assert_eq!(all.counts.connections, Quarter::CONNECTIONS);
    assert_eq!((all.ccs, all.asns), (Quarter::COUNTRIES, Quarter::ASNS));
    assert_eq!((all.cidrs, all.ips), (Quarter::CIDRS, Quarter::IPS));
    assert_eq!((all.ports.len(), all.ports_text().as_str()), (21, "multi (21)"));
    for (dimension, distinct) in [
        (Dimension::Country, Quarter::COUNTRIES),
        (Dimension::As, Quarter::ASNS),
        (Dimension::Cidr, Quarter::CIDRS),
        (Dimension::Ip, Quarter::IPS),
        (Dimension::Port, 21),
        (Dimension::Sensor, 9),
        (Dimension::SenderDomain, 1000),
    ] {
        for sort in [Sort::Emails, Sort::Recipients] {
            let ranking = page.ranking(dimension, sort).await.unwrap();
            let others = ranking.others.map_or(0, |(keys, _)| keys);
            assert_eq!(ranking.rows.len() as u64 + others, distinct, "{dimension}");
            assert_eq!(ranking.total.emails, Quarter::EMAILS, "{dimension}");
            assert_eq!(ranking.total.recipients, Quarter::RECIPIENTS, "{dimension}");
            assert_eq!(ranking.total.connections, Quarter::CONNECTIONS, "{dimension}");
            let by = |counts: &Counts| if sort == Sort::Emails { counts.emails } else { counts.recipients };
            assert!(ranking.rows.is_sorted_by(|a, b| by(&a.counts) >= by(&b.counts)), "{dimension}");
        }
    }
    let domains = page.ranking(Dimension::Domain, Sort::Recipients).await.unwrap();
    let in_rows: u64 = domains.rows.iter().map(|row| row.counts.recipients).sum();
    assert_eq!(in_rows + domains.others.unwrap().1.recipients, Quarter::RECIPIENTS);
    assert_eq!(domains.total.emails, Quarter::EMAILS, "an email to several domains is one email");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_counts_when_it_was_accepted_and_a_connection_when_it_was() {
    let early = Visit { emails: emails(3, 1), ..Visit::example(1, minute(0) - Duration::from_secs(1)) };
    let late = Visit { emails: emails(2, 1), ..Visit::example(2, minute(15) - Duration::from_secs(1)) };
    let probe = Visit { emails: Vec::new(), ..Visit::example(3, minute(5)) };
    let (_folder, statistics) = lake([early, late, probe], &[]).await;
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    let all = page.summary().await.unwrap().all;
    // Of `early` the second and third email are in the window, of `late` the first and the connection.
    assert_eq!((all.counts.emails, all.counts.connections), (3, 1));
    assert_eq!((all.probes, all.probe_ips), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_tables_changed_in_the_window_is_one_source() {
    let at = |number, prefix, asn, country, minutes| Visit {
        origin: origin(prefix, asn, "X", country),
        ..Visit::example(number, minute(minutes))
    };
    let visits = [at(1, "192.0.2.0/24", 64496, "BR", 1), at(2, "192.0.2.0/25", 64497, "CL", 2)];
    let (_folder, statistics) = lake(visits, &[]).await;
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    let all = page.summary().await.unwrap().all;
    assert_eq!((all.ccs, all.asns, all.cidrs, all.ips), (1, 1, 1, 1));
    let ranking = page.ranking(Dimension::Country, Sort::Emails).await.unwrap();
    assert_eq!((ranking.rows.len(), ranking.rows[0].key["country"].as_str()), (1, "CL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_nobody_announces_counts_as_an_address_and_as_nothing_else() {
    let nowhere = evidence::Origin { tables: "t".into(), ..evidence::Origin::default() };
    let (_folder, statistics) = lake([Visit { origin: nowhere, ..Visit::example(1, minute(1)) }], &[]).await;
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    let all = page.summary().await.unwrap().all;
    assert_eq!((all.ccs, all.asns, all.cidrs, all.ips), (0, 0, 0, 1));
    let ranking = page.ranking(Dimension::Country, Sort::Emails).await.unwrap();
    assert_eq!(ranking.rows[0].key["country"], "-");
    assert_eq!(ranking.total.emails, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_hold_in_every_table() {
    let visit = |number, port, protocol, count| Visit {
        port,
        protocol,
        emails: emails(count, 4),
        ..Visit::example(number, minute(1))
    };
    let system = System { label: Some("Win-XP-SP1/Win-2k-SP4".into()), signature: None };
    let dialect = "d1 S5 methods:0 > SMTP order:QUIT".to_owned();
    let hash = evidence::Dialect { text: dialect.clone(), pipelined: false }.hash();
    // Its session began before the window.
    let second =
        Visit { system, dialect: Some(dialect.clone()), at: minute(-20), ..visit(2, 1080, Protocol::Socks5, 3) };
    let late =
        second.emails.into_iter().map(|email| Email { after: email.after + Duration::from_secs(21 * 60), ..email });
    let visits = [visit(1, 25, Protocol::Smtp, 2), Visit { emails: late.collect(), ..second }];
    let (_folder, statistics) = lake(visits, &[]).await;
    for (dimension, value, expected) in [
        (Dimension::Port, "1080", 3),
        (Dimension::Os, "Win-XP-SP1/Win-2k-SP4", 3),
        (Dimension::Os, "-", 2),
        (Dimension::Dialect, hash.as_str(), 3),
        (Dimension::Dialect, "-", 2),
        (Dimension::Dialect, "d1:0000000000000000", 0),
        (Dimension::Protocol, "SMTP", 2),
        (Dimension::Country, "BR", 5),
        (Dimension::As, "64496", 5),
        (Dimension::As, "1", 0),
        (Dimension::Cidr, "192.0.2.0/24", 5),
        (Dimension::Ip, "192.0.2.7", 5),
        (Dimension::Sensor, "XX-01", 5),
        (Dimension::Domain, "d1.example", 5),
        (Dimension::Domain, "d2.example", 0),
        (Dimension::SenderDomain, "b.example", 5),
        (Dimension::Country, "-", 0),
    ] {
        let mut selection = Selection::new(quarter());
        selection.filters.push(Filter::new(dimension, value).unwrap());
        let page = statistics.page(selection.clone()).await.unwrap();
        assert_eq!(page.summary().await.unwrap().all.counts.emails, expected, "{dimension} {value}");
        let ranking = page.ranking(Dimension::Domain, Sort::Emails).await.unwrap();
        assert_eq!(ranking.rows.len(), if expected == 0 { 0 } else { 2 }, "{dimension} {value}");
        let records = page.records(RecordKind::Emails).await.unwrap();
        assert_eq!(records.rows.len(), expected as usize, "{dimension} {value}");
        let series = statistics.series(&selection).await.unwrap();
        assert_eq!(series.quarters.iter().map(|quarter| quarter.emails).sum::<u64>(), expected, "{dimension} {value}");
        assert!(!records.columns.iter().any(|column| ["sender", "recipients", "helo"].contains(&column.as_str())));
    }
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    let systems = page.ranking(Dimension::Os, Sort::Emails).await.unwrap().rows;
    let systems: Vec<_> = systems.iter().map(|row| (row.key["os"].as_str(), row.counts.emails)).collect();
    assert_eq!(systems, [("Win-XP-SP1/Win-2k-SP4", 3), ("-", 2)]);
    let dialects = page.ranking(Dimension::Dialect, Sort::Emails).await.unwrap().rows;
    let told =
        |row: &statistics::Ranked| (row.key["dialect_hash"].clone(), row.key["dialect"].clone(), row.counts.emails);
    let dialects: Vec<_> = dialects.iter().map(told).collect();
    assert_eq!(dialects, [(hash, dialect, 3), ("-".into(), "-".into(), 2)]);
    let records = page.records(RecordKind::Connections).await;
    assert_eq!(records.unwrap().rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_without_a_sign_of_life_is_down_and_a_quarter_without_one_is_unknown() {
    let heartbeats = [("XX-01", minute(1)), ("YY-01", minute(-60))];
    let (_folder, statistics) = lake([Visit::example(1, minute(1))], &heartbeats).await;
    let summary = statistics.page(Selection::new(quarter())).await.unwrap().summary().await.unwrap();
    assert_eq!((summary.reporting, summary.known), (1, 2));
    assert_eq!(summary.sensors[0].state, SensorState::Up);
    assert_eq!(summary.sensors[1].state, SensorState::Down { last: Some(minute(-60)) });
    let day = Selection::new(Window { from: minute(-75), until: minute(15) });
    let series = statistics.series(&day).await.unwrap();
    let known: Vec<_> = series.quarters.iter().map(|quarter| quarter.known).collect();
    assert_eq!(known, [false, true, false, false, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ties_are_broken_by_the_other_count_and_then_by_key() {
    let visit = |number, asn, recipients| Visit {
        origin: origin("192.0.2.0/24", asn, "X", "BR"),
        source: std::net::IpAddr::from([192, 0, 2, number as u8]),
        emails: emails(2, recipients),
        ..Visit::example(number, minute(1))
    };
    let (_folder, statistics) = lake([visit(1, 30, 1), visit(2, 20, 1), visit(3, 10, 5)], &[]).await;
    let page = statistics.page(Selection { top: 2, ..Selection::new(quarter()) }).await.unwrap();
    let ranking = page.ranking(Dimension::As, Sort::Emails).await.unwrap();
    let order: Vec<_> = ranking.rows.iter().map(|row| row.key["asn"].as_str()).collect();
    assert_eq!(order, ["10", "20"]);
    let (keys, others) = ranking.others.unwrap();
    assert_eq!((keys, others.emails, others.protocols), (1, 2, ProtocolSet(Protocol::Smtp.bit())));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sql_that_a_page_shows_gives_its_numbers_again() {
    let visits = Quarter::visits(0).step_by(97).chain([Visit { emails: Vec::new(), ..Visit::example(1, minute(3)) }]);
    let (_folder, statistics) = lake(visits, &[("XX-01", minute(1))]).await;
    let snapshot = statistics.snapshot().await.unwrap();
    for filter in [None, Some(Filter::new(Dimension::Protocol, "S5").unwrap())] {
        let mut selection = Selection::new(quarter());
        selection.filters.extend(filter);
        let page = statistics.page(selection.clone()).await.unwrap();
        for dimension in Dimension::ALL {
            let ranking = page.ranking(dimension, Sort::Recipients).await.unwrap();
            let sql = selection.asked_for_ranking(dimension, Sort::Recipients).sql;
            let answer = snapshot.sql(&sql, &[]).await.unwrap();
            let column = answer.column("recipients").unwrap();
            let told: Vec<_> = answer.rows.iter().map(|row| row[column].as_integer().unwrap() as u64).collect();
            let rows = ranking.rows.iter().map(|row| row.counts).chain(ranking.others.map(|(_, counts)| counts));
            assert_eq!(told, rows.map(|counts| counts.recipients).collect::<Vec<_>>(), "{dimension}: {sql}");
        }
        let all = page.summary().await.unwrap().all;
        let sums = snapshot.sql(&selection.asked_for_summary()[0].sql, &[]).await.unwrap();
        let column = sums.column("emails").unwrap();
        assert_eq!(
            sums.rows.iter().map(|row| row[column].as_integer().unwrap() as u64).sum::<u64>(),
            all.counts.emails
        );
        for asked in selection.asked_for_summary().into_iter().chain(selection.asked_for_series(quarter())) {
            assert!(snapshot.sql(&asked.sql, &[]).await.is_ok(), "{}", asked.sql);
        }
        for (kind, count) in [
            (RecordKind::Emails, all.counts.emails),
            (RecordKind::Deliveries, all.counts.connections),
            (RecordKind::Probes, all.probes),
        ] {
            let asked = selection.asked_for_records(kind, 0, 10_000);
            assert_eq!(snapshot.sql(&asked.sql, &[]).await.unwrap().rows.len() as u64, count, "{}", asked.sql);
            assert_eq!(page.records_after(kind, 0, 10_000).await.unwrap().rows.len() as u64, count);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_told_in_parts_that_do_not_overlap() {
    let visits = (0..3).map(|number| Visit { emails: emails(2, 1), ..Visit::example(number, minute(1)) });
    let (_folder, statistics) = lake(visits, &[]).await;
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    let whole = page.records(RecordKind::Emails).await.unwrap().rows;
    let mut parts = page.records_after(RecordKind::Emails, 0, 4).await.unwrap().rows;
    parts.extend(page.records_after(RecordKind::Emails, 4, 4).await.unwrap().rows);
    assert_eq!((whole.len(), &whole), (6, &parts));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_nobody_announced_is_marked() {
    let mut covering = origin("203.0.113.0/24", 64_999, "RANGE", "CL");
    covering.announced = false;
    let visits = [
        Visit { source: [203, 0, 113, 9].into(), origin: covering, ..Visit::example(1, minute(1)) },
        Visit { source: [192, 0, 2, 9].into(), origin: evidence::Origin::default(), ..Visit::example(2, minute(1)) },
        Visit::example(3, minute(1)),
    ];
    let (_folder, statistics) = lake(visits, &[]).await;
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    for (dimension, key) in [(Dimension::Cidr, "prefix"), (Dimension::As, "asn"), (Dimension::Ip, "source_ip")] {
        let ranking = page.ranking(dimension, Sort::Emails).await.unwrap();
        let announced: std::collections::BTreeMap<_, _> =
            ranking.rows.iter().map(|row| (row.key[key].as_str(), row.announced())).collect();
        let values: Vec<_> = announced.into_values().collect();
        assert!([Some(true), Some(false), None].iter().all(|value| values.contains(value)), "{dimension}: {values:?}");
        let mut text = Vec::new();
        write_text(&mut text, &page.selection, None, std::slice::from_ref(&ranking)).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("~ no routing table") && text.matches('~').count() == 2, "{text}");
        let mut csv = Vec::new();
        write_csv(&mut csv, None, &[ranking]).unwrap();
        assert!(String::from_utf8(csv).unwrap().contains(",1,false\r\n"), "{dimension}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_written_as_text_csv_and_json() {
    let (_folder, statistics) =
        lake([Visit { emails: emails(2, 4), ..Visit::example(1, minute(1)) }], &[("XX-01", minute(2))]).await;
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    let summary = page.summary().await.unwrap();
    let rankings = [page.ranking(Dimension::Country, Sort::Emails).await.unwrap()];
    let mut text = Vec::new();
    write_text(&mut text, &page.selection, Some(&summary), &rankings).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(
        text,
        "\
Spamtrail - Statistics
Window of 15m; all sensors
Period: 2010-05-17 (21h30) to 2010-05-17 (21h45) GMT

Summary

sensor  CCs  ASNs  CIDRs  IPs  emails     (%)  recipients     (%)  connections  proto  ports  probes  tests
XX-01     1     1      1    1       2  100.00           8  100.00            1  SMTP   25          0      0
All       1     1      1    1       2  100.00           8  100.00            1  SMTP   25          0      0

Sensors: 1 / 1

Top 15 Country Codes sorted by emails

#  cc     description  proto    bytes  emails     (%)  recipients     (%)  connections  sensors
1  BR     Brazil       SMTP   0.05 kB       2  100.00           8  100.00            1        1
   Total                      0.05 kB       2  100.00           8  100.00            1
"
    );
    let mut csv = Vec::new();
    write_csv(&mut csv, Some(&summary), &rankings).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains("\r\nXX-01,up,1,1,1,1,2,100.00,8,100.00,1,SMTP,25,0,0\r\n"), "{csv}");
    assert!(csv.contains("\r\n1,BR,Brazil,2,100.00,8,100.00,50,1,SMTP,1\r\n"), "{csv}");
    let mut json = Vec::new();
    write_json(&mut json, &page, Some(&summary), &rankings).unwrap();
    let lines: Vec<serde_json::Value> =
        String::from_utf8(json).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["page", "sensor", "sensor", "country", "country"]);
    assert_eq!(lines[3]["cc"], "BR");
    assert_eq!(lines[3]["emails_pct"], 100.0);
}

/// A sign of life of a sensor whose listeners are these, in a run that started then.
fn beat(sensor: &str, number: u64, started: Time, at: Time, listening: &[(u16, &[Factor])]) -> evidence::HeartbeatRow {
    let mut row = heartbeat(sensor, number, at);
    row.heartbeat.id.boot = evidence::Boot(started.micros() as u64);
    row.heartbeat.started_at = started;
    let listener =
        |(port, factors): &(u16, &[Factor])| Listening { port: *port, factors: Factors::of(factors.iter().copied()) };
    row.heartbeat.listening = Some(listening.iter().map(listener).collect());
    row
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_with_a_factor_are_compared_with_those_without() {
    use Factor::{RefuseListed, RelayOnly};
    let visit = |number, port, factors: &[Factor], source: [u8; 4], count| Visit {
        port,
        factors: Factors::of(factors.iter().copied()),
        source: source.into(),
        emails: emails(count, 3),
        ..Visit::example(number, minute(1))
    };
    let mut refused = visit(5, 26, &[RefuseListed], [192, 0, 2, 9], 0).evidence();
    refused.session.session.quirks.insert(evidence::Quirk::RefusedByList);
    let mut crowded = visit(6, 25, &[], [192, 0, 2, 9], 0).evidence();
    crowded.session.session.end = evidence::End::TooMany;
    let visits = [
        visit(1, 25, &[], [192, 0, 2, 7], 4),
        visit(2, 25, &[], [192, 0, 2, 7], 1),
        visit(3, 25, &[], [192, 0, 2, 8], 1),
        visit(4, 26, &[RefuseListed, RelayOnly], [192, 0, 2, 7], 2),
        visit(7, 26, &[RefuseListed], [192, 0, 2, 7], 0),
        // Outside the window.
        Visit { at: minute(20), ..visit(8, 26, &[RefuseListed], [192, 0, 2, 10], 5) },
    ];
    let mut rows = Rows::default();
    for evidence in visits.iter().map(Visit::evidence).chain([refused, crowded]) {
        rows.sessions.push(evidence.session);
        rows.messages.extend(evidence.messages);
    }
    let listening: &[(u16, &[Factor])] = &[(25, &[]), (25, &[]), (26, &[RefuseListed])];
    rows.heartbeats = vec![
        // Ten minutes before the window, five in it; then another run up to beyond its end.
        beat("XX-01", 1, minute(-10), minute(4), listening),
        beat("XX-01", 2, minute(-10), minute(5), listening),
        beat("XX-01", 3, minute(6), minute(7), &[(25, &[RefuseListed]), (26, &[RefuseListed])]),
        beat("XX-01", 4, minute(6), minute(16), &[(25, &[RefuseListed]), (26, &[RefuseListed])]),
        // A sensor that knows of no factors: two ports, one minute.
        heartbeat("YY-02", 1, minute(2)),
    ];
    rows.heartbeats[4].heartbeat.started_at = minute(1);
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows, 1..=1, QUARTER_START).await.unwrap();
    let statistics = Statistics::open(folder.path()).await.unwrap();
    let page = statistics.page(Selection::new(quarter())).await.unwrap();
    let comparison = page.comparison(RefuseListed).await.unwrap();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let off = Side {
        listeners: 4,
        listened: minutes(2 * 5 + 2),
        emails: 6,
        recipients: 18,
        bytes: 6 * 25,
        ips: 2,
        connections: 3,
        probes: 1,
        refused: 1,
    };
    let on = Side {
        listeners: 2,
        listened: minutes(5 + 2 * 9),
        emails: 2,
        recipients: 6,
        bytes: 2 * 25,
        ips: 1,
        connections: 1,
        probes: 2,
        refused: 1,
    };
    assert_eq!((comparison.off, comparison.on), (off, on));
    let relay = page.comparison(RelayOnly).await.unwrap();
    assert_eq!((relay.off.emails, relay.on.emails, relay.on.listeners), (6, 2, 0));

    // Held to a port and a sensor, what listened is too.
    let filters = [Filter::new(Dimension::Port, "26").unwrap(), Filter::new(Dimension::Sensor, "XX-01").unwrap()];
    let held = Selection { filters: filters.to_vec(), ..Selection::new(quarter()) };
    let page = statistics.page(held).await.unwrap();
    let comparison = page.comparison(RefuseListed).await.unwrap();
    assert_eq!((comparison.off, comparison.on.listeners, comparison.on.listened), (Side::default(), 1, minutes(5 + 9)));
    assert_eq!((comparison.on.emails, comparison.on.probes), (2, 2));

    // The questions as they are shown can be asked as they stand.
    let snapshot = statistics.snapshot().await.unwrap();
    let selection = Selection::new(quarter());
    for asked in selection.asked_for_comparison(RefuseListed) {
        let answer = snapshot.sql(&asked.sql, &[]).await.unwrap();
        assert_eq!(answer.rows.len(), 2, "{}", asked.question.name);
        if asked.question.name == "exposure" {
            assert_eq!(answer.rows[1][2], lake::Value::Integer(on.listened.as_millis() as i64));
        }
    }
    let mut csv = Vec::new();
    Comparison::sheet(&[relay]).write_csv(&mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains("relay-only,emails,6,2,0.3333,") && csv.lines().count() == 10, "{csv}");
}
