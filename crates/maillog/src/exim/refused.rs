//! Lines about what Exim would not take: refusals, failed logins, lost connections, rules that only warn.

use memchr::memmem;

use super::fields::{Fields, up_to_blank};
use super::host::Host;
use super::line::{Idle, Line, Refusal, Verb};
use crate::happening::{LossKind, Stage, TaintKind};
use crate::scan::{bracketed, split_at};
use crate::stage;

pub(super) fn read<'a>(queue: &'a str, text: &'a [u8]) -> Option<Line<'a>> {
    let (fields, rest) = Fields::parse(text);
    verdict(queue, &fields, rest)
        .or_else(|| broken(text))
        .or_else(|| lost(text))
        .or_else(|| early(text))
        .or_else(|| scanned(queue, text))
        .or_else(|| login(text))
}

/// After the fields of a client: what was done to it.
fn verdict<'a>(queue: &'a str, fields: &Fields<'a>, rest: &'a [u8]) -> Option<Line<'a>> {
    if let Some(what) = rest.strip_prefix(b"rejected ") {
        return refusal(queue, fields, Verb::Rejected, what);
    }
    if let Some(what) = rest.strip_prefix(b"temporarily rejected ") {
        return refusal(queue, fields, Verb::Deferred, what);
    }
    if let Some(what) = rest.strip_prefix(b"dropped by 'connect' ACL") {
        let told = Told { stage: Stage::Connect, text: what.strip_prefix(b": ").unwrap_or(what), ..Told::default() };
        return Some(told.line(queue, fields, Verb::Rejected));
    }
    if let Some(after) = rest.strip_prefix(b"sender verify ") {
        let deferred = after.starts_with(b"defer");
        let (_, after) = split_at(after, b" for ")?;
        let (sender, text) = bracketed(after)?;
        let text = text.strip_prefix(b": ").unwrap_or(text);
        return Some(Line::Sender { host: fields.host, sender, deferred, text });
    }
    if let Some(text) = rest.strip_prefix(b"Warning: ") {
        let idle = Line::Idle(if queue.is_empty() { Idle::Client } else { Idle::Message });
        let line = |kind| Line::Found { queue, host: fields.host, sender: fields.sender, kind, text };
        return Some(warned(text).map_or(idle, line));
    }
    if rest.starts_with(b"incomplete transaction (connection lost)") {
        return Some(Line::Loss { host: fields.host, kind: LossKind::Hangup, text: rest });
    }
    if rest.starts_with(b"incomplete transaction (") {
        return Some(Line::Idle(Idle::Client));
    }
    let (recipient, text) = rest.strip_prefix(b"RCPT ").and_then(bracketed)?;
    let text = text.strip_prefix(b": discarded by ")?;
    let told = Told { stage: Stage::RcptTo, recipient: Some(recipient), text, ..Told::default() };
    Some(told.line(queue, fields, Verb::Discarded))
}

/// What stands after `rejected`.
#[derive(Default)]
struct Told<'a> {
    stage: Stage,
    sender: Option<&'a [u8]>,
    recipient: Option<&'a [u8]>,
    text: &'a [u8],
}

impl<'a> Told<'a> {
    fn line(self, queue: &'a str, fields: &Fields<'a>, verb: Verb) -> Line<'a> {
        Line::Refusal(Refusal {
            queue,
            verb,
            stage: self.stage,
            host: fields.host,
            user: fields.user,
            account: fields.account,
            sender: self.sender.or(fields.sender),
            recipient: self.recipient,
            text: self.text,
        })
    }
}

