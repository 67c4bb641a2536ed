//! Where a report breaks its format, and what is no report at all.

use std::fmt;

/// Faults of one complaint that are kept; further ones are left out.
pub const MAX_FAULTS: usize = 16;

/// One rule of a format that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A field of the format, or in JSON the way to it, such as `Report/Samples/0/Payload`. Never a text of the sender.
    pub place: String,
    pub reason: &'static str,
}

impl Fault {
    pub(crate) fn new(place: impl Into<String>, reason: &'static str) -> Self {
        Self { place: place.into(), reason }
    }

    /// The same fault, seen from outside of the object or list that it is in.
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.place = if self.place.is_empty() { outer.to_string() } else { format!("{outer}/{}", self.place) };
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.place.is_empty() { "the document" } else { &self.place };
        write!(f, "{place} {}", self.reason)
    }
}

/// Keeps a fault that is forgiven.
pub(crate) fn forgive(faults: &mut Vec<Fault>, place: &str, reason: &'static str) {
    if faults.len() < MAX_FAULTS {
        faults.push(Fault::new(place, reason));
    }
}

/// Why something is no complaint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOne {
    /// RFC 3464, and those that look otherwise: our own mail came back.
    #[error("a bounce")]
    Bounce,
    /// RFC 8098: somebody read our mail.
    #[error("a receipt")]
    Receipt,
    /// RFC 3834: a program answered.
    #[error("an automatic reply")]
    AutoReply,
    /// A summary of authentication failures (RFC 7489) or of TLS (RFC 8460).
    #[error("a summary of a policy")]
    Summary,
    /// A mail program asks to take its user off a list.
    #[error("a wish to be taken off a list")]
    OptOut,
    /// There are reports that a mail is *not* spam.
    #[error("a report that something is no spam")]
    NotSpam,
    /// The filter of our own mailbox says so.
    #[error("spam, as our filter says")]
    Spam,
    #[error("mail of a list")]
    List,
    /// Somebody wrote to the mailbox for complaints, in words.
    #[error("a complaint that no format tells")]
    Plain,
    #[error("a report that breaks its format: {0}")]
    Malformed(Fault),
    /// People write too.
    #[error("no format that is known")]
    Unknown,
    #[error("neither mail nor JSON")]
    NoMail,
}

impl From<Fault> for NotOne {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault)
    }
}
