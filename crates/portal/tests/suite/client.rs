//! A portal under test, and a client that sees the bytes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lake::Rows;
use portal::{PortalConfig, PortalError};
use specimen::Visit;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{append, made_up};

/// Numbers of commits after those of the lake's making.
static NEXT: AtomicU64 = AtomicU64::new(1_000);

/// A request that takes longer is named in the output of a test that fails.
const SLOW: Duration = Duration::from_secs(5);

pub(crate) struct Portal {
    folder: TempDir,
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<Result<(), PortalError>>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Portal {
    /// A portal over a lake of visits.
    pub(crate) async fn over(visits: impl IntoIterator<Item = Visit>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        made_up::fill(&folder.path().join("lake"), visits.into_iter(), &made_up::heartbeats()).await;
        Self::start(folder).await
    }

    pub(crate) async fn without_lake() -> Self {
        Self::start(tempfile::tempdir().unwrap()).await
    }

    async fn start(folder: TempDir) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let config = PortalConfig { lake: folder.path().join("lake") };
        let task = tokio::spawn(portal::run(listener, config, stop.clone()));
        Self { folder, address, stop, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn append(&self, visits: impl IntoIterator<Item = Visit>) {
        let mut rows = Rows::default();
        for visit in visits {
            let evidence = visit.evidence();
            rows.sessions.push(evidence.session);
            rows.messages.extend(evidence.messages);
        }
        self.append_rows(rows).await;
    }

    pub(crate) async fn append_rows(&self, rows: Rows) {
        append(&self.lake(), rows, NEXT.fetch_add(1, Ordering::Relaxed)).await;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let host = if headers.iter().any(|(name, _)| *name == "host") { "" } else { "host: localhost\r\n" };
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("{method} {path} HTTP/1.1\r\n{host}{headers}connection: close\r\n\r\n");
        let (address, started) = (self.address, Instant::now());
        let answer = tokio::task::spawn_blocking(move || exchange(address, &request)).await.unwrap();
        if started.elapsed() > SLOW {
            eprintln!("slow: {path} took {:?} and was answered {}", started.elapsed(), answer.status);
        }
        answer
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}
