//! One connection: the socket on one side, the conversation on the other, and the spool behind it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use decoy::{Conversation, Out, Stored};
use evidence::{Connection, Counter, End, Quirk, Session, canonical};
use spool::TakenSeat;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::clock::Stopwatch;
use crate::crowd::{self, Place};
use crate::proxy_header::{self, Parsed, Presented};
use crate::terms::Door;
use crate::tls::{Ended, Layers};
use crate::{Sensor, limits};

/// A connection as it was accepted.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) connection: Connection,
    pub(crate) watch: Stopwatch,
    pub(crate) seat: TakenSeat,
    pub(crate) manner: decoy::Listener,
    pub(crate) door: Door,
}

/// Serves a connection to its end and writes its session, whatever happens in between.
pub(crate) async fn see_through(accepted: Box<Accepted>, sensor: Arc<Sensor>) {
    let (connection, seat, watch) = (accepted.connection.clone(), accepted.seat.clone(), accepted.watch);
    let mut serving = pin!(serve(accepted, &sensor));
    let served = poll_fn(|cx| match guarded(|| serving.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(failure) => Poll::Ready(Err(failure)),
    });
    let session = served.await.unwrap_or_else(|Failure| {
        sensor.tally.one(Counter::Panics);
        Session::bare(connection, watch.now(), End::Failed)
    });
    sensor.guesses.count(&session);
    sensor.tally.add(Counter::RefusedListed, session.quirks.contains(Quirk::RefusedByList).into());
    sensor.tally.add(Counter::RefusedTooMany, (session.end == End::TooMany).into());
    sensor.tally.one(Counter::Sessions);
    sensor.tally.add(Counter::BytesReceived, session.received);
    sensor.tally.add(Counter::BytesSent, session.sent);
    sensor.open.fetch_sub(1, Ordering::Relaxed);
    sensor.spool.finish(seat, session);
}

async fn serve(mut accepted: Box<Accepted>, sensor: &Sensor) -> Session {
    let mut first_bytes = Vec::new();
    // A balancer speaks for many: only whom it presents is counted.
    let mut counted = true;
    if sensor.trusts(accepted.connection.source.ip()) {
        match read_proxy_header(&mut accepted, &mut first_bytes).await {
            Ok(presented) => {
                counted = presented != Presented::Nobody;
                believe(&mut accepted, presented);
            }
            Err(end) => {
                sensor.tally.one(Counter::BadProxyHeaders);
                let now = accepted.watch.now();
                return Session { received: first_bytes.len() as u64, ..Session::bare(accepted.connection, now, end) };
            }
        }
    }
    let network = match counted.then(|| admit(&accepted.connection, sensor)).transpose() {
        Ok(network) => network,
        Err(end) => {
            let now = accepted.watch.now();
            return Session { received: first_bytes.len() as u64, ..Session::bare(accepted.connection, now, end) };
        }
    };
    let (dialogue, place) = begin(*accepted, first_bytes, counted, sensor);
    let session = dialogue.run().await;
    drop((place, network));
    session
}

/// A connection that is let in; `unread` came behind a balancer's header.
///
/// In a box, as what was accepted is: a future keeps what it was given beside what it made of it, so that each would be
/// there several times.
fn begin(accepted: Accepted, unread: Vec<u8>, counted: bool, sensor: &Sensor) -> (Box<Dialogue<'_>>, Option<Place>) {
    let mut out = Out::default();
    let (conversation, place) = open(&accepted, counted, sensor, &mut out);
    let Accepted { stream, watch, seat, .. } = accepted;
    let held = Held { total: &sensor.body_bytes, bytes: 0 };
    let layers = Layers::default();
    let dialogue = Dialogue { stream, layers, watch, seat, conversation, out, unread, ended: false, held, sensor };
    (Box::new(dialogue), place)
}

