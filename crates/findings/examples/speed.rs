//! Reads logs with detection on, and prints how fast: `cargo run --release -p findings --example speed -- [--threads 2] FILE…`;
//! `-` is standard input.
//!
//! It is what the command `spamtrail maillog` does, without keeping anything. `crates/maillog/benches/beside-others` times it
//! beside pflogsumm and eximstats.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "an example is a program: it reads files and prints"
)]

#[path = "../../spamtrail/src/maillog/side_by_side.rs"]
mod side_by_side;

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::time::{Instant, UNIX_EPOCH};

use evidence::Time;
use findings::{Detector, Key, Room, Site, Thresholds, nowhere};
use maillog::{Reader, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let threads = match names.first().is_some_and(|name| name == "--threads") {
        true => names.drain(..2).next_back().and_then(|count| count.parse().ok()).ok_or("how many threads?")?,
        false => 1,
    };
    for name in names {
        let (input, near): (Box<dyn Read + Send>, _) = if name == "-" {
            (Box::new(io::stdin()), std::time::SystemTime::now())
        } else {
            let file = File::open(&name)?;
            let written = file.metadata()?.modified()?;
            (Box::new(file), written)
        };
        let near = Time::from_micros(i64::try_from(near.duration_since(UNIX_EPOCH)?.as_micros())?);
        let mut detector = Detector::new(site()?, Thresholds::default(), Room::default(), Key::new([7; 16]));
        let (mut reader, mut bytes, mut found, begun) = (Reader::new(&Source::new(near, 7)), 0, 0, Instant::now());
        let mut tell = |happening: &maillog::Happening<'_>| {
            detector.hear(happening, &nowhere);
            found += detector.changes().count();
        };
        side_by_side::read(input, threads, &mut reader, |piece| bytes += piece.len(), &mut tell)?;
        reader.finish(tell);
        let speed = bytes as f64 / 1e6 / begun.elapsed().as_secs_f64();
        println!(
            "{name}: {} lines, {} happenings, {found} changes of findings, {} subjects, {speed:.0} MB/s; peak memory {}",
            reader.tally().lines,
            detector.counters().heard,
            detector.subjects(),
            peak().unwrap_or_default()
        );
    }
    Ok(())
}

/// The provider of the laboratory.
fn site() -> Result<Site, Box<dyn Error>> {
    let customers = ["198.18.0.0/15".parse()?, "2001:db8:c000::/36".parse()?];
    let machines = ["198.51.100.0/24".parse()?, "2001:db8:25::/64".parse()?];
    Ok(Site::new(&customers, &machines, vec!["provider.example".parse()?]))
}

/// The most memory that this program had at a time, as the kernel tells it.
fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.trim_start_matches("VmHWM:").trim().to_owned())
}
