//! The column registry: one definition for each column of the lake.
//!
//! The schema, the head of a table, the name in an export, the reference page and the question who may see a column all
//! derive from the definition here; adding a column is one edit. Columns are only ever added: a name is never reused
//! for another meaning, so that old files stay readable.

mod connection;
mod content;
mod definition;
mod heartbeat;
mod maillog;
mod origin;
mod probe;
mod tls;
mod traffic;

use std::sync::LazyLock;

pub use self::heartbeat::HEARTBEATS;
pub use self::maillog::{COMPLAINTS, CUSTOMERS, FINDINGS};
pub use self::traffic::{TRAFFIC_ASES, TRAFFIC_COVERAGE, TRAFFIC_HOSTS, TRAFFIC_VERDICTS};
pub use content::CONTENTS;

use self::connection::connection_columns;
use crate::{
    Factors, Login, MessageRow, Protocol, Quirks, Request, SessionRow, Target, Turn, address, hex, sha256_hex, shown,
};

pub use self::definition::{Cell, Column, Exposure, Kind};

/// Columns of the table `sessions`: one row for each accepted connection.
pub static SESSIONS: LazyLock<Vec<Column<SessionRow>>> = LazyLock::new(|| {
    type Of = Column<SessionRow>;
    use Kind::*;
    let mut columns = connection_columns();
    columns.extend([
        Of::new("ended_at", Instant, "When the connection ended.", |r| Cell::Instant(r.session.ended_at)),
        Of::new("end", Text, "Why the connection ended.", |r| r.session.end.name().into()),
        Of::new(
            "path",
            Text,
            "The protocols spoken, outermost first, such as `S5>SMTP` or `TLS>HTTP>SMTP`; empty for none.",
            |r| Protocol::path(&r.session.path).into(),
        ),
        Of::new(
            "protocol",
            Text,
            "What the client spoke on the outer layer, TLS left out; null when nothing was understood.",
            |r| Protocol::outer(&r.session.path).map_or(Cell::Null, |protocol| protocol.label().into()),
        )
        .nullable(),
        Of::new("requests", Texts, "What proxies were asked for: verb, target and answer of each request.", |r| {
            Cell::Texts(r.session.requests.iter().map(request_text).collect())
        }),
        Of::new("logins", Texts, "Credentials offered: mechanism, user and answer; never the secret.", |r| {
            Cell::Texts(r.session.logins.iter().map(login_text).collect())
        })
        .personal(),
        Of::new("login_times", Integers, "When each of `logins` came, since 1970; as many as `logins`.", |r| {
            Cell::Integers(r.session.logins.iter().map(|login| login.at.micros()).collect())
        })
        .unit("µs")
        .nullable(),
        logins_column("login_protocols", "The protocol of each login.", |login| login.protocol.label().to_owned()),
        logins_column("login_mechanisms", "The mechanism of each login.", |login| login.mechanism.clone()),
        logins_column("login_users", "The user of each login.", |login| shown(&login.user)).personal(),
        logins_column("login_answers", "What each login was told: `accepted` or `refused`.", |login| {
            login_answer(login).to_owned()
        }),
        Of::new("login_lengths", Integers, "The length of each secret; -1 from older sensors.", |r| {
            let lengths = r.session.logins.iter().map(|login| login.length.map_or(-1, i64::from));
            Cell::Integers(lengths.collect())
        })
        .unit("B")
        .nullable(),
        logins_column(
            "login_secrets",
            "Each secret, sealed to the collector's operator, in hexadecimal digits; empty where there is none.",
            |login| login.sealed.as_ref().map_or_else(String::new, |sealed| hex(sealed)),
        )
        .personal(),
        Of::new("helo", Text, "The name in the last HELO or EHLO.", |r| peer_text(r.session.helo.as_deref()))
            .nullable(),
        Of::new("quirks", Texts, "Oddities of the client.", |r| quirk_names(r.session.quirks)),
        Of::new("bytes_received", Integer, "Bytes received.", |r| count(r.session.received)).unit("B"),
        Of::new("bytes_sent", Integer, "Bytes sent.", |r| count(r.session.sent)).unit("B"),
        Of::new("commands", Integer, "SMTP commands taken.", |r| count(r.session.commands)),
        Of::new("messages", Integer, "Messages accepted.", |r| count(r.session.messages.into())),
        Of::new("recipients", Integer, "Recipients of the accepted messages.", |r| count(r.session.recipients)),
        Of::new("refused", Integer, "Messages refused after their body came.", |r| count(r.session.refused.into())),
        Of::new(
            "input",
            Bytes,
            "What the client sent, up to a cap; message bodies are left out, passwords blotted out.",
            |r| Cell::Bytes(r.session.transcript.bytes().into()),
        )
        .personal(),
        Of::new(
            "input_turns",
            Texts,
            "When it came: `+µs bytes`, or `+µs body of message n: bytes`, of each arrival.",
            |r| Cell::Texts(r.session.transcript.turns.iter().map(turn_text).collect()),
        ),
        Of::new("input_cut", Integer, "Bytes received beyond the cap of `input`.", |r| count(r.session.transcript.cut))
            .unit("B"),
        Of::new("dialect", Text, "How the client spoke, feature by feature; null when nothing was understood.", |r| {
            r.session.dialect.as_ref().map_or(Cell::Null, |dialect| dialect.text.as_str().into())
        })
        .nullable(),
        Of::new("dialect_hash", Text, "The version of `dialect` and a digest of it: equal for equal software.", |r| {
            r.session.dialect.as_ref().map_or(Cell::Null, |dialect| dialect.hash().into())
        })
        .nullable(),
        Of::new(
            "pipelined",
            Boolean,
            "Whether a mail command or message came together with a command before it, unasked; null with `dialect`.",
            |r| r.session.dialect.as_ref().map_or(Cell::Null, |dialect| Cell::Boolean(dialect.pipelined)),
        )
        .nullable(),
    ]);
    columns.extend(tls::columns());
    columns.push(Of::new("received_at", Instant, "When the collector had this row.", |r| Cell::Instant(r.received_at)));
    columns
});

