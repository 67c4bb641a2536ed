//! Lines of daemons that were started with `-v`: thousands of forms that tell how the program goes, not what happened to mail.
//! They are known by how they begin.

use memchr::memchr;

use super::line::{Idle, Line};
use crate::scan::find;

/// How debugging lines begin that have no function's name.
const STARTS: &[&[u8]] = &[
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
    b"connect to subsystem ",
    b"mynetworks: ",
    b"process generation: ",
    b"wakeup ",
    b"rewrite stream ",
    b"proxymap stream ",
    b"before input_transp_cleanup",
    b"after input_transp_cleanup",
    b"initializing the ",
    b"connection established",
    b"connection closed",
    b"fsspace: ",
    b"restriction ",
    b"report ",
    b"lookup ",
    b"idle timeout -- exiting",
    b"master disconnect -- exiting",
    b"Compiled against ",
    b"Run-time linked against ",
    b"host name lookup methods: ",
    b"initial envelope ",
    b"extracted envelope ",
    b"cleanup flags = ",
    b"connecting to ",
    b"begin ",
    b"open ",
    b"pref ",
    b"SSL_accept:",
    b"SSL_connect:",
    b"read from ",
    b"write to ",
];

/// A debugging line, or none.
pub(super) fn read(text: &[u8]) -> Option<Line<'_>> {
    let verbose = STARTS.iter().any(|start| text.starts_with(start))
        || function(text)
        || dump(text)
        || wanted(text)
        || limit(text);
    verbose.then_some(Line::Idle(Idle::Verbose))
}

/// `qmgr_scan_start: start incoming queue scan`: a name of a function in C, with an underscore, and a colon or a blank.
fn function(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let end = end.unwrap_or(text.len());
    memchr(b'_', &text[..end]).is_some() && matches!(text.get(end), Some(b':' | b' '))
}

/// `smtp socket: wanted attribute: sender`
fn wanted(text: &[u8]) -> bool {
    find(text, b" socket: wanted attribute: ").is_some()
}

/// `D4748404B37D: recipient limit 5000`
fn limit(text: &[u8]) -> bool {
    super::queue(text).is_some_and(|(_, rest)| rest.starts_with(b"recipient limit "))
}

/// `0010 00 39 c0 00|…  ..9.`: bytes of TLS.
fn dump(text: &[u8]) -> bool {
    let is_hex = |byte: &u8| byte.is_ascii_hexdigit();
    let Some((offset, rest)) = text.split_at_checked(5) else { return false };
    offset[..4].iter().all(is_hex) && offset[4] == b' ' && (rest.starts_with(b"- <") || rest.iter().take(2).all(is_hex))
}
