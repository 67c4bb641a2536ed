//! Reads log files and prints what they tell, and how fast:
//! `cargo run --release -p maillog --example read -- [--happenings | --totals] [--threads 2] FILE…`.
//!
//! `--totals` prints sums as names and numbers, one a line, for `benches/beside-others`.
//! With several threads each reads a piece of the input ahead, and puts its lines together when its turn comes.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "an example is a program: it reads files and prints"
)]

#[path = "../../spamtrail/src/maillog/side_by_side.rs"]
mod side_by_side;

use std::fs::File;
use std::time::{Instant, UNIX_EPOCH};

use evidence::Time;
use maillog::{Happening, Kind, Period, Reader, Source, Totals};

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
        let input = File::open(&name)?;
        let modified = input.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let source = Source::new(Time::from_micros(modified.as_micros() as i64), 7);
        let (mut reader, mut bytes, mut told, begun) = (Reader::new(&source), 0, 0, Instant::now());
        if sums {
            reader.sum_up(&source);
        }
        let mut tell = |happening: &Happening<'_>| {
            told += 1;
            if show {
                println!("{} {} {:?}", happening.at, happening.host, happening.what);
            }
        };
        side_by_side::read(input, threads, &mut reader, |piece| bytes += piece.len(), &mut tell)?;
        reader.finish(tell);
        if let Some(totals) = reader.totals() {
            print_totals(totals);
            continue;
        }
        let speed = bytes as f64 / 1e6 / begun.elapsed().as_secs_f64();
        println!("{name}: {} lines, {told} happenings, {speed:.0} MB/s", reader.tally().lines);
        summary(&reader);
    }
    Ok(())
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

fn print_totals(totals: &Totals) {
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
