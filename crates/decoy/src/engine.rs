//! What all engines share: the view of their connection, and what they tell after each step.

use std::time::Duration;

use evidence::{Answer, Connection, End, Login, Message, Protocol, Quirk, Quirks, Request, Target, Time, Tls};
use minicbor::bytes::ByteVec;

use crate::conversation::{Listener, Secure, Stored};
use crate::dialect::Dialect;
use crate::http::Http;
use crate::persona::{Persona, fill};
use crate::policy::{Encryption, Listed};
use crate::recorder::Secret;
use crate::smtp::Smtp;
use crate::sniff::Sniff;
use crate::socks4::Socks4;
use crate::socks5::Socks5;
use crate::tls::Dying;

/// Most requests, and most logins, listed of one connection. Later ones are answered but only marked
/// ([`Quirk::ListCut`]).
const MAX_LISTED: usize = 64;

/// Most bytes of those lists. Beyond it the same is done, so that 64 requests of 8 KiB each are not kept.
const MAX_LISTED_BYTES: usize = 32 * 1024;

/// Most protocol layers of one connection: a proxy in a proxy in a proxy, then a mail server. A proxy request that would
/// go deeper is answered as unreachable.
pub(crate) const MAX_LAYERS: usize = 5;

/// Most TLS layers of one connection, each of which costs its caller memory. Where one more would begin, no TLS is offered, and
/// a hello is heard as bytes of no protocol.
pub(crate) const MAX_SECURED: usize = 3;

/// The engine that talks at this moment.
#[derive(Debug)]
pub(crate) enum Engine {
    Sniff(Sniff),
    Smtp(Box<Smtp>),
    Http(Box<Http>),
    Socks4(Socks4),
    Socks5(Socks5),
    /// The far side of a tunnel to a TLS port of which nothing is played.
    Dying(Dying),
}

/// What the peer sends in parts: however slowly it may send, there is a time in which the whole is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A command, a head, a negotiation: within this time.
    Request(Duration),
    /// A body: within this time, and more for the bytes that have come.
    Body(Duration),
}

/// What became of a step.
#[derive(Debug)]
pub(crate) struct Step {
    /// Bytes of the input that were taken. The caller brings the rest again.
    pub(crate) used: usize,
    /// Whether those bytes went into the body of a message.
    pub(crate) body: bool,
    /// How long to wait before what was written in this step is sent, and before the next step.
    pub(crate) delay: Option<Duration>,
    /// How long it takes until what was written in this step arrives, because of what it waited for. Meanwhile the
    /// conversation goes on.
    pub(crate) after: Duration,
    pub(crate) then: Then,
}

/// How the connection goes on.
#[derive(Debug)]
pub(crate) enum Then {
    /// With more input.
    Continue,
    /// With another engine, which is started and first reads these bytes that this one took before.
    Become(Engine, Vec<u8>),
    /// With [`Engine::secured`], once the caller has made a TLS handshake.
    Secure(Secure),
    /// With [`Engine::stored`], once the message is kept or refused.
    Deliver(Box<Message>),
    /// Not at all.
    Close(End),
}

impl Step {
    pub(crate) fn used(used: usize) -> Self {
        Self { used, body: false, delay: None, after: Duration::ZERO, then: Then::Continue }
    }

    pub(crate) fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    pub(crate) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    pub(crate) fn delayed(self, delay: Option<Duration>) -> Self {
        Self { delay, ..self }
    }
}