/// Opens the conversation on the listener's terms; the place of one more connection of the source goes with it.
fn open<'s>(
    accepted: &Accepted,
    counted: bool,
    sensor: &'s Sensor,
    out: &mut Out,
) -> (Conversation<'s>, Option<Place>) {
    let connection = accepted.connection.clone();
    let source = connection.source.ip();
    let auth = accepted.manner.auth.after_earlier(sensor.guesses.refused(source));
    let place = if counted { accepted.door.enter(source) } else { Ok(None) };
    let manner = decoy::Listener { auth, crowded: place.is_err(), ..accepted.manner };
    let refuses = accepted.door.terms.refuse_listed;
    let listed = refuses.then(|| sensor.lists.about(source, connection.accepted_at)).flatten();
    let seed = seed(&connection);
    let mut conversation = Conversation::open(connection, manner, &sensor.config.persona, seed, out);
    if let Some(listed) = listed {
        conversation.refuse(listed);
    }
    (conversation, place.ok().flatten())
}

/// Counts a connection for its network; beyond the network's bounds, how it ends.
///
/// It ends without a word: what a server of its protocol would say is known only when the peer has spoken, and those who
/// come in such numbers do not listen.
fn admit(connection: &Connection, sensor: &Sensor) -> Result<Place, End> {
    let network = crowd::network(connection.source.ip());
    let most = sensor.config.network_arrivals;
    if most.is_some_and(|most| !sensor.arrivals.come(Instant::now(), network, most)) {
        sensor.tally.one(Counter::RefusedTooOften);
        return Err(End::TooOften);
    }
    let place = sensor.networks.enter(network, sensor.config.network_connections);
    place.ok_or_else(|| {
        sensor.tally.one(Counter::RefusedCrowded);
        End::Crowded
    })
}

/// Reads the header of a trusted balancer; what came behind it stays in `bytes`.
async fn read_proxy_header(accepted: &mut Accepted, bytes: &mut Vec<u8>) -> Result<Presented, End> {
    let reading = async {
        loop {
            accepted.stream.readable().await.map_err(|_| End::Reset)?;
            let mut piece = [0; limits::PROXY_HEADER];
            match accepted.stream.try_read(&mut piece) {
                Ok(0) => return Err(End::Closed),
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return Err(End::Reset),
            }
            match proxy_header::parse(bytes) {
                Parsed::Whole(presented, length) => {
                    bytes.drain(..length);
                    return Ok(presented);
                }
                Parsed::Incomplete => {}
                Parsed::Bad => return Err(End::BadProxyHeader),
            }
        }
    };
    timeout(limits::PROXY_HEADER_WITHIN, reading).await.unwrap_or(Err(End::BadProxyHeader))
}

/// Takes the addresses that a trusted balancer presented, also in the seat on disk.
fn believe(accepted: &mut Accepted, presented: Presented) {
    let balancer = accepted.connection.source.ip();
    accepted.connection.balancer = Some(balancer);
    // It tells of the balancer's system.
    accepted.connection.syn = None;
    if let Presented::Client { source, destination } = presented {
        accepted.connection.source = canonical(source);
        accepted.connection.local = canonical(destination);
    }
    accepted.seat.identify(&accepted.connection);
}

/// A number for values that a real server draws: different for each connection, the same for the same connection.
fn seed(connection: &Connection) -> u64 {
    let mut seed = connection.id.boot.0 ^ connection.id.number.rotate_left(32);
    // The finisher of splitmix64, so that neighbours differ everywhere.
    seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

/// A conversation and its socket.
pub(crate) struct Dialogue<'s> {
    pub(crate) stream: TcpStream,
    /// TLS between the two.
    pub(crate) layers: Layers,
    pub(crate) watch: Stopwatch,
    seat: TakenSeat,
    pub(crate) conversation: Conversation<'s>,
    pub(crate) out: Out,
    /// Bytes that were read and not yet taken.
    pub(crate) unread: Vec<u8>,
    /// Whether the peer has sent all it will.
    ended: bool,
    held: Held<'s>,
    pub(crate) sensor: &'s Sensor,
}

/// What came from the socket, through the layers that there are.
pub(crate) enum Raw {
    Bytes(Vec<u8>),
    End,
    Reset,
}

/// One connection's part in the bytes of message bodies that are held in memory.
struct Held<'s> {
    total: &'s AtomicUsize,
    bytes: usize,
}

