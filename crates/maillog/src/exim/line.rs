//! What Exim writes, one kind of line at a time, in pieces of the line.

use super::host::Host;
use crate::happening::{LossKind, Stage, TaintKind};

/// One line of Exim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line<'a> {
    /// `<=`, `(=`
    Arrival(Arrival<'a>),
    /// `=>`, `->`, `>>`, `*>`, `**`, `==`
    Delivery(Delivery<'a>),
    /// The queue is done with the message.
    Completed { queue: &'a str },
    /// `rejected`, `temporarily rejected`, `dropped`, `discarded`.
    Refusal(Refusal<'a>),
    /// `sender verify fail for <a>`: what is refused for it has a line of its own.
    Sender { host: Host<'a>, sender: &'a [u8], deferred: bool, text: &'a [u8] },
    /// A rule that only warns named a message spam or a virus, or clean.
    Found { queue: &'a str, host: Host<'a>, sender: Option<&'a [u8]>, kind: TaintKind, text: &'a [u8] },
    /// `plain authenticator failed for …: 535 Incorrect authentication data (set_id=joe)`
    LoginFailed { host: Host<'a>, method: &'a [u8], account: Option<&'a [u8]>, text: &'a [u8] },
    /// A connection ended early or broke the protocol.
    Loss { host: Host<'a>, kind: LossKind, text: &'a [u8] },
    /// Known, and nothing about mail in it.
    Idle(Idle),
    /// A form that is not known.
    Unknown,
}

/// Lines without interest, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Idle {
    /// Of the daemon and its queue runners.
    Daemon,
    /// On a message: frozen, locked, signatures.
    Message,
    /// Of a next hop, without a result for a recipient.
    Remote,
    /// On a client: connections, commands that are wrong, rules that only warn.
    Client,
}

/// From `<=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival<'a> {
    pub queue: &'a str,
    /// Taken, and the client was told that it is not: `(=`.
    pub fake: bool,
    /// Empty for `<>`.
    pub sender: &'a [u8],
    /// Message id of the message that this one is a bounce of.
    pub about: Option<&'a str>,
    pub host: Host<'a>,
    /// `U=`: the user of this machine, for mail handed in on it.
    pub user: Option<&'a [u8]>,
    /// `P=`: `esmtpsa`, `local`.
    pub protocol: &'a [u8],
    pub authenticator: Option<&'a [u8]>,
    pub account: Option<&'a [u8]>,
    pub size: Option<u64>,
    pub message_id: Option<&'a [u8]>,
    /// How many stand after `for`, where Exim is told to write them.
    pub recipients: Option<u32>,
}

/// What became of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// `=>`
    Delivered,
    /// `->`: of the delivery before, for another address.
    Further,
    /// `>>`: while the client waited; stands before the arrival.
    Cutthrough,
    /// `*>`: with `-N`, so not at all.
    Suppressed,
    /// `**`
    Failed,
    /// `==`
    Deferred,
}

/// From a line about one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    pub queue: &'a str,
    pub flag: Flag,
    /// The address, or what was made of it: the local part for a mailbox, `|command`, `/file`, `:blackhole:`.
    pub address: &'a [u8],
    /// What it was made from.
    pub original: Option<&'a [u8]>,
    pub router: &'a [u8],
    pub transport: &'a [u8],
    /// Next hop as written: `mx.example [192.0.2.7]:25`.
    pub relay: &'a [u8],
    /// The answer, or why not.
    pub text: &'a [u8],
}

/// How something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// For good, and dropped connections.
    Rejected,
    Deferred,
    /// Taken, and thrown away.
    Discarded,
}

/// From a refusal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal<'a> {
    /// Empty before there is one.
    pub queue: &'a str,
    pub verb: Verb,
    pub stage: Stage,
    pub host: Host<'a>,
    pub user: Option<&'a [u8]>,
    pub account: Option<&'a [u8]>,
    pub sender: Option<&'a [u8]>,
    pub recipient: Option<&'a [u8]>,
    pub text: &'a [u8],
}

impl Line<'_> {
    /// Whether it tells nothing of mail or of a client's misbehaviour.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle(_) | Self::Unknown)
    }
}
