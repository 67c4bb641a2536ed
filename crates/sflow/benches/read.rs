//! What a sample costs: datagrams of seven, all of mail or one in fifty, of each version; and captures of them.
//! `cargo bench -p sflow`. Copying a datagram is in each figure, for reading wipes it.

#[path = "../tests/made/mod.rs"]
mod made;

use std::hint::black_box;
use std::net::IpAddr;

use divan::Bencher;
use divan::counter::ItemsCount;
use evidence::Time;
use sflow::capture::{Capture, PORT};
use sflow::{Decoder, Ports};

const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));
const DATAGRAMS: u32 = 1000;

fn main() {
    divan::main();
}

/// Version, and of how many samples one is mail.
const KINDS: [(u32, u32); 4] = [(5, 1), (5, 50), (4, 1), (4, 50)];

fn datagrams((version, one_in): (u32, u32)) -> Vec<Vec<u8>> {
    (0..DATAGRAMS).map(|number| made::datagram_of_seven(version, number, one_in)).collect()
}

#[divan::bench(args = KINDS)]
fn samples(bencher: Bencher<'_, '_>, kind: (u32, u32)) {
    let datagrams = datagrams(kind);
    let mut memory = vec![0; 1500];
    let mut decoder = Decoder::new(Ports::MAIL);
    bencher.counter(ItemsCount::new(DATAGRAMS * 7)).bench_local(|| {
        let mut told = 0;
        for datagram in &datagrams {
            let memory = &mut memory[..datagram.len()];
            memory.copy_from_slice(datagram);
            decoder.read(Time::default(), EXPORTER, memory, |seen| told += u32::from(black_box(seen).packet.flags.0));
        }
        told
    });
}

#[divan::bench(args = KINDS)]
fn copying_alone(bencher: Bencher<'_, '_>, kind: (u32, u32)) {
    let datagrams = datagrams(kind);
    let mut memory = vec![0; 1500];
    bencher.counter(ItemsCount::new(DATAGRAMS * 7)).bench_local(|| {
        for datagram in &datagrams {
            memory[..datagram.len()].copy_from_slice(datagram);
            black_box(&mut memory);
        }
    });
}

/// Without decoding: what a record of a capture costs.
#[divan::bench]
fn records_of_a_capture(bencher: Bencher<'_, '_>) {
    let frames: Vec<_> = datagrams((5, 1)).iter().map(|datagram| (0, made::frame(datagram))).collect();
    let bytes = made::pcap(&frames);
    bencher.counter(ItemsCount::new(DATAGRAMS)).bench_local(|| {
        let mut capture = Capture::new(&bytes[..], Some(PORT));
        let mut length = 0;
        while let Ok(Some(datagram)) = capture.read() {
            length += datagram.payload.len();
        }
        length
    });
}