impl Held<'_> {
    fn set(&mut self, bytes: usize) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    /// Whether this connection should let go of what it holds.
    fn is_too_much(&self) -> bool {
        self.bytes > 0 && self.total.load(Ordering::Relaxed) > limits::BODY_BYTES
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// An engine failed; what it holds may be half-changed.
pub(crate) struct Failure;

impl Dialogue<'_> {
    async fn run(mut self: Box<Self>) -> Session {
        let end = loop {
            let step = self.step().await;
            self.seal();
            match step {
                Ok(None) => {}
                Ok(Some(end)) => break end,
                Err(Failure) => {
                    self.sensor.tally.one(Counter::Panics);
                    break End::Failed;
                }
            }
        };
        self.take_leave(end);
        let now = self.watch.now();
        if !self.unread.is_empty() {
            self.conversation.leave(now, &self.unread);
        }
        self.sensor.tally.add(Counter::RefusedSize, self.conversation.oversized().into());
        let connection = self.conversation.connection().clone();
        let conversation = self.conversation;
        guarded(|| conversation.close(now, end)).unwrap_or_else(|Failure| Session::bare(connection, now, End::Failed))
    }

    /// Does the next thing there is to do: the end, if this was it.
    async fn step(&mut self) -> Result<Option<End>, Failure> {
        if !self.out.send.is_empty() {
            return Ok(self.send().await.err());
        }
        if let Some(secure) = self.out.secure.take() {
            // In a box, so that connections without TLS do not hold the room for it.
            return Box::pin(self.secure(secure)).await;
        }
        if let Some(message) = self.out.deliver.take() {
            self.deliver(message).await?;
        } else if let Some(end) = self.out.close {
            return Ok(Some(end));
        } else if !self.unread.is_empty() && self.conversation.wants_input() {
            let bytes = std::mem::take(&mut self.unread);
            self.receive(&bytes)?;
        } else if self.ended && self.conversation.wants_input() && !self.conversation.has_replies_under_way() {
            return Ok(Some(End::Closed));
        } else {
            return self.wait().await;
        }
        Ok(None)
    }

    /// No secret outlives the step that brought it.
    fn seal(&mut self) {
        let sensor = self.sensor;
        self.conversation.seal(|secret| sensor.close_secret(secret));
    }

    async fn send(&mut self) -> Result<(), End> {
        let bytes = self.layers.seal(std::mem::take(&mut self.out.send));
        tokio::select! {
            // What the kernel takes at once is sent, also at the stop.
            biased;
            sent = timeout(limits::WRITE_WITHIN, self.stream.write_all(&bytes)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Reset),
                Err(_) => Err(End::Unread),
            },
            () = self.sensor.stop.cancelled() => Err(End::Stopped),
        }
    }

    /// Has a message made durable before the peer is told so.
    async fn deliver(&mut self, message: Box<evidence::Message>) -> Result<(), Failure> {
        let recipients = message.recipients.len() as u64;
        self.held.set(message.content.len());
        let stored = self.sensor.spool.store(&self.seat, message).await;
        self.held.set(0);
        if stored {
            self.sensor.tally.one(Counter::Messages);
            self.sensor.tally.add(Counter::Recipients, recipients);
        } else {
            self.sensor.tally.one(Counter::RefusedDisk);
        }
        let outcome = if stored { Stored::Durable } else { Stored::NoRoom };
        let now = self.watch.now();
        guarded(|| self.conversation.stored(now, outcome, &mut self.out))
    }

    /// Lets the conversation read; what it does not take waits.
    fn receive(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let (now, before) = (self.watch.now(), self.conversation.received());
        let taken = guarded(|| self.conversation.receive(now, bytes, &mut self.out));
        // After a failure this is where it happened.
        let used = (self.conversation.received() - before) as usize;
        self.unread.extend_from_slice(&bytes[used..]);
        taken?;
        self.held.set(self.conversation.body_bytes());
        if self.held.is_too_much() && self.conversation.refuse_body() {
            self.sensor.tally.one(Counter::RefusedMemory);
            self.held.set(self.conversation.body_bytes());
        }
        Ok(())
    }

    /// Waits for the peer, for the conversation's time, or for the stop.
    async fn wait(&mut self) -> Result<Option<End>, Failure> {
        let lifetime = self.watch.instant(self.conversation.connection().accepted_at + limits::LIFETIME);
        let wake_at = self.conversation.wake_at().map_or(lifetime, |at| self.watch.instant(at).min(lifetime));
        let reading = !self.ended && self.unread.is_empty() && self.conversation.wants_input();
        let most = if self.conversation.in_body() { limits::READ_BODY } else { limits::READ };
        tokio::select! {
            biased;
            () = self.sensor.stop.cancelled() => Ok(Some(End::Stopped)),
            taken = poll_fn(|cx| self.poll_read(cx, most)), if reading => taken,
            () = sleep_until(wake_at) => {
                let now = self.watch.now();
                if tokio::time::Instant::now() >= lifetime {
                    return Ok(Some(End::Lifetime));
                }
                guarded(|| self.conversation.wake(now, &mut self.out)).map(|()| None)
            }
        }
    }

    /// Reads what there is and lets the conversation have it. Unlike `try_read` this asks the kernel once more only after a
    /// read that filled the room.
    fn poll_read(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<Result<Option<End>, Failure>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut room = ReadBuf::new(&mut buffer[..most]);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room)) {
                Ok(()) if room.filled().is_empty() => {
                    self.end_of_input();
                    Poll::Ready(Ok(None))
                }
                Ok(()) if self.layers.is_empty() => Poll::Ready(self.receive(room.filled()).map(|()| None)),
                Ok(()) => Poll::Ready(self.receive_through(room.filled())),
                Err(_) => Poll::Ready(Ok(Some(End::Reset))),
            }
        })
    }

    /// Nothing more comes. With TLS the peer should have said so.
    fn end_of_input(&mut self) {
        self.ended = true;
        if !self.layers.is_empty() && self.layers.end() != Some(&Ended::Closed) {
            self.conversation.cut_off();
        }
    }

    /// Lets the conversation read what came through TLS.
    fn receive_through(&mut self, bytes: &[u8]) -> Result<Option<End>, Failure> {
        let plain = self.layers.open(bytes);
        if !plain.is_empty() {
            self.receive(&plain)?;
        }
        // Keys may be changed, and alerts are answered.
        let answer = self.layers.seal(Vec::new());
        if !answer.is_empty() {
            _ = self.stream.try_write(&answer);
        }
        match self.layers.end() {
            Some(Ended::Closed) => self.ended = true,
            Some(Ended::Broken(_)) => self.end_of_input(),
            None => {}
        }
        Ok(None)
    }

    /// Waits for what comes next, for a handshake: nothing of it goes to the conversation.
    pub(crate) async fn read_raw(&mut self) -> Raw {
        loop {
            if self.stream.readable().await.is_err() {
                return Raw::Reset;
            }
            let read = BUFFER.with_borrow_mut(|buffer| {
                self.stream.try_read(buffer).map(|length| (length, self.layers.open(&buffer[..length])))
            });
            match read {
                Ok((0, _)) => return Raw::End,
                Ok((_, bytes)) if bytes.is_empty() && self.layers.end().is_some() => return Raw::End,
                Ok((_, bytes)) if bytes.is_empty() => {}
                Ok((_, bytes)) => return Raw::Bytes(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Raw::Reset,
            }
        }
    }

    /// Says that TLS ends, to a peer that may hear it.
    fn take_leave(&mut self, end: End) {
        if !self.layers.is_empty() && !matches!(end, End::Reset | End::Unread | End::Failed) {
            // A few bytes, for which there is room, or nobody takes anything.
            _ = self.stream.try_write(&self.layers.close());
        }
    }
}

thread_local! {
    /// One buffer for all connections of a thread: an idle connection holds none.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; limits::READ_BODY]);
}

/// Runs an engine's code behind a border that its failure does not cross.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| Failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stays_behind_the_border() {
        assert!(guarded(|| 1).is_ok_and(|one| one == 1));
        assert!(guarded(|| panic!("an engine fails")).is_err());
    }

    #[test]
    fn seeds_of_neighbours_differ() {
        let connection = |number| Connection {
            id: evidence::SessionId { sensor: "XX-01".parse().unwrap(), boot: evidence::Boot(1), number },
            accepted_at: evidence::Time::default(),
            source: "192.0.2.7:1".parse().unwrap(),
            local: "192.0.2.1:25".parse().unwrap(),
            balancer: None,
            clock: evidence::Clock::default(),
            syn: None,
            factors: evidence::Factors::default(),
        };
        assert_ne!(seed(&connection(1)) % 16, seed(&connection(2)) % 16);
        assert_eq!(seed(&connection(1)), seed(&connection(1)));
    }
}
