//! The evidence lake: what all instruments saw, in columnar tables that stay readable for other programs.
//!
//! A lake is a folder of Delta Lake tables (Parquet files and a commit log), one for each kind of row of [`evidence`].
//! Their columns are those of the registry ([`evidence::column`]). One process writes what decoys
//! saw ([`Lake`]), one what mail servers told ([`MailLake`]), one what switches sampled ([`TrafficLake`]); any number read
//! ([`Reader`]), each from a consistent version ([`Snapshot`]).
//!
//! * **Exactly once.** Each commit carries the number of the last arrival it took in, in the table's own log. After a
//!   crash between two tables, [`Lake::append`] skips what a table has.
//! * **Durable.** When [`Lake::append`] returns, files and log are on disk.
//! * **Few files.** Small files of the quarter of an hour that is being written are merged as they become many, closed
//!   quarters into one, closed days into few ([`Lake::compact`]). Rows are never changed.
//! * **Retention per class of data** ([`Retention`]): contents of messages go long before the facts about them.
//!
//! This crate alone names the query engine. It knows nothing of sensors, pages or formats: SQL goes in, rows come out.

mod answer;
mod batch;
mod compaction;
mod error;
mod files;
mod mail;
mod reader;
mod schema;
mod table;
mod tables;
mod traffic;
mod writer;

pub use answer::{Answer, Value};
pub use error::LakeError;
pub use mail::{MailLake, MailRows};
pub use reader::{Held, Reader, Snapshot, TableVersion};
pub use tables::Taken;
pub use traffic::{TrafficLake, TrafficRows};
pub use writer::{Lake, Retention, Rows};
