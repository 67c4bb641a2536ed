//! One accepted connection: recorder, engine, the pauses between them, and the way that replies from afar take.

mod listener;
mod secure;

use std::collections::VecDeque;
use std::time::Duration;

use evidence::{Connection, End, Message, Quirk, Session, Time};

pub use self::listener::Listener;
pub(crate) use self::secure::TLS_HANDSHAKE;
pub use self::secure::{Secure, Secured, Server};
use crate::engine::{Cx, Engine, Facts, Step, Then, Unit};
use crate::persona::Persona;
use crate::policy::{Encryption, Listed};
use crate::recorder::Recorder;
use crate::smtp::{Cover, Smtp};
use crate::sniff::Sniff;

/// Bytes of replies that wait to be sent, beyond which no more input is taken: a client that asks much and hears nothing is
/// not answered before it has heard. One step may go beyond it, by the longest answer to one.
pub const MAX_UNSENT: usize = 16 * 1024;

/// The least bytes per second of a body, as Postfix's `smtpd_min_data_rate` has it: so long a body may take, besides a
/// request's time. A slower one ends the connection (`slow`).
const MIN_RATE: u64 = 500;

/// What the caller has to do, in this order: send, secure, deliver, close.
#[derive(Debug, Default)]
pub struct Out {
    /// Bytes for the peer. The caller empties it.
    pub send: Vec<u8>,
    /// TLS begins. What the peer sends from now on is not taken until [`Conversation::secured`] is called; then plain text
    /// comes in and goes out.
    pub secure: Option<Secure>,
    /// A message to make durable. Until [`Conversation::stored`] is called no input is taken.
    pub deliver: Option<Box<Message>>,
    /// The connection is over.
    pub close: Option<End>,
}

/// What became of a message that was to be made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is on disk; the peer is told so.
    Durable,
    /// There is no room for it; the peer is told `452`.
    NoRoom,
}

/// Most bytes of replies that are on their way from afar. With more, no input is taken until some have arrived.
const UNDER_WAY: usize = 64 * 1024;

/// One accepted connection, from accept to close.
#[derive(Debug)]
pub struct Conversation<'p> {
    connection: Connection,
    listener: Listener,
    persona: &'p Persona,
    seed: u64,
    engine: Engine,
    facts: Facts,
    recorder: Recorder,
    /// Bytes that an engine took to recognise the next one, which reads them again.
    again: Vec<u8>,
    /// Replies that are on their way from afar, with the instant of their arrival.
    under_way: VecDeque<(Time, Vec<u8>)>,
    /// When the innermost tunnel was there, as the client sees it: nothing comes through it before.
    reached: Time,
    sent: u64,
    last_input: Time,
    receiving: Option<Receiving>,
    state: State,
}

/// What comes in parts: since when, and how much of it came.
#[derive(Debug, Clone, Copy)]
struct Receiving {
    unit: Unit,
    since: Time,
    bytes: u64,
}

impl Receiving {
    /// When it is to be whole.
    fn whole_by(&self) -> Time {
        match self.unit {
            Unit::Request(within) => self.since + within,
            Unit::Body(within) => {
                self.since + within + Duration::from_millis(self.bytes.saturating_mul(1000) / MIN_RATE)
            }
        }
    }
}

#[derive(Debug)]
enum State {
    Input,
    /// TLS is to begin; the reply that says so is on its way.
    Agreed(Secure),
    /// The caller makes a TLS handshake.
    Securing,
    /// A message is being made durable.
    Delivering,
    /// The persona is slow: what it wrote waits until the instant, then the connection goes on as given.
    Pausing {
        until: Time,
        held: Vec<u8>,
        then: Then,
    },
    /// All is said; the last of it is on its way.
    Ending(End),
    Closed,
}

