//! Hosts of a known population are told apart.

use traffic::{Class, Histogram, Hours, Survey};

use crate::made::CATALOGUE;
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
