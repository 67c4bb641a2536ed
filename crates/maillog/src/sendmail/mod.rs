//! Lines of Sendmail: what each kind is, in pieces of the line. It keeps nothing from one line to the next and makes no message
//! of them; that is for the assembly. Sendmail logs no HELO names.

mod house;
mod line;

pub use line::{Delivery, Envelope, Line, Refusal, Relay};

use memchr::{memchr, memmem};

use crate::happening::{Client, Fate, LossKind, Stage};
use crate::peer::ip;
use crate::scan::{bracketed, enhanced, split, split_at, text, whole_number, word};

/// One name for all its programs: they hand messages on to each other.
pub(crate) const INSTANCE: &[u8] = b"sendmail";

/// Whether a program that writes to syslog is Sendmail: `sendmail`, `sm-mta`, `sm-msp-queue`.
pub fn is_sendmail(program: &[u8]) -> bool {
    program == b"sendmail" || program.starts_with(b"sm-")
}

/// Reads the text of a line.
pub fn read(text: &[u8]) -> Line<'_> {
    let (queue, rest) = queue(text).unwrap_or(("", text));
    envelope(queue, rest)
        .or_else(|| delivery(queue, rest))
        .or_else(|| refusal(queue, rest))
        .or_else(|| notification(queue, rest))
        .or_else(|| login(rest))
        .or_else(|| loss(rest))
        .or_else(|| house::read(queue, rest))
        .unwrap_or(Line::Unknown)
}

/// Shortest and longest queue id that any version makes.
const QUEUE: std::ops::RangeInclusive<usize> = 7..=24;

/// A queue id at the start, followed by `: `, and what follows; `NOQUEUE` is the empty one.
fn queue(line: &[u8]) -> Option<(&str, &[u8])> {
    let end = line.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
    let rest = line[end..].strip_prefix(b": ")?;
    let id = text(&line[..end]).filter(|id| QUEUE.contains(&id.len()) && id.bytes().any(|byte| byte.is_ascii_digit()));
    if &line[..end] == b"NOQUEUE" { Some(("", rest)) } else { Some((id?, rest)) }
}

impl<'a> Relay<'a> {
    /// `host [address] (may be forged)`, `[address]`, `joe@localhost`; and what follows.
    fn parse(text: &'a [u8]) -> (Self, &'a [u8]) {
        let comma = memmem::find(text, b", ").unwrap_or(text.len());
        let open = memchr(b'[', &text[..comma]);
        let close = open.and_then(|open| Some(open + memchr(b']', &text[open..])?));
        let (Some(open), Some(close)) = (open, close) else {
            let (all, rest) = text.split_at(comma);
            let user = split_at(all, b"@localhost").map(|(user, _)| user);
            let name = if user.is_some() { b"" } else { word(all).0 };
            return (Self { name, user, text: all, ..Self::default() }, rest);
        };
        let (mut end, mut name) = (close + 1, text[..open].trim_ascii_end());
        if text[end..].starts_with(FORGED) {
            (end, name) = (end + FORGED.len(), b"");
        }
        // What an ident server said.
        let name = name.rsplit(|byte| *byte == b'@').next().unwrap_or(name);
        let address = &text[open + 1..close];
        // Next hops are given as an address alone: `[192.0.2.7] [192.0.2.7]`.
        let again = text[end..].strip_prefix(b" [").and_then(|rest| split(rest, b']'));
        let (address, end) = again.map_or((address, end), |(address, rest)| (address, text.len() - rest.len()));
        (Self { name, address, user: None, text: &text[..end] }, &text[end..])
    }

    /// As happenings tell it.
    pub(crate) fn client(&self) -> Client<'a> {
        let name = text(self.name).filter(|name| !name.is_empty());
        Client { address: ip(self.address), name, ..Client::default() }
    }
}

const FORGED: &[u8] = b" (may be forged)";

/// `from=<a>, size=7, class=0, nrcpts=1, msgid=<b>, proto=ESMTP, daemon=MTA, relay=host [address]`
fn envelope<'a>(queue: &'a str, text: &'a [u8]) -> Option<Line<'a>> {
    let rest = text.strip_prefix(b"from=")?;
    let (sender, mut rest) = value(rest);
    let mut envelope = Envelope { queue, sender, ..Envelope::default() };
    while let Some((key, after)) = rest.strip_prefix(b", ").and_then(|rest| split(rest, b'=')) {
        if key == b"relay" {
            envelope.relay = Relay::parse(after).0;
            break;
        }
        let (value, after) = value(after);
        match key {
            b"size" => envelope.size = whole_number(value),
            b"nrcpts" => envelope.recipients = whole_number(value).and_then(|count| u32::try_from(count).ok()),
            b"msgid" => envelope.message_id = Some(value).filter(|id| !id.is_empty()),
            _ => {}
        }
        rest = after;
    }
    Some(Line::Envelope(envelope))
}