impl<'p> Conversation<'p> {
    /// Begins a conversation at `connection.accepted_at`. `seed` differs between connections; the same seed gives the
    /// same replies.
    pub fn open(connection: Connection, listener: Listener, persona: &'p Persona, seed: u64, out: &mut Out) -> Self {
        let now = connection.accepted_at;
        let engine = match listener.banner_after {
            Some(Duration::ZERO) => {
                let cover = match listener.encryption {
                    Encryption::Off => Cover::None,
                    Encryption::Offered => Cover::Offered,
                    Encryption::Implicit => Cover::Awaited,
                };
                let smtp = Smtp::new(persona).covered(cover, Server::Own);
                Engine::Smtp(Box::new(smtp))
            }
            banner_after => Engine::Sniff(Sniff::new(now, banner_after, listener.mail, Server::Own)),
        };
        let mut conversation = Self {
            recorder: Recorder::new(now),
            connection,
            listener,
            persona,
            seed,
            engine,
            facts: Facts::default(),
            again: Vec::new(),
            under_way: VecDeque::new(),
            reached: now,
            sent: 0,
            last_input: now,
            receiving: None,
            state: State::Input,
        };
        conversation.step(now, out, |engine, cx| engine.start(cx));
        conversation.follow(now, 0);
        conversation
    }

    /// Has the client refused, as a server refuses those who are on this block list: the relay at each recipient, a proxy
    /// at each request. To be called before any input.
    pub fn refuse(&mut self, listed: Listed) {
        self.facts.refused_by = Some(listed);
    }

    /// Takes input and answers it: how many bytes were taken. Fewer than given means that something has to happen first
    /// (see [`Out`] and [`Conversation::wake_at`]), be it that replies are sent; the caller brings the rest again.
    pub fn receive(&mut self, now: Time, bytes: &[u8], out: &mut Out) -> usize {
        let mut used = 0;
        while self.wants_input() && used < bytes.len() && out.send.len() < MAX_UNSENT {
            self.last_input = now;
            let (ordinal, refused) = (self.facts.messages, self.facts.refused);
            let (taken, body) = self.read(now, &bytes[used..], out);
            match body {
                true => self.recorder.body(now, ordinal, taken),
                false => self.recorder.bytes(now, &bytes[used..used + taken]),
            }
            used += taken;
            self.forget_refused_body(refused);
            self.read_again(now, out);
            self.hide_secrets();
            self.follow(now, taken);
        }
        used
    }

    /// Reports what became of the message in [`Out::deliver`].
    pub fn stored(&mut self, now: Time, outcome: Stored, out: &mut Out) {
        if matches!(self.state, State::Delivering) {
            self.state = State::Input;
            let refused = self.facts.refused;
            self.step(now, out, |engine, cx| engine.stored(cx, outcome));
            self.forget_refused_body(refused);
            self.read_again(now, out);
            self.hide_secrets();
            self.follow(now, 0);
        }
    }

    /// When [`Conversation::wake`] is to be called; `None` while the caller has something to report, or all is over.
    pub fn wake_at(&self) -> Option<Time> {
        let arrival = self.under_way.front().map(|(arrival, _)| *arrival);
        match &self.state {
            State::Input => {
                let silence = self.engine.deadline(self.persona, self.last_input);
                let due = self.receiving.map_or(silence, |receiving| silence.min(receiving.whole_by()));
                Some(arrival.map_or(due, |arrival| arrival.min(due)))
            }
            State::Pausing { until, .. } => Some(arrival.map_or(*until, |arrival| arrival.min(*until))),
            State::Agreed(_) | State::Ending(_) => arrival,
            State::Securing | State::Delivering | State::Closed => None,
        }
    }

    /// Whether input is wanted now.
    pub fn wants_input(&self) -> bool {
        matches!(self.state, State::Input) && self.bytes_under_way() <= UNDER_WAY
    }

    /// Whether replies are on their way from afar, so that a client that has said all still hears something.
    pub fn has_replies_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// The instant of [`Conversation::wake_at`] has come. An early call does nothing.
    pub fn wake(&mut self, now: Time, out: &mut Out) {
        if self.wake_at().is_none_or(|at| now < at) {
            return;
        }
        if !self.arrive(now, out) {
            match std::mem::replace(&mut self.state, State::Input) {
                State::Pausing { held, then, .. } => {
                    self.last_input = now;
                    self.emit(now, held, now + self.facts.distance, out);
                    self.go_on(now, then, out);
                }
                _ => {
                    let silence = self.engine.deadline(self.persona, self.last_input);
                    let slow = self.receiving.is_some_and(|receiving| receiving.whole_by() < silence);
                    self.step(
                        now,
                        out,
                        |engine, cx| if slow { too_slow(engine.expire(cx)) } else { engine.expire(cx) },
                    );
                }
            }
        }
        self.read_again(now, out);
        self.hide_secrets();
        self.follow(now, 0);
    }

