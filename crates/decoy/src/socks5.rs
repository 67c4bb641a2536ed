//! SOCKS version 5 (RFC 1928) without authentication or with user name and password (RFC 1929), then the far side.

use std::net::IpAddr;

use evidence::{Answer, End, Protocol, Quirk, Target};

use crate::dialect::{self, Feature};
use crate::distance::NoAnswer;
use crate::engine::{Cx, Offered, Step, Then};
use crate::persona::{Bound, Login};
use crate::recorder::Secret;
use crate::target::{self, Reach};

const NO_AUTHENTICATION: u8 = 0;
const USER_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xFF;

/// The reply code of RFC 1928, section 6, that all programs share; the others are the persona's.
const SUCCEEDED: u8 = 0;
/// The code of those whom the proxy's rules do not allow.
const NOT_ALLOWED: u8 = 2;

/// Longest of the three messages: user name and password of 255 bytes each.
const MAX_MESSAGE: usize = 3 + 2 * 255;

#[derive(Debug)]
pub(crate) struct Socks5 {
    state: State,
    /// The message being received; never longer than [`MAX_MESSAGE`], because each tells its length.
    message: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Greeting,
    Login,
    Request,
    /// BIND or UDP ASSOCIATE was granted: nobody will come.
    Bound,
}

impl Socks5 {
    pub(crate) fn new() -> Self {
        Self { state: State::Greeting, message: Vec::new() }
    }

