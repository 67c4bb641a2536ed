//! Lines of scanners beside a mail server: what they found in a message or of a client, and what they know that the server
//! does not log (the HELO name).

use memchr::memmem;

use crate::happening::{Client, TaintKind};
use crate::peer::ip;
use crate::policy;
use crate::scan::{bracketed, number, split, split_at, text, word};

/// A scanner's word on one message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict<'a> {
    /// Queue id of the server that asked; empty where the line has none.
    pub queue: &'a str,
    pub message_id: Option<&'a [u8]>,
    pub client: Client<'a>,
    pub sender: Option<&'a [u8]>,
    pub size: Option<u64>,
    /// `None` when it has no opinion (SPF neither passed nor failed).
    pub kind: Option<TaintKind>,
    /// Score, rules or the virus's name.
    pub text: &'a [u8],
}

/// Reads a line of a program that may be a scanner. `None` when it is none; a verdict of `None` when the line has no verdict.
pub(crate) fn read<'a>(program: &[u8], line: &'a [u8]) -> Option<Option<Verdict<'a>>> {
    Some(match program {
        b"policyd-spf" | b"policy-spf" => spf(line),
        b"amavis" | b"amavisd" | b"amavisd-new" => amavis(line),
        b"rspamd" => rspamd(line),
        b"MailScanner" => mailscanner(line),
        b"spamd" => spamd(line),
        b"clamav-milter" => clamav(line),
        policy::PROGRAM => policy::verdict(line),
        _ => return None,
    })
}

/// … that writes as a daemon of Postfix: `postfix/policyd-spf`.
pub(crate) fn beside_postfix<'a>(daemon: &[u8], line: &'a [u8]) -> Option<Option<Verdict<'a>>> {
    matches!(daemon, b"policyd-spf" | b"policy-spf").then(|| spf(line))
}

/// `prepend Received-SPF: Softfail (mailfrom) identity=mailfrom; client-ip=…; helo=…; envelope-from=…; receiver=…`, and
/// `550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see …;id=…;ip=…;r=…`
fn spf(line: &[u8]) -> Option<Verdict<'_>> {
    let mut verdict = Verdict { text: line, ..Verdict::default() };
    let rest = line.strip_prefix(b"prepend Received-SPF: ").unwrap_or(line);
    if let Some((_, fields)) = split_at(rest, b"identity=") {
        let (result, _) = word(rest);
        let result = result.strip_suffix(b";").unwrap_or(result);
        verdict.kind = (result.eq_ignore_ascii_case(b"fail")).then_some(TaintKind::SpfFail);
        verdict.client.address = field(fields, b"client-ip=").and_then(ip);
        verdict.client.helo = field(fields, b"helo=");
        verdict.sender = field(fields, b"envelope-from=");
        return verdict.client.address.is_some().then_some(verdict);
    }
    let at = memmem::find(line, b"SPF fail")?;
    let fields = &line[at..];
    verdict.kind = Some(TaintKind::SpfFail);
    verdict.client.address = field(fields, b";ip=").and_then(ip);
    verdict.sender = field(fields, b";id=");
    Some(verdict)
}

/// The value of a field up to `;`.
fn field<'a>(fields: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (_, value) = split_at(fields, name)?;
    Some(split(value, b';').map_or(value, |(value, _)| value))
}

/// `(77-01) Blocked SPAM {…}, [192.0.2.7]:1 [192.0.2.7] <a> -> <b>, Queue-ID: 1F, Message-ID: <c>, …, Hits: 25, size: 7, …`
fn amavis(line: &[u8]) -> Option<Verdict<'_>> {
    let (_, rest) = split_at(line, b") ")?;
    let passed = rest.starts_with(b"Passed ");
    if !passed && !rest.starts_with(b"Blocked ") {
        return None;
    }
    let rest = &rest[if passed { 7 } else { 8 }..];
    let (category, _) = word(rest);
    let kind = match category.strip_suffix(b",").unwrap_or(category) {
        b"INFECTED" => TaintKind::Virus,
        b"SPAM" | b"SPAMMY" => TaintKind::Spam,
        _ => TaintKind::Clean,
    };
    let client = split(rest, b'[').and_then(|(_, rest)| split(rest, b']')).and_then(|(address, rest)| {
        let port = rest.strip_prefix(b":").and_then(number).and_then(|(port, _)| u16::try_from(port).ok());
        Some(Client { address: Some(ip(address)?), port, ..Client::default() })
    });
    let sender = split_at(rest, b" -> <").and_then(|(before, _)| {
        let open = memchr::memrchr(b'<', before)?;
        before[open + 1..].strip_suffix(b">")
    });
    let helo = ["helo: ", "HELO: ", "helo="].iter().find_map(|name| item(rest, name.as_bytes()));
    Some(Verdict {
        queue: item(rest, b"Queue-ID: ").and_then(text).unwrap_or_default(),
        message_id: item(rest, b"Message-ID: ").map(unbracketed),
        client: Client { helo: helo.map(unbracketed), ..client.unwrap_or_default() },
        sender,
        size: item(rest, b"size: ").and_then(number).map(|(size, _)| size),
        kind: Some(kind),
        text: split_at(rest, b"}, ").map_or(rest, |(category, _)| category),
    })
}

