//! Hosts of a known population are told apart.

use traffic::{
    BOT_DESTINATIONS, Class, DOUBT_OF_ABUSE, DOUBT_OF_COARSE, DOUBT_OF_FEW, Histogram, Hours, SAMPLES, Survey,
    WELL_SEEN,
};

use crate::made::CATALOGUE;
use crate::population::observer::bound;
use crate::population::{Population, Sort, View, origin, stranger, zone};

/// A seed that the model was not fitted to.
const SEED: u64 = 41;

#[test]
fn likely_bots_are_bots_and_gateways_are_not_called_bots() {
    let population = Population::new(SEED);
    let truth = population.truth();
    for (rate, days, is_asymmetric) in [(2048, 1, true), (8192, 7, false)] {
        let view = View { rate, days, is_asymmetric, loss: if is_asymmetric { 0.15 } else { 0.0 } };
        let ledger = population.seen(view, &CATALOGUE);
        let survey = Survey::of(&ledger, origin);
        let (mut called, mut right, mut visible, mut gateways) = (0, 0, 0, 0);
        for host in ledger.hosts() {
            let Some(sort) = truth.get(&host.address).copied().or_else(|| stranger(host.address)) else { continue };
            let (features, verdict) = survey.judge(&host, &origin(host.address), zone(host.address));
            visible += u32::from(sort == Sort::Bot && features.sent >= 20);
            if verdict.class == Some(Class::LikelyBot) {
                called += 1;
                right += u32::from(sort == Sort::Bot);
                gateways += u32::from(sort == Sort::Gateway);
                assert!(verdict.probability >= 0.9 && !verdict.evidence.is_empty(), "{verdict:?}");
                assert!(verdict.evidence.iter().all(|evidence| !evidence.words.contains("spam")));
            }
        }
        assert!(
            f64::from(right) >= 0.97 * f64::from(called) && gateways <= 3,
            "{view:?}: {right} of {called}, {gateways} gateways"
        );
        assert!(called > visible * 8 / 10, "{view:?}: {called} called, {visible} with 20 samples");
    }
}

#[test]
fn nine_of_ten_bots_are_found_that_an_ideal_observer_finds_in_a_week() {
    let population = Population::new(SEED);
    let truth = population.truth();
    let view = View { rate: 8192, days: 7, is_asymmetric: false, loss: 0.0 };
    let ledger = population.seen(view, &CATALOGUE);
    let survey = Survey::of(&ledger, origin);
    let observer = population.observer(view, &ledger);
    let (mut observed, mut found) = (Vec::new(), 0);
    for host in ledger.hosts() {
        let Some(sort) = truth.get(&host.address).copied().or_else(|| stranger(host.address)) else { continue };
        let (features, verdict) = survey.judge(&host, &origin(host.address), zone(host.address));
        if features.sent >= SAMPLES {
            observed.push((observer.bot(&host), sort == Sort::Bot));
            found += u64::from(sort == Sort::Bot && verdict.class == Some(Class::LikelyBot));
        }
    }
    let bots = observed.iter().filter(|(_, is_bot)| *is_bot).count() as f64;
    let bound = bound(&observed, 0.98);
    assert!(bound as f64 > 0.95 * bots && found * 10 >= bound * 9, "{found} found, bound {bound}, {bots} bots");
    // The observer's probabilities are right: as many bots as they add up to, and as far between as it says.
    let sum: f64 = observed.iter().map(|(probability, _)| probability).sum();
    assert!((sum / bots - 1.0).abs() < 0.05, "{sum} of {bots}");
    let unsure = |of: &dyn Fn(&(f64, bool)) -> f64| -> f64 {
        observed.iter().filter(|(probability, _)| (0.02..0.98).contains(probability)).map(of).sum()
    };
    let (said, were) = (unsure(&|one| one.0), unsure(&|one| f64::from(u8::from(one.1))));
    assert!((said - were).abs() < 15.0, "{said} said, {were} were");
}

#[test]
fn a_day_alone_wants_more_of_a_host_with_few_samples_than_a_week_and_coarse_sampling_most() {
    let population = Population::new(SEED);
    let doubts = [(1, 2048, DOUBT_OF_FEW), (1, 8192, DOUBT_OF_COARSE), (7, 8192, DOUBT_OF_ABUSE)];
    for (days, rate, doubt) in doubts {
        let least = 1.0 - doubt;
        let view = View { rate, days, is_asymmetric: false, loss: 0.0 };
        let ledger = population.seen(view, &CATALOGUE);
        let survey = Survey::of(&ledger, origin);
        let verdicts = ledger.hosts().filter_map(|host| {
            let (features, verdict) = survey.judge(&host, &origin(host.address), zone(host.address));
            (verdict.likeliest == Class::LikelyBot && (SAMPLES..WELL_SEEN).contains(&features.sent))
                .then_some((verdict, features))
        });
        let (mut called, mut open) = (0, 0);
        for (verdict, features) in verdicts {
            let is_called = verdict.class.is_some();
            (called, open) = (called + u32::from(is_called), open + u32::from(!is_called));
            let is_spread = features.destinations.addresses >= BOT_DESTINATIONS;
            let is_proven = features.established > 0 && features.answered == 0 && is_spread;
            assert!(is_proven || !is_called, "{verdict:?}");
            assert!(is_called == (verdict.probability >= least) || !is_proven, "{days} days: {verdict:?}");
        }
        assert!(called > 10 && open > 0, "{days} days: {called} called, {open} not");
    }
}

#[test]
fn a_relay_at_odd_hours_is_drawn_in_its_own_time() {
    let population = Population::new(SEED);
    let truth = population.truth();
    let view = View { rate: 2048, days: 7, is_asymmetric: false, loss: 0.0 };
    let ledger = population.seen(view, &CATALOGUE);
    let relay =
        ledger.hosts().filter(|host| truth.get(&host.address) == Some(&Sort::Relay)).max_by_key(|host| host.packets());
    let relay = relay.expect("there are relays");
    let hours = Hours::of(&relay.client, zone(relay.address));
    let text = Histogram { hours: hours.day }.to_string();
    let night: u64 = [22, 23, 0, 1, 2, 3, 4, 5, 6, 7].map(|hour| hours.day[hour]).iter().sum();
    assert_eq!(night, hours.day.iter().sum::<u64>(), "{text}");
    assert!(text.contains('X'));
}
