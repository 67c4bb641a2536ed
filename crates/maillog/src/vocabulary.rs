//! What happenings are made of, whatever their text is: borrowed from a log ([`Happening`](crate::Happening) and its parts), or
//! kept for a moment ([`Kept`](crate::Kept)). `S` is text in UTF-8, `B` text in any bytes.

use std::net::IpAddr;

use evidence::Time;

use crate::happening::{Fate, LossKind, Stage, TaintKind};

/// One thing that happened, in the order of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Happening<S, B> {
    pub at: Time,
    /// The mail server, as its log names it; empty when the format has no host (an Exim main log).
    pub host: S,
    /// Where the line begins that told it: offset in bytes in the input that its reader was given.
    pub offset: u64,
    /// The line that told it, without its line end: the evidence.
    pub line: B,
    pub what: What<S, B>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What<S, B> {
    /// The server took a message.
    Arrival(Arrival<S, B>),
    /// The first result for a recipient of a message, or a later one after a deferral ([`Attempt::first`]).
    Attempt(Attempt<S, B>),
    /// The server refused a recipient, a sender, a HELO or a whole message.
    Refusal(Refusal<S, B>),
    /// A scanner's word on a message (spam, virus, SPF), before or after its arrival.
    Taint(Taint<S, B>),
    /// A login that failed; [`Client::account`] is the account tried.
    LoginFailed(Client<S, B>),
    /// A connection that broke the protocol or ended early.
    Loss(Loss<S, B>),
}

/// Who handed mail in, as far as the log tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Client<S, B> {
    /// `None` for mail handed in on the machine itself.
    pub address: Option<IpAddr>,
    /// Source port, where the server logs it.
    pub port: Option<u16>,
    /// Name in the reverse DNS, as the server found it; `None` when it found none.
    pub name: Option<S>,
    /// As said in HELO or EHLO; `None` when the log does not tell.
    pub helo: Option<B>,
    /// The account that logged in (SASL user name, Exim's `A=`, local user of a pipe).
    pub account: Option<B>,
}

/// What is known of a message when something happens to it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mail<S, B> {
    /// Queue id.
    pub queue: S,
    pub client: Client<S, B>,
    /// Envelope sender; empty for the null sender, `None` when not yet known.
    pub sender: Option<B>,
    pub message_id: Option<B>,
    /// Bytes, as logged.
    pub size: Option<u64>,
    /// Queue id of the message that this one reports on (bounces), where the log tells.
    pub about: Option<S>,
    /// When the server took it.
    pub arrived: Option<Time>,
}

/// A message taken: told once for each queue id, when its sender is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival<S, B> {
    pub mail: Mail<S, B>,
    /// Recipients accepted, where the log tells it at this time.
    pub recipients: Option<u32>,
}

/// A result for one recipient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt<S, B> {
    pub mail: Mail<S, B>,
    pub recipient: B,
    /// As the client gave it, where the server rewrote it.
    pub original: Option<B>,
    /// Whether no result for this recipient of this message was told before: counters take first ones only.
    pub first: bool,
    pub fate: Fate,
    pub stage: Stage,
    /// SMTP reply code of the other side (550), where logged.
    pub code: Option<u16>,
    /// Enhanced status code (5.1.1), where logged.
    pub enhanced: Option<[u16; 3]>,
    /// Next hop: name and address as logged.
    pub relay: Option<S>,
    /// What the other side or the server said.
    pub text: B,
}

/// What the server would not take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal<S, B> {
    pub client: Client<S, B>,
    pub stage: Stage,
    pub sender: Option<B>,
    pub recipient: Option<B>,
    /// 4xx or 5xx.
    pub code: Option<u16>,
    pub enhanced: Option<[u16; 3]>,
    pub text: B,
}

/// A scanner's word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taint<S, B> {
    pub mail: Mail<S, B>,
    pub kind: TaintKind,
    /// Name of the virus, score or rule names, as logged.
    pub text: B,
}

