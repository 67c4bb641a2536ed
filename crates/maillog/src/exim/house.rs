//! Lines about Exim itself, and remarks on messages and next hops that are no results: known, so that what is not known shows.

use memchr::memmem;

use super::line::{Idle, Line};

pub(super) fn read<'a>(queue: &str, text: &'a [u8]) -> Option<Line<'a>> {
    let starts = |list: &[&[u8]]| list.iter().any(|start| text.starts_with(start));
    if queue.is_empty() {
        if starts(DAEMON) || memmem::find(text, b" daemon started: pid=").is_some() {
            return Some(Line::Idle(Idle::Daemon));
        }
        return starts(CLIENT).then_some(Line::Idle(Idle::Client));
    }
    let says = |words: &[&[u8]]| words.iter().any(|word| memmem::find(text, word).is_some());
    if starts(MESSAGE) || says(&[b": error ignored", b" transport output: ", b" router: skipped error: "]) {
        return Some(Line::Idle(Idle::Message));
    }
    // A host with a sender is one that something was refused to, in words that are not known. What a next hop said may have any
    // words.
    let own = memmem::find(text, b"]: SMTP error from remote mail server ").map_or(text, |end| &text[..end]);
    let refuses = [&b" F=<"[..], b"rejected"].iter().any(|word| memmem::find(own, word).is_some());
    let is_remote = starts(REMOTE) || text.starts_with(b"H=") && !refuses;
    let tried: [&[u8]; 4] =
        [b" authenticator failed H=", b"] Connection ", b"] No route to host", b"] Network is unreachable"];
    (is_remote || says(&tried)).then_some(Line::Idle(Idle::Remote))
}

const DAEMON: &[&[u8]] = &[
    b"Start queue run",
    b"End queue run",
    b"Start '",
    b"End '",
    b"Start ODMR",
    b"End ODMR",
    b"queue run: ",
    b"cwd=",
    b"pid ",
    b"daemon: ",
    b"exec of ",
    b"Exim configuration error",
    b"socket bind() ",
    b"bind of ",
    b"listen() ",
    b"listen backlog",
    b"spool directory space check failed",
    b"failed to open ",
    b"failed to expand ",
    b"Failed to ",
    b"expansion of ",
    b"invalid value for ",
    b"unable to ",
    b"Cannot open ",
    b"Connections=",
    b"Warning: ",
    b" Suggested action:",
];

const CLIENT: &[&[u8]] = &[
    b"no host name found for IP address ",
    b"no IP address found for host ",
    b"host name alias list truncated ",
    b"no MAIL in ",
    b"SMTP protocol error in ",
    b"SMTP syntax error in ",
    b"SMTP connection identification ",
    b"SMTP connection outbound ",
    b"SMTP connection ",
    b"TLS session: ",
    b"TLS client disconnected",
    b"TLS error",
    b"VRFY failed for ",
    b"ETRN ",
    b"ATRN ",
    b"ignoring AUTH=",
    b"DNS list lookup ",
    b"recipient verify defer",
    b"sender verify defer",
    b"list matching forced to fail",
    b"timed out while reading ",
    b"overlong message header line received from ",
    b"ridiculously long message header received from ",
    b"Peer did not present a cert",
    b"[",
];

const MESSAGE: &[&[u8]] = &[
    b"DKIM: ",
    b"DKIM ",
    b"ARC: ",
    b"DMARC ",
    b"SPF: ",
    b"PDKIM: ",
    b"Frozen",
    b"frozen by ",
    b"Message is frozen",
    b"Unfrozen ",
    b"unfrozen by ",
    b"Spool file is locked",
    b"Spool file for ",
    b"Spool file ",
    b"Format error in spool file",
    b"no immediate delivery: ",
    b"no recipients found in headers",
    b"cancelled by ",
    b"removed by ",
    b"moved from ",
    b"recipient <",
    b"address <",
    b"sender address changed to ",
    b"original recipients ignored",
    b"Delivery deferred by system filter",
    b"PRDR R=<",
    b"qualify/rewrite: ",
    b"Authentication-Results: ",
    b"Sender identification ",
    b"SMTP connection outbound ",
    b"internal scanner error",
    b"spam acl condition: ",
    b"malware acl condition: ",
    b"Error while reading message",
    b"Error in system filter",
    b"timed out while reading ",
    b"queued by ACL",
    b"local_scan() ",
    b"Tainted ",
    b"failed to expand ",
];

const REMOTE: &[&[u8]] = &[
    b"TLS session: ",
    b"TLS error on connection",
    b"DANE ",
    b"SMTP error from remote ",
    b"SMTP timeout ",
    b"Remote host closed connection",
    b"remote host address is the local host",
    b"lowest numbered MX record points to local host",
    b"no IP address found for host ",
    b"failed to read delivery status for ",
    b"[",
    b"peer close after all rcpt responses",
    b"Required TLS certificate status",
    b"Server certificate revoked",
    b"OCSP ",
    b"bind of ",
];
