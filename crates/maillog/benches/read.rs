//! What lines cost: read ahead, put together, both. `cargo bench -p maillog`. Beside pflogsumm and eximstats on one file:
//! `benches/beside-others FILE`.

use std::fmt::Write;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use evidence::Time;
use maillog::{Ahead, Reader, Source};

/// Bytes that are given at once.
const PIECE: usize = 128 * 1024;

fn main() {
    divan::main();
}

/// Messages of one log.
const MESSAGES: u64 = 20_000;

/// Time of a message, in seconds of the day.
fn clock(number: u64) -> String {
    let second = number * 86_400 / MESSAGES;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn postfix() -> Vec<u8> {
    let mut log = String::new();
    for number in 0..MESSAGES {
        let (at, id, host) = (clock(number), format!("{:010X}", 0x4A_0000_0000 + number * 4099), number % 251);
        let before = format!("Mar  2 {at} mx postfix");
        _ = writeln!(log, "{before}/smtpd[7]: connect from c{host}.example[192.0.2.{host}]");
        _ = writeln!(log, "{before}/smtpd[7]: {id}: client=c{host}.example[192.0.2.{host}]");
        _ = writeln!(log, "{before}/cleanup[8]: {id}: message-id=<{number}.{id}@c{host}.example>");
        _ = writeln!(
            log,
            "{before}/qmgr[9]: {id}: from=<a{host}@sender.example>, size={}, nrcpt=1 (queue active)",
            900 + host
        );
        _ = writeln!(
            log,
            "{before}/smtpd[7]: disconnect from c{host}.example[192.0.2.{host}] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"
        );
        let to = format!(
            "{before}/smtp[10]: {id}: to=<u{}@far.example>, relay=mx.far.example[203.0.113.4]:25, delay=1.2, delays=0.1/0/0.5/0.6",
            number % 4093
        );
        _ = match number % 10 {
            0 => writeln!(
                log,
                "{to}, dsn=5.1.1, status=bounced (host mx.far.example[203.0.113.4] said: 550 5.1.1 <x@far.example>: Recipient address rejected: User unknown (in reply to RCPT TO command))"
            ),
            1 => writeln!(
                log,
                "{to}, dsn=4.7.1, status=deferred (host mx.far.example[203.0.113.4] said: 450 4.7.1 Greylisted (in reply to RCPT TO command))"
            ),
            _ => writeln!(log, "{to}, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 77AB{number:06X})"),
        };
        if number % 10 != 1 {
            _ = writeln!(log, "{before}/qmgr[9]: {id}: removed");
        }
    }
    log.into_bytes()
}

fn exim() -> Vec<u8> {
    let mut log = String::new();
    for number in 0..MESSAGES {
        let (at, host) = (clock(number), number % 251);
        let before = format!("2026-03-02 {at} 1w{number:04}-00000000{:03}-0A", number % 997);
        _ = writeln!(
            log,
            "{before} <= a{host}@sender.example H=c{host}.example (helo{host}) [192.0.2.{host}] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no S={} id={number}@c{host}.example",
            900 + host
        );
        _ = match number % 10 {
            0 => writeln!(
                log,
                "{before} ** x@far.example R=dnslookup T=remote_smtp H=mx.far.example [203.0.113.4]: SMTP error from remote mail server after RCPT TO:<x@far.example>: 550 5.1.1 User unknown"
            ),
            _ => writeln!(
                log,
                "{before} => u{}@far.example R=dnslookup T=remote_smtp H=mx.far.example [203.0.113.4] X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=yes C=\"250 2.0.0 Ok: queued as 77AB{number:06X}\"",
                number % 4093
            ),
        };
        _ = writeln!(log, "{before} Completed");
    }
    log.into_bytes()
}

fn log(of: &str) -> Vec<u8> {
    if of == "postfix" { postfix() } else { exim() }
}

fn source() -> Source {
    Source::new(Time::from_micros(1_772_500_000_000_000), 7)
}

/// What a second processor can do for the first.
#[divan::bench(args = ["postfix", "exim"])]
fn read_ahead(bencher: Bencher<'_, '_>, of: &str) {
    let log = log(of);
    bencher.counter(BytesCount::of_slice(&log)).bench(|| {
        let mut rest = log.as_slice();
        while !rest.is_empty() {
            let piece = &rest[..rest.len().min(PIECE)];
            let (ahead, _) = Ahead::default().read(black_box(piece));
            rest = &rest[ahead.len()..];
        }
    });
}

/// The whole of it.
#[divan::bench(args = ["postfix", "exim"])]
fn feed(bencher: Bencher<'_, '_>, of: &str) {
    let log = log(of);
    bencher.counter(BytesCount::of_slice(&log)).bench(|| {
        let (mut reader, mut told) = (Reader::new(&source()), 0);
        for piece in log.chunks(PIECE) {
            reader.feed(black_box(piece), |_| told += 1);
        }
        told
    });
}
