//! X9: one account used from many networks. A stolen password is used by many machines; its owner has a home, an office
//! and a telephone, which become settled.

use evidence::Country;
use minicbor::{Decode, Encode};

use crate::moment::Moment;
use crate::rule::{Reading, Rule};
use crate::sighting::{Novelty, Sightings};
use crate::subject::Machine;
use crate::threshold::{Threshold, Thresholds};

/// Networks of an account that are told apart; more are "at least", and new each time.
pub const NETWORKS: u32 = 96;

/// Countries of the last hour that are held; the oldest goes first.
const COUNTRIES: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Networks {
    #[n(0)]
    seen: Sightings,
    /// The last network, so that the same again in the same hour costs nothing.
    #[n(1)]
    last: (u64, u32),
    /// Country and minute.
    #[n(2)]
    countries: [(u16, u32); COUNTRIES],
}

impl Networks {
    /// The account was used from `machine`; `country` is asked for at most once an hour for the same network.
    pub(crate) fn see(
        &mut self,
        machine: Machine,
        country: impl Fn() -> Option<Country>,
        now: Moment,
        thresholds: &Thresholds,
        told: &mut Vec<(Rule, Reading)>,
    ) {
        // Spread over all bits, as a set of hashes wants it.
        let network = crate::hash::both(machine.neighbourhood(), 0x5851_f42d_4c95_7f2d);
        if self.last == (network, now.hour) {
            return;
        }
        self.last = (network, now.hour);
        let novelty = self.seen.see(network, now.hour, NETWORKS);
        let countries = self.country(country(), now.minute);
        if novelty == Novelty::Known {
            return;
        }
        let settled = thresholds.value(Threshold::HeloDays) as u32;
        let beyond = self.seen.unsettled(now.hour, settled) as f32;
        // Beyond the usual one: an account without history has one network that is only not settled yet.
        let few = Reading::of(beyond, thresholds.value(Threshold::Networks));
        let many = thresholds.value(Threshold::NetworksSure);
        let threshold = thresholds.value(Threshold::Countries);
        if countries as f32 >= threshold {
            // As sure as many networks.
            let number = many * countries as f32 / threshold;
            told.push((
                Rule::Networks,
                Reading { number, threshold: few.map_or(many, |few| few.threshold), at_least: true },
            ));
        } else if let Some(few) = few {
            told.push((Rule::Networks, few.at_least(self.seen.is_full(now.hour))));
        }
    }

    /// Notes a country; how many there were within the hour.
    fn country(&mut self, country: Option<Country>, minute: u32) -> usize {
        let within = |(code, at): &&(u16, u32)| *code != 0 && minute.saturating_sub(*at) < 60;
        if let Some(country) = country {
            let code = u16::from_be_bytes(country.as_str().as_bytes().try_into().unwrap_or([0, 1]));
            let place = self.countries.iter().position(|(known, _)| *known == code);
            let oldest =
                || self.countries.iter().enumerate().min_by_key(|(_, (_, at))| *at).map_or(0, |(place, _)| place);
            let place = place.unwrap_or_else(oldest);
            self.countries[place] = (code, minute);
        }
        self.countries.iter().filter(within).count()
    }

    pub(crate) fn tidy(&mut self, hour: u32) {
        self.seen.expire(hour, crate::sighting::FORGOTTEN_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(networks: &mut Networks, address: &str, country: &str, minute: u32) -> Option<Reading> {
        let now = Moment { minute, hour: minute / 60, day: minute / 1440, ..Moment::default() };
        let mut told = vec![];
        let machine = Machine::of(address.parse().unwrap());
        networks.see(machine, || country.parse().ok(), now, &Thresholds::default(), &mut told);
        told.pop().map(|(_, reading)| reading).filter(Reading::holds)
    }

    #[test]
    fn home_office_and_telephone_are_quiet_and_a_third_new_network_is_suspect() {
        let mut networks = Networks::default();
        for day in 0..3 {
            assert_eq!(see(&mut networks, "192.0.2.1", "NL", 1_440_000 + 1440 * day), None);
            assert_eq!(see(&mut networks, "198.51.100.1", "NL", 1_440_010 + 1440 * day), None);
        }
        let minute = 1_440_000 + 1440 * 3;
        assert_eq!(see(&mut networks, "10.1.0.1", "NL", minute), None);
        assert_eq!(see(&mut networks, "10.2.0.1", "NL", minute), None);
        assert_eq!(see(&mut networks, "10.3.0.1", "NL", minute).unwrap().number, 3.0);
        for network in 4..11 {
            see(&mut networks, &format!("10.{network}.0.1"), "NL", minute);
        }
        let sure = see(&mut networks, "10.11.0.1", "NL", minute).unwrap();
        assert!(sure.number >= Thresholds::default().value(Threshold::NetworksSure));
    }

    #[test]
    fn five_countries_within_an_hour_are_as_sure_as_many_networks() {
        let told = |pause: u32| {
            let mut networks = Networks::default();
            let countries = ["NL", "BR", "VN", "US", "UA"].iter().enumerate();
            let told = countries.filter_map(|(number, country)| {
                see(&mut networks, &format!("10.{number}.0.1"), country, 1_440_000 + pause * number as u32)
            });
            told.last().map(|reading| reading.number)
        };
        assert_eq!(told(10), Some(11.0));
        assert_eq!(told(60), Some(5.0));
    }
}
