//! A mail server that reads commands as Exim does: by the beginnings of lines, strict in what follows, and quick to hang up.
//!
//! What it counts: syntax and protocol errors, unknown commands, and commands that bring no mail forward.

mod option;
mod path;

use evidence::{End, Quirk};

use self::option::{Options, Taken, last_option};
use super::body::{self, Body, Chunk, Reading, Refusal};
use super::mail::Envelope;
use super::{Smtp, State, auth, note_oddities};
use crate::engine::{Cx, Step, Then};
use crate::line::Line;
use crate::persona::Replies;

/// What Exim remembers of a dialogue.
#[derive(Debug)]
pub(super) struct Progress {
    /// Whether the client said EHLO last, rather than HELO.
    esmtp: bool,
    greeted: bool,
    /// The first RSET of a message, and the first HELO or EHLO, count as bringing mail forward.
    free_reset: bool,
    free_greeting: bool,
    unknown: u32,
    /// Whether a wrong command between chunks has been given: nothing helps but RSET.
    only_rset: bool,
    /// Whether this command and the one before were a MAIL that was rejected, or a RCPT that might have been pipelined.
    mail_rejected: [bool; 2],
    recipient: [bool; 2],
    rejection: Rejection,
}

/// What RCPT commands of a message were answered.
#[derive(Debug, Default)]
enum Rejection {
    #[default]
    None,
    Same(Vec<u8>),
    Different,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            esmtp: false,
            greeted: false,
            free_reset: true,
            free_greeting: true,
            unknown: 0,
            only_rset: false,
            mail_rejected: [false; 2],
            recipient: [false; 2],
            rejection: Rejection::None,
        }
    }
}

/// Commands by the beginnings of their lines: whether they take an argument, and whether they bring mail forward.
const COMMANDS: [(&str, Word, bool, bool); 15] = [
    ("RSET", Word::Rset, false, false),
    ("HELO", Word::Helo, true, false),
    ("EHLO", Word::Ehlo, true, false),
    ("AUTH", Word::Auth, true, true),
    ("STARTTLS", Word::Starttls, false, false),
    ("MAIL FROM:", Word::Mail, true, true),
    ("RCPT TO:", Word::Rcpt, true, true),
    ("DATA", Word::Data, false, true),
    ("BDAT", Word::Bdat, true, true),
    ("QUIT", Word::Quit, false, true),
    ("NOOP", Word::Noop, true, false),
    ("ETRN", Word::Etrn, true, false),
    ("VRFY", Word::Vrfy, true, false),
    ("EXPN", Word::Expn, true, false),
    ("HELP", Word::Help, true, false),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Rset,
    Helo,
    Ehlo,
    Auth,
    Starttls,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Quit,
    Noop,
    Etrn,
    Vrfy,
    Expn,
    Help,
}

/// A command, its argument, and what the table says of it.
type Command<'a> = (Word, &'a [u8], bool, bool);

fn command(text: &[u8]) -> Option<Command<'_>> {
    COMMANDS.iter().find_map(|(name, word, takes, forward)| {
        let (head, rest) = text.split_at_checked(name.len())?;
        let ends = name.ends_with(':') || rest.first().is_none_or(|byte| *byte == b' ');
        let fits = head.eq_ignore_ascii_case(name.as_bytes()) && ends;
        fits.then(|| (*word, rest.trim_ascii_start(), *takes, *forward))
    })
}

impl Smtp {
    pub(super) fn exim(&mut self, cx: &mut Cx<'_>, line: &Line, used: usize) -> Step {
        let r = &self.persona(cx).replies;
        note_oddities(cx, line);
        self.exim.mail_rejected = [false, self.exim.mail_rejected[0]];
        self.exim.recipient = [false, self.exim.recipient[0]];
        let text = line.bytes.trim_ascii_end();
        if self.between_chunks() {
            return self.between(cx, r, text, used);
        }
        if line.bytes.contains(&0) {
            return self.fault(cx, &r.nul, &[], used);
        }
        let Some((word, argument, takes, forward)) = command(text).filter(|_| !line.cut) else {
            return self.unknown(cx, r, used);
        };
        if !forward && !self.is_free(word) {
            self.junk += 1;
            if self.junk > self.persona(cx).junk_limit {
                self.say(cx, &r.too_many_idle, &[]);
                return Step::used(used).then(Then::Close(End::Errors));
            }
        }
        if !takes && !argument.is_empty() {
            return self.fault(cx, &r.unexpected_argument, &[], used);
        }
        self.obey(cx, r, word, argument, line, used)
    }

