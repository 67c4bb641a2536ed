//! Which protocol does the client speak? The first bytes decide, on any port.

use std::time::Duration;

use evidence::{End, Quirk, Time};

use crate::conversation::{Secure, Server, TLS_HANDSHAKE};
use crate::engine::{Cx, Engine, Step, Then, Unit};
use crate::http::{self, Http};
use crate::smtp::{self, Cover, Smtp};
use crate::socks4::Socks4;
use crate::socks5::Socks5;

/// Longest word that is looked at to tell text protocols apart. A longer first word names none.
const MAX_WORD: usize = 16;

/// Most line ends before the first word. After more no word is waited for.
const MAX_LINE_ENDS: usize = 32;

/// How long a client that must speak first may be silent, and how long its first word may take.
const SILENCE: Duration = Duration::from_secs(60);

/// How long bytes of no known protocol are listened to, and how many: enough to tell what it was.
const LISTEN_FOR: Duration = Duration::from_secs(5);
const LISTEN_TO: usize = 4096;

/// Listens until it knows.
#[derive(Debug)]
pub(crate) struct Sniff {
    /// When a mail server's banner is sent to a client that waits for one.
    banner_at: Option<Time>,
    /// How long it waits before.
    banner_after: Option<Duration>,
    /// Who is listening.
    server: Server,
    /// Whether text that names no protocol is for a mail server.
    mail: bool,
    /// What came of the first word, after line ends before it.
    seen: Vec<u8>,
    /// Bytes of no known protocol: since when, and how many.
    unknown: Option<(Time, usize)>,
}

impl Sniff {
    pub(crate) fn new(now: Time, banner_after: Option<Duration>, mail: bool, server: Server) -> Self {
        let banner_at = banner_after.map(|after| now + after);
        Self { banner_at, banner_after, server, mail, seen: Vec::new(), unknown: None }
    }

    /// Listens anew, to what comes through TLS.
    pub(crate) fn secured(&mut self, cx: &mut Cx<'_>) -> Step {
        *self = Self::new(cx.now, self.banner_after, self.mail, self.server.clone());
        Step::used(0)
    }

    pub(crate) fn deadline(&self, last_input: Time) -> Time {
        match (self.unknown, self.banner_at) {
            (Some((since, _)), _) => since + LISTEN_FOR,
            (None, Some(banner_at)) => banner_at,
            (None, None) => last_input + SILENCE,
        }
    }

    /// A first word has begun.
    pub(crate) fn unit(&self) -> Option<Unit> {
        (!self.seen.is_empty()).then_some(Unit::Request(SILENCE))
    }

    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) -> Step {
        if self.banner_at.is_none() || self.unknown.is_some() {
            return Step::used(0).then(Then::Close(End::Idle));
        }
        self.become_mail(cx, 0)
    }

    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        if let Some((since, listened)) = self.unknown {
            let used = input.len().min(LISTEN_TO - listened);
            self.unknown = Some((since, listened + used));
            let heard_enough = listened + used == LISTEN_TO;
            return Step::used(used).then(if heard_enough { Then::Close(End::Answered) } else { Then::Continue });
        }
        match (self.word().first().copied(), input[0]) {
            (None, 0x04) => self.become_engine(Engine::Socks4(Socks4::new()), 0),
            (None, 0x05) => self.become_engine(Engine::Socks5(Socks5::new()), 0),
            (None, TLS_HANDSHAKE) if cx.may_secure() => {
                Step::used(0).then(Then::Secure(Secure { server: self.server.clone(), purge: false }))
            }
            (None, TLS_HANDSHAKE) => self.unknown(cx, Quirk::TlsHello),
            (None, end @ (b'\r' | b'\n')) => self.line_end(end),
            (None, first) if !first.is_ascii_graphic() => self.unknown(cx, Quirk::UnknownProtocol),
            _ => self.text(cx, input),
        }
    }

    /// Text: the first word tells. It is taken as far as it is looked at, and what ends it is not, however it came.
    fn text(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        let end = input.iter().position(|byte| byte.is_ascii_whitespace() || *byte == 0);
        let here = &input[..end.unwrap_or(input.len())];
        let word = [self.word(), here].concat();
        let used = here.len().min(MAX_WORD - self.word().len());
        self.seen.extend_from_slice(&here[..used]);
        if end.is_none() && word.len() <= MAX_WORD {
            return Step::used(used);
        }
        if word == b"PROXY" {
            cx.quirk(Quirk::ProxyHeaderInStream);
        }
        if !http::is_method(&word) && (self.mail || smtp::is_mail_word(&word)) {
            self.become_mail(cx, used)
        } else {
            self.become_engine(Engine::Http(Box::new(Http::new())), used)
        }
    }

    /// What was seen, without the line ends before the first word.
    fn word(&self) -> &[u8] {
        let start = self.seen.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
        start.map_or(&[], |start| &self.seen[start..])
    }

    /// A line end before the first word.
    fn line_end(&mut self, end: u8) -> Step {
        self.seen.push(end);
        if self.seen.len() > MAX_LINE_ENDS {
            return self.become_engine(Engine::Http(Box::new(Http::new())), 1);
        }
        Step::used(1)
    }

    fn unknown(&mut self, cx: &mut Cx<'_>, quirk: Quirk) -> Step {
        cx.quirk(quirk);
        self.unknown = Some((cx.now, 0));
        Step::used(0)
    }

    fn become_mail(&mut self, cx: &mut Cx<'_>, used: usize) -> Step {
        if self.banner_at.is_none_or(|at| cx.now < at) {
            cx.quirk(Quirk::EarlyTalker);
        }
        let cover = if cx.is_secured() { Cover::Active } else { Cover::offered(cx) };
        let smtp = Smtp::new(cx.persona).covered(cover, self.server.clone());
        self.become_engine(Engine::Smtp(Box::new(smtp)), used)
    }

    fn become_engine(&mut self, engine: Engine, used: usize) -> Step {
        Step::used(used).then(Then::Become(engine, std::mem::take(&mut self.seen)))
    }
}
