//! Reports in ARF, and mails that are passed on.

use std::net::IpAddr;

use mail_parser::{HeaderName, HeaderValue, Message, MessageParser, PartType};

use crate::field::{address, contents, domain, fields, kept, mailbox, mime_type, sent, time};
use crate::{Complaint, Format, NotOne};

/// Whether a report says that the document beside it is XARF.
pub(crate) fn is_xarf(report: &[u8]) -> bool {
    fields(report).iter().any(|(name, value)| name == "feedback-type" && value.eq_ignore_ascii_case("xarf"))
}

/// Reads the machine's part of a report, and of the mail complained of what that part leaves open.
pub(crate) fn read(message: &Message<'_>, report: &[u8]) -> Result<Complaint, NotOne> {
    let fields = fields(report);
    let value = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let kind = value("feedback-type").ok_or(NotOne::Malformed("no Feedback-Type"))?;
    if value("version").is_none() && value("user-agent").is_none() {
        return Err(NotOne::Malformed("neither Version nor User-Agent"));
    }
    let about = About::of(message);
    let said = value("source-ip").and_then(address);
    let derived = said.is_none() && about.source.is_some();
    let arrived = value("arrival-date").or_else(|| value("received-date")).and_then(time);
    Ok(Complaint {
        format: Format::Arf,
        kind: kind.trim().to_ascii_lowercase(),
        source: said.or(about.source),
        derived,
        source_port: value("source-port").and_then(|port| port.parse().ok()),
        happened_at: arrived.or(about.sent),
        reported_at: sent(message),
        reporter: reporter(message),
        account: value("original-mail-from").and_then(mailbox).or(about.sender),
        message_id: about.message_id,
        incidents: value("incidents").and_then(|count| count.parse().ok()).unwrap_or(1).max(1),
    })
}

/// A mail that is passed on under a subject which names the address complained of.
pub(crate) fn forwarded(message: &Message<'_>) -> Option<Complaint> {
    const SAYS: &str = "complaint about message from ";
    let subject = message.subject()?.trim().to_ascii_lowercase();
    let source = subject.strip_prefix(SAYS).and_then(address)?;
    let about = About::of(message);
    Some(Complaint {
        format: Format::Forwarded,
        kind: "abuse".to_owned(),
        source: Some(source),
        derived: false,
        source_port: None,
        happened_at: about.sent,
        reported_at: sent(message),
        reporter: reporter(message),
        account: about.sender,
        message_id: about.message_id,
        incidents: 1,
    })
}

/// What the mail complained of says by itself.
#[derive(Default)]
struct About {
    source: Option<IpAddr>,
    sent: Option<evidence::Time>,
    sender: Option<String>,
    message_id: Option<String>,
}

impl About {
    fn of(report: &Message<'_>) -> Self {
        for part in &report.parts {
            if let PartType::Message(mail) = &part.body {
                return Self::of_mail(mail);
            }
            if matches!(mime_type(part).as_str(), "text/rfc822-headers" | "message/rfc822") {
                let head = [contents(report, part), b"\r\n\r\n"].concat();
                return MessageParser::default().parse(&head).map(|mail| Self::of_mail(&mail)).unwrap_or_default();
            }
        }
        Self::default()
    }

    fn of_mail(mail: &Message<'_>) -> Self {
        let sender = || mail.from().and_then(|from| from.first()?.address()).and_then(kept);
        let returned = mail.header_raw("Return-Path").and_then(mailbox);
        Self {
            source: handed_in_from(mail),
            sent: sent(mail),
            sender: returned.or_else(sender),
            message_id: mail.message_id().and_then(kept),
        }
    }
}

/// The address that handed the mail to the one who complains: of the topmost `Received` that names one of the Internet.
/// What stands further below may be made up.
fn handed_in_from(mail: &Message<'_>) -> Option<IpAddr> {
    mail.headers().iter().filter(|header| header.name == HeaderName::Received).find_map(|header| {
        let HeaderValue::Received(received) = &header.value else { return None };
        let address = received.from_ip().or_else(|| match received.from() {
            Some(mail_parser::Host::IpAddr(address)) => Some(*address),
            _ => None,
        })?;
        let address = address.to_canonical();
        is_outside(address).then_some(address)
    })
}

fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

/// The domain of who sent the report.
fn reporter(message: &Message<'_>) -> Option<String> {
    message.from().and_then(|from| from.first()?.address()).and_then(domain)
}
