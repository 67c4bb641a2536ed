//! How many different destinations so many packets are expected to reach, by how these are chosen.

use crate::population::wire::{BEYOND, PROVIDERS};

/// Numbers of packets for which it is computed, each so many times the one before; between them it is taken as straight over
/// the logarithm.
const STEPS: usize = 36;
const STEP: f64 = 1.4;

/// Sizes of circles, in the same way.
const SIZES: usize = 22;
const SIZE_STEP: f64 = 1.55;
const SMALLEST: f64 = 3.0;

type Table = [f64; STEPS];

pub(crate) struct Distinct {
    providers: Table,
    population: Table,
    circles: Vec<Table>,
    /// How many servers there are.
    pub(crate) anybody: f64,
}

impl Distinct {
    /// `weights` are the shares of strangers' mail that the servers of the population get.
    pub(crate) fn new(weights: &[f64]) -> Self {
        let circles = (0..SIZES).map(|place| table(&ranks((SMALLEST * SIZE_STEP.powi(place as i32)) as usize)));
        Self {
            providers: table(&ranks(PROVIDERS as usize)),
            population: table(weights),
            circles: circles.collect(),
            anybody: BEYOND as f64 + weights.len() as f64,
        }
    }

    pub(crate) fn providers(&self, packets: f64) -> f64 {
        read(&self.providers, packets)
    }

    pub(crate) fn population(&self, packets: f64) -> f64 {
        read(&self.population, packets)
    }

    /// Of so many that are chosen by a power law.
    pub(crate) fn circle(&self, size: f64, packets: f64) -> f64 {
        let place = ((size / SMALLEST).ln() / SIZE_STEP.ln()).clamp(0.0, (SIZES - 1) as f64);
        let (below, part) = (place as usize, place.fract());
        let above = (below + 1).min(SIZES - 1);
        read(&self.circles[below], packets) * (1.0 - part) + read(&self.circles[above], packets) * part
    }

    /// Of so many that are chosen alike.
    pub(crate) fn alike(&self, size: f64, packets: f64) -> f64 {
        size * (1.0 - (1.0 - 1.0 / size).powf(packets))
    }
}

/// The shares of [`Chance::rank`](crate::population::chance::Chance::rank).
fn ranks(size: usize) -> Vec<f64> {
    let all = (size as f64 + 1.0).ln();
    (0..size).map(|place| ((place as f64 + 2.0) / (place as f64 + 1.0)).ln() / all).collect()
}

fn table(shares: &[f64]) -> Table {
    let all: f64 = shares.iter().sum();
    std::array::from_fn(|step| {
        let packets = STEP.powi(step as i32);
        shares.iter().map(|share| 1.0 - (1.0 - (share / all).min(1.0)).powf(packets)).sum()
    })
}

fn read(table: &Table, packets: f64) -> f64 {
    if packets <= 1.0 {
        return packets;
    }
    let place = (packets.ln() / STEP.ln()).min((STEPS - 1) as f64);
    let (below, part) = (place as usize, place.fract());
    let above = (below + 1).min(STEPS - 1);
    table[below] * (1.0 - part) + table[above] * part
}
