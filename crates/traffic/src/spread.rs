//! How many destinations a client has: each of them below a bound, a sketch of them beyond it.

use std::collections::BTreeSet;

use crate::code::{Reader, put, put_ascending};
use crate::key::fold;

/// Destinations of a host and day that are kept one by one; of a host with more a sketch is kept, whose error is some 6.5 %.
pub const LISTED: usize = 64;

/// Registers of a sketch.
const REGISTERS: usize = 256;

/// Destinations as they are kept for a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Marks, ascending.
    Each(Vec<u64>),
    /// The longest runs of zeros in hashes of marks (Flajolet), and of the networks.
    Sketch(Box<[[u8; REGISTERS]; 2]>),
}

impl Kept {
    /// Of ascending marks.
    pub(crate) fn of(marks: &[u64], network: u32) -> Self {
        if marks.len() <= LISTED {
            return Self::Each(marks.to_vec());
        }
        let mut sketch = [[0; REGISTERS]; 2];
        sketch_in(&mut sketch, marks.iter().copied(), network);
        Self::Sketch(Box::new(sketch))
    }

    pub(crate) fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::Each(marks) => {
                to.push(0);
                put_ascending(to, marks);
            }
            Self::Sketch(sketch) => {
                to.push(1);
                // Registers are small: two in a byte would save little beside what a busy host takes anyway.
                sketch.iter().flatten().for_each(|register| to.push(*register));
            }
        }
    }

    /// Steps over what [`Self::put`] wrote.
    pub(crate) fn pass(reader: &mut Reader<'_>) -> Option<()> {
        match reader.byte()? {
            0 => (0..reader.number()?).try_for_each(|_| reader.number().map(drop)),
            1 => reader.bytes(2 * REGISTERS).map(drop),
            _ => None,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.byte()? {
            0 => reader.ascending(LISTED).map(Self::Each),
            1 => {
                let mut sketch = [[0; REGISTERS]; 2];
                for registers in &mut sketch {
                    registers.copy_from_slice(reader.bytes(REGISTERS)?);
                }
                sketch.iter().flatten().all(|register| *register <= 64).then(|| Self::Sketch(Box::new(sketch)))
            }
            _ => None,
        }
    }
}

/// The destinations of several days together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    each: BTreeSet<u64>,
    sketch: Option<Box<[[u8; REGISTERS]; 2]>>,
    network: u32,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Count {
    pub addresses: f64,
    /// /24 of IPv4, /48 of IPv6.
    pub networks: f64,
    /// Whether each was counted, and nothing estimated.
    pub is_exact: bool,
}

impl Spread {
    pub(crate) fn new(network: u32) -> Self {
        Self { network, ..Self::default() }
    }

    pub(crate) fn add(&mut self, kept: &Kept) {
        match kept {
            Kept::Each(marks) => self.each.extend(marks),
            Kept::Sketch(more) => {
                let sketch = self.sketch.get_or_insert_with(|| Box::new([[0; REGISTERS]; 2]));
                for (mine, more) in sketch.iter_mut().flatten().zip(more.iter().flatten()) {
                    *mine = (*mine).max(*more);
                }
            }
        }
    }

    /// As it is kept for a day.
    pub(crate) fn kept(mut self) -> Kept {
        match self.sketch.take() {
            None => Kept::of(&self.each.into_iter().collect::<Vec<_>>(), self.network),
            Some(mut sketch) => {
                sketch_in(&mut sketch, self.each.iter().copied(), self.network);
                Kept::Sketch(sketch)
            }
        }
    }

    pub(crate) fn count(&self) -> Count {
        let Some(sketch) = &self.sketch else {
            let networks: BTreeSet<_> = self.each.iter().map(|mark| mark >> self.network).collect();
            return Count { addresses: self.each.len() as f64, networks: networks.len() as f64, is_exact: true };
        };
        let mut sketch = sketch.clone();
        sketch_in(&mut sketch, self.each.iter().copied(), self.network);
        let [addresses, networks] = sketch.map(|registers| estimate(&registers));
        Count { addresses, networks: networks.min(addresses), is_exact: false }
    }
}

fn sketch_in(sketch: &mut [[u8; REGISTERS]; 2], marks: impl Iterator<Item = u64>, network: u32) {
    for mark in marks {
        for (registers, number) in sketch.iter_mut().zip([mark, mark >> network]) {
            // Fixed: sketches of different days and runs must agree.
            let hash =
                fold(fold(number ^ 0x243f_6a88_85a3_08d3, 0x9e37_79b9_7f4a_7c15) ^ number, 0xd6e8_feb8_6659_fd93);
            let register = &mut registers[(hash & 0xff) as usize];
            *register = (*register).max(((hash >> 8) | 1 << 56).trailing_zeros() as u8 + 1);
        }
    }
}

/// HyperLogLog: where many registers are empty, their number says more than the others.
fn estimate(registers: &[u8; REGISTERS]) -> f64 {
    const M: f64 = REGISTERS as f64;
    let alpha = 0.7213 / (1.0 + 1.079 / M);
    let sum: f64 = registers.iter().map(|register| 0.5f64.powi((*register).into())).sum();
    let raw = alpha * M * M / sum;
    let empty = registers.iter().filter(|register| **register == 0).count();
    if raw <= 2.5 * M && empty > 0 { M * (M / empty as f64).ln() } else { raw }
}

/// Bytes of a number, for the head of what is kept.
pub(crate) fn put_len(to: &mut Vec<u8>, bytes: &[u8]) {
    put(to, bytes.len() as u64);
    to.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_destinations_are_counted_one_by_one_over_days() {
        let mut spread = Spread::new(8);
        spread.add(&Kept::of(&[1, 2, 300], 8));
        spread.add(&Kept::of(&[2, 301, 70_000], 8));
        assert_eq!(spread.count(), Count { addresses: 5.0, networks: 3.0, is_exact: true });
    }

    #[test]
    fn many_destinations_are_estimated_to_a_fifth_and_days_that_share_them_count_them_once() {
        for many in [65u64, 300, 1000, 20_000] {
            let marks: Vec<u64> = (0..many).map(|mark| mark * 256).collect();
            let mut spread = Spread::new(8);
            for _ in 0..3 {
                spread.add(&Kept::of(&marks, 8));
            }
            let count = spread.count();
            assert!((count.addresses / many as f64 - 1.0).abs() < 0.2, "{many}: {count:?}");
            assert!((count.networks / many as f64 - 1.0).abs() < 0.2 && !count.is_exact, "{many}: {count:?}");
        }
    }

    #[test]
    fn what_is_kept_is_read_back() {
        for marks in [vec![], vec![7], (0..64).collect(), (0..65).collect::<Vec<u64>>()] {
            let kept = Kept::of(&marks, 8);
            let mut bytes = Vec::new();
            kept.put(&mut bytes);
            let mut reader = Reader(&bytes);
            assert_eq!(Kept::read(&mut reader), Some(kept));
            assert!(reader.0.is_empty());
            assert_eq!(Kept::read(&mut Reader(&bytes[..bytes.len() - 1])), None);
        }
    }
}
