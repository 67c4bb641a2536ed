//! A mail server that reads commands as Sendmail does: liberal in form, slower with each command that leads nowhere, and
//! strict with lone CR and LF in content.

mod path;

use std::collections::BTreeMap;
use std::time::Duration;

use evidence::{End, Quirk};

use super::body::{Body, Reading};
use super::command;
use super::mail::Envelope;
use super::{Delay, Smtp, State, auth, note_oddities};
use crate::engine::{Cx, Step, Then};
use crate::line::Line;
use crate::persona::Replies;

/// What Sendmail remembers of a dialogue.
#[derive(Debug, Default)]
pub(super) struct Progress {
    greeted: bool,
    /// Whether a command was given.
    begun: bool,
    /// By the name of its limit, how often a command was given.
    counts: BTreeMap<&'static str, u32>,
}

/// The longest pause before a reply, in powers of two of a second.
const MAX_PAUSE: u32 = 8;

/// Bytes of an unknown command that are shown: from its beginning and from its end.
const SHOWN: usize = 203;
const SHOWN_END: usize = 100;

/// Words of other protocols with which a first line betrays a client that was sent here by a proxy.
const FORBIDDEN: [&[u8]; 4] = [b"GET", b"POST", b"CONNECT", b"USER"];

impl Smtp {
    pub(super) fn sendmail(&mut self, cx: &mut Cx<'_>, line: &Line, used: usize) -> Step {
        let r = &self.persona(cx).replies;
        note_oddities(cx, line);
        if line.cut {
            self.say(cx, &r.long_line, &[]);
            return Step::used(used).then(Then::Close(End::Answered));
        }
        let text = line.bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let (word, argument) = command::split(text);
        let first = !std::mem::replace(&mut self.sendmail.begun, true);
        let step = Step::used(used);
        let delay = match word.to_ascii_uppercase().as_slice() {
            b"QUIT" => {
                self.say(cx, &r.bye, &[]);
                return step.then(Then::Close(End::Quit));
            }
            upper @ (b"HELO" | b"EHLO") => self.sendmail_greeting(cx, r, word, upper == b"EHLO", argument),
            b"MAIL" => self.sendmail_mail(cx, r, argument),
            b"RCPT" => self.sendmail_rcpt(cx, r, argument),
            b"DATA" => self.sendmail_data(cx, r),
            b"RSET" => {
                self.envelope = None;
                self.plain(cx, &r.rset_ok)
            }
            b"NOOP" => {
                self.say(cx, &r.ok, &[]);
                self.slowed(cx, "NOOP")
            }
            b"VERB" => self.plain(cx, &r.verbose),
            upper @ (b"VRFY" | b"EXPN") => self.sendmail_verify(cx, r, upper == b"EXPN", argument),
            b"ETRN" => {
                let template = if argument.is_empty() { &r.etrn_syntax } else { &r.etrn_ok };
                self.say(cx, template, &[("argument", argument)]);
                self.slowed(cx, "ETRN")
            }
            b"HELP" => self.sendmail_help(cx, r, argument),
            b"STARTTLS" if !argument.is_empty() => self.plain(cx, &r.starttls_syntax),
            b"STARTTLS" if !self.offers_tls() => self.plain(cx, &r.starttls_off),
            b"STARTTLS" if self.envelope.is_some() => self.plain(cx, &r.starttls_in_mail),
            b"STARTTLS" => return self.begin_tls(cx, used),
            b"AUTH" => self.sendmail_auth(cx, r, line, argument),
            upper if first && FORBIDDEN.contains(&upper) => {
                cx.quirk(Quirk::ForbiddenCommand);
                self.say(cx, &r.forbidden, &[]);
                return step.then(Then::Close(End::Answered));
            }
            b"SEND" | b"SAML" | b"SOML" | b"TURN" => return self.bad_command(cx, &r.not_implemented, text, used),
            _ => {
                cx.quirk(Quirk::UnknownCommand);
                return self.bad_command(cx, &r.unknown, text, used);
            }
        };
        step.delayed(delay)
    }

    fn plain(&self, cx: &mut Cx<'_>, template: &str) -> Delay {
        self.say(cx, template, &[]);
        None
    }