    /// Whether nothing more is expected of the client.
    pub(crate) fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound)
    }

    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        if matches!(self.state, State::Bound) {
            return Step::used(input.len());
        }
        for (index, byte) in input.iter().enumerate() {
            self.message.push(*byte);
            let length = match self.state {
                State::Greeting => greeting_length(&self.message),
                State::Login => login_length(&self.message),
                State::Request => request_length(&self.message),
                State::Bound => None,
            };
            if length.is_some_and(|length| self.message.len() >= length) || self.message.len() >= MAX_MESSAGE {
                let message = std::mem::take(&mut self.message);
                return self.message(cx, &message, index + 1);
            }
        }
        Step::used(input.len())
    }

    fn message(&mut self, cx: &mut Cx<'_>, message: &[u8], used: usize) -> Step {
        match self.state {
            State::Greeting => self.greeting(cx, &message[2..], used),
            State::Login => self.login(cx, message, used),
            State::Request | State::Bound => self.request(cx, message, used),
        }
    }

    /// What came so far of a password.
    pub(crate) fn unfinished_secret(&self) -> Option<Secret> {
        let secret = 3 + usize::from(*self.message.get(1)?);
        let login = matches!(self.state, State::Login) && self.message.len() > secret;
        login.then(|| Secret::exactly(&self.message[..secret], &self.message[secret..]))
    }

    fn greeting(&mut self, cx: &mut Cx<'_>, methods: &[u8], used: usize) -> Step {
        cx.enter(Protocol::Socks5);
        cx.facts.dialect.note(Feature::Methods, &methods_form(methods));
        let wanted: &[u8] = match cx.persona.socks.login {
            _ if cx.listener.auth.demands_login() => &[USER_PASSWORD],
            Login::Never => &[NO_AUTHENTICATION],
            Login::Offered => &[NO_AUTHENTICATION, USER_PASSWORD],
            Login::Preferred => &[USER_PASSWORD, NO_AUTHENTICATION],
        };
        let method = wanted.iter().copied().find(|method| methods.contains(method));
        cx.reply.extend_from_slice(&[5, method.unwrap_or(NO_METHOD)]);
        self.state = match method {
            Some(NO_AUTHENTICATION) => State::Request,
            Some(_) => State::Login,
            None => return Step::used(used).then(Then::Close(End::Answered)),
        };
        Step::used(used)
    }

    fn login(&mut self, cx: &mut Cx<'_>, message: &[u8], used: usize) -> Step {
        let user_end = 2 + usize::from(message[1]);
        let (user, secret) = (&message[2..user_end], &message[user_end + 1..]);
        cx.hide(Secret::exactly(&message[..=user_end], secret));
        cx.facts.dialect.note(Feature::User, dialect::known_user(user));
        let accepted = cx.login(Offered { secret, ..Offered::new(Protocol::Socks5, "userpass", user) });
        let persona = &cx.persona.socks;
        let malformed = message[0] != 1 || user.is_empty();
        if malformed {
            cx.quirk(Quirk::MalformedCredentials);
        }
        let status = match accepted && !malformed {
            true => Some(SUCCEEDED),
            false if message[0] != 1 => persona.login_malformed,
            false => persona.login_malformed.filter(|_| malformed).or(Some(persona.login_refused)),
        };
        cx.reply.extend(status.into_iter().flat_map(|status| [1, status]));
        if status != Some(SUCCEEDED) {
            // RFC 1929: the server must close.
            return Step::used(used).then(Then::Close(End::Answered));
        }
        self.state = State::Request;
        Step::used(used)
    }

    fn request(&mut self, cx: &mut Cx<'_>, message: &[u8], used: usize) -> Step {
        note(cx, message);
        let persona = &cx.persona.socks;
        let verb: &[u8] = match message[1] {
            1 => b"CONNECT",
            2 => b"BIND",
            3 => b"UDP ASSOCIATE",
            _ => b"?",
        };
        let malformed = |cx: &mut Cx<'_>, code: Option<u8>| {
            cx.quirk(Quirk::MalformedRequest);
            cx.request(Protocol::Socks5, verb, Target { host: Vec::new().into(), port: 0 }, Answer::Malformed);
            refuse(cx, code, used)
        };
        if message[0] != 5 || (persona.strict_reserved && message[2] != 0) {
            return malformed(cx, persona.bad_version);
        }
        let target = match asked_target(message) {
            Some(target) => target,
            // An empty name is one that does not exist.
            None if message[3] == 3 => {
                cx.quirk(Quirk::MalformedRequest);
                let nowhere = Target { host: Vec::new().into(), port: 0 };
                cx.request(Protocol::Socks5, verb, nowhere, Answer::Malformed);
                fail(cx, message, NoAnswer::NoName);
                return Step::used(used).then(Then::Close(End::Answered));
            }
            None => return malformed(cx, persona.bad_address),
        };
        if cx.refused_by_list().is_some() {
            cx.request(Protocol::Socks5, verb, target, Answer::Forbidden);
            return refuse(cx, Some(NOT_ALLOWED), used);
        }
        match message[1] {
            1 => connect(cx, message, target, used),
            2 if persona.bind => self.hold(cx, verb, target, used),
            3 if persona.udp => self.hold(cx, verb, target, used),
            _ => {
                cx.request(Protocol::Socks5, verb, target, Answer::Unsupported);
                refuse(cx, persona.bad_command, used)
            }
        }
    }

    /// Grants what nobody will make use of.
    fn hold(&mut self, cx: &mut Cx<'_>, verb: &[u8], target: Target, used: usize) -> Step {
        cx.request(Protocol::Socks5, verb, target, Answer::Granted);
        reply(cx, SUCCEEDED);
        self.state = State::Bound;
        Step::used(used)
    }
}

fn connect(cx: &mut Cx<'_>, message: &[u8], target: Target, used: usize) -> Step {
    let Reach { far, after } = target::far_side(&target, cx);
    match far {
        Err(reason) => {
            cx.request(Protocol::Socks5, b"CONNECT", target, Answer::Unreachable);
            fail(cx, message, reason);
            Step::used(used).after(after).then(Then::Close(End::Answered))
        }
        Ok(engine) => {
            cx.request(Protocol::Socks5, b"CONNECT", target, Answer::Granted);
            reply(cx, SUCCEEDED);
            Step::used(used).after(after).then(Then::Become(engine, Vec::new()))
        }
    }
}

