//! Whole logs to what they tell.
#![allow(clippy::unwrap_used, reason = "a test: what is wrong here is its own")]
#![allow(clippy::disallowed_methods, reason = "fixtures are files")]

mod dataset;
mod grok;
mod logs;
mod named;
mod told;
mod totals;