    fn argued(&self, cx: &mut Cx<'_>, template: &str, argument: &[u8]) -> Delay {
        self.say(cx, template, &[("argument", argument)]);
        None
    }

    /// How slow a command is that was given too often: each time twice as slow as before.
    fn slowed(&mut self, cx: &Cx<'_>, name: &'static str) -> Delay {
        let from = *self.persona(cx).slow_from.get(name)?;
        let count = self.sendmail.counts.entry(name).or_default();
        *count = count.saturating_add(1);
        let beyond = count.checked_sub(from)?;
        Some(Duration::from_secs(1 << beyond.min(MAX_PAUSE)))
    }

    fn bad_command(&mut self, cx: &mut Cx<'_>, template: &str, text: &[u8], used: usize) -> Step {
        self.errors += 1;
        if self.errors > self.persona(cx).hard_errors {
            self.say(cx, &self.persona(cx).replies.too_many_errors, &[]);
            return Step::used(used).then(Then::Close(End::Errors));
        }
        self.say(cx, template, &[("line", &seven_bit(&shortened(text)))]);
        Step::used(used)
    }

    fn sendmail_greeting(&mut self, cx: &mut Cx<'_>, r: &Replies, word: &[u8], extended: bool, name: &[u8]) -> Delay {
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"[].-_#:".contains(byte);
        if name.is_empty() {
            self.say(cx, &r.helo_syntax, &[("word", word)]);
        } else if !name.iter().all(good) {
            self.say(cx, &r.bad_helo, &[]);
        } else {
            self.greeted(cx, name);
            self.sendmail.greeted = true;
            if extended { self.say_ehlo(cx) } else { self.say(cx, &r.helo, &[]) }
        }
        self.slowed(cx, "HELO")
    }

    fn sendmail_mail(&mut self, cx: &mut Cx<'_>, r: &Replies, argument: &[u8]) -> Delay {
        if !self.sendmail.greeted {
            return self.plain(cx, &r.need_greeting);
        }
        if self.envelope.is_some() {
            return self.plain(cx, &r.nested_mail);
        }
        let rest = self.keyword(cx, r, argument, b"FROM")?;
        let (end, unbalanced) = path::end(rest);
        let (address, options) = (&rest[..end], rest[end..].trim_ascii());
        let bare = path::bare(address);
        if let Some(complaint) = unbalanced.or_else(|| path::complaint(&bare)) {
            return self.complain(cx, r, address, complaint);
        }
        if self.eight_bit(cx, r, address)
            || matches!(bare.first(), Some(b'|' | b'/')) && self.bad_sender(cx, r, address)
        {
            return None;
        }
        for option in options.split(u8::is_ascii_whitespace).filter(|option| !option.is_empty()) {
            let (name, value) = named(option);
            if let Some((template, value)) = mail_option(r, name, value) {
                self.say(cx, template, &[("word", &name.to_ascii_uppercase()), ("value", value)]);
                return None;
            }
        }
        if !bare.is_empty() && !path::leads_away(&bare) {
            self.say(cx, &r.domain_needed, &[("argument", address), ("bare", &bare)]);
            return None;
        }
        self.begin(cx, Envelope::new(super::exim::bare(address), options), argument, address.contains(&b'<'));
        self.argued(cx, &r.sender_ok, &seven_bit(address))
    }

    fn sendmail_rcpt(&mut self, cx: &mut Cx<'_>, r: &Replies, argument: &[u8]) -> Delay {
        if self.envelope.is_none() {
            return self.plain(cx, &r.need_mail);
        }
        let rest = self.keyword(cx, r, argument, b"TO")?;
        let (end, unbalanced) = path::end(rest);
        let (address, options) = (&rest[..end], rest[end..].trim_ascii());
        if self.eight_bit(cx, r, address) {
            return None;
        }
        let bare = path::bare(address);
        let null = bare.is_empty().then_some(("5.0.0", "User address required"));
        if let Some(complaint) = unbalanced.or(null).or_else(|| path::complaint(&bare)) {
            return self.complain(cx, r, address, complaint);
        }
        match bare.first() {
            Some(b'|') => return self.argued(cx, &r.programs, address),
            Some(b'/') => return self.argued(cx, &r.files, address),
            _ => {}
        }
        for option in options.split(u8::is_ascii_whitespace).filter(|option| !option.is_empty()) {
            let (name, value) = named(option);
            if let Some((template, value)) = recipient_option(r, name, value) {
                self.say(cx, template, &[("word", &name.to_ascii_uppercase()), ("value", value)]);
                return None;
            }
        }
        let shown = seven_bit(address);
        if let Some(listed) = cx.refused_by_list() {
            self.say_listed(cx, r, &listed, &shown);
            return None;
        }
        if !self.add_recipient(cx, super::exim::bare(address), argument, address.contains(&b'<')) {
            return self.plain(cx, &r.too_many_recipients);
        }
        let away = path::leads_away(&bare);
        self.argued(cx, if away { &r.recipient_ok } else { &r.local_recipient_ok }, &shown)
    }

