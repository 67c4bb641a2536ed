//! Lines of Postfix, all its daemons: what each kind is, in pieces of the line. It keeps nothing from one line to the next and
//! makes no message of them; that is for the assembly.

mod clients;
mod content;
mod delivery;
mod house;
mod line;
mod parts;
mod verbose;

pub(crate) use clients::{coded, subcoded};
pub(crate) use delivery::in_reply_to;
pub use line::{Content, Delivery, Envelope, Handed, Idle, Line, Refusal, Remote, Warning};
pub use parts::{Cipher, Listing, Policy, commands, delays};

use crate::scan::{split, split_last, text};

/// Whether a program is a daemon of Postfix: its instance (`postfix`, `postfix-out`) and the daemon's name.
pub fn daemon(program: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, daemon) = split_last(program, b'/')?;
    let instance = split(before, b'/').map_or(before, |(instance, _)| instance);
    instance.starts_with(b"postfix").then_some((instance, daemon))
}

/// Reads the text of a line of a daemon.
pub fn read<'a>(daemon: &[u8], text: &'a [u8]) -> Line<'a> {
    let line = match daemon {
        b"smtpd" => clients::smtpd(text),
        b"cleanup" => content::cleanup(text),
        b"qmgr" | b"oqmgr" => house::qmgr(text),
        b"smtp" | b"lmtp" => delivery::smtp(text),
        b"local" | b"virtual" | b"pipe" | b"error" | b"retry" | b"discard" => delivery::delivery(text),
        b"pickup" => house::pickup(text),
        b"bounce" | b"defer" | b"trace" => house::bounce(text),
        b"postscreen" => clients::postscreen(text),
        b"tlsproxy" => clients::tlsproxy(text),
        b"dnsblog" => house::dnsblog(text),
        b"anvil" => house::anvil(text),
        b"scache" => house::scache(text),
        b"verify" => house::cleaned(text),
        b"master" | b"postfix-script" => house::master(text),
        b"postsuper" => house::postsuper(text),
        _ => delivery::delivery(text).or_else(|| house::postsuper(text)),
    };
    line.or_else(|| house::warning(text)).or_else(|| verbose::read(text)).unwrap_or(Line::Unknown)
}

/// A queue id at the start, followed by `: `, and what follows; `NOQUEUE` is the empty one. Short ids are six or more digits
/// of base 16 (in capitals), long ones twelve or more letters and digits.
fn queue(line: &[u8]) -> Option<(&str, &[u8])> {
    let end = memchr::memchr(b':', &line[..line.len().min(MAX_QUEUE + 1)])?;
    let rest = line[end + 1..].strip_prefix(b" ")?;
    Some((queue_id(&line[..end])?, rest))
}

/// A queue id as text; `NOQUEUE` is the empty one.
fn queue_id(bytes: &[u8]) -> Option<&str> {
    // What is no letter or digit, and what is no digit of base 16 in capitals.
    let (mut alien, mut long) = (false, false);
    for &byte in bytes {
        let digit = byte.is_ascii_digit();
        alien |= !(digit | byte.is_ascii_alphabetic());
        long |= !(digit | matches!(byte, b'A'..=b'F'));
    }
    let is_id = match bytes.len() {
        5..12 => !long,
        12..=MAX_QUEUE => !alien,
        _ => false,
    };
    if bytes == b"NOQUEUE" {
        return Some("");
    }
    is_id.then(|| text(bytes)).flatten()
}

/// A longer word is no queue id.
const MAX_QUEUE: usize = 40;
