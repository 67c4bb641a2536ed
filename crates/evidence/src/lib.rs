//! The vocabulary of Spamtrail: what was seen, when exactly, by which instrument, from which address.
//!
//! Every other crate speaks in these types. They hold facts and nothing else: this crate opens no file or socket, reads
//! no clock and decides nothing. Two representations derive from them and live here, so that they are defined once:
//!
//! * the **record** ([`Record`]), as a sensor writes it to its spool: CBOR with numbered fields, so that a collector
//!   reads the records of older and newer sensors;
//! * the **row** ([`SessionRow`], [`MessageRow`], …), as it stands in the evidence lake: the [`mod@column`] registry has one
//!   definition per column, from which schema, filters, table heads, export names and documentation derive.

pub mod address;
pub mod column;
mod connection;
pub mod country;
mod dialect;
mod factor;
mod heartbeat;
mod id;
mod mail_row;
mod message;
mod origin;
mod probe;
mod protocol;
mod quirk;
mod record;
mod row;
mod session;
mod shown;
mod system;
mod time;
mod tls;
mod traffic_row;
mod transcript;

pub use connection::{Clock, Connection, canonical};
pub use dialect::Dialect;
pub use factor::{Factor, Factors};
pub use heartbeat::{Counter, Counters, Heartbeat, Listening, ListsState, SpoolState};
pub use id::{Boot, HeartbeatId, InvalidId, InvalidSensorName, MessageId, SensorName, SessionId};
pub use ipnet::IpNet;
pub use mail_row::{ComplaintRow, CustomerRow, FindingRow, MailSums, Party, PartyKind};
pub use message::{EndOfData, Message};
pub use origin::{Country, Origin};
pub use probe::{Place, Probe, Sign, Strength, Verdict};
pub use protocol::{Protocol, ProtocolSet};
pub use quirk::{Quirk, Quirks};
pub use record::{DecodeError, Record};
pub(crate) use row::hex;
pub use row::{ContentRow, HeartbeatRow, MessageRow, SessionRow, sha256_hex};
pub use session::{Answer, Credential, End, Login, Request, Session, Target};
pub use shown::{Shown, shown, unshown};
pub use system::System;
pub use time::{FIVE_MINUTES, InvalidTime, QUARTER, Span, Time, Window};
pub use tls::{ClientHello, Handshake, Heard, HelloReader, MAX_HELLO, Tls};
pub use traffic_row::{TrafficAsRow, TrafficCoverageRow, TrafficHostRow, TrafficSums, TrafficVerdictRow};
pub use transcript::{Transcript, Turn};
