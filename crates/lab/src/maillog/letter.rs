//! The content of a message: headers such as programs write them, and a body of the size that is wanted.

use std::fmt::Write as _;

use evidence::Time;
use jiff::tz::TimeZone;

use super::plan::Mail;

/// Lines of the body have this length with their ends.
const LINE: &str = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod.\r\n";

/// A message as it goes over the wire, without the final dot; no line begins with one.
pub(crate) fn letter(mail: &Mail, at: Time) -> String {
    let mut text = String::with_capacity(mail.size + 512);
    for hop in 0..mail.received {
        _ = write!(text, "Received: from hop{hop}.example (hop{hop}.example [192.0.2.{}])\r\n", hop % 250 + 1);
        _ = write!(text, "\tby hop{}.example; {}\r\n", hop + 1, date(at));
    }
    let from = if mail.sender.is_empty() { "MAILER-DAEMON@mailer.example" } else { &mail.sender };
    let to = mail.recipients.first().map_or("undisclosed-recipients:;", |recipient| &recipient.address);
    _ = write!(text, "Date: {}\r\nFrom: <{from}>\r\nTo: <{to}>\r\n", date(at));
    _ = write!(text, "Subject: laboratory\r\nMessage-ID: <{}>\r\nMIME-Version: 1.0\r\n", mail.message_id);
    text.push_str("Content-Type: text/plain; charset=us-ascii\r\n\r\n");
    while text.len() + LINE.len() < mail.size {
        text.push_str(LINE);
    }
    let rest = mail.size.saturating_sub(text.len() + 2);
    text.extend(std::iter::repeat_n('=', rest));
    text.push_str("\r\n");
    text
}

/// As in RFC 5322.
fn date(at: Time) -> String {
    let Ok(timestamp) = jiff::Timestamp::from_microsecond(at.micros()) else { return at.to_string() };
    TimeZone::UTC.to_datetime(timestamp).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
