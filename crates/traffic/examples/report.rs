//! Captures of sFlow to the report of spamHINTS, by one thread, to measure that with:
//! `cargo run --release -p traffic --example report -- FILE…`
//!
//! It decodes and counts as `spamtrail flow` does, and prints the report, without tables of origins and without coverage.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, reason = "this is a command")]

use std::error::Error;
use std::fs::File;
use std::sync::Arc;

use evidence::{Origin, Window};
use fingerprint::Catalogue;
use sflow::capture::{Capture, PORT};
use sflow::{Decoder, Ports, Reason};
use traffic::{Bounds, Coverage, Date, Day, Ledger, Report, Sealed, Text};

fn main() -> Result<(), Box<dyn Error>> {
    let catalogue = Arc::new(Catalogue::embedded());
    let mut decoder = Decoder::new(Ports::MAIL);
    let mut ledger = Ledger::default();
    for file in std::env::args().skip(1) {
        read(&file, &mut decoder, &mut ledger, &catalogue)?;
    }
    let (Some(first), Some(last)) = (ledger.dates().next(), ledger.dates().last()) else { return Ok(()) };
    let (window, report) =
        (Window { from: first.start(), until: last.start() }, Report::of(&ledger, |_| Origin::default()));
    print!("{}", Text { report: &report, window, coverage: &Coverage::default() });
    Ok(())
}

fn read(
    file: &str,
    decoder: &mut Decoder,
    ledger: &mut Ledger,
    catalogue: &Arc<Catalogue>,
) -> Result<(), Box<dyn Error>> {
    let mut capture = Capture::new(File::open(file)?, Some(PORT));
    let mut day: Option<Day> = None;
    while let Some(datagram) = capture.read()? {
        let date = Date::of(datagram.at);
        if day.as_ref().is_none_or(|day| day.date() < date) {
            let new = Day::new(date, Bounds::DEFAULT, 1, Arc::clone(catalogue));
            end(day.replace(new), ledger);
        }
        let Some(day) = &mut day else { continue };
        if datagram.is_short {
            decoder.note(datagram.exporter, Reason::UdpLength);
        }
        decoder.read(datagram.at, datagram.exporter, datagram.payload, |seen| {
            day.take(datagram.at, seen.scale, &seen.packet);
        });
    }
    end(day, ledger);
    Ok(())
}

fn end(day: Option<Day>, ledger: &mut Ledger) {
    if let Some(mut day) = day {
        ledger.add(Sealed::of(&mut day));
    }
}