    /// Whether the next bytes belong to a body, so that many may come.
    pub fn in_body(&self) -> bool {
        matches!(self.receiving, Some(Receiving { unit: Unit::Body(_), .. }))
    }

    /// Bytes of messages, their recipients and bodies, that are held in memory.
    pub fn body_bytes(&self) -> usize {
        self.engine.smtp().map_or(0, Smtp::body_bytes)
    }

    /// Lets go of the body that is being received: the rest is read and the peer is told `452`. Before a body the same is
    /// told to further recipients. For a caller that has no memory left; whether anything changed.
    pub fn refuse_body(&mut self) -> bool {
        self.engine.smtp_mut().is_some_and(Smtp::refuse_body)
    }

    /// The connection, as it was given.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Has the secrets of new logins sealed: `close` gets each, and what it makes of it stays. To be called after every
    /// step that takes input, and before the end.
    pub fn seal(&mut self, close: impl Fn(&[u8]) -> Option<Vec<u8>>) {
        for login in self.facts.logins.iter_mut().rev().take_while(|login| login.length.is_none()) {
            login.seal(&close);
        }
    }

    /// Bytes taken so far.
    pub fn received(&self) -> u64 {
        self.recorder.length()
    }

    /// Messages refused so far because they were too big.
    pub fn oversized(&self) -> u32 {
        self.facts.oversized
    }

    /// Adds bytes that arrived but were never taken, so that the transcript is whole. For a caller that gives up.
    pub fn leave(&mut self, now: Time, unread: &[u8]) {
        self.recorder.bytes(now, unread);
    }

    /// Ends the conversation: exactly one session for each.
    pub fn close(mut self, now: Time, end: End) -> Session {
        self.facts.secrets.extend(self.engine.unfinished_secret());
        self.hide_secrets();
        if let Some(wire) = self.engine.smtp_mut().and_then(Smtp::abandon) {
            self.facts.quirks.insert(Quirk::AbandonedBody);
            self.recorder.replace_body(self.facts.messages, &wire);
        }
        if let Engine::Http(http) = &self.engine
            && http.length_is_false()
        {
            self.facts.quirks.insert(Quirk::FalseContentLength);
        }
        let received = self.recorder.length();
        let transcript = self.recorder.finish();
        match self.engine {
            Engine::Dying(dying) => self.facts.tls.extend(dying.heard(self.facts.path.len())),
            _ if self.facts.tls.is_empty() && self.facts.quirks.contains(Quirk::TlsHello) => {
                self.facts.tls.extend(secure::unexpected_hello(&transcript, &self.connection));
            }
            _ => {}
        }
        if transcript.cut > 0 {
            self.facts.quirks.insert(Quirk::TranscriptCut);
        }
        Session {
            connection: self.connection,
            ended_at: now,
            end,
            path: self.facts.path,
            requests: self.facts.requests,
            logins: self.facts.logins,
            helo: self.facts.helo,
            quirks: self.facts.quirks,
            received,
            sent: self.sent,
            commands: self.facts.commands,
            messages: self.facts.messages,
            recipients: self.facts.recipients,
            refused: self.facts.refused,
            transcript,
            tls: self.facts.tls,
            dialect: self.facts.dialect.finish(end),
        }
    }

    /// Lets the engine read: how much it took, and whether that went into a message body.
    fn read(&mut self, now: Time, bytes: &[u8], out: &mut Out) -> (usize, bool) {
        let mut taken = (0, false);
        self.step(now, out, |engine, cx| {
            let step = engine.receive(cx, bytes);
            taken = (step.used, step.body);
            step
        });
        taken
    }

    /// Notes what the peer is in the middle of, after `taken` bytes more.
    fn follow(&mut self, now: Time, taken: usize) {
        let unit = self.engine.unit(self.persona);
        self.receiving = match (self.receiving, unit) {
            (Some(before), Some(unit)) if before.unit == unit => {
                Some(Receiving { bytes: before.bytes + taken as u64, ..before })
            }
            (_, unit) => unit.map(|unit| Receiving { unit, since: now, bytes: 0 }),
        };
    }

    /// Lets a new engine read what the one before took.
    fn read_again(&mut self, now: Time, out: &mut Out) {
        while self.wants_input() && !self.again.is_empty() {
            let bytes = std::mem::take(&mut self.again);
            let (taken, _) = self.read(now, &bytes, out);
            self.again = bytes[taken..].to_vec();
        }
    }

