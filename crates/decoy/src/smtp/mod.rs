//! The open relay: an SMTP server (RFC 5321) that takes every message and sends none.
//!
//! It follows the reading of one real server, command by command and oddity by oddity, because that is what a visitor
//! compares it with: Postfix's here and in [`mail`], others' in [`exim`] and [`sendmail`]. The words of its replies and its
//! limits come from the persona.

mod auth;
mod body;
mod command;
mod exim;
mod form;
mod mail;
mod path;
mod refusal;
mod sendmail;
mod stamp;
mod starttls;

pub(crate) use self::command::is_mail_word;
pub(crate) use self::starttls::{Cover, thrown_away};

use std::net::IpAddr;
use std::time::Duration;

use evidence::{End, Protocol, Quirk, Time};

use self::auth::Exchange;
use self::body::{Body, Chunk};
use self::command::Verb;
use self::mail::Envelope;
use crate::conversation::{Server, Stored};
use crate::engine::{Cx, Step, Then, Unit};
use crate::line::{Line, LineEnd, LineReader};
use crate::persona::{MailPersona, Manner, Persona, Replies, Role, fill};
use crate::recorder::Secret;

/// A mail server's side of a dialogue.
#[derive(Debug)]
pub(crate) struct Smtp {
    /// The name under which it answers: the machine's own, or the far side's behind a proxy.
    host: String,
    /// Which of the persona's mail servers it is.
    role: Role,
    cover: Cover,
    /// Who it is to clients that begin TLS.
    server: Server,
    reader: LineReader,
    state: State,
    /// The transaction, from MAIL to the end of data.
    envelope: Option<Envelope>,
    entered: bool,
    logged_in: bool,
    errors: u32,
    junk: u32,
    exim: exim::Progress,
    sendmail: sendmail::Progress,
    /// When something was answered last that came on the wire.
    answered_at: Option<Time>,
    /// Lines of an HTTP request's head are still to come, each to be answered as an unknown command.
    http_head: bool,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum State {
    Command,
    Auth(Exchange),
    Data(Body),
    Chunk(Chunk),
    /// A message waits to be stored: how its acceptance will be answered.
    Storing {
        accepted: Vec<u8>,
        recipients: u64,
    },
    /// The limit of errors is reached; the farewell is still to be said.
    Farewell,
}

/// How long the persona waits before a reply.
type Delay = Option<Duration>;

/// Which of the persona's replies.
type Which = fn(&Replies) -> &String;

impl Smtp {
    /// The machine's own mail server.
    pub(crate) fn new(persona: &Persona) -> Self {
        Self::in_role(persona, Role::Own, persona.host.clone())
    }

    /// The mail server in a role, under a name.
    pub(crate) fn in_role(persona: &Persona, role: Role, host: String) -> Self {
        let server = persona.mail_server(role);
        Self {
            host,
            role,
            cover: Cover::None,
            server: Server::Own,
            reader: match server.manner {
                Manner::Postfix => LineReader::new(server.line_limit),
                Manner::Exim | Manner::Sendmail => LineReader::strict(server.line_limit),
            },
            state: State::Command,
            envelope: None,
            entered: false,
            logged_in: false,
            errors: 0,
            junk: 0,
            exim: exim::Progress::default(),
            sendmail: sendmail::Progress::default(),
            answered_at: None,
            http_head: false,
        }
    }

    /// A server that is spoken to through an HTTP request: the lines of its head arrive as commands first.
    pub(crate) fn behind_http_head(self) -> Self {
        Self { http_head: true, ..self }
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// What it imitates.
    fn persona<'p>(&self, cx: &Cx<'p>) -> &'p MailPersona {
        cx.persona.mail_server(self.role)
    }

    /// The address that the server sees as its client's: behind a proxy, the proxy's own.
    fn client(&self, cx: &Cx<'_>) -> IpAddr {
        match self.role {
            Role::Own => cx.connection.source.ip(),
            Role::Far(_) => cx.listener.public.unwrap_or(cx.connection.local.ip()),
        }
    }

