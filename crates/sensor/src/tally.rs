//! The sensor's counters.

use std::sync::atomic::{AtomicU64, Ordering};

use evidence::{Counter, Counters};

/// One number for each [`Counter`]; it starts at zero with the boot.
#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; Counter::ALL.len()]);

impl Tally {
    pub(crate) fn add(&self, counter: Counter, amount: u64) {
        self.0[counter as usize].fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn one(&self, counter: Counter) {
        self.add(counter, 1);
    }

    pub(crate) fn set(&self, counter: Counter, value: u64) {
        self.0[counter as usize].store(value, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Counters {
        Counters::of(|counter| self.0[counter as usize].load(Ordering::Relaxed))
    }
}
