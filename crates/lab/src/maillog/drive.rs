//! Carries a plan out: all its sessions against a server that runs, in their order, as fast as the server takes them. Clients
//! of different addresses connect at the same time; those of one address one after another, so that the order of the server's
//! log is the order here.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::client::{Answer, play};
use super::plan::{Plan, Session};
use super::server::Running;

/// Connections at once.
const AT_ONCE: usize = 12;
/// How many sessions behind the next one may be begun before it, when its address is busy.
const AHEAD: usize = 200;
/// With more messages than this in the server's queue, no session is begun: what is late would tell of this machine, not
/// of the plan.
const CROWDED: usize = 150;
/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long the server may take to empty its queue in the end; what is left then has no end in the log.
const DRAIN_WITHIN: Duration = Duration::from_secs(120);

/// What happened to a session.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    /// A position in [`Plan::sessions`].
    pub(crate) session: usize,
    pub(crate) began: SystemTime,
    pub(crate) ended: SystemTime,
    pub(crate) answers: Vec<Answer>,
    /// Why it did not come to its end.
    pub(crate) broken: Option<String>,
}

/// Carries the plan out and returns what happened, in the order in which it began, and how many messages the server kept.
/// `progress` is told how many sessions are done.
pub(crate) fn drive(plan: &Plan, server: &Running, progress: &(dyn Fn(usize) + Sync)) -> (Vec<Ran>, usize) {
    let course = Course::new(plan.sessions.len());
    std::thread::scope(|scope| {
        scope.spawn(|| course.watch(server));
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| course.work(&plan.sessions))).collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            progress(course.done.load(Ordering::Relaxed));
            std::thread::sleep(Duration::from_millis(100));
        }
        progress(course.done.load(Ordering::Relaxed));
        course.over.store(true, Ordering::Relaxed);
    });
    let began = Instant::now();
    while server.queued() > 0 && began.elapsed() < DRAIN_WITHIN {
        std::thread::sleep(LOOK);
    }
    // The last lines are written after the last message has left the queue.
    std::thread::sleep(Duration::from_secs(1));
    (course.state.into_inner().unwrap_or_else(PoisonError::into_inner).ran, server.queued())
}

struct Course {
    state: Mutex<State>,
    changed: Condvar,
    queued: AtomicUsize,
    done: AtomicUsize,
    over: AtomicBool,
}

struct State {
    /// Sessions not yet begun, in their order.
    waiting: std::collections::VecDeque<usize>,
    busy: HashSet<IpAddr>,
    ran: Vec<Ran>,
}

impl Course {
    fn new(sessions: usize) -> Self {
        let state = State { waiting: (0..sessions).collect(), busy: HashSet::new(), ran: Vec::new() };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            queued: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, server: &Running) {
        while !self.over.load(Ordering::Relaxed) {
            self.queued.store(server.queued(), Ordering::Relaxed);
            std::thread::sleep(LOOK);
        }
    }

    fn work(&self, sessions: &[Session]) {
        while let Some((session, place)) = self.take(sessions) {
            let result = play(&sessions[session]);
            let mut state = self.lock();
            let ran = &mut state.ran[place];
            ran.ended = SystemTime::now();
            match result {
                Ok(answers) => ran.answers = answers,
                Err(error) => ran.broken = Some(error.to_string()),
            }
            state.busy.remove(&sessions[session].source);
            drop(state);
            self.changed.notify_all();
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The next session whose address is free; none when all have begun.
    fn take(&self, sessions: &[Session]) -> Option<(usize, usize)> {
        while self.queued.load(Ordering::Relaxed) > CROWDED {
            std::thread::sleep(LOOK);
        }
        let mut state = self.lock();
        loop {
            if state.waiting.is_empty() {
                return None;
            }
            let is_free = |session: &usize| !state.busy.contains(&sessions[*session].source);
            if let Some(place) = state.waiting.iter().take(AHEAD).position(is_free) {
                let session = state.waiting.remove(place)?;
                state.busy.insert(sessions[session].source);
                let now = SystemTime::now();
                state.ran.push(Ran { session, began: now, ended: now, answers: Vec::new(), broken: None });
                return Some((session, state.ran.len() - 1));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
