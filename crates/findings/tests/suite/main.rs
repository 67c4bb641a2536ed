//! Detection as a whole, on a small model of a provider.
#![allow(clippy::unwrap_used, reason = "a test: what is wrong here is its own")]

mod detection;
mod evaluation;
mod labelled;
mod model;
mod upkeep;
