//! The way from a sensor's disk to the collector's, with real files and real sockets.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evidence::{Clock, Connection, End, EndOfData, Message, Protocol, Quirks, Record, Session, SessionId, Time};
use spool::{
    Authority, Identity, Inbox, Put, Recovery, SegmentId, Shipping, Spool, SpoolConfig, SpoolError, TakenSeat, receive,
    ship,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const NOW: Time = Time::from_micros(1_764_000_000_000_000);

fn config(folder: &Path) -> SpoolConfig {
    SpoolConfig {
        folder: folder.to_owned(),
        sensor: "XX-01".parse().unwrap(),
        limit: 64 * 1024 * 1024,
        seal_after: Duration::from_millis(20),
        seats: 100,
    }
}

fn connection(spool: &Spool, number: u64) -> Connection {
    Connection {
        id: SessionId { sensor: "XX-01".parse().unwrap(), boot: spool.boot(), number },
        accepted_at: NOW,
        source: "192.0.2.7:40112".parse().unwrap(),
        local: "198.51.100.1:25".parse().unwrap(),
        balancer: None,
        clock: Clock::default(),
        syn: None,
        factors: evidence::Factors::default(),
    }
}

fn message(connection: &Connection, ordinal: u32, content: Vec<u8>) -> Box<Message> {
    Box::new(Message {
        connection: connection.clone(),
        ordinal,
        accepted_at: NOW,
        path: vec![Protocol::Smtp],
        target: None,
        helo: None,
        sender: b"a@b".to_vec().into(),
        parameters: Vec::new().into(),
        recipients: vec![b"c@d".to_vec().into(), b"e@f".to_vec().into()],
        content: content.into(),
        unstuffed: Vec::new(),
        end_of_data: EndOfData::Standard,
        queue_id: "0".into(),
        quirks: Quirks::default(),
        user: None,
    })
}

fn session(connection: Connection, messages: u32) -> Session {
    Session {
        path: vec![Protocol::Smtp],
        messages,
        recipients: 2 * u64::from(messages),
        ..Session::bare(connection, NOW, End::Quit)
    }
}

async fn accept(spool: &Spool, number: u64) -> (TakenSeat, Connection) {
    let connection = connection(spool, number);
    (spool.free_seat().await.take(&connection), connection)
}

/// Everything in the sealed segments of a folder: what a collector would be sent.
fn records(folder: &Path) -> Vec<Record> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sealed"));
    paths.sort();
    paths.iter().flat_map(|path| spool::segment::read(&std::fs::read(path).unwrap()).unwrap().1).collect()
}

fn sessions(records: &[Record]) -> HashMap<String, (End, u32, u64)> {
    let mut sessions = HashMap::new();
    for record in records {
        if let Record::Session(session) = record {
            let told = (session.end, session.messages, session.recipients);
            assert!(sessions.insert(session.connection.id.to_string(), told).is_none(), "a session twice");
        }
    }
    sessions
}

/// What a folder looks like when the process is killed at this moment. When a file was sealed while others were copied, the
/// copy is begun anew, so that it is of one moment.
fn killed(folder: &Path) -> tempfile::TempDir {
    let names = || -> BTreeSet<PathBuf> { std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect() };
    loop {
        let copy = tempfile::tempdir().unwrap();
        let before = names();
        let copied = |path: &PathBuf| std::fs::copy(path, copy.path().join(path.file_name().unwrap())).is_ok();
        if before.iter().all(copied) && names() == before {
            return copy;
        }
    }
}

#[tokio::test]
async fn what_was_stored_is_read_back_in_order_and_seats_are_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, recovery) = Spool::open(SpoolConfig { seats: 1, ..config(folder.path()) }, NOW).unwrap();
    assert_eq!(recovery, Recovery::default());
    for number in 1..=3 {
        let (seat, connection) = accept(&spool, number).await;
        assert!(spool.store(&seat, message(&connection, 0, vec![b'x'; 5000])).await);
        spool.finish(seat, session(connection, 1));
    }
    spool.close().await;
    let records = records(folder.path());
    let kinds: String =
        records.iter().map(|record| if matches!(record, Record::Message(_)) { 'm' } else { 's' }).collect();
    assert_eq!(kinds, "msmsms");
}

#[tokio::test]
async fn a_second_sensor_cannot_write_to_the_same_spool() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(config(folder.path()), NOW).unwrap();
    assert!(matches!(Spool::open(config(folder.path()), NOW), Err(SpoolError::InUse(_))));
    spool.close().await;
    assert!(Spool::open(config(folder.path()), NOW).is_ok());
}

