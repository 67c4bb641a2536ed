//! How the classes differ, clue by clue: shares as beta distributions, fitted to a simulated population by the example `fit`.
//! What holds in that population need not hold elsewhere, so the numbers are in one place and can be fitted anew.

mod table;

use crate::clue::{Clue, Share, Sight};
use crate::verdict::Class;

/// How much of what the clues add up to counts: they are not quite independent of each other, so their sum says too much.
const TEMPER: f64 = 1.0;

/// What a sight says of a class.
pub(crate) fn weight(class: Class, clue: Clue, sight: Sight) -> f64 {
    let (mean, alike) = table::SHARES[clue as usize][class as usize];
    TEMPER * Share { mean, alike }.weight(sight)
}

/// What all say of each class, with how common it is.
pub(crate) fn scores(sights: &[(Clue, Sight)]) -> [f64; Class::COUNT] {
    Class::ALL.map(|class| {
        let clues: f64 = sights.iter().map(|(clue, sight)| weight(class, *clue, *sight)).sum();
        table::PRIOR[class as usize].ln() + clues
    })
}
