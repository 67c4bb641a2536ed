//! Reads log files and prints what they tell, and how fast:
//! `cargo run --release -p maillog --example read -- [--happenings | --totals] [--threads 2] FILE…`.
//!
//! `--totals` prints sums as names and numbers, one a line, for `benches/beside-others`.
//! With several threads each reads a piece of the input ahead, and puts its lines together when its turn comes.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is a program: it reads files and prints"
)]

use std::sync::{Condvar, Mutex};
use std::time::Instant;

use evidence::Time;
use maillog::{Ahead, Happening, Kind, Period, Reader, Source};

/// Bytes that are read at once.
const PIECE: usize = 128 * 1024;

fn main() -> std::io::Result<()> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let show = names.first().is_some_and(|name| name == "--happenings");
    let sums = names.first().is_some_and(|name| name == "--totals");
    names.drain(..usize::from(show || sums));
    let threads = match names.first().is_some_and(|name| name == "--threads") {
        true => names.drain(..2).next_back().and_then(|count| count.parse().ok()).unwrap_or(1),
        false => 1,
    };
    for name in names {
        let input = std::fs::read(&name)?;
        let modified = std::fs::metadata(&name)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let source = Source::new(Time::from_micros(modified.as_micros() as i64), 7);
        if sums {
            print_totals(&input, &source);
            continue;
        }
        let (mut told, begun) = (0, Instant::now());
        let tell = |happening: &Happening<'_>| {
            told += 1;
            if show {
                println!("{} {} {:?}", happening.at, happening.host, happening.what);
            }
        };
        let reader =
            if threads > 1 { side_by_side(&input, &source, threads, tell) } else { alone(&input, &source, tell) };
        let seconds = begun.elapsed().as_secs_f64();
        let speed = input.len() as f64 / 1e6 / seconds;
        println!("{name}: {} lines, {told} happenings, {speed:.0} MB/s", reader.tally().lines);
        summary(&reader);
    }
    Ok(())
}

fn alone(input: &[u8], source: &Source, mut tell: impl FnMut(&Happening<'_>)) -> Reader {
    let mut reader = Reader::new(source);
    for piece in input.chunks(PIECE) {
        reader.feed(piece, &mut tell);
    }
    reader.finish(tell);
    reader
}

/// What is left of the input, with the number of the next piece; and the reader, with the number of the piece whose turn it is.
fn side_by_side(input: &[u8], source: &Source, threads: usize, tell: impl FnMut(&Happening<'_>) + Send) -> Reader {
    let left = Mutex::new((input, 0));
    let turn = Mutex::new((Reader::new(source), tell, 0));
    let next = Condvar::new();
    let work = || {
        loop {
            let (piece, number) = {
                let Ok(mut left) = left.lock() else { return };
                if left.0.is_empty() {
                    return;
                }
                // A piece ends with a line, unless one is longer than a piece.
                let end = left.0.len().min(PIECE);
                let end = memchr::memrchr(b'\n', &left.0[..end]).map_or(end, |at| at + 1);
                let (piece, after) = left.0.split_at(end);
                let number = left.1;
                *left = (after, number + 1);
                (piece, number)
            };
            let (ahead, rest) = Ahead::read(piece);
            let Ok(turn) = turn.lock() else { return };
            let Ok(mut turn) = next.wait_while(turn, |turn| turn.2 != number) else { return };
            let (reader, tell, now) = &mut *turn;
            reader.take(&ahead, &mut *tell);
            reader.feed(rest, &mut *tell);
            *now += 1;
            next.notify_all();
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    let (mut reader, tell, _) = turn.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    reader.finish(tell);
    reader
}

fn summary(reader: &Reader) {
    for kind in Kind::ALL {
        println!("  {:10} {}", kind.name(), reader.tally().count(kind));
        for sample in reader.tally().samples(kind) {
            println!("      {}", sample.escape_ascii());
        }
    }
    println!("  {:?}, {} open, {} bytes held", reader.counts(), reader.open(), reader.held());
}

fn print_totals(input: &[u8], source: &Source) {
    let mut reader = Reader::new(source);
    reader.sum_up(source);
    for piece in input.chunks(PIECE) {
        reader.feed(piece, |_| {});
    }
    reader.finish(|_| {});
    let Some(totals) = reader.totals() else { return };
    for (name, value) in [
        ("received", totals.received.messages),
        ("bytes received", totals.received.bytes),
        ("delivered", totals.delivered.messages),
        ("bytes delivered", totals.delivered.bytes),
        ("addresses", totals.addresses),
        ("forwarded", totals.forwarded),
        ("deferred", totals.deferred),
        ("deferrals", totals.deferrals),
        ("failed", totals.failed),
        ("failed messages", totals.failed_messages),
        ("rejected", totals.rejected),
        ("rejected for now", totals.rejected_for_now),
        ("reject warnings", totals.warned),
        ("held", totals.held),
        ("discarded", totals.discarded),
        ("senders", totals.senders.len() as u64),
        ("sender domains", totals.sender_domains.len() as u64),
        ("recipients", totals.recipients.len() as u64),
        ("recipient domains", totals.recipient_domains.len() as u64),
        ("clients", totals.clients.len() as u64),
        ("hosts", totals.hosts.len() as u64),
    ] {
        println!("{name}\t{value}");
    }
    for (transport, flow) in totals.transports.most() {
        println!("transport {}\t{}\t{}", transport.escape_ascii(), flow.messages, flow.bytes);
    }
    let row = |period: &Period| {
        let Period { received, delivered, deferred, failed, rejected } = period;
        format!("{received}\t{delivered}\t{deferred}\t{failed}\t{rejected}")
    };
    for (hour, period) in totals.hours.iter().enumerate() {
        println!("hour {hour:02}\t{}", row(period));
    }
    for (day, period) in &totals.days {
        let date = Time::from_micros(day * 86_400_000_000).to_string();
        println!("day {}\t{}", &date[..10], row(period));
    }
}
