//! AUTH (RFC 4954): PLAIN, LOGIN and CRAM-MD5 (RFC 2195) are kept; whether one is right the listener's policy says.
//!
//! No digest is ever checked: there is no password to check it against.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::{Protocol, Quirk};

use super::{Delay, Smtp, State, Which};
use crate::engine::{Cx, Offered};
use crate::line::Line;
use crate::persona::Manner;
use crate::recorder::Secret;

/// A login under way: which answer is awaited.
#[derive(Debug)]
pub(super) enum Exchange {
    Plain,
    LoginUser,
    LoginSecret { user: Vec<u8> },
    Digest { challenge: Vec<u8> },
}

impl Exchange {
    /// What is secret in the answer, whole or not: all of it, unless it is the user's name.
    pub(super) fn secret(&self, answer: &[u8]) -> Option<Secret> {
        (!matches!(self, Self::LoginUser)).then(|| Secret::rest_of_line(b"\n", answer))
    }
}

/// `Username:` and `Password:`, as the mechanism LOGIN asks.
const ASK_USER: &[u8] = b"334 VXNlcm5hbWU6\r\n";
const ASK_SECRET: &[u8] = b"334 UGFzc3dvcmQ6\r\n";
const ASK_RESPONSE: &[u8] = b"334 \r\n";

impl Smtp {
    pub(super) fn auth(&mut self, cx: &mut Cx<'_>, line: &Line, argument: &[u8]) -> Delay {
        hide_initial(cx, line);
        if self.logged_in {
            return self.error(cx, |r| &r.auth_again, &[]);
        }
        if self.envelope.is_some() {
            return self.error(cx, |r| &r.in_mail, &[]);
        }
        let mut words = argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (Some(mechanism), initial, None) = (words.next(), words.next(), words.next()) else {
            return self.error(cx, |r| &r.auth_syntax, &[]);
        };
        self.login(cx, mechanism, initial)
    }

    /// Begins a login, where one may begin.
    pub(super) fn login(&mut self, cx: &mut Cx<'_>, mechanism: &[u8], initial: Option<&[u8]>) -> Delay {
        let name = String::from_utf8_lossy(mechanism);
        let offered = self.persona(cx).offers_login(&name);
        let exchange = match name.to_ascii_uppercase().as_str() {
            "PLAIN" if offered => Exchange::Plain,
            "CRAM-MD5" if offered => Exchange::Digest { challenge: self.challenge(cx) },
            "LOGIN" if offered => Exchange::LoginUser,
            _ => return self.error(cx, |r| &r.auth_mechanism, &[("argument", mechanism)]),
        };
        match initial {
            // This mechanism's first word is the server's (RFC 4954, section 4).
            Some(response) if matches!(exchange, Exchange::Digest { .. }) => {
                let sendmail = self.persona(cx).manner == Manner::Sendmail;
                let which: Which = if sendmail { |r| &r.auth_initial } else { self.complaint(cx, response) };
                self.malformed(cx, which, response)
            }
            Some(response) => self.respond(cx, exchange, response),
            None => self.ask(cx, exchange),
        }
    }

    /// A line after a 334.
    pub(super) fn continue_login(&mut self, cx: &mut Cx<'_>, exchange: Exchange, line: &Line) -> Delay {
        cx.facts.secrets.extend(exchange.secret(&line.bytes));
        if line.bytes == b"*" {
            return self.error(cx, |r| &r.auth_aborted, &[]);
        }
        self.respond(cx, exchange, &line.bytes)
    }

    fn ask(&mut self, cx: &mut Cx<'_>, exchange: Exchange) -> Delay {
        match &exchange {
            Exchange::Plain => cx.reply.extend_from_slice(ASK_RESPONSE),
            Exchange::LoginUser => cx.reply.extend_from_slice(ASK_USER),
            Exchange::LoginSecret { .. } => cx.reply.extend_from_slice(ASK_SECRET),
            Exchange::Digest { challenge } => cx.line("334 {}", &[("", STANDARD.encode(challenge).as_bytes())]),
        }
        self.state = State::Auth(exchange);
        self.delay(cx)
    }