impl Engine {
    /// Called once, when the engine takes over.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Step {
        match self {
            Self::Smtp(smtp) => smtp.start(cx),
            // Before a word is said there is no telling which of them it should be: a proxy hangs up.
            Self::Sniff(_) if cx.listener.crowded => Step::used(0).then(Then::Close(End::TooMany)),
            Self::Sniff(_) | Self::Http(_) | Self::Socks4(_) | Self::Socks5(_) | Self::Dying(_) => Step::used(0),
        }
    }

    /// Takes a piece of input, never empty.
    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        match self {
            Self::Sniff(sniff) => sniff.receive(cx, input),
            Self::Smtp(smtp) => smtp.receive(cx, input),
            Self::Http(http) => http.receive(cx, input),
            Self::Socks4(socks) => socks.receive(cx, input),
            Self::Socks5(socks) => socks.receive(cx, input),
            Self::Dying(dying) => dying.receive(cx, input),
        }
    }

    /// Whether the engine has something to say without more input; if so the caller calls [`Engine::resume`].
    pub(crate) fn can_resume(&self) -> bool {
        self.smtp().is_some_and(Smtp::can_resume)
    }

    pub(crate) fn resume(&mut self, cx: &mut Cx<'_>) -> Step {
        self.with_mail(cx, Smtp::resume)
    }

    /// Lets the mail server that talks take a step.
    fn with_mail(&mut self, cx: &mut Cx<'_>, run: impl FnOnce(&mut Smtp, &mut Cx<'_>) -> Step) -> Step {
        match self {
            Self::Smtp(smtp) => run(smtp, cx),
            Self::Http(http) => http.with_mail(cx, run),
            _ => Step::used(0),
        }
    }

    /// The outcome of a delivery.
    pub(crate) fn stored(&mut self, cx: &mut Cx<'_>, outcome: Stored) -> Step {
        self.with_mail(cx, |smtp, cx| smtp.stored(cx, outcome))
    }

    /// From now on everything goes through TLS.
    pub(crate) fn secured(&mut self, cx: &mut Cx<'_>) -> Step {
        match self {
            Self::Sniff(sniff) => sniff.secured(cx),
            Self::Smtp(smtp) => smtp.secured(cx),
            // These never ask for it.
            Self::Http(_) | Self::Socks4(_) | Self::Socks5(_) | Self::Dying(_) => Step::used(0),
        }
    }

    /// When the engine wants to be told that nothing came.
    pub(crate) fn deadline(&self, persona: &Persona, last_input: Time) -> Time {
        match self {
            Self::Sniff(sniff) => sniff.deadline(last_input),
            Self::Smtp(smtp) => last_input + persona.mail_server(smtp.role()).idle(),
            Self::Http(http) => http.deadline(persona, last_input),
            Self::Socks4(_) | Self::Socks5(_) => last_input + persona.socks.idle(),
            Self::Dying(dying) => dying.deadline(last_input),
        }
    }

    /// What has begun to come and is not whole; `None` between commands, when only silence is measured.
    pub(crate) fn unit(&self, persona: &Persona) -> Option<Unit> {
        match self {
            Self::Sniff(sniff) => sniff.unit(),
            Self::Smtp(smtp) => smtp.unit(persona),
            Self::Http(http) => http.unit(persona),
            Self::Socks4(socks) if socks.is_bound() => None,
            Self::Socks5(socks) if socks.is_bound() => None,
            Self::Socks4(_) | Self::Socks5(_) => Some(Unit::Request(persona.socks.idle())),
            Self::Dying(dying) => dying.unit(),
        }
    }

    /// The deadline passed.
    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) -> Step {
        match self {
            Self::Sniff(sniff) => sniff.expire(cx),
            Self::Smtp(smtp) => smtp.expire(cx),
            Self::Dying(dying) => dying.expire(),
            Self::Http(_) | Self::Socks4(_) | Self::Socks5(_) => Step::used(0).then(Then::Close(End::Idle)),
        }
    }

    /// What came so far of a secret that was never whole.
    pub(crate) fn unfinished_secret(&self) -> Option<Secret> {
        match self {
            Self::Http(http) if http.smtp().is_none() => http.unfinished_secret(),
            Self::Socks5(socks) => socks.unfinished_secret(),
            _ => self.smtp().and_then(Smtp::unfinished_secret),
        }
    }

    /// The mail server that talks, if one does.
    pub(crate) fn smtp(&self) -> Option<&Smtp> {
        match self {
            Self::Smtp(smtp) => Some(smtp),
            Self::Http(http) => http.smtp(),
            _ => None,
        }
    }

    pub(crate) fn smtp_mut(&mut self) -> Option<&mut Smtp> {
        match self {
            Self::Smtp(smtp) => Some(smtp),
            Self::Http(http) => http.smtp_mut(),
            _ => None,
        }
    }
}

/// What an engine sees of its connection: the instant, the persona, the facts so far, and where replies go.
pub(crate) struct Cx<'a> {
    pub(crate) now: Time,
    pub(crate) persona: &'a Persona,
    pub(crate) connection: &'a Connection,
    pub(crate) listener: Listener,
    /// A number that differs between connections, for values that a real server draws.
    pub(crate) seed: u64,
    pub(crate) facts: &'a mut Facts,
    pub(crate) reply: &'a mut Vec<u8>,
}

