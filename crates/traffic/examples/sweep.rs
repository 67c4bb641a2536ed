//! How well hosts are told apart, by rate and time, on populations that the model was not fitted to:
//! `cargo run --release -p traffic --example sweep [SEEDS [FIRST]]` (three seeds from 11 on without arguments; 1 and 2 are those of the fit).
//!
//! Columns: bots that were up, those of which there are enough samples to be seen at all (`SAMPLES` or more that they sent),
//! those with `WELL_SEEN` or more, hosts called a likely bot, how many of these are bots (precision), bots found of those that
//! are visible (recall given visibility); the bound of that: how many of the visible an ideal observer finds who knows how the
//! population was made, when as many hosts are called as can be with a precision of `PRECISION`, chosen with the truth at hand;
//! the recall by this bound; recall of those well seen and of all; and how many gateways of those visible were called a bot.

#[path = "../population/mod.rs"]
#[allow(dead_code, reason = "each example uses a part of it")]
mod population;

use std::collections::HashMap;
use std::sync::Arc;

use fingerprint::Catalogue;
use population::observer::bound;
use population::{Population, Sort, View, class_of, origin, stranger, zone};
use traffic::{Class, SAMPLES, Survey, WELL_SEEN};

/// The precision that is asked for.
const PRECISION: f64 = 0.98;

/// What came of a view, over all seeds.
#[derive(Default)]
struct Tally {
    bots: u64,
    visible: u64,
    /// Bots with [`WELL_SEEN`] samples, and those of them that were called.
    well_seen: u64,
    right_well_seen: u64,
    called: u64,
    right: u64,
    right_visible: u64,
    /// Of each visible host the ideal observer's probability of being a bot, and whether it is one.
    observed: Vec<(f64, bool)>,
    gateways: u64,
    gateways_called: u64,
    /// Wrongly called bots, by what they are.
    wrong: HashMap<String, u64>,
    /// By truth and verdict, of those with enough samples.
    table: HashMap<(Class, Option<Class>), u64>,
    /// The sum of squares of what the probability of being a bot was off, and by tenths: hosts, probabilities, bots.
    brier: f64,
    judged: u64,
    tenths: [(u64, f64, u64); 10],
}

#[allow(clippy::print_stdout, reason = "the table is what this is for")]
fn main() {
    let argument = |place| std::env::args().nth(place).and_then(|number| number.parse::<u64>().ok());
    let (seeds, first) = (argument(1).unwrap_or(3), argument(2).unwrap_or(11));
    let catalogue = Arc::new(Catalogue::embedded());
    let populations: Vec<Population> = (first..first + seeds).map(Population::new).collect();
    println!(
        "way          days     rate  bots visible well seen called precision recall|visible bound of-bound recall|well seen recall|all gateways called  Brier  wrong"
    );
    let mut all = Tally::default();
    for (way, is_asymmetric, loss) in [("plain", false, 0.0), ("asymmetric", true, 0.15)] {
        for days in [1, 7] {
            for rate in [512, 1024, 2048, 4096, 8192, 16384] {
                let mut tally = Tally::default();
                for population in &populations {
                    let view = View { rate, days, is_asymmetric, loss };
                    judge(population, view, &catalogue, &mut tally);
                }
                line(way, days, rate, &tally);
                all.add(&tally);
            }
        }
    }
    confusion(&all);
    calibration(&all);
}

