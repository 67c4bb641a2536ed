//! What an answer costs, and what has to be paid before the first one: `cargo bench -p origin`.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use divan::Bencher;
use evidence::Time;
use origin::{Atlas, Table, embedded};

static ATLAS: LazyLock<Atlas> = LazyLock::new(|| Atlas::new(embedded()));
static AS_OF: LazyLock<Time> = LazyLock::new(|| "2026-11-23".parse().unwrap_or_default());

fn main() {
    divan::main();
}

#[divan::bench(sample_size = 10_000)]
fn look_up_ipv4(bencher: Bencher<'_, '_>) {
    let mut random = Random(7);
    look_up(bencher, move || Ipv4Addr::from((random.next() >> 32) as u32).into());
}

#[divan::bench(sample_size = 10_000)]
fn look_up_ipv6(bencher: Bencher<'_, '_>) {
    let mut random = Random(7);
    // 2000::/3 is what is given out, and 2400::/6 is where most of it is.
    look_up(bencher, move || {
        Ipv6Addr::from(u128::from(random.next() >> 6 | 0x2400 << 48) << 64 | u128::from(random.next())).into()
    });
}

#[divan::bench(sample_count = 20)]
fn decode_embedded() -> [Table; 2] {
    embedded()
}

#[divan::bench(sample_count = 20)]
fn build_atlas(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(embedded).bench_values(Atlas::new);
}

#[divan::bench(sample_count = 2)]
fn encode_embedded(bencher: Bencher<'_, '_>) {
    let [asn, country] = embedded();
    bencher.bench(|| (asn.encode().map(|bytes| bytes.len()), country.encode().map(|bytes| bytes.len())));
}

/// Another address each time, so that the caches are as cold as they are in use.
fn look_up(bencher: Bencher<'_, '_>, address: impl FnMut() -> IpAddr) {
    let (atlas, as_of) = (&*ATLAS, *AS_OF);
    bencher.with_inputs(address).bench_local_values(|address| atlas.lookup(black_box(address), as_of));
}

/// A sequence that looks random and is always the same (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