/// Columns of the table `messages`: one row for each accepted message.
pub static MESSAGES: LazyLock<Vec<Column<MessageRow>>> = LazyLock::new(|| {
    type Of = Column<MessageRow>;
    use Kind::*;
    let mut columns = vec![
        Of::new("accepted_at", Instant, "When the message was accepted (the end of its data).", |r| {
            Cell::Instant(r.message.accepted_at)
        }),
        Of::new("message_id", Text, "Sensor, boot, session number and ordinal; unique.", |r| {
            r.message.id().to_string().into()
        }),
        Of::new("ordinal", Integer, "Place in its session, from 0.", |r| count(r.message.ordinal.into())),
    ];
    columns.extend(connection_columns().into_iter().map(|column| match column.name {
        "accepted_at" => Column { name: "session_accepted_at", ..column },
        _ => column,
    }));
    columns.extend([
        Of::new("path", Text, "The protocols of the connection, outermost first.", |r| {
            Protocol::path(&r.message.path).into()
        }),
        Of::new("protocol", Text, "What the client spoke on the outer layer, TLS left out.", |r| {
            r.message.protocol().label().into()
        }),
        Of::new("protocol_bit", Integer, "The bit of `protocol` in sets: HTTP 1, SMTP 2, S4 4, S4a 8, S5 16.", |r| {
            count(r.message.protocol().bit().into())
        }),
        Of::new(
            "target",
            Text,
            "Where the innermost proxy was asked to go, `host:port`; null for the open relay.",
            |r| r.message.target.as_ref().map_or(Cell::Null, |target| target_text(target).into()),
        )
        .nullable(),
        Of::new("helo", Text, "The name in the last HELO or EHLO.", |r| peer_text(r.message.helo.as_deref()))
            .nullable(),
        Of::new("sender", Text, "The address of MAIL FROM; empty for the null sender.", |r| {
            shown(&r.message.sender).into()
        })
        .personal(),
        Of::new("sender_domain", Text, "The domain of `sender`; null when it has none.", |r| {
            address::domain(&r.message.sender).map_or(Cell::Null, Cell::from)
        })
        .nullable(),
        Of::new("parameters", Text, "The parameters of MAIL FROM.", |r| shown(&r.message.parameters).into()),
        Of::new("recipient_count", Integer, "Accepted RCPT TO.", |r| count(r.message.recipients.len() as u64)),
        Of::new("recipients", Texts, "The addresses of all accepted RCPT TO.", |r| {
            Cell::Texts(r.message.recipients.iter().map(|recipient| shown(recipient)).collect())
        })
        .personal(),
        Of::new(
            "recipient_domains",
            Texts,
            "The domains of the recipients, each once, the most frequent first; empty for addresses without one.",
            |r| Cell::Texts(r.recipient_domains().into_iter().map(|(domain, _)| domain).collect()),
        ),
        Of::new("recipient_domain_counts", Integers, "The number of recipients in each of `recipient_domains`.", |r| {
            Cell::Integers(r.recipient_domains().into_iter().map(|(_, recipients)| recipients).collect())
        }),
        Of::new("size", Integer, "Length of the content.", |r| count(r.message.content.len() as u64)).unit("B"),
        Of::new("sha256", Text, "Digest of the content, the key of the table `contents`.", |r| {
            sha256_hex(&r.sha256).into()
        }),
        Of::new("end_of_data", Text, "How the client ended the content.", |r| r.message.end_of_data.name().into()),
        Of::new("unstuffed", Texts, "Offsets of lines that lost a dot which the client had not doubled.", |r| {
            Cell::Texts(r.message.unstuffed.iter().map(u64::to_string).collect())
        }),
        Of::new("queue_id", Text, "The queue id that the answer named.", |r| r.message.queue_id.as_str().into()),
        Of::new("user", Text, "The user who had logged in; null for nobody.", |r| peer_text(r.message.user.as_deref()))
            .nullable()
            .personal(),
        Of::new("quirks", Texts, "Oddities of the message.", |r| quirk_names(r.message.quirks)),
        Of::new("received_at", Instant, "When the collector had this row.", |r| Cell::Instant(r.received_at)),
    ]);
    columns.extend(probe::columns());
    columns
});

