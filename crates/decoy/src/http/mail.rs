//! A request to a mail server: its head, as the proxy passes it on, and its body are the client's side of a dialogue.

use evidence::{Answer, Protocol, Quirk};

use super::failure::Asked;
use super::head::{Head, Url, percent_decoded};
use super::{Http, State};
use crate::engine::{Cx, Engine, Step, Then};
use crate::persona::fill;
use crate::smtp::Smtp;
use crate::target;

/// The dialogue, and how its server's side reaches the client.
#[derive(Debug)]
pub(super) struct Mail {
    smtp: Smtp,
    /// Bytes of the request's head that are to come.
    head_left: usize,
    body_announced: Option<u64>,
    body_read: u64,
    heard: Heard,
    asked: Asked,
}

/// How the client hears what the mail server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Plainly,
    InChunks,
    /// Not at all: the proxy waits for HTTP.
    Never,
}

impl Mail {
    /// Answers a request, and gives the mail server its head to read.
    pub(super) fn open(cx: &mut Cx<'_>, head: &Head, asked: Asked, url: &Url<'_>, used: usize) -> Step {
        cx.quirk(Quirk::MailInPost);
        let persona = &cx.persona.http;
        let heard = match persona.mail_heard {
            false => Heard::Never,
            true if persona.chunks && asked.knows_chunks() => Heard::InChunks,
            true => Heard::Plainly,
        };
        let smtp = target::mail_server(&url.target, cx).behind_http_head();
        cx.request(Protocol::Http, &head.method, url.target.clone(), Answer::Granted);
        let forwarded = forwarded(cx, head, &asked, url);
        let (date, port) = (cx.now.to_http(), cx.connection.local.port().to_string());
        let stay = persona.keeps_open && heard == Heard::InChunks && head.keeps_alive();
        let values: [(&str, &[u8]); 5] = [
            ("host", cx.persona.host.as_bytes()),
            ("port", port.as_bytes()),
            ("date", date.as_bytes()),
            ("chunked", if heard == Heard::InChunks { b"Transfer-Encoding: chunked\r\n" } else { b"" }),
            ("connection", if stay { b"keep-alive" } else { b"close" }),
        ];
        fill(&persona.replies.transformed, &values, cx.reply);
        let head_left = forwarded.len();
        let mut mail =
            Box::new(Self { smtp, head_left, body_announced: head.content_length, body_read: 0, heard, asked });
        mail.step(cx, Smtp::start);
        let engine = Engine::Http(Box::new(Http { state: State::Mail(mail), origin: None, entered: true }));
        Step::used(used).then(Then::Become(engine, forwarded))
    }

    pub(super) fn smtp(&self) -> &Smtp {
        &self.smtp
    }

    pub(super) fn smtp_mut(&mut self) -> &mut Smtp {
        &mut self.smtp
    }

    pub(super) fn length_is_false(&self) -> bool {
        self.body_announced.is_some_and(|announced| announced != self.body_read)
    }

    pub(super) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        let step = self.step(cx, |smtp, cx| smtp.receive(cx, input));
        let of_head = step.used.min(self.head_left);
        self.head_left -= of_head;
        self.body_read += (step.used - of_head) as u64;
        step
    }

    /// Lets the mail server take a step, and passes on what it says as far as the client hears it.
    pub(super) fn step(&mut self, cx: &mut Cx<'_>, run: impl FnOnce(&mut Smtp, &mut Cx<'_>) -> Step) -> Step {
        let before = cx.reply.len();
        let step = run(&mut self.smtp, cx);
        let ends = matches!(step.then, Then::Close(_));
        match self.heard {
            Heard::Plainly => {}
            Heard::InChunks => {
                let said = cx.reply.split_off(before);
                if !said.is_empty() {
                    cx.reply.extend_from_slice(format!("{:X}\r\n", said.len()).as_bytes());
                    cx.reply.extend_from_slice(&said);
                    cx.reply.extend_from_slice(b"\r\n");
                }
                if ends {
                    cx.reply.extend_from_slice(b"0\r\n\r\n");
                }
            }
            Heard::Never => {
                cx.reply.truncate(before);
                if ends {
                    self.asked.refuse(cx, &cx.persona.http.failures.unheard, false);
                }
            }
        }
        step
    }
}

/// The request as the proxy passes it on.
fn forwarded(cx: &Cx<'_>, head: &Head, asked: &Asked, url: &Url<'_>) -> Vec<u8> {
    let persona = &cx.persona.http;
    let path = if persona.decodes_urls { percent_decoded(url.path) } else { url.path.to_vec() };
    let (version, client) = (asked.version(), cx.connection.source.ip().to_string());
    let values: [(&str, &[u8]); 6] = [
        ("method", &head.method),
        ("path", &path),
        ("version", version.as_bytes()),
        ("reply_version", asked.reply_version().as_bytes()),
        ("host", cx.persona.host.as_bytes()),
        ("client", client.as_bytes()),
    ];
    let mut lines = Vec::new();
    fill(&persona.forward.line, &values, &mut lines);
    lines.extend_from_slice(b"\r\n");
    let site = [b"Host: ".to_vec(), url.authority()].concat();
    let is_host = |line: &[u8]| line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"host:"));
    let named = persona.keeps_host && head.going_on().any(is_host);
    for field in &persona.forward.fields {
        match field.as_str() {
            "{fields}" => {
                for line in head.going_on() {
                    let line = match is_host(line) {
                        true if !persona.keeps_host => continue,
                        true => site.as_slice(),
                        false => line,
                    };
                    lines.extend_from_slice(line);
                    lines.extend_from_slice(b"\r\n");
                }
            }
            "{site}" if named => {}
            "{site}" => lines.extend_from_slice(&[site.as_slice(), b"\r\n"].concat()),
            other => {
                fill(other, &values, &mut lines);
                lines.extend_from_slice(b"\r\n");
            }
        }
    }
    lines.extend_from_slice(b"\r\n");
    lines
}
