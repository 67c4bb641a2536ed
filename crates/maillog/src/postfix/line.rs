//! What the daemons of Postfix write, one kind of line at a time, in pieces of the line.

use crate::happening::{Fate, LossKind};
use crate::peer::Peer;

/// One line of Postfix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line<'a> {
    /// smtpd: a queue file was made for this client.
    Client(Handed<'a>),
    /// pickup: a message handed in on the machine.
    Pickup { queue: &'a str, user: &'a [u8], sender: &'a [u8] },
    /// cleanup.
    MessageId { queue: &'a str, id: &'a [u8], resent: bool },
    /// qmgr: the message is in the active queue, for the first time or again.
    Active { queue: &'a str, sender: &'a [u8], size: Option<u64>, recipients: Option<u32> },
    /// qmgr.
    Removed { queue: &'a str },
    /// qmgr: given up after its time in the queue.
    Expired { queue: &'a str, sender: &'a [u8], status: &'a [u8] },
    /// A result for one recipient, of any delivery agent.
    Delivery(Delivery<'a>),
    /// bounce: a message about another one. `to` is `sender` or `postmaster`, `kind` as `non-delivery`.
    Notification { about: &'a str, to: &'a [u8], kind: &'a [u8], queue: &'a str },
    /// smtpd, postscreen, cleanup: `NOQUEUE: reject: RCPT from …`, and what else may stand for `reject`.
    Refusal(Refusal<'a>),
    /// smtpd before a proxy filter.
    Proxied { accepted: bool, stage: &'a [u8], text: &'a [u8], envelope: Envelope<'a> },
    /// cleanup: a rule on a header or body line.
    Content(Content<'a>),
    /// smtpd: SASL authentication failed; `method` as `LOGIN`.
    LoginFailed { peer: Peer<'a>, method: &'a [u8], text: &'a [u8], account: Option<&'a [u8]> },
    /// smtpd, postscreen: a connection ended early or broke the protocol; `waited` in seconds, as written.
    Loss { peer: Peer<'a>, kind: LossKind, what: &'a [u8], waited: &'a [u8], stage: &'a [u8], text: &'a [u8] },
    /// Something warned; with the queue id and peer where it names them.
    Warning(Warning<'a>),
    /// smtpd, postscreen, tlsproxy: a connection begins. `to` is our end.
    Connect { peer: Peer<'a>, to: Option<Peer<'a>> },
    /// … ends; with counts of commands ([`commands`](super::commands)).
    Disconnect { peer: Peer<'a>, counts: &'a [u8] },
    /// postscreen: `PASS NEW`, `DENYLISTED` and others.
    Access { verdict: &'a [u8], peer: Peer<'a> },
    /// postscreen: the sum over block lists.
    Rank { rank: u64, peer: Peer<'a> },
    /// dnsblog: an address stands on a list.
    Listed { address: &'a [u8], domain: &'a [u8], result: &'a [u8] },
    /// smtp: what a next hop said that is not the end of it; `queue` is empty where the line has none.
    Remote { queue: &'a str, peer: Peer<'a>, kind: Remote, text: &'a [u8], stage: &'a [u8] },
    /// TLS was made; its version and ciphers are a [`Cipher`](super::Cipher).
    Tls { trust: &'a [u8], peer: Peer<'a>, inbound: bool, parameters: &'a [u8] },
    /// anvil: `rate` or `count` of a client of a service, or the greatest size of the cache (`cache`).
    Anvil { what: &'a [u8], value: &'a [u8], service: &'a [u8], client: &'a [u8], at: &'a [u8] },
    /// scache: counts of lookups and connections.
    Scache { what: &'a [u8], values: &'a [u8] },
    /// verify, postscreen: a cache was cleaned.
    Cleaned { scope: &'a [u8], retained: u64, dropped: u64 },
    /// master, postfix-script: started, reloaded, stopped.
    Master { what: &'a [u8], version: &'a [u8], folder: &'a [u8] },
    /// postsuper: what was done to one message, or to how many.
    Super { queue: &'a str, action: &'a [u8], count: Option<u64> },
    /// smtpd: EHLO keywords that were not offered.
    Keywords(&'a [u8]),
    /// Known, and nothing about mail in it.
    Idle(Idle),
    /// A form that is not known.
    Unknown,
}

impl Line<'_> {
    /// Whether it tells nothing of mail or of a client's misbehaviour.
    pub fn is_idle(&self) -> bool {
        !matches!(
            self,
            Self::Client(_)
                | Self::Pickup { .. }
                | Self::MessageId { .. }
                | Self::Active { .. }
                | Self::Removed { .. }
                | Self::Expired { .. }
                | Self::Delivery(_)
                | Self::Notification { .. }
                | Self::Refusal(_)
                | Self::Proxied { .. }
                | Self::Content(_)
                | Self::LoginFailed { .. }
                | Self::Loss { .. }
                | Self::Rank { .. }
                | Self::Super { .. }
        )
    }
}

/// Lines without interest, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Idle {
    /// Written by daemons that were started with `-v`.
    Verbose,
    /// `skipped, still being delivered`, `enabling PIX workarounds` and other remarks on a message.
    Remark,
    /// A delivery probe for an address (`status=deliverable`, `undeliverable`): no mail.
    Probe,
}

/// From the `client=` line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handed<'a> {
    pub queue: &'a str,
    pub peer: Peer<'a>,
    pub method: Option<&'a [u8]>,
    pub account: Option<&'a [u8]>,
    pub sasl_sender: Option<&'a [u8]>,
    /// Where a filter hands a message back and tells (XFORWARD).
    pub original_queue: Option<&'a str>,
    pub original_client: Option<Peer<'a>>,
}

/// From a delivery agent's line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delivery<'a> {
    pub queue: &'a str,
    pub recipient: &'a [u8],
    pub original: Option<&'a [u8]>,
    pub relay: &'a [u8],
    /// Seconds, as written.
    pub delay: &'a [u8],
    /// Before the queue manager, in it, connecting, sending: seconds, as written ([`delays`](super::delays)).
    pub delays: &'a [u8],
    /// A [`Policy`](super::Policy).
    pub tls: Option<&'a [u8]>,
    pub enhanced: Option<[u16; 3]>,
    /// As written: `sent`, `undeliverable-but-not-cached`.
    pub status: &'a [u8],
    /// `None` for probes.
    pub fate: Option<Fate>,
    pub text: &'a [u8],
}

/// From and to, as far as a client had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub sender: Option<&'a [u8]>,
    pub recipient: Option<&'a [u8]>,
    pub protocol: Option<&'a [u8]>,
    pub helo: Option<&'a [u8]>,
    pub account: Option<&'a [u8]>,
}

/// What smtpd, postscreen or a milter did to a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal<'a> {
    /// Empty for `NOQUEUE`.
    pub queue: &'a str,
    /// `reject`, `reject_warning`, `milter-reject`, `discard`, `filter`, `hold` and others.
    pub action: &'a [u8],
    /// `RCPT`, `END-OF-MESSAGE`.
    pub stage: &'a [u8],
    pub peer: Peer<'a>,
    pub code: Option<u16>,
    pub enhanced: Option<[u16; 3]>,
    /// What the text begins with between brackets: the recipient, the HELO name.
    pub subject: Option<&'a [u8]>,
    /// Without code and subject.
    pub text: &'a [u8],
    pub envelope: Envelope<'a>,
}

/// A rule on content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Content<'a> {
    pub queue: &'a str,
    /// `warning`, `info`, `reject`, `prepend`, `hold`, `milter-reject`.
    pub action: &'a [u8],
    /// `header X-Spam-Status: Yes`, `END-OF-MESSAGE`.
    pub trigger: &'a [u8],
    /// `None` for mail from this machine.
    pub peer: Option<Peer<'a>>,
    /// What the client was told.
    pub answer: &'a [u8],
    pub envelope: Envelope<'a>,
    /// What was put in, or where the message goes instead.
    pub text: &'a [u8],
}

/// A warning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warning<'a> {
    /// `warning`, `fatal`, `error`, `panic`, `info`.
    pub level: &'a [u8],
    /// Empty where it names none.
    pub queue: &'a str,
    pub peer: Option<Peer<'a>>,
    pub text: &'a [u8],
}

/// What came of a next hop, when it is not a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remote {
    /// It answered, and another is tried.
    Said,
    /// It greeted with a refusal.
    Refused,
    /// It could not be reached.
    Unreachable,
    /// The connection was lost, or took too long.
    Lost,
    /// TLS was not made, or its certificate is not good.
    Tls,
    /// It did not take our login.
    Login,
    /// A remark on what it offers.
    Offer,
}