fn count(number: u64) -> Cell<'static> {
    Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn peer_text(bytes: Option<&Vec<u8>>) -> Cell<'static> {
    bytes.map_or(Cell::Null, |bytes| shown(bytes).into())
}

fn quirk_names(quirks: Quirks) -> Cell<'static> {
    Cell::Texts(quirks.iter().map(|quirk| quirk.name().to_owned()).collect())
}

fn factor_names(factors: Factors) -> impl Iterator<Item = String> {
    factors.iter().map(|factor| factor.name().to_owned())
}

fn target_text(target: &Target) -> String {
    format!("{}:{}", shown(&target.host), target.port)
}

fn request_text(request: &Request) -> String {
    format!("{} {} {}", shown(&request.verb), target_text(&request.target), request.answer.name())
}

fn login_text(login: &Login) -> String {
    format!("{} {} {}", login.mechanism, shown(&login.user), login_answer(login))
}

const fn login_answer(login: &Login) -> &'static str {
    if login.accepted { "accepted" } else { "refused" }
}

/// A column with one text for each login, in the order of `logins`.
fn logins_column(name: &'static str, doc: &'static str, text: fn(&Login) -> String) -> Column<SessionRow> {
    Column::new(name, Kind::Texts, doc, move |r: &SessionRow| Cell::Texts(r.session.logins.iter().map(text).collect()))
        .nullable()
}

fn turn_text(turn: &Turn) -> String {
    match turn {
        Turn::Bytes { at, bytes } => format!("+{at} {}", bytes.len()),
        Turn::Body { at, message, length } => format!("+{at} body of message {message}: {length}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<R>(columns: &[Column<R>]) {
        for (index, column) in columns.iter().enumerate() {
            let snake = column.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            assert!(snake && !column.name.is_empty(), "{}", column.name);
            assert!(columns[..index].iter().all(|other| other.name != column.name), "{} twice", column.name);
            assert!(column.doc.ends_with('.'), "{}", column.name);
        }
    }

    #[test]
    fn names_are_unique_and_every_column_is_documented() {
        check(&SESSIONS);
        check(&MESSAGES);
        check(&CONTENTS);
        check(&HEARTBEATS);
        check(&TRAFFIC_HOSTS);
        check(&TRAFFIC_ASES);
        check(&TRAFFIC_VERDICTS);
        check(&TRAFFIC_COVERAGE);
    }
}