fn refusal<'a>(queue: &'a str, fields: &Fields<'a>, verb: Verb, what: &'a [u8]) -> Option<Line<'a>> {
    if let Some(rest) = what.strip_prefix(b"RCPT ") {
        let (recipient, text) = argument(rest);
        let told = Told { stage: Stage::RcptTo, recipient: Some(recipient), text, ..Told::default() };
        return Some(told.line(queue, fields, verb));
    }
    if let Some(rest) = what.strip_prefix(b"MAIL <") {
        let (sender, text) = argument(&what[what.len() - rest.len() - 1..]);
        let told = Told { stage: Stage::MailFrom, sender: Some(sender), text, ..Told::default() };
        return Some(told.line(queue, fields, verb));
    }
    // `from <a> H=…: text`, `MAIL FROM:<a> H=…: text`, `EHLO from (x) [192.0.2.7]: text`
    for (start, stage) in
        [(&b"MAIL FROM:"[..], Stage::MailFrom), (b"from ", Stage::EndOfData), (b"MAIL command ", Stage::MailFrom)]
    {
        if let Some(rest) = what.strip_prefix(start) {
            let (sender, rest) = bracketed(rest).map_or((None, rest), |(sender, rest)| (Some(sender), rest));
            let (fields, text) = Fields::parse(rest.strip_prefix(b" ").unwrap_or(rest));
            let text = text.strip_prefix(b": ").unwrap_or(text);
            return Some(Told { stage, sender, text, ..Told::default() }.line(queue, &fields, verb));
        }
    }
    if let Some((command, rest)) = split_at(what, b" from ").filter(|(command, _)| command.len() <= LONGEST_VERB)
        && command.iter().all(u8::is_ascii_uppercase)
    {
        // Of the machine itself a user stands there.
        let (host, text) = Host::parse(rest).unwrap_or((Host::default(), rest));
        let fields = Fields { host, ..*fields };
        let text = split_at(text, b": ").map_or(text, |(_, text)| text);
        return Some(Told { stage: stage::of_command(command), text, ..Told::default() }.line(queue, &fields, verb));
    }
    let (stage, rest) = STAGES.iter().find_map(|(start, stage)| Some((*stage, what.strip_prefix(*start)?)))?;
    let text = split_at(rest, b": ").map_or(&b""[..], |(_, text)| text);
    Some(Told { stage, text, ..Told::default() }.line(queue, fields, verb))
}

/// `HELO`, `STARTTLS`.
const LONGEST_VERB: usize = 8;

/// What may stand after `rejected`, without an address.
const STAGES: [(&[u8], Stage); 19] = [
    (b"connection in \"connect\" ACL", Stage::Connect),
    (b"EHLO or HELO ", Stage::Helo),
    (b"after DATA", Stage::EndOfData),
    (b"during MIME ACL checks", Stage::EndOfData),
    (b"by local_scan()", Stage::EndOfData),
    (b"by non-SMTP ACL", Stage::EndOfData),
    (b"by DKIM ACL", Stage::EndOfData),
    (b"DKIM", Stage::EndOfData),
    (b"DATA", Stage::Data),
    (b"predata", Stage::Data),
    (b"MAIL ", Stage::MailFrom),
    (b"AUTH", Stage::Helo),
    (b"STARTTLS", Stage::Connect),
    (b"VRFY ", Stage::RcptTo),
    (b"EXPN ", Stage::RcptTo),
    (b"ETRN ", Stage::RcptTo),
    (b"ATRN ", Stage::RcptTo),
    (b"PRDR", Stage::EndOfData),
    (b"WELLKNOWN ", Stage::Unknown),
];

/// `<a@b>: text`, or an address without brackets.
fn argument(text: &[u8]) -> (&[u8], &[u8]) {
    let (address, rest) = bracketed(text).unwrap_or_else(|| {
        let (word, _) = up_to_blank(text);
        text.split_at(word.strip_suffix(b":").unwrap_or(word).len())
    });
    (address, rest.strip_prefix(b": ").unwrap_or(rest))
}

/// What a rule that only warns says of a message. The words are those of widely used configurations.
fn warned(text: &[u8]) -> Option<TaintKind> {
    let says = |word: &[u8]| memmem::find(text, word).is_some();
    if says(b"detected message as NOT spam") {
        return Some(TaintKind::Clean);
    }
    if says(b"X-Spam-Flag: YES") || says(b"X-Spam-Status: Yes") || says(b"detected message as spam") {
        return Some(TaintKind::Spam);
    }
    (says(b"contains a virus") || says(b"containing malware") || says(b"malware detected")).then_some(TaintKind::Virus)
}

/// What a refusal of content names.
pub(crate) fn tainted(text: &[u8]) -> Option<TaintKind> {
    let text = &text[..text.len().min(LONGEST_REASON)];
    let says = |word: &[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    if [&b"virus"[..], b"malware", b"infected"].into_iter().any(says) {
        return Some(TaintKind::Virus);
    }
    says(b"spam").then_some(TaintKind::Spam)
}

/// A reason is looked at so far.
const LONGEST_REASON: usize = 512;

/// The protocol was not kept.
fn broken(text: &[u8]) -> Option<Line<'_>> {
    let loss = |host: &[u8]| {
        let at = memmem::find(text, host)?;
        Some(Host::parse(&text[at + host.len()..])?.0)
    };
    if let Some(what) = text.strip_prefix(b"SMTP protocol synchronization error (") {
        let early = what.starts_with(b"input sent without waiting for greeting");
        let kind = if early { LossKind::Early } else { LossKind::Pipelined };
        let host = loss(b" H=").unwrap_or_default();
        return Some(Line::Loss { host, kind, text });
    }
    if let Some(rest) = text.strip_prefix(b"refused connection from ") {
        let (host, _) = Host::parse(rest)?;
        let fields = Fields { host, ..Fields::default() };
        return Some(Told { stage: Stage::Connect, text, ..Told::default() }.line("", &fields, Verb::Rejected));
    }
    if let Some(rest) = text.strip_prefix(b"too many recipients: excess temporarily rejected: sender=") {
        let (sender, rest) = bracketed(rest)?;
        let (fields, _) = Fields::parse(rest.strip_prefix(b" ").unwrap_or(rest));
        let told = Told { stage: Stage::RcptTo, sender: Some(sender), text, ..Told::default() };
        return Some(told.line("", &fields, Verb::Deferred));
    }
    None
}