/// A connection that did not keep to the protocol, or ended early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss<S, B> {
    pub client: Client<S, B>,
    pub kind: LossKind,
}

/// From one kind of text to another.
pub(crate) trait Texts<S, B> {
    type Text;
    type Bytes;

    fn text(&mut self, text: S) -> Self::Text;
    fn bytes(&mut self, bytes: B) -> Self::Bytes;
}

impl<S: Copy, B: Copy> Happening<S, B> {
    #[inline]
    pub(crate) fn map<T: Texts<S, B>>(&self, texts: &mut T) -> Happening<T::Text, T::Bytes> {
        Happening {
            at: self.at,
            host: texts.text(self.host),
            offset: self.offset,
            line: texts.bytes(self.line),
            what: match &self.what {
                What::Arrival(arrival) => What::Arrival(arrival.map(texts)),
                What::Attempt(attempt) => What::Attempt(attempt.map(texts)),
                What::Refusal(refusal) => What::Refusal(refusal.map(texts)),
                What::Taint(taint) => What::Taint(taint.map(texts)),
                What::LoginFailed(client) => What::LoginFailed(client.map(texts)),
                What::Loss(loss) => What::Loss(Loss { client: loss.client.map(texts), kind: loss.kind }),
            },
        }
    }
}

impl<S: Copy, B: Copy> Client<S, B> {
    #[inline]
    fn map<T: Texts<S, B>>(&self, texts: &mut T) -> Client<T::Text, T::Bytes> {
        Client {
            address: self.address,
            port: self.port,
            name: self.name.map(|name| texts.text(name)),
            helo: self.helo.map(|helo| texts.bytes(helo)),
            account: self.account.map(|account| texts.bytes(account)),
        }
    }
}

impl<S: Copy, B: Copy> Mail<S, B> {
    #[inline]
    fn map<T: Texts<S, B>>(&self, texts: &mut T) -> Mail<T::Text, T::Bytes> {
        Mail {
            queue: texts.text(self.queue),
            client: self.client.map(texts),
            sender: self.sender.map(|sender| texts.bytes(sender)),
            message_id: self.message_id.map(|id| texts.bytes(id)),
            size: self.size,
            about: self.about.map(|queue| texts.text(queue)),
            arrived: self.arrived,
        }
    }
}

impl<S: Copy, B: Copy> Arrival<S, B> {
    #[inline]
    fn map<T: Texts<S, B>>(&self, texts: &mut T) -> Arrival<T::Text, T::Bytes> {
        Arrival { mail: self.mail.map(texts), recipients: self.recipients }
    }
}

impl<S: Copy, B: Copy> Attempt<S, B> {
    #[inline]
    fn map<T: Texts<S, B>>(&self, texts: &mut T) -> Attempt<T::Text, T::Bytes> {
        Attempt {
            mail: self.mail.map(texts),
            recipient: texts.bytes(self.recipient),
            original: self.original.map(|original| texts.bytes(original)),
            first: self.first,
            fate: self.fate,
            stage: self.stage,
            code: self.code,
            enhanced: self.enhanced,
            relay: self.relay.map(|relay| texts.text(relay)),
            text: texts.bytes(self.text),
        }
    }
}

impl<S: Copy, B: Copy> Refusal<S, B> {
    #[inline]
    fn map<T: Texts<S, B>>(&self, texts: &mut T) -> Refusal<T::Text, T::Bytes> {
        Refusal {
            client: self.client.map(texts),
            stage: self.stage,
            sender: self.sender.map(|sender| texts.bytes(sender)),
            recipient: self.recipient.map(|recipient| texts.bytes(recipient)),
            code: self.code,
            enhanced: self.enhanced,
            text: texts.bytes(self.text),
        }
    }
}

impl<S: Copy, B: Copy> Taint<S, B> {
    #[inline]
    fn map<T: Texts<S, B>>(&self, texts: &mut T) -> Taint<T::Text, T::Bytes> {
        Taint { mail: self.mail.map(texts), kind: self.kind, text: texts.bytes(self.text) }
    }
}
