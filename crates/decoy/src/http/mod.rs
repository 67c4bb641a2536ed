//! The open HTTP proxy (RFC 9110, RFC 9112), and the web site at the far side of a tunnel.
//!
//! The persona says which requests are understood ([`ask`]) and what is said of those that fail ([`failure`]). CONNECT
//! leads where [`crate::policy`] says; a request whose URL names a mail port leads to a mail server ([`mail`]), one for a
//! judge or a known page is answered here ([`web`]), and all else finds nothing.

mod ask;
mod failure;
mod form;
mod head;
mod mail;
mod web;

use std::time::Duration;

use evidence::{Answer, End, Protocol, Quirk, Target, Time};

use self::ask::{Ask, understand};
use self::failure::Asked;
use self::head::{Head, HeadReader, Url};
use self::mail::Mail;
use crate::distance;
use crate::engine::{Cx, Offered, Step, Then, Unit};
use crate::persona::{Failure, Persona, fill};
use crate::policy::{Far, Web};
use crate::recorder::Secret;
use crate::smtp::Smtp;
use crate::target::{self, Reach};

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
    Mail(Box<Mail>),
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
            State::Head(reader) => match reader.push(input, &cx.persona.http) {
                (used, None) => Step::used(used),
                (used, Some(head)) => self.request(cx, &head, used),
            },
            State::Drop { left } => {
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= used as u64;
                if *left == 0 {
                    self.state = State::Head(HeadReader::new());
                }
                Step::used(used)
            }
            State::Mail(mail) => mail.receive(cx, input),
        }
    }

    pub(crate) fn deadline(&self, persona: &Persona, last_input: Time) -> Time {
        last_input + persona.http.idle()
    }

    pub(crate) fn unit(&self, persona: &Persona) -> Option<Unit> {
        match &self.state {
            State::Head(reader) => reader.has_begun().then_some(Unit::Request(HEAD_WITHIN)),
            State::Drop { .. } => Some(Unit::Body(HEAD_WITHIN)),
            State::Mail(mail) => mail.smtp().unit(persona),
        }
    }

    pub(crate) fn smtp(&self) -> Option<&Smtp> {
        match &self.state {
            State::Mail(mail) => Some(mail.smtp()),
            _ => None,
        }
    }

    pub(crate) fn smtp_mut(&mut self) -> Option<&mut Smtp> {
        match &mut self.state {
            State::Mail(mail) => Some(mail.smtp_mut()),
            _ => None,
        }
    }

    /// Lets the mail server that this request talks to take a step that no input asked for.
    pub(crate) fn with_mail(&mut self, cx: &mut Cx<'_>, run: impl FnOnce(&mut Smtp, &mut Cx<'_>) -> Step) -> Step {
        match &mut self.state {
            State::Mail(mail) => mail.step(cx, run),
            _ => Step::used(0),
        }
    }

    /// Whether a mail dialogue in a request's body had another length than the request said.
    pub(crate) fn length_is_false(&self) -> bool {
        matches!(&self.state, State::Mail(mail) if mail.length_is_false())
    }

    /// What is secret in a request that is not whole yet.
    pub(crate) fn unfinished_secret(&self) -> Option<Secret> {
        match &self.state {
            State::Head(reader) => reader.unfinished_secret(),
            State::Drop { .. } | State::Mail(_) => None,
        }
    }

    fn request(&mut self, cx: &mut Cx<'_>, head: &Head, used: usize) -> Step {
        if !std::mem::replace(&mut self.entered, true) {
            cx.enter(Protocol::Http);
        }
        if head.method.iter().any(u8::is_ascii_lowercase) {
            cx.quirk(Quirk::LowerCaseMethod);
        }
        head.secrets().for_each(|secret| cx.hide(secret));
        form::note(cx, head);
        if let Some(origin) = self.origin.clone() {
            return self.serve(cx, head, &origin, used);
        }
        let ask = match understand(&cx.persona.http, head) {
            Ok(ask) => ask,
            Err(failure) => {
                cx.quirk(Quirk::MalformedRequest);
                let nowhere = Target { host: head.target.clone().into(), port: 0 };
                cx.request(Protocol::Http, &head.method, nowhere, Answer::Malformed);
                return self.fail(cx, head, Asked::new(head), failure, used);
            }
        };
        let (target, asked) = (ask.target().clone(), Asked::new(head).url(cx, &ask.shown()));
        if let Some(failure) = login_wanted(cx, head) {
            cx.request(Protocol::Http, &head.method, target, Answer::Unauthorized);
            return self.fail(cx, head, asked, failure, used);
        }
        if cx.refused_by_list().is_some() {
            cx.request(Protocol::Http, &head.method, target, Answer::Forbidden);
            return self.fail(cx, head, asked, &cx.persona.http.failures.listed, used);
        }
        match ask {
            Ask::Tunnel { target, .. } => self.connect(cx, head, asked, target, used),
            Ask::Fetch(url) => self.fetch(cx, head, asked, &url, used),
        }
    }

    fn connect(&mut self, cx: &mut Cx<'_>, head: &Head, asked: Asked, target: Target, used: usize) -> Step {
        let Reach { far, after } = target::far_side(&target, cx);
        match far {
            Ok(engine) => {
                cx.request(Protocol::Http, &head.method, target, Answer::Granted);
                fill(&cx.persona.http.replies.connected, &[("host", cx.persona.host.as_bytes())], cx.reply);
                Step::used(used).after(after).then(Then::Become(engine, Vec::new()))
            }
            Err(reason) => {
                let asked = asked.at(distance::address(&target, cx).to_string());
                cx.request(Protocol::Http, &head.method, target, Answer::Unreachable);
                self.fail(cx, head, asked, cx.persona.http.failures.tunnel.by(reason), used).after(after)
            }
        }
    }

    /// A request for a URL. At a mail port a mail server reads the whole request, head and body, as commands.
    fn fetch(&mut self, cx: &mut Cx<'_>, head: &Head, asked: Asked, url: &Url<'_>, used: usize) -> Step {
        let Reach { far, after } = target::far(&url.target, cx);
        let reason = match far {
            Ok(Far::Mail) => return Mail::open(cx, head, asked, url, used).after(after * 2),
            // The port of a judge is any.
            Ok(Far::Web | Far::Proxy) => {
                let site = head.site(&url.target);
                match web::page(cx, &site, url.path, head, true).or_else(|| unknown_page(cx)) {
                    Some(page) => {
                        return self.answer(cx, head, &asked, url.target.clone(), &page, used).after(after * 2);
                    }
                    None => distance::NoAnswer::Refused,
                }
            }
            Ok(Far::Tls | Far::Nothing) => distance::NoAnswer::Refused,
            Err(reason) => reason,
        };
        let asked = asked.at(distance::address(&url.target, cx).to_string());
        cx.request(Protocol::Http, &head.method, url.target.clone(), Answer::Unreachable);
        self.fail(cx, head, asked, cx.persona.http.failures.fetch.by(reason), used).after(after)
    }

    /// A request that came through a tunnel to a web site.
    fn serve(&mut self, cx: &mut Cx<'_>, head: &Head, origin: &Target, used: usize) -> Step {
        let url = Url::parse(&head.target);
        let site = head.host(origin).unwrap_or_else(|| origin.clone());
        let path = url.map_or(head.target.as_slice(), |url| url.path);
        match web::page(cx, &site, path, head, false).or_else(|| unknown_page(cx)) {
            Some(page) => self.answer(cx, head, &Asked::new(head), site, &page, used),
            None => {
                // A dead origin: it takes the request and is gone.
                cx.request(Protocol::Http, &head.method, site, Answer::Unreachable);
                Step::used(used).then(Then::Close(End::Answered))
            }
        }
    }

    fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        head: &Head,
        asked: &Asked,
        site: Target,
        page: &web::Page,
        used: usize,
    ) -> Step {
        let proxied = self.origin.is_none();
        let stay = stays(head) && (cx.persona.http.keeps_open || !proxied);
        web::write(page, cx, proxied, stay, asked);
        cx.request(Protocol::Http, &head.method, site, Answer::Granted);
        self.go_on(head, stay, used)
    }

    /// Says what became of a request that is not carried out.
    fn fail(&mut self, cx: &mut Cx<'_>, head: &Head, asked: Asked, failure: &Failure, used: usize) -> Step {
        let stay = failure.stays && cx.persona.http.keeps_open && stays(head);
        asked.refuse(cx, failure, stay);
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

/// What a client is told that needs a login, or another one; `None` if its request is carried out.
fn login_wanted<'p>(cx: &mut Cx<'p>, head: &Head) -> Option<&'p Failure> {
    let failures = &cx.persona.http.failures;
    match head.credentials() {
        Some((user, secret)) => {
            let right = cx.login(Offered { secret: &secret, ..Offered::new(Protocol::Http, "Basic", &user) });
            (!right).then(|| failures.wrong_login.as_ref().unwrap_or(&failures.no_login))
        }
        None => cx.listener.auth.demands_login().then_some(&failures.no_login),
    }
}

/// Whether the client wants the connection to stay open after the answer, and can have it.
fn stays(head: &Head) -> bool {
    head.keeps_alive() && head.content_length.unwrap_or(0) <= MAX_DROPPED
}

/// The page of a site that none is known of.
fn unknown_page(cx: &Cx<'_>) -> Option<web::Page> {
    (cx.listener.web == Web::Empty).then(web::empty)
}
