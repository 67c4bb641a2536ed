//! Reads log files and prints what they tell: `cargo run --release -p maillog --example read -- [--happenings] FILE…`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is a program: it reads files and prints"
)]

use std::time::Instant;

use evidence::Time;
use maillog::{Happening, Kind, Reader, Source};

fn main() -> std::io::Result<()> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let show = names.first().is_some_and(|name| name == "--happenings");
    names.drain(..usize::from(show));
    for name in names {
        let input = std::fs::read(&name)?;
        let modified = std::fs::metadata(&name)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let near = Time::from_micros(modified.as_micros() as i64);
        let mut reader = Reader::new(&Source::new(near, 7));
        let mut told = 0;
        let begun = Instant::now();
        let mut tell = |happening: &Happening<'_>| {
            told += 1;
            if show {
                println!("{} {} {:?}", happening.at, happening.host, happening.what);
            }
        };
        for piece in input.chunks(256 * 1024) {
            reader.feed(piece, &mut tell);
        }
        reader.finish(&mut tell);
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{name}: {} lines, {told} happenings, {:.0} MB/s",
            reader.tally().lines,
            input.len() as f64 / 1e6 / seconds
        );
        for kind in Kind::ALL {
            println!("  {:10} {}", kind.name(), reader.tally().count(kind));
            for sample in reader.tally().samples(kind) {
                println!("      {}", sample.escape_ascii());
            }
        }
        println!("  {:?}, {} open, {} bytes held", reader.counts(), reader.open(), reader.held());
    }
    Ok(())
}
