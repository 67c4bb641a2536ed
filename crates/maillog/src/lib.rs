//! Lines of mail server logs to what happened to mail: who handed in what, to whom, and how it ended.
//!
//! It judges nobody: findings are made from [`Happening`]s elsewhere. It opens no file and asks no clock.
#![forbid(unsafe_code)]

mod ahead;
mod assembly;
mod calendar;
mod entry;
pub mod exim;
mod happening;
mod hash;
mod header;
mod journal;
mod kept;
mod lines;
mod login;
mod parts;
mod peer;
mod policy;
pub mod postfix;
mod reader;
mod scan;
mod scanner;
pub mod sendmail;
mod stage;
mod stamp;
mod tally;
mod totals;
mod vocabulary;

pub use ahead::Ahead;
pub use assembly::{BYTES, Bounds, Counts, MESSAGES, SILENT};
pub use entry::{Body, Entry, Other, Place};
pub use happening::{
    Arrival, Attempt, Client, Fate, Happening, Loss, LossKind, Mail, Refusal, Stage, Taint, TaintKind, What,
};
pub use header::{Form, Header};
pub use kept::Kept;
pub use lines::MAX_LINE;
pub use login::Login;
pub use parts::Part;
pub use peer::Peer;
pub use policy::Overheard;
pub use reader::{Reader, RestoreError, Source};
pub use scanner::Verdict;
pub use stamp::Stamp;
pub use tally::{Kind, MAX_SAMPLE, MAX_SAMPLES, Tally};
pub use totals::{Flow, MAX_NAMES, Names, Period, Totals};