#[tokio::test]
async fn boots_are_numbered_upwards_also_when_the_clock_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut boots = Vec::new();
    for hours_back in [0, 1, 2] {
        let (spool, _) = Spool::open(config(folder.path()), NOW - Duration::from_secs(3600 * hours_back)).unwrap();
        boots.push(spool.boot());
        spool.close().await;
    }
    assert!(boots.is_sorted_by(|a, b| a < b), "{boots:?}");
}

#[tokio::test]
async fn after_a_kill_at_any_moment_every_answered_message_and_every_accepted_connection_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(config(folder.path()), NOW).unwrap();
    let mut answered = Vec::new();
    let mut open = Vec::new();
    for number in 1..=60_u64 {
        let (seat, connection) = accept(&spool, number).await;
        for ordinal in 0..(number % 3) as u32 {
            assert!(spool.store(&seat, message(&connection, ordinal, vec![b'x'; 300])).await);
            answered.push(format!("{}/{ordinal}", connection.id));
        }
        match number % 4 {
            0 => open.push(seat),
            _ => spool.finish(seat, session(connection, (number % 3) as u32)),
        }
        if number % 10 == 0 {
            let copy = killed(folder.path());
            let (after, recovery) = Spool::open(config(copy.path()), NOW).unwrap();
            after.close().await;
            let records = records(copy.path());
            let mut kept: Vec<_> = records
                .iter()
                .filter_map(|record| match record {
                    Record::Message(message) => Some(message.id().to_string()),
                    _ => None,
                })
                .collect();
            kept.sort();
            let mut expected = answered.clone();
            expected.sort();
            assert_eq!(kept, expected, "after {number}");
            let told = sessions(&records);
            assert_eq!(told.len() as u64, number, "after {number}");
            let lost = told.values().filter(|(end, ..)| *end == End::Lost).count() as u64;
            assert_eq!(lost, recovery.lost_sessions);
            assert!(lost >= open.len() as u64);
            for (id, (_, messages, recipients)) in told {
                let number: u64 = id.rsplit('/').next().unwrap().parse().unwrap();
                assert_eq!((u64::from(messages), recipients), (number % 3, 2 * (number % 3)), "{id}");
            }
        }
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let slow = SpoolConfig { seal_after: Duration::from_secs(60), ..config(folder.path()) };
    let (spool, _) = Spool::open(slow, NOW).unwrap();
    let (seat, connection) = accept(&spool, 1).await;
    assert!(spool.store(&seat, message(&connection, 0, b"whole".to_vec())).await);
    let copy = killed(folder.path());
    let open = std::fs::read_dir(copy.path()).unwrap().map(|entry| entry.unwrap().path());
    let open = open.into_iter().find(|path| path.extension().is_some_and(|e| e == "open")).unwrap();
    let mut bytes = std::fs::read(&open).unwrap();
    bytes.extend_from_slice(b"\x40\0\0\0torn");
    std::fs::write(&open, bytes).unwrap();
    let (after, recovery) = Spool::open(config(copy.path()), NOW).unwrap();
    after.close().await;
    assert_eq!(recovery, Recovery { lost_sessions: 1, torn_bytes: 8, segments: 1 });
    assert_eq!(records(copy.path()).len(), 2);
    drop((seat, spool));
}

#[tokio::test]
async fn a_full_spool_refuses_messages_keeps_sessions_and_takes_messages_again_when_it_was_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let small = SpoolConfig { limit: 256 * 1024, ..config(folder.path()) };
    let (spool, _) = Spool::open(small, NOW).unwrap();
    let (seat, connection) = accept(&spool, 1).await;
    let mut stored = 0;
    while spool.store(&seat, message(&connection, stored, vec![b'x'; 10_000])).await {
        stored += 1;
    }
    assert!((18..20).contains(&stored), "{stored} messages of 10 kB in 192 KiB");
    spool.finish(seat, session(connection, stored));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sessions(&records(folder.path())).len(), 1, "the session found room");
    assert!(spool.state().bytes > 180_000);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sealed") {
            std::fs::remove_file(path).unwrap();
        }
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let (seat, connection) = accept(&spool, 2).await;
    assert!(spool.store(&seat, message(&connection, 0, vec![b'x'; 10_000])).await, "there is room again");
    spool.finish(seat, session(connection, 1));
    spool.close().await;
}

