//! How commands are written, for the [`crate::dialect`].

use evidence::address;

use super::command::{self, Verb};
use super::{Smtp, path};
use crate::dialect::{self, Feature};
use crate::engine::Cx;
use crate::line::Line;

/// Most parameters of MAIL and RCPT that are told. `+` stands for more.
const MAX_PARAMETERS: usize = 6;

/// A command line: what stands before the word, the word, and so on.
struct Parts<'a> {
    before: &'a [u8],
    word: &'a [u8],
    gap: &'a [u8],
    argument: &'a [u8],
    after: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(text: &'a [u8]) -> Self {
        let (before, rest) = text.split_at(text.len() - text.trim_ascii_start().len());
        let (rest, after) = rest.split_at(rest.trim_ascii_end().len());
        let (word, argument) = command::split(rest);
        let gap = &rest[word.len()..rest.len() - argument.len()];
        Self { before, word, gap, argument, after }
    }

    /// The line with another argument.
    fn with(&self, argument: &str) -> String {
        let [before, gap, after] = [outer(self.before), dialect::blanks(self.gap), outer(self.after)];
        format!("{before}{}{gap}{argument}{after}", dialect::token(self.word))
    }
}

/// Blanks where none belong.
fn outer(run: &[u8]) -> String {
    match run {
        b" " => "_".to_owned(),
        _ => dialect::blanks(run),
    }
}

impl Smtp {
    /// Notes how a command is written, and that it is given.
    pub(super) fn note_command(&self, cx: &mut Cx<'_>, line: &Line, text: &[u8]) {
        let parts = Parts::of(text);
        let verb = Verb::parse(parts.word);
        let dialect = &mut cx.facts.dialect;
        // A line that is cut may have none.
        if !line.cut {
            dialect.note(Feature::Lines, line.end.name());
        }
        dialect.step(step(parts.word));
        match verb {
            Some(Verb::Helo | Verb::Ehlo) => {
                let kind = dialect::greeting(parts.argument, &self.host, cx.connection);
                dialect.note(Feature::Greeting, &parts.with(kind));
            }
            Some(Verb::Mail) => dialect.note(Feature::Mail, &parts.with(&address_form(parts.argument, b"FROM:"))),
            Some(Verb::Rcpt) => dialect.note(Feature::Rcpt, &parts.with(&address_form(parts.argument, b"TO:"))),
            Some(Verb::Auth) => dialect.note(Feature::Auth, &parts.with(&login_form(parts.argument))),
            None if !command::is_mail_word(parts.word) => {}
            _ => dialect.note(Feature::Commands, &parts.with(if parts.argument.is_empty() { "" } else { "x" })),
        }
    }

    /// Notes whose name a client greeted with, when it was not its own: told at the first recipient of a connection.
    pub(super) fn note_pose(&self, cx: &mut Cx<'_>, recipient: &[u8]) {
        let Some(helo) = &cx.facts.helo else { return };
        let is_domain_of = |mailbox: &[u8]| {
            address::domain(mailbox).is_some_and(|domain| helo.eq_ignore_ascii_case(domain.as_bytes()))
        };
        let sender = self.envelope.as_ref().map_or(&[][..], |envelope| envelope.sender());
        let pose = match () {
            () if is_domain_of(recipient) => "recipient",
            () if is_domain_of(sender) => "sender",
            () => return,
        };
        cx.facts.dialect.note(Feature::Poses, pose);
    }
}

/// The command as steps tell it: a word that mail clients know, in capitals; `?` for any other and `-` for none.
fn step(word: &[u8]) -> &'static str {
    match word {
        b"" => "-",
        _ => command::canonical(word).unwrap_or("?"),
    }
}

/// `FROM:<a> SIZE= BODY=8BITMIME`: the keyword as written, `a` for any address, and the names of the parameters.
fn address_form(argument: &[u8], keyword: &[u8]) -> String {
    let Some((head, rest)) =
        argument.split_at_checked(keyword.len()).filter(|(head, _)| head.eq_ignore_ascii_case(keyword))
    else {
        return if argument.is_empty() { "" } else { "?" }.to_owned();
    };
    let (gap, rest) = rest.split_at(rest.len() - rest.trim_ascii_start().len());
    let (token, parameters) = path::token(rest);
    let address = match path::parse(token) {
        _ if token.is_empty() => "",
        Some(path) if path.bracketed => "<a>",
        Some(_) => "a",
        None => "?",
    };
    let keyword = String::from_utf8_lossy(head);
    format!("{keyword}{}{address}{}", dialect::blanks(gap), parameters_form(parameters))
}

/// The names of parameters, each behind a blank. `BODY` has few values, and they are the client's choice.
fn parameters_form(parameters: &[u8]) -> String {
    let mut form = String::new();
    let words = parameters.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index == MAX_PARAMETERS {
            return form + " +";
        }
        let equals = word.iter().position(|byte| *byte == b'=');
        let (name, value) = word.split_at(equals.unwrap_or(word.len()));
        form.push(' ');
        form.push_str(dialect::token(name));
        form.push_str(if value.is_empty() { "" } else { "=" });
        if name.eq_ignore_ascii_case(b"BODY") && !value.is_empty() {
            form.push_str(dialect::token(&value[1..]));
        }
    }
    form
}

/// The mechanism as written, and whether a response comes with it.
fn login_form(argument: &[u8]) -> String {
    let mut words = argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mechanism = words.next().map_or("", dialect::mechanism);
    format!("{mechanism}{}", if words.next().is_some() { " initial" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_its_writing_and_loses_its_values() {
        let form = |line: &'static str| {
            let parts = Parts::of(line.as_bytes());
            parts.with(&address_form(parts.argument, b"FROM:"))
        };
        for (line, expected) in [
            ("MAIL FROM:<a@b>", "MAIL FROM:<a>"),
            ("MAIL FROM:<>", "MAIL FROM:<a>"),
            ("mail from: a@b", "mail from: a"),
            ("Mail  FROM:<a@b> SIZE=12 body=8BITMIME ", "Mail__FROM:<a> SIZE= body=8BITMIME_"),
            ("MAIL FROM:<a@b> X|Y=1 RET=HDRS SMTPUTF8", "MAIL FROM:<a> ?= RET= SMTPUTF8"),
            ("MAIL FROM:<a b@c>", "MAIL FROM:?"),
            ("MAIL", "MAIL"),
            ("MAIL a@b", "MAIL ?"),
            ("MAIL FROM:<a@b> a b c d e f g", "MAIL FROM:<a> a b c d e f +"),
        ] {
            assert_eq!(form(line), expected);
        }
    }

    #[test]
    fn steps_know_the_words_of_mail_clients() {
        assert_eq!((step(b"eHLO"), step(b"help"), step(b"foo"), step(b"")), ("EHLO", "HELP", "?", "-"));
    }

    #[test]
    fn a_login_has_a_mechanism_and_maybe_a_response() {
        assert_eq!((login_form(b"PLAIN AGE="), login_form(b"login")), ("PLAIN initial".into(), "login".into()));
        assert_eq!((login_form(b""), login_form(b"X")), (String::new(), "?".into()));
    }
}