/// A connection that ended before it was done.
fn lost(text: &[u8]) -> Option<Line<'_>> {
    let starts = [
        (&b"unexpected disconnection while reading SMTP command from "[..], LossKind::Hangup),
        (b"SMTP command timeout on connection from ", LossKind::TimedOut),
        (b"SMTP command timeout on TLS connection from ", LossKind::TimedOut),
        (b"SMTP data timeout (message abandoned) on connection from ", LossKind::TimedOut),
        (b"SMTP data timeout (message abandoned) on TLS connection from ", LossKind::TimedOut),
        (b"SMTP call from ", LossKind::Hangup),
        (b"TLS error on connection from ", LossKind::Hangup),
        (b"SMTP connection from ", LossKind::Hangup),
        (b"SMTP connection lost after final dot ", LossKind::Hangup),
    ];
    let (start, kind) = starts.into_iter().find(|(start, _)| text.starts_with(start))?;
    let rest = &text[start.len()..];
    let (host, after) = Host::parse(rest).unwrap_or((Host::default(), rest));
    // Connections are logged in the same words when they begin and end as they should.
    let says = |word: &[u8]| memmem::find(after, word).is_some();
    let is_loss =
        start != b"SMTP connection from " || says(b"lost") || says(b"closed by EOF") || says(b"closed by DROP");
    Some(if is_loss { Line::Loss { host, kind, text } } else { Line::Idle(Idle::Client) })
}

/// `SMTP connection Ci=… from (helo) [address] lost while reading message data`
fn early(text: &[u8]) -> Option<Line<'_>> {
    let (_, after) = split_at(text.strip_prefix(b"SMTP connection ")?, b"from ")?;
    let host = Host::parse(after).map(|(host, _)| host).unwrap_or_default();
    memmem::find(after, b" lost").map(|_| Line::Loss { host, kind: LossKind::Hangup, text })
}

/// SA-Exim: `SA: Action: flagged as Spam but accepted: score=8.2 … From <a> (host=name [address]) for b`
fn scanned<'a>(queue: &'a str, text: &'a [u8]) -> Option<Line<'a>> {
    let action = text.strip_prefix(b"SA: Action: ")?;
    let is_spam =
        [&b"flagged as Spam"[..], b"permanently rejected", b"silently tossed", b"temporarily rejected", b"teergrubed"];
    let kind = if is_spam.iter().any(|word| action.starts_with(word)) { TaintKind::Spam } else { TaintKind::Clean };
    let (_, rest) = split_at(action, b" From <").unwrap_or((b"", b""));
    let (sender, rest) = split_at(rest, b"> (host=").unwrap_or((b"", b""));
    let host = Host::parse(rest).map(|(host, _)| host).unwrap_or_default();
    Some(Line::Found { queue, host, sender: Some(sender).filter(|_| !rest.is_empty()), kind, text: action })
}

/// `plain authenticator failed for (helo) [address]:port: 535 Incorrect authentication data (set_id=joe)`
fn login(text: &[u8]) -> Option<Line<'_>> {
    let (method, rest) = split_at(text, b" authenticator failed for ")?;
    let (host, rest) = match Host::parse(rest) {
        Some(parsed) => parsed,
        None => (Host::default(), split_at(rest, b": ").map_or(&b""[..], |(before, _)| &rest[before.len()..])),
    };
    let (_, said) = split_at(rest, b": ").unwrap_or((b"", rest));
    // 4xx: the server could not look; the client did nothing wrong.
    if said.first() == Some(&b'4') {
        return Some(Line::Idle(Idle::Client));
    }
    let account = split_at(said, b" (set_id=").and_then(|(_, after)| {
        let end = memchr::memrchr(b')', after)?;
        Some(&after[..end]).filter(|account| !account.is_empty())
    });
    Some(Line::LoginFailed { host, method, account, text: said })
}
