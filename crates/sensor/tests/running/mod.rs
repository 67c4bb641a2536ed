//! A sensor in this process, on real sockets of the loopback, and what its spool holds afterwards.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use decoy::Persona;
use evidence::{Counter, Heartbeat, Message, Record, Session};
use sensor::{Listener, SensorConfig, Terms, bind, now};
use spool::{Spool, SpoolConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct Running {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) mail: SocketAddr,
    pub(crate) sniffing: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
    pub(crate) spool: Spool,
}

/// What a sensor left behind.
#[derive(Default)]
pub(crate) struct Caught {
    pub(crate) sessions: Vec<Session>,
    pub(crate) messages: Vec<Message>,
    pub(crate) heartbeats: Vec<Heartbeat>,
}

pub(crate) fn start(trusted: &str, seats: u32, limit: u64) -> Running {
    start_on("127.0.0.1:0", trusted, seats, limit)
}

pub(crate) fn start_on(address: &str, trusted: &str, seats: u32, limit: u64) -> Running {
    start_with(address, trusted, seats, limit, (u32::MAX, None))
}

pub(crate) fn start_on_terms(terms: Terms, address: &str, trusted: &str, seats: u32, limit: u64) -> Running {
    start_as(address, trusted, seats, limit, (u32::MAX, None), terms)
}

/// With bounds for networks: connections at once, and arrivals in a minute.
pub(crate) fn start_with(
    address: &str,
    trusted: &str,
    seats: u32,
    limit: u64,
    networks: (u32, Option<u32>),
) -> Running {
    start_as(address, trusted, seats, limit, networks, Terms::default())
}

fn start_as(
    address: &str,
    trusted: &str,
    seats: u32,
    limit: u64,
    (network_connections, network_arrivals): (u32, Option<u32>),
    terms: Terms,
) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let listener = |manner| bind(address.parse().unwrap(), manner).unwrap().on_terms(terms);
    let listeners: Vec<Listener> =
        vec![listener(decoy::Listener::smtp()), listener(decoy::Listener::sniffing(Some(Duration::from_millis(300))))];
    let (mail, sniffing) = (listeners[0].address().unwrap(), listeners[1].address().unwrap());
    let name: evidence::SensorName = "XX-01".parse().unwrap();
    let config = SpoolConfig {
        folder: folder.path().to_owned(),
        sensor: name.clone(),
        limit,
        seal_after: Duration::from_secs(60),
        seats,
    };
    let (spool, recovery) = Spool::open(config, now()).unwrap();
    let trusted_balancers = trusted.split_whitespace().map(|network| network.parse().unwrap()).collect();
    let config = SensorConfig {
        name,
        persona: Persona::built_in("mx.example.net"),
        secret: sensor::Secret::new([7; 32]),
        trusted_balancers,
        version: "test".into(),
        seal: None,
        confined: false,
        network_connections,
        network_arrivals,
        lists: folder.path().join("lists"),
    };
    let stop = CancellationToken::new();
    let task = tokio::spawn(sensor::run(listeners, config, spool.clone(), recovery, stop.clone()));
    Running { folder, mail, sniffing, stop, task, spool }
}

impl Running {
    pub(crate) async fn stop(self) -> Caught {
        self.stop.cancel();
        self.task.await.unwrap();
        self.spool.close().await;
        read(self.folder.path())
    }
}

pub(crate) fn read(folder: &Path) -> Caught {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sealed"));
    paths.sort();
    let mut caught = Caught::default();
    for path in paths {
        for record in spool::segment::read(&std::fs::read(path).unwrap()).unwrap().1 {
            match record {
                Record::Session(session) => caught.sessions.push(*session),
                Record::Message(message) => caught.messages.push(*message),
                Record::Heartbeat(heartbeat) => caught.heartbeats.push(*heartbeat),
            }
        }
    }
    caught.sessions.sort_by_key(|session| session.connection.id.number);
    caught
}

impl Caught {
    pub(crate) fn counter(&self, counter: Counter) -> u64 {
        self.heartbeats.last().unwrap().counters.get(counter)
    }
}

/// Sends bytes and reads until what came holds `awaited`.
pub(crate) async fn talk(stream: &mut TcpStream, bytes: &[u8], awaited: &str) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    let hearing = async {
        while !String::from_utf8_lossy(&heard).contains(awaited) {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "closed after {:?}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&piece[..length]);
        }
    };
    tokio::time::timeout(Duration::from_secs(5), hearing).await.expect("an answer within five seconds");
    String::from_utf8(heard).unwrap()
}

pub(crate) const MAIL: &[u8] = b"HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\n";
