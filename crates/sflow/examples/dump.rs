//! Prints the packets that captures of sFlow tell: `cargo run --example dump -p sflow -- [OPTION…] FILE…`
//!
//! * `--datagrams`: a line for each datagram as well: what was counted of it. `beside-others` compares these.
//! * `--count`: only what was counted and what is missing.
//! * `--ports 25,465,587`: the ports to tell packets of.
//! * `--udp PORT`: where the datagrams were sent, 6343 unless told; 0 is any.
//!
//! A file `-` is standard input.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, reason = "this is a command")]

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use sflow::capture::{Capture, PORT};
use sflow::{Counts, Decoder, Ports, Reason, Seen};

struct Wanted {
    datagrams: bool,
    packets: bool,
    ports: Ports,
    udp: Option<u16>,
    files: Vec<String>,
}

fn main() -> ExitCode {
    let Some(wanted) = wanted() else {
        eprintln!("usage: dump [--datagrams | --count] [--ports PORT,…] [--udp PORT] FILE…");
        return ExitCode::from(2);
    };
    let mut decoder = Decoder::new(wanted.ports);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut code = ExitCode::SUCCESS;
    for file in &wanted.files {
        if let Err(error) = dump(file, &wanted, &mut decoder, &mut out) {
            eprintln!("{file}: {error}");
            code = ExitCode::FAILURE;
        }
    }
    _ = sums(&decoder, &mut out);
    code
}

fn wanted() -> Option<Wanted> {
    let mut wanted = Wanted { datagrams: false, packets: true, ports: Ports::MAIL, udp: Some(PORT), files: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--datagrams" => wanted.datagrams = true,
            "--count" => wanted.packets = false,
            "--ports" => {
                let ports: Result<Vec<u16>, _> = arguments.next()?.split(',').map(str::parse).collect();
                wanted.ports = Ports::new(&ports.ok()?)?;
            }
            "--udp" => wanted.udp = Some(arguments.next()?.parse().ok()?).filter(|port| *port != 0),
            _ => wanted.files.push(argument),
        }
    }
    Some(wanted).filter(|wanted| !wanted.files.is_empty())
}

fn dump(
    file: &str,
    wanted: &Wanted,
    decoder: &mut Decoder,
    out: &mut impl Write,
) -> Result<(), Box<dyn std::error::Error>> {
    let input: Box<dyn Read> = if file == "-" { Box::new(io::stdin().lock()) } else { Box::new(File::open(file)?) };
    let mut capture = Capture::new(input, wanted.udp);
    let result = loop {
        let datagram = match capture.read() {
            Ok(Some(datagram)) => datagram,
            Ok(None) => break Ok(()),
            Err(fault) => break Err(fault),
        };
        let before = wanted.datagrams.then(|| counts(decoder));
        if datagram.is_short {
            decoder.note(datagram.exporter, Reason::UdpLength);
        }
        decoder.read(datagram.at, datagram.exporter, datagram.payload, |seen| {
            if wanted.packets {
                _ = packet(seen, out);
            }
        });
        if let Some(before) = before {
            let at = datagram.at;
            write!(out, "datagram\t{at}\t{}", datagram.exporter)?;
            difference(&counts(decoder), &before, out)?;
        }
    };
    let tally = capture.tally();
    writeln!(out, "capture\t{file}\t{tally:?}")?;
    Ok(result?)
}

/// Without the sums over agents and sources, for this is done for each datagram.
fn counts(decoder: &Decoder) -> Counts {
    decoder.exporters().fold(Counts::default(), |mut sum, (_, counts)| {
        sum += counts;
        sum
    })
}

fn packet(seen: &Seen<'_>, out: &mut impl Write) -> io::Result<()> {
    let packet = &seen.packet;
    let (at, agent, flags, bytes) = (seen.at, seen.agent, packet.flags.0, packet.bytes);
    let (source, destination) = (packet.source, packet.destination);
    let [source_as, destination_as] = [packet.source_as, packet.destination_as].map(Option::unwrap_or_default);
    let vlan = seen.vlan.map_or("-".into(), |vlan| vlan.to_string());
    let (rate, scale, header) = (packet.rate, seen.scale, packet.header.len());
    writeln!(
        out,
        "packet\t{at}\t{agent}\t{source}\t{destination}\t{flags}\t{bytes}\t{source_as}\t{destination_as}\t{vlan}\t{rate}\t{scale}\t{header}"
    )
}

fn difference(now: &Counts, before: &Counts, out: &mut impl Write) -> io::Result<()> {
    for ((name, now), (_, before)) in named(now).zip(named(before)) {
        if now != before {
            write!(out, "\t{name}={}", now - before)?;
        }
    }
    writeln!(out)
}

fn named(counts: &Counts) -> impl Iterator<Item = (&'static str, u64)> {
    let kinds = [
        ("datagrams", counts.datagrams),
        ("announced", counts.announced),
        ("flows", counts.flows),
        ("counters", counts.counters),
        ("discarded", counts.discarded),
        ("markers", counts.markers),
        ("markers_announced", counts.markers_announced),
        ("unknown", counts.unknown),
        ("lost", counts.lost),
        ("told", counts.told),
        ("told_of_cut", counts.told_of_cut),
        ("told_of_fields", counts.told_of_fields),
    ];
    let reasons: Vec<_> = counts.by_reason().map(|(reason, number)| (reason.name(), number)).collect();
    kinds.into_iter().chain(reasons)
}

fn sums(decoder: &Decoder, out: &mut impl Write) -> io::Result<()> {
    let coverage = decoder.coverage();
    write!(out, "all\t{} agents\t{} sources", coverage.agents, coverage.sources)?;
    difference(&coverage.counts, &Counts::default(), out)?;
    writeln!(
        out,
        "missing\t{} datagrams\t{} samples\t{} drops\t{} restarts\t{} rate changes",
        coverage.datagrams_lost, coverage.samples_lost, coverage.drops, coverage.restarts, coverage.rate_changes
    )?;
    out.flush()
}