#[tokio::test]
async fn however_much_comes_at_once_every_segment_is_one_that_the_collector_reads() {
    let folder = tempfile::tempdir().unwrap();
    let roomy = SpoolConfig {
        limit: 1024 * 1024 * 1024,
        seal_after: Duration::from_secs(60),
        seats: 4000,
        ..config(folder.path())
    };
    let (spool, _) = Spool::open(roomy, NOW).unwrap();
    let mut number = 0;
    for _ in 0..4 {
        let mut storing = Vec::new();
        for size in [7_950_000, 3_900_000, 10_200_000, 12_000_000] {
            number += 1;
            let (seat, connection) = accept(&spool, number).await;
            let (spool, message) = (spool.clone(), message(&connection, 0, vec![b'x'; size]));
            storing.push(tokio::spawn(async move {
                let stored = spool.store(&seat, message).await;
                spool.finish(seat, session(connection, 1));
                stored
            }));
        }
        for stored in storing {
            assert!(stored.await.unwrap());
        }
        for _ in 0..500 {
            number += 1;
            let (seat, connection) = accept(&spool, number).await;
            spool.finish(seat, session(connection, 0));
        }
    }
    spool.close().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let length = entry.metadata().unwrap().len();
        assert!(length <= spool::segment::MAX_SEGMENT as u64, "{}: {length} bytes", entry.path().display());
    }
    let records = records(folder.path());
    assert_eq!(records.iter().filter(|record| matches!(record, Record::Message(_))).count(), 16);
    assert_eq!(sessions(&records).len(), 2016);
}

struct Collector {
    inbox: Arc<Mutex<Inbox>>,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    identities: tempfile::TempDir,
}

impl Collector {
    async fn start() -> Self {
        let identities = tempfile::tempdir().unwrap();
        let authority = Authority::open(&identities.path().join("authority")).unwrap();
        authority.issue_collector(&identities.path().join("collector")).unwrap();
        for sensor in ["XX-01", "XX-02"] {
            authority.issue_sensor(&sensor.parse().unwrap(), &identities.path().join(sensor)).unwrap();
        }
        let inbox = Inbox::open(&identities.path().join("inbox"), 0).unwrap();
        let inbox = Arc::new(Mutex::new(inbox));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let identity = Identity::read(&identities.path().join("collector")).unwrap();
        tokio::spawn(receive(listener, identity, Arc::clone(&inbox), || {}, || None, stop.clone()));
        Self { inbox, address, stop, identities }
    }

    /// Ships a folder as `sensor`, with the identity of `identity`, until `done`.
    async fn ship(&self, folder: &Path, sensor: &str, identity: &str, done: impl Fn() -> bool) {
        let shipping = Shipping {
            folder: folder.to_owned(),
            sensor: sensor.parse().unwrap(),
            collector: self.address,
            identity: Identity::read(&self.identities.path().join(identity)).unwrap(),
            lists: None,
        };
        let stop = CancellationToken::new();
        let shipper = tokio::spawn(ship(shipping, stop.clone()));
        for _ in 0..200 {
            if done() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(done(), "shipping took more than four seconds");
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(1), shipper).await.ok();
    }

    fn records(&self) -> Vec<Record> {
        let arrivals = self.inbox.lock().unwrap().list().unwrap();
        arrivals.iter().flat_map(|arrival| arrival.read().unwrap().0).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn filled_spool(messages: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(config(folder.path()), NOW).unwrap();
    for number in 1..=messages {
        let (seat, connection) = accept(&spool, number).await;
        assert!(spool.store(&seat, message(&connection, 0, format!("message {number}").into_bytes())).await);
        spool.finish(seat, session(connection, 1));
    }
    spool.close().await;
    folder
}

fn sealed(folder: &Path) -> usize {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "sealed")).count()
}

#[tokio::test]
async fn segments_arrive_whole_in_order_and_are_deleted_after_the_acknowledgement() {
    let (collector, spool) = (Collector::start().await, filled_spool(20).await);
    let expected = records(spool.path());
    collector.ship(spool.path(), "XX-01", "XX-01", || sealed(spool.path()) == 0).await;
    assert_eq!(collector.records(), expected);
}

#[tokio::test]
async fn a_segment_that_comes_again_is_known_and_not_kept_twice() {
    let (collector, spool) = (Collector::start().await, filled_spool(3).await);
    let path = std::fs::read_dir(spool.path()).unwrap().map(|entry| entry.unwrap().path());
    let path = path.into_iter().find(|path| path.extension().is_some_and(|e| e == "sealed")).unwrap();
    let again = std::fs::read(&path).unwrap();
    collector.ship(spool.path(), "XX-01", "XX-01", || sealed(spool.path()) == 0).await;
    let before = collector.records();
    std::fs::write(&path, again).unwrap();
    collector.ship(spool.path(), "XX-01", "XX-01", || sealed(spool.path()) == 0).await;
    assert_eq!(collector.records(), before);
}

