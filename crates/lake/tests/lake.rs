//! Rows in, rows out, across crashes, merges and retention.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use evidence::{
    CustomerRow, FindingRow, MailSums, Origin, Party, PartyKind, Protocol, Time, TrafficAsRow, TrafficCoverageRow,
    TrafficHostRow, TrafficSums, TrafficVerdictRow, Window,
};
use lake::{Lake, LakeError, MailLake, MailRows, Reader, Retention, Rows, TrafficLake, TrafficRows, Value};
use specimen::{Email, Visit};

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// A visit with one email, and a heartbeat.
fn rows(number: u64, at: Time, content: &[u8]) -> Rows {
    let email = Email {
        after: Duration::ZERO,
        recipients: ["c@d.example", "e@d.example", "f@g.example"].map(String::from).to_vec(),
        content: content.to_vec(),
        ..Email::example()
    };
    let visit = Visit { protocol: Protocol::Socks5, emails: vec![email], ..Visit::example(number, at) };
    let evidence = visit.evidence();
    Rows {
        sessions: vec![evidence.session],
        messages: evidence.messages,
        contents: evidence.contents,
        heartbeats: vec![specimen::heartbeat("XX-01", number, at)],
    }
}

async fn count(folder: &Path, table: &str) -> i64 {
    let snapshot = Reader::open(folder).await.unwrap().snapshot().await.unwrap();
    let answer = snapshot.sql(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap();
    answer.rows[0][0].as_integer().unwrap()
}

const AT: &str = "2026-11-23T20:31:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_known_is_null_and_not_an_empty_list() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let mut unknown = rows(1, time(AT), b"hello");
    unknown.heartbeats[0].heartbeat.listening = None;
    lake.append(unknown, 1..=1, time(AT)).await.unwrap();
    let snapshot = Reader::open(folder.path()).await.unwrap().snapshot().await.unwrap();
    let answer = snapshot.sql("SELECT count(*) FROM heartbeats WHERE listening IS NULL", &[]).await.unwrap();
    assert_eq!(answer.rows, [[Value::Integer(1)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_back_column_by_column() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time(AT), b"hello"), 1..=1, time(AT)).await.unwrap();
    assert_eq!(lake.taken().await.unwrap().by_all, 1);
    let snapshot = Reader::open(folder.path()).await.unwrap().snapshot().await.unwrap();
    let answer = snapshot
        .sql(
            "SELECT m.message_id, m.source_ip, m.prefix, m.asn, m.country, m.helo, m.path, m.protocol_bit,
                    m.recipient_count, m.recipient_domains, m.recipient_domain_counts, m.accepted_at, s.\"end\", c.content, h.messages
             FROM messages m JOIN sessions s ON s.session_id = m.session_id JOIN contents c ON c.sha256 = m.sha256
             CROSS JOIN heartbeats h WHERE m.accepted_at = $at",
            &[("at", Value::Instant(time(AT)))],
        )
        .await
        .unwrap();
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(
        answer.rows,
        [[
            text("XX-01/7/1/0"),
            text("192.0.2.7"),
            text("192.0.2.0/24"),
            Value::Integer(64496),
            text("BR"),
            text("client.example"),
            text("S5>SMTP"),
            Value::Integer(16),
            Value::Integer(3),
            Value::List(vec![text("d.example"), text("g.example")]),
            Value::List(vec![Value::Integer(2), Value::Integer(1)]),
            Value::Instant(time(AT)),
            text("quit"),
            Value::Bytes(b"hello".to_vec()),
            Value::Integer(2),
        ]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arrival_that_comes_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time(AT), b"one"), 1..=1, time(AT)).await.unwrap();
    lake.append(rows(1, time(AT), b"one"), 1..=1, time(AT)).await.unwrap();
    drop(lake);
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time(AT), b"one"), 1..=1, time(AT)).await.unwrap();
    lake.append(rows(2, time(AT), b"two"), 2..=2, time(AT)).await.unwrap();
    for table in ["sessions", "messages", "contents", "heartbeats"] {
        assert_eq!(count(folder.path(), table).await, 2, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_two_tables_is_made_good_by_the_next_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time(AT), b"one"), 1..=1, time(AT)).await.unwrap();
    lake.append(rows(2, time(AT), b"two"), 2..=2, time(AT)).await.unwrap();
    drop(lake);
    // As if the process had died before the last two tables were committed.
    for table in ["sessions", "heartbeats"] {
        std::fs::remove_file(folder.path().join(table).join("_delta_log/00000000000000000002.json")).unwrap();
    }
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(lake.taken().await.unwrap().by_all, 1);
    lake.append(rows(2, time(AT), b"two"), 2..=2, time(AT)).await.unwrap();
    for table in ["sessions", "messages", "contents", "heartbeats"] {
        assert_eq!(count(folder.path(), table).await, 2, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_is_turned_away_and_a_reader_needs_a_lake() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(folder.path()).await, Err(LakeError::NotALake(_))));
    let lake = Lake::open(folder.path()).await.unwrap();
    assert!(matches!(Lake::open(folder.path()).await, Err(LakeError::InUse(_))));
    drop(lake);
    Lake::open(folder.path()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_is_kept_once_in_its_quarter_also_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time(AT), b"same"), 1..=1, time(AT)).await.unwrap();
    lake.append(rows(2, time(AT), b"same"), 2..=2, time(AT)).await.unwrap();
    drop(lake);
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(3, time(AT), b"same"), 3..=3, time(AT)).await.unwrap();
    assert_eq!(count(folder.path(), "contents").await, 1);
    assert_eq!(count(folder.path(), "messages").await, 3);
    lake.append(rows(4, time("2026-11-23T20:46:00Z"), b"same"), 4..=4, time(AT)).await.unwrap();
    assert_eq!(count(folder.path(), "contents").await, 2, "each quarter has its own, so that old ones can go");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_are_merged_and_no_row_is_lost_doubled_or_moved() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let before = Reader::open(folder.path()).await.unwrap();
    let start = time("2026-11-23T20:00:00Z");
    let files = |snapshot: &lake::Snapshot| snapshot.versions().iter().find(|t| t.table == "messages").unwrap().files;
    for number in 1..=60_u64 {
        let at = start + Duration::from_secs(60 * number);
        lake.append(rows(number, at, format!("message {number}").as_bytes()), number..=number, at).await.unwrap();
        lake.compact(at).await.unwrap();
        let snapshot = before.snapshot().await.unwrap();
        assert!(files(&snapshot) <= 16 + 4, "{} files after {number}", files(&snapshot));
    }
    let old = before.snapshot().await.unwrap();
    lake.compact(start + Duration::from_secs(2 * 86_400)).await.unwrap();
    lake.compact(start + Duration::from_secs(2 * 86_400)).await.unwrap();
    let new = before.snapshot().await.unwrap();
    assert_eq!(files(&new), 1, "a closed day is one file");
    for snapshot in [&old, &new] {
        let query = "SELECT count(*), count(DISTINCT message_id) FROM messages";
        let answer = snapshot.sql(query, &[]).await.unwrap();
        assert_eq!(answer.rows, [[Value::Integer(60), Value::Integer(60)]]);
    }
    let quarter = Window { from: time("2026-11-23T20:15:00Z"), until: time("2026-11-23T20:30:00Z") };
    let count = "SELECT count(*) FROM messages WHERE accepted_at >= $from AND accepted_at < $until";
    let parameters = [("from", Value::Instant(quarter.from)), ("until", Value::Instant(quarter.until))];
    assert_eq!(old.within(quarter).sql(count, &parameters).await.unwrap().rows, [[Value::Integer(15)]]);
    assert!(files(&old.within(quarter)) < files(&old));
    assert_eq!(new.within(quarter).sql(count, &parameters).await.unwrap().rows, [[Value::Integer(15)]]);
    // After a restart, the log being summed up meanwhile.
    drop(lake);
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(lake.taken().await.unwrap().by_all, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_summed_up_and_read_back_from_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    for number in 1..=130_u64 {
        lake.append(rows(number, time(AT), b"x"), number..=number, time(AT)).await.unwrap();
        lake.compact(time(AT)).await.unwrap();
    }
    assert!(folder.path().join("messages/_delta_log/_last_checkpoint").exists());
    drop(lake);
    assert_eq!(Lake::open(folder.path()).await.unwrap().taken().await.unwrap().by_all, 130);
    assert_eq!(count(folder.path(), "messages").await, 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_data_goes_by_class() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time("2026-11-01T00:00:00Z"), b"old"), 1..=1, time(AT)).await.unwrap();
    lake.append(rows(2, time(AT), b"new"), 2..=2, time(AT)).await.unwrap();
    let week = Some(Duration::from_secs(7 * 86_400));
    lake.expire(Retention { contents: week, facts: None, heartbeats: None }, time(AT)).await.unwrap();
    assert_eq!(count(folder.path(), "contents").await, 1);
    assert_eq!(count(folder.path(), "messages").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_can_only_read() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time(AT), b"x"), 1..=1, time(AT)).await.unwrap();
    let snapshot = Reader::open(folder.path()).await.unwrap().snapshot().await.unwrap();
    for forbidden in [
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO messages SELECT * FROM messages",
        "DROP TABLE messages",
        "COPY messages TO 'out.csv'",
        "CREATE EXTERNAL TABLE p STORED AS CSV LOCATION '/etc/passwd'",
        "SET datafusion.execution.batch_size = 1",
    ] {
        let error = snapshot.sql(forbidden, &[]).await.unwrap_err().to_string();
        assert!(error.contains("not supported"), "{forbidden}: {error}");
    }
    let error = snapshot.sql("SELECT nothing FROM messages", &[]).await.unwrap_err().to_string();
    assert!(error.contains("nothing"), "{error}");
    let mut pieces = 0;
    snapshot
        .sql_in_pieces("SELECT message_id FROM messages", |piece| {
            pieces += piece.rows.len();
            true
        })
        .await
        .unwrap();
    assert_eq!(pieces, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_held_in_memory_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    for number in 1..=3 {
        lake.append(rows(number, time(AT), b"x"), number..=number, time(AT)).await.unwrap();
    }
    let snapshot = Reader::open(folder.path()).await.unwrap().snapshot().await.unwrap();
    let held = snapshot.hold("facts", "SELECT sensor, recipient_count FROM messages", &[]).await.unwrap();
    let sensor = [("s", Value::Text("XX-01".into()))];
    let answer = held.sql("SELECT sum(recipient_count) FROM facts WHERE sensor = $s", &sensor);
    assert_eq!(answer.await.unwrap().rows, [[Value::Integer(9)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_file_that_is_gone_is_an_error_and_not_fewer_rows() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time(AT), b"x"), 1..=1, time(AT)).await.unwrap();
    let day = folder.path().join("messages/2026/11/23");
    for entry in std::fs::read_dir(day).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let snapshot = Reader::open(folder.path()).await.unwrap().snapshot().await.unwrap();
    let error = snapshot.sql("SELECT count(*) FROM messages", &[]).await.unwrap_err();
    assert!(matches!(&error, LakeError::Io { path, .. } if path.extension().is_some()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_that_a_table_has_in_part_are_not_added_again() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(rows(1, time(AT), b"x"), 1..=1, time(AT)).await.unwrap();
    let error = lake.append(rows(2, time(AT), b"y"), 1..=2, time(AT)).await.unwrap_err();
    assert!(matches!(error, LakeError::Arrivals { taken: 1, .. }), "{error}");
    assert_eq!(count(folder.path(), "messages").await, 1);
}

fn mail_rows(at: Time, finding: u64) -> MailRows {
    let party = Party { kind: PartyKind::Account, name: "ann@provider.example".into(), address: None };
    let sums = MailSums { messages: 2, recipients: 5, ..MailSums::default() };
    let origin = Origin::default();
    MailRows {
        customers: vec![CustomerRow {
            at: at.quarter(),
            host: "mx1".into(),
            party: party.clone(),
            origin: origin.clone(),
            sums,
            written_at: at,
        }],
        findings: vec![FindingRow {
            told_at: at,
            finding,
            change: "opened",
            by: None,
            party,
            origin,
            diagnosis: "compromised-account",
            class: "abuse",
            probability: 987,
            opened_at: at,
            abuse_since: Some(at),
            first_seen: at,
            last_seen: at,
            messages: 2,
            recipients: 5,
            failed: 4,
            strangers: 5,
            spams: 0,
            viruses: 0,
            rules: vec!["X1".into()],
            reasons: vec!["4 recipients do not exist".into()],
            lines: Vec::new(),
            again: None,
        }],
        complaints: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_written_beside_decoys_each_batch_once() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let reader = Reader::open(folder.path()).await.unwrap();
    let before = reader.snapshot().await.unwrap();
    assert!(before.versions().iter().all(|version| version.table != "findings"));
    let none = before.sql("SELECT count(*) FROM customers, findings, complaints", &[]).await.unwrap();
    assert_eq!(none.rows, [[Value::Integer(0)]]);

    let mail = MailLake::open(folder.path()).await.unwrap();
    assert!(matches!(MailLake::open(folder.path()).await, Err(LakeError::InUse(_))));
    mail.append(mail_rows(time(AT), 1), 1, time(AT)).await.unwrap();
    mail.append(mail_rows(time(AT), 1), 1, time(AT)).await.unwrap();
    lake.append(rows(1, time(AT), b"hello"), 1..=1, time(AT)).await.unwrap();
    mail.append(mail_rows(time(AT), 2), 2, time(AT)).await.unwrap();
    mail.compact(time(AT) + Duration::from_secs(86_400)).await.unwrap();
    assert_eq!(mail.taken().await.unwrap().by_all, 2);

    // The reader that was there before sees the tables that came since.
    let after = reader.snapshot().await.unwrap();
    let query = "SELECT count(*), sum(recipients), count(source_ip), count(asn) FROM customers";
    let zero = Value::Integer(0);
    assert_eq!(
        after.sql(query, &[]).await.unwrap().rows,
        [[Value::Integer(2), Value::Integer(10), zero.clone(), zero]]
    );
    assert_eq!((count(folder.path(), "findings").await, count(folder.path(), "complaints").await), (2, 0));
}

fn traffic_rows(at: Time) -> TrafficRows {
    let sums = TrafficSums { samples: 7, packets: 14_336, syn: 2, ..TrafficSums::default() };
    let server = TrafficSums::default();
    let address = "192.0.2.7".parse().unwrap();
    let host = TrafficHostRow {
        at: at.five_minutes(),
        address,
        origin: Origin::default(),
        gateway_as: Some(64_496),
        client: sums,
        server,
        written_at: at,
    };
    let of_as = TrafficAsRow {
        at: at.five_minutes(),
        asn: None,
        name: None,
        country: None,
        hosts: [1, 0, 0, 0],
        client: sums,
        server,
        written_at: at,
    };
    let verdict = TrafficVerdictRow {
        told_at: at,
        day: at.day(),
        window_days: 1,
        address,
        origin: Origin::default(),
        gateway_as: None,
        role: "client-only",
        class: Some("likely-bot"),
        likeliest: "likely-bot",
        probability: 987,
        evidence: vec!["6 of 6 further packets were to a destination not met before".into()],
        client: sums,
        server,
        destinations: 7,
        networks: 7,
        exact: true,
        clients: 0,
        unanswered: Some(500),
        refused: None,
        systems: String::new(),
        neighbours: 0,
        first_seen: Some(at.day()),
        is_new: None,
        active_days: 1,
        zone: 330,
        client_week: (0..168).collect(),
        server_week: Vec::new(),
    };
    let coverage = vec![
        TrafficCoverageRow {
            at: at.five_minutes(),
            agent: Some(address),
            samples: 7,
            written_at: at,
            ..Default::default()
        },
        TrafficCoverageRow {
            at: at.five_minutes(),
            reasons: vec![("not_tcp", 3)],
            written_at: at,
            ..Default::default()
        },
    ];
    TrafficRows { hosts: vec![host], ases: vec![of_as], verdicts: vec![verdict], coverage }
}

#[tokio::test(flavor = "multi_thread")]
async fn sampled_traffic_is_written_beside_decoys_and_mail_each_batch_once() {
    let folder = tempfile::tempdir().unwrap();
    let mail = MailLake::open(folder.path()).await.unwrap();
    let traffic = TrafficLake::open(folder.path()).await.unwrap();
    assert!(matches!(TrafficLake::open(folder.path()).await, Err(LakeError::InUse(_))));
    for batch in [1, 1, 2] {
        traffic.append(traffic_rows(time(AT)), batch, time(AT)).await.unwrap();
    }
    mail.append(mail_rows(time(AT), 1), 1, time(AT)).await.unwrap();
    traffic.compact(time(AT) + Duration::from_secs(86_400)).await.unwrap();
    assert_eq!(traffic.taken().await.unwrap().by_all, 2);

    let snapshot = Reader::open(folder.path()).await.unwrap().snapshot().await.unwrap();
    let integers = |numbers: &[i64]| numbers.iter().map(|number| Value::Integer(*number)).collect::<Vec<_>>();
    for (query, expected) in [
        (
            "SELECT count(*), sum(samples), sum(packets), sum(server_samples), max(gateway_as) FROM traffic_hosts",
            &[2, 14, 28_672, 0, 64_496][..],
        ),
        ("SELECT count(*), count(asn), sum(hosts_client), sum(syn) FROM traffic_ases", &[2, 0, 2, 4]),
        (
            "SELECT count(*), max(probability), max(client_week[168]), count(refused), max(zone) FROM traffic_verdicts",
            &[2, 987, 167, 0, 330],
        ),
        ("SELECT count(*), count(agent), sum(samples), max(reason_counts[1]) FROM traffic_coverage", &[4, 2, 14, 3]),
    ] {
        assert_eq!(snapshot.sql(query, &[]).await.unwrap().rows, [integers(expected)], "{query}");
    }

    let keep = Retention { contents: None, facts: Some(Duration::from_secs(3600)), heartbeats: None };
    traffic.expire(keep, time(AT) + Duration::from_secs(2 * 86_400)).await.unwrap();
    assert_eq!((count(folder.path(), "traffic_hosts").await, count(folder.path(), "findings").await), (0, 1));
}
