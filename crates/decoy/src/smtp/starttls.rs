//! STARTTLS (RFC 3207): what was known of the client is forgotten, and commands that came behind it in plain text are thrown
//! away. When it may come is each server's own; Postfix takes it at any time, also in a transaction.

use super::Smtp;
use crate::conversation::{Secure, Server};
use crate::engine::{Cx, Step, Then};
use crate::persona::Role;
use crate::recorder::Secret;

/// What TLS there is for a dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cover {
    None,
    /// By STARTTLS.
    Offered,
    /// Before the first word.
    Awaited,
    /// It is there.
    Active,
}

impl Cover {
    /// What a server offers that greets in plain text.
    pub(crate) fn offered(cx: &Cx<'_>) -> Self {
        if cx.may_secure() { Self::Offered } else { Self::None }
    }
}

impl Smtp {
    /// Who this server is to those who begin TLS.
    pub(crate) fn server(&self) -> Server {
        match self.role {
            Role::Own => Server::Own,
            Role::Far(_) => Server::Far(self.host.clone()),
        }
    }

    pub(super) fn starttls(&mut self, cx: &mut Cx<'_>, argument: &[u8], used: usize) -> Step {
        let delay = match self.cover {
            _ if !argument.is_empty() => self.error(cx, |r| &r.starttls_syntax, &[]),
            Cover::None => self.error(cx, |r| &r.not_implemented, &[]),
            Cover::Awaited | Cover::Active => self.error(cx, |r| &r.starttls_again, &[]),
            Cover::Offered => return self.begin_tls(cx, used),
        };
        Step::used(used).delayed(delay)
    }

    /// Tells the client to begin.
    pub(super) fn begin_tls(&mut self, cx: &mut Cx<'_>, used: usize) -> Step {
        let delay = self.reply(cx, |r| &r.starttls_ready, &[]);
        self.secure(Step::used(used).delayed(delay))
    }

    /// Whether STARTTLS would begin TLS.
    pub(super) fn offers_tls(&self) -> bool {
        self.cover == Cover::Offered
    }

    /// Has a handshake made after a step. Plain text that lies behind STARTTLS is no part of it.
    pub(super) fn secure(&self, step: Step) -> Step {
        let purge = self.cover == Cover::Offered;
        step.then(Then::Secure(Secure { server: self.server.clone(), purge }))
    }

    /// The client speaks through TLS from now on, and begins anew. Its errors stay counted, and what Sendmail remembers stays.
    pub(crate) fn secured(&mut self, cx: &mut Cx<'_>) -> Step {
        let awaited = self.cover == Cover::Awaited;
        let fresh = Self::in_role(cx.persona, self.role, std::mem::take(&mut self.host));
        let (errors, junk) = (self.errors, self.junk);
        let sendmail = std::mem::take(&mut self.sendmail);
        *self = Self { errors, junk, sendmail, ..fresh.covered(Cover::Active, self.server.clone()) };
        cx.facts.user = None;
        if awaited {
            self.reply(cx, |r| &r.banner, &[]);
        }
        Step::used(0)
    }
}

/// What may be a password in plain text that was thrown away: all that follows an AUTH.
pub(crate) fn thrown_away(plain: &[u8]) -> Option<Secret> {
    let mut start = 0;
    for line in plain.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_start().get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH")) {
            return Some(Secret::exactly(&plain[..start], &plain[start..]));
        }
        start += line.len();
    }
    None
}
