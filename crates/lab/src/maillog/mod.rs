//! Mail logs of a provider whose customers are known, and of whom it is known which ones are abused.
//!
//! A seeded [`Model`] plans days of mail: normal customers, lists, customers that look abused and are not, and abuse of each
//! kind. [`run`] has a real server, Postfix or Exim of the Debian packages, carry the plan out: real clients connect to it
//! from the addresses of the plan, and it delivers to a world that answers as the plan wants it. No line is made up.
//!
//! The server runs at the speed of this machine, and the plan spans days. So the **times of the lines are moved** afterwards:
//! each line belongs to a session of the plan (by the process that served it, by its queue id, or by what it refuses), and
//! gets the planned time of that session plus the time that the server took from the start of the session to the line.
//! Everything else of a line stays as the server wrote it: delays, ids, process numbers. Retries come after
//! seconds, as the server is configured. Lines that belong to no session (housekeeping) are left out and counted.

mod abuse;
mod client;
mod customer;
mod drive;
mod exim;
mod exim_log;
mod hard;
mod letter;
mod login;
mod model;
mod moved;
mod ordinary;
mod output;
mod plan;
mod postfix;
mod postfix_log;
mod premises;
mod rhythm;
mod run;
mod server;
mod sink;
mod words;
mod world;

pub use crate::error::LabError;
pub use client::Answer;
pub use model::{MAX_ABUSE, MAX_CUSTOMERS, MAX_DAYS, Model};
pub use output::write;
pub use plan::{Doing, Door, Fate, Kind, Mail, Place, Plan, Recipient, Session, Subject};
pub use run::{Log, Outcome, Report, run};
pub use server::{Programs, Server};