/// Says why a request's target does not answer.
fn fail(cx: &mut Cx<'_>, message: &[u8], reason: NoAnswer) {
    let code = cx.persona.socks.code(reason);
    if cx.persona.socks.repeats && matches!(reason, NoAnswer::NoName | NoAnswer::Nowhere) {
        cx.reply.extend_from_slice(&[5, code, 0]);
        cx.reply.extend_from_slice(&message[3..]);
    } else {
        reply(cx, code);
    }
}

/// Says why not, where the persona says it, and hangs up.
fn refuse(cx: &mut Cx<'_>, code: Option<u8>, used: usize) -> Step {
    if let Some(code) = code {
        reply(cx, code);
    }
    Step::used(used).then(Then::Close(End::Answered))
}

/// Most methods that are told. `+` stands for more.
const MAX_METHODS: usize = 8;

/// The methods in their order; `none` for none.
fn methods_form(methods: &[u8]) -> String {
    let mut told: Vec<_> = methods.iter().take(MAX_METHODS).map(u8::to_string).collect();
    match methods.len() {
        0 => "none".to_owned(),
        length if length > MAX_METHODS => {
            told.push("+".to_owned());
            told.join(" ")
        }
        _ => told.join(" "),
    }
}

/// Notes how a request is written.
fn note(cx: &mut Cx<'_>, message: &[u8]) {
    let dialect = &mut cx.facts.dialect;
    dialect.note(Feature::Command, dialect::socks_command(message[1]));
    dialect.note(
        Feature::Address,
        match message[3] {
            1 => "ip4",
            4 => "ip6",
            // A name that is an address tells of a client that does not look.
            3 if dialect::address(message.get(5..message.len().saturating_sub(2)).unwrap_or_default()) != "name" => {
                "ip-as-name"
            }
            3 => "name",
            _ => "?",
        },
    );
}

/// `05 n methods`
fn greeting_length(message: &[u8]) -> Option<usize> {
    Some(2 + usize::from(*message.get(1)?))
}

/// `01 n user n password`
fn login_length(message: &[u8]) -> Option<usize> {
    let user = usize::from(*message.get(1)?);
    Some(3 + user + usize::from(*message.get(2 + user)?))
}

/// `05 command 00 type address port`; an unknown address type ends with its type.
fn request_length(message: &[u8]) -> Option<usize> {
    Some(match message.get(3)? {
        1 => 10,
        4 => 22,
        3 => 7 + usize::from(*message.get(4)?),
        _ => 4,
    })
}

/// The target of a complete request.
fn asked_target(message: &[u8]) -> Option<Target> {
    let (address, port) = message[4..].split_at(message.len().saturating_sub(6));
    let port = u16::from_be_bytes(port.try_into().ok()?);
    match (message[3], address) {
        (1, [a, b, c, d]) => Some(target::v4([*a, *b, *c, *d], port)),
        (3, [_, name @ ..]) if !name.is_empty() => Some(Target { host: name.to_vec().into(), port }),
        (4, address) => Some(target::v6(<[u8; 16]>::try_from(address).ok()?, port)),
        _ => None,
    }
}

/// A reply with the address that the proxy would have bound.
fn reply(cx: &mut Cx<'_>, code: u8) {
    cx.reply.extend_from_slice(&[5, code, 0]);
    let (address, port) = bound(cx);
    match address {
        IpAddr::V4(address) => {
            cx.reply.push(1);
            cx.reply.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            cx.reply.push(4);
            cx.reply.extend_from_slice(&address.octets());
        }
    }
    cx.reply.extend_from_slice(&port.to_be_bytes());
}

/// What the persona says that the proxy has bound: its address as the world knows it, and a port of the kernel's range.
pub(crate) fn bound(cx: &Cx<'_>) -> (IpAddr, u16) {
    match cx.persona.socks.bound {
        Bound::Outer => (cx.listener.public.unwrap_or(cx.connection.local.ip()), cx.outer_port()),
        Bound::Zero => (IpAddr::from([0; 4]), 0),
    }
}
