//! Words for commands and answers of SMTP to where in the dialogue something ended.

use crate::happening::{Fate, Stage};
use crate::scan::{find, reply};

/// A command as servers write it: `RCPT`, `RCPT TO`, `end of DATA`, `END-OF-MESSAGE`, `initial connection`.
pub(crate) fn of_command(command: &[u8]) -> Stage {
    match command {
        b"CONNECT" | b"STARTTLS" | b"initial connection" | b"the initial server greeting" | b"connection" => {
            Stage::Connect
        }
        b"HELO" | b"EHLO" | b"LHLO" | b"EHLO or HELO" | b"AUTH" => Stage::Helo,
        b"MAIL" | b"MAIL FROM" => Stage::MailFrom,
        b"RCPT" | b"RCPT TO" | b"VRFY" | b"ETRN" => Stage::RcptTo,
        b"DATA" | b"BDAT" => Stage::Data,
        b"end of DATA" | b"END-OF-MESSAGE" | b"end of data" | b"END-OF-DATA" | b"." => Stage::EndOfData,
        _ if command.starts_with(b"end of data") || command.starts_with(b"message body") => Stage::EndOfData,
        _ => Stage::Unknown,
    }
}

/// Code and stage of a delivery that Postfix tells of, from what stands in its parentheses.
pub(crate) fn of_answer(relay: &[u8], text: &[u8], fate: Fate) -> (Option<u16>, Stage) {
    let dialogue = memchr::memchr(b'[', relay).is_some();
    if fate == Fate::Delivered {
        let code = if dialogue { reply(text).map(|(code, _)| code) } else { None };
        return (code, if dialogue { Stage::EndOfData } else { Stage::Own });
    }
    if let Some(at) = find(text, b" said: ") {
        let code = reply(&text[at + 7..]).map(|(code, _)| code);
        let (_, command) = crate::postfix::in_reply_to(text);
        return (code, of_command(command));
    }
    if let Some(at) = find(text, b" refused to talk to me: ") {
        return (reply(&text[at + 24..]).map(|(code, _)| code), Stage::Connect);
    }
    if let Some(at) = find(text, b" while ") {
        let doing = &text[at + 7..];
        let command = doing.strip_prefix(b"sending ").or_else(|| doing.strip_prefix(b"receiving ")).unwrap_or(doing);
        return (None, of_command(command));
    }
    if find(text, b"onnect to ").is_some() || find(text, b"timed out").is_some() {
        return (None, Stage::Connect);
    }
    (reply(text).map(|(code, _)| code), Stage::Own)
}
