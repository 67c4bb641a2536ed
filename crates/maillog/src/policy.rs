//! What Postfix asked a policy service, as it is kept in a log: in the name of `spamtrail/policy`, the values of a request with
//! tabs between them. So HELO names are known that Postfix does not log.

use std::net::IpAddr;

use evidence::Time;

use crate::happening::Client;
use crate::header::Header;
use crate::peer::ip;
use crate::scan::{split, text, whole_number};
use crate::scanner::Verdict;
use crate::stamp::Stamp;

/// The program in whose name requests are kept.
pub(crate) const PROGRAM: &[u8] = b"spamtrail/policy";

/// What a client said in HELO, known from another log than the mail server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overheard<'a> {
    pub at: Time,
    pub address: IpAddr,
    pub helo: &'a [u8],
    /// Queue id of the message; empty before it has one.
    pub queue: &'a str,
}

impl<'a> Overheard<'a> {
    /// Of a line, without its end. `None` when it is no request, or one of a client without address or HELO name.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let header = Header::parse(line);
        let Stamp::Known(at) = header.stamp else { return None };
        let Verdict { client, queue, .. } = (header.program == PROGRAM).then(|| verdict(header.text))??;
        Some(Self { at, address: client.address?, helo: client.helo?, queue })
    }
}

/// What a request tells of a message, which is nobody's opinion. `None` when it is no request.
pub(crate) fn verdict(line: &[u8]) -> Option<Verdict<'_>> {
    let (mut verdict, mut is_request) = (Verdict { text: line, ..Verdict::default() }, false);
    for value in line.split(|byte| *byte == b'\t') {
        let Some((name, value)) = split(value, b'=').filter(|(_, value)| !value.is_empty()) else { continue };
        let client: &mut Client<'_> = &mut verdict.client;
        match name {
            b"request" => is_request = value == b"smtpd_access_policy",
            b"helo_name" => client.helo = Some(value),
            b"queue_id" => verdict.queue = text(value).unwrap_or_default(),
            b"sender" => verdict.sender = Some(value),
            b"client_address" => client.address = ip(value),
            b"client_port" => client.port = whole_number(value).and_then(|port| u16::try_from(port).ok()),
            b"client_name" => client.name = text(value).filter(|name| *name != "unknown"),
            b"sasl_username" => client.account = Some(value),
            b"size" => verdict.size = whole_number(value).filter(|size| *size > 0),
            _ => {}
        }
    }
    is_request.then_some(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"2026-11-25T06:00:00.5Z mx spamtrail/policy: request=smtpd_access_policy\t\
        protocol_state=END-OF-MESSAGE\tclient_address=192.0.2.7\tclient_name=unknown\tclient_port=4711\thelo_name=mx=1\t\
        sender=\trecipient=\trecipient_count=3\tqueue_id=4AF1D3E0\tinstance=123.456.7\tsize=1849\tsasl_username=a=b";

    #[test]
    fn a_request_tells_the_client_and_has_no_opinion() {
        let heard = Overheard::read(LINE).unwrap();
        assert_eq!((heard.at.to_string().as_str(), heard.helo), ("2026-11-25T06:00:00.5Z", &b"mx=1"[..]));
        assert_eq!(heard.queue, "4AF1D3E0");
        let verdict = verdict(Header::parse(LINE).text).unwrap();
        assert_eq!((verdict.queue, verdict.kind, verdict.size, verdict.sender), ("4AF1D3E0", None, Some(1849), None));
        let client = verdict.client;
        assert_eq!((client.port, client.name, client.account), (Some(4711), None, Some(&b"a=b"[..])));
        for other in [
            "2026-11-25T06:00:00Z mx spamtrail/policy: helo_name=mx\tclient_address=192.0.2.7",
            "2026-11-25T06:00:00Z mx spamtrail/policy: request=smtpd_access_policy\tclient_address=192.0.2.7",
            "2026-11-25T06:00:00Z mx postfix/smtpd[1]: request=smtpd_access_policy\tclient_address=192.0.2.7\thelo_name=a",
            "Nov 25 06:00:00 mx spamtrail/policy: request=smtpd_access_policy\tclient_address=192.0.2.7\thelo_name=a",
        ] {
            assert_eq!(Overheard::read(other.as_bytes()), None, "{other}");
        }
    }
}
