//! Fits the model of classes to the simulated population: `cargo run --release -p traffic --example fit > crates/traffic/src/model/table.rs`.
//!
//! Of each class and clue it takes the share and the likeness of hosts under which what was seen is likeliest, over all rates,
//! one and seven days, with and without asymmetry and loss. Seeds 1 and 2; the reports of `sweep` are made with others.

#[path = "../population/mod.rs"]
#[allow(dead_code, reason = "each example uses a part of it")]
mod population;

use std::sync::Arc;

use fingerprint::Catalogue;
use population::{Population, View, class_of, origin, stranger, zone};
use traffic::{Class, Clue, SAMPLES, Share, Sight, Survey};

/// Hosts of a class in a view that are looked at, so that the views of high rates do not decide alone.
const HOSTS: usize = 250;

fn main() {
    let mut sights: Vec<Vec<Vec<Sight>>> = vec![vec![Vec::new(); Clue::COUNT]; Class::COUNT];
    let mut visible = [0f64; Class::COUNT];
    let catalogue = Arc::new(Catalogue::embedded());
    for seed in [1, 2] {
        let population = Population::new(seed);
        let truth = population.truth();
        for view in views() {
            let ledger = population.seen(view, &catalogue);
            let survey = Survey::of(&ledger, origin);
            let mut taken = [0usize; Class::COUNT];
            for host in ledger.hosts() {
                let Some(sort) = truth.get(&host.address).copied().or_else(|| stranger(host.address)) else { continue };
                let class = class_of(sort) as usize;
                let (features, _) = survey.judge(&host, &origin(host.address), zone(host.address));
                if features.sent + features.answered < SAMPLES {
                    continue;
                }
                visible[class] += 1.0;
                taken[class] += 1;
                // The first hosts are those of the lowest addresses: thinned over all of them.
                if taken[class] > HOSTS && !taken[class].is_multiple_of(taken[class] / HOSTS + 1) {
                    continue;
                }
                for clue in Clue::ALL {
                    sights[class][clue as usize].extend(clue.sight(&host, &features));
                }
            }
        }
    }
    print(&sights, &visible);
}

fn views() -> impl Iterator<Item = View> {
    let rates = [512, 1024, 2048, 4096, 8192, 16384];
    let ways = [(1, false, 0.0), (7, false, 0.0), (1, true, 0.15), (7, true, 0.15)];
    rates
        .into_iter()
        .flat_map(move |rate| ways.map(|(days, is_asymmetric, loss)| View { rate, days, is_asymmetric, loss }))
}

#[allow(clippy::print_stdout, reason = "the table is what this is for")]
fn print(sights: &[Vec<Vec<Sight>>], visible: &[f64]) {
    println!("//! Written by the example `fit`; what it holds is told in [`model`](super).\n");
    println!("use crate::clue::Clue;\nuse crate::verdict::Class;\n");
    let all: f64 = visible.iter().sum();
    println!("/// Shares of the classes among hosts with enough samples.");
    println!("pub(super) const PRIOR: [f64; Class::COUNT] = [");
    visible.iter().for_each(|count| println!("    {:?},", rounded(count / all)));
    println!("];\n\n/// By clue and class: the mean share, and how alike hosts are in it.");
    println!("#[rustfmt::skip]\npub(super) const SHARES: [[(f64, f64); Class::COUNT]; Clue::COUNT] = [");
    for clue in Clue::ALL {
        let fits = Class::ALL.map(|class| fit(&sights[class as usize][clue as usize]));
        let cells: Vec<_> =
            fits.iter().map(|share| format!("({:?}, {:?})", rounded(share.mean), rounded(share.alike))).collect();
        println!("    // {clue:?}\n    [{}],", cells.join(", "));
    }
    println!("];");
}

fn rounded(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

/// The likeliest share, by a search on a grid that gets finer. Two sights are made up, one yes and one no of half a sample each:
/// what was never seen is not impossible.
fn fit(sights: &[Sight]) -> Share {
    if sights.is_empty() {
        return Share { mean: 0.5, alike: 1.0 };
    }
    let step = sights.len().div_ceil(3000);
    let sights: Vec<Sight> = sights.iter().step_by(step).copied().collect();
    let (mut odds, mut likeness) = (0.0, 1.0f64.ln());
    let (mut odds_step, mut likeness_step) = (2.0, 2.0);
    let likelihood = |odds: f64, likeness: f64| {
        let share = share_of(odds, likeness);
        let held: f64 = sights.iter().map(|sight| share.weight(*sight)).sum();
        held + 0.5 * share.mean.ln() + 0.5 * (1.0 - share.mean).ln() - 0.5 * (likeness / 6.0).powi(2)
    };
    let mut best = likelihood(odds, likeness);
    while odds_step > 0.02 {
        let moves = [(odds_step, 0.0), (-odds_step, 0.0), (0.0, likeness_step), (0.0, -likeness_step)];
        let better = moves.iter().map(|(a, b)| (odds + a, likeness + b)).find_map(|(a, b)| {
            let held = likelihood(a, b);
            (held > best && a.abs() < 9.0 && (-3.0..7.0).contains(&b)).then_some((a, b, held))
        });
        match better {
            Some((a, b, held)) => (odds, likeness, best) = (a, b, held),
            None => (odds_step, likeness_step) = (odds_step / 2.0, likeness_step / 2.0),
        }
    }
    share_of(odds, likeness)
}

fn share_of(odds: f64, likeness: f64) -> Share {
    Share { mean: 1.0 / (1.0 + (-odds).exp()), alike: likeness.exp() }
}
