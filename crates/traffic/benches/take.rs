//! What counting a sampled packet costs: `cargo bench -p traffic`. The hosts' activity follows a power law, so most packets
//! are of few hosts and most hosts have few packets, which is what tables are slow at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};

use divan::Bencher;
use divan::counter::ItemsCount;
use evidence::Time;
use fingerprint::Catalogue;
use sflow::{Flags, Packet};
use traffic::{Bounds, Date, Day, Ledger, Report, Sealed};

static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::embedded()));

const SAMPLES: usize = 3_500_000;

fn main() {
    divan::main();
}

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Ranks by a power law of exponent 1.
    fn rank(&mut self, of: f64) -> u32 {
        of.powf((self.next() >> 11) as f64 / (1u64 << 53) as f64) as u32
    }
}

#[derive(Clone, Copy)]
struct Sampled {
    source: (u32, u16),
    destination: (u32, u16),
    flags: u8,
    bytes: u16,
    hour: u8,
}

fn samples(clients: f64, servers: f64) -> Vec<Sampled> {
    let mut chance = Chance(1);
    (0..SAMPLES)
        .map(|index| {
            let client = chance.rank(clients).wrapping_mul(2_654_435_761);
            let server = chance.rank(servers).wrapping_mul(2_246_822_519) ^ 0x5555_5555;
            let (flags, bytes) = match chance.next() % 24 {
                0 => (Flags::SYN, 60),
                1 => (Flags::ACK | Flags::FIN, 40),
                2..=8 => (Flags::ACK, 40),
                9..=14 => (Flags::ACK | Flags::PSH, 90),
                _ => (Flags::ACK, 1500),
            };
            let hour = (index * 24 / SAMPLES) as u8;
            let (here, there) = ((client, 4000), (server, 25));
            let (source, destination) = if chance.next().is_multiple_of(2) { (here, there) } else { (there, here) };
            Sampled { source, destination, flags, bytes, hour }
        })
        .collect()
}

fn count(day: &mut Day, samples: &[Sampled]) {
    let socket = |(address, port): (u32, u16)| SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), port);
    let mut header = [0; 40];
    (header[0], header[8]) = (0x45, 100);
    for sampled in samples {
        let packet = Packet {
            source: socket(sampled.source),
            destination: socket(sampled.destination),
            flags: Flags(sampled.flags),
            bytes: sampled.bytes.into(),
            header: &header,
            source_as: None,
            destination_as: None,
            rate: 2048,
        };
        day.take(Time::from_micros(i64::from(sampled.hour) * 3_600_000_000), 2048, &packet);
    }
    day.settle();
}

fn day() -> Day {
    Day::new(Date(0), Bounds::DEFAULT, 7, CATALOGUE.clone())
}

/// Hosts of which most are seen seldom.
const POWER_LAW: (f64, f64) = (1_500_000.0, 500_000.0);

/// Into a new table, growth and first touch of memory included.
#[divan::bench(sample_count = 7, sample_size = 1, args = [POWER_LAW, (1_500_000.0, 1.0), (1_000.0, 1_000.0)])]
fn into_a_new_table(bencher: Bencher<'_, '_>, (clients, servers): (f64, f64)) {
    let samples = samples(clients, servers);
    bencher.counter(ItemsCount::new(SAMPLES)).with_inputs(day).bench_local_values(|mut day| {
        count(&mut day, &samples);
        day
    });
}

/// Into one that has all the hosts already.
#[divan::bench(sample_count = 7, sample_size = 1, args = [POWER_LAW, (1_500_000.0, 1.0), (1_000.0, 1_000.0)])]
fn into_a_full_table(bencher: Bencher<'_, '_>, (clients, servers): (f64, f64)) {
    let samples = samples(clients, servers);
    let mut day = day();
    count(&mut day, &samples);
    bencher.counter(ItemsCount::new(SAMPLES)).bench_local(|| count(&mut day, &samples));
}

/// A day to rows that are kept, and to a report.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn sealed_and_reported(bencher: Bencher<'_, '_>) {
    let mut day = day();
    count(&mut day, &samples(POWER_LAW.0, POWER_LAW.1));
    bencher.bench_local(|| {
        let mut ledger = Ledger::default();
        ledger.push(Sealed::of(&mut day));
        Report::of(&ledger, |_| evidence::Origin::default())
    });
}
