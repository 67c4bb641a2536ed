//! How the classes differ, clue by clue: shares as beta distributions, fitted to a simulated population by the example `fit`.
//! What holds in that population need not hold elsewhere, so the numbers are in one place and can be fitted anew.
//!
//! Clues are not independent of each other, so their plain sum says too much or too little. How far each is trusted is
//! fitted too, as is how common the classes are: apart by how many samples there are of a host.

#[allow(clippy::approx_constant, reason = "what was fitted may look like any number")]
mod table;

use crate::clue::{Clue, Share, Sight};
use crate::features::Features;
use crate::verdict::Class;

/// On what footing a host is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footing {
    /// How many samples it sent, as a place among [`Footing::STEPS`].
    pub samples: usize,
    /// Whether the window has [`Footing::LONG`] days.
    pub is_long: bool,
    /// What stands behind a sample: 1, a measure that grows with its logarithm, and the square of it. Few samples are of a host
    /// that sends little where sampling is fine, and of one that sends much where it is coarse.
    pub behind: [f64; 3],
}

impl Footing {
    /// Samples from which on clues are trusted otherwise.
    pub const STEPS: [u64; 3] = [10, 20, 50];

    pub const COUNT: usize = Self::STEPS.len() + 1;

    /// Days from which on a window says who comes and goes.
    pub const LONG: u32 = 3;

    /// Finer and coarser sampling than the model was fitted to counts as the finest and the coarsest of it.
    const FITTED: (f64, f64) = (512.0, 16384.0);

    /// The rate at which the measure is zero.
    const MIDDLE: f64 = 2048.0;

    pub fn of(features: &Features) -> Self {
        let rate = features.place.behind_a_sample.clamp(Self::FITTED.0, Self::FITTED.1);
        let measure = 0.5 * (rate / Self::MIDDLE).log2();
        Self {
            samples: Self::STEPS.iter().filter(|step| features.sent >= **step).count(),
            is_long: features.window_days >= Self::LONG,
            behind: [1.0, measure, measure * measure],
        }
    }

    fn prior(self, class: Class) -> f64 {
        let of_days = table::PRIOR[self.samples][usize::from(self.is_long)][class as usize];
        of_days.iter().zip(self.behind).map(|(factor, measure)| factor * measure).sum()
    }

    /// What a sight says of a class.
    pub(crate) fn weight(self, class: Class, clue: Clue, sight: Sight) -> f64 {
        table::TRUST[self.samples][clue as usize] * share(class, clue).weight(sight)
    }

    /// What all say of each class, with how common it is.
    pub(crate) fn scores(self, sights: &[(Clue, Sight)]) -> [f64; Class::COUNT] {
        Class::ALL.map(|class| {
            let clues: f64 = sights.iter().map(|(clue, sight)| self.weight(class, *clue, *sight)).sum();
            self.prior(class) + clues
        })
    }
}

fn share(class: Class, clue: Clue) -> Share {
    let (mean, alike) = table::SHARES[clue as usize][class as usize];
    Share { mean, alike }
}
