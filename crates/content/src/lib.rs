//! A raw message to what it is. So far: whether it is a test of the sensor that took it.
//!
//! Those who abuse relays and proxies try a machine first: they send through it a message to a mailbox of their own (a
//! drop-box) that carries the machine's address, and use it only when the message arrives. [`probe`] tells such messages
//! from spam, by the sensor's own address in any of the ways in which it can be written ([`evidence::Sign`]), by the
//! drop-boxes of earlier tests, and by what known testers write ([`TESTERS`]).
//!
//! It is made to be right when it says *test*, not to find every test: what looks at all like an offer is spam. It opens
//! no file, asks nobody and keeps no state; what the collector knows of the source is an argument ([`Standing`]).
//!
//! ```
//! use content::{Mail, Own, Standing, probe};
//!
//! let own = Own::new(["217.128.138.253".parse().unwrap()], 8080);
//! let mail = Mail {
//!     helo: Some(b"client.example"),
//!     sender: b"a@client.example",
//!     recipients: vec![b"drop@mailbox.example"],
//!     content: b"Subject: meeting\r\n\r\nThe time is 1D9808AFD:8080:6\r\n",
//! };
//! let found = probe(&mail, &own, &Standing::default()).unwrap();
//! assert_eq!((found.sign.name(), found.port, found.index.as_deref()), ("prefixed-hex", Some(8080), Some("6")));
//! ```
#![forbid(unsafe_code)]

mod coded;
mod hexadecimal;
mod mail;
mod number;
mod own;
mod probe;
mod spelling;
mod tester;

pub use mail::{Mail, Standing};
pub use own::{Own, is_public};
pub use probe::{BARE, DROPBOXES, EARLY, EMPTY, FEW, FIRST, SMALL, probe};
pub use tester::{TESTERS, Tester};