    /// Secrets of third parties are kept with their login and nowhere else.
    fn hide_secrets(&mut self) {
        for secret in std::mem::take(&mut self.facts.secrets) {
            self.recorder.hide(&secret);
        }
    }

    /// The body of a message that was just refused is nowhere: the transcript says so.
    fn forget_refused_body(&mut self, refused_before: u32) {
        if self.facts.refused > refused_before {
            self.recorder.replace_body(self.facts.messages, &[]);
        }
    }

    /// Lets the engine take one step and does what it asks for.
    fn step(&mut self, now: Time, out: &mut Out, run: impl FnOnce(&mut Engine, &mut Cx<'_>) -> Step) {
        let mut reply = Vec::new();
        let mut cx = Cx {
            now,
            persona: self.persona,
            connection: &self.connection,
            listener: self.listener,
            seed: self.seed,
            facts: &mut self.facts,
            reply: &mut reply,
        };
        let before = cx.facts.distance;
        let step = run(&mut self.engine, &mut cx);
        let arrival = now.max(self.reached) + before + step.after;
        if self.facts.distance > before {
            self.reached = arrival;
        }
        match step.delay {
            Some(delay) => {
                self.facts.quirks.insert(Quirk::SlowedDown);
                self.state = State::Pausing { until: now + delay, held: reply, then: step.then };
            }
            None => {
                self.emit(now, reply, arrival, out);
                self.go_on(now, step.then, out);
            }
        }
    }

    /// Gives out what has arrived: whether anything has.
    fn arrive(&mut self, now: Time, out: &mut Out) -> bool {
        let mut any = false;
        while self.under_way.front().is_some_and(|(arrival, _)| *arrival <= now) {
            let Some((_, reply)) = self.under_way.pop_front() else { break };
            self.send(reply, out);
            any = true;
        }
        if self.under_way.is_empty() {
            match &self.state {
                State::Ending(end) => {
                    out.close = Some(*end);
                    self.state = State::Closed;
                }
                State::Agreed(secure) => {
                    out.secure = Some(secure.clone());
                    self.state = State::Securing;
                }
                _ => {}
            }
        }
        any
    }

    fn bytes_under_way(&self) -> usize {
        self.under_way.iter().map(|(_, reply)| reply.len()).sum()
    }

    fn go_on(&mut self, now: Time, then: Then, out: &mut Out) {
        match then {
            Then::Continue if self.engine.can_resume() => self.step(now, out, |engine, cx| engine.resume(cx)),
            Then::Continue => {}
            Then::Become(engine, again) => {
                self.engine = engine;
                self.again = again;
                self.step(now, out, |engine, cx| engine.start(cx));
            }
            Then::Secure(secure) if self.under_way.is_empty() => {
                self.state = State::Securing;
                out.secure = Some(secure);
            }
            Then::Secure(secure) => self.state = State::Agreed(secure),
            Then::Deliver(message) => {
                self.state = State::Delivering;
                out.deliver = Some(message);
            }
            Then::Close(end) if self.under_way.is_empty() => {
                self.state = State::Closed;
                out.close = Some(end);
            }
            Then::Close(end) => self.state = State::Ending(end),
        }
    }

    /// Sends a reply at the instant of its arrival, and not before one that was sent before.
    fn emit(&mut self, now: Time, reply: Vec<u8>, arrival: Time, out: &mut Out) {
        if reply.is_empty() {
            return;
        }
        match self.under_way.back_mut() {
            // Nothing is under way where nothing is far.
            None if arrival <= now => self.send(reply, out),
            Some((before, bytes)) if *before >= arrival => bytes.extend_from_slice(&reply),
            _ => self.under_way.push_back((arrival, reply)),
        }
    }

    fn send(&mut self, reply: Vec<u8>, out: &mut Out) {
        self.sent += reply.len() as u64;
        if out.send.is_empty() {
            out.send = reply;
        } else {
            out.send.extend_from_slice(&reply);
        }
    }
}

/// The end of one that was not silent, but too slow.
fn too_slow(step: Step) -> Step {
    match step.then {
        Then::Close(End::Idle) => Step { then: Then::Close(End::Slow), ..step },
        _ => step,
    }
}