/// The value of `, name: value,`.
fn item<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = memmem::find_iter(line, name).find(|&at| at >= 2 && &line[at - 2..at] == b", ")?;
    let value = &line[at + name.len()..];
    Some(split_at(value, b", ").map_or(value, |(value, _)| value))
}

fn unbracketed(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"<").and_then(|text| text.strip_suffix(b">")).unwrap_or(text)
}

/// `<f>; proxy; rspamd_task_write_log: id: <a>, qid: <1F>, ip: 192.0.2.7, user: joe, from: <b>, (default: T (reject):
/// [15.0/15.0] [BAYES_SPAM(5.1){100%;},…]), len: 7, …`
fn rspamd(line: &[u8]) -> Option<Verdict<'_>> {
    let (_, rest) = split_at(line, b"rspamd_task_write_log: ")?;
    let rest = rest.strip_prefix(b"id: ")?;
    let (id, rest) = bracketed(rest).or_else(|| split(rest, b','))?;
    let (fields, result) = split_at(rest, b"(default: ")?;
    let spam = result.first() == Some(&b'T');
    let action = split(result, b'(').and_then(|(_, rest)| split(rest, b')')).map_or(&b""[..], |(action, _)| action);
    let (score, symbols) = split_at(result, b"]), len: ").map_or((result, &b""[..]), |(before, _)| {
        split_at(before, b": ").map_or((before, before), |(_, score)| (score, score))
    });
    let kind = if [&b"VIRUS("[..], b"_VIRUS", b"MALWARE("].iter().any(|name| memmem::find(symbols, name).is_some()) {
        TaintKind::Virus
    } else if spam || matches!(action, b"reject" | b"add header" | b"rewrite subject" | b"quarantine" | b"discard") {
        TaintKind::Spam
    } else {
        TaintKind::Clean
    };
    let client = Client {
        address: item(fields, b"ip: ").and_then(|value| ip(value.trim_ascii_end().strip_suffix(b",").unwrap_or(value))),
        account: item(fields, b"user: "),
        ..Client::default()
    };
    Some(Verdict {
        queue: item(fields, b"qid: ").map(unbracketed).and_then(text).unwrap_or_default(),
        message_id: Some(id),
        client,
        sender: item(fields, b"from: ").map(unbracketed),
        size: split_at(result, b"]), len: ").and_then(|(_, rest)| number(rest)).map(|(size, _)| size),
        kind: Some(kind),
        text: score,
    })
}

/// `Message 4bsM5k4xJmz4rT6.A0B from 192.0.2.7 (a@b) to c is spam, SpamAssassin (…`, `Infected message 1F came from 192.0.2.7`
fn mailscanner(line: &[u8]) -> Option<Verdict<'_>> {
    let id = |id: &'_ [u8]| split(id, b'.').map_or(id.len(), |(id, _)| id.len());
    if let Some(rest) = line.strip_prefix(b"Infected message ") {
        let (queue, rest) = word(rest);
        let (address, _) = word(rest.strip_prefix(b"came from ")?);
        let client = Client { address: ip(address), ..Client::default() };
        let queue = text(&queue[..id(queue)])?;
        return Some(Verdict { queue, client, kind: Some(TaintKind::Virus), text: line, ..Verdict::default() });
    }
    let (queue, rest) = word(line.strip_prefix(b"Message ")?);
    let (address, rest) = word(rest.strip_prefix(b"from ")?);
    let (sender, rest) = split_at(rest.strip_prefix(b"(")?, b") to ")?;
    let (_, judged) = split_at(rest, b" is ")?;
    let kind = if judged.starts_with(b"spam") { TaintKind::Spam } else { TaintKind::Clean };
    Some(Verdict {
        queue: text(&queue[..id(queue)])?,
        client: Client { address: ip(address), ..Client::default() },
        sender: Some(sender),
        kind: Some(kind),
        text: judged,
        ..Verdict::default()
    })
}

/// `spamd: result: Y 25 - BAYES_99,… scantime=1.2,size=7,user=a,uid=1,…,mid=<b>,…`
fn spamd(line: &[u8]) -> Option<Verdict<'_>> {
    let rest = line.strip_prefix(b"spamd: ").unwrap_or(line).strip_prefix(b"result: ")?;
    let kind = if rest.first() == Some(&b'Y') { TaintKind::Spam } else { TaintKind::Clean };
    let (rules, fields) = split_at(rest, b" scantime=")?;
    let comma =
        |name: &[u8]| split_at(fields, name).map(|(_, value)| split(value, b',').map_or(value, |(value, _)| value));
    Some(Verdict {
        message_id: comma(b",mid=").map(unbracketed),
        size: comma(b",size=").and_then(number).map(|(size, _)| size),
        kind: Some(kind),
        text: rules,
        ..Verdict::default()
    })
}

