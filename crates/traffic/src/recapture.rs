//! How many there are that no method found: from lists of different methods and what they have in common.
//!
//! What is asked of the lists: they are of the same time, nobody comes or goes between, an address is the same host in all, and
//! of two lists being on one says nothing about being on the other. Methods that find the same easy ones share too much, and the
//! estimate is then too low; three lists can tell something of it.

use serde::Serialize;

/// How the interval is made wide enough: 95 % of a normal distribution.
const NORMAL_95: f64 = 1.96;

/// A number of hosts that is estimated, with its interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Recapture {
    /// Hosts on any list.
    pub found: u64,
    /// How many there are in all.
    pub all: f64,
    pub low: f64,
    pub high: f64,
}

impl Recapture {
    /// Found by none of the lists.
    pub fn hidden(&self) -> f64 {
        (self.all - self.found as f64).max(0.0)
    }

    /// Log-normal in what is hidden, so that the interval never begins below what was found.
    fn around(found: u64, all: f64, variance: f64) -> Self {
        let hidden = (all - found as f64).max(0.0);
        if hidden == 0.0 {
            let high = found as f64 + NORMAL_95 * variance.max(0.0).sqrt();
            return Self { found, all: found as f64, low: found as f64, high };
        }
        let factor = (NORMAL_95 * (1.0 + variance.max(0.0) / (hidden * hidden)).ln().sqrt()).exp();
        Self { found, all, low: found as f64 + hidden / factor, high: found as f64 + hidden * factor }
    }
}

/// Two lists of `first` and `second` hosts with `both` in common (Chapman). `None` when `both` is more than one of them has.
///
/// ```
/// let seen = traffic::chapman(200, 150, 60).unwrap();
/// assert_eq!((seen.found, seen.all.round()), (290, 497.0));
/// assert!(seen.low < 450.0 && seen.high > 550.0);
/// ```
pub fn chapman(first: u64, second: u64, both: u64) -> Option<Recapture> {
    if both > first.min(second) {
        return None;
    }
    let (n1, n2, m) = (first as f64, second as f64, both as f64);
    let all = (n1 + 1.0) * (n2 + 1.0) / (m + 1.0) - 1.0;
    let variance = (n1 + 1.0) * (n2 + 1.0) * (n1 - m) * (n2 - m) / ((m + 1.0) * (m + 1.0) * (m + 2.0));
    Some(Recapture::around(first + second - both, all, variance))
}

/// How lists depend on each other in the model that was chosen: pairs of lists by number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dependences(pub Vec<(u8, u8)>);

/// An estimate from three lists, with the model that gave it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThreeLists {
    pub estimate: Recapture,
    pub dependences: Dependences,
}

/// Hosts by the lists they are on: the index is the sum of 1 for the first, 2 for the second, 4 for the third. Index 0, on none,
/// is what is asked for and not looked at.
///
/// Log-linear models are fitted by iterative scaling, from independence to dependence of every pair, and the one that explains
/// most with least is taken (Akaike). `None` below [`ENOUGH`] hosts.
pub fn three_lists(counts: [u64; 8]) -> Option<ThreeLists> {
    let found: u64 = counts[1..].iter().sum();
    if found < ENOUGH {
        return None;
    }
    MODELS
        .iter()
        .filter_map(|pairs| {
            let fitted = fit(&counts, pairs)?;
            Some((akaike(&counts, &fitted, pairs), pairs, fitted))
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, pairs, fitted)| {
            let variance = variance(&fitted, pairs);
            let estimate = Recapture::around(found, found as f64 + fitted[0], variance);
            ThreeLists { estimate, dependences: Dependences(pairs.to_vec()) }
        })
}

/// Hosts on any of three lists below which no model is fitted.
pub const ENOUGH: u64 = 10;

