//! The policy delegation protocol of Postfix, as a listener that is asked about every recipient and always says that it has no
//! opinion: so that HELO names and accounts are known that Postfix does not log.
//!
//! A request is lines `name=value`, ended by an empty one. Here it is read; the socket is somebody else's.

use std::net::IpAddr;

use memchr::memmem;

use crate::happening::{Arrival, Client, Mail};
use crate::peer::ip;
use crate::scan::{split, text, whole_number};

/// The answer to every request: Postfix goes on as if it had not asked.
pub const ANSWER: &[u8] = b"action=DUNNO\n\n";

/// A longer request is none: its connection is to be closed.
pub const MAX_REQUEST: usize = 16 * 1024;

/// One request; fields that are empty are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// `RCPT`, `DATA`, `END-OF-MESSAGE`.
    pub state: &'a [u8],
    pub protocol: Option<&'a [u8]>,
    pub helo: Option<&'a [u8]>,
    pub queue: Option<&'a str>,
    pub sender: Option<&'a [u8]>,
    pub recipient: Option<&'a [u8]>,
    /// Only known from DATA on; 0 before.
    pub recipients: Option<u32>,
    pub client_address: Option<IpAddr>,
    pub client_port: Option<u16>,
    /// Verified; `None` for `unknown`.
    pub client_name: Option<&'a str>,
    /// Not verified.
    pub reverse_name: Option<&'a [u8]>,
    pub account: Option<&'a [u8]>,
    pub size: Option<u64>,
    /// The same for all requests about one message.
    pub instance: Option<&'a [u8]>,
}

/// The request at the start of what a connection sent, and its length; `None` when its end has not come yet.
pub fn request(input: &[u8]) -> Option<(Request<'_>, usize)> {
    let end = if input.starts_with(b"\n") { 0 } else { memmem::find(input, b"\n\n")? + 1 };
    let mut request = Request::default();
    for line in input[..end].split(|byte| *byte == b'\n') {
        if let Some((name, value)) = split(line, b'=').filter(|(_, value)| !value.is_empty()) {
            request.put(name, value);
        }
    }
    Some((request, end + 1))
}

impl<'a> Request<'a> {
    fn put(&mut self, name: &[u8], value: &'a [u8]) {
        let count = || whole_number(value);
        match name {
            b"protocol_state" => self.state = value,
            b"protocol_name" => self.protocol = Some(value),
            b"helo_name" => self.helo = Some(value),
            b"queue_id" => self.queue = text(value),
            b"sender" => self.sender = Some(value),
            b"recipient" => self.recipient = Some(value),
            b"recipient_count" => self.recipients = count().and_then(|count| u32::try_from(count).ok()),
            b"client_address" => self.client_address = ip(value),
            b"client_port" => self.client_port = count().and_then(|port| u16::try_from(port).ok()),
            b"client_name" => self.client_name = text(value).filter(|name| *name != "unknown"),
            b"reverse_client_name" => self.reverse_name = Some(value).filter(|name| *name != b"unknown"),
            b"sasl_username" => self.account = Some(value),
            b"size" => self.size = count(),
            b"instance" => self.instance = Some(value),
            _ => {}
        }
    }

    pub fn client(&self) -> Client<'a> {
        Client {
            address: self.client_address,
            port: self.client_port,
            name: self.client_name,
            helo: self.helo,
            account: self.account,
        }
    }

    /// The message, when it has been received: at `END-OF-MESSAGE`, once for each.
    ///
    /// Whoever reads the log too has the arrival from there: it is told once or the other way.
    pub fn arrival(&self) -> Option<Arrival<'a>> {
        if self.state != b"END-OF-MESSAGE" {
            return None;
        }
        let mail = Mail {
            queue: self.queue.unwrap_or_default(),
            client: self.client(),
            sender: Some(self.sender.unwrap_or_default()),
            size: self.size,
            ..Mail::default()
        };
        Some(Arrival { mail, recipients: self.recipients.filter(|count| *count > 0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\nprotocol_name=ESMTP\n\
        client_address=192.0.2.7\nclient_name=unknown\nclient_port=4711\nreverse_client_name=mx.example\nhelo_name=mx\n\
        sender=\nrecipient=\nrecipient_count=3\nqueue_id=4AF1D3E0\ninstance=123.456.7\nsize=1849\nsasl_username=a=b\n\n";

    #[test]
    fn a_request_is_read_when_its_end_has_come() {
        for end in 0..REQUEST.len() {
            assert_eq!(request(&REQUEST[..end]), None, "{end}");
        }
        let twice = [REQUEST, REQUEST].concat();
        let (first, length) = request(&twice).unwrap();
        assert_eq!(length, REQUEST.len());
        assert_eq!((first.helo, first.account, first.client_port), (Some(&b"mx"[..]), Some(&b"a=b"[..]), Some(4711)));
        assert_eq!((first.client_name, first.reverse_name), (None, Some(&b"mx.example"[..])));
        let arrival = first.arrival().unwrap();
        assert_eq!((arrival.recipients, arrival.mail.sender, arrival.mail.size), (Some(3), Some(&b""[..]), Some(1849)));
        assert_eq!(Request { state: b"RCPT", ..first }.arrival(), None);
        assert_eq!(request(b"\nx"), Some((Request::default(), 1)));
    }
}
