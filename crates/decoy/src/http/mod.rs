//! The open HTTP proxy (RFC 9110, RFC 9112): CONNECT to a mail port leads to a mail server, so does any request whose URL
//! names one; everything else finds nothing.

mod head;

use evidence::{Answer, End, Protocol, Quirk, Target, Time};

use self::head::{Head, HeadReader, Url};
use crate::engine::{Cx, Engine, Step, Then};
use crate::persona::{Persona, fill};
use crate::smtp::Smtp;
use crate::target::{self, Destination};

pub(crate) use self::head::is_method;

/// A proxy's side of a connection.
#[derive(Debug)]
pub(crate) struct Http {
    state: State,
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

impl Http {
    pub(crate) fn new() -> Self {
        Self { state: State::Head(HeadReader::new()), entered: false }
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

    fn request(&mut self, cx: &mut Cx<'_>, head: Head, used: usize) -> Step {
        if !std::mem::replace(&mut self.entered, true) {
            cx.enter(Protocol::Http);
        }
        if head.method.iter().any(u8::is_ascii_lowercase) {
            cx.quirk(Quirk::LowerCaseMethod);
        }
        if let Some((user, secret)) = head.credentials() {
            cx.login(Protocol::Http, "Basic", &user, &secret, true);
        }
        if head.method.eq_ignore_ascii_case(b"CONNECT") {
            return self.connect(cx, &head, used);
        }
        match Url::parse(&head.target) {
            Some(url) => self.fetch(cx, &head, &url, used),
            None => self.fail(cx, &head, None, used),
        }
    }

    fn connect(&mut self, cx: &mut Cx<'_>, head: &Head, used: usize) -> Step {
        let Some(target) = target::parse_authority(&head.target, None) else {
            return self.fail(cx, head, None, used);
        };
        let destination = target::destination(&target, cx.facts);
        let Some(engine) = target::far_side(destination, &target, cx.persona, cx.now) else {
            return self.fail(cx, head, Some(target), used);
        };
        cx.request(Protocol::Http, &head.method, target, Answer::Granted);
        fill(&cx.persona.http.connected, &[("host", cx.persona.host.as_bytes())], cx.reply);
        Step::used(used).then(Then::Become(engine, Vec::new()))
    }

    /// A request for a URL. At a mail port a mail server reads the whole request, head and body, as commands.
    fn fetch(&mut self, cx: &mut Cx<'_>, head: &Head, url: &Url<'_>, used: usize) -> Step {
        if target::destination(&url.target, cx.facts) != Destination::Mail {
            return self.fail(cx, head, Some(url.target.clone()), used);
        }
        cx.quirk(Quirk::MailInPost);
        let mut smtp = Box::new(Smtp::behind_http_head(cx.persona, target::far_name(&url.target)));
        cx.request(Protocol::Http, &head.method, url.target.clone(), Answer::Granted);
        fill(&cx.persona.http.transformed, &[("host", cx.persona.host.as_bytes())], cx.reply);
        smtp.start(cx);
        let forwarded = head.forwarded(url.path);
        let state = State::Mail { smtp, head_left: forwarded.len(), body_announced: head.content_length, body_read: 0 };
        Step::used(used).then(Then::Become(Engine::Http(Box::new(Self { state, entered: true })), forwarded))
    }

    /// Answers that the target cannot be reached, or that the request cannot be read.
    fn fail(&mut self, cx: &mut Cx<'_>, head: &Head, target: Option<Target>, used: usize) -> Step {
        let answer = if target.is_some() { Answer::Unreachable } else { Answer::Malformed };
        if answer == Answer::Malformed {
            cx.quirk(Quirk::MalformedRequest);
        }
        let left = head.content_length.unwrap_or(0);
        let stay = answer == Answer::Unreachable && head.keeps_alive() && left <= MAX_DROPPED;
        write_failure(cx.persona, answer, stay, head.method.eq_ignore_ascii_case(b"HEAD"), cx.reply);
        let nowhere = Target { host: head.target.clone().into(), port: 0 };
        cx.request(Protocol::Http, &head.method, target.unwrap_or(nowhere), answer);
        if !stay {
            return Step::used(used).then(Then::Close(End::Answered));
        }
        self.state = match left {
            0 => State::Head(HeadReader::new()),
            left => State::Drop { left },
        };
        Step::used(used)
    }
}

fn write_failure(persona: &Persona, answer: Answer, stay: bool, head_only: bool, reply: &mut Vec<u8>) {
    let (head, page) = match answer {
        Answer::Malformed => (&persona.http.malformed, &persona.http.malformed_page),
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
