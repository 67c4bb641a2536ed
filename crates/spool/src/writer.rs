//! The writing end: one thread appends what all connections bring, and syncs it for all of them at once.
//!
//! A message is answered when it is on disk; sessions and heartbeats ride along and are kept in memory until the disk takes
//! them. Room for them is kept back from messages, so that a full spool still says why it is full.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evidence::{Boot, Heartbeat, Message, Protocol, Record, SensorName, Session, SpoolState};
use rustix::fs::Advice;
use tokio::sync::oneshot;

use crate::answers::Decisions;
use crate::frame;
use crate::roster::{Roster, Seat, TakenSeat, lock};
use crate::segment::{self, FileName, SegmentId, Stage};

/// Most bytes that are written in one go; more wait for the next group.
const GROUP: usize = 4 * 1024 * 1024;

/// How often this thread lets others run before it closes a group. On a busy machine some of them bring messages, so that
/// one sync serves more; on an idle one it costs a microsecond.
const YIELDS: usize = 4;

/// How long records that nobody waits for may wait for a message to be written with.
const UNASKED_WAIT: Duration = Duration::from_millis(20);

/// With more segments than this waiting for the collector, a segment is sealed for its age only after [`LONG_AGE`]: a
/// collector that is away for days shall not meet a million files.
const BACKLOG: u64 = 64;
const LONG_AGE: Duration = Duration::from_secs(60);

/// With more segments than this waiting, it is long until the next one is read, and its pages are given back to the kernel:
/// what waits on disk shall not push everything else out of the memory of a small machine.
const BEHIND: u64 = 2;

/// Room that messages leave to sessions and heartbeats: a sixteenth of the limit, within these bounds.
const RESERVE: std::ops::RangeInclusive<u64> = 64 * 1024..=8 * 1024 * 1024;

/// How long records wait before the disk is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// How often the folder is looked at for segments that were shipped and deleted.
const LOOK: Duration = Duration::from_secs(1);

/// A part of what is to be written is at most a group of records that nobody waits for and one of messages, or a single
/// message that is larger: it fits an empty segment.
const _: () = assert!(GROUP + frame::MAX_PAYLOAD + 4096 <= segment::MAX_SEGMENT);

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

/// What the writer is woken for.
pub(crate) enum Command {
    Message(Asked),
    /// There are records in [`Aside`] again.
    Aside,
    Close,
}

/// A message whose connection waits for the answer.
pub(crate) struct Asked {
    payload: Vec<u8>,
    path: Vec<Protocol>,
    recipients: u64,
    seat: TakenSeat,
    reply: oneshot::Sender<bool>,
}

/// A record that nobody waits for: a session, whose seat is given back when it is written, or a heartbeat.
#[derive(Debug)]
pub(crate) struct Unasked {
    payload: Vec<u8>,
    seat: Option<TakenSeat>,
}

/// Where such records are put, without waking the writer for each.
#[derive(Debug, Default)]
pub(crate) struct Aside(Mutex<Vec<Unasked>>);

/// The thread's own state.
pub(crate) struct Writer {
    config: SpoolConfig,
    /// Held for as long as the spool is open.
    _lock: File,
    /// The segment written last.
    id: SegmentId,
    open: Option<OpenSegment>,
    decisions: Decisions,
    pub(crate) aside: Arc<Aside>,
    /// Since when there is something aside.
    aside_since: Option<Instant>,
    waiting: VecDeque<Unasked>,
    looked: Option<Instant>,
    /// At the last look: segments that wait for the collector, and bytes of all that are not open.
    sealed: (u64, u64),
    pub(crate) roster: Option<Arc<Roster>>,
    /// Seats of which the open segment tells more than the roster.
    touched: HashMap<u32, Arc<Seat>>,
    pub(crate) state: Arc<Mutex<SpoolState>>,
    pub(crate) retries: Arc<AtomicU64>,
    buffer: Vec<u8>,
}

struct OpenSegment {
    file: File,
    path: PathBuf,
    length: u64,
    since: Instant,
}

impl Asked {
    pub(crate) fn new(message: Box<Message>, seat: TakenSeat, reply: oneshot::Sender<bool>) -> Self {
        let (path, recipients) = (message.path.clone(), message.recipients.len() as u64);
        Self { payload: Record::Message(message).encode(), path, recipients, seat, reply }
    }
}

impl Unasked {
    pub(crate) fn session(session: Session, seat: Option<TakenSeat>) -> Self {
        Self { payload: Record::Session(Box::new(session)).encode(), seat }
    }

    pub(crate) fn heartbeat(heartbeat: Heartbeat) -> Self {
        Self { payload: Record::Heartbeat(Box::new(heartbeat)).encode(), seat: None }
    }
}

