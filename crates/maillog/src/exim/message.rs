//! Lines about one message, with a flag: its arrival, what became of each recipient, and its end.

use memchr::{memchr, memmem};

use super::fields::{Fields, up_to_blank};
use super::line::{Arrival, Delivery, Flag, Line};
use super::queue_id;
use crate::scan::{bracketed, number, outside_quotes};

pub(super) fn read<'a>(queue: &'a str, rest: &'a [u8]) -> Option<Line<'a>> {
    let flag = match rest {
        [b'<', b'=', b' ', after @ ..] => return arrival(queue, after, false),
        [b'(', b'=', b' ', after @ ..] => return arrival(queue, after, true),
        [b'=', b'>', b' ', ..] => Flag::Delivered,
        [b'-', b'>', b' ', ..] => Flag::Further,
        [b'>', b'>', b' ', ..] => Flag::Cutthrough,
        [b'*', b'>', b' ', ..] => Flag::Suppressed,
        [b'*', b'*', b' ', ..] => Flag::Failed,
        [b'=', b'=', b' ', ..] => Flag::Deferred,
        _ => {
            let after = rest.strip_prefix(b"Completed")?;
            return matches!(after, [] | [b' ', ..]).then_some(Line::Completed { queue });
        }
    };
    delivery(queue, flag, &rest[3..])
}

/// `sender R=id H=… U=… P=… X=… A=… S=size id=message-id T="subject" from <sender> for recipients`
fn arrival<'a>(queue: &'a str, text: &'a [u8], fake: bool) -> Option<Line<'a>> {
    let (sender, mut rest) = match text.first()? {
        b'<' => bracketed(text)?,
        b'"' => text.split_at(outside_quotes(text, b' ').unwrap_or(text.len())),
        _ => up_to_blank(text),
    };
    let mut arrival = Arrival { queue, fake, sender, ..Arrival::default() };
    let mut fields = Fields::default();
    while let [b' ', after @ ..] = rest {
        rest = match after {
            [b'S', b'=', size @ ..] => {
                let (size, after) = up_to_blank(size);
                arrival.size = number(size).map(|(size, _)| size);
                ending(&mut arrival, after);
                break;
            }
            [b'R', b'=', id @ ..] => {
                let (id, after) = up_to_blank(id);
                arrival.about = queue_id(id);
                after
            }
            _ => fields.take(after).unwrap_or_else(|| up_to_blank(after).1),
        };
    }
    arrival.host = fields.host;
    arrival.user = fields.user;
    arrival.protocol = fields.protocol;
    (arrival.authenticator, arrival.account) = (fields.authenticator, fields.account);
    Some(Line::Arrival(arrival))
}

/// After the size. Message-Id, subject and addresses are the sender's words: they cannot make another field here.
fn ending<'a>(arrival: &mut Arrival<'a>, mut rest: &'a [u8]) {
    while let [b' ', after @ ..] = rest {
        if let Some(id) = after.strip_prefix(b"id=").or_else(|| after.strip_prefix(b"id*=")) {
            let end = if memchr(b'"', id).is_some_and(|quote| quote < up_to_blank(id).0.len()) {
                outside_quotes(id, b' ').unwrap_or(id.len())
            } else {
                up_to_blank(id).0.len()
            };
            arrival.message_id = Some(&id[..end]);
            rest = &id[end..];
        } else if let Some(subject) = after.strip_prefix(b"T=") {
            let end = outside_quotes(subject, b' ').unwrap_or(subject.len());
            rest = &subject[end..];
        } else if let Some(sender) = after.strip_prefix(b"from ") {
            rest = bracketed(sender).map_or(&b""[..], |(_, after)| after);
        } else if let Some(recipients) = after.strip_prefix(b"for ") {
            arrival.recipients = u32::try_from(memchr::memchr_iter(b' ', recipients).count() + 1).ok();
            return;
        } else {
            rest = up_to_blank(after).1;
        }
    }
}

