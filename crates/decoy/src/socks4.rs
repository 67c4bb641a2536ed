//! SOCKS version 4 and its extension 4a: one request, one reply, then the far side.
//!
//! Sources: "SOCKS: A protocol for TCP proxy across firewalls" (Y. Lee) and "SOCKS 4A" (the same).

use evidence::{Answer, End, Protocol, Quirk, Target};

use crate::engine::{Cx, Offered, Step, Then};
use crate::target;

/// Longest user id and longest host name read. A longer one makes the request malformed.
const MAX_TEXT: usize = 255;

const GRANTED: u8 = 0x5A;
const REJECTED: u8 = 0x5B;

/// The longest request: fixed part, user id, name, and the NUL after each.
const MAX_REQUEST: usize = 8 + 2 * (MAX_TEXT + 1);

#[derive(Debug)]
pub(crate) struct Socks4 {
    request: Vec<u8>,
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
        Self { request: Vec::new() }
    }

    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        // One byte more tells whether the request is complete; what is beyond it belongs to the far side.
        for (index, byte) in input.iter().enumerate() {
            self.request.push(*byte);
            if let Some(request) = parse(&self.request) {
                return answer(cx, &request, index + 1);
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

fn answer(cx: &mut Cx<'_>, request: &Request<'_>, used: usize) -> Step {
    let (protocol, target) = match request.name {
        Some(name) => (Protocol::Socks4a, Target { host: name.to_vec().into(), port: request.port }),
        None => (Protocol::Socks4, target::v4(request.address, request.port)),
    };
    cx.enter(protocol);
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
    let engine = if request.command == 1 && allowed { target::far_side(&target, cx) } else { None };
    let (code, answer) = match (&engine, request.command) {
        (Some(_), _) => (GRANTED, Answer::Granted),
        (None, _) if !allowed => (REJECTED, Answer::Unauthorized),
        (None, 1) => (REJECTED, Answer::Unreachable),
        (None, _) => (REJECTED, Answer::Unsupported),
    };
    cx.reply.extend_from_slice(&[0, code]);
    cx.reply.extend_from_slice(&request.port.to_be_bytes());
    cx.reply.extend_from_slice(&request.address);
    cx.request(protocol, verb, target, answer);
    Step::used(used).then(match engine {
        Some(engine) => Then::Become(engine, Vec::new()),
        None => Then::Close(End::Answered),
    })
}