/// `Message 1F from <a> to <b> infected by Eicar`
fn clamav(line: &[u8]) -> Option<Verdict<'_>> {
    let (queue, rest) = word(line.strip_prefix(b"Message ")?);
    let (before, name) = split_at(rest, b"infected by ")?;
    let sender = before.strip_prefix(b"from ").and_then(bracketed).map(|(sender, _)| sender);
    Some(Verdict { queue: text(queue)?, sender, kind: Some(TaintKind::Virus), text: name, ..Verdict::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(program: &str, line: &'static str) -> Verdict<'static> {
        read(program.as_bytes(), line.as_bytes()).expect("a scanner").expect("a verdict")
    }

    #[test]
    fn policyd_spf_tells_helo_for_mail_that_is_taken() {
        let line = "prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.7; helo=mx.example; \
                    envelope-from=a@example; receiver=<UNKNOWN>";
        let passed = verdict("policyd-spf", line);
        assert_eq!((passed.kind, passed.client.helo), (None, Some(&b"mx.example"[..])));
        assert_eq!((passed.client.address, passed.sender), ("192.0.2.7".parse().ok(), Some(&b"a@example"[..])));
        let line = "550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see \
                    http://www.openspf.net/Why?s=mfrom;id=a@example;ip=192.0.2.7;r=<UNKNOWN>";
        let failed = verdict("policyd-spf", line);
        assert_eq!((failed.kind, failed.sender), (Some(TaintKind::SpfFail), Some(&b"a@example"[..])));
        assert_eq!(failed.client.address, "192.0.2.7".parse().ok());
    }

    #[test]
    fn amavis_names_both_queue_ids_and_what_it_found() {
        let line = "(12345-01) Blocked INFECTED (Eicar-Test-Signature) {DiscardedInbound,Quarantined}, [192.0.2.7]:4711 \
                    [192.0.2.7] <a@example> -> <b@example.net>, quarantine: virus-x, Queue-ID: 4AF1D3E0, Message-ID: \
                    <c@example>, mail_id: x, Hits: -, size: 1234, 345 ms";
        let found = verdict("amavis", line);
        assert_eq!((found.queue, found.kind), ("4AF1D3E0", Some(TaintKind::Virus)));
        assert_eq!(found.text, b"INFECTED (Eicar-Test-Signature) {DiscardedInbound,Quarantined");
        assert_eq!((found.client.address, found.client.port), ("192.0.2.7".parse().ok(), Some(4711)));
        assert_eq!((found.sender, found.message_id), (Some(&b"a@example"[..]), Some(&b"c@example"[..])));
        assert_eq!(found.size, Some(1234));
        assert_eq!(read(b"amavis", b"(1-1) ESMTP :10024 /var/lib/amavis: <a> -> <b> SIZE=7"), Some(None));
    }

    #[test]
    fn rspamd_tells_action_and_symbols() {
        let line = "<f0a1b2>; proxy; rspamd_task_write_log: id: <c@example>, qid: <4AF1D3E0>, ip: 192.0.2.7, user: \
                    joe@example, from: <a@example>, (default: T (reject): [25.20/15.00] \
                    [BAYES_SPAM(5.10){100.00%;},R_SPF_FAIL(1.00){-all;}]), len: 1849, time: 87.3ms, dns req: 31";
        let found = verdict("rspamd", line);
        assert_eq!((found.queue, found.kind, found.size), ("4AF1D3E0", Some(TaintKind::Spam), Some(1849)));
        assert_eq!((found.client.address, found.client.account), ("192.0.2.7".parse().ok(), Some(&b"joe@example"[..])));
        assert_eq!((found.message_id, found.sender), (Some(&b"c@example"[..]), Some(&b"a@example"[..])));
        assert!(found.text.starts_with(b"[25.20/15.00] [BAYES_SPAM"));
    }

    #[test]
    fn other_scanners_are_read_as_far_as_they_judge() {
        let line =
            "Message 4bsM5k4xJmz4rT6.A1B2C from 192.0.2.7 (a@example) to example.net is spam, SpamAssassin (score=7.1";
        let found = verdict("MailScanner", line);
        assert_eq!((found.queue, found.kind), ("4bsM5k4xJmz4rT6", Some(TaintKind::Spam)));
        let line = "spamd: result: . 1 - HTML_MESSAGE scantime=0.3,size=1849,user=a,uid=1,mid=<c@example>,autolearn=no";
        let found = verdict("spamd", line);
        assert_eq!((found.kind, found.message_id), (Some(TaintKind::Clean), Some(&b"c@example"[..])));
        let found = verdict("clamav-milter", "Message 4AF1D3E0 from <a@example> to <b@example> infected by Eicar");
        assert_eq!((found.queue, found.kind, found.text), ("4AF1D3E0", Some(TaintKind::Virus), &b"Eicar"[..]));
        assert_eq!(read(b"cron", b"x"), None);
    }
}
