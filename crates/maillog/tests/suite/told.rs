//! Happenings as text, one a line, so that what a log tells can be read beside it.

use std::fmt::Write;

use maillog::{Ahead, Attempt, Client, Happening, Kept, Kind, Mail, Reader, Refusal, Source, What};

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A line for one happening.
fn line(happening: &Happening<'_>) -> String {
    let mut line = format!("{} @{}", happening.at, happening.offset);
    if !happening.host.is_empty() {
        _ = write!(line, " {}", happening.host);
    }
    line.push_str(&match &happening.what {
        What::Arrival(arrival) => {
            let count = arrival.recipients.map(|count| format!(" for {count}")).unwrap_or_default();
            format!(" arrival{}{count}", mail(&arrival.mail))
        }
        What::Attempt(told) => attempt(told),
        What::Refusal(told) => refusal(told),
        What::Taint(taint) => format!(" taint {:?}{}: {}", taint.kind, mail(&taint.mail), shown(taint.text)),
        What::LoginFailed(told) => format!(" login-failed{}", client(told)),
        What::Loss(loss) => format!(" loss {:?}{}", loss.kind, client(&loss.client)),
    });
    line
}

fn mail(mail: &Mail<'_>) -> String {
    let mut text = format!(" [{}]", mail.queue);
    if let Some(sender) = mail.sender {
        _ = write!(text, " from <{}>", shown(sender));
    }
    text.push_str(&client(&mail.client));
    if let Some(id) = mail.message_id {
        _ = write!(text, " id={}", shown(id));
    }
    if let Some(size) = mail.size {
        _ = write!(text, " size={size}");
    }
    if let Some(about) = mail.about {
        _ = write!(text, " about={about}");
    }
    if let Some(arrived) = mail.arrived {
        _ = write!(text, " arrived={arrived}");
    }
    text
}

fn client(client: &Client<'_>) -> String {
    let mut text = String::new();
    if let Some(address) = client.address {
        _ = write!(text, " by {address}");
    }
    if let Some(port) = client.port {
        _ = write!(text, " port={port}");
    }
    if let Some(name) = client.name {
        _ = write!(text, " name={name}");
    }
    if let Some(helo) = client.helo {
        _ = write!(text, " helo={}", shown(helo));
    }
    if let Some(account) = client.account {
        _ = write!(text, " account={}", shown(account));
    }
    text
}

fn attempt(told: &Attempt<'_>) -> String {
    let original = told.original.map(|original| format!(" was <{}>", shown(original))).unwrap_or_default();
    let first = if told.first { "first" } else { "again" };
    format!(
        " {:?} {first} <{}>{original} {:?} {:?} {:?} via {}{}: {}",
        told.fate,
        shown(told.recipient),
        told.stage,
        told.code,
        told.enhanced,
        told.relay.unwrap_or("-"),
        mail(&told.mail),
        shown(told.text)
    )
}

fn refusal(told: &Refusal<'_>) -> String {
    let address = |address: Option<&[u8]>| address.map_or_else(|| "-".to_owned(), |text| format!("<{}>", shown(text)));
    format!(
        " refused {:?} {:?} {:?} {} to {}{}: {}",
        told.stage,
        told.code,
        told.enhanced,
        address(told.sender),
        address(told.recipient),
        client(&told.client),
        shown(told.text)
    )
}

/// Everything that a log tells, given in these pieces, and how its lines are counted.
pub(crate) fn told<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    told_over(pieces, |reader, _| reader)
}

/// … given as lines that were read ahead, and kept until their piece ends; what has no end yet goes before the next piece.
pub(crate) fn told_ahead<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut input: Vec<Vec<u8>> = Vec::new();
    let mut left = Vec::new();
    for piece in pieces {
        left.extend_from_slice(piece);
        let whole = left.len() - Ahead::default().read(&left).1.len();
        input.push(left.drain(..whole).collect());
    }
    tell_all(|reader, tell| {
        let (mut memory, mut kept) = (Ahead::default(), Kept::default());
        for piece in &input {
            let (ahead, _) = memory.read(piece);
            reader.take(&ahead, |happening| kept.push(piece, happening));
            kept.tell(piece, tell);
            kept.clear();
            memory = ahead.forget();
        }
        reader.feed(&left, &mut *tell);
        reader.finish(tell);
    })
}

/// … and what is done to the reader after each piece.
pub(crate) fn told_over<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    between: impl Fn(Reader, &Source) -> Reader,
) -> String {
    let source = source();
    let mut text = String::new();
    let mut reader = Reader::new(&source);
    let mut tell = |happening: &Happening<'_>| _ = writeln!(text, "{}", line(happening));
    for piece in pieces {
        reader.feed(piece, &mut tell);
        reader = between(reader, &source);
    }
    reader.finish(&mut tell);
    text + &summed(&reader)
}

fn source() -> Source {
    Source::new("2026-11-25T00:00:00Z".parse().unwrap(), 7)
}

/// What a reader tells that is given its input so.
fn tell_all(give: impl FnOnce(&mut Reader, &mut dyn FnMut(&Happening<'_>))) -> String {
    let (mut reader, mut text) = (Reader::new(&source()), String::new());
    give(&mut reader, &mut |happening| _ = writeln!(text, "{}", line(happening)));
    text + &summed(&reader)
}

/// How lines were counted, and what became of messages.
fn summed(reader: &Reader) -> String {
    let (mut text, tally) = (String::new(), reader.tally());
    _ = writeln!(text, "lines {}", tally.lines);
    for kind in Kind::ALL.into_iter().filter(|kind| tally.count(*kind) > 0) {
        _ = writeln!(text, "{} {}", kind.name(), tally.count(kind));
        for sample in tally.samples(kind) {
            _ = writeln!(text, "  {}", shown(sample));
        }
    }
    _ = writeln!(text, "open {} {:?}", reader.open(), reader.counts());
    text
}
