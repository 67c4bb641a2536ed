//! The statistics: named questions to the evidence lake, with typed answers.
//!
//! A question is a file of `questions/`: a title, a sentence, and SQL. The pages, the command line and the exports show
//! the answers ([`Page`], [`Ranking`], [`Summary`], [`Series`]) and can show the question with them, so that every number
//! can be computed again from the lake by anybody.
//!
//! # Definitions
//!
//! * **email**: one message accepted after DATA or BDAT, at the instant of acceptance. **recipients**: RCPT accepted for it.
//! * **connection**: one TCP connection accepted by a sensor, at the instant of accept. Connections that delivered nothing
//!   are *probes* and are told apart. Messages by which a sensor was tried are *tests* and are told apart as well.
//! * **CIDR**: the announced prefix that covers the source as of then; the covering range where no routing table is loaded.
//! * **AS**, **CC**: the AS that announces it, and that AS's country. **proto**: what the client spoke on the outer layer.
//! * **sensors**: how many sensors saw the key. **others (n)**: everything below the first k, n keys.
//! * In each row CCs ≤ ASNs ≤ CIDRs ≤ IPs. *All* sums emails, recipients and connections, and counts distinct entities.
//!   Percentages are of the column's total, rounded to nearest.

mod asked;
mod case_file;
mod cases;
mod comparison;
mod csv;
mod desk_days;
mod flow_file;
mod flow_hosts;
mod flow_live;
mod flows;
mod host_class;
mod json;
mod number;
mod page;
mod question;
mod reading;
mod records;
mod seen;
mod selection;
mod series;
mod sheet;
mod status;
mod summing;
mod test;
mod text;

pub use asked::{Asked, asked_for_cases};
pub use case_file::{CHANGES, CaseFile, DECOYS_BACK, Sent, Told};
pub use cases::{Case, Cases, ClassCount, Sighting, Took, Which};
pub use comparison::{Comparison, Measure, Side};
pub use csv::{write_csv, write_csv_row};
pub use desk_days::{DAY, DeskDay, Mail};
pub use flow_file::{FlowBin, FlowFile, FlowTold, Found, TELLINGS, Visited, WEEK};
pub use flow_hosts::{FlowHost, HostCount, Hosts};
pub use flow_live::{Live, Newest, TALKERS, Talker};
pub use flows::{AGENTS, Agent, FlowAs, FlowHour, FlowTotals, Flows, HOUR, Receiver};
pub use host_class::{AsOrder, HostClass};
pub use json::{write_json, write_json_head};
pub use lake::{Snapshot, TableVersion};
pub use number::{grouped, percent, share, size};
pub use page::{Counts, Page, Ranked, Ranking, SensorRow, SensorState, Statistics, Summary};
pub use question::Question;
pub use records::{RecordKind, Records};
pub use seen::{Estimate, INSTRUMENTS, LEADS, Lead, SEEN, Seen, SeenTwice};
pub use selection::{Class, Dimension, Filter, InvalidFilter, NONE, Selection, Sort};
pub use series::{Quarter, Series};
pub use sheet::Sheet;
pub use status::{Health, SensorStatus, status, status_sheet};
pub use test::{TestMessage, content, dropboxes, test_message, test_messages};
pub use text::{COVERING_NOTE, describe, describing_columns, write_text};

/// A question that could not be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    #[error(transparent)]
    Lake(#[from] lake::LakeError),
    /// The lake answered with other columns than the question asked for.
    #[error("the answer to `{question}` has no readable column {column}")]
    Answer { question: &'static str, column: &'static str },
}

impl StatisticsError {
    /// Whether there is nothing to ask yet: no data has come.
    pub const fn is_no_lake(&self) -> bool {
        matches!(self, Self::Lake(lake::LakeError::NotALake(_)))
    }
}
