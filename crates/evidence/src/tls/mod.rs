//! TLS as a client began it: its ClientHello, byte for byte, and what became of the handshake.
//!
//! What a hello says (name, protocols, fingerprint) is read from its bytes whenever it is asked for and stands in no record:
//! so nothing can disagree with the bytes, and a better reader reads old records better.

mod hello;
mod ja4;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::Time;

pub use self::hello::{ClientHello, Heard, HelloReader, MAX_HELLO};

/// One TLS layer that a client began.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Tls {
    /// When its first byte came.
    #[n(0)]
    pub at: Time,
    /// How many protocols of the path lie outside it. If the handshake was finished, `path[depth]` is this layer.
    #[n(1)]
    pub depth: u32,
    /// The records that hold the ClientHello, up to [`MAX_HELLO`]. Of a client that sent something else its first bytes.
    #[n(2)]
    pub hello: ByteVec,
    #[n(3)]
    pub handshake: Handshake,
}

/// What became of a handshake.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Handshake {
    /// It was finished, with this version and cipher suite, by their numbers.
    #[n(0)]
    Done {
        #[n(0)]
        version: u16,
        #[n(1)]
        cipher: u16,
    },
    /// It failed: at what, in words of the TLS library.
    #[n(1)]
    Failed(#[n(0)] String),
    /// The client went away before it was finished.
    #[n(2)]
    Left,
    /// It was not finished in time.
    #[n(3)]
    Late,
    /// None was made: the hello was heard and not answered.
    #[n(4)]
    Unanswered,
    /// The sensor was stopped before it was finished.
    #[n(5)]
    Stopped,
}

impl Tls {
    /// The hello, if what came holds one.
    pub fn client_hello(&self) -> Option<ClientHello> {
        ClientHello::parse(&self.hello)
    }
}

impl Handshake {
    /// The version of a finished handshake, such as `1.3`.
    pub fn version(&self) -> Option<String> {
        match self {
            Self::Done { version, .. } => Some(version_name(*version)),
            _ => None,
        }
    }

    /// Version and cipher, or how it failed.
    pub fn text(&self) -> String {
        match self {
            Self::Done { version, cipher } => format!("{} {}", version_name(*version), cipher_name(*cipher)),
            Self::Failed(reason) => format!("failed: {reason}"),
            Self::Left => "left".to_owned(),
            Self::Late => "late".to_owned(),
            Self::Unanswered => "unanswered".to_owned(),
            Self::Stopped => "stopped".to_owned(),
        }
    }
}

fn version_name(version: u16) -> String {
    match version {
        0x0304 => "1.3".to_owned(),
        0x0303 => "1.2".to_owned(),
        other => format!("{other:04x}"),
    }
}

/// The cipher suites that a sensor agrees to, by their IANA names; others by their number.
fn cipher_name(cipher: u16) -> String {
    let name = match cipher {
        0x1301 => "TLS_AES_128_GCM_SHA256",
        0x1302 => "TLS_AES_256_GCM_SHA384",
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
        0xc02b => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        0xc02c => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xcca9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        other => return format!("{other:04x}"),
    };
    name.to_owned()
}
