//! TLS between a socket and its conversation: a stack of layers, each a TLS server without a socket of its own. An HTTPS proxy
//! that leads to a mail server with TLS has two.
//!
//! ```text
//! socket ◄─► layer ◄─► layer ◄─► conversation
//!            outer     inner
//! ```
//!
//! How many there may be the engines say. A connection without TLS holds an empty list. What a layer holds is bounded by the
//! library: 64 KiB while it shakes hands, then one record.

mod certificate;
mod secret;

use std::io::{Read, Write};
use std::sync::Arc;

use evidence::Handshake;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

pub(crate) use self::certificate::Certificates;
pub use self::secret::Secret;

/// The layers of a connection, outermost first.
#[derive(Default)]
pub(crate) struct Layers(Vec<Layer>);

/// One layer.
pub(crate) struct Layer {
    server: Box<ServerConnection>,
    end: Option<Ended>,
}

/// How what comes through TLS ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The peer said so.
    Closed,
    /// Something came that is no TLS, or an alert; in words of the library.
    Broken(String),
}

impl Layers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, layer: Layer) {
        self.0.push(layer);
    }

    /// What the innermost layer reads in bytes from the socket.
    pub(crate) fn open(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut carried = bytes.to_vec();
        for layer in &mut self.0 {
            carried = layer.read(&carried);
        }
        carried
    }

    /// The bytes for the socket that carry these, and all that the layers have to say themselves.
    pub(crate) fn seal(&mut self, plain: Vec<u8>) -> Vec<u8> {
        self.0.iter_mut().rev().fold(plain, |carried, layer| layer.write(&carried))
    }

    /// How what comes ended, if it did.
    pub(crate) fn end(&self) -> Option<&Ended> {
        self.0.iter().find_map(|layer| layer.end.as_ref())
    }

    /// The bytes for the socket that close all layers.
    pub(crate) fn close(&mut self) -> Vec<u8> {
        self.0.iter_mut().rev().fold(Vec::new(), |carried, layer| {
            let mut bytes = layer.write(&carried);
            layer.server.send_close_notify();
            bytes.extend(layer.write(&[]));
            bytes
        })
    }
}

impl Layer {
    /// A server that awaits a client's hello.
    pub(crate) fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let mut server = Box::new(ServerConnection::new(config)?);
        // All that it has to send is taken at once.
        server.set_buffer_limit(None);
        Ok(Self { server, end: None })
    }

    /// Takes what the client sent: the plain text in it.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        while !bytes.is_empty() && self.end.is_none() {
            let read = self.server.read_tls(&mut bytes).map_err(|error| error.to_string());
            let state = match read.and_then(|_| self.server.process_new_packets().map_err(|error| error.to_string())) {
                Ok(state) => state,
                Err(reason) => {
                    self.end = Some(Ended::Broken(reason));
                    break;
                }
            };
            let start = plain.len();
            plain.resize(start + state.plaintext_bytes_to_read(), 0);
            // It was just told that so much is there.
            if self.server.reader().read_exact(&mut plain[start..]).is_err() {
                plain.truncate(start);
            }
            if state.peer_has_closed() {
                self.end = Some(Ended::Closed);
            }
        }
        plain
    }

    /// What goes to the client, with this plain text and all that the layer has to say itself.
    pub(crate) fn write(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to and from memory without a limit does not fail.
        _ = self.server.writer().write_all(plain);
        while self.server.wants_write() && self.server.write_tls(&mut bytes).is_ok() {}
        bytes
    }

    /// What became of the handshake; `None` while it goes on.
    pub(crate) fn handshake(&self) -> Option<Handshake> {
        match (&self.end, self.server.is_handshaking()) {
            (Some(Ended::Broken(reason)), true) => Some(Handshake::Failed(reason.clone())),
            (Some(Ended::Closed), true) => Some(Handshake::Left),
            (None, true) => None,
            (_, false) => {
                let version = self.server.protocol_version().map_or(0, ProtocolVersion::into);
                let cipher = self.server.negotiated_cipher_suite().map_or(0, |suite| suite.suite().into());
                Some(Handshake::Done { version, cipher })
            }
        }
    }
}