/// Pairs of lists that may depend on each other.
const MODELS: [&[(u8, u8)]; 8] = [
    &[],
    &[(0, 1)],
    &[(0, 2)],
    &[(1, 2)],
    &[(0, 1), (0, 2)],
    &[(0, 1), (1, 2)],
    &[(0, 2), (1, 2)],
    &[(0, 1), (0, 2), (1, 2)],
];

/// Rounds of fitting: more change nothing in the digits that are printed.
const ROUNDS: usize = 60;

/// The columns of a model's matrix at a cell: one, the lists, the pairs.
fn columns(cell: usize, pairs: &[(u8, u8)]) -> Vec<f64> {
    let on = |list: u8| (cell >> list & 1) as f64;
    let mut columns = vec![1.0, on(0), on(1), on(2)];
    columns.extend(pairs.iter().map(|(a, b)| on(*a) * on(*b)));
    columns
}

/// What the model expects in each cell, that of nobody's list too: Newton's method for a Poisson regression. `None` where it
/// does not settle, as with empty cells that a pair would have to explain.
fn fit(counts: &[u64; 8], pairs: &[(u8, u8)]) -> Option<[f64; 8]> {
    let width = 4 + pairs.len();
    let mean = counts[1..].iter().sum::<u64>() as f64 / 7.0;
    let mut weights = vec![0.0; width];
    weights[0] = mean.max(0.5).ln();
    for _ in 0..ROUNDS {
        let (mut information, mut gradient) = (vec![vec![0.0; width]; width], vec![0.0; width]);
        for (cell, count) in counts.iter().enumerate().skip(1) {
            let columns = columns(cell, pairs);
            let expected = dot(&weights, &columns).min(700.0).exp();
            for (row, at) in columns.iter().enumerate() {
                // Half a host in each cell: an empty cell is not an impossible one.
                gradient[row] += at * (*count as f64 + EMPTY - expected);
                for (column, with) in columns.iter().enumerate() {
                    information[row][column] += at * with * expected;
                }
            }
        }
        let step = solve(information, gradient)?;
        let longest = step.iter().fold(0.0f64, |most, part| most.max(part.abs()));
        let scale = if longest > 2.0 { 2.0 / longest } else { 1.0 };
        weights.iter_mut().zip(&step).for_each(|(weight, part)| *weight += scale * part);
        if longest < 1e-10 {
            break;
        }
    }
    let fitted: [f64; 8] = std::array::from_fn(|cell| dot(&weights, &columns(cell, pairs)).exp());
    fitted.iter().all(|expected| expected.is_finite()).then_some(fitted)
}

/// Added to each cell.
const EMPTY: f64 = 0.1;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Gauss, with the largest pivot. `None` for a matrix without an inverse.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for step in 0..size {
        let pivot = (step..size).max_by(|a, b| matrix[*a][step].abs().total_cmp(&matrix[*b][step].abs()))?;
        if matrix[pivot][step].abs() < 1e-12 {
            return None;
        }
        matrix.swap(step, pivot);
        right.swap(step, pivot);
        for row in step + 1..size {
            let factor = matrix[row][step] / matrix[step][step];
            let (above, below) = matrix.split_at_mut(row);
            for (mine, pivot) in below[0].iter_mut().zip(&above[step]).skip(step) {
                *mine -= factor * pivot;
            }
            right[row] -= factor * right[step];
        }
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    Some(right)
}

/// Twice the number of weights, less twice the likelihood.
fn akaike(counts: &[u64; 8], fitted: &[f64; 8], pairs: &[(u8, u8)]) -> f64 {
    let likelihood: f64 = (1..8).map(|cell| counts[cell] as f64 * fitted[cell].max(1e-300).ln() - fitted[cell]).sum();
    2.0 * (4 + pairs.len()) as f64 - 2.0 * likelihood
}

