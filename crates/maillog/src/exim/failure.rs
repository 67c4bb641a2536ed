//! Why a delivery did not succeed, from Exim's words: after which command, and what the other side answered.

use memchr::memmem;

use crate::happening::Stage;
use crate::scan::{bracketed, enhanced, reply, split_at};

/// A failure, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure<'a> {
    pub(crate) stage: Stage,
    pub(crate) code: Option<u16>,
    pub(crate) enhanced: Option<[u16; 3]>,
    /// Of the other side, where it said something; else Exim's own.
    pub(crate) text: &'a [u8],
}

/// `SMTP error from remote mail server after pipelined RCPT TO:<a@b>: 550 5.1.1 no such user`, `Connection refused`, …
pub(crate) fn failure(text: &[u8]) -> Failure<'_> {
    for mark in MARKS {
        if let Some((_, doing)) = split_at(text, mark) {
            return after(doing, text);
        }
    }
    let says = |words: &[&[u8]]| words.iter().any(|word| memmem::find(text, word).is_some());
    let stage = if says(&UNREACHABLE) { Stage::Connect } else { Stage::Own };
    let (code, enhanced, _) = answer(text);
    Failure { stage, code, enhanced, text }
}

/// What stands before the command.
const MARKS: [&[u8]; 7] = [
    b" error from remote mail server after ",
    b" error from remote mailer after ",
    b"LMTP error after ",
    b" closed connection in response to ",
    b" reply in response to ",
    b"SMTP timeout after ",
    b"SMTP data timeout after ",
];

/// Words for a next hop that was not reached.
const UNREACHABLE: [&[u8]; 10] = [
    b"onnection refused",
    b"onnection timed out",
    b"onnection reset",
    b"No route to host",
    b"Network is unreachable",
    b"Network Error",
    b"retry time not reached for any host",
    b"all hosts ",
    b"TLS session",
    b"DANE error",
];

/// `RCPT TO:<a@b>: 550 no`
fn after<'a>(doing: &'a [u8], all: &'a [u8]) -> Failure<'a> {
    let doing = doing.strip_prefix(b"pipelined ").unwrap_or(doing);
    let doing = doing.strip_prefix(b"sending ").unwrap_or(doing);
    let stage = STAGES.iter().find(|(word, _)| doing.starts_with(word)).map_or(Stage::Unknown, |(_, stage)| *stage);
    // An address may have anything in it.
    let argument = memmem::find(doing, b":<").filter(|at| *at <= LONGEST_COMMAND).map(|at| &doing[at + 1..]);
    let rest = argument.and_then(bracketed).map_or(doing, |(_, rest)| rest);
    let Some((_, said)) = split_at(rest, b": ") else {
        return Failure { stage, code: None, enhanced: None, text: all };
    };
    // Before 4.80 the host stands there.
    let said = said.strip_prefix(b"host ").and_then(|host| split_at(host, b"]: ")).map_or(said, |(_, said)| said);
    let (code, enhanced, answered) = answer(said);
    Failure { stage, code, enhanced, text: if answered { said } else { all } }
}

/// `MAIL FROM`, `RCPT TO`.
const LONGEST_COMMAND: usize = 9;

const STAGES: [(&[u8], Stage); 14] = [
    (b"RCPT TO", Stage::RcptTo),
    (b"MAIL FROM", Stage::MailFrom),
    (b"end of data", Stage::EndOfData),
    (b"PRDR", Stage::EndOfData),
    (b"DATA", Stage::Data),
    (b"BDAT", Stage::EndOfData),
    (b"data block", Stage::EndOfData),
    (b"initial connection", Stage::Connect),
    (b"STARTTLS", Stage::Connect),
    (b"EHLO", Stage::Helo),
    (b"HELO", Stage::Helo),
    (b"LHLO", Stage::Helo),
    (b"AUTH", Stage::Helo),
    (b"RSET", Stage::MailFrom),
];

/// Code and enhanced code at the start of an answer, and whether there is one.
fn answer(said: &[u8]) -> (Option<u16>, Option<[u16; 3]>, bool) {
    let Some((code, rest)) = reply(said) else { return (None, None, false) };
    let rest = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b" ")).unwrap_or(rest);
    (Some(code), enhanced(rest).map(|(code, _)| code), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_word_and_the_answer_are_found_in_every_wording() {
        for (text, stage, code, enhanced, said) in [
            (
                "SMTP error from remote mail server after RCPT TO:<a@b>: 550 5.1.1 <a@b>: no",
                Stage::RcptTo,
                Some(550),
                Some([5, 1, 1]),
                "550 5.1.1 <a@b>: no",
            ),
            (
                "SMTP error from remote mail server after pipelined MAIL FROM:<a@b> SIZE=12: 452-4.3.1 full\\n452 x",
                Stage::MailFrom,
                Some(452),
                Some([4, 3, 1]),
                "452-4.3.1 full\\n452 x",
            ),
            (
                "SMTP error from remote mail server after RCPT TO:<\"x>: 250 ok\"@b>: 550 no",
                Stage::RcptTo,
                Some(550),
                None,
                "550 no",
            ),
            (
                "SMTP error from remote mailer after RCPT TO:<a@b>: host mx.b [192.0.2.7]: 550 no",
                Stage::RcptTo,
                Some(550),
                None,
                "550 no",
            ),
            (
                "SMTP error from remote mail server after initial connection: 421 busy",
                Stage::Connect,
                Some(421),
                None,
                "421 busy",
            ),
            (
                "SMTP error from remote mail server after end of data: 554 spam",
                Stage::EndOfData,
                Some(554),
                None,
                "554 spam",
            ),
            ("LMTP error after RCPT TO:<a@b>: 550 no", Stage::RcptTo, Some(550), None, "550 no"),
        ] {
            let found = failure(text.as_bytes());
            assert_eq!((found.stage, found.code, found.enhanced), (stage, code, enhanced), "{text}");
            assert_eq!(found.text, said.as_bytes(), "{text}");
        }
        for (text, stage) in [
            ("Connection refused", Stage::Connect),
            ("Connection timed out : SMTP timeout after RCPT TO:<b@x.y>", Stage::RcptTo),
            ("Remote host closed connection in response to EHLO mx.example", Stage::Helo),
            ("retry time not reached for any host for 'b'", Stage::Connect),
            ("Unrouteable address", Stage::Own),
            ("Unknown user", Stage::Own),
        ] {
            let found = failure(text.as_bytes());
            assert_eq!((found.stage, found.code, found.text), (stage, None, text.as_bytes()), "{text}");
        }
    }
}
