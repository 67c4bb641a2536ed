//! Makes an encoded table of published files, as `embedded/derive` does for the tables in the program.
//!
//! `derive NAME DATE OUT FILE...`: the files, of one format, are read as if they were one (IPv4 and IPv6 come apart).
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a program of its own, not the library")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};

use origin::load;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, date, out, files @ ..] = arguments.as_slice() else { return Err("NAME DATE OUT FILE...".into()) };
    let mut input: Box<dyn Read> = Box::new(io::empty());
    for file in files {
        input = Box::new(input.chain(File::open(file)?));
    }
    let loaded = load::read(input, name, Some(date.parse()?))?;
    let encoded = loaded.table.encode()?;
    fs::write(out, &encoded)?;
    eprintln!("{}: {}; {} bytes", loaded.table.label(), loaded.notes, encoded.len());
    Ok(())
}