/// `address <original> R=router T=transport H=host [address] … C="250 OK"`, or `: why` at the end.
fn delivery<'a>(queue: &'a str, flag: Flag, text: &'a [u8]) -> Option<Line<'a>> {
    let (address, original, mut rest) = addresses(text);
    if address.is_empty() {
        return None;
    }
    let mut delivery = Delivery { queue, flag, address, original, router: b"", transport: b"", relay: b"", text: b"" };
    while let [b' ', after @ ..] = rest {
        rest = match after {
            [b'R', b'=', value @ ..] => named(value, &mut delivery.router),
            [b'T', b'=', value @ ..] => named(value, &mut delivery.transport),
            [b'H', b'=', value @ ..] => {
                let (relay, after) = relay(value);
                delivery.relay = relay;
                after
            }
            [b'F' | b'P', b'=', value @ ..] => bracketed(value).map_or(&b""[..], |(_, after)| after),
            [b'C', b'=', b'"', value @ ..] => {
                let end = unescaped(value);
                delivery.text = &value[..end];
                break;
            }
            [b'D', b'N', b'=', b'"', value @ ..] => {
                memmem::find(value, b"\" ").map_or(&b""[..], |end| &value[end + 1..])
            }
            [b':', b' ', ..] => after,
            _ if after.starts_with(b"defer (") => {
                deferred(&mut delivery, after);
                break;
            }
            _ => named(after, &mut &b""[..]),
        };
    }
    if let Some(text) = rest.strip_prefix(b": ") {
        delivery.text = text;
    }
    Some(Line::Delivery(delivery))
}

/// A value up to a blank; a colon at its end belongs to what follows.
fn named<'a>(value: &'a [u8], field: &mut &'a [u8]) -> &'a [u8] {
    let (word, _) = up_to_blank(value);
    let end = if word.len() < value.len() { word.strip_suffix(b":").unwrap_or(word).len() } else { word.len() };
    *field = &value[..end];
    &value[end..]
}

/// The address that was tried, the one it was made from, and what follows.
fn addresses(text: &[u8]) -> (&[u8], Option<&[u8]>, &[u8]) {
    let end = match text.first() {
        // A command or a file may have blanks.
        Some(b'|' | b'/' | b'>') => [&b" <"[..], b" R=", b" T=", b": "]
            .into_iter()
            .find_map(|mark| memmem::find(text, mark))
            .unwrap_or_else(|| up_to_blank(text).0.len()),
        Some(b'"') => outside_quotes(text, b' ').unwrap_or(text.len()),
        _ => up_to_blank(text).0.len(),
    };
    let address = &text[..end];
    let address = match address {
        [b':', ..] => address,
        _ if end < text.len() => address.strip_suffix(b":").unwrap_or(address),
        _ => address,
    };
    let mut rest = &text[address.len()..];
    // What it was on the way, where Exim is told to write it.
    if rest.starts_with(b" (")
        && let Some(end) = memmem::find(rest, b") <")
    {
        rest = &rest[end + 1..];
    }
    match rest.strip_prefix(b" ").and_then(bracketed) {
        Some((original, after)) => (address, Some(original), after),
        None => (address, None, rest),
    }
}

/// `name [address]:port`, without the marks after it; and what follows.
fn relay(value: &[u8]) -> (&[u8], &[u8]) {
    let (name, after) = up_to_blank(value);
    let open = if after.starts_with(b" DS [") { 4 } else { 1 };
    let inner = if after.get(open) == Some(&b'[') { memchr(b']', after) } else { None };
    let Some(close) = inner else {
        let mut relay = name;
        let rest = named(value, &mut relay);
        return (relay, rest);
    };
    let mut end = name.len() + close + 1;
    if let Some((_, after)) = value[end..].strip_prefix(b":").and_then(number) {
        end = value.len() - after.len();
    }
    let rest = &value[end..];
    (&value[..end], rest.strip_prefix(b"*").unwrap_or(rest))
}

/// Where a quoted text ends that escapes quotes with a backslash.
fn unescaped(value: &[u8]) -> usize {
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b'"', b'\\', &value[from..]) {
        if value[from + at] == b'"' {
            return from + at;
        }
        from = (from + at + 2).min(value.len());
    }
    value.len()
}

/// `defer (-44) H=host [address]: why`, `defer (111): Connection refused H=host [address]: why`
fn deferred<'a>(delivery: &mut Delivery<'a>, text: &'a [u8]) {
    let Some(close) = memchr(b')', text) else { return };
    let mut rest = &text[close + 1..];
    let error = rest.strip_prefix(b": ");
    let host = match error {
        Some(error) => memmem::find(error, b" H=").map(|at| (&error[..at], &error[at + 3..])),
        None => rest.strip_prefix(b" H=").map(|host| (&b""[..], host)),
    };
    if let Some((why, host)) = host {
        (delivery.relay, rest) = relay(host);
        delivery.text = why;
    }
    // How long it took, where Exim is told to write it.
    if let Some(after) = rest.strip_prefix(b" DT=") {
        rest = named(after, &mut &b""[..]);
    }
    if let Some(text) = rest.strip_prefix(b": ") {
        delivery.text = text;
    }
}
