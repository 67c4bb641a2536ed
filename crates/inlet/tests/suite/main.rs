//! The inlet on sockets of the loopback, with those who speak to it in life.
#![allow(clippy::unwrap_used)]

mod clients;
mod place;
mod postfix;
mod senders;