    /// What follows `FROM:` or `TO:`; `None` when it was answered that this is not there.
    fn keyword<'t>(&self, cx: &mut Cx<'_>, r: &Replies, argument: &'t [u8], keyword: &[u8]) -> Option<&'t [u8]> {
        let end = argument.iter().position(|byte| *byte == b':' || byte.is_ascii_whitespace());
        let (word, rest) = argument.split_at(end.unwrap_or(argument.len()));
        let rest = rest.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii);
        let found = rest.filter(|rest| !rest.is_empty() && word.eq_ignore_ascii_case(keyword));
        if found.is_none() {
            self.say(cx, &r.bad_keyword, &[("word", word)]);
        }
        found
    }

    fn complain(&self, cx: &mut Cx<'_>, r: &Replies, address: &[u8], (code, words): path::Complaint) -> Delay {
        let address = seven_bit(address);
        let values = [("code", code.as_bytes()), ("argument", address.as_slice()), ("error", words.as_bytes())];
        self.say(cx, &r.bad_address, &values);
        None
    }

    /// Bytes that are control characters with an eighth bit stand in no address.
    fn eight_bit(&self, cx: &mut Cx<'_>, r: &Replies, address: &[u8]) -> bool {
        let found = address.iter().any(|byte| matches!(byte, 0x80..=0x9f));
        if found && std::str::from_utf8(address).is_err() {
            self.say(cx, &r.eight_bit, &[("argument", &seven_bit(address))]);
            return true;
        }
        false
    }

    fn bad_sender(&self, cx: &mut Cx<'_>, r: &Replies, address: &[u8]) -> bool {
        self.say(cx, &r.bad_sender, &[("argument", address)]);
        true
    }

    fn sendmail_data(&mut self, cx: &mut Cx<'_>, r: &Replies) -> Delay {
        match &self.envelope {
            None => self.plain(cx, &r.need_mail_for_data),
            Some(_) if !self.has_recipients() => self.plain(cx, &r.need_recipient),
            Some(_) => {
                self.state = State::Data(Body::read_as(Reading::Sendmail));
                self.plain(cx, &r.start_data)
            }
        }
    }

    fn sendmail_verify(&mut self, cx: &mut Cx<'_>, r: &Replies, expand: bool, argument: &[u8]) -> Delay {
        let delay = self.slowed(cx, "VRFY");
        let (_, unbalanced) = path::end(argument);
        let mut bare = path::bare(argument);
        let complaint = unbalanced.or_else(|| path::complaint(&bare));
        let template = match complaint {
            _ if !self.sendmail.greeted => &r.need_greeting_to_verify,
            _ if argument.is_empty() => &r.argument_needed,
            Some(complaint) => {
                self.complain(cx, r, argument, complaint);
                return delay;
            }
            None if !path::leads_away(&bare) => {
                // Words with blanks between them are a name with dots.
                bare = argument.iter().map(|byte| if *byte == b' ' { b'.' } else { *byte }).collect();
                &r.verified_local
            }
            None if expand => &r.expanded,
            None => &r.verified,
        };
        self.say(cx, template, &[("argument", &bare)]);
        delay
    }

    fn sendmail_help(&self, cx: &mut Cx<'_>, r: &Replies, argument: &[u8]) -> Delay {
        let topic = String::from_utf8_lossy(argument).to_ascii_lowercase();
        match self.persona(cx).help.get(&topic) {
            Some(text) => self.plain(cx, text),
            None => self.argued(cx, &r.help_unknown, &seven_bit(argument)),
        }
    }

    fn sendmail_auth(&mut self, cx: &mut Cx<'_>, r: &Replies, line: &Line, argument: &[u8]) -> Delay {
        auth::hide_initial(cx, line);
        let mut words = argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (mechanism, initial) = (words.next().unwrap_or_default(), words.next());
        match () {
            () if self.logged_in => self.plain(cx, &r.auth_again),
            () if self.envelope.is_some() => self.plain(cx, &r.in_mail),
            () if mechanism.is_empty() => self.plain(cx, &r.auth_syntax),
            () if !self.persona(cx).offers_login(&String::from_utf8_lossy(mechanism)) => {
                self.argued(cx, &r.auth_mechanism, mechanism)
            }
            () => self.login(cx, mechanism, initial),
        }
    }

    /// Content that breaks the rule of line ends ends the dialogue.
    pub(super) fn refuse_line_end(&mut self, cx: &mut Cx<'_>, cr: bool, used: usize) -> Step {
        let r = &self.persona(cx).replies;
        if !cr {
            cx.quirk(Quirk::BareLfData);
        }
        self.say(cx, if cr { &r.bare_cr } else { &r.bare_lf }, &[]);
        Step::used(used).then(Then::Close(End::Answered))
    }
}

