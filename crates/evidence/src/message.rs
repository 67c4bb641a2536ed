//! One message accepted after DATA or BDAT: envelope and content, byte for byte.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::{Connection, MessageId, Protocol, Quirks, Target, Time};

/// An accepted message. It stands on disk before the peer reads `250`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Message {
    #[n(0)]
    pub connection: Connection,
    /// Place in its session, from 0 without a gap.
    #[n(1)]
    pub ordinal: u32,
    #[n(2)]
    pub accepted_at: Time,
    /// The protocols of the connection, outermost first.
    #[n(3)]
    pub path: Vec<Protocol>,
    /// Where the innermost proxy was asked to go; `None` when the peer spoke to the relay itself.
    #[n(4)]
    pub target: Option<Target>,
    #[n(5)]
    pub helo: Option<ByteVec>,
    /// The address of MAIL FROM without its brackets; empty for the null sender.
    #[n(6)]
    pub sender: ByteVec,
    /// The parameters of MAIL FROM, as given (`SIZE=1000 BODY=8BITMIME`).
    #[n(7)]
    pub parameters: ByteVec,
    /// The addresses of all accepted RCPT TO, without their brackets.
    #[n(8)]
    pub recipients: Vec<ByteVec>,
    /// The content with its line ends as they came; of a line that began with a dot, that dot is removed (RFC 5321 4.5.2).
    #[n(9)]
    pub content: ByteVec,
    /// Offsets in `content` of lines that lost a dot which the peer had not doubled, up to a cap. With them, and a dot put
    /// before every line that begins with one, `content` is the wire's bytes again.
    #[n(10)]
    pub unstuffed: Vec<u64>,
    #[n(11)]
    pub end_of_data: EndOfData,
    /// The queue id that the answer named.
    #[n(12)]
    pub queue_id: String,
    /// Oddities of this message.
    #[n(13)]
    pub quirks: Quirks,
    /// The user who had logged in, if any.
    #[n(14)]
    pub user: Option<ByteVec>,
}

impl Message {
    pub fn id(&self) -> MessageId {
        MessageId { session: self.connection.id.clone(), ordinal: self.ordinal }
    }

    /// What the client spoke on the outer layer, TLS left out.
    pub fn protocol(&self) -> Protocol {
        Protocol::outer(&self.path).unwrap_or(Protocol::Smtp)
    }
}

/// How the peer ended the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EndOfData {
    /// CR LF . CR LF, or . CR LF as the whole content (RFC 5321).
    #[n(0)]
    Standard,
    /// LF . LF
    #[n(1)]
    LfDotLf,
    /// LF . CR LF
    #[n(2)]
    LfDotCrlf,
    /// CR LF . LF
    #[n(3)]
    CrlfDotLf,
    /// More than one CR before the last LF.
    #[n(4)]
    ExtraCr,
    /// BDAT … LAST (RFC 3030): the length was announced.
    #[n(5)]
    Chunk,
}

impl EndOfData {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::LfDotLf => "lf-dot-lf",
            Self::LfDotCrlf => "lf-dot-crlf",
            Self::CrlfDotLf => "crlf-dot-lf",
            Self::ExtraCr => "extra-cr",
            Self::Chunk => "chunk",
        }
    }
}
