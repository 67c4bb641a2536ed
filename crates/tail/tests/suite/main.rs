//! Whatever happens to the files of a log, each line is read once.
#![allow(clippy::unwrap_used)]

mod followed;
mod once;
mod rotation;
mod world;
