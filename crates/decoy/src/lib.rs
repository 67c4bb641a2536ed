//! Engines that pose as an open mail relay and as open HTTP, SOCKS4, SOCKS4a and SOCKS5 proxies.
//!
//! An engine holds no socket, reads no clock and draws no random number: bytes and instants come in, replies and facts
//! go out. The same bytes give the same replies and the same record however they were split on the way.
//!
//! A [`Conversation`] is one accepted connection. The caller brings what it read and sends what it finds in [`Out`];
//! when `Out` holds a message, the caller makes it durable and reports back before the peer is told `250`:
//!
//! ```
//! use decoy::{Conversation, Listener, Out, Persona, Stored};
//! use evidence::{Boot, Clock, Connection, End, SessionId, Time};
//!
//! let persona = Persona::built_in("mx.example.net");
//! let connection = Connection {
//!     id: SessionId { sensor: "XX-01".parse()?, boot: Boot(1), number: 1 },
//!     accepted_at: Time::from_micros(0),
//!     source: "192.0.2.7:40112".parse()?,
//!     local: "198.51.100.1:25".parse()?,
//!     balancer: None,
//!     clock: Clock::default(),
//!     syn: None,
//!     factors: Default::default(),
//! };
//! let now = Time::from_micros(0);
//! let mut out = Out::default();
//! let mut conversation = Conversation::open(connection, Listener::smtp(), &persona, 7, &mut out);
//! assert_eq!(out.send, b"220 mx.example.net ESMTP Postfix (Debian/GNU)\r\n");
//!
//! out.send.clear();
//! let dialogue = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n";
//! let used = conversation.receive(now, dialogue, &mut out);
//! let message = out.deliver.take().expect("a message");
//! assert_eq!(message.content.as_slice(), b"hello\r\n");
//! conversation.stored(now, Stored::Durable, &mut out); // once it is on disk
//! conversation.receive(now, &dialogue[used..], &mut out);
//! assert_eq!(out.close, Some(End::Quit));
//! assert_eq!(conversation.close(now, End::Quit).messages, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A peer's oddity is recorded as a [`evidence::Quirk`]; no function here returns an error for it.
//!
//! What this crate refuses to do: resolve a name, open a connection, or pass a byte on. A proxy request to a mail port
//! is answered by an SMTP engine that plays the far side.

#![forbid(unsafe_code)]

mod conversation;
mod dialect;
mod distance;
mod engine;
mod http;
mod line;
mod persona;
mod policy;
mod recorder;
mod smtp;
mod sniff;
mod socks4;
mod socks5;
mod target;
mod tls;

pub use conversation::{Conversation, Listener, MAX_UNSENT, Out, Secure, Secured, Server, Stored};
pub use persona::{BadNetworkKey, BuiltIn, HttpPersona, MailPersona, NetworkKey, Persona, PersonaError, SocksPersona};
pub use policy::{Auth, Encryption, Latency, Listed, PolicyError, Web};
