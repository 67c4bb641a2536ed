//! How many lines said what: every line is counted once, under one name, with a few samples of those that are not understood.

use minicbor::{Decode, Encode};

use crate::entry::{Body, Entry, Other, Place};
use crate::exim;
use crate::login::Login;
use crate::{postfix, sendmail};

/// What lines are counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Understood, and about mail or clients.
    Parsed,
    /// Known, and nothing about mail in it: connections, statistics, warnings.
    Idle,
    /// Written by daemons that were told to be verbose.
    Verbose,
    /// Of a program that is no mail server.
    Program,
    /// Of the logger itself.
    Logger,
    Empty,
    /// Of a mail program, in a form that is not known.
    Unknown,
    /// No stamp that is known at its start.
    NoStamp,
    /// A stamp, and no program.
    NoProgram,
    /// A piece of another line: a field of an entry of journald, one that Exim cut for syslog, the headers below a refusal in its reject log, and the second copy
    /// of a refusal in syslog.
    Part,
}

impl Kind {
    pub const ALL: [Kind; 10] = [
        Kind::Parsed,
        Kind::Idle,
        Kind::Verbose,
        Kind::Program,
        Kind::Logger,
        Kind::Empty,
        Kind::Unknown,
        Kind::NoStamp,
        Kind::NoProgram,
        Kind::Part,
    ];

    pub fn of(entry: &Entry<'_>) -> Self {
        match &entry.body {
            Body::Postfix(line) => match line {
                postfix::Line::Unknown => Self::Unknown,
                postfix::Line::Idle(postfix::Idle::Verbose) => Self::Verbose,
                line if line.is_idle() => Self::Idle,
                _ => Self::Parsed,
            },
            Body::Exim(exim::Line::Unknown) => Self::Unknown,
            Body::Exim(line) if line.is_idle() => Self::Idle,
            Body::Sendmail(sendmail::Line::Unknown) => Self::Unknown,
            Body::Sendmail(line) if line.is_idle() => Self::Idle,
            Body::Login(Login::Other) => Self::Idle,
            Body::Exim(_) | Body::Sendmail(_) | Body::Login(Login::Failed(_)) | Body::Scanner(_) => Self::Parsed,
            Body::Part(_) => Self::Part,
            Body::Other(Other::Scanner) => Self::Idle,
            Body::Other(Other::Empty) => Self::Empty,
            Body::Other(Other::Logger) => Self::Logger,
            Body::Other(Other::Program) => Self::Program,
            Body::Unknown => Self::Unknown,
            Body::Malformed(Place::Stamp) => Self::NoStamp,
            Body::Malformed(Place::Program) => Self::NoProgram,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Parsed => "parsed",
            Self::Idle => "idle",
            Self::Verbose => "verbose",
            Self::Program => "program",
            Self::Logger => "logger",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
            Self::NoStamp => "no-stamp",
            Self::NoProgram => "no-program",
            Self::Part => "part",
        }
    }

    /// Whether a line of this kind says something that is not understood.
    pub fn is_unclear(self) -> bool {
        matches!(self, Self::Unknown | Self::NoStamp | Self::NoProgram)
    }
}

/// Samples of one kind; further lines are counted alone.
pub const MAX_SAMPLES: usize = 8;

/// A longer sample is cut.
pub const MAX_SAMPLE: usize = 300;

/// Counts of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tally {
    #[n(0)]
    pub lines: u64,
    /// Bytes of input, line ends included.
    #[n(1)]
    pub bytes: u64,
    /// Lines longer than [`MAX_LINE`](crate::MAX_LINE), of which the rest was left out.
    #[n(2)]
    pub cut: u64,
    /// Lines with NUL bytes before them.
    #[n(3)]
    pub nul: u64,
    #[n(4)]
    counts: [u64; Kind::ALL.len()],
    #[n(5)]
    samples: [Vec<Vec<u8>>; Kind::ALL.len()],
}

impl Tally {
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// The first lines of a kind that is not understood.
    pub fn samples(&self, kind: Kind) -> &[Vec<u8>] {
        &self.samples[kind as usize]
    }

    /// Lines that are understood or known to be without interest.
    pub fn classified(&self) -> u64 {
        Kind::ALL.into_iter().filter(|kind| !kind.is_unclear()).map(|kind| self.count(kind)).sum()
    }

    pub(crate) fn add(&mut self, kind: Kind, line: &[u8]) {
        self.lines += 1;
        self.counts[kind as usize] += 1;
        if kind.is_unclear() {
            self.sample(kind, line);
        }
    }

    #[cold]
    fn sample(&mut self, kind: Kind, line: &[u8]) {
        let samples = &mut self.samples[kind as usize];
        if samples.len() < MAX_SAMPLES {
            samples.push(line[..line.len().min(MAX_SAMPLE)].to_vec());
        }
    }
}
