//! Sends the datagrams of a capture to a collector on this machine, over and over, at a rate, to see what it loses:
//! `cargo run --release -p sflow --example send -- FILE ADDRESS:PORT RATE SECONDS`
//!
//! Each millisecond a part of them goes out at once, as from a switch. What went out, and how fast it was, is printed. It sends to
//! the loopback and nowhere else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, reason = "this is a command")]

use std::error::Error;
use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use sflow::capture::{Capture, PORT};

/// Datagrams of the capture that are sent in turn: they stay in the cache of the processor.
const IN_TURN: usize = 2000;

const TICK: Duration = Duration::from_millis(1);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, to, rate, seconds] = &arguments[..] else {
        return Err("usage: send FILE ADDRESS:PORT RATE SECONDS".into());
    };
    let (to, rate, seconds): (SocketAddr, u64, u64) = (to.parse()?, rate.parse()?, seconds.parse()?);
    if !to.ip().is_loopback() {
        return Err("it sends to the loopback only".into());
    }
    let datagrams = datagrams(file)?;
    let socket = UdpSocket::bind((to.ip(), 0))?;
    socket.connect(to)?;
    let (begun, mut sent, mut in_turn) = (Instant::now(), 0, datagrams.iter().cycle());
    let end = rate * seconds;
    while sent < end {
        let due = (begun.elapsed().as_micros() as u64 * rate / 1_000_000).min(end);
        for datagram in in_turn.by_ref().take((due - sent) as usize) {
            // Refused when nobody listens any more; the collector says what it got.
            _ = socket.send(datagram);
        }
        sent = due;
        thread::sleep(TICK);
    }
    println!("{sent} sent, {:.0} a second", sent as f64 / begun.elapsed().as_secs_f64());
    Ok(())
}

fn datagrams(file: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut capture = Capture::new(File::open(file)?, Some(PORT));
    let mut datagrams = Vec::new();
    while let Some(datagram) = capture.read()? {
        datagrams.push(datagram.payload.to_vec());
        if datagrams.len() == IN_TURN {
            break;
        }
    }
    if datagrams.is_empty() { Err("there is no datagram in it".into()) } else { Ok(datagrams) }
}
