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
mod proxy_header;
mod syn;
mod tally;
mod tls;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use decoy::Persona;
use evidence::{Boot, Counter, Heartbeat, HeartbeatId, IpNet, SensorName, SessionId, Time};
use spool::{Recovery, Seal, Spool};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use clock::now;
pub use limits::{NETWORK_CONNECTIONS, OWN_FILES, raise_open_files};
pub use listen::{BindError, Listener, adopt, bind};
pub use tls::Secret;

use crate::crowd::{Arrivals, Crowd};
use crate::guesses::Guesses;
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
}

/// Serves all listeners until told to stop; then every open connection is ended, and its session written.
pub async fn run(
    listeners: Vec<Listener>,
    config: SensorConfig,
    spool: Spool,
    recovery: Recovery,
    stop: CancellationToken,
) {
    let sensor = Arc::new(Sensor {
        boot: spool.boot(),
        started_at: now(),
        ports: listeners.iter().map(|listener| listener.port).collect::<BTreeSet<_>>().into_iter().collect(),
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
    tokio::join!(listen::accept(listeners, Arc::clone(&sensor), connections.clone()), sensor.beat_until_stopped());
    connections.close();
    connections.wait().await;
    sensor.beat(true);
}

/// What all connections share.
#[derive(Debug)]
struct Sensor {
    config: SensorConfig,
    boot: Boot,
    started_at: Time,
    ports: Vec<u16>,
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
        });
    }
}
