//! What comes into the mailbox for complaints: reports of others about mail from here, told from everything else.
//!
//! Read are reports in ARF (RFC 5965, 6591, 6692), XARF (4; 3 and its forerunners; X-ARF 0.2), and the form of a large
//! mailbox provider that is neither. What is no report is named by what it is ([`NotOne`]). Where a report breaks its
//! format and can be read nevertheless, that is data ([`Fault`]).
//!
//! It opens no file, asks nobody, and keeps of people what the desk needs to find a customer: the sender of the mail
//! complained of, and who was logged in at a host of our own. Recipients are domains and tokens ([`Recipient`]). It does
//! not look into the body of the mail, nor into evidence. Who sends is hostile: depth, parts, fields and texts have bounds.
//!
//! ```
//! use complaints::{Class, Desk, NotOne};
//!
//! let desk = Desk::default().boxes(["abuse@here.example".to_owned()]);
//! let report = "From: <fbl@provider.example>\nMIME-Version: 1.0\n\
//!     Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n\
//!     --b\nContent-Type: message/feedback-report\n\n\
//!     Feedback-Type: abuse\nUser-Agent: Example/1.0\nVersion: 1\nSource-IP: 192.0.2.7\n\n--b--\n";
//! let read = desk.read(report.as_bytes()).unwrap();
//! assert_eq!(read.complaints[0].class(), Class::Spam);
//! assert_eq!(read.complaints[0].source, "192.0.2.7".parse().ok());
//!
//! let words = b"From: <ann@there.example>\nTo: abuse@here.example\nSubject: stop this\n\nPlease.\n";
//! assert_eq!(desk.read(words), Err(NotOne::Plain));
//! ```
#![forbid(unsafe_code)]

mod about;
mod arf;
mod complaint;
mod desk;
mod fault;
mod head;
mod mailbox;
mod other;
mod part;
mod recipient;
mod text;
mod xarf;

pub use arf::MAX_LISTED;
pub use complaint::{Class, Complaint, Format, Passage, TimedBy};
pub use desk::{Desk, Read};
pub use fault::{Fault, MAX_FAULTS, NotOne};
pub use head::{MAX_FIELDS, MAX_HEAD, MAX_HOPS, MAX_VALUE};
pub use mailbox::{MAX_MAIL, Mails, holds_mail, mails};
pub use part::{MAX_BOUNDARY, MAX_DEPTH, MAX_PARTS};
pub use recipient::{Key, MAX_RECIPIENTS, Recipient, Recipients};
pub use text::MAX_TEXT;
pub use xarf::{MAX_DOCUMENT, MAX_VALUES};

/// The first complaint of a mail or JSON document, read by a desk that knows nothing of itself.
pub fn read(bytes: &[u8]) -> Result<Complaint, NotOne> {
    let read = Desk::default().read(bytes)?;
    let Some(first) = read.complaints.into_iter().next() else { unreachable!("what was read has a complaint") };
    Ok(first)
}
