//! In which order a client gives its commands: which command follows which, and which follows a refusal.
//!
//! Each step from one command to the next is told once, so that the second message of a connection may tell something and
//! the third does not; how many recipients a message has is not told at all.

use evidence::End;

/// Most different steps told, of good answers and of refusals each. `+` stands for more.
const MAX_STEPS: usize = 48;

/// Commands that a message has as many of as it happens to have: that they follow themselves tells nothing.
const REPEATED: [&str; 2] = ["RCPT", "BDAT"];

/// The steps of one layer.
#[derive(Debug, Default)]
pub(super) struct Steps {
    last: Option<&'static str>,
    /// `4` or `5` when the last command was refused.
    refused: Option<u8>,
    good: Taken<(Option<&'static str>, &'static str)>,
    after_refusal: Taken<(&'static str, u8, &'static str)>,
}

/// Different steps, in the order in which they were first taken.
#[derive(Debug)]
struct Taken<T> {
    steps: Vec<T>,
    more: bool,
}

impl<T> Default for Taken<T> {
    fn default() -> Self {
        Self { steps: Vec::new(), more: false }
    }
}

impl<T: PartialEq> Taken<T> {
    fn take(&mut self, step: T) {
        if self.steps.contains(&step) {
            return;
        }
        match self.steps.len() < MAX_STEPS {
            true => self.steps.push(step),
            false => self.more = true,
        }
    }

    fn more(&self) -> &'static str {
        if self.more { ";+" } else { "" }
    }
}

impl Steps {
    pub(super) fn step(&mut self, command: &'static str) {
        match (self.last.replace(command), self.refused.take()) {
            (Some(last), Some(class)) => self.after_refusal.take((last, class, command)),
            (Some(last), None) if last == command && REPEATED.contains(&last) => {}
            (last, _) => self.good.take((last, command)),
        }
    }

    /// The first byte of the answer to the last command.
    pub(super) fn answered(&mut self, first: u8) {
        self.refused = matches!(first, b'4' | b'5').then_some(first);
    }

    /// How the client left, if it was the client who did.
    pub(super) fn end(&mut self, end: End) {
        match end {
            End::Closed | End::Reset => self.step("close"),
            End::Idle => self.step("silence"),
            _ => {}
        }
    }

    /// `order` and `errors`, as far as there is something to tell.
    pub(super) fn features(&self) -> Vec<String> {
        let mut features = Vec::new();
        if !self.good.steps.is_empty() {
            features.push(format!("order:{}{}", self.chains(), self.good.more()));
        }
        if !self.after_refusal.steps.is_empty() {
            let steps = self.after_refusal.steps.iter();
            let steps: Vec<_> =
                steps.map(|(last, class, next)| format!("{last} {} {next}", char::from(*class))).collect();
            features.push(format!("errors:{}{}", steps.join(";"), self.after_refusal.more()));
        }
        features
    }

    /// The steps, joined where one goes on from where the other ended: `EHLO MAIL RCPT DATA MAIL;DATA QUIT`.
    fn chains(&self) -> String {
        let mut text = String::new();
        let mut at = None;
        for (from, to) in &self.good.steps {
            if *from != at {
                text.push_str(if text.is_empty() { "" } else { ";" });
                text.push_str(from.unwrap_or_default());
            }
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(to);
            at = Some(*to);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `RCPT!5` is a command that is refused.
    fn told(commands: &str, end: End) -> Vec<String> {
        let mut steps = Steps::default();
        for command in commands.split(' ').filter(|command| !command.is_empty()) {
            let (word, class) = command.split_once('!').unwrap_or((command, "2"));
            steps.step(word.to_owned().leak());
            steps.answered(class.as_bytes()[0]);
        }
        steps.end(end);
        steps.features()
    }

    #[test]
    fn more_recipients_and_more_messages_than_two_tell_nothing_more() {
        let two = "EHLO MAIL RCPT DATA RSET MAIL RCPT RCPT DATA QUIT";
        let many = "EHLO MAIL RCPT RCPT RCPT DATA RSET MAIL RCPT DATA RSET MAIL RCPT DATA RSET MAIL RCPT DATA QUIT";
        assert_eq!(told(two, End::Quit), ["order:EHLO MAIL RCPT DATA RSET MAIL;DATA QUIT"]);
        assert_eq!(told(two, End::Quit), told(many, End::Quit));
    }

    #[test]
    fn what_follows_a_refusal_is_told_apart() {
        assert_eq!(
            told("EHLO AUTH!5 AUTH!5 AUTH!5 QUIT", End::Quit),
            ["order:EHLO AUTH", "errors:AUTH 5 AUTH;AUTH 5 QUIT"]
        );
        assert_eq!(told("MAIL RCPT!4 RCPT DATA", End::Closed), ["order:MAIL RCPT DATA close", "errors:RCPT 4 RCPT"]);
    }

    #[test]
    fn the_client_leaves_or_the_server_ends_it() {
        assert_eq!(told("EHLO", End::Closed), ["order:EHLO close"]);
        assert_eq!(told("EHLO", End::Idle), ["order:EHLO silence"]);
        assert_eq!(told("EHLO", End::Stopped), ["order:EHLO"]);
        assert_eq!(told("", End::Closed), ["order:close"]);
    }
}
