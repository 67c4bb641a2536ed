//! Log files as they are written: read once, packed or not ([`open`]), or followed as they grow ([`Log`]).
//!
//! A followed log is a path. What stands there changes: rotation puts another file there, or copies the file away and
//! cuts it; a packer packs what was rotated; we are stopped for a week. All the while each line is to be read once. So a
//! [`Position`] tells a file by how it begins, not by its name, and after a restart the file is looked for among its
//! neighbours, packed or not.
//!
//! What it cannot see: a log that was empty at one look, and is written, copied and cut before the next; one that is
//! removed with lines that were not read ([`Status::losses`]).
//!
//! It knows nothing of what stands in lines. It writes nothing, waits for nothing and asks no clock: who follows a log
//! calls [`Log::read`] again and again.
#![forbid(unsafe_code)]

mod log;
mod neighbours;
mod packed;
mod position;

pub use log::{Log, PIECE, Status};
pub use packed::{Opened, open};
pub use position::{HEAD, Position};
