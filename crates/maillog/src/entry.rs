//! One line, read: who wrote it and what it says, in pieces of the line. Nothing is kept from line to line.

use crate::exim;
use crate::header::{Form, Header};
use crate::login;
use crate::login::Login;
use crate::parts::Part;
use crate::postfix;
use crate::scan::number;
use crate::scanner;
use crate::scanner::Verdict;
use crate::sendmail;
use crate::stamp::{Stamp, exim as own_stamp};

/// A line, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<'a> {
    pub stamp: Stamp,
    /// Empty where the line names none.
    pub host: &'a str,
    /// Syslog name of the server, which tells instances on one machine apart; empty where there is none.
    pub instance: &'a [u8],
    /// As the line names it, often a number; empty where it does not.
    pub process: &'a [u8],
    pub body: Body<'a>,
}

/// What a line says, by who wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly every line is of the large kinds, and none is kept")]
pub enum Body<'a> {
    Postfix(postfix::Line<'a>),
    Exim(exim::Line<'a>),
    Sendmail(sendmail::Line<'a>),
    /// A piece of a line that Exim cut for syslog.
    Part(Part<'a>),
    /// Of a program that checks passwords.
    Login(Login<'a>),
    /// Of a scanner, about a message or its client.
    Scanner(Verdict<'a>),
    /// Of a program that has nothing to do with mail's way, or says nothing about it.
    Other(Other),
    /// Of a mail program, in a form that is not known.
    Unknown,
    /// What a line needs is not there.
    Malformed(Place),
}

/// Known lines of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Other {
    /// No byte in it, or blanks.
    Empty,
    /// `last message repeated 2 times`, and other lines of the logger itself.
    Logger,
    /// A scanner, without a verdict.
    Scanner,
    /// A program that is no mail server and no scanner.
    Program,
}

/// Where a line stops being what its beginning promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// No stamp that is known.
    Stamp,
    /// A stamp, and no program.
    Program,
}

impl<'a> Entry<'a> {
    /// Reads a line without its end.
    pub fn read(line: &'a [u8]) -> Self {
        Self::of(&Header::parse(line))
    }

    /// Reads a line of which the header is known.
    pub(crate) fn of(header: &Header<'a>) -> Self {
        // Nearly all lines of a log of Exim's own are this, and a body is large to copy.
        if matches!(header.form, Form::Exim) && header.text.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            let (stamp, host, process) = (header.stamp, header.host, header.process);
            return Self { stamp, host, instance: b"", process, body: own(header.text) };
        }
        let mut entry = Self {
            stamp: header.stamp,
            host: header.host,
            instance: b"",
            process: header.process,
            body: Body::Unknown,
        };
        entry.body = match header.form {
            Form::Syslog => entry.syslog(header),
            _ if header.text.trim_ascii().is_empty() => Body::Other(Other::Empty),
            Form::Exim => own(header.text),
            Form::Own => login::own(header.text).map_or(Body::Other(Other::Program), Body::Login),
            Form::Bare => Body::Malformed(Place::Stamp),
        };
        entry
    }

    fn syslog(&mut self, header: &Header<'a>) -> Body<'a> {
        if let Some((instance, daemon)) = postfix::daemon(header.program) {
            if let Some(verdict) = scanner::beside_postfix(daemon, header.text) {
                return verdict.map_or(Body::Other(Other::Scanner), Body::Scanner);
            }
            self.instance = instance;
            return Body::Postfix(postfix::read(daemon, header.text));
        }
        if let Some(verdict) = scanner::read(header.program, header.text) {
            return verdict.map_or(Body::Other(Other::Scanner), Body::Scanner);
        }
        if let Some(instance) = exim::daemon(header.program) {
            self.instance = instance;
            return self.exim(header.text);
        }
        if sendmail::is_sendmail(header.program) {
            self.instance = sendmail::INSTANCE;
            return Body::Sendmail(sendmail::read(header.text));
        }
        if let Some(login) = login::read(header.program, header.text) {
            return Body::Login(login);
        }
        if header.program.is_empty() {
            let logger = header.text.starts_with(b"last message repeated ");
            return if logger { Body::Other(Other::Logger) } else { Body::Malformed(Place::Program) };
        }
        Body::Other(Other::Program)
    }

    /// Exim in syslog: with a stamp of its own, unless it is told to leave it out, and in pieces when it is long.
    fn exim(&mut self, text: &'a [u8]) -> Body<'a> {
        if let Some(part) = Part::parse(text) {
            return Body::Part(part);
        }
        let Some((stamp, text)) = text.first().filter(|byte| byte.is_ascii_digit()).and_then(|_| own_stamp(text))
        else {
            return Body::Exim(exim::read(text));
        };
        // It has a year.
        if matches!(self.stamp, Stamp::Yearless { .. } | Stamp::Absent) {
            self.stamp = stamp;
        }
        Body::Exim(exim::read(without_process(text)))
    }
}

/// Exim's own file. Other programs write their stamps the same way, with a level behind.
fn own(text: &[u8]) -> Body<'_> {
    let levels: [&[u8]; 7] = [b"CRIT", b"ERROR", b"WARN", b"INFO", b"NOTICE", b"DEBUG", b"#"];
    let line = Body::Exim(exim::read(text));
    if !matches!(line, Body::Exim(exim::Line::Unknown)) || !levels.iter().any(|level| text.starts_with(level)) {
        return line;
    }
    scanner::read(b"rspamd", text).flatten().map_or(Body::Other(Other::Program), Body::Scanner)
}

/// Without `[77] `, which Exim writes where it is told to.
fn without_process(text: &[u8]) -> &[u8] {
    match text.strip_prefix(b"[").and_then(number) {
        Some((_, [b']', b' ', rest @ ..])) => rest,
        _ => text,
    }
}
