//! One line, read: who wrote it and what it says, in pieces of the line. Nothing is kept from line to line.

use crate::header::{Form, Header};
use crate::postfix;
use crate::scanner;
use crate::scanner::Verdict;
use crate::stamp::Stamp;

/// A line, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<'a> {
    pub stamp: Stamp,
    /// Empty where the line names none.
    pub host: &'a str,
    /// Syslog name of the server, which tells instances on one machine apart; empty where there is none.
    pub instance: &'a [u8],
    pub body: Body<'a>,
}

/// What a line says, by who wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly every line is of the large kinds, and none is kept")]
pub enum Body<'a> {
    Postfix(postfix::Line<'a>),
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
        let header = Header::parse(line);
        let (instance, body) = body(&header);
        Self { stamp: header.stamp, host: header.host, instance, body }
    }
}

fn body<'a>(header: &Header<'a>) -> (&'a [u8], Body<'a>) {
    if header.form != Form::Syslog {
        let body =
            if header.text.trim_ascii().is_empty() { Body::Other(Other::Empty) } else { Body::Malformed(Place::Stamp) };
        return (b"", body);
    }
    if let Some(verdict) = scanner::read(header.program, header.text) {
        return (b"", verdict.map_or(Body::Other(Other::Scanner), Body::Scanner));
    }
    if let Some((instance, daemon)) = postfix::daemon(header.program) {
        let line = postfix::read(daemon, header.text);
        return (instance, Body::Postfix(line));
    }
    if header.program.is_empty() {
        let logger = header.text.starts_with(b"last message repeated ");
        return (b"", if logger { Body::Other(Other::Logger) } else { Body::Malformed(Place::Program) });
    }
    (b"", Body::Other(Other::Program))
}
