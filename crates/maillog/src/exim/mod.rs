//! Lines of Exim's main log and of the first lines of its reject log: what each kind is, in pieces of the line. It keeps nothing
//! from one line to the next and makes no message of them; that is for the assembly.
//!
//! Of a client only the last address in brackets is Exim's own word. Where Exim is told to take any HELO name
//! (`helo_accept_junk_hosts`), a name can look like what Exim writes after it; then the line is read as the name wants it. The
//! subject (`T=` of an arrival) is never looked at.

mod failure;
mod fields;
mod host;
mod house;
mod line;
mod message;
mod refused;

pub(crate) use failure::{Failure, failure};
pub use host::Host;
pub use line::{Arrival, Delivery, Flag, Idle, Line, Refusal, Verb};
pub(crate) use refused::tainted;

use crate::scan::text;

/// Whether a program that writes to syslog is Exim: its name, which tells instances apart.
pub fn daemon(program: &[u8]) -> Option<&[u8]> {
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
    name.starts_with(b"exim").then_some(program)
}

/// Reads the text of a line, after its stamp.
pub fn read(text: &[u8]) -> Line<'_> {
    let (queue, rest) = queue(text).unwrap_or(("", text));
    let line = if queue.is_empty() { None } else { message::read(queue, rest) };
    line.or_else(|| refused::read(queue, rest)).or_else(|| house::read(queue, rest)).unwrap_or(Line::Unknown)
}

/// Length of a message id up to 4.96: `1xW6Lq-0001Hb-2e`.
const OLD: usize = 16;

/// … and since 4.97: `1rRtSx-00000003jGQ-0Pq8`.
const NEW: usize = 23;

/// A message id at the start, followed by a blank, and what follows.
fn queue(line: &[u8]) -> Option<(&str, &[u8])> {
    let is_id = |length: usize, second: usize| {
        line.get(length).is_none_or(|byte| *byte == b' ')
            && line.get(second) == Some(&b'-')
            && line.len() >= length
            && line[..length].iter().enumerate().all(|(at, byte)| match at {
                6 => *byte == b'-',
                _ => at == second || byte.is_ascii_alphanumeric(),
            })
    };
    let length = if is_id(OLD, 13) {
        OLD
    } else if is_id(NEW, 18) {
        NEW
    } else {
        return None;
    };
    Some((text(&line[..length])?, line.get(length + 1..).unwrap_or_default()))
}

/// A message id that is the whole word.
pub(crate) fn queue_id(word: &[u8]) -> Option<&str> {
    queue(word).filter(|(_, rest)| rest.is_empty()).map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_of_both_lengths_are_known() {
        assert_eq!(queue(b"1xW6Lq-0001Hb-2e <= a"), Some(("1xW6Lq-0001Hb-2e", &b"<= a"[..])));
        assert_eq!(queue(b"1rRtSx-00000003jGQ-0Pq8 Completed"), Some(("1rRtSx-00000003jGQ-0Pq8", &b"Completed"[..])));
        for wrong in ["", "1xW6Lq-0001Hb-2", "1xW6Lq-0001Hb-2ee", "1xW6Lq-0001Hb-2e: x", "1xW6Lq+0001Hb-2e x", "H=x"] {
            assert_eq!(queue(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(queue_id(b"1xW6Lq-0001Hb-2e"), Some("1xW6Lq-0001Hb-2e"));
    }

    #[test]
    fn what_a_next_hop_refused_is_a_remark_and_what_we_refused_in_unknown_words_is_not() {
        let remote = "1xW6Lq-0001Hb-2e H=a.example [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<b@a.example>: \
            450 4.2.0 <b@a.example>: Recipient address rejected: Greylisted";
        assert_eq!(read(remote.as_bytes()), Line::Idle(Idle::Remote));
        let own = "1xW6Lq-0001Hb-2e H=a.example [192.0.2.1] is rejected by something: SMTP error";
        assert_eq!(read(own.as_bytes()), Line::Unknown);
    }
}
