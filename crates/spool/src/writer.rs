//! The writing end: one thread appends what all connections bring, and syncs it for all of them at once.
//!
//! A message is answered when it is on disk ([`Spool::store`]); sessions and heartbeats ride along and are kept in memory
//! until the disk takes them. Room for them is kept back from messages, so that a full spool still says why it is full.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evidence::{Boot, Connection, Heartbeat, Message, Record, SensorName, Session, SessionId, SpoolState, Time};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::frame;
use crate::roster::{Lost, Roster, Seat};
use crate::segment::{self, FileName, SegmentId, Stage};

/// Most bytes that are written in one go; more wait for the next group.
const GROUP: usize = 4 * 1024 * 1024;

/// How long a group is gathered when several connections are open, so that one sync serves many of them. A message waits
/// that much longer for its answer; one that comes alone does not.
const GATHER: Duration = Duration::from_micros(400);

/// With more segments than this waiting for the collector, a segment is sealed for its age only after [`LONG_AGE`]: a
/// collector that is away for days shall not meet a million files.
const BACKLOG: u64 = 64;
const LONG_AGE: Duration = Duration::from_secs(60);

/// Room that messages leave to sessions and heartbeats: a sixteenth of the limit, within these bounds.
const RESERVE: std::ops::RangeInclusive<u64> = 64 * 1024..=8 * 1024 * 1024;

/// How long records wait before the disk is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// How often the folder is looked at for segments that were shipped and deleted.
const LOOK: Duration = Duration::from_secs(1);

/// How a spool is kept.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    pub folder: PathBuf,
    pub sensor: SensorName,
    /// The most bytes that segments may take. Beyond it messages are refused.
    pub limit: u64,
    /// The age at which a segment is sealed, if it is not full before.
    pub seal_after: Duration,
    /// The most connections that are open at once.
    pub seats: u32,
}

/// What the start found of the run before.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Sessions of connections that were open when the sensor died.
    pub lost_sessions: u64,
    /// Bytes cut off torn segments.
    pub torn_bytes: u64,
    /// Segments that its writer had left open.
    pub segments: u64,
}

/// A spool that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    #[error("{0}: another sensor writes to this spool")]
    InUse(PathBuf),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// The handle of a spool. Clones write to the same one.
