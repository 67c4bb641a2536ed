//! Tests of the sensors: counted apart from emails, and the drop-boxes they went to.

use std::time::Duration;

use evidence::{Factor, Factors, Place, Probe, Sign, Strength, Time, Verdict};
use lake::{Lake, Rows};
use specimen::{Email, QUARTER_START, Visit, name};
use statistics::{Class, Dimension, RecordKind, Selection, Sort, Statistics, dropboxes, test_message, test_messages};
use tempfile::TempDir;

use crate::{minute, quarter};

fn probe() -> Probe {
    Probe {
        sign: Sign::Dotted,
        place: Place::Subject,
        address: Some([198, 51, 100, 1].into()),
        port: Some(25),
        index: None,
        token: b"198.51.100.1".to_vec(),
        tester: None,
        strength: Strength::Strong,
    }
}

/// A visit with these emails: each a recipient, and whether it is a test.
fn visit(number: u64, source: u8, at: Time, emails: &[(&str, bool)]) -> (Visit, Vec<bool>) {
    let email = |(index, (recipient, _)): (usize, &(&str, bool))| Email {
        after: Duration::from_secs(index as u64),
        recipients: vec![(*recipient).to_owned()],
        ..Email::example()
    };
    let source = std::net::IpAddr::from([192, 0, 2, source]);
    let made = Visit { source, emails: emails.iter().enumerate().map(email).collect(), ..Visit::example(number, at) };
    (made, emails.iter().map(|(_, is_test)| *is_test).collect())
}

/// The same at a listener whose tests may be released.
fn marked((visit, is_test): (Visit, Vec<bool>)) -> (Visit, Vec<bool>) {
    (Visit { factors: Factors::of([Factor::ReleaseTests]), ..visit }, is_test)
}