    fn respond(&mut self, cx: &mut Cx<'_>, exchange: Exchange, response: &[u8]) -> Delay {
        // To Cyrus SASL, which Postfix asks, nothing is an answer too.
        let empty = self.persona(cx).manner == Manner::Postfix;
        let decoded = STANDARD.decode(response).ok().filter(|decoded| empty || !decoded.is_empty());
        match (exchange, decoded) {
            (Exchange::Plain, Some(decoded)) => match plain(&decoded) {
                Some((user, secret)) => self.decide(cx, offer("PLAIN", user, secret)),
                None => self.malformed(cx, self.complaint(cx, response), response),
            },
            (Exchange::LoginUser, Some(user)) => self.ask(cx, Exchange::LoginSecret { user }),
            (Exchange::LoginSecret { user }, Some(secret)) => self.decide(cx, offer("LOGIN", &user, &secret)),
            // A user name may hold blanks, a digest does not.
            (Exchange::Digest { challenge }, Some(answer)) => match answer.iter().rposition(|byte| *byte == b' ') {
                Some(blank) => {
                    let (user, digest) = (&answer[..blank], &answer[blank + 1..]);
                    let offered = Offered { challenge: Some(&challenge), ..offer("CRAM-MD5", user, digest) };
                    self.decide(cx, offered)
                }
                None => self.malformed(cx, self.complaint(cx, response), response),
            },
            (_, None) => self.malformed(cx, self.complaint(cx, response), response),
        }
    }

    /// What is said of an answer that cannot be used.
    fn complaint(&self, cx: &Cx<'_>, response: &[u8]) -> Which {
        match self.persona(cx).manner == Manner::Postfix && !is_cut(response) {
            true => |r| &r.auth_protocol,
            false => |r| &r.auth_malformed,
        }
    }

    /// What is to be digested: a time, a number and the server's name, so that it is never the same.
    fn challenge(&self, cx: &Cx<'_>) -> Vec<u8> {
        let number = cx.seed.wrapping_add(cx.facts.commands) % 10_000_000_000;
        format!("<{number}.{}@{}>", cx.now.micros().div_euclid(1_000_000), self.host).into_bytes()
    }

    fn decide(&mut self, cx: &mut Cx<'_>, offered: Offered<'_>) -> Delay {
        if !cx.login(offered) {
            return self.error(cx, |r| &r.auth_failed, &[]);
        }
        self.logged_in = true;
        self.reply(cx, |r| &r.auth_ok, &[])
    }

    fn malformed(&mut self, cx: &mut Cx<'_>, which: Which, response: &[u8]) -> Delay {
        cx.quirk(Quirk::MalformedCredentials);
        self.error(cx, which, &[("argument", response)])
    }
}

/// Whether base64 ends within a group of four: to Cyrus SASL more is to come.
fn is_cut(response: &[u8]) -> bool {
    let (whole, rest) = response.split_at(response.len() / 4 * 4);
    !rest.is_empty() && STANDARD.decode(whole).is_ok()
}

fn offer<'a>(mechanism: &'a str, user: &'a [u8], secret: &'a [u8]) -> Offered<'a> {
    Offered { secret, ..Offered::new(Protocol::Smtp, mechanism, user) }
}

/// Whatever follows the mechanism may be a password, also of mechanisms that are not offered.
pub(super) fn hide_initial(cx: &mut Cx<'_>, line: &Line) {
    cx.facts.secrets.extend(initial(&line.bytes));
}

/// What follows the mechanism in a line, whole or not.
pub(super) fn initial(line: &[u8]) -> Option<Secret> {
    let after_word = |from: usize| {
        let start = from + line[from..].iter().position(|byte| !byte.is_ascii_whitespace())?;
        Some(start + line[start..].iter().position(u8::is_ascii_whitespace)?)
    };
    let command = after_word(0).filter(|end| line[..*end].trim_ascii().eq_ignore_ascii_case(b"AUTH"))?;
    let mechanism = after_word(command)?;
    Some(Secret::rest_of_line(&line[..mechanism], &line[mechanism..]))
}

/// User and password of a PLAIN response (RFC 4616): `[authzid] NUL user NUL password`.
fn plain(response: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = response.splitn(3, |byte| *byte == 0);
    let (_, user, secret) = (parts.next()?, parts.next()?, parts.next()?);
    Some((user, secret))
}
