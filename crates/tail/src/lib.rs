//! Log files as they are written: read once, packed or not ([`open`]), or followed as they grow ([`Log`]).
//!
//! A followed log is a path. What stands there changes: rotation puts another file there, or copies the file away and
//! cuts it; a packer packs what was rotated; we are stopped for a week. All the while each line is to be read once. So a
//! [`Position`] tells a file by how it begins, not by its name, and after a restart the file is looked for among its
//! neighbours, packed or not.
//!
//! A file that was moved away is read on until a later one has something, since servers write to it until they are told.
//! When a file is cut, its copy is looked for. What is given up is counted ([`Status::losses`]).
//!
//! What it cannot see: a log that was empty at the first look ever, and is written, copied and cut before the next; lines that
//! a server adds to an old file after another has written to the new one.
//!
//! It knows nothing of what stands in lines. It writes nothing, waits for nothing and asks no clock: who follows a log
//! calls [`Log::read`] again and again.
#![forbid(unsafe_code)]

mod log;
mod neighbours;
mod packed;
mod position;

pub use log::{LOOKS, Log, PATIENCE, PIECE, Status};
pub use packed::{Opened, Taken, open};
pub use position::{HEAD, Position};
