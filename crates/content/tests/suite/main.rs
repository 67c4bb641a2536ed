//! The detector of tests: on a generated set, on hostile input, and on mail of the world that has none in it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(clippy::print_stdout, reason = "what was measured is told")]

mod chance;
mod corpora;
mod generated;
mod properties;
mod spellings;
