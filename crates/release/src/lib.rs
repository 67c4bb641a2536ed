//! The one thing that may leave: a test message, to the drop-box it was addressed to, when a person or a rule says so.
//!
//! Two halves. The [`Audit`] is an append-only file in which each line holds the digest of the line before: who decided
//! what about which message, that it is being sent, and what became of it. It is also the only state, so that nothing can
//! be sent that the audit does not tell. The [`Smarthost`] is the server to which such a message is handed, byte for byte.
//!
//! A message is sent at most once: the audit says *sending*, durably, before the connection is made, and what has no
//! outcome after that is *unknown* and never tried again.
//!
//! This crate does not decide what a test is and does not know the lake. No program of a sensor links it (`.ci/layers`
//! checks that), so that what faces abusers has no code that could send.
#![forbid(unsafe_code)]

mod audit;
mod entry;
mod ledger;
mod letter;
mod smarthost;

pub use audit::{Audit, AuditError};
pub use entry::{Entry, Event};
pub use ledger::{Caps, Ledger, State, Turned};
pub use letter::{Letter, NotSendable};
pub use smarthost::{Outcome, Smarthost};
