//! What comes into the mailbox for complaints: reports of others about mail from here, told from everything else.
//!
//! Read are reports in ARF (RFC 5965, 6591, 6692), XARF 3 and 4 (JSON, by itself or in a mail), and the form of a large
//! mailbox provider that is neither. What is no report is named by what it is ([`NotOne`]).
//!
//! It opens no file, asks nobody, and keeps of people what the desk needs to find a customer: the sender of the mail
//! complained of. It does not look into the mail itself.
#![forbid(unsafe_code)]

mod arf;
mod field;
mod mailbox;
mod xarf;

use std::net::IpAddr;

use evidence::Time;
use mail_parser::{Message, MessageParser, PartType};

pub use mailbox::{MAX_MAIL, mails};

/// A report of somebody else about mail from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub format: Format,
    /// What is complained of, in lower case: `abuse`, `fraud`, `virus`, `spam`, … as the format has it.
    pub kind: String,
    /// The address complained of.
    pub source: Option<IpAddr>,
    /// Whether that address was not said, but taken from the lines of the mail complained of.
    pub derived: bool,
    pub source_port: Option<u16>,
    /// When it happened: when the mail complained of arrived.
    pub happened_at: Option<Time>,
    /// When the report was written, where it came by mail.
    pub reported_at: Option<Time>,
    /// Who complains: a domain.
    pub reporter: Option<String>,
    /// The envelope sender, else the sender, of the mail complained of.
    pub account: Option<String>,
    pub message_id: Option<String>,
    /// How many mails it stands for; at least 1.
    pub incidents: u32,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Arf,
    Xarf3,
    Xarf4,
    /// A mail passed on as it came, under a subject that says so (the junk mail reports of Outlook).
    Forwarded,
}

impl Format {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arf => "arf",
            Self::Xarf3 => "xarf-3",
            Self::Xarf4 => "xarf-4",
            Self::Forwarded => "forwarded",
        }
    }
}

/// Why something is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOne {
    /// RFC 3464: our own mail came back.
    #[error("a bounce")]
    Bounce,
    /// RFC 3834: a program answered.
    #[error("an automatic reply")]
    AutoReply,
    /// A summary of authentication failures (RFC 7489).
    #[error("a summary of a policy")]
    Summary,
    #[error("a report that breaks its format: {0}")]
    Malformed(&'static str),
    /// People write too.
    #[error("no format that is known")]
    Unknown,
    #[error("neither mail nor JSON")]
    NoMail,
}

/// Reads a mail, or a JSON document.
pub fn read(bytes: &[u8]) -> Result<Complaint, NotOne> {
    let start = bytes.trim_ascii_start();
    if start.first() == Some(&b'{') {
        return xarf::read(start);
    }
    let message = MessageParser::default().parse(bytes).ok_or(NotOne::NoMail)?;
    if message.headers().is_empty() {
        return Err(NotOne::NoMail);
    }
    of_mail(&message)
}

fn of_mail(message: &Message<'_>) -> Result<Complaint, NotOne> {
    for part in &message.parts {
        match field::mime_type(part).as_str() {
            "message/feedback-report" => {
                let report = field::contents(message, part);
                return match arf::is_xarf(report) {
                    true => xarf_part(message).unwrap_or(Err(NotOne::Malformed("no XARF document is in the mail"))),
                    false => arf::read(message, report),
                };
            }
            "message/delivery-status" => return Err(NotOne::Bounce),
            _ => {}
        }
    }
    if let Some(found) = xarf_part(message) {
        return found.map(|complaint| Complaint { reported_at: field::sent(message), ..complaint });
    }
    if let Some(complaint) = arf::forwarded(message) {
        return Ok(complaint);
    }
    let header = |name: &str| message.header_raw(name).map(|value| value.trim().to_ascii_lowercase());
    if header("Auto-Submitted").is_some_and(|value| !value.starts_with("no")) || header("X-Autoreply").is_some() {
        return Err(NotOne::AutoReply);
    }
    if header("Subject").is_some_and(|subject| subject.starts_with("report domain:")) {
        return Err(NotOne::Summary);
    }
    Err(NotOne::Unknown)
}

/// The XARF document in a mail, if there is one.
fn xarf_part(message: &Message<'_>) -> Option<Result<Complaint, NotOne>> {
    message.parts.iter().find_map(|part| {
        let contents = match &part.body {
            PartType::Multipart(_) | PartType::Message(_) => return None,
            _ => part.contents().trim_ascii_start(),
        };
        (contents.first() == Some(&b'{') && xarf::looks_so(contents)).then(|| xarf::read(contents))
    })
}