#[tokio::test]
async fn a_sensor_cannot_ship_under_the_name_of_another() {
    let (collector, spool) = (Collector::start().await, filled_spool(1).await);
    let waiting = sealed(spool.path());
    let began = std::time::Instant::now();
    collector.ship(spool.path(), "XX-01", "XX-02", || began.elapsed() > Duration::from_millis(600)).await;
    assert_eq!(collector.records(), []);
    assert_eq!(sealed(spool.path()), waiting, "nothing is lost: the segments wait for the right identity");
}

#[tokio::test]
async fn a_peer_of_another_authority_is_turned_away() {
    let (collector, spool) = (Collector::start().await, filled_spool(1).await);
    let stranger = Authority::open(&collector.identities.path().join("stranger")).unwrap();
    stranger.issue_sensor(&"XX-01".parse().unwrap(), &collector.identities.path().join("false")).unwrap();
    let began = std::time::Instant::now();
    collector.ship(spool.path(), "XX-01", "false", || began.elapsed() > Duration::from_millis(600)).await;
    assert_eq!(collector.records(), []);
}

#[tokio::test]
async fn a_garbled_segment_is_refused_set_aside_and_does_not_hold_up_the_next() {
    let (collector, spool) = (Collector::start().await, filled_spool(2).await);
    let garbled = spool.path().join("00000000000000000001-0000000001.sealed");
    std::fs::write(&garbled, b"this is no segment").unwrap();
    let expected = records_without(spool.path(), &garbled);
    collector.ship(spool.path(), "XX-01", "XX-01", || sealed(spool.path()) == 0).await;
    assert!(garbled.with_extension("refused").exists());
    assert_eq!(collector.records(), expected);
}

fn records_without(folder: &Path, garbled: &Path) -> Vec<Record> {
    let bytes = std::fs::read(garbled).unwrap();
    std::fs::remove_file(garbled).unwrap();
    let records = records(folder);
    std::fs::write(garbled, bytes).unwrap();
    records
}

#[tokio::test]
async fn an_inbox_that_is_opened_again_remembers_what_it_had_and_what_the_lake_has() {
    let (collector, spool) = (Collector::start().await, filled_spool(30).await);
    collector.ship(spool.path(), "XX-01", "XX-01", || sealed(spool.path()) == 0).await;
    let arrivals = collector.inbox.lock().unwrap().list().unwrap();
    let packed: Vec<_> = arrivals.iter().map(|arrival| std::fs::read(&arrival.path).unwrap()).collect();
    let folder = arrivals[0].path.parent().unwrap();
    // The collector died after the lake had taken the first.
    let mut again = Inbox::open(folder, arrivals[0].number).unwrap();
    assert_eq!(again.list().unwrap(), arrivals[1..]);
    for (arrival, packed) in arrivals.iter().zip(&packed) {
        assert_eq!(again.put(&arrival.id, packed).unwrap(), Put::Known);
    }
    let last = arrivals.last().unwrap();
    again.take(last.number).unwrap();
    assert_eq!(again.list().unwrap(), []);
    // Nothing waits; what was had is known all the same, and numbers go on.
    let mut empty = Inbox::open(folder, last.number).unwrap();
    assert_eq!(empty.put(&last.id, packed.last().unwrap()).unwrap(), Put::Known);
    let other = SegmentId { sequence: last.id.sequence + 9, ..last.id.clone() };
    assert!(empty.put(&other, &packed[0]).is_err(), "a segment must be the one it says");
    assert!(empty.put(&other, b"garbage").is_err());
}

#[tokio::test]
async fn an_inbox_whose_files_are_gone_counts_on_from_the_lake() {
    let folder = tempfile::tempdir().unwrap();
    let mut inbox = Inbox::open(folder.path(), 41).unwrap();
    let spool = tempfile::tempdir().unwrap();
    let (writer, _) = Spool::open(config(spool.path()), NOW).unwrap();
    let id = SegmentId { sensor: "XX-01".parse().unwrap(), boot: writer.boot(), sequence: 1 };
    drop(writer);
    assert!(inbox.put(&id, b"garbage").is_err());
    assert_eq!(Inbox::open(folder.path(), 41).unwrap().list().unwrap(), []);
}