    fn obey(&mut self, cx: &mut Cx<'_>, r: &Replies, word: Word, argument: &[u8], line: &Line, used: usize) -> Step {
        let unoffered = !self.exim.esmtp;
        match word {
            Word::Helo | Word::Ehlo => return self.exim_greeting(cx, r, word, argument, used),
            Word::Auth => return self.exim_auth(cx, r, line, argument, used),
            Word::Mail => return self.exim_mail(cx, r, argument, used),
            Word::Rcpt => return self.exim_rcpt(cx, r, argument, used),
            Word::Data if self.has_recipients() => {
                self.state = State::Data(Body::read_as(Reading::Exim));
                self.say(cx, &r.start_data, &[]);
            }
            Word::Data => return self.no_recipients(cx, r, "DATA", used),
            Word::Bdat if unoffered => return self.fault(cx, &r.bdat_unoffered, &[], used),
            Word::Bdat => return self.exim_bdat(cx, r, argument, used),
            Word::Quit => {
                self.say(cx, &r.bye, &[]);
                return Step::used(used).then(Then::Close(End::Quit));
            }
            Word::Rset => {
                self.exim_reset();
                self.exim.free_reset = false;
                self.say(cx, &r.rset_ok, &[]);
            }
            Word::Noop => self.say(cx, &r.ok, &[]),
            Word::Help => self.say(cx, &r.help, &[]),
            Word::Expn => self.say(cx, &r.expanded, &[]),
            Word::Etrn if self.envelope.is_some() => return self.fault(cx, &r.etrn_in_mail, &[], used),
            Word::Etrn => self.say(cx, &r.etrn_unavailable, &[]),
            Word::Starttls if self.offers_tls() && self.exim.esmtp => return self.begin_tls(cx, used),
            Word::Starttls => return self.fault(cx, &r.starttls_off, &[], used),
            Word::Vrfy => match path::parse(argument, false) {
                Err(words) => self.say(cx, &r.bad_verify, &[("error", &words)]),
                Ok(address) if !takes_unqualified(&address) => {
                    self.say(cx, &r.unqualified, &[("argument", argument), ("role", b"recipient")]);
                }
                Ok(_) => self.say(cx, &r.verified, &[]),
            },
        }
        Step::used(used)
    }

    fn is_free(&self, word: Word) -> bool {
        match word {
            Word::Rset => self.exim.free_reset,
            Word::Helo | Word::Ehlo => self.exim.free_greeting,
            Word::Starttls => true,
            _ => false,
        }
    }

    /// Answers an error that counts, and hangs up after too many.
    fn fault(&mut self, cx: &mut Cx<'_>, template: &str, values: &[(&str, &[u8])], used: usize) -> Step {
        let start = cx.reply.len();
        self.say(cx, template, values);
        self.errors += 1;
        let limit = self.persona(cx).hard_errors;
        if self.errors <= limit {
            return Step::used(used);
        }
        let code = cx.reply[start..start + 3].to_vec();
        cx.reply[start + 3] = b'-';
        self.say(cx, &self.persona(cx).replies.too_many_errors, &[("code", &code)]);
        if self.between_chunks() {
            self.say(cx, &self.persona(cx).replies.lost, &[]);
        }
        Step::used(used).then(Then::Close(End::Errors))
    }

    fn unknown(&mut self, cx: &mut Cx<'_>, r: &Replies, used: usize) -> Step {
        cx.quirk(Quirk::UnknownCommand);
        self.exim.unknown += 1;
        if self.exim.unknown > self.persona(cx).unknown_limit {
            self.say(cx, &r.too_many_unknown, &[]);
            return Step::used(used).then(Then::Close(End::Errors));
        }
        self.fault(cx, &r.unknown, &[], used)
    }

    fn exim_greeting(&mut self, cx: &mut Cx<'_>, r: &Replies, word: Word, name: &[u8], used: usize) -> Step {
        self.exim.free_greeting = false;
        if !is_greeting(name) {
            let word: &[u8] = if word == Word::Helo { b"HELO" } else { b"EHLO" };
            self.say(cx, &r.helo_syntax, &[("word", word)]);
            self.errors += 1;
            let over = self.errors > self.persona(cx).hard_errors;
            return Step::used(used).then(if over { Then::Close(End::Errors) } else { Then::Continue });
        }
        self.greeted(cx, name);
        self.exim_reset();
        self.exim.greeted = true;
        self.exim.esmtp = word == Word::Ehlo;
        match word {
            Word::Ehlo => self.say_ehlo(cx),
            _ => self.say(cx, &r.helo, &[]),
        }
        Step::used(used)
    }

    /// Forgets the transaction.
    pub(super) fn exim_reset(&mut self) {
        self.envelope = None;
        self.exim.rejection = Rejection::None;
        self.exim.only_rset = false;
    }

    /// A message was taken or refused: the next one begins.
    pub(super) fn exim_next_message(&mut self) {
        self.exim_reset();
        self.exim.free_reset = true;
        self.exim.free_greeting = true;
    }