impl Cx<'_> {
    /// Writes one reply line of the persona, with its end.
    pub(crate) fn line(&mut self, template: &str, values: &[(&str, &[u8])]) {
        fill(template, values, self.reply);
        self.reply.extend_from_slice(b"\r\n");
    }

    pub(crate) fn quirk(&mut self, quirk: Quirk) {
        self.facts.quirks.insert(quirk);
    }

    /// Notes that the peer speaks this protocol, inside those it spoke before.
    pub(crate) fn enter(&mut self, protocol: Protocol) {
        self.facts.path.push(protocol);
        self.facts.dialect.enter(protocol);
    }

    /// Whether the client may begin another TLS layer.
    pub(crate) fn may_secure(&self) -> bool {
        self.listener.encryption != Encryption::Off && self.facts.tls.len() < MAX_SECURED
    }

    /// Whether TLS is what everything goes through at this moment, with nothing between.
    pub(crate) fn is_secured(&self) -> bool {
        self.facts.path.last() == Some(&Protocol::Tls)
    }

    pub(crate) fn request(&mut self, protocol: Protocol, verb: &[u8], target: Target, answer: Answer) {
        if answer == Answer::Granted {
            self.facts.target = Some(target.clone());
        }
        if self.facts.requests.len() >= MAX_LISTED || !self.facts.has_room(verb.len() + target.host.len()) {
            return self.quirk(Quirk::ListCut);
        }
        self.facts.requests.push(Request { at: self.now, protocol, verb: verb.to_vec().into(), target, answer });
    }

    /// The port from which a real proxy would have gone on: one of those that Linux hands out, 32768 to 60999.
    pub(crate) fn outer_port(&self) -> u16 {
        32768 + (self.seed % 28232) as u16
    }

    /// Takes a login: whether it is right, by the listener's policy.
    pub(crate) fn login(&mut self, offered: Offered<'_>) -> bool {
        let accepted = self.listener.auth.accepts(self.facts.refused_logins);
        match accepted {
            true => self.facts.user = Some(offered.user.to_vec().into()),
            false => self.facts.refused_logins += 1,
        }
        let length = offered.user.len() + offered.secret.len() + offered.challenge.map_or(0, <[u8]>::len);
        if self.facts.logins.len() >= MAX_LISTED || !self.facts.has_room(length) {
            self.quirk(Quirk::ListCut);
            return accepted;
        }
        self.facts.logins.push(Login {
            at: self.now,
            protocol: offered.protocol,
            mechanism: offered.mechanism.to_owned(),
            user: offered.user.to_vec().into(),
            secret: offered.secret.to_vec().into(),
            accepted,
            challenge: offered.challenge.map(|challenge| challenge.to_vec().into()),
            length: None,
            sealed: None,
        });
        accepted
    }

    /// The block list for which this client is refused, if it is; that it was is noted.
    pub(crate) fn refused_by_list(&mut self) -> Option<Listed> {
        let listed = self.facts.refused_by.clone();
        if listed.is_some() {
            self.quirk(Quirk::RefusedByList);
        }
        listed
    }

    /// Has a secret blotted out in the transcript.
    pub(crate) fn hide(&mut self, secret: Secret) {
        self.facts.secrets.push(secret);
    }
}

/// A login that a client offers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) mechanism: &'a str,
    pub(crate) user: &'a [u8],
    pub(crate) secret: &'a [u8],
    pub(crate) challenge: Option<&'a [u8]>,
}

impl<'a> Offered<'a> {
    pub(crate) fn new(protocol: Protocol, mechanism: &'a str, user: &'a [u8]) -> Self {
        Self { protocol, mechanism, user, secret: b"", challenge: None }
    }
}

/// What is known of a connection, besides its transcript.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) path: Vec<Protocol>,
    pub(crate) requests: Vec<Request>,
    pub(crate) logins: Vec<Login>,
    pub(crate) helo: Option<ByteVec>,
    pub(crate) quirks: Quirks,
    pub(crate) commands: u64,
    pub(crate) messages: u32,
    pub(crate) recipients: u64,
    pub(crate) refused: u32,
    /// Those of them that were too big.
    pub(crate) oversized: u32,
    /// Where the innermost proxy was asked to go.
    pub(crate) target: Option<Target>,
    /// How far away the innermost far side is: through every proxy on the way.
    pub(crate) distance: Duration,
    /// Who logged in.
    pub(crate) user: Option<ByteVec>,
    /// Logins that were refused.
    pub(crate) refused_logins: u32,
    /// TLS layers, and the handshake that failed, if one did.
    pub(crate) tls: Vec<Tls>,
    /// How it speaks.
    pub(crate) dialect: Dialect,
    /// The block list for which the client is refused.
    pub(crate) refused_by: Option<Listed>,
    /// Secrets of the last step, for the recorder.
    pub(crate) secrets: Vec<Secret>,
    /// Bytes of the lists of requests and logins.
    listed: usize,
}

impl Facts {
    /// Whether a list may grow by so many bytes; if so they are counted.
    fn has_room(&mut self, length: usize) -> bool {
        let room = self.listed + length <= MAX_LISTED_BYTES;
        self.listed += if room { length } else { 0 };
        room
    }
}