    /// The same server with TLS.
    pub(crate) fn covered(self, cover: Cover, server: Server) -> Self {
        Self { cover, server, ..self }
    }

    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Step {
        if self.cover == Cover::Awaited {
            return self.secure(Step::used(0));
        }
        if cx.listener.crowded {
            return self.turn_away(cx);
        }
        self.reply(cx, |r| &r.banner, &[]);
        Step::used(0)
    }

    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        if !self.entered {
            self.entered = true;
            cx.enter(Protocol::Smtp);
        }
        let step = self.read(cx, input);
        if !cx.reply.is_empty() {
            cx.facts.dialect.answered(cx.reply);
            self.answered_at = Some(cx.now);
        }
        step
    }

    /// Takes a line, or a piece of a message.
    fn read(&mut self, cx: &mut Cx<'_>, input: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Command) {
            State::Command => match self.reader.push(input) {
                (used, Some(line)) if self.http_head => self.http_line(cx, &line, used),
                (used, Some(line)) => self.command(cx, &line, used),
                (used, None) => Step::used(used),
            },
            State::Auth(exchange) => match self.reader.push(input) {
                (used, Some(line)) => Step::used(used).delayed(self.continue_login(cx, exchange, &line)),
                (used, None) => {
                    self.state = State::Auth(exchange);
                    Step::used(used)
                }
            },
            State::Data(body) => {
                self.note_haste(cx);
                self.data(cx, body, input)
            }
            State::Chunk(chunk) => self.chunk(cx, chunk, input),
            // The conversation brings no input in these states.
            waiting @ (State::Storing { .. } | State::Farewell) => {
                self.state = waiting;
                Step::used(input.len())
            }
        }
    }

    /// Whether the farewell for too many errors is to be said.
    pub(crate) fn can_resume(&self) -> bool {
        matches!(self.state, State::Farewell)
    }

    pub(crate) fn resume(&mut self, cx: &mut Cx<'_>) -> Step {
        let delay = self.reply(cx, |r| &r.too_many_errors, &[]);
        Step::used(0).delayed(delay).then(Then::Close(End::Errors))
    }

    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) -> Step {
        self.reply(cx, |r| &r.timeout, &[]);
        Step::used(0).then(Then::Close(End::Idle))
    }

    pub(crate) fn stored(&mut self, cx: &mut Cx<'_>, outcome: Stored) -> Step {
        let State::Storing { accepted, recipients } = std::mem::replace(&mut self.state, State::Command) else {
            return Step::used(0);
        };
        if outcome == Stored::NoRoom {
            let step = self.refuse_message(cx, Quirk::StoreRefused, |r| &r.too_big, 0);
            cx.facts.dialect.answered(cx.reply);
            return step;
        }
        cx.facts.messages += 1;
        cx.facts.recipients += recipients;
        match self.persona(cx).manner {
            Manner::Postfix => {
                self.errors = 0;
                self.junk = 0;
            }
            Manner::Exim => self.exim_next_message(),
            Manner::Sendmail => {}
        }
        cx.reply.extend_from_slice(&accepted);
        cx.facts.dialect.answered(cx.reply);
        Step::used(0)
    }

    /// A command line or a body that has begun.
    pub(crate) fn unit(&self, persona: &Persona) -> Option<Unit> {
        let within = persona.mail.idle();
        match &self.state {
            State::Command | State::Auth(_) => (!self.reader.pending().is_empty()).then_some(Unit::Request(within)),
            State::Data(_) | State::Chunk(_) => Some(Unit::Body(within)),
            State::Storing { .. } | State::Farewell => None,
        }
    }

    /// Bytes of the message held in memory: recipients and content.
    pub(crate) fn body_bytes(&self) -> usize {
        let earlier = self.envelope.as_ref().map_or(0, Envelope::length);
        let current = match &self.state {
            State::Data(body) => body.length(),
            State::Chunk(chunk) => chunk.length(),
            _ => 0,
        };
        earlier + current
    }

    /// Lets go of the content that is being received, and the message will be refused; or takes no more recipients.
    /// Whether that changed anything.
    pub(crate) fn refuse_body(&mut self) -> bool {
        let before = self.body_bytes();
        match &mut self.state {
            State::Data(body) => body.refuse(Quirk::StoreRefused),
            State::Chunk(chunk) => chunk.refuse(Quirk::StoreRefused),
            _ => return self.envelope.as_mut().is_some_and(Envelope::close),
        }
        if let Some(envelope) = &mut self.envelope {
            envelope.chunks = None;
        }
        self.body_bytes() < before
    }

    /// What came so far of a login that was never whole.
    pub(crate) fn unfinished_secret(&self) -> Option<Secret> {
        let pending = self.reader.pending();
        match &self.state {
            State::Auth(exchange) => exchange.secret(pending),
            State::Command => auth::initial(pending),
            _ => None,
        }
    }

    /// The wire's bytes of a message that was never finished.
    pub(crate) fn abandon(&mut self) -> Option<Vec<u8>> {
        let chunks = self.envelope.take().and_then(|envelope| envelope.chunks);
        match std::mem::replace(&mut self.state, State::Command) {
            State::Data(body) => Some(body.wire()),
            State::Chunk(chunk) => Some([chunks.unwrap_or_default(), chunk.into_content()].concat()),
            _ => chunks,
        }
    }

    fn command(&mut self, cx: &mut Cx<'_>, line: &Line, used: usize) -> Step {
        cx.facts.commands += 1;
        self.note_haste(cx);
        // A NUL ends a line for a server written in C.
        let text = line.bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        self.note_command(cx, line, text);
        match self.persona(cx).manner {
            Manner::Postfix => {}
            Manner::Exim => return self.exim(cx, line, used),
            Manner::Sendmail => return self.sendmail(cx, line, used),
        }
        note_oddities(cx, line);
        let (word, argument) = command::split(text);
        // Postfix looks at the whole line for this, also behind a NUL.
        if std::str::from_utf8(&line.bytes).is_err() {
            return Step::used(used).delayed(self.error(cx, |r| &r.bad_utf8, &[]));
        }
        if word.is_empty() {
            return Step::used(used).delayed(self.error(cx, |r| &r.bad_syntax, &[]));
        }
        if command::is_forbidden(word) {
            cx.quirk(Quirk::ForbiddenCommand);
            let delay = self.reply(cx, |r| &r.forbidden, &[]);
            return Step::used(used).delayed(delay).then(Then::Close(End::Answered));
        }
        let delay = match Verb::parse(word) {
            Some(Verb::Quit) => {
                let delay = self.reply(cx, |r| &r.bye, &[]);
                return Step::used(used).delayed(delay).then(Then::Close(End::Quit));
            }
            Some(Verb::Bdat) => return self.bdat(cx, argument, used),
            Some(Verb::Helo) => self.helo(cx, argument),
            Some(Verb::Ehlo) => self.ehlo(cx, argument),
            Some(Verb::Mail) => self.mail(cx, argument),
            Some(Verb::Rcpt) => self.rcpt(cx, argument),
            Some(Verb::Data) => self.start_data(cx, argument),
            Some(Verb::Rset) => self.rset(cx, argument),
            Some(Verb::Noop) => self.junk(cx, |r| &r.ok, &[]),
            Some(Verb::Vrfy) => self.vrfy(cx, argument),
            Some(Verb::Etrn) => self.etrn(cx, argument),
            Some(Verb::Auth) => self.auth(cx, line, argument),
            Some(Verb::Starttls) => return self.starttls(cx, argument, used),
            Some(Verb::Xclient) if self.envelope.is_some() => self.error(cx, |r| &r.in_mail, &[]),
            Some(Verb::Xclient) => self.error(cx, |r| &r.unauthorized, &[]),
            None => {
                cx.quirk(Quirk::UnknownCommand);
                self.error(cx, |r| &r.unknown, &[])
            }
        };
        Step::used(used).delayed(delay)
    }

    /// Notes that a command or message came together with a command before it: it was sent before the answer could be seen.
    fn note_haste(&self, cx: &mut Cx<'_>) {
        cx.facts.dialect.pipelined |= self.answered_at == Some(cx.now);
    }

    /// A line of an HTTP request's head, as a mail server meets it; the empty line ends the head.
    fn http_line(&mut self, cx: &mut Cx<'_>, line: &Line, used: usize) -> Step {
        if is_mail_word(command::split(&line.bytes).0) {
            // Commands that the client hid in the URL.
            return self.command(cx, line, used);
        }
        let empty = line.bytes.is_empty();
        if empty {
            self.http_head = false;
        } else {
            cx.quirk(Quirk::HeaderAsCommand);
        }
        let syntax = empty && self.persona(cx).manner == Manner::Postfix;
        self.reply(cx, if syntax { |r| &r.bad_syntax } else { |r| &r.unknown }, &[("line", &line.bytes)]);
        Step::used(used)
    }

    fn helo(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
        if argument.is_empty() {
            return self.error(cx, |r| &r.helo_syntax, &[]);
        }
        self.greeted(cx, argument);
        self.reply(cx, |r| &r.helo, &[])
    }

    fn ehlo(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
        if argument.is_empty() {
            return self.error(cx, |r| &r.ehlo_syntax, &[]);
        }
        self.greeted(cx, argument);
        self.say_ehlo(cx);
        self.delay(cx)
    }

    fn say_ehlo(&self, cx: &mut Cx<'_>) {
        let offered = |line: &&String| self.cover == Cover::Offered || !line.eq_ignore_ascii_case("STARTTLS");
        let lines: Vec<_> = self.persona(cx).ehlo.iter().filter(offered).collect();
        for (index, line) in lines.iter().enumerate() {
            cx.reply.extend_from_slice(if index + 1 < lines.len() { b"250-" } else { b"250 " });
            self.say(cx, line, &[]);
        }
    }

    fn greeted(&mut self, cx: &mut Cx<'_>, name: &[u8]) {
        self.envelope = None;
        cx.facts.helo = Some(name.to_vec().into());
    }

    fn rset(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
        if !argument.is_empty() {
            return self.error(cx, |r| &r.rset_syntax, &[]);
        }
        self.envelope = None;
        self.junk(cx, |r| &r.ok, &[])
    }

    fn vrfy(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
        if argument.is_empty() {
            return self.error(cx, |r| &r.vrfy_syntax, &[]);
        }
        if path::parse(argument).is_none() {
            return self.error(cx, |r| &r.bad_recipient, &[]);
        }
        if let Some(listed) = cx.refused_by_list() {
            return self.refuse_listed(cx, &listed);
        }
        self.junk(cx, |r| &r.verified, &[("argument", argument)])
    }

    fn etrn(&mut self, cx: &mut Cx<'_>, argument: &[u8]) -> Delay {
        if self.envelope.is_some() {
            return self.error(cx, |r| &r.etrn_in_mail, &[]);
        }
        if argument.is_empty() {
            return self.error(cx, |r| &r.etrn_syntax, &[]);
        }
        self.junk(cx, |r| &r.etrn_unavailable, &[("argument", argument)])
    }

    /// Answers with one line; how long the persona waits before it.
    fn reply(&self, cx: &mut Cx<'_>, which: Which, values: &[(&str, &[u8])]) -> Delay {
        self.say(cx, which(&self.persona(cx).replies), values);
        self.delay(cx)
    }

    /// Writes a line, or several, with its values and those that every reply may have.
    fn say(&self, cx: &mut Cx<'_>, template: &str, values: &[(&str, &[u8])]) {
        if !template.contains('{') {
            cx.reply.extend_from_slice(template.as_bytes());
            return cx.reply.extend_from_slice(b"\r\n");
        }
        let manner = self.persona(cx).manner;
        let client = match (manner, self.client(cx)) {
            (Manner::Sendmail, IpAddr::V6(client)) => format!("[IPv6:{client}]"),
            (Manner::Sendmail, client) => format!("[{client}]"),
            (_, client) => client.to_string(),
        };
        let date = if template.contains("{date}") { stamp::date(manner, cx.now) } else { String::new() };
        let tag = if template.contains("{tag}") { stamp::tag(cx.connection, cx.seed) } else { String::new() };
        let helo = cx.facts.helo.as_ref().map_or_else(Vec::new, |helo| helo.to_vec());
        let mut all = values.to_vec();
        all.extend([("host", self.host.as_bytes()), ("client", client.as_bytes())]);
        all.extend([("helo", helo.as_slice()), ("date", date.as_bytes()), ("tag", tag.as_bytes())]);
        fill(template, &all, cx.reply);
        cx.reply.extend_from_slice(b"\r\n");
    }

    /// Answers an error, and counts it afterwards, as Postfix does. Nothing else may change the state after it. Other servers
    /// count elsewhere.
    fn error(&mut self, cx: &mut Cx<'_>, which: Which, values: &[(&str, &[u8])]) -> Delay {
        let delay = self.reply(cx, which, values);
        if self.persona(cx).manner == Manner::Postfix {
            self.count_error(cx);
        }
        delay
    }

    /// Answers a command that does nothing; too many of them count as errors.
    fn junk(&mut self, cx: &mut Cx<'_>, which: Which, values: &[(&str, &[u8])]) -> Delay {
        let delay = self.reply(cx, which, values);
        self.junk += 1;
        if self.junk > self.persona(cx).junk_limit {
            self.count_error(cx);
        }
        delay
    }

    fn count_error(&mut self, cx: &Cx<'_>) {
        self.errors += 1;
        if self.errors >= self.persona(cx).hard_errors {
            self.state = State::Farewell;
        }
    }

    /// After many errors every reply is slow.
    fn delay(&self, cx: &Cx<'_>) -> Delay {
        let persona = self.persona(cx);
        (self.errors >= persona.soft_errors).then(|| persona.error_delay())
    }
}

fn note_oddities(cx: &mut Cx<'_>, line: &Line) {
    let oddities = [
        (line.end == LineEnd::Lf, Quirk::BareLfCommand),
        (line.bytes.contains(&b'\r'), Quirk::BareCrCommand),
        (line.cut, Quirk::LongCommand),
        (line.bytes.contains(&0), Quirk::NulByte),
        (!line.bytes.is_ascii(), Quirk::EightBitCommand),
        (line.bytes.starts_with(&[0x16, 0x03]), Quirk::TlsHello),
    ];
    for (_, quirk) in oddities.into_iter().filter(|(odd, _)| *odd) {
        cx.quirk(quirk);
    }
}
