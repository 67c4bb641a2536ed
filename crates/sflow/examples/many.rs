//! Writes a capture of many made-up datagrams to standard output, to measure with: `many DATAGRAMS ONE_IN [VERSION]`. Each has
//! seven samples, of which one in so many is mail; a thousand datagrams a second.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "this is a command")]

#[path = "../tests/made/mod.rs"]
mod made;

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let arguments: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [datagrams, one_in, ref version @ ..] = arguments[..] else {
        eprintln!("usage: many DATAGRAMS ONE_IN [VERSION]");
        return Ok(());
    };
    let version = version.first().copied().unwrap_or(5);
    let mut out = io::BufWriter::new(io::stdout().lock());
    out.write_all(&made::pcap(&[]))?;
    for number in 0..datagrams {
        let datagram = made::datagram_of_seven(version, number, one_in);
        let record = made::pcap(&[(1_158_105_600_000_000 + i64::from(number) * 1000, made::frame(&datagram))]);
        out.write_all(&record[24..])?;
    }
    out.flush()
}
