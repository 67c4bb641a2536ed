//! What Sendmail writes, one kind of line at a time, in pieces of the line.

use crate::happening::{Fate, LossKind, Stage};

/// One line of Sendmail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line<'a> {
    /// `from=`: a message was taken, or all its recipients were refused.
    Envelope(Envelope<'a>),
    /// `to=`
    Delivery(Delivery<'a>),
    /// `1F: 2F: DSN: User unknown`: a message about another one.
    Notification { about: &'a str, queue: &'a str, text: &'a [u8] },
    /// `done; …`: the queue is done with the message.
    Done { queue: &'a str },
    /// `ruleset=…, reject=…`, `Milter: …, reject=…`, `<a>... User unknown`.
    Refusal(Refusal<'a>),
    /// `AUTH=server`: who logged in, for the messages of this process that follow.
    Login { relay: Relay<'a>, account: &'a [u8], mechanism: &'a [u8] },
    /// `AUTH failure`, and what older versions write instead.
    LoginFailed { relay: Relay<'a>, account: Option<&'a [u8]>, text: &'a [u8] },
    /// A connection ended early or broke the protocol.
    Loss { relay: Relay<'a>, kind: LossKind, text: &'a [u8] },
    /// Known, and nothing about mail in it.
    Idle,
    /// A form that is not known.
    Unknown,
}

impl Line<'_> {
    /// Whether it tells nothing of mail or of a client's misbehaviour.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle | Self::Unknown)
    }
}

/// The other end, as in `relay=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relay<'a> {
    /// Empty where it has none, or where it may be forged: it does not lead back to the address.
    pub name: &'a [u8],
    /// Empty for the machine itself.
    pub address: &'a [u8],
    /// User of this machine: `joe@localhost`.
    pub user: Option<&'a [u8]>,
    /// All of it, as written.
    pub text: &'a [u8],
}

/// From `from=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub queue: &'a str,
    /// Empty for `<>`.
    pub sender: &'a [u8],
    pub size: Option<u64>,
    /// 0 when every recipient was refused.
    pub recipients: Option<u32>,
    pub message_id: Option<&'a [u8]>,
    pub relay: Relay<'a>,
}

/// From `to=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    pub queue: &'a str,
    /// One or more addresses, as written: `<a@b>,<c@d>`.
    pub recipients: &'a [u8],
    /// Who made it that: `ctladdr=`.
    pub controller: Option<&'a [u8]>,
    pub mailer: &'a [u8],
    pub relay: Relay<'a>,
    pub enhanced: Option<[u16; 3]>,
    /// `None` when it was only queued.
    pub fate: Option<Fate>,
    /// What the other side answered, where it stands there.
    pub reply: Option<&'a [u8]>,
    pub status: &'a [u8],
}

/// What was not taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal<'a> {
    /// Empty before there is one.
    pub queue: &'a str,
    pub stage: Stage,
    /// `None` where the line has none: it stands in the `from=` of the same queue id, which follows.
    pub relay: Option<Relay<'a>>,
    pub sender: Option<&'a [u8]>,
    pub recipient: Option<&'a [u8]>,
    pub text: &'a [u8],
}