/// Of the number in all: that of the weights, carried over to the cell of nobody's list, and that of the cell itself.
fn variance(fitted: &[f64; 8], pairs: &[(u8, u8)]) -> f64 {
    let width = 4 + pairs.len();
    let mut information = vec![vec![0.0; width]; width];
    for (cell, expected) in fitted.iter().enumerate().skip(1) {
        let columns = columns(cell, pairs);
        for (row, at) in columns.iter().enumerate() {
            for (column, with) in columns.iter().enumerate() {
                information[row][column] += at * with * expected;
            }
        }
    }
    let none = columns(0, pairs);
    let carried = solve(information, none.clone()).map_or(0.0, |solved| dot(&solved, &none));
    fitted[0] * fitted[0] * carried + fitted[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chance(u64);

    impl Chance {
        fn is(&mut self, share: f64) -> bool {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = crate::key::fold(self.0 ^ 0x1234_5678, 0xd6e8_feb8_6659_fd93);
            ((crate::key::fold(mixed ^ self.0, 0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64) < share
        }
    }

    #[test]
    fn the_interval_of_two_lists_holds_the_truth_in_nine_of_ten_runs() {
        let mut chance = Chance(1);
        for (hosts, first, second) in [(3400, 0.1, 0.3), (500, 0.2, 0.2), (10_000, 0.02, 0.5), (200, 0.5, 0.6)] {
            let mut held = 0;
            for _ in 0..400 {
                let mut lists = [0, 0, 0];
                for _ in 0..hosts {
                    let (a, b) = (chance.is(first), chance.is(second));
                    lists = [lists[0] + u64::from(a), lists[1] + u64::from(b), lists[2] + u64::from(a && b)];
                }
                let seen = chapman(lists[0], lists[1], lists[2]).unwrap();
                held += u32::from(seen.low <= f64::from(hosts) && f64::from(hosts) <= seen.high);
            }
            assert!(held >= 360, "{hosts}: {held} of 400");
        }
    }

    #[test]
    fn three_lists_see_that_two_of_them_find_the_same_hosts() {
        let mut chance = Chance(7);
        for dependent in [false, true] {
            let (mut held, mut two_held) = (0, 0);
            for _ in 0..200 {
                let mut counts = [0; 8];
                for _ in 0..4000 {
                    let a = chance.is(0.3);
                    // A host on the first list is on the second twice as often.
                    let b = chance.is(if dependent && a { 0.6 } else { 0.3 });
                    counts[usize::from(a) + 2 * usize::from(b) + 4 * usize::from(chance.is(0.25))] += 1;
                }
                let estimate = three_lists(counts).unwrap().estimate;
                held += u32::from(estimate.low <= 4000.0 && 4000.0 <= estimate.high);
                let [first, second, both] =
                    [[1, 3, 5, 7], [2, 3, 6, 7], [3, 7, 3, 7]].map(|cells| cells.map(|cell| counts[cell]));
                let two = chapman(first.iter().sum(), second.iter().sum(), both[0] + both[1]).unwrap();
                two_held += u32::from(two.low <= 4000.0 && 4000.0 <= two.high);
            }
            assert!(held >= 170, "{dependent}: {held} of 200");
            assert_eq!(two_held < 50, dependent, "two lists alone: {two_held} of 200");
        }
    }

    #[test]
    fn lists_that_have_nothing_in_common_or_all_are_no_failure() {
        let apart = chapman(10, 20, 0).unwrap();
        assert!(apart.high > 500.0 && apart.low >= 30.0, "{apart:?}");
        let same = chapman(10, 10, 10).unwrap();
        assert_eq!((same.all, same.hidden()), (10.0, 0.0));
        assert_eq!(chapman(10, 5, 6), None);
        assert_eq!(three_lists([0; 8]), None);
        for counts in [[0, 10, 0, 0, 0, 0, 0, 0], [0, 0, 0, 5, 0, 5, 5, 0], [0, 1, 1, 1, 1, 1, 1, 1_000_000]] {
            if let Some(seen) = three_lists(counts) {
                assert!(seen.estimate.low >= seen.estimate.found as f64 && seen.estimate.high.is_finite(), "{seen:?}");
            }
        }
    }
}
