//! Oddities of a peer. They are data to measure, never errors.

use std::fmt;

use minicbor::{Decode, Encode};

/// One oddity. The number is the bit in [`Quirks`]: never reuse or reorder one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Quirk {
    EarlyTalker = 0,
    BareLfCommand = 1,
    BareLfData = 2,
    NulByte = 3,
    EightBitCommand = 4,
    LongCommand = 5,
    NoGreeting = 6,
    NoBrackets = 7,
    SpaceBeforeAddress = 8,
    UnknownCommand = 9,
    ForbiddenCommand = 10,
    OddEndOfData = 11,
    UnstuffedDot = 12,
    Oversized = 13,
    TooManyRecipients = 14,
    AbandonedBody = 15,
    TlsHello = 16,
    MailInPost = 17,
    HeaderAsCommand = 18,
    FalseContentLength = 19,
    LowerCaseMethod = 20,
    MalformedRequest = 21,
    UnknownProtocol = 22,
    TranscriptCut = 23,
    ListCut = 24,
    SlowedDown = 25,
    ProxyHeaderInStream = 26,
    MalformedCredentials = 27,
    StoreRefused = 28,
    ConnectBack = 29,
    InternalTarget = 30,
    MetadataTarget = 31,
    ImpossibleTarget = 32,
    IrcTarget = 33,
    OwnTarget = 34,
    JudgeAsked = 35,
    SmugglingShape = 36,
    TlsFailed = 37,
    TlsCutOff = 38,
    CommandsBeforeTls = 39,
    BareCrCommand = 40,
    BareCrData = 41,
    NulData = 42,
    HiddenEndOfData = 43,
    RefusedByList = 44,
}

impl Quirk {
    pub const ALL: [Self; 45] = [
        Self::EarlyTalker,
        Self::BareLfCommand,
        Self::BareLfData,
        Self::NulByte,
        Self::EightBitCommand,
        Self::LongCommand,
        Self::NoGreeting,
        Self::NoBrackets,
        Self::SpaceBeforeAddress,
        Self::UnknownCommand,
        Self::ForbiddenCommand,
        Self::OddEndOfData,
        Self::UnstuffedDot,
        Self::Oversized,
        Self::TooManyRecipients,
        Self::AbandonedBody,
        Self::TlsHello,
        Self::MailInPost,
        Self::HeaderAsCommand,
        Self::FalseContentLength,
        Self::LowerCaseMethod,
        Self::MalformedRequest,
        Self::UnknownProtocol,
        Self::TranscriptCut,
        Self::ListCut,
        Self::SlowedDown,
        Self::ProxyHeaderInStream,
        Self::MalformedCredentials,
        Self::StoreRefused,
        Self::ConnectBack,
        Self::InternalTarget,
        Self::MetadataTarget,
        Self::ImpossibleTarget,
        Self::IrcTarget,
        Self::OwnTarget,
        Self::JudgeAsked,
        Self::SmugglingShape,
        Self::TlsFailed,
        Self::TlsCutOff,
        Self::CommandsBeforeTls,
        Self::BareCrCommand,
        Self::BareCrData,
        Self::NulData,
        Self::HiddenEndOfData,
        Self::RefusedByList,
    ];

