//! SOCKS version 4 and its extension 4a: one request, one reply, then the far side.
//!
//! Sources: "SOCKS: A protocol for TCP proxy across firewalls" (Y. Lee) and "SOCKS 4A" (the same).

use std::net::IpAddr;

use evidence::{Answer, End, Protocol, Quirk, Target};

use crate::dialect::{self, Feature};
use crate::distance::NoAnswer;
use crate::engine::{Cx, Offered, Step, Then};
use crate::persona::{Bound, Version4};
use crate::socks5;
use crate::target::{self, Reach};

/// Longest user id and longest host name read. A longer one makes the request malformed.
const MAX_TEXT: usize = 255;

const GRANTED: u8 = 0x5A;
const REJECTED: u8 = 0x5B;

/// The longest request: fixed part, user id, name, and the NUL after each.
const MAX_REQUEST: usize = 8 + 2 * (MAX_TEXT + 1);

#[derive(Debug)]
pub(crate) struct Socks4 {
    request: Vec<u8>,
    /// BIND was granted: nobody will come.
    bound: bool,
}

struct Request<'a> {
    command: u8,
    port: u16,
    address: [u8; 4],
    user: &'a [u8],
    /// The name of a 4a request.
    name: Option<&'a [u8]>,
}

impl Socks4 {
    pub(crate) fn new() -> Self {
        Self { request: Vec::new(), bound: false }
    }

    /// Whether nothing more is expected of the client.
    pub(crate) fn is_bound(&self) -> bool {
        self.bound
    }

    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        if self.bound {
            return Step::used(input.len());
        }
        if cx.persona.socks.version_4 == Version4::Foreign {
            cx.enter(Protocol::Socks4);
            // What an offer of no known method is told.
            cx.reply.extend_from_slice(&[5, 0xFF]);
            return Step::used(1).then(Then::Close(End::Answered));
        }
        // One byte more tells whether the request is complete; what is beyond it belongs to the far side.
        for (index, byte) in input.iter().enumerate() {
            self.request.push(*byte);
            if let Some(request) = parse(&self.request) {
                let (step, bound) = answer(cx, &request, index + 1);
                self.bound = bound;
                return step;
            }
            if self.request.len() >= MAX_REQUEST {
                cx.enter(Protocol::Socks4);
                cx.quirk(Quirk::MalformedRequest);
                return Step::used(index + 1).then(Then::Close(End::Answered));
            }
        }
        Step::used(input.len())
    }
}

/// The request, once it is complete.
fn parse(bytes: &[u8]) -> Option<Request<'_>> {
    let (&[_, command, port_high, port_low, a, b, c, d], texts) = bytes.split_first_chunk::<8>()?;
    let user_end = texts.iter().position(|byte| *byte == 0)?;
    let (user, rest) = (&texts[..user_end], &texts[user_end + 1..]);
    let named = [a, b, c] == [0, 0, 0] && d != 0;
    let name = match named {
        true => Some(&rest[..rest.iter().position(|byte| *byte == 0)?]),
        false => None,
    };
    Some(Request { command, port: u16::from_be_bytes([port_high, port_low]), address: [a, b, c, d], user, name })
}

/// Answers a request: the step, and whether it is held open for a connection that never comes.
fn answer(cx: &mut Cx<'_>, request: &Request<'_>, used: usize) -> (Step, bool) {
    let (protocol, target) = match request.name {
        Some(name) => (Protocol::Socks4a, Target { host: name.to_vec().into(), port: request.port }),
        None => (Protocol::Socks4, target::v4(request.address, request.port)),
    };
    cx.enter(protocol);
    note(cx, request);
    // The user id is all that this version has for a login.
    let allowed = match request.user {
        b"" => !cx.listener.auth.demands_login(),
        user => cx.login(Offered::new(protocol, "userid", user)),
    };
    let verb: &[u8] = match request.command {
        1 => b"CONNECT",
        2 => b"BIND",
        _ => b"?",
    };
    let step = Step::used(used);
    let closing = |step: Step| step.then(Then::Close(End::Answered));
    let mut repeats = false;
    let (code, said, step, bound) = match request.command {
        1 | 2 if !allowed => (Some(REJECTED), Answer::Unauthorized, closing(step), false),
        1 | 2 if cx.refused_by_list().is_some() => (Some(REJECTED), Answer::Forbidden, closing(step), false),
        1 => {
            let Reach { far, after } = target::far_side(&target, cx);
            repeats = cx.persona.socks.repeats && matches!(far, Err(NoAnswer::Nowhere));
            match far {
                Ok(engine) => {
                    let step = step.after(after).then(Then::Become(engine, Vec::new()));
                    (Some(GRANTED), Answer::Granted, step, false)
                }
                Err(_) => (Some(REJECTED), Answer::Unreachable, closing(step.after(after)), false),
            }
        }
        2 if cx.persona.socks.bind => (Some(GRANTED), Answer::Granted, step, true),
        _ => (cx.persona.socks.bad_command.map(|_| REJECTED), Answer::Unsupported, closing(step), false),
    };
    cx.request(protocol, verb, target, said);
    if let Some(code) = code {
        reply(cx, request, code, repeats);
    }
    (step, bound)
}

/// A reply with what the proxy has bound, or with what was asked for.
fn reply(cx: &mut Cx<'_>, request: &Request<'_>, code: u8, repeats: bool) {
    let (address, port) = match socks5::bound(cx) {
        (IpAddr::V4(address), port) if !repeats && cx.persona.socks.bound == Bound::Outer => (address.octets(), port),
        _ => (request.address, request.port),
    };
    cx.reply.extend_from_slice(&[0, code]);
    cx.reply.extend_from_slice(&port.to_be_bytes());
    cx.reply.extend_from_slice(&address);
}

/// Notes how the request is written: of a 4a request the address that stands for none is the client's choice.
fn note(cx: &mut Cx<'_>, request: &Request<'_>) {
    let dialect = &mut cx.facts.dialect;
    dialect.note(Feature::User, dialect::known_user(request.user));
    dialect.note(Feature::Command, dialect::socks_command(request.command));
    match request.name {
        Some(name) => {
            dialect.note(Feature::Address, &format!("{} 0.0.0.{}", dialect::address(name), request.address[3]));
        }
        None => dialect.note(Feature::Address, "ip4"),
    }
}