/// `<a>`, or a word up to `, `; and what follows.
fn value(text: &[u8]) -> (&[u8], &[u8]) {
    bracketed(text)
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(b", "))
        .unwrap_or_else(|| text.split_at(memmem::find(text, b", ").unwrap_or(text.len())))
}

/// `to=<a>,<b>, ctladdr=<c> (1/1), delay=…, mailer=esmtp, pri=7, relay=host [address], dsn=2.0.0, stat=Sent (ok)`
fn delivery<'a>(queue: &'a str, text: &'a [u8]) -> Option<Line<'a>> {
    let rest = text.strip_prefix(b"to=")?;
    let end = recipients(rest);
    let (recipients, mut rest) = rest.split_at(end);
    let mut delivery = Delivery {
        queue,
        recipients,
        controller: None,
        mailer: b"",
        relay: Relay::default(),
        enhanced: None,
        fate: None,
        reply: None,
        status: b"",
    };
    while let Some((key, after)) = rest.strip_prefix(b", ").and_then(|rest| split(rest, b'=')) {
        if key == b"stat" {
            delivery.status = after;
            delivery.fate = fate(&delivery);
            return Some(Line::Delivery(delivery));
        }
        rest = match key {
            b"relay" => {
                let (relay, after) = Relay::parse(after);
                delivery.relay = relay;
                after
            }
            b"reply" => {
                let (reply, _) = split_at(after, b", stat=").unwrap_or((after, b""));
                delivery.reply = Some(reply);
                &after[reply.len()..]
            }
            b"ctladdr" => {
                delivery.controller = bracketed(after).map(|(address, _)| address);
                value(after).1
            }
            _ => {
                let (value, after) = value(after);
                match key {
                    b"mailer" => delivery.mailer = value,
                    b"dsn" => delivery.enhanced = enhanced(value).map(|(code, _)| code),
                    _ => {}
                }
                after
            }
        };
    }
    None
}

/// Where a list of addresses ends: at a `, ` that a field follows.
fn recipients(text: &[u8]) -> usize {
    let fields: [&[u8]; 5] = [b"ctladdr=", b"delay=", b"xdelay=", b"mailer=", b"stat="];
    let starts = |at: &usize| fields.iter().any(|field| text[at + 2..].starts_with(field));
    memmem::find_iter(text, b", ").find(starts).unwrap_or(text.len())
}

fn fate(delivery: &Delivery<'_>) -> Option<Fate> {
    let status = delivery.status;
    if status.starts_with(b"queued") {
        return None;
    }
    if status.starts_with(b"Cannot send message ") {
        return Some(Fate::Expired);
    }
    if status.starts_with(b"Deferred") {
        return Some(Fate::Deferred);
    }
    match delivery.enhanced {
        Some([2, ..]) => Some(Fate::Delivered),
        Some([4, ..]) => Some(Fate::Deferred),
        Some(_) => Some(Fate::Failed),
        None => Some(if status.starts_with(b"Sent") { Fate::Delivered } else { Fate::Failed }),
    }
}

/// The addresses of a list.
pub(crate) fn each(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if list.is_empty() {
            return None;
        }
        let (address, rest) = bracketed(list).unwrap_or_else(|| {
            // A command has commas and blanks.
            let is_one = matches!(list.first(), Some(b'|' | b'/' | b'"'));
            list.split_at(if is_one { list.len() } else { memchr(b',', list).unwrap_or(list.len()) })
        });
        list = rest.strip_prefix(b",").unwrap_or_default();
        Some(address)
    })
}

/// `ruleset=check_rcpt, arg1=<a>, relay=host [address], reject=550 5.7.1 <a>... Relaying denied`
fn refusal<'a>(queue: &'a str, text: &'a [u8]) -> Option<Line<'a>> {
    if let Some(rest) = text.strip_prefix(b"ruleset=") {
        return ruleset(queue, rest);
    }
    if let Some(rest) = text.strip_prefix(b"Milter: ") {
        let (what, said) = split_at(rest, b", reject=")?;
        return Some(milter(queue, what, said));
    }
    if text.starts_with(b"<")
        && let Some((recipient, said)) = bracketed(text)
    {
        let said = said.strip_prefix(b"... ")?;
        let (stage, recipient) = (Stage::RcptTo, Some(recipient));
        return Some(Line::Refusal(Refusal { queue, stage, relay: None, sender: None, recipient, text: said }));
    }
    None
}

