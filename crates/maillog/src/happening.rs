//! What a log tells of mail, one thing at a time: the vocabulary between the readers of logs and the rules on them.
//!
//! Text is as the server logged it, hostile, and borrowed for the time of one call. A happening is one recipient's
//! attempt, one arrival, one refusal; it is told as soon as the log allows, because a finding must not wait until a
//! message has left the queue.

use std::net::IpAddr;

use evidence::Time;

/// One thing that happened, in the order of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Happening<'a> {
    pub at: Time,
    /// The mail server, as its log names it; empty when the format has no host (an Exim main log).
    pub host: &'a str,
    /// Where the line begins that told it: offset in bytes in the input that its reader was given.
    pub offset: u64,
    /// The line that told it, without its line end: the evidence.
    pub line: &'a [u8],
    pub what: What<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What<'a> {
    /// The server took a message.
    Arrival(Arrival<'a>),
    /// The first result for a recipient of a message, or a later one after a deferral ([`Attempt::first`]).
    Attempt(Attempt<'a>),
    /// The server refused a recipient, a sender, a HELO or a whole message.
    Refusal(Refusal<'a>),
    /// A scanner's word on a message (spam, virus, SPF), before or after its arrival.
    Taint(Taint<'a>),
    /// A login that failed; [`Client::account`] is the account tried.
    LoginFailed(Client<'a>),
    /// A connection that broke the protocol or ended early.
    Loss(Loss<'a>),
}

/// Who handed mail in, as far as the log tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Client<'a> {
    /// `None` for mail handed in on the machine itself.
    pub address: Option<IpAddr>,
    /// Source port, where the server logs it.
    pub port: Option<u16>,
    /// Name in the reverse DNS, as the server found it; `None` when it found none.
    pub name: Option<&'a str>,
    /// As said in HELO or EHLO; `None` when the log does not tell.
    pub helo: Option<&'a [u8]>,
    /// The account that logged in (SASL user name, Exim's `A=`, local user of a pipe).
    pub account: Option<&'a [u8]>,
}

/// What is known of a message when something happens to it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mail<'a> {
    /// Queue id.
    pub queue: &'a str,
    pub client: Client<'a>,
    /// Envelope sender; empty for the null sender, `None` when not yet known.
    pub sender: Option<&'a [u8]>,
    pub message_id: Option<&'a [u8]>,
    /// Bytes, as logged.
    pub size: Option<u64>,
    /// Queue id of the message that this one reports on (bounces), where the log tells.
    pub about: Option<&'a str>,
    /// When the server took it.
    pub arrived: Option<Time>,
}

/// A message taken: told once for each queue id, when its sender is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival<'a> {
    pub mail: Mail<'a>,
    /// Recipients accepted, where the log tells it at this time.
    pub recipients: Option<u32>,
}

/// A result for one recipient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt<'a> {
    pub mail: Mail<'a>,
    pub recipient: &'a [u8],
    /// As the client gave it, where the server rewrote it.
    pub original: Option<&'a [u8]>,
    /// Whether no result for this recipient of this message was told before: counters take first ones only.
    pub first: bool,
    pub fate: Fate,
    pub stage: Stage,
    /// SMTP reply code of the other side (550), where logged.
    pub code: Option<u16>,
    /// Enhanced status code (5.1.1), where logged.
    pub enhanced: Option<[u16; 3]>,
    /// Next hop: name and address as logged.
    pub relay: Option<&'a str>,
    /// What the other side or the server said.
    pub text: &'a [u8],
}

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

/// What the server would not take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal<'a> {
    pub client: Client<'a>,
    pub stage: Stage,
    pub sender: Option<&'a [u8]>,
    pub recipient: Option<&'a [u8]>,
    /// 4xx or 5xx.
    pub code: Option<u16>,
    pub enhanced: Option<[u16; 3]>,
    pub text: &'a [u8],
}

/// A scanner's word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taint<'a> {
    pub mail: Mail<'a>,
    pub kind: TaintKind,
    /// Name of the virus, score or rule names, as logged.
    pub text: &'a [u8],
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

/// A connection that did not keep to the protocol, or ended early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss<'a> {
    pub client: Client<'a>,
    pub kind: LossKind,
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
