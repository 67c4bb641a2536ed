//! Fits the model of classes to the simulated population: `cargo run --release -p traffic --example fit > crates/traffic/src/model/table.rs`.
//!
//! Of each class and clue it takes the share and the likeness of hosts under which what was seen is likeliest, over all rates,
//! one and seven days, with and without asymmetry and loss. Then, by how many samples there are, how far clues are trusted and how common classes
//! are. Seeds 1 to 4; the reports of `sweep` are made with others.

#[path = "../population/mod.rs"]
#[allow(dead_code, reason = "each example uses a part of it")]
mod population;

use std::sync::Arc;

use fingerprint::Catalogue;
use population::trust::{self, Case, Trust};
use population::{Population, View, class_of, origin, stranger, zone};
use traffic::{Class, Clue, Footing, SAMPLES, Share, Sight, Survey};

/// The populations.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=4;

/// Hosts of a class in a view that are looked at, so that the views of high rates do not decide alone.
const HOSTS: usize = 250;

/// Hosts of which one of so many is taken: there are very many of these, and they are easily told. A mail server that was seen
/// to answer is known by that; the shares of the class are to tell those that were not.
const SERVERS: usize = 25;
const CLIENTS: usize = 10;

/// A host, as it is kept until the shares are known.
struct Known {
    class: usize,
    count: f64,
    footing: Footing,
    sights: Vec<(Clue, Sight)>,
}

fn main() {
    let mut sights: Vec<Vec<Vec<Sight>>> = vec![vec![Vec::new(); Clue::COUNT]; Class::COUNT];
    let mut known = Vec::new();
    let catalogue = Arc::new(Catalogue::embedded());
    for seed in SEEDS {
        let population = Population::new(seed);
        for view in views() {
            look(&population, view, &catalogue, &mut sights, &mut known);
        }
    }
    print(&sights, &known);
}

fn look(
    population: &Population,
    view: View,
    catalogue: &Arc<Catalogue>,
    sights: &mut [Vec<Vec<Sight>>],
    known: &mut Vec<Known>,
) {
    let truth = population.truth();
    let ledger = population.seen(view, catalogue);
    let survey = Survey::of(&ledger, origin);
    let (mut taken, mut skipped) = ([0usize; Class::COUNT], [0usize; 2]);
    for host in ledger.hosts() {
        let Some(sort) = truth.get(&host.address).copied().or_else(|| stranger(host.address)) else { continue };
        let class = class_of(sort) as usize;
        let (features, _) = survey.judge(&host, &origin(host.address), zone(host.address));
        if features.sent + features.answered < SAMPLES {
            continue;
        }
        let seen: Vec<(Clue, Sight)> =
            Clue::ALL.into_iter().filter_map(|clue| Some((clue, clue.sight(&host, &features)?))).collect();
        let (every, skipped) = match class_of(sort) {
            Class::MailServer if features.answered > 0 => (SERVERS, &mut skipped[0]),
            Class::SingleSmarthost => (CLIENTS, &mut skipped[1]),
            _ => (1, &mut 0),
        };
        *skipped += 1;
        if !skipped.is_multiple_of(every) {
            continue;
        }
        taken[class] += 1;
        // The first hosts are those of the lowest addresses: thinned over all of them.
        if taken[class] <= HOSTS || taken[class].is_multiple_of(taken[class] / HOSTS + 1) {
            seen.iter().for_each(|(clue, sight)| sights[class][*clue as usize].push(*sight));
        }
        known.push(Known { class, count: every as f64, footing: Footing::of(&features), sights: seen });
    }
}

fn views() -> impl Iterator<Item = View> {
    let rates = [512, 1024, 2048, 4096, 8192, 16384];
    let ways = [(1, false, 0.0), (7, false, 0.0), (1, true, 0.15), (7, true, 0.15)];
    rates
        .into_iter()
        .flat_map(move |rate| ways.map(|(days, is_asymmetric, loss)| View { rate, days, is_asymmetric, loss }))
}

#[allow(clippy::print_stdout, reason = "the table is what this is for")]
fn print(sights: &[Vec<Vec<Sight>>], known: &[Known]) {
    println!("//! Written by the example `fit`; what it holds is told in [`model`](super).\n");
    println!("use crate::clue::Clue;\nuse crate::model::Footing;\nuse crate::verdict::Class;\n");
    let shares: Vec<[Share; Class::COUNT]> =
        Clue::ALL.iter().map(|clue| Class::ALL.map(|class| fit(&sights[class as usize][*clue as usize]))).collect();
    println!("/// By clue and class: the mean share, and how alike hosts are in it.");
    println!("#[rustfmt::skip]\npub(super) const SHARES: [[(f64, f64); Class::COUNT]; Clue::COUNT] = [");
    for (clue, fits) in Clue::ALL.iter().zip(&shares) {
        let cells: Vec<_> =
            fits.iter().map(|share| format!("({:?}, {:?})", rounded(share.mean), rounded(share.alike))).collect();
        println!("    // {clue:?}\n    [{}],", cells.join(", "));
    }
    println!("];\n");
    let trusts: Vec<Trust> = (0..Footing::COUNT).map(|samples| trust(known, samples, &shares)).collect();
    println!("/// By samples and clue: how far it is trusted.");
    println!("#[rustfmt::skip]\npub(super) const TRUST: [[f64; Clue::COUNT]; Footing::COUNT] = [");
    trusts.iter().for_each(|trust| println!("    {:?},", trust.clues.map(rounded)));
    println!(
        "];\n\n/// By samples, by whether the window is long, by class: how common it is, as factors of [`Footing::behind`]."
    );
    println!("#[rustfmt::skip]\npub(super) const PRIOR: [[[[f64; 3]; Class::COUNT]; 2]; Footing::COUNT] = [");
    for trust in &trusts {
        println!("    {:?},", trust.priors.map(|classes| classes.map(|factors| factors.map(rounded))));
    }
    println!("];");
}

/// Of hosts with samples within one of the steps.
fn trust(known: &[Known], samples: usize, shares: &[[Share; Class::COUNT]]) -> Trust {
    let cases = known.iter().filter(|host| host.footing.samples == samples).map(|host| {
        let mut weights = [[0.0; Clue::COUNT]; Class::COUNT];
        for (clue, sight) in &host.sights {
            for (class, weights) in weights.iter_mut().enumerate() {
                weights[*clue as usize] = shares[*clue as usize][class].weight(*sight) as f32;
            }
        }
        Case { weights, class: host.class, count: host.count, footing: host.footing }
    });
    trust::fit(&cases.collect::<Vec<_>>())
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
