//! The open HTTP proxy (RFC 9110, RFC 9112), and the web site at the far side of a tunnel.
//!
//! CONNECT leads where [`crate::policy`] says; a request whose URL names a mail port leads to a mail server, one for a
//! judge or a known page is answered here ([`web`]), and all else finds nothing.

mod head;
mod web;

use std::time::Duration;

use evidence::{Answer, End, Protocol, Quirk, Target, Time};

use self::head::{Head, HeadReader, Url};
use crate::engine::{Cx, Engine, Offered, Step, Then, Unit};
use crate::persona::{HttpPersona, Persona, fill};
use crate::policy::{Far, Web};
use crate::recorder::Secret;
use crate::smtp::Smtp;
use crate::target;

pub(crate) use self::head::is_method;
pub(crate) use self::web::is_known;

/// A proxy's side of a connection, or a web site's.
#[derive(Debug)]
pub(crate) struct Http {
    state: State,
    /// Where the tunnel to this web site was asked to go; `None` for a proxy.
    origin: Option<Target>,
    /// Whether a request was seen, so that the protocol is in the path.
    entered: bool,
}

#[derive(Debug)]
enum State {
    Head(HeadReader),
    /// The body of a request that was answered, to be read and dropped.
    Drop {
        left: u64,
    },
    /// A request to a mail server, which reads its head and its body as the client's side of a dialogue.
    Mail {
        smtp: Box<Smtp>,
        head_left: usize,
        body_announced: Option<u64>,
        body_read: u64,
    },
}

/// Longest body of an answered request that is read before the connection is closed instead.
const MAX_DROPPED: u64 = 1024 * 1024;

/// How long a request's head may take, as Squid's `request_timeout` has it, and its body besides the time for its bytes.
const HEAD_WITHIN: Duration = Duration::from_secs(300);

impl Http {
    pub(crate) fn new() -> Self {
        Self { state: State::Head(HeadReader::new()), origin: None, entered: false }
    }

