//! The handle of a spool: what connections ask of it, and what they are given.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use evidence::{Boot, Heartbeat, Message, Session, SpoolState, Time};
use tokio::sync::{Semaphore, oneshot};

use crate::answers::Decisions;
use crate::recovery::{Recovery, SpoolError, lock_folder, next_boot, recover};
use crate::roster::{FreeSeat, Roster, TakenSeat, lock};
use crate::writer::{Aside, Asked, Command, SpoolConfig, Unasked, Writer};

/// The handle of a spool. Clones write to the same one.
#[derive(Debug, Clone)]
pub struct Spool {
    boot: Boot,
    roster: Arc<Roster>,
    seats: Arc<Semaphore>,
    state: Arc<Mutex<SpoolState>>,
    retries: Arc<AtomicU64>,
    aside: Arc<Aside>,
    commands: mpsc::Sender<Command>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Spool {
    /// Opens the spool of a folder, after putting in order what an earlier run left. `now` becomes the boot's number,
    /// unless an earlier boot had a greater one.
    ///
    /// # Panics
    /// Outside a Tokio runtime: that of those who store.
    pub fn open(config: SpoolConfig, now: Time) -> Result<(Self, Recovery), SpoolError> {
        let folder = config.folder.clone();
        let failed = |error| SpoolError::Io { path: folder.clone(), error };
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = lock_folder(&folder)?;
        let boot = next_boot(&folder, now).map_err(failed)?;
        let (lost, mut recovery) = recover(&folder, now).map_err(failed)?;
        recovery.lost_sessions = lost.len() as u64;
        let seats = config.seats;
        let (decisions, telling) = Decisions::new();
        let mut writer = Writer::new(config, boot, lock, decisions);
        // The lost sessions are durable before the roster that knew of them is replaced.
        writer.write_recovered(lost).map_err(failed)?;
        let roster = Roster::create(&folder, seats).map_err(failed)?;
        writer.roster = Some(Arc::clone(&roster));
        let (state, retries, aside) =
            (Arc::clone(&writer.state), Arc::clone(&writer.retries), Arc::clone(&writer.aside));
        let (commands, received) = mpsc::channel();
        let thread = std::thread::Builder::new().name("spool".into()).spawn(move || writer.run(&received));
        let thread = Arc::new(Mutex::new(Some(thread.map_err(failed)?)));
        tokio::spawn(telling);
        let seats = Arc::new(Semaphore::new(seats as usize));
        Ok((Self { boot, roster, seats, state, retries, aside, commands, writer: thread }, recovery))
    }

    pub fn boot(&self) -> Boot {
        self.boot
    }

    pub fn state(&self) -> SpoolState {
        *lock(&self.state)
    }

    /// How often records had to wait because the disk did not take them.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Leave to accept one more connection, if there is one now.
    pub fn seat_now(&self) -> Option<FreeSeat> {
        let permit = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        Some(FreeSeat { roster: Arc::clone(&self.roster), permit })
    }

    /// Waits until one more connection may be accepted.
    pub async fn free_seat(&self) -> FreeSeat {
        match Arc::clone(&self.seats).acquire_owned().await {
            Ok(permit) => FreeSeat { roster: Arc::clone(&self.roster), permit },
            Err(_) => unreachable!("the semaphore is never closed"),
        }
    }

    /// Writes a message: `true` once it is on disk, `false` when there is no room for it or the disk does not take it.
    pub async fn store(&self, seat: &TakenSeat, message: Box<Message>) -> bool {
        let (reply, stored) = oneshot::channel();
        let asked = Asked::new(message, seat.clone(), reply);
        self.commands.send(Command::Message(asked)).is_ok() && stored.await.unwrap_or(false)
    }

    /// Writes the session of a connection that has ended, soon or as soon as the disk takes it, and gives the seat back
    /// then.
    pub fn finish(&self, seat: TakenSeat, session: Session) {
        self.put_aside(Unasked::session(session, Some(seat)));
    }

    pub fn beat(&self, heartbeat: Heartbeat) {
        self.put_aside(Unasked::heartbeat(heartbeat));
    }

    /// Writes what waits, seals the segment and ends the writer.
    pub async fn close(self) {
        _ = self.commands.send(Command::Close);
        let thread = lock(&self.writer).take();
        if let Some(thread) = thread {
            _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    fn put_aside(&self, unasked: Unasked) {
        if self.aside.put(unasked) {
            // The writer ends only after `Close`, which comes last.
            _ = self.commands.send(Command::Aside);
        }
    }
}