fn judge(population: &Population, view: View, catalogue: &Arc<Catalogue>, tally: &mut Tally) {
    let truth = population.truth();
    let ledger = population.seen(view, catalogue);
    let survey = Survey::of(&ledger, origin);
    let observer = population.observer(view, &ledger);
    tally.bots += population.up(Sort::Bot, view.days);
    for host in ledger.hosts() {
        let Some(sort) = truth.get(&host.address).copied().or_else(|| stranger(host.address)) else { continue };
        let (features, verdict) = survey.judge(&host, &origin(host.address), zone(host.address));
        let is_bot = sort == Sort::Bot;
        let is_visible = features.sent >= SAMPLES;
        let is_called = verdict.class == Some(Class::LikelyBot);
        tally.visible += u64::from(is_bot && is_visible);
        let is_well_seen = is_bot && features.sent >= WELL_SEEN;
        tally.well_seen += u64::from(is_well_seen);
        tally.right_well_seen += u64::from(is_well_seen && is_called);
        tally.called += u64::from(is_called);
        tally.right += u64::from(is_called && is_bot);
        tally.right_visible += u64::from(is_called && is_bot && is_visible);
        tally.gateways += u64::from(sort == Sort::Gateway && is_visible);
        tally.gateways_called += u64::from(sort == Sort::Gateway && is_called);
        if is_called && !is_bot {
            *tally.wrong.entry(format!("{sort:?}")).or_default() += 1;
        }
        if features.sent + features.answered >= SAMPLES {
            *tally.table.entry((class_of(sort), verdict.class)).or_default() += 1;
        }
        if is_visible {
            tally.observed.push((observer.bot(&host), is_bot));
            let probability = verdict.probabilities[Class::LikelyBot as usize];
            tally.judged += 1;
            tally.brier += (probability - f64::from(u8::from(is_bot))).powi(2);
            let tenth = &mut tally.tenths[((probability * 10.0) as usize).min(9)];
            *tenth = (tenth.0 + 1, tenth.1 + probability, tenth.2 + u64::from(is_bot));
        }
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        for (key, count) in &other.table {
            *self.table.entry(*key).or_default() += count;
        }
        for (mine, more) in self.tenths.iter_mut().zip(other.tenths) {
            *mine = (mine.0 + more.0, mine.1 + more.1, mine.2 + more.2);
        }
        (self.brier, self.judged) = (self.brier + other.brier, self.judged + other.judged);
    }
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.3}", part as f64 / whole as f64) }
}

#[allow(clippy::print_stdout, reason = "the table is what this is for")]
fn line(way: &str, days: u32, rate: u32, tally: &Tally) {
    let mut wrong: Vec<_> = tally.wrong.iter().map(|(sort, count)| format!("{sort} {count}")).collect();
    wrong.sort();
    let bound = bound(&tally.observed, PRECISION);
    println!(
        "{way:<12} {days:>4}  1:{rate:<5} {:>5} {:>7} {:>9} {:>6} {:>9} {:>14} {:>5} {:>8} {:>16} {:>10} {:>8} {:>6} {:>6.4}  {}",
        tally.bots,
        tally.visible,
        tally.well_seen,
        tally.called,
        share(tally.right, tally.called),
        share(tally.right_visible, tally.visible),
        share(bound, tally.visible),
        share(tally.right_visible, bound),
        share(tally.right_well_seen, tally.well_seen),
        share(tally.right, tally.bots),
        tally.gateways,
        tally.gateways_called,
        tally.brier / tally.judged.max(1) as f64,
        wrong.join(", ")
    );
}

#[allow(clippy::print_stdout, reason = "the table is what this is for")]
fn confusion(all: &Tally) {
    println!("\nWhat hosts with enough samples are (rows) and were called, over all views:");
    print!("{:<24}", "");
    Class::ALL.iter().for_each(|class| print!("{:>12}", class.words().split(' ').next().unwrap_or("")));
    println!("{:>12}", "undecided");
    for truth in Class::ALL {
        print!("{:<24}", truth.words());
        for called in Class::ALL.map(Some).into_iter().chain([None]) {
            print!("{:>12}", all.table.get(&(truth, called)).copied().unwrap_or(0));
        }
        println!();
    }
}

#[allow(clippy::print_stdout, reason = "the table is what this is for")]
fn calibration(all: &Tally) {
    println!(
        "\nThe probability of being a bot, and how many were (Brier score {:.5}):",
        all.brier / all.judged.max(1) as f64
    );
    for (tenth, (hosts, probability, bots)) in all.tenths.iter().enumerate().filter(|(_, tenth)| tenth.0 > 0) {
        let (mean, share) = (probability / *hosts as f64, *bots as f64 / *hosts as f64);
        println!(
            "  {:.1} to {:.1}: {hosts:>8} hosts, said {mean:.3}, were {share:.3}",
            tenth as f64 / 10.0,
            (tenth + 1) as f64 / 10.0
        );
    }
}
