//! Lines about Sendmail itself, and remarks on messages and clients: known, so that what is not known shows.

use memchr::memmem;

use super::line::Line;

pub(super) fn read<'a>(queue: &str, text: &'a [u8]) -> Option<Line<'a>> {
    let starts = |list: &[&[u8]]| list.iter().any(|start| text.starts_with(start));
    let says = |list: &[&[u8]]| list.iter().any(|word| memmem::find(text, word).is_some());
    (starts(STARTS) || says(WORDS) || !queue.is_empty() && starts(OF_MESSAGES)).then_some(Line::Idle)
}

const STARTS: &[&[u8]] = &[
    b"STARTTLS",
    b"AUTH=",
    b"AUTH: ",
    b"AUTH warning",
    b"Milter",
    b"milter",
    b"Authentication-Warning: ",
    b"SYSERR",
    b"starting daemon",
    b"started as: ",
    b"restarting ",
    b"stopping daemon",
    b"daemon ",
    b"connect from ",
    b"SMTP outgoing connect on ",
    b"alias database ",
    b"/etc/mail/aliases: ",
    b"/etc/aliases: ",
    b"gethostby",
    b"ruleset=",
    b"runqueue: ",
    b"rejecting connections on daemon ",
    b"accepting connections again",
    b"error connecting to filter",
    b"timeout ",
    b"unable to ",
    b"NOQUEUE: ",
    b"tls_",
    b"sm_",
    b"My unqualified host name",
    b"unable to qualify",
    b"grew WorkList",
    b"--- ",
    b"<-- ",
];

const WORDS: &[&[u8]] = &[
    b" did not issue MAIL/EXPN/VRFY/ETRN during connection to ",
    b" [rejected]",
    b"possible SMTP attack: ",
    b"alias database",
    b"aliases, longest ",
    b" points back to ",
];

const OF_MESSAGES: &[&[u8]] = &[
    b"discarded",
    b"discard",
    b"locked",
    b"quarantine",
    b"clone",
    b"Losing ",
    b"hold",
    b"low on space",
    b"headers too large",
    b"Too many hops",
    b"forward ",
    b"Truncated ",
    b"truncated ",
    b"makeconnection",
    b"Warning: ",
    b"eoh",
    b"collect: ",
    b"header",
    b"body",
    b"delivery ",
    b"dropped ",
    b"tempfail",
];