fn ruleset<'a>(queue: &'a str, rest: &'a [u8]) -> Option<Line<'a>> {
    let (name, rest) = split_at(rest, b", ")?;
    let stage = match name {
        b"check_relay" | b"try_tls" | b"tls_client" | b"tls_server" => Stage::Connect,
        b"check_mail" => Stage::MailFrom,
        b"check_rcpt" | b"check_compat" | b"check_vrfy" | b"check_expn" | b"check_etrn" => Stage::RcptTo,
        b"check_data" => Stage::Data,
        b"check_eom" | b"check_eoh" => Stage::EndOfData,
        _ => Stage::Unknown,
    };
    let (mut argument, mut relay, mut rest) = (None, Relay::default(), rest);
    let said = loop {
        if let Some(said) = rest.strip_prefix(b"reject=") {
            break said;
        }
        let (key, after) = split(rest, b'=')?;
        let (found, after) = match key {
            b"relay" => {
                let (found, after) = Relay::parse(after);
                relay = found;
                (&b""[..], after)
            }
            _ => value(after),
        };
        if key == b"arg1" {
            argument = Some(found);
        }
        // Thrown away or put aside, without an answer.
        let Some(next) = after.strip_prefix(b", ") else { return Some(Line::Idle) };
        rest = next;
    };
    let sender = argument.filter(|_| stage == Stage::MailFrom);
    let recipient = argument.filter(|_| stage == Stage::RcptTo);
    Some(Line::Refusal(Refusal { queue, stage, relay: Some(relay), sender, recipient, text: said }))
}

/// `to=<a>`, `from=<a>`, `data`, `connect: host=x, addr=192.0.2.7`
fn milter<'a>(queue: &'a str, what: &'a [u8], said: &'a [u8]) -> Line<'a> {
    let mut refusal =
        Refusal { queue, stage: Stage::EndOfData, relay: None, sender: None, recipient: None, text: said };
    if let Some(recipient) = what.strip_prefix(b"to=") {
        (refusal.stage, refusal.recipient) = (Stage::RcptTo, Some(value(recipient).0));
    } else if let Some(sender) = what.strip_prefix(b"from=") {
        (refusal.stage, refusal.sender) = (Stage::MailFrom, Some(value(sender).0));
    } else if what.starts_with(b"helo=") {
        refusal.stage = Stage::Helo;
    } else if what.starts_with(b"connect") {
        let address = split_at(what, b"addr=").map_or(&b""[..], |(_, address)| address);
        (refusal.stage, refusal.relay) = (Stage::Connect, Some(Relay { address, ..Relay::default() }));
    }
    Line::Refusal(refusal)
}

/// `2F: DSN: User unknown`, `2F: return to sender: …`, `2F: sender notify: …`; and `done; …`
fn notification<'a>(about: &'a str, text: &'a [u8]) -> Option<Line<'a>> {
    if about.is_empty() {
        return None;
    }
    if text.starts_with(b"done; ") {
        return Some(Line::Done { queue: about });
    }
    let (queue, rest) = queue(text).filter(|(queue, _)| !queue.is_empty())?;
    let kinds: [&[u8]; 5] =
        [b"DSN: ", b"return to sender: ", b"sender notify: ", b"postmaster notify: ", b"return receipt"];
    if rest.starts_with(b"clone") {
        return Some(Line::Idle);
    }
    kinds.iter().any(|kind| rest.starts_with(kind)).then_some(Line::Notification { about, queue, text: rest })
}

/// `AUTH=server, relay=host [address], authid=joe, mech=PLAIN, bits=0`, and failures.
fn login(text: &[u8]) -> Option<Line<'_>> {
    if let Some(rest) = text.strip_prefix(b"AUTH=server, relay=") {
        let (relay, rest) = Relay::parse(rest);
        let rest = rest.strip_prefix(b", authid=")?;
        let (account, mechanism) = split_at(rest, b", mech=")?;
        return Some(Line::Login { relay, account, mechanism: value(mechanism).0 });
    }
    if text.starts_with(b"AUTH failure (") || text.starts_with(b"AUTH failure: ") {
        // A user name may look like what stands after it.
        let at = memmem::rfind(text, b", relay=")?;
        let (relay, _) = Relay::parse(&text[at + 8..]);
        let account = split_at(&text[..at], b", user=").map(|(_, account)| account);
        return Some(Line::LoginFailed { relay, account, text });
    }
    let (before, _) = split_at(text, b": possible SMTP attack: command=AUTH")?;
    Some(Line::LoginFailed { relay: Relay::parse(before).0, account: None, text })
}

/// `lost input channel from host [address] to MTA after rcpt`, and its like.
fn loss(text: &[u8]) -> Option<Line<'_>> {
    let starts = [
        (&b"rejecting commands from "[..], LossKind::Early),
        (b"rejecting server HELO from ", LossKind::Pipelined),
        (b"collect: relay=", LossKind::Hangup),
        (b"lost input channel from ", LossKind::Hangup),
        (b"timeout waiting for input from ", LossKind::TimedOut),
        (b"collect: premature EOM: unexpected close on connection from ", LossKind::Hangup),
        (b"collect: unexpected close on connection from ", LossKind::Hangup),
        (b"collect: I/O error on connection from ", LossKind::Hangup),
        (b"collect: read timeout on connection from ", LossKind::TimedOut),
    ];
    let (start, kind) = starts.into_iter().find(|(start, _)| text.starts_with(start))?;
    Some(Line::Loss { relay: Relay::parse(&text[start.len()..]).0, kind, text })
}