    /// The web site that a tunnel leads to.
    pub(crate) fn origin(target: Target) -> Self {
        Self { origin: Some(target), ..Self::new() }
    }

    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        match &mut self.state {
            State::Head(reader) => match reader.push(input) {
                (used, None) => Step::used(used),
                (used, Some(head)) => self.request(cx, head, used),
            },
            State::Drop { left } => {
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= used as u64;
                if *left == 0 {
                    self.state = State::Head(HeadReader::new());
                }
                Step::used(used)
            }
            State::Mail { smtp, head_left, body_read, .. } => {
                let step = smtp.receive(cx, input);
                let of_head = step.used.min(*head_left);
                *head_left -= of_head;
                *body_read += (step.used - of_head) as u64;
                step
            }
        }
    }

    pub(crate) fn deadline(&self, persona: &Persona, last_input: Time) -> Time {
        last_input + persona.http.idle()
    }

    pub(crate) fn unit(&self, persona: &Persona) -> Option<Unit> {
        match &self.state {
            State::Head(reader) => reader.has_begun().then_some(Unit::Request(HEAD_WITHIN)),
            State::Drop { .. } => Some(Unit::Body(HEAD_WITHIN)),
            State::Mail { smtp, .. } => smtp.unit(persona),
        }
    }

    pub(crate) fn smtp(&self) -> Option<&Smtp> {
        match &self.state {
            State::Mail { smtp, .. } => Some(smtp),
            _ => None,
        }
    }

    pub(crate) fn smtp_mut(&mut self) -> Option<&mut Smtp> {
        match &mut self.state {
            State::Mail { smtp, .. } => Some(smtp),
            _ => None,
        }
    }

    /// Whether a mail dialogue in a request's body had another length than the request said.
    pub(crate) fn length_is_false(&self) -> bool {
        matches!(&self.state, State::Mail { body_announced: Some(announced), body_read, .. } if announced != body_read)
    }

    /// What is secret in a request that is not whole yet.
    pub(crate) fn unfinished_secret(&self) -> Option<Secret> {
        match &self.state {
            State::Head(reader) => reader.unfinished_secret(),
            State::Drop { .. } | State::Mail { .. } => None,
        }
    }

    fn request(&mut self, cx: &mut Cx<'_>, head: Head, used: usize) -> Step {
        if !std::mem::replace(&mut self.entered, true) {
            cx.enter(Protocol::Http);
        }
        if head.method.iter().any(u8::is_ascii_lowercase) {
            cx.quirk(Quirk::LowerCaseMethod);
        }
        head.secrets().for_each(|secret| cx.hide(secret));
        if let Some(origin) = self.origin.clone() {
            return self.serve(cx, &head, &origin, used);
        }
        let (connect, url) = (head.method.eq_ignore_ascii_case(b"CONNECT"), Url::parse(&head.target));
        if !allowed(cx, &head) {
            let target = if connect { target::parse_authority(&head.target, None) } else { url.map(|url| url.target) };
            return self.fail(cx, &head, target, Answer::Unauthorized, used);
        }
        match url {
            _ if connect => self.connect(cx, &head, used),
            Some(url) => self.fetch(cx, &head, &url, used),
            None => self.fail(cx, &head, None, Answer::Malformed, used),
        }
    }

    fn connect(&mut self, cx: &mut Cx<'_>, head: &Head, used: usize) -> Step {
        let Some(target) = target::parse_authority(&head.target, None) else {
            return self.fail(cx, head, None, Answer::Malformed, used);
        };
        let Some(engine) = target::far_side(&target, cx) else {
            return self.fail(cx, head, Some(target), Answer::Unreachable, used);
        };
        cx.request(Protocol::Http, &head.method, target, Answer::Granted);
        fill(&cx.persona.http.connected, &[("host", cx.persona.host.as_bytes())], cx.reply);
        Step::used(used).then(Then::Become(engine, Vec::new()))
    }

    /// A request for a URL. At a mail port a mail server reads the whole request, head and body, as commands.
    fn fetch(&mut self, cx: &mut Cx<'_>, head: &Head, url: &Url<'_>, used: usize) -> Step {
        match target::far(&url.target, cx) {
            Far::Mail => {}
            // The port of a judge is any.
            Far::Web | Far::Proxy => return self.visit(cx, head, url, used),
            Far::Tls | Far::Nothing => {
                return self.fail(cx, head, Some(url.target.clone()), Answer::Unreachable, used);
            }
        }
        cx.quirk(Quirk::MailInPost);
        let mut smtp = Box::new(Smtp::behind_http_head(cx.persona, target::far_name(&url.target)));
        cx.request(Protocol::Http, &head.method, url.target.clone(), Answer::Granted);
        fill(&cx.persona.http.transformed, &[("host", cx.persona.host.as_bytes())], cx.reply);
        smtp.start(cx);
        let forwarded = head.forwarded(url.path);
        let state = State::Mail { smtp, head_left: forwarded.len(), body_announced: head.content_length, body_read: 0 };
        Step::used(used)
            .then(Then::Become(Engine::Http(Box::new(Self { state, origin: None, entered: true })), forwarded))
    }

    /// A request for a URL at a web site.
    fn visit(&mut self, cx: &mut Cx<'_>, head: &Head, url: &Url<'_>, used: usize) -> Step {
        let site = head.site(&url.target);
        match web::page(cx, &site, url.path, head, true).or_else(|| unknown_page(cx)) {
            Some(page) => self.answer(cx, head, url.target.clone(), &page, used),
            None => self.fail(cx, head, Some(url.target.clone()), Answer::Unreachable, used),
        }
    }

    /// A request that came through a tunnel to a web site.
    fn serve(&mut self, cx: &mut Cx<'_>, head: &Head, origin: &Target, used: usize) -> Step {
        let url = Url::parse(&head.target);
        let site = head.host(origin).unwrap_or_else(|| origin.clone());
        let path = url.map_or(head.target.as_slice(), |url| url.path);
        match web::page(cx, &site, path, head, false).or_else(|| unknown_page(cx)) {
            Some(page) => self.answer(cx, head, site, &page, used),
            None => {
                // A dead origin: it takes the request and is gone.
                cx.request(Protocol::Http, &head.method, site, Answer::Unreachable);
                Step::used(used).then(Then::Close(End::Answered))
            }
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, head: &Head, site: Target, page: &web::Page, used: usize) -> Step {
        let stay = stays(head);
        web::write(page, cx, self.origin.is_none(), stay, is_head(head));
        cx.request(Protocol::Http, &head.method, site, Answer::Granted);
        self.go_on(head, stay, used)
    }

    /// Answers that the target cannot be reached, that the request cannot be read, or that it needs a login.
    fn fail(&mut self, cx: &mut Cx<'_>, head: &Head, target: Option<Target>, answer: Answer, used: usize) -> Step {
        if answer == Answer::Malformed {
            cx.quirk(Quirk::MalformedRequest);
        }
        let stay = answer != Answer::Malformed && stays(head);
        write_failure(cx.persona, answer, stay, is_head(head), cx.reply);
        let nowhere = Target { host: head.target.clone().into(), port: 0 };
        cx.request(Protocol::Http, &head.method, target.unwrap_or(nowhere), answer);
        self.go_on(head, stay, used)
    }

    /// Waits for the next request behind the body of this one, or ends.
    fn go_on(&mut self, head: &Head, stay: bool, used: usize) -> Step {
        if !stay {
            return Step::used(used).then(Then::Close(End::Answered));
        }
        self.state = match head.content_length.unwrap_or(0) {
            0 => State::Head(HeadReader::new()),
            left => State::Drop { left },
        };
        Step::used(used)
    }
}

/// Whether the proxy carries out the request, as far as logins go.
fn allowed(cx: &mut Cx<'_>, head: &Head) -> bool {
    match head.credentials() {
        Some((user, secret)) => cx.login(Offered { secret: &secret, ..Offered::new(Protocol::Http, "Basic", &user) }),
        None => !cx.listener.auth.demands_login(),
    }
}

/// Whether the connection stays open after the answer.
fn stays(head: &Head) -> bool {
    head.keeps_alive() && head.content_length.unwrap_or(0) <= MAX_DROPPED
}

fn is_head(head: &Head) -> bool {
    head.method.eq_ignore_ascii_case(b"HEAD")
}

/// The page of a site that none is known of.
fn unknown_page(cx: &Cx<'_>) -> Option<web::Page> {
    (cx.listener.web == Web::Empty).then(web::empty)
}

fn write_failure(persona: &Persona, answer: Answer, stay: bool, head_only: bool, reply: &mut Vec<u8>) {
    let HttpPersona { malformed, malformed_page, unauthorized, unauthorized_page, .. } = &persona.http;
    let (head, page) = match answer {
        Answer::Malformed => (malformed, malformed_page),
        Answer::Unauthorized => (unauthorized, unauthorized_page),
        _ => (&persona.http.unreachable, &persona.http.unreachable_page),
    };
    let host = ("host", persona.host.as_bytes());
    let mut body = Vec::new();
    fill(page, &[host], &mut body);
    let length = body.len().to_string();
    let connection: &[u8] = if stay { b"keep-alive" } else { b"close" };
    fill(head, &[host, ("length", length.as_bytes()), ("connection", connection)], reply);
    if !head_only {
        reply.extend_from_slice(&body);
    }
}
