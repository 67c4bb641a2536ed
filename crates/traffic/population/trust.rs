//! Fits how far each clue is trusted and how common the classes are, on one footing: the numbers under which what the hosts
//! truly are is likeliest (logistic regression with several classes; by the method of Broyden, Fletcher, Goldfarb and Shanno with
//! limited memory).

use traffic::{Class, Clue, Footing};

/// A host: what each clue says of each class, what it is, and how many it stands for.
pub(crate) struct Case {
    pub(crate) weights: [[f32; Clue::COUNT]; Class::COUNT],
    pub(crate) class: usize,
    pub(crate) count: f64,
    pub(crate) footing: Footing,
}

/// What is fitted.
pub(crate) struct Trust {
    pub(crate) clues: [f64; Clue::COUNT],
    /// By whether the window is long, and by class.
    pub(crate) priors: [[[f64; 3]; Class::COUNT]; 2],
}

/// Steps at most; what moves after them is not seen in three digits of a share.
const STEPS: usize = 300;

/// Steps end when one makes the mean likelihood of a host greater by less.
const STILL: f64 = 1e-9;

/// Former steps from which the curvature is learnt.
const MEMORY: usize = 12;

/// A clue is trusted so much without hosts that speak for more or less, and never more than this: what follows from a few
/// hosts of one population is not believed.
const USUAL: f64 = 0.7;
const MOST: f64 = 1.6;

/// By how much a clue that is trusted otherwise, and a class that is rarer or more common than the others, must be borne out.
const STIFF: f64 = 40.0;
const STIFF_PRIOR: f64 = 2.0;

const PRIORS: usize = 2 * Class::COUNT * 3;
const FREE: usize = Clue::COUNT + PRIORS;

type Free = [f64; FREE];

pub(crate) fn fit(cases: &[Case]) -> Trust {
    let all: f64 = cases.iter().map(|case| case.count).sum();
    let mut at = [0.0; FREE];
    at[..Clue::COUNT].fill((USUAL / (MOST - USUAL)).ln());
    let (mut cost, mut slope) = look(cases, &at, all);
    let mut former: Vec<(Free, Free)> = Vec::new();
    for _ in 0..STEPS {
        let way = downhill(&slope, &former);
        let steep = product(&way, &slope);
        // The first step knows nothing of the curvature: short, and longer ones are found by the next.
        let mut long = if former.is_empty() { 1.0 / product(&slope, &slope).sqrt().max(1.0) } else { 1.0 };
        let next = loop {
            let there: Free = std::array::from_fn(|place| at[place] + long * way[place]);
            let (less, its_slope) = look(cases, &there, all);
            if less <= cost + 1e-4 * long * steep || long < 1e-6 {
                break (there, less, its_slope);
            }
            long /= 2.0;
        };
        let moved: Free = std::array::from_fn(|place| next.0[place] - at[place]);
        let bent: Free = std::array::from_fn(|place| next.2[place] - slope[place]);
        let gain = cost - next.1;
        (at, cost, slope) = next;
        if gain < STILL {
            break;
        }
        if product(&moved, &bent) > 0.0 {
            former.push((moved, bent));
            former.drain(..former.len().saturating_sub(MEMORY));
        }
    }
    let mut trust = Trust { clues: [0.0; Clue::COUNT], priors: [[[0.0; 3]; Class::COUNT]; 2] };
    trust.clues = std::array::from_fn(|clue| trusted(at[clue]));
    for (place, number) in trust.priors.iter_mut().flatten().flatten().zip(&at[Clue::COUNT..]) {
        *place = *number;
    }
    trust
}

/// A trust between none and the most.
fn trusted(free: f64) -> f64 {
    MOST / (1.0 + (-free).exp())
}

fn product(a: &Free, b: &Free) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The way that leads down, by the slope and by how it changed along former steps.
fn downhill(slope: &Free, former: &[(Free, Free)]) -> Free {
    let mut way = slope.map(|part| -part);
    let mut shares = Vec::new();
    for (moved, bent) in former.iter().rev() {
        let share = product(moved, &way) / product(moved, bent);
        (0..FREE).for_each(|place| way[place] -= share * bent[place]);
        shares.push(share);
    }
    if let Some((moved, bent)) = former.last() {
        let scale = product(moved, bent) / product(bent, bent);
        way.iter_mut().for_each(|part| *part *= scale);
    }
    for ((moved, bent), share) in former.iter().zip(shares.into_iter().rev()) {
        let back = product(bent, &way) / product(moved, bent);
        (0..FREE).for_each(|place| way[place] += (share - back) * moved[place]);
    }
    way
}

/// Where the prior of a class stands.
fn prior(footing: Footing, class: usize) -> usize {
    Clue::COUNT + (usize::from(footing.is_long) * Class::COUNT + class) * 3
}

/// How unlikely what the hosts are is, by the hosts there are, and how that changes with each number.
fn look(cases: &[Case], at: &Free, all: f64) -> (f64, Free) {
    let trust: [f64; Clue::COUNT] = std::array::from_fn(|clue| trusted(at[clue]));
    let (mut cost, mut slope) = (0.0, [0.0; FREE]);
    for case in cases {
        let scores: [f64; Class::COUNT] = std::array::from_fn(|class| {
            let place = prior(case.footing, class);
            let common: f64 = at[place..place + 3].iter().zip(case.footing.behind).map(|(a, b)| a * b).sum();
            common
                + case.weights[class].iter().zip(trust).map(|(weight, trust)| f64::from(*weight) * trust).sum::<f64>()
        });
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let parts = scores.map(|score| (score - most).exp());
        let sum: f64 = parts.iter().sum();
        cost -= case.count * (scores[case.class] - most - sum.ln());
        for (class, part) in parts.iter().enumerate() {
            let off = case.count * (part / sum - f64::from(u8::from(class == case.class)));
            if off.abs() < 1e-9 {
                continue;
            }
            for (slope, weight) in slope.iter_mut().zip(case.weights[class]) {
                *slope += off * f64::from(weight);
            }
            let place = prior(case.footing, class);
            for (slope, measure) in slope[place..place + 3].iter_mut().zip(case.footing.behind) {
                *slope += off * measure;
            }
        }
    }
    for place in 0..FREE {
        let (stiff, off) = if place < Clue::COUNT { (STIFF, trust[place] - USUAL) } else { (STIFF_PRIOR, at[place]) };
        cost += 0.5 * stiff * off * off;
        slope[place] += stiff * off;
        if place < Clue::COUNT {
            slope[place] *= trust[place] * (1.0 - trust[place] / MOST);
        }
    }
    (cost / all, slope.map(|part| part / all))
}
