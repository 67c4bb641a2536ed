//! AUTH (RFC 4954): PLAIN and LOGIN are taken whatever the password is, and kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::{Protocol, Quirk};

use super::{Delay, Smtp, State};
use crate::engine::Cx;
use crate::line::Line;

/// A login under way: which answer is awaited.
#[derive(Debug)]
pub(super) enum Exchange {
    Plain,
    LoginUser,
    LoginSecret { user: Vec<u8> },
}

/// `Username:` and `Password:`, as the mechanism LOGIN asks.
const ASK_USER: &[u8] = b"334 VXNlcm5hbWU6\r\n";
const ASK_SECRET: &[u8] = b"334 UGFzc3dvcmQ6\r\n";
const ASK_RESPONSE: &[u8] = b"334 \r\n";

impl Smtp {
    pub(super) fn auth(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
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
        let name = String::from_utf8_lossy(mechanism);
        let exchange = match name.to_ascii_uppercase().as_str() {
            "PLAIN" if cx.persona.smtp.offers_login(&name) => Exchange::Plain,
            "LOGIN" if cx.persona.smtp.offers_login(&name) => Exchange::LoginUser,
            _ => return self.error(cx, |r| &r.auth_mechanism, &[]),
        };
        match initial {
            Some(response) => self.respond(cx, exchange, response),
            None => self.ask(cx, exchange),
        }
    }

    /// A line after a 334.
    pub(super) fn continue_login(&mut self, cx: &mut Cx<'_>, exchange: Exchange, line: &Line) -> Delay {
        if line.bytes == b"*" {
            return self.error(cx, |r| &r.auth_aborted, &[]);
        }
        self.respond(cx, exchange, &line.bytes)
    }

    fn ask(&mut self, cx: &mut Cx<'_>, exchange: Exchange) -> Delay {
        cx.reply.extend_from_slice(match exchange {
            Exchange::Plain => ASK_RESPONSE,
            Exchange::LoginUser => ASK_USER,
            Exchange::LoginSecret { .. } => ASK_SECRET,
        });
        self.state = State::Auth(exchange);
        self.delay(cx)
    }

    fn respond(&mut self, cx: &mut Cx<'_>, exchange: Exchange, response: &[u8]) -> Delay {
        let decoded = STANDARD.decode(response).ok().filter(|decoded| !decoded.is_empty());
        match (exchange, decoded) {
            (Exchange::Plain, Some(decoded)) => match plain(&decoded) {
                Some((user, secret)) => self.accept(cx, "PLAIN", user, secret),
                None => self.malformed(cx),
            },
            (Exchange::LoginUser, Some(user)) => self.ask(cx, Exchange::LoginSecret { user }),
            (Exchange::LoginSecret { user }, Some(secret)) => self.accept(cx, "LOGIN", &user, &secret),
            (_, None) => self.malformed(cx),
        }
    }

    fn accept(&mut self, cx: &mut Cx<'_>, mechanism: &str, user: &[u8], secret: &[u8]) -> Delay {
        cx.login(Protocol::Smtp, mechanism, user, secret, true);
        self.logged_in = true;
        self.reply(cx, |r| &r.auth_ok, &[])
    }

    fn malformed(&mut self, cx: &mut Cx<'_>) -> Delay {
        cx.quirk(Quirk::MalformedCredentials);
        self.error(cx, |r| &r.auth_malformed, &[])
    }
}

/// User and password of a PLAIN response (RFC 4616): `[authzid] NUL user NUL password`.
fn plain(response: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = response.splitn(3, |byte| *byte == 0);
    let (_, user, secret) = (parts.next()?, parts.next()?, parts.next()?);
    Some((user, secret))
}