/// Name and value of a parameter; a name ends at the first byte that none has.
fn named(option: &[u8]) -> (&[u8], Option<&[u8]>) {
    let end = option.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-').unwrap_or(option.len());
    (&option[..end], option[end..].strip_prefix(b"="))
}

/// What is wrong with a parameter of MAIL: the reply, and the value that it names.
fn mail_option<'a>(r: &'a Replies, name: &[u8], value: Option<&'a [u8]>) -> Option<(&'a str, &'a [u8])> {
    let is = |keyword: &str| name.eq_ignore_ascii_case(keyword.as_bytes());
    let among = |value: &[u8], words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
    match value {
        None if ["SIZE", "BODY", "RET", "ENVID"].into_iter().any(is) => Some((&r.value_needed, b"")),
        None if is("AUTH") => Some((&r.login_value_needed, b"")),
        Some(value) if is("BODY") && !among(value, &["8BITMIME", "7BIT"]) => Some((&r.bad_body, value)),
        Some(value) if is("RET") && !among(value, &["FULL", "HDRS"]) => Some((&r.bad_parameter, value)),
        Some(_) if ["SIZE", "BODY", "RET", "ENVID", "AUTH", "BY"].into_iter().any(is) => None,
        _ => Some((&r.unsupported_option, b"")),
    }
}

/// The same for RCPT.
fn recipient_option<'a>(r: &'a Replies, name: &[u8], value: Option<&'a [u8]>) -> Option<(&'a str, &'a [u8])> {
    let is = |keyword: &str| name.eq_ignore_ascii_case(keyword.as_bytes());
    match value {
        None if is("NOTIFY") || is("ORCPT") => Some((&r.value_needed, b"")),
        Some(value) if is("NOTIFY") => {
            let known = |word: &[u8]| {
                ["NEVER", "SUCCESS", "FAILURE", "DELAY"].iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
            };
            let wrong = value.split(|byte| *byte == b',').find(|word| !known(word));
            wrong.map(|word| (r.bad_recipient_parameter.as_str(), word))
        }
        Some(value) if is("ORCPT") => (!value.contains(&b';')).then_some((r.bad_orcpt.as_str(), value)),
        _ => Some((&r.unsupported_option, b"")),
    }
}

/// A long line as messages show it: beginning and end.
fn shortened(text: &[u8]) -> Vec<u8> {
    if text.len() < SHOWN {
        return text.to_vec();
    }
    [&text[..SHOWN_END], b"...", &text[text.len() - SHOWN_END..]].concat()
}

/// Replies have seven bits; what would be a control character then is not shown.
fn seven_bit(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if matches!(byte, 0x80..=0x9f | 0xff) { b'?' } else { byte & 0x7f }).collect()
}
