//! One block list: its queue, its pace, its test, its memory.

use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::memory::Memory;
use crate::question::{Verdict, ask};

/// Most addresses that wait to be asked for. More are not asked for now; they are when they are seen again.
const WAITING: usize = 10_000;

/// The pause after a failure: doubled each time, within these bounds.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How often a list is tested.
const TEST_EVERY: Duration = Duration::from_secs(3600);

/// What every list of addresses has, and what none has (RFC 5782, section 5).
const ALWAYS_LISTED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const NEVER_LISTED: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The shortest time for which a listing is believed, whatever the list says: no address is asked for all the time.
const SHORTEST_HOLD: Duration = Duration::from_secs(60);

/// A list, and how to ask it.
#[derive(Debug, Clone)]
pub struct ZoneConfig {
    /// Its name in the DNS.
    pub zone: String,
    /// Who is asked.
    pub resolver: SocketAddr,
    /// How long an answer is remembered: a listing for the time that the list gives, but no longer than this.
    pub hold: Duration,
    /// Most questions a second.
    pub per_second: u32,
}

/// A list that is asked.
#[derive(Debug)]
pub struct Zone {
    config: ZoneConfig,
    waiting: Mutex<Waiting>,
    memory: Mutex<Memory>,
    wake: Notify,
    /// Whether the list passed its last test.
    good: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<IpAddr>,
    all: HashSet<IpAddr>,
}

impl Zone {
    pub fn new(config: ZoneConfig) -> Self {
        Self {
            config,
            waiting: Mutex::default(),
            memory: Mutex::default(),
            wake: Notify::new(),
            good: AtomicBool::new(false),
        }
    }

    pub fn name(&self) -> &str {
        &self.config.zone
    }

    /// Has an address asked for, unless enough is known of it or too many wait. Returns at once.
    pub fn want(&self, address: IpAddr) {
        if !lock(&self.memory).wants_asking(address, Instant::now()) {
            return;
        }
        let mut waiting = lock(&self.waiting);
        if waiting.all.len() < WAITING && waiting.all.insert(address) {
            waiting.order.push_back(address);
            self.wake.notify_one();
        }
    }

    /// What the list says of an address; `None` while that is not known, or the list fails its test.
    pub fn about(&self, address: IpAddr) -> Option<Verdict> {
        let memory = lock(&self.memory);
        memory.about(address, Instant::now()).filter(|_| self.good.load(Ordering::Relaxed)).cloned()
    }

    /// Who is listed, with the reasons.
    pub fn listed(&self) -> Vec<(IpAddr, String)> {
        lock(&self.memory).listed(Instant::now())
    }

    /// Remembers a listing from an earlier run, for at most this long.
    pub fn recall(&self, address: IpAddr, reason: &str, holds: Duration) {
        let verdict = Verdict::Listed { reason: reason.to_owned() };
        lock(&self.memory).remember(address, verdict, Instant::now(), holds.min(self.config.hold));
    }

    /// Asks for what is wanted, until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = self.ask_on() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn ask_on(&self) {
        let mut pause = FIRST_PAUSE;
        let mut tested: Option<Instant> = None;
        loop {
            let done = if tested.is_none_or(|at| at.elapsed() >= TEST_EVERY) {
                self.test().await.map(|()| tested = Some(Instant::now()))
            } else {
                let address = self.next().await;
                self.ask_for(address).await
            };
            match done {
                Ok(()) => pause = FIRST_PAUSE,
                Err(failure) => {
                    tracing::warn!(
                        zone = self.config.zone,
                        failure,
                        pause_s = pause.as_secs(),
                        "a block list gives no answer"
                    );
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// The next address that is wanted, when it is time for a question.
    async fn next(&self) -> IpAddr {
        loop {
            if let Some(address) = lock(&self.waiting).order.front() {
                return *address;
            }
            self.wake.notified().await;
        }
    }

    /// Asks for an address. Without an answer it waits again, behind the others.
    async fn ask_for(&self, address: IpAddr) -> Result<(), String> {
        let began = Instant::now();
        let (verdict, holds) = match ask(self.config.resolver, &self.config.zone, address).await {
            Ok(answer) => answer,
            Err(failure) => {
                lock(&self.waiting).order.rotate_left(1);
                return Err(failure.to_string());
            }
        };
        let holds =
            holds.map_or(self.config.hold, |holds| holds.clamp(SHORTEST_HOLD.min(self.config.hold), self.config.hold));
        lock(&self.memory).remember(address, verdict, Instant::now(), holds);
        {
            let mut waiting = lock(&self.waiting);
            waiting.order.pop_front();
            waiting.all.remove(&address);
        }
        sleep_until(began + Duration::from_secs(1) / self.config.per_second.max(1)).await;
        Ok(())
    }

    /// Asks for what every list has and for what none has. What a list says that fails is forgotten.
    async fn test(&self) -> Result<(), String> {
        let (resolver, zone) = (self.config.resolver, &self.config.zone);
        let mut verdicts = Vec::new();
        for address in [ALWAYS_LISTED, NEVER_LISTED] {
            // No answer says nothing against what is known: it runs out by itself.
            let (verdict, _) = ask(resolver, zone, address).await.map_err(|failure| failure.to_string())?;
            verdicts.push(verdict != Verdict::Unlisted);
        }
        if verdicts == [true, false] {
            if !self.good.swap(true, Ordering::Relaxed) {
                tracing::info!(zone, %resolver, "a block list passed its test and is asked");
            }
            return Ok(());
        }
        self.good.store(false, Ordering::Relaxed);
        lock(&self.memory).forget_all();
        Err(format!("it fails its test: {ALWAYS_LISTED} must be listed and {NEVER_LISTED} must not"))
    }
}

/// Locks what no failure elsewhere can leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
