//! Detection on labelled logs: `cargo run --release -p findings --example evaluate -- FOLDER...`, where each folder has a
//! log and `truth.csv` (subject, place, kind, abused, diagnosis, start, end, ...).
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, reason = "a program of its own")]

#[path = "../tests/suite/evaluation.rs"]
mod evaluation;

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Instant, UNIX_EPOCH};

use evaluation::{Evaluation, Label};
use evidence::Time;
use findings::{Detector, Key, Room, Site, Thresholds, nowhere};
use maillog::{Reader, Source};

/// Names that a log may have.
const LOGS: [&str; 4] = ["mail.log", "mainlog", "main.log", "maillog"];

fn main() -> Result<(), Box<dyn Error>> {
    for folder in std::env::args().skip(1) {
        let folder = Path::new(&folder);
        let log = LOGS.iter().map(|name| folder.join(name)).find(|log| log.is_file()).ok_or("no log in the folder")?;
        let text = fs::read(&log)?;
        let written = fs::metadata(&log)?.modified()?.duration_since(UNIX_EPOCH)?;
        let near = Time::from_micros(i64::try_from(written.as_micros())?);
        let mut evaluation = Evaluation::new(detector()?, site()?, labels(&folder.join("truth.csv"))?);
        let mut reader = Reader::new(&Source::new(near, 7));
        for piece in text.chunks(1 << 18) {
            reader.feed(piece, |happening| evaluation.hear(happening));
        }
        reader.finish(|happening| evaluation.hear(happening));
        println!("{}\n{}", folder.display(), evaluation.judge().report());
        time(&text, near)?;
    }
    Ok(())
}

/// The provider of the laboratory.
fn site() -> Result<Site, Box<dyn Error>> {
    let customers = ["198.18.0.0/15".parse()?, "2001:db8:c000::/36".parse()?];
    let machines = ["198.51.100.0/24".parse()?, "2001:db8:25::/64".parse()?];
    Ok(Site::new(&customers, &machines, vec!["provider.example".parse()?]))
}

fn detector() -> Result<Detector, Box<dyn Error>> {
    Ok(Detector::new(site()?, Thresholds::default(), Room::default(), Key::new([7; 16])))
}

fn labels(path: &Path) -> Result<HashMap<String, Label>, Box<dyn Error>> {
    let mut labels = HashMap::new();
    for row in fs::read_to_string(path)?.lines().skip(1) {
        let [subject, place, kind, abused, _, start, ..] = row.split(',').collect::<Vec<_>>()[..] else {
            return Err(format!("no row of truth: {row}").into());
        };
        let start = (abused == "true").then(|| start.parse()).transpose()?;
        labels.insert(subject.to_owned(), Label { kind: kind.to_owned(), start, is_customer: place == "inside" });
    }
    Ok(labels)
}

/// Reading alone, and reading with detection.
fn time(text: &[u8], near: Time) -> Result<(), Box<dyn Error>> {
    let megabytes = text.len() as f64 / 1e6;
    let begun = Instant::now();
    let mut told = 0u64;
    let mut reader = Reader::new(&Source::new(near, 7));
    text.chunks(1 << 18).for_each(|piece| {
        reader.feed(piece, |happening| {
            told += 1;
            black_box(happening);
        });
    });
    let reading = begun.elapsed();
    let begun = Instant::now();
    let mut detector = detector()?;
    let mut reader = Reader::new(&Source::new(near, 7));
    text.chunks(1 << 18).for_each(|piece| reader.feed(piece, |happening| detector.hear(happening, &nowhere)));
    let both = begun.elapsed();
    println!(
        "{told} happenings of {megabytes:.0} MB: reading {:.0} MB/s, with detection {:.0} MB/s, {:.0} ns a happening; {} subjects, memory of {} bytes; {:?}",
        megabytes / reading.as_secs_f64(),
        megabytes / both.as_secs_f64(),
        (both.as_secs_f64() - reading.as_secs_f64()) * 1e9 / told as f64,
        detector.subjects(),
        detector.save().len(),
        detector.counters(),
    );
    Ok(())
}
