//! Lines of mail server logs to what happened to mail: who handed in what, to whom, and how it ended.
//!
//! It judges nobody: findings are made from [`Happening`]s elsewhere. It opens no file and asks no clock.
#![forbid(unsafe_code)]

mod happening;

pub use happening::{
    Arrival, Attempt, Client, Fate, Happening, Loss, LossKind, Mail, Refusal, Stage, Taint, TaintKind, What,
};
