//! What a log tells of mail, one thing at a time: the vocabulary between the readers of logs and the rules on them.
//!
//! Text is as the server logged it, hostile, and borrowed for the time of one call. A happening is one recipient's
//! attempt, one arrival, one refusal; it is told as soon as the log allows, because a finding must not wait until a
//! message has left the queue. Its parts stand in `vocabulary`, for text of any kind.

use crate::vocabulary;

/// One thing that happened, in the order of the log.
pub type Happening<'a> = vocabulary::Happening<&'a str, &'a [u8]>;
/// What it was.
pub type What<'a> = vocabulary::What<&'a str, &'a [u8]>;
/// Who handed mail in, as far as the log tells.
pub type Client<'a> = vocabulary::Client<&'a str, &'a [u8]>;
/// What is known of a message when something happens to it.
pub type Mail<'a> = vocabulary::Mail<&'a str, &'a [u8]>;
/// A message taken: told once for each queue id, when its sender is known.
pub type Arrival<'a> = vocabulary::Arrival<&'a str, &'a [u8]>;
/// A result for one recipient.
pub type Attempt<'a> = vocabulary::Attempt<&'a str, &'a [u8]>;
/// What the server would not take.
pub type Refusal<'a> = vocabulary::Refusal<&'a str, &'a [u8]>;
/// A scanner's word.
pub type Taint<'a> = vocabulary::Taint<&'a str, &'a [u8]>;
/// A connection that did not keep to the protocol, or ended early.
pub type Loss<'a> = vocabulary::Loss<&'a str, &'a [u8]>;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    Delivered,
    /// For now: it will be tried again.
    Deferred,
    /// For good.
    Failed,
    /// Given up after many deferrals.
    Expired,
}

/// Where in the dialogue with the next hop it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    Connect,
    Helo,
    MailFrom,
    RcptTo,
    /// After DATA, before the content.
    Data,
    /// After the content.
    EndOfData,
    /// The server's own decision, without a dialogue (unknown local user, routing).
    Own,
    #[default]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaintKind {
    Clean,
    Spam,
    Virus,
    /// The SPF check of the client failed.
    SpfFail,
    /// The client stands on a block list.
    Listed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossKind {
    /// It spoke before the greeting.
    Early,
    /// Commands sent together without leave.
    Pipelined,
    BareNewline,
    /// It hung up, or was lost, before it was done.
    Hangup,
    TimedOut,
}