impl Aside {
    /// Whether it was empty before: then the writer is to be told.
    pub(crate) fn put(&self, unasked: Unasked) -> bool {
        let mut records = lock(&self.0);
        records.push(unasked);
        records.len() == 1
    }

    fn take(&self) -> Vec<Unasked> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Writer {
    /// The writer of a spool whose folder is in order. `held` is the lock of the folder.
    pub(crate) fn new(config: SpoolConfig, boot: Boot, held: File, decisions: Decisions) -> Self {
        Self {
            _lock: held,
            id: SegmentId { sensor: config.sensor.clone(), boot, sequence: 0 },
            open: None,
            decisions,
            aside: Arc::default(),
            aside_since: None,
            waiting: VecDeque::new(),
            looked: None,
            sealed: (0, 0),
            roster: None,
            touched: HashMap::new(),
            state: Arc::new(Mutex::new(SpoolState { limit: config.limit, ..SpoolState::default() })),
            retries: Arc::default(),
            buffer: Vec::new(),
            config,
        }
    }

    pub(crate) fn run(mut self, commands: &mpsc::Receiver<Command>) {
        loop {
            let mut group = Vec::new();
            let closing = match commands.recv_timeout(self.patience()) {
                Ok(first) => self.gather(first, commands, &mut group),
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if closing || !group.is_empty() || self.aside_since.is_some_and(|since| since.elapsed() >= UNASKED_WAIT) {
                self.aside_since = None;
                self.waiting.extend(self.aside.take());
            }
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

    /// How long to wait for a command: until the open segment is old enough, or records have waited long enough.
    fn patience(&self) -> Duration {
        let seal = self.open.as_ref().map(|open| self.seal_after().saturating_sub(open.since.elapsed()));
        let aside = self.aside_since.map(|since| UNASKED_WAIT.saturating_sub(since.elapsed()));
        let retry = (!self.waiting.is_empty()).then_some(RETRY);
        seal.into_iter().chain(aside).chain(retry).min().unwrap_or(LOOK)
    }

    fn seal_after(&self) -> Duration {
        if self.sealed.0 > BACKLOG { LONG_AGE.max(self.config.seal_after) } else { self.config.seal_after }
    }

    /// Takes the commands that are there, up to a group's size: whether the last is to close.
    fn gather(&mut self, first: Command, commands: &mpsc::Receiver<Command>, group: &mut Vec<Asked>) -> bool {
        let (mut size, mut yields) = (0, 0);
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                Command::Close => return true,
                Command::Aside => self.aside_since = Some(Instant::now()),
                Command::Message(asked) => {
                    size += asked.payload.len();
                    group.push(asked);
                }
            }
            next = if size < GROUP { commands.try_recv().ok() } else { None };
            while next.is_none() && !group.is_empty() && size < GROUP && yields < YIELDS {
                std::thread::yield_now();
                yields += 1;
                next = commands.try_recv().ok();
            }
        }
        false
    }

    /// Writes and syncs a group and what waits, and answers for it. Each part fits a segment, however much came at once.
    fn commit(&mut self, group: Vec<Asked>) {
        let (group, refused): (Vec<_>, Vec<_>) = self.admit(group);
        self.answer(refused, false);
        let mut group = VecDeque::from(group);
        loop {
            let room = self.room();
            let unasked = take_part(&mut self.waiting, room, |unasked| unasked.payload.len());
            let part = take_part(&mut group, u64::MAX, |asked| asked.payload.len());
            if unasked.is_empty() && part.is_empty() {
                return;
            }
            if !self.commit_part(unasked, part) && group.is_empty() {
                return;
            }
        }
    }

    /// Whether the part is written.
    fn commit_part(&mut self, unasked: Vec<Unasked>, group: Vec<Asked>) -> bool {
        match self.append(&unasked, &group) {
            Ok(()) => {
                self.give_back(unasked);
                for asked in &group {
                    let seat = asked.seat.seat();
                    seat.stored(&asked.path, asked.recipients);
                    self.touched.insert(seat.number(), Arc::clone(seat));
                }
                self.answer(group, true);
                true
            }
            Err(error) => {
                tracing::warn!(%error, messages = group.len(), "the spool cannot be written; messages are refused");
                let retried = if group.is_empty() { Err(error) } else { self.append(&unasked, &[]) };
                self.answer(group, false);
                match retried {
                    Ok(()) => self.give_back(unasked),
                    Err(_) => {
                        self.retries.fetch_add(unasked.len() as u64, Ordering::Relaxed);
                        unasked.into_iter().rev().for_each(|unasked| self.waiting.push_front(unasked));
                    }
                }
                false
            }
        }
    }

    /// Tells those who wait for these messages.
    fn answer(&self, group: Vec<Asked>, stored: bool) {
        if group.is_empty() {
            return;
        }
        group.into_iter().for_each(|asked| self.decisions.add(asked.reply, stored));
        self.decisions.tell();
    }

    /// Gives back the seats of sessions that are written.
    fn give_back(&mut self, unasked: Vec<Unasked>) {
        for seat in unasked.into_iter().filter_map(|unasked| unasked.seat) {
            seat.seat().give_back();
            self.touched.insert(seat.seat().number(), Arc::clone(seat.seat()));
        }
    }

    /// Parts messages for which there is room from those for which there is none.
    fn admit(&mut self, group: Vec<Asked>) -> (Vec<Asked>, Vec<Asked>) {
        let reserve = (self.config.limit / 16).clamp(*RESERVE.start(), *RESERVE.end());
        let mut room = self.room().saturating_sub(reserve);
        group.into_iter().partition(|asked| {
            let size = (asked.payload.len() + frame::HEAD) as u64;
            let admitted = asked.payload.len() <= frame::MAX_PAYLOAD && size <= room;
            room -= if admitted { size } else { 0 };
            admitted
        })
    }

    /// Bytes that may still be written.
    fn room(&self) -> u64 {
        self.config.limit.saturating_sub(self.used())
    }

    fn used(&self) -> u64 {
        self.sealed.1 + self.open.as_ref().map_or(0, |open| open.length)
    }

    /// Appends frames, and syncs them when a message is among them. After an error the segment is as it was before.
    fn append(&mut self, unasked: &[Unasked], group: &[Asked]) -> io::Result<()> {
        let payloads = unasked.iter().map(|unasked| &unasked.payload).chain(group.iter().map(|asked| &asked.payload));
        self.buffer.clear();
        payloads.for_each(|payload| frame::append(payload, &mut self.buffer));
        let fits = |open: &OpenSegment| open.length + self.buffer.len() as u64 <= segment::MAX_SEGMENT as u64;
        if !self.open.as_ref().is_none_or(fits) {
            self.seal();
            if self.open.is_some() {
                return Err(io::Error::other("the segment is full and cannot be sealed"));
            }
        }
        let is_new = self.open.is_none();
        if is_new {
            let head = segment::head(&self.id_of_next());
            self.buffer.splice(..0, head);
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
        let Some(open) = &mut self.open else { return };
        let sealed = FileName::of(&self.id, Stage::Sealed).path(&self.config.folder);
        let touched = std::mem::take(&mut self.touched);
        // What the open segment alone told of its connections the roster tells from here on.
        let done = self.roster.as_ref().map_or(Ok(()), |roster| roster.settle(touched.values())).and_then(|()| {
            open.file.sync_data()?;
            if self.sealed.0 >= BEHIND {
                _ = rustix::fs::fadvise(&open.file, 0, None, Advice::DontNeed);
            }
            fs::rename(&open.path, sealed)?;
            segment::sync_folder(&self.config.folder)
        });
        match done {
            Ok(()) => {
                self.sealed.0 += 1;
                self.sealed.1 += open.length;
                self.open = None;
            }
            Err(error) => {
                tracing::warn!(%error, path = %open.path.display(), "a segment cannot be sealed yet");
                self.touched = touched;
                open.since = Instant::now();
            }
        }
    }

    /// Sees which segments are still there, at most once in [`LOOK`], and tells the state.
    fn look(&mut self) {
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            if let Ok(files) = segment::list(&self.config.folder) {
                let closed = || files.iter().filter(|(name, _)| name.stage != Stage::Open);
                let waiting = closed().filter(|(name, _)| name.stage == Stage::Sealed).count() as u64;
                self.sealed = (waiting, closed().map(|(_, length)| length).sum());
            }
        }
        let mut state = lock(&self.state);
        state.segments = self.sealed.0 + u64::from(self.open.is_some());
        state.bytes = self.used();
    }

    /// Writes the sessions of the run before, durably.
    pub(crate) fn write_recovered(&mut self, lost: Vec<Session>) -> io::Result<()> {
        if lost.is_empty() {
            return Ok(());
        }
        let unasked: Vec<_> = lost.into_iter().map(|session| Unasked::session(session, None)).collect();
        self.append(&unasked, &[])?;
        if let Some(open) = &self.open {
            open.file.sync_data()?;
        }
        segment::sync_folder(&self.config.folder)
    }
}

/// Takes the first of what waits, in order: at most [`GROUP`] bytes of frames but at least one, and not more than there
/// is room for.
fn take_part<T>(waiting: &mut VecDeque<T>, mut room: u64, length: impl Fn(&T) -> usize) -> Vec<T> {
    let (mut part, mut size) = (Vec::new(), 0);
    while let Some(first) = waiting.front() {
        let frame = length(first) + frame::HEAD;
        if frame as u64 > room || (size + frame > GROUP && !part.is_empty()) {
            break;
        }
        room -= frame as u64;
        size += frame;
        part.extend(waiting.pop_front());
    }
    part
}
