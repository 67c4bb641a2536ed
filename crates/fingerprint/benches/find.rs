//! What a SYN costs: reading it, finding its system, writing its signature. `cargo bench -p fingerprint`.

use std::hint::black_box;
use std::sync::LazyLock;

use divan::Bencher;
use fingerprint::{Catalogue, Syn};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::embedded);

fn main() {
    divan::main();
}

/// A SYN by way of IPv4, to port 25.
fn packet(ttl: u8, window: u16, options: &[u8]) -> Vec<u8> {
    let mut packet =
        vec![0x45, 0, 0, 40 + options.len() as u8, 0, 9, 0x40, 0, ttl, 6, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1];
    packet.extend([4, 1, 0, 25, 0, 0, 0, 1, 0, 0, 0, 0, (5 + options.len() as u8 / 4) << 4, 2]);
    packet.extend(window.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(options);
    packet
}

/// By the file that knows it: ours, pf.os, none.
fn packets() -> [Vec<u8>; 3] {
    [
        packet(51, 64240, &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7]),
        packet(113, 65535, &[2, 4, 5, 0xb4, 1, 1, 4, 2]),
        packet(51, 64241, &[2, 4, 5, 0xb4, 1, 3, 3, 7]),
    ]
}

#[divan::bench(args = [0, 1, 2])]
fn read(bencher: Bencher<'_, '_>, which: usize) {
    let packet = &packets()[which];
    bencher.bench(|| Syn::parse(black_box(packet)));
}

#[divan::bench(args = [0, 1, 2])]
fn find(bencher: Bencher<'_, '_>, which: usize) {
    let Ok(syn) = Syn::parse(&packets()[which]) else { return };
    bencher.bench(|| CATALOGUE.find(black_box(&syn)));
}

#[divan::bench(args = [0, 1, 2])]
fn write(bencher: Bencher<'_, '_>, which: usize) {
    let Ok(syn) = Syn::parse(&packets()[which]) else { return };
    bencher.bench(|| black_box(&syn).to_string());
}

#[divan::bench]
fn load() -> Catalogue {
    Catalogue::embedded()
}
