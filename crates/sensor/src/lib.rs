//! The decoy on real sockets: accepts connections, lets an engine of [`decoy`] talk, and writes what was caught to the
//! [`spool`].
//!
//! ```text
//! free seat ─► accept ─► seat taken ─► PROXY header? ─► conversation ◄─► socket
//! (permit)               (on disk)     (trusted peers    │ message ─► spool ─► "250"
//!                                       only)            ▼
//!                                                      one session ─► spool, seat given back
//! ```
//!
//! One accepted connection gives exactly one session, whatever happens: the seat is noted on disk before a byte is sent,
//! and a failure in an engine ends that connection alone.
//!
//! What this crate refuses to do: open a connection, send a datagram, resolve a name. It answers those who come. That the
//! kernel holds it to this is the work of the crate `confinement`, for the process that runs it.

mod clock;
mod connection;
mod crowd;
mod guesses;
mod handshake;
mod limits;
mod listen;
mod lists;
mod proxy_header;
mod syn;
mod tally;
mod terms;
mod tls;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use decoy::Persona;
use evidence::{Boot, Counter, Heartbeat, HeartbeatId, IpNet, Listening, SensorName, SessionId, Time};
use spool::{Recovery, Seal, Spool};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use clock::now;
pub use limits::{NETWORK_CONNECTIONS, OWN_FILES, raise_open_files};
pub use listen::{BindError, Listener, adopt, bind};
pub use terms::Terms;
pub use tls::Secret;

use crate::crowd::{Arrivals, Crowd};
use crate::guesses::Guesses;
use crate::lists::Lists;
use crate::tally::Tally;
use crate::tls::Certificates;

/// How often a sensor tells that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(60);

/// What a sensor is told.
#[derive(Debug, Clone)]
pub struct SensorConfig {
    pub name: SensorName,
    pub persona: Persona,
    /// The sensor's own, from which its certificate comes.
    pub secret: Secret,
    /// Peers whose PROXY protocol header is believed, and from whom one is demanded.
    pub trusted_balancers: Vec<IpNet>,
    /// The version in heartbeats.
    pub version: String,
    /// Closes the secrets that clients offer. Without it none is kept, only its length.
    pub seal: Option<Seal>,
    /// Whether this process is confined, as heartbeats tell it.
    pub confined: bool,
    /// The most connections of one network at once.
    pub network_connections: u32,
    /// The most connections that one network may make in a minute, if that is bounded.
    pub network_arrivals: Option<u32>,
    /// Where the role `ship` puts the block lists.
    pub lists: PathBuf,
}

/// Serves all listeners until told to stop; then every open connection is ended, and its session written.
pub async fn run(
    listeners: Vec<Listener>,
    config: SensorConfig,
    spool: Spool,
    recovery: Recovery,
    stop: CancellationToken,
) {
    let refuses_listed = listeners.iter().any(|listener| listener.door.terms.refuse_listed);
    let lists = Lists::new(refuses_listed.then(|| config.lists.clone()));
    lists.look();
    let sensor = Arc::new(Sensor {
        boot: spool.boot(),
        started_at: now(),
        ports: listeners.iter().map(|listener| listener.port).collect::<BTreeSet<_>>().into_iter().collect(),
        listening: listeners.iter().map(Listener::listening).collect(),
        lists,
        sessions: AtomicU64::new(0),
        heartbeats: AtomicU64::new(0),
        open: AtomicU64::new(0),
        body_bytes: AtomicUsize::new(0),
        guesses: Guesses::default(),
        networks: Arc::default(),
        arrivals: Arrivals::default(),
        certificates: Certificates::new(&config.persona, &config.secret),
        tally: Tally::default(),
        config,
        spool,
        stop,
    });
    sensor.tally.add(Counter::TornBytes, recovery.torn_bytes);
    sensor.tally.add(Counter::LostSessions, recovery.lost_sessions);
    let connections = TaskTracker::new();
    tokio::join!(
        listen::accept(listeners, Arc::clone(&sensor), connections.clone()),
        sensor.beat_until_stopped(),
        look_at_lists(&sensor)
    );
    connections.close();
    connections.wait().await;
    sensor.beat(true);
}

/// Keeps the block lists those of the file, where they are wanted.
async fn look_at_lists(sensor: &Arc<Sensor>) {
    if !sensor.lists.is_wanted() {
        return;
    }
    let mut looks = tokio::time::interval(lists::LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {
                let sensor = Arc::clone(sensor);
                // A large table takes a moment; no connection waits for it.
                _ = tokio::task::spawn_blocking(move || sensor.lists.look()).await;
            }
            () = sensor.stop.cancelled() => return,
        }
    }
}

/// What all connections share.
#[derive(Debug)]
struct Sensor {
    config: SensorConfig,
    boot: Boot,
    started_at: Time,
    ports: Vec<u16>,
    listening: Vec<Listening>,
    lists: Lists,
    spool: Spool,
    /// Connections accepted so far: the number of the last one.
    sessions: AtomicU64,
    heartbeats: AtomicU64,
    /// Connections open now.
    open: AtomicU64,
    /// Bytes of message bodies in memory.
    body_bytes: AtomicUsize,
    guesses: Guesses,
    /// Open connections by network.
    networks: Arc<Crowd>,
    arrivals: Arrivals,
    certificates: Certificates,
    tally: Tally,
    stop: CancellationToken,
}

impl Sensor {
    fn next_session(&self) -> SessionId {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        SessionId { sensor: self.config.name.clone(), boot: self.boot, number }
    }

    /// Closes a secret, if there is a seal.
    fn close_secret(&self, secret: &[u8]) -> Option<Vec<u8>> {
        self.config.seal.as_ref()?.close(secret)
    }

    fn trusts(&self, peer: IpAddr) -> bool {
        self.config.trusted_balancers.iter().any(|network| network.contains(&peer))
    }

    async fn beat_until_stopped(&self) {
        let mut minutes = tokio::time::interval(HEARTBEAT);
        minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = minutes.tick() => self.beat(false),
                () = self.stop.cancelled() => return,
            }
        }
    }

    fn beat(&self, last: bool) {
        let number = self.heartbeats.fetch_add(1, Ordering::Relaxed) + 1;
        self.tally.set(Counter::RecordsRetried, self.spool.retries());
        self.spool.beat(Heartbeat {
            id: HeartbeatId { sensor: self.config.name.clone(), boot: self.boot, number },
            at: now(),
            started_at: self.started_at,
            version: self.config.version.clone(),
            ports: self.ports.clone(),
            open: self.open.load(Ordering::Relaxed),
            counters: self.tally.read(),
            spool: self.spool.state(),
            clock: clock::state(),
            last,
            confined: Some(self.config.confined),
            listening: Some(self.listening.clone()),
            lists: self.lists.state(now()),
        });
    }
}