async fn lake(visits: Vec<(Visit, Vec<bool>)>) -> (TempDir, Statistics) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let mut rows = Rows::default();
    for (visit, is_test) in visits {
        let evidence = visit.evidence();
        rows.sessions.push(evidence.session);
        rows.contents.extend(evidence.contents);
        let mut tests_before = 0;
        for (mut row, is_test) in evidence.messages.into_iter().zip(is_test) {
            row.verdict = Verdict { probe: is_test.then(probe), tests_before };
            tests_before += u32::from(is_test);
            rows.messages.push(row);
        }
    }
    lake.append(rows, 1..=1, QUARTER_START).await.unwrap();
    let statistics = Statistics::open(folder.path()).await.unwrap();
    (folder, statistics)
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_are_counted_apart_and_a_connection_counts_with_its_first_email() {
    let visits = vec![
        marked(visit(1, 1, minute(1), &[("drop@x.example", true), ("a@v.example", false), ("b@v.example", false)])),
        marked(visit(2, 2, minute(2), &[("drop@x.example", true), ("drop@x.example", true)])),
        visit(3, 3, minute(3), &[("c@v.example", false)]),
        visit(4, 4, minute(4), &[]),
    ];
    let (_folder, statistics) = lake(visits).await;
    for (class, emails, connections) in [(Class::Abuse, 3, 2), (Class::Tests, 3, 2), (Class::All, 6, 3)] {
        let selection = Selection { class, ..Selection::new(quarter()) };
        let page = statistics.page(selection.clone()).await.unwrap();
        let all = page.summary().await.unwrap().all;
        assert_eq!((all.counts.emails, all.counts.recipients, all.counts.connections), (emails, emails, connections));
        assert_eq!((all.tests, all.probes), (3, 1), "{class:?}");
        for dimension in [Dimension::Ip, Dimension::Country, Dimension::Port, Dimension::SenderDomain] {
            let total = page.ranking(dimension, Sort::Emails).await.unwrap().total;
            assert_eq!((total.emails, total.connections), (emails, connections), "{class:?} {dimension}");
        }
        let domains = page.ranking(Dimension::Domain, Sort::Emails).await.unwrap();
        assert_eq!(domains.rows.iter().map(|row| row.counts.recipients).sum::<u64>(), emails, "{class:?}");
        assert_eq!(page.records(RecordKind::Emails).await.unwrap().rows.len() as u64, emails, "{class:?}");
        assert_eq!(page.records(RecordKind::Deliveries).await.unwrap().rows.len() as u64, connections, "{class:?}");
        let series = statistics.series(&selection).await.unwrap();
        assert_eq!(series.quarters.iter().map(|quarter| quarter.emails).sum::<u64>(), emails, "{class:?}");
    }
    // Emails, connections and addresses of listeners with a factor and of those without.
    for (class, on, off) in
        [(Class::Abuse, (2, 1, 1), (1, 1, 1)), (Class::Tests, (3, 2, 2), (0, 0, 0)), (Class::All, (5, 2, 2), (1, 1, 1))]
    {
        let page = statistics.page(Selection { class, ..Selection::new(quarter()) }).await.unwrap();
        let comparison = page.comparison(Factor::ReleaseTests).await.unwrap();
        let counts = |side: statistics::Side| (side.emails, side.connections, side.ips);
        assert_eq!((counts(comparison.on), counts(comparison.off)), (on, off), "{class:?}");
        assert_eq!((comparison.on.probes, comparison.off.probes), (0, 1), "{class:?}");
    }
    for (name, class) in [("abuse", Class::Abuse), ("tests", Class::Tests), ("all", Class::All)] {
        assert_eq!(name.parse(), Ok(class));
    }
    assert!("spam".parse::<Class>().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_found_by_its_id_with_its_envelope_and_content() {
    let visits = vec![
        visit(1, 1, minute(1), &[("drop\x07@x.example", true), ("a@v.example", false)]),
        marked(visit(2, 2, minute(2), &[("other@x.example", true)])),
    ];
    let (_folder, statistics) = lake(visits).await;
    let snapshot = statistics.snapshot().await.unwrap();
    let listed = test_messages(&snapshot, quarter(), 10).await.unwrap();
    let [newest, first] = &listed[..] else { panic!("{listed:?}") };
    assert!(first.is_strong && first.sign == "dotted" && first.place == "subject");
    assert!(newest.is_marked && !first.is_marked);
    let found = test_message(&snapshot, &first.id).await.unwrap().unwrap();
    assert_eq!((&found, found.recipients[0].as_slice()), (first, &b"drop\x07@x.example"[..]));
    assert_eq!(found.reason, "the sensor's address in subject, dotted, its port beside it");
    assert_eq!(statistics::content(&snapshot, &found.sha256).await.unwrap().unwrap(), Email::example().content);
    for no_test in [found.id.replace("/0", "/1"), "'".into(), String::new()] {
        assert_eq!(test_message(&snapshot, &no_test).await.unwrap(), None, "{no_test}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_box_tells_its_sensors_and_sources_and_when_abuse_followed() {
    let elsewhere = |(visit, is_test)| (Visit { sensor: name("YY-01"), ..visit }, is_test);
    let visits = vec![
        visit(1, 1, minute(1), &[("v@v.example", false)]),
        visit(2, 1, minute(2), &[("drop@x.example", true)]),
        elsewhere(visit(3, 2, minute(3), &[("Drop@x.example", true)])),
        visit(4, 3, minute(4), &[("drop@x.example", false)]),
        visit(5, 2, minute(5), &[("v@v.example", false)]),
        visit(6, 4, minute(6), &[("quiet@x.example", true)]),
    ];
    let (_folder, statistics) = lake(visits).await;
    let snapshot = statistics.snapshot().await.unwrap();
    let sheet = dropboxes(&snapshot, quarter(), 10).await.unwrap();
    let mut json = Vec::new();
    sheet.write_json(&mut json).unwrap();
    let lines: Vec<serde_json::Value> =
        String::from_utf8(json).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [drop, quiet] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&drop["dropbox"], &drop["probes"]), (&"drop@x.example".into(), &2.into()));
    assert_eq!(
        (&drop["sensors"], &drop["sources"], &drop["sensor_names"]),
        (&2.into(), &2.into(), &"XX-01 YY-01".into())
    );
    // Abuse before the test is none that followed; the first after it went to the drop-box itself, two minutes later.
    assert_eq!((&drop["abused_at"], &drop["delay_seconds"]), (&minute(4).to_string().into(), &120.into()));
    assert!(quiet["abused_at"].is_null() && quiet["delay_seconds"].is_null());
}