    fn exim_auth(&mut self, cx: &mut Cx<'_>, r: &Replies, line: &Line, argument: &[u8], used: usize) -> Step {
        auth::hide_initial(cx, line);
        let end = argument.iter().position(u8::is_ascii_whitespace).unwrap_or(argument.len());
        let (mechanism, initial) = (&argument[..end], argument[end..].trim_ascii());
        let refused = match () {
            () if !self.exim.esmtp => &r.auth_unoffered,
            () if self.logged_in => &r.auth_again,
            () if self.envelope.is_some() => &r.in_mail,
            () if !self.persona(cx).offers_login(&String::from_utf8_lossy(mechanism)) => &r.auth_mechanism,
            () => {
                let initial = (!initial.is_empty()).then_some(initial);
                let delay = self.login(cx, mechanism, initial);
                return Step::used(used).delayed(delay);
            }
        };
        self.fault(cx, refused, &[("argument", mechanism)], used)
    }

    fn exim_mail(&mut self, cx: &mut Cx<'_>, r: &Replies, argument: &[u8], used: usize) -> Step {
        self.exim.mail_rejected[0] = true;
        if !self.exim.greeted {
            self.say(cx, &r.need_greeting, &[]);
            return Step::used(used);
        }
        if self.envelope.is_some() {
            return self.fault(cx, &r.nested_mail, &[], used);
        }
        if argument.is_empty() {
            return self.fault(cx, &r.no_address, &[("word", b"MAIL")], used);
        }
        self.exim.rejection = Rejection::None;
        let (mut text, mut options) = (argument, Options::default());
        while self.exim.esmtp {
            let Some((before, name, value)) = last_option(text) else { break };
            match options.take(name, value) {
                Taken::Yes => text = before,
                Taken::Last => {
                    text = before;
                    break;
                }
                Taken::No => break,
                Taken::Refused(why) => return self.fault(cx, why(r), &[], used),
            }
        }
        let address = match path::parse(text, true) {
            Ok(address) => address,
            Err(words) => return self.fault(cx, &r.bad_address, &[("argument", text), ("error", &words)], used),
        };
        if options.size > self.persona(cx).size_limit {
            self.say(cx, &r.announced_too_big, &[]);
            return Step::used(used);
        }
        if !address.qualified && !address.local.is_empty() {
            self.say(cx, &r.unqualified, &[("argument", text), ("role", b"sender")]);
            return Step::used(used);
        }
        self.exim.mail_rejected[0] = false;
        let parameters = argument[text.len().min(argument.len())..].trim_ascii();
        self.begin(cx, Envelope::new(bare(text), parameters), argument, text.contains(&b'<'));
        self.say(cx, if options.prdr { &r.prdr_ok } else { &r.sender_ok }, &[]);
        Step::used(used)
    }

    fn exim_rcpt(&mut self, cx: &mut Cx<'_>, r: &Replies, argument: &[u8], used: usize) -> Step {
        self.exim.recipient[0] = true;
        let start = cx.reply.len();
        let step = self.recipient(cx, r, argument, used);
        let said = cx.reply[start..].trim_ascii_end();
        self.exim.rejection = match std::mem::take(&mut self.exim.rejection) {
            Rejection::None => Rejection::Same(said.to_vec()),
            Rejection::Same(first) if first == said => Rejection::Same(first),
            _ => Rejection::Different,
        };
        step
    }

    fn recipient(&mut self, cx: &mut Cx<'_>, r: &Replies, argument: &[u8], used: usize) -> Step {
        let persona = self.persona(cx);
        if self.envelope.is_none() {
            if self.exim.esmtp && self.exim.mail_rejected[1] {
                self.exim.mail_rejected[0] = true;
                self.say(cx, &r.need_mail, &[]);
                return Step::used(used);
            }
            self.exim.recipient[0] = false;
            return self.fault(cx, &r.need_mail, &[], used);
        }
        if argument.is_empty() {
            return self.fault(cx, &r.no_address, &[("word", b"RCPT")], used);
        }
        let address = match path::parse(argument, false) {
            Ok(address) => address,
            Err(words) => return self.fault(cx, &r.bad_address, &[("argument", argument), ("error", &words)], used),
        };
        let local = address.local.strip_prefix(b"\"").unwrap_or(&address.local);
        let restricted = local.first().is_some_and(|first| persona.restricted_first.as_bytes().contains(first))
            || local.iter().any(|byte| persona.restricted.as_bytes().contains(byte))
            || local.windows(4).any(|window| window == b"/../");
        if !takes_unqualified(&address) {
            self.say(cx, &r.unqualified, &[("argument", argument), ("role", b"recipient")]);
        } else if restricted {
            self.say(cx, &r.restricted, &[]);
        } else if let Some(listed) = cx.refused_by_list() {
            self.say_listed(cx, r, &listed, argument);
        } else if self.add_recipient(cx, bare(argument), argument, argument.contains(&b'<')) {
            self.say(cx, &r.recipient_ok, &[]);
        } else {
            self.say(cx, &r.too_many_recipients, &[]);
        }
        Step::used(used)
    }

