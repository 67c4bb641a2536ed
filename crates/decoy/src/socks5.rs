//! SOCKS version 5 (RFC 1928) without authentication or with user name and password (RFC 1929), then the far side.

use std::net::IpAddr;

use evidence::{Answer, End, Protocol, Quirk, Target};

use crate::engine::{Cx, Offered, Step, Then};
use crate::recorder::Secret;
use crate::target;

const NO_AUTHENTICATION: u8 = 0;
const USER_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xFF;

/// Reply codes of RFC 1928, section 6.
const SUCCEEDED: u8 = 0;
const GENERAL_FAILURE: u8 = 1;
const REFUSED: u8 = 5;
const COMMAND_UNSUPPORTED: u8 = 7;
const ADDRESS_UNSUPPORTED: u8 = 8;

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
}

impl Socks5 {
    pub(crate) fn new() -> Self {
        Self { state: State::Greeting, message: Vec::new() }
    }

    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        for (index, byte) in input.iter().enumerate() {
            self.message.push(*byte);
            let length = match self.state {
                State::Greeting => greeting_length(&self.message),
                State::Login => login_length(&self.message),
                State::Request => request_length(&self.message),
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
            State::Request => request(cx, message, used),
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
        let wanted: &[u8] =
            if cx.listener.auth.demands_login() { &[USER_PASSWORD] } else { &[NO_AUTHENTICATION, USER_PASSWORD] };
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
        if message[0] != 1 {
            cx.quirk(Quirk::MalformedCredentials);
        }
        cx.hide(Secret::exactly(&message[..=user_end], secret));
        let accepted = cx.login(Offered { secret, ..Offered::new(Protocol::Socks5, "userpass", user) });
        cx.reply.extend_from_slice(&[1, u8::from(!accepted)]);
        if !accepted {
            // RFC 1929: the server must close.
            return Step::used(used).then(Then::Close(End::Answered));
        }
        self.state = State::Request;
        Step::used(used)
    }
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

fn request(cx: &mut Cx<'_>, message: &[u8], used: usize) -> Step {
    let verb: &[u8] = match message[1] {
        1 => b"CONNECT",
        2 => b"BIND",
        3 => b"UDP ASSOCIATE",
        _ => b"?",
    };
    let refuse = |cx: &mut Cx<'_>, target: Option<Target>, code: u8, answer: Answer| {
        if answer == Answer::Malformed {
            cx.quirk(Quirk::MalformedRequest);
        }
        let target = target.unwrap_or(Target { host: Vec::new().into(), port: 0 });
        cx.request(Protocol::Socks5, verb, target, answer);
        reply(cx, code);
        Step::used(used).then(Then::Close(End::Answered))
    };
    let target = match asked_target(message) {
        Ok(target) if message[0] == 5 => target,
        Ok(_) => return refuse(cx, None, GENERAL_FAILURE, Answer::Malformed),
        Err(code) => return refuse(cx, None, code, Answer::Malformed),
    };
    if message[1] != 1 {
        return refuse(cx, Some(target), COMMAND_UNSUPPORTED, Answer::Unsupported);
    }
    match target::far_side(&target, cx) {
        None => refuse(cx, Some(target), REFUSED, Answer::Unreachable),
        Some(engine) => {
            cx.request(Protocol::Socks5, verb, target, Answer::Granted);
            reply(cx, SUCCEEDED);
            Step::used(used).then(Then::Become(engine, Vec::new()))
        }
    }
}

/// The target of a complete request, or the code that refuses it.
fn asked_target(message: &[u8]) -> Result<Target, u8> {
    let (address, port) = message[4..].split_at(message.len().saturating_sub(6));
    let port = match port {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => return Err(ADDRESS_UNSUPPORTED),
    };
    match (message[3], address) {
        (1, [a, b, c, d]) => Ok(target::v4([*a, *b, *c, *d], port)),
        (3, [_, name @ ..]) if !name.is_empty() => Ok(Target { host: name.to_vec().into(), port }),
        (4, address) => <[u8; 16]>::try_from(address).map(|a| target::v6(a, port)).map_err(|_| ADDRESS_UNSUPPORTED),
        (3, _) => Err(GENERAL_FAILURE),
        _ => Err(ADDRESS_UNSUPPORTED),
    }
}

/// A reply with the address that the proxy would have bound: its own, with a port of the kernel's range.
fn reply(cx: &mut Cx<'_>, code: u8) {
    let bound = (code == SUCCEEDED).then_some(cx.connection.local.ip());
    cx.reply.extend_from_slice(&[5, code, 0]);
    match bound {
        Some(IpAddr::V4(address)) => {
            cx.reply.push(1);
            cx.reply.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            cx.reply.push(4);
            cx.reply.extend_from_slice(&address.octets());
        }
        None => cx.reply.extend_from_slice(&[1, 0, 0, 0, 0]),
    }
    let port = if bound.is_some() { cx.outer_port() } else { 0 };
    cx.reply.extend_from_slice(&port.to_be_bytes());
}
