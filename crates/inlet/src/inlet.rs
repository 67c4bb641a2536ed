//! All doors and taps, and the logs behind them.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket, UnixListener};
use tokio::sync::mpsc::Sender;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::doors::{Door, Doors, Tap};
use crate::journal::{Journal, logs, release};
use crate::secure::SecureError;
use crate::status::{Status, Tally};
use crate::writer::{self, Piece};
use crate::{policy, stream, udp};

/// Connections that the kernel holds until they are accepted; more are dropped, and tried again by their clients.
const BACKLOG: i32 = 4096;

/// The pause after an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What comes over sockets.
#[derive(Debug)]
pub struct Inlet {
    folder: PathBuf,
    tally: Arc<Tally>,
    udp: Vec<Arc<UdpSocket>>,
    addresses: Vec<SocketAddr>,
    tasks: TaskTracker,
    stop: CancellationToken,
    writer: JoinHandle<()>,
}

/// What all listeners share.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) doors: Doors,
    pub(crate) tally: Arc<Tally>,
    pub(crate) sender: Sender<Piece>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// The machine's name, as logs have it.
    pub(crate) host: String,
}

/// An inlet that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    #[error("{path}: {error}")]
    Folder { path: PathBuf, error: io::Error },
    #[error("cannot listen on {place}: {error}")]
    Listen { place: String, error: io::Error },
    #[error("tls:// needs certificate and key")]
    Insecure,
    #[error(transparent)]
    Secure(#[from] SecureError),
}

/// A socket that listens.
enum Listening {
    Udp(Arc<UdpSocket>),
    Stream(TcpListener, Option<TlsAcceptor>),
    Inet(TcpListener),
    Unix(UnixListener),
}

impl Inlet {
    /// Listens on all doors and taps until it is told to stop, and keeps what comes in logs of the folder. It is called within
    /// a runtime of tokio.
    ///
    /// # Errors
    /// When one of them cannot be listened on, or the folder not be written to; then nothing is listened on.
    pub fn open(folder: &Path, doors: Doors, stop: CancellationToken) -> Result<Self, OpenError> {
        let listening = bind(&doors)?;
        let failed = |error| OpenError::Folder { path: folder.to_owned(), error };
        let (journal, behind) = Journal::open(folder).map_err(failed)?;
        let (tally, tasks) = (Arc::new(Tally::default()), TaskTracker::new());
        tally.behind.store(behind, Ordering::Relaxed);
        let (sender, writer) = writer::start(journal, Arc::clone(&tally), stop.clone()).map_err(failed)?;
        let room =
            Room { doors, tally: Arc::clone(&tally), sender, stop: stop.clone(), tasks: tasks.clone(), host: host() };
        let room = Arc::new(room);
        let (mut udp, mut addresses) = (Vec::new(), Vec::new());
        for place in listening {
            addresses.extend(place.address());
            let room = Arc::clone(&room);
            match place {
                Listening::Udp(socket) => {
                    udp.push(Arc::clone(&socket));
                    tasks.spawn(udp::listen(socket, room));
                }
                Listening::Stream(listener, tls) => _ = tasks.spawn(stream::listen(listener, tls, room)),
                Listening::Inet(listener) => _ = tasks.spawn(policy::listen_inet(listener, room)),
                Listening::Unix(listener) => _ = tasks.spawn(policy::listen_unix(listener, room)),
            }
        }
        Ok(Self { folder: folder.to_owned(), tally, udp, addresses, tasks, stop, writer })
    }

    /// The addresses, with the ports that the kernel chose where it was left to it: of doors, then of taps.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The logs, to be followed. More come with new peers.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn logs(&self) -> io::Result<Vec<PathBuf>> {
        logs(&self.folder)
    }

    /// Lets go of what is kept elsewhere: a reader of this log has reached the file of this number (`st_ino`).
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn release(&self, log: &Path, reached: u64) -> io::Result<()> {
        let gone = release(log, reached)?;
        self.tally.behind.fetch_sub(gone, Ordering::Relaxed);
        Ok(())
    }

    pub fn status(&self) -> Status {
        self.tally.status(self.udp.iter().map(|socket| udp::dropped(socket)).sum())
    }

    /// Stops listening, reads what peers had sent as far as there is room, and writes it.
    pub async fn close(self) -> Status {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let dropped = self.status().dropped;
        // The last sender went with the tasks, so the thread ends.
        let ended = tokio::task::spawn_blocking(move || self.writer.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::error!("the writer of what comes over sockets has failed");
        }
        self.tally.status(dropped)
    }
}

impl Listening {
    fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr().ok(),
            Self::Stream(listener, _) | Self::Inet(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// What an accept that failed is followed by.
pub(crate) async fn pause(error: &io::Error) {
    tracing::warn!(%error, "accept fails");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

fn bind(doors: &Doors) -> Result<Vec<Listening>, OpenError> {
    let mut listening = Vec::new();
    for door in &doors.syslog {
        let failed = |error| OpenError::Listen { place: format!("{door:?}"), error };
        listening.push(match door {
            Door::Udp(address) => Listening::Udp(Arc::new(udp::bind(*address).map_err(failed)?)),
            Door::Tcp(address) => Listening::Stream(listener(*address).map_err(failed)?, None),
            Door::Tls(address) => {
                let config = doors.secure.as_ref().ok_or(OpenError::Insecure)?.config()?;
                let tls = TlsAcceptor::from(Arc::new(config));
                Listening::Stream(listener(*address).map_err(failed)?, Some(tls))
            }
        });
    }
    for tap in &doors.policy {
        let failed = |error| OpenError::Listen { place: format!("{tap:?}"), error };
        listening.push(match tap {
            Tap::Inet(address) => Listening::Inet(listener(*address).map_err(failed)?),
            Tap::Unix(path) => Listening::Unix(policy::bind(path).map_err(failed)?),
        });
    }
    Ok(listening)
}

/// Listens on an address. An IPv6 address takes IPv6 alone, so that `[::]` and `0.0.0.0` can stand side by side.
fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The machine's name up to its first dot, as syslog daemons write it.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let first = name.trim().split('.').next().unwrap_or_default();
    if first.is_empty() { "localhost".to_owned() } else { first.to_owned() }
}
