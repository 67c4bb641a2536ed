//! Lines of daemons that were started with `-v`: thousands of forms that tell how the program goes, not what happened to mail.
//! They are known by how they begin.

use memchr::memchr;

use super::line::{Idle, Line};

/// How debugging lines begin that have no function's name.
const STARTS: [&[u8]; 48] = [
    b"< ",
    b"> ",
    b"<<< ",
    b">>> ",
    b"send attr ",
    b"input attribute ",
    b"private/",
    b"public/",
    b"request: ",
    b"request ignored",
    b"master_notify",
    b"done ",
    b"start ",
    b"end ",
    b"smtp_get: ",
    b"connect to subsystem ",
    b"name_mask: ",
    b"been_here: ",
    b"mynetworks: ",
    b"process generation: ",
    b"trigger_",
    b"wakeup ",
    b"watchdog_",
    b"rewrite stream ",
    b"relay_domains",
    b"before input_transp_cleanup",
    b"initializing the ",
    b"connection established",
    b"connection closed",
    b"auto_clnt_",
    b"fsspace: ",
    b"smtpd_",
    b"vstream_",
    b"maps_",
    b"match_",
    b"dict_",
    b"generic_checks: ",
    b"restriction ",
    b"extract_addr: ",
    b"permit_",
    b"reject_",
    b"xsasl_",
    b"report ",
    b"lookup ",
    b"resolve_clnt: ",
    b"unix_",
    b"mail_",
    b"tok822_",
];

/// A debugging line, or none.
pub(super) fn read(text: &[u8]) -> Option<Line<'_>> {
    let verbose = STARTS.iter().any(|start| text.starts_with(start)) || function(text);
    verbose.then_some(Line::Idle(Idle::Verbose))
}

/// `qmgr_scan_start: start incoming queue scan`: a name of a function in C, with an underscore, and a colon or a blank.
fn function(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let end = end.unwrap_or(text.len());
    memchr(b'_', &text[..end]).is_some() && matches!(text.get(end), Some(b':' | b' '))
}