#[derive(Debug, Clone)]
pub struct Spool {
    boot: Boot,
    roster: Arc<Roster>,
    seats: Arc<Semaphore>,
    state: Arc<Mutex<SpoolState>>,
    retries: Arc<AtomicU64>,
    commands: mpsc::Sender<Command>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// Leave to accept one connection.
#[derive(Debug)]
pub struct FreeSeat {
    roster: Arc<Roster>,
    permit: OwnedSemaphorePermit,
}

/// The seat of an open connection, with the leave that it uses up.
#[derive(Debug, Clone)]
pub struct TakenSeat {
    seat: Arc<Seat>,
    _permit: Arc<OwnedSemaphorePermit>,
}

enum Command {
    Message { payload: Vec<u8>, seat: TakenSeat, note: SeatNote, reply: oneshot::Sender<bool> },
    Unasked(Unasked),
    Close,
}

struct SeatNote {
    path: Vec<evidence::Protocol>,
    recipients: u64,
}

/// A record that nobody waits for: a session, whose seat is cleared when it is written, or a heartbeat.
struct Unasked {
    payload: Vec<u8>,
    seat: Option<TakenSeat>,
}

impl Spool {
    /// Opens the spool of a folder, after putting in order what an earlier run left. `now` becomes the boot's number,
    /// unless an earlier boot had a greater one.
    pub fn open(config: SpoolConfig, now: Time) -> Result<(Self, Recovery), SpoolError> {
        let folder = config.folder.clone();
        let failed = |error| SpoolError::Io { path: folder.clone(), error };
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = lock_folder(&folder)?;
        let boot = next_boot(&folder, now).map_err(failed)?;
        let (lost, mut recovery) = recover(&folder, now).map_err(failed)?;
        let (commands, received) = mpsc::channel();
        let state = Arc::new(Mutex::new(SpoolState { limit: config.limit, ..SpoolState::default() }));
        let retries = Arc::new(AtomicU64::new(0));
        let mut writer = Writer {
            _lock: lock,
            id: SegmentId { sensor: config.sensor.clone(), boot, sequence: 0 },
            open: None,
            waiting: VecDeque::new(),
            looked: None,
            sealed: (0, 0),
            roster: None,
            state: Arc::clone(&state),
            retries: Arc::clone(&retries),
            buffer: Vec::new(),
            config,
        };
        recovery.lost_sessions = lost.len() as u64;
        // The lost sessions are durable before the roster that knew of them is replaced.
        writer.write_recovered(lost).map_err(failed)?;
        let roster = Roster::create(&folder, writer.config.seats).map_err(failed)?;
        writer.roster = Some(Arc::clone(&roster));
        let seats = Arc::new(Semaphore::new(writer.config.seats as usize));
        let thread = std::thread::Builder::new().name("spool".into()).spawn(move || writer.run(&received));
        let thread = Arc::new(Mutex::new(Some(thread.map_err(failed)?)));
        Ok((Self { boot, roster, seats, state, retries, commands, writer: thread }, recovery))
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

    /// Waits until one more connection may be accepted.
    pub async fn free_seat(&self) -> FreeSeat {
        match Arc::clone(&self.seats).acquire_owned().await {
            Ok(permit) => FreeSeat { roster: Arc::clone(&self.roster), permit },
            Err(_) => unreachable!("the semaphore is never closed"),
        }
    }

    /// Writes a message: `true` once it is on disk, `false` when there is no room for it or the disk does not take it.
    pub async fn store(&self, seat: &TakenSeat, message: Box<Message>) -> bool {
        let note = SeatNote { path: message.path.clone(), recipients: message.recipients.len() as u64 };
        let payload = Record::Message(message).encode();
        let (reply, stored) = oneshot::channel();
        let command = Command::Message { payload, seat: seat.clone(), note, reply };
        self.commands.send(command).is_ok() && stored.await.unwrap_or(false)
    }

    /// Writes the session of a connection that has ended, at once or as soon as the disk takes it, and gives the seat back
    /// then.
    pub fn finish(&self, seat: TakenSeat, session: Session) {
        let payload = Record::Session(Box::new(session)).encode();
        self.send(Unasked { payload, seat: Some(seat) });
    }

    pub fn beat(&self, heartbeat: Heartbeat) {
        self.send(Unasked { payload: Record::Heartbeat(Box::new(heartbeat)).encode(), seat: None });
    }

    /// Writes what waits, seals the segment and ends the writer.
    pub async fn close(self) {
        _ = self.commands.send(Command::Close);
        let thread = lock(&self.writer).take();
        if let Some(thread) = thread {
            _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    fn send(&self, unasked: Unasked) {
        // The writer ends only after `Close`, which comes last.
        _ = self.commands.send(Command::Unasked(unasked));
    }
}

impl FreeSeat {
    /// Notes an accepted connection, before anything is sent to its peer.
    pub fn take(self, connection: &Connection) -> TakenSeat {
        match self.roster.take(connection) {
            Some(seat) => TakenSeat { seat: Arc::new(seat), _permit: Arc::new(self.permit) },
            None => unreachable!("there are as many seats as permits"),
        }
    }
}

impl TakenSeat {
    /// Notes better facts of the connection: whom a load balancer presented.
    pub fn identify(&self, connection: &Connection) {
        self.seat.identify(connection);
    }
}

struct Writer {
    config: SpoolConfig,
    /// Held for as long as the spool is open.
    _lock: File,
    /// The segment written last.
    id: SegmentId,
    open: Option<OpenSegment>,
    waiting: VecDeque<Unasked>,
    looked: Option<Instant>,
    /// Number and bytes of sealed segments at the last look.
    sealed: (u64, u64),
    roster: Option<Arc<Roster>>,
    state: Arc<Mutex<SpoolState>>,
    retries: Arc<AtomicU64>,
    buffer: Vec<u8>,
}

struct OpenSegment {
    file: File,
    path: PathBuf,
    length: u64,
    since: Instant,
}

impl Writer {
    fn run(mut self, commands: &mpsc::Receiver<Command>) {
        loop {
            let mut group = Vec::new();
            let closing = match commands.recv_timeout(self.patience()) {
                Ok(first) => self.gather(first, commands, &mut group),
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            self.commit(group);
            if closing || self.is_full_or_old() {
                self.seal();
            }
            self.look();
            if closing {
                return;
            }
        }
    }

    /// How long to wait for a command: until the open segment is old enough, or records are to be tried again.
    fn patience(&self) -> Duration {
        let seal = self.open.as_ref().map(|open| self.seal_after().saturating_sub(open.since.elapsed()));
        let retry = (!self.waiting.is_empty()).then_some(RETRY);
        seal.into_iter().chain(retry).min().unwrap_or(LOOK)
    }

    fn seal_after(&self) -> Duration {
        if self.sealed.0 > BACKLOG { LONG_AGE.max(self.config.seal_after) } else { self.config.seal_after }
    }

    /// Takes the commands that are there, up to a group's size: whether the last is to close.
    fn gather(&mut self, first: Command, commands: &mpsc::Receiver<Command>, group: &mut Vec<Asked>) -> bool {
        if self.roster.as_ref().is_some_and(|roster| roster.taken() > 1) {
            // Asleep: nobody who brings something has to wake this thread.
            std::thread::sleep(GATHER);
        }
        let mut size = 0;
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                Command::Close => return true,
                Command::Unasked(unasked) => {
                    size += unasked.payload.len();
                    self.waiting.push_back(unasked);
                }
                Command::Message { payload, seat, note, reply } => {
                    size += payload.len();
                    group.push(Asked { payload, seat, note, reply });
                }
            }
            next = if size < GROUP { commands.try_recv().ok() } else { None };
        }
        false
    }

    /// Writes and syncs a group, and answers for it.
    fn commit(&mut self, group: Vec<Asked>) {
        let (group, refused): (Vec<_>, Vec<_>) = self.admit(group);
        refused.into_iter().for_each(|asked| asked.answer(false));
        if group.is_empty() && self.waiting.is_empty() {
            return;
        }
        let unasked = self.take_waiting();
        match self.append(&unasked, &group) {
            Ok(()) => {
                unasked.into_iter().filter_map(|unasked| unasked.seat).for_each(|seat| seat.seat.clear());
                for asked in group {
                    asked.seat.seat.stored(&asked.note.path, asked.note.recipients);
                    asked.answer(true);
                }
            }
            Err(error) => {
                tracing::warn!(%error, messages = group.len(), "the spool cannot be written; messages are refused");
                let retried = if group.is_empty() { Err(error) } else { self.append(&unasked, &[]) };
                group.into_iter().for_each(|asked| asked.answer(false));
                match retried {
                    Ok(()) => unasked.into_iter().filter_map(|unasked| unasked.seat).for_each(|seat| seat.seat.clear()),
                    Err(_) => {
                        self.retries.fetch_add(unasked.len() as u64, Ordering::Relaxed);
                        self.waiting.extend(unasked);
                    }
                }
            }
        }
    }

    /// Parts messages for which there is room from those for which there is none.
    fn admit(&mut self, group: Vec<Asked>) -> (Vec<Asked>, Vec<Asked>) {
        let reserve = (self.config.limit / 16).clamp(*RESERVE.start(), *RESERVE.end());
        let mut room = self.config.limit.saturating_sub(reserve).saturating_sub(self.used());
        group.into_iter().partition(|asked| {
            let size = (asked.payload.len() + frame::HEAD) as u64;
            let admitted = asked.payload.len() <= frame::MAX_PAYLOAD && size <= room;
            room -= if admitted { size } else { 0 };
            admitted
        })
    }

    /// Waiting records for which there is room.
    fn take_waiting(&mut self) -> Vec<Unasked> {
        let mut room = self.config.limit.saturating_sub(self.used());
        let mut taken = Vec::new();
        while let Some(first) = self.waiting.front() {
            let size = (first.payload.len() + frame::HEAD) as u64;
            if size > room {
                break;
            }
            room -= size;
            taken.extend(self.waiting.pop_front());
        }
        taken
    }

    fn used(&self) -> u64 {
        self.sealed.1 + self.open.as_ref().map_or(0, |open| open.length)
    }

    /// Appends frames, and syncs them when a message is among them. After an error the segment is as it was before.
    fn append(&mut self, unasked: &[Unasked], group: &[Asked]) -> io::Result<()> {
        self.buffer.clear();
        let is_new = self.open.is_none();
        if is_new {
            self.buffer.extend(segment::head(&self.id_of_next()));
        }
        let payloads = unasked.iter().map(|unasked| &unasked.payload).chain(group.iter().map(|asked| &asked.payload));
        payloads.for_each(|payload| frame::append(payload, &mut self.buffer));
        if is_new {
            self.open = Some(self.create()?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut written = open.file.write_all(&self.buffer);
        if written.is_ok() && !group.is_empty() {
            written = open.file.sync_data();
            if is_new {
                written = written.and_then(|()| segment::sync_folder(&self.config.folder));
            }
        }
        match written {
            Ok(()) => open.length += self.buffer.len() as u64,
            Err(_) => self.undo(is_new),
        }
        written
    }

    /// Takes back what a failed append may have left.
    fn undo(&mut self, is_new: bool) {
        let Some(open) = self.open.take() else { return };
        if is_new {
            _ = fs::remove_file(&open.path);
            self.id.sequence -= 1;
            return;
        }
        let cut = open.file.set_len(open.length).and_then(|()| io::Seek::seek(&mut &open.file, io::SeekFrom::End(0)));
        match cut {
            Ok(_) => self.open = Some(open),
            // The tail stays torn; the segment is set aside as it is and put in order at the next start.
            Err(error) => tracing::error!(%error, path = %open.path.display(), "a segment cannot be cut back"),
        }
    }

    fn id_of_next(&self) -> SegmentId {
        SegmentId { sequence: self.id.sequence + 1, ..self.id.clone() }
    }

    fn create(&mut self) -> io::Result<OpenSegment> {
        let id = self.id_of_next();
        let path = FileName::of(&id, Stage::Open).path(&self.config.folder);
        let file = OpenOptions::new().create_new(true).write(true).open(&path)?;
        self.id = id;
        Ok(OpenSegment { file, path, length: 0, since: Instant::now() })
    }

    fn is_full_or_old(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.length >= segment::TARGET as u64 || open.since.elapsed() >= self.seal_after())
    }

    /// Seals the open segment: from now on it may be shipped. Where that fails it stays open and is tried again.
    fn seal(&mut self) {
        let Some(open) = &self.open else { return };
        let sealed = FileName::of(&self.id, Stage::Sealed).path(&self.config.folder);
        let done = self.roster.as_ref().map_or(Ok(()), |roster| roster.sync()).and_then(|()| {
            open.file.sync_data()?;
            fs::rename(&open.path, sealed)?;
            segment::sync_folder(&self.config.folder)
        });
        match done {
            Ok(()) => {
                self.sealed.0 += 1;
                self.sealed.1 += open.length;
                self.open = None;
            }
            Err(error) => tracing::warn!(%error, path = %open.path.display(), "a segment cannot be sealed yet"),
        }
    }

    /// Sees which segments are still there, at most once in [`LOOK`], and tells the state.
    fn look(&mut self) {
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            if let Ok(files) = segment::list(&self.config.folder) {
                let sealed = files.iter().filter(|(name, _)| name.stage == Stage::Sealed);
                self.sealed = sealed.fold((0, 0), |(count, bytes), (_, length)| (count + 1, bytes + length));
            }
        }
        let mut state = lock(&self.state);
        state.segments = self.sealed.0 + u64::from(self.open.is_some());
        state.bytes = self.used();
    }

    /// Writes the sessions of the run before, durably.
    fn write_recovered(&mut self, lost: Vec<Session>) -> io::Result<()> {
        if lost.is_empty() {
            return Ok(());
        }
        let payload = |session| Record::Session(Box::new(session)).encode();
        let unasked: Vec<_> = lost.into_iter().map(|s| Unasked { payload: payload(s), seat: None }).collect();
        self.append(&unasked, &[])?;
        if let Some(open) = &self.open {
            open.file.sync_data()?;
        }
        segment::sync_folder(&self.config.folder)
    }
}

/// A message whose connection waits for the answer.
struct Asked {
    payload: Vec<u8>,
    seat: TakenSeat,
    note: SeatNote,
    reply: oneshot::Sender<bool>,
}

impl Asked {
    fn answer(self, stored: bool) {
        // The connection may have gone; the message stays.
        _ = self.reply.send(stored);
    }
}

/// Makes sure that this is the only process that writes here.
fn lock_folder(folder: &Path) -> Result<File, SpoolError> {
    let path = folder.join("lock");
    let failed = |error| SpoolError::Io { path: path.clone(), error };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(SpoolError::InUse(folder.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

/// The number of this boot, greater than every earlier one whatever the clock says; durable before it is used.
fn next_boot(folder: &Path, now: Time) -> io::Result<Boot> {
    let path = folder.join("boot");
    let noted = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().unwrap_or(0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let in_files = segment::list(folder)?.iter().map(|(name, _)| name.boot.0).max().unwrap_or(0);
    let on_roster = Roster::read_left(folder)?.iter().map(|lost| lost.boot().0).max().unwrap_or(0);
    let boot = u64::try_from(now.micros()).unwrap_or(0).max(noted.max(in_files).max(on_roster) + 1);
    let new = folder.join("boot.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{boot}")?;
    file.sync_all()?;
    fs::rename(new, path)?;
    segment::sync_folder(folder)?;
    Ok(Boot(boot))
}

/// Puts open segments in order: the sessions that were lost, and what was found.
fn recover(folder: &Path, now: Time) -> io::Result<(Vec<Session>, Recovery)> {
    let mut recovery = Recovery::default();
    let mut told = HashSet::<SessionId>::new();
    let mut kept = HashMap::<SessionId, Vec<(u32, u64)>>::new();
    for (name, _) in segment::list(folder)?.into_iter().filter(|(name, _)| name.stage == Stage::Open) {
        let recovered = segment::recover(folder, name)?;
        recovery.segments += 1;
        recovery.torn_bytes += recovered.torn;
        for record in recovered.records {
            match record {
                Record::Session(session) => _ = told.insert(session.connection.id),
                Record::Message(message) => {
                    let recipients = message.recipients.len() as u64;
                    kept.entry(message.connection.id).or_default().push((message.ordinal, recipients));
                }
                Record::Heartbeat(_) => {}
            }
        }
    }
    let left = Roster::read_left(folder)?;
    let lost = left.into_iter().filter(|lost| !told.contains(lost.id())).map(|lost: Lost| {
        let messages = kept.get(lost.id()).map_or(&[][..], Vec::as_slice);
        lost.session(now, messages)
    });
    Ok((lost.collect(), recovery))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
