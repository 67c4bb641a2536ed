//! How the connections of a kind of host go, in shares.

use super::talk::{Step, Talk, seen};
use crate::chance::Chance;

pub(crate) const SERVER: u16 = 0;
pub(crate) const GATEWAY: u16 = 1;
pub(crate) const LIST: u16 = 2;
pub(crate) const CLIENT: u16 = 3;
pub(crate) const MONITOR: u16 = 4;
pub(crate) const OFFICE: u16 = 5;
pub(crate) const SCATTERED: u16 = 6;
pub(crate) const RELAYED: u16 = 7;
pub(crate) const INJECTED: u16 = 8;
pub(crate) const FORGED: u16 = 9;
/// The first of those of bots.
pub(crate) const BOTS: u16 = 10;

/// The shares of failing connects of bots: 45 in 100 on average.
pub(crate) const BOTS_FAIL: [f64; 5] = [0.30, 0.38, 0.45, 0.52, 0.60];

/// Of what fails, that much finds nobody; the rest is refused.
const NOBODY: f64 = 0.75;

/// Shares of talks.
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    pub(crate) talks: Vec<(Talk, f64)>,
    /// The probability that any packet of a connection is sampled, over all, and for each talk up to it.
    pub(crate) seen: f64,
    until: Vec<f64>,
}

impl Mix {
    fn new(talks: &[(Talk, f64)], all: &Talks, rate: u32) -> Self {
        let mut so_far = 0.0;
        let until: Vec<_> = talks
            .iter()
            .map(|(talk, share)| {
                so_far += share * seen(all.slots(*talk), rate);
                so_far
            })
            .collect();
        Self { talks: talks.to_vec(), seen: so_far, until }
    }

    /// The talk of a connection of which a packet is sampled.
    pub(crate) fn talk(&self, chance: &mut Chance) -> Talk {
        let at = chance.unit() * self.seen;
        let place = self.until.partition_point(|until| *until <= at).min(self.talks.len() - 1);
        self.talks[place].0
    }
}

/// All talks, packet by packet.
pub(crate) struct Talks {
    steps: Vec<Vec<Step>>,
    /// Whether packets can be sampled where they leave, too.
    twice: bool,
}

impl Talks {
    pub(crate) fn new(twice: bool) -> Self {
        Self { steps: Talk::ALL.into_iter().map(Talk::steps).collect(), twice }
    }

    pub(crate) fn steps(&self, talk: Talk) -> &[Step] {
        &self.steps[talk as usize]
    }

    /// How often a packet of it can be sampled.
    pub(crate) fn slots(&self, talk: Talk) -> usize {
        self.steps(talk).len() * if self.twice { 2 } else { 1 }
    }

    /// All mixes, in the order of their numbers.
    pub(crate) fn mixes(&self, rate: u32) -> Vec<Mix> {
        use Talk::{Aborted, Blocked, Check, Dead1, Dead2, Dead3, Forged, Large, Medium, Refused, Rejected, Small};
        let fixed: [&[(Talk, f64)]; 10] = [
            &[
                (Small, 0.5),
                (Medium, 0.26),
                (Large, 0.06),
                (Rejected, 0.09),
                (Blocked, 0.03),
                (Dead3, 0.04),
                (Refused, 0.02),
            ],
            &[(Small, 0.55), (Medium, 0.3), (Large, 0.08), (Rejected, 0.04), (Dead3, 0.02), (Refused, 0.01)],
            &[(Medium, 0.8), (Small, 0.1), (Rejected, 0.06), (Dead3, 0.03), (Refused, 0.01)],
            &[(Small, 0.6), (Medium, 0.28), (Large, 0.12)],
            &[(Check, 0.97), (Dead1, 0.02), (Refused, 0.01)],
            &[(Small, 0.55), (Medium, 0.25), (Large, 0.17), (Dead3, 0.02), (Refused, 0.01)],
            &[(Small, 0.45), (Medium, 0.1), (Rejected, 0.1), (Dead3, 0.28), (Refused, 0.07)],
            &[(Small, 0.55), (Rejected, 0.18), (Blocked, 0.05), (Dead3, 0.18), (Refused, 0.04)],
            &[(Small, 0.95), (Medium, 0.05)],
            &[(Forged, 1.0)],
        ];
        let mut mixes: Vec<_> = fixed.into_iter().map(|talks| Mix::new(talks, self, rate)).collect();
        for (number, fail) in BOTS_FAIL.into_iter().enumerate() {
            let (nobody, rest) = (fail * NOBODY, 1.0 - fail);
            let talks = [
                ([Dead1, Dead2, Dead2, Dead3, Dead2][number], nobody),
                (Refused, fail - nobody),
                (Small, rest * 0.45),
                (Rejected, rest * 0.3),
                (Blocked, rest * 0.15),
                (Aborted, rest * 0.1),
            ];
            mixes.push(Mix::new(&talks, self, rate));
        }
        mixes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_and_bots_fail_in_45_of_100() {
        for mix in Talks::new(false).mixes(512) {
            let sum: f64 = mix.talks.iter().map(|(_, share)| share).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{:?}", mix.talks);
        }
        assert!((BOTS_FAIL.iter().sum::<f64>() / 5.0 - 0.45).abs() < 1e-9);
    }
}