    /// The name in records, columns and transcripts.
    pub const fn name(self) -> &'static str {
        self.describe().0
    }

    /// One sentence for people.
    pub const fn doc(self) -> &'static str {
        self.describe().1
    }

    const fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::EarlyTalker => ("early-talker", "sent bytes before the server's banner"),
            Self::BareLfCommand => ("bare-lf-command", "ended a command with LF alone"),
            Self::BareLfData => ("bare-lf-data", "ended a line of the message with LF alone"),
            Self::NulByte => ("nul-byte", "sent a NUL byte in a command"),
            Self::EightBitCommand => ("eight-bit-command", "sent bytes above 127 in a command"),
            Self::LongCommand => {
                ("long-command", "sent a command longer than the server's limit; the rest was ignored")
            }
            Self::NoGreeting => ("no-greeting", "sent MAIL without HELO or EHLO"),
            Self::NoBrackets => ("no-brackets", "gave an address without angle brackets"),
            Self::SpaceBeforeAddress => ("space-before-address", "put blanks between the colon and the address"),
            Self::UnknownCommand => ("unknown-command", "sent a command that the server does not know"),
            Self::ForbiddenCommand => ("forbidden-command", "spoke another protocol to a mail server"),
            Self::OddEndOfData => ("odd-end-of-data", "ended a message with another sequence than CR LF . CR LF"),
            Self::UnstuffedDot => ("unstuffed-dot", "sent a line that starts with a dot without doubling it"),
            Self::Oversized => ("oversized", "sent or announced a message above the size limit"),
            Self::TooManyRecipients => ("too-many-recipients", "named more recipients than the server takes"),
            Self::AbandonedBody => ("abandoned-body", "went away in the middle of a message"),
            Self::TlsHello => ("tls-hello", "sent a TLS ClientHello where none was expected"),
            Self::MailInPost => ("mail-in-post", "carried a mail dialogue in the body of an HTTP request"),
            Self::HeaderAsCommand => ("header-as-command", "let HTTP header lines reach the mail server as commands"),
            Self::FalseContentLength => ("false-content-length", "announced another length than it sent"),
            Self::LowerCaseMethod => ("lower-case-method", "wrote the HTTP method in lower case"),
            Self::MalformedRequest => ("malformed-request", "sent a proxy request that cannot be read"),
            Self::UnknownProtocol => ("unknown-protocol", "spoke no protocol known here"),
            Self::TranscriptCut => ("transcript-cut", "sent more than the transcript keeps"),
            Self::ListCut => ("list-cut", "made more requests or logins than the record lists"),
            Self::SlowedDown => ("slowed-down", "made so many errors that the server answered slowly"),
            Self::ProxyHeaderInStream => {
                ("proxy-header-in-stream", "sent a PROXY protocol header without being trusted")
            }
            Self::MalformedCredentials => ("malformed-credentials", "sent credentials that cannot be decoded"),
            Self::StoreRefused => ("store-refused", "was told 452 because the sensor could not keep the message"),
            Self::ConnectBack => (
                "connect-back",
                "asked a proxy to connect back to its own address or network, and was told that it fails",
            ),
            Self::InternalTarget => ("internal-target", "asked a proxy for a private, loopback or link-local address"),
            Self::MetadataTarget => {
                ("metadata-target", "asked a proxy for the address at which a cloud tells a machine its secrets")
            }
            Self::ImpossibleTarget => {
                ("impossible-target", "asked a proxy for port 0, or for an address that belongs to no single machine")
            }
            Self::IrcTarget => {
                ("irc-target", "asked a proxy for a port of chat networks, which look for open proxies that way")
            }
            Self::OwnTarget => ("own-target", "asked a proxy for the sensor's own address"),
            Self::SmugglingShape => (
                "smuggling-shape",
                "ended a message oddly though its commands end with CR LF, as a smuggled message does",
            ),
            Self::TlsFailed => ("tls-failed", "began TLS and did not get through the handshake"),
            Self::TlsCutOff => ("tls-cut-off", "ended a TLS connection without the closing alert, or broke it"),
            Self::CommandsBeforeTls => {
                ("commands-before-tls", "sent commands behind STARTTLS in plain text; they were thrown away")
            }
            Self::BareCrCommand => ("bare-cr-command", "put a CR inside a command"),
            Self::BareCrData => ("bare-cr-data", "put a CR without LF inside a message"),
            Self::NulData => ("nul-data", "put a NUL byte inside a message"),
            Self::HiddenEndOfData => (
                "hidden-end-of-data",
                "put a lone dot into a message between line ends that are not CR LF, or with NUL bytes, where other servers may see its end",
            ),
            Self::RefusedByList => ("refused-by-list", "was refused because it is on a block list"),
            Self::JudgeAsked => {
                ("judge-asked", "fetched a page that echoes the request or tells the address it came from")
            }
        }
    }
}

/// A set of oddities.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Quirks(#[n(0)] u64);

impl Quirks {
    pub fn insert(&mut self, quirk: Quirk) {
        self.0 |= 1 << quirk as u8;
    }

    pub fn contains(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u8) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.into_iter().filter(move |quirk| self.contains(*quirk))
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Quirk::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_has_its_own_bit_and_name() {
        let mut all = Quirks::default();
        for (index, quirk) in Quirk::ALL.into_iter().enumerate() {
            assert_eq!(quirk as usize, index, "{}", quirk.name());
            assert!(!all.iter().any(|other| other.name() == quirk.name()));
            all.insert(quirk);
        }
        assert_eq!(all.iter().count(), Quirk::ALL.len());
    }
}