    fn no_recipients(&mut self, cx: &mut Cx<'_>, r: &Replies, word: &str, used: usize) -> Step {
        if let Rejection::Same(said) = &self.exim.rejection {
            // Words of an own message stand without their code, in as many lines as it has.
            let lines = said.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
            let words =
                lines.map(|line| line.strip_prefix(b"550").map_or(line, |words| words.get(1..).unwrap_or_default()));
            let said = words.collect::<Vec<_>>().join(&b"\r\n503-"[..]);
            self.say(cx, &r.all_rejected, &[("error", &said)]);
        }
        let word = ("word", word.as_bytes());
        if self.exim.esmtp && self.exim.recipient[1] {
            self.say(cx, &r.need_recipient_pipelined, &[word]);
            return Step::used(used);
        }
        self.fault(cx, &r.need_recipient, &[word], used)
    }

    fn exim_bdat(&mut self, cx: &mut Cx<'_>, r: &Replies, argument: &[u8], used: usize) -> Step {
        let digits = argument.strip_prefix(b"-").unwrap_or(argument);
        let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
        let number = std::str::from_utf8(&digits[..end]).ok().and_then(|digits| digits.parse::<u32>().ok());
        let Some(number) = number else { return self.fault(cx, &r.bdat_syntax, &[], used) };
        // It is read as a number without sign, in 32 bits.
        let size = if digits.len() < argument.len() { number.wrapping_neg() } else { number };
        let last = digits[end..].trim_ascii_start().eq_ignore_ascii_case(b"LAST");
        if !self.has_recipients() {
            let step = self.no_recipients(cx, r, "BDAT", used);
            if matches!(step.then, Then::Continue) && size > 0 {
                self.state = State::Chunk(Chunk::new(size.into(), last, Some(Refusal::Silent)));
            }
            return step;
        }
        self.begin_chunk(cx, size.into(), last, used)
    }

    fn between_chunks(&self) -> bool {
        self.envelope.as_ref().is_some_and(|envelope| envelope.chunks.is_some())
    }

    /// A command where only BDAT brings the message to its end.
    fn between(&mut self, cx: &mut Cx<'_>, r: &Replies, text: &[u8], used: usize) -> Step {
        match command(text).map(|(word, argument, ..)| (word, argument)) {
            Some((Word::Rset, _)) => {
                self.exim_reset();
                self.say(cx, &r.rset_ok, &[]);
            }
            _ if self.exim.only_rset => return self.fault(cx, &r.only_rset, &[], used),
            Some((Word::Bdat, argument)) => return self.exim_bdat(cx, r, argument, used),
            Some((Word::Noop, _)) => self.say(cx, &r.ok, &[]),
            Some((Word::Quit, _)) => {
                self.say(cx, &r.bye, &[]);
                self.say(cx, &r.lost, &[]);
                return Step::used(used).then(Then::Close(End::Quit));
            }
            _ => {
                self.exim.only_rset = true;
                return self.fault(cx, &r.data_after_chunk, &[], used);
            }
        }
        Step::used(used)
    }
}

/// How many bytes Exim counts in a message that came in chunks: each line with CR LF, and an empty line before a body
/// that has no header.
pub(super) fn counted_size(content: &[u8]) -> u64 {
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = first.iter().position(|byte| !byte.is_ascii_graphic() || *byte == b':').unwrap_or(first.len());
    let header = name > 0 && first.get(name) == Some(&b':');
    match content {
        [] => 2,
        _ => body::counted_size(content) + u64::from(!header),
    }
}

/// A host name or an address in brackets.
fn is_greeting(name: &[u8]) -> bool {
    let text = std::str::from_utf8(name).unwrap_or_default();
    if let Some(literal) = text.strip_prefix('[') {
        let address = literal.strip_suffix(']').unwrap_or_default();
        let v6 = address.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")).map(|_| &address[5..]);
        return address.parse::<std::net::IpAddr>().is_ok()
            || v6.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// Whether a recipient has a domain, or is the one that needs none.
fn takes_unqualified(address: &path::Address) -> bool {
    address.qualified || address.local.eq_ignore_ascii_case(b"postmaster")
}

/// The address without what stands around its brackets.
pub(super) fn bare(text: &[u8]) -> &[u8] {
    let inner = text.iter().position(|byte| *byte == b'<').map_or(text, |open| &text[open + 1..]);
    inner.iter().rposition(|byte| *byte == b'>').map_or(inner, |close| &inner[..close]).trim_ascii()
}
