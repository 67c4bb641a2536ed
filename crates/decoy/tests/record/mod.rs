//! The record of a conversation, as a transcript ends with it.

use std::fmt::Write as _;

use evidence::shown;

use crate::{Outcome, escape};

pub(crate) fn record(outcome: &Outcome) -> String {
    let session = &outcome.session;
    let names = |quirks: evidence::Quirks| quirks.iter().map(|quirk| quirk.name()).collect::<Vec<_>>().join(" ");
    let mut text = format!("= end {}; path {}\n", session.end.name(), evidence::Protocol::path(&session.path));
    if !session.quirks.is_empty() {
        _ = writeln!(text, "= quirks {}", names(session.quirks));
    }
    if let Some(helo) = &session.helo {
        _ = writeln!(text, "= helo {}", shown(helo));
    }
    for request in &session.requests {
        let (verb, host) = (shown(&request.verb), shown(&request.target.host));
        _ = writeln!(text, "= request {verb} {host}:{} {}", request.target.port, request.answer.name());
    }
    for login in &session.logins {
        let (user, secret) = (shown(&login.user), shown(&login.secret));
        let refused = if login.accepted { "" } else { " refused" };
        _ = writeln!(text, "= login {} {} user {user} secret {secret}{refused}", login.protocol, login.mechanism);
        if let Some(challenge) = &login.challenge {
            _ = writeln!(text, "= challenge {}", shown(challenge));
        }
    }
    for tls in &session.tls {
        let ja4 = tls.client_hello().map_or("none".to_owned(), |hello| hello.ja4());
        _ = writeln!(text, "= tls {} {} ja4 {ja4}", tls.depth, shown(tls.handshake.text().as_bytes()));
    }
    if let Some(dialect) = &session.dialect {
        _ = writeln!(text, "= dialect {}", dialect.text);
    }
    _ = writeln!(
        text,
        "= commands {} messages {} recipients {} refused {} received {} sent {} cut {}",
        session.commands,
        session.messages,
        session.recipients,
        session.refused,
        session.received,
        session.sent,
        session.transcript.cut
    );
    for message in &outcome.messages {
        let recipients: Vec<_> = message.recipients.iter().map(|recipient| format!("<{}>", shown(recipient))).collect();
        _ = writeln!(
            text,
            "= message {} from <{}> to {} end {} quirks [{}]",
            message.ordinal,
            shown(&message.sender),
            recipients.join(" "),
            message.end_of_data.name(),
            names(message.quirks)
        );
        _ = writeln!(text, "= content {}", escape(&message.content));
    }
    text
}
