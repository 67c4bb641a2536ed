//! X3 and X4: HELO names of a customer. X3: more names than before; an office behind NAT has many, but always the same.
//! X4: names that look odd, or that change together with the sender domain. V2: new names instead of the settled ones, which
//! is another server.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::helo::Form;
use crate::moment::Moment;
use crate::rule::{Reading, Rule};
use crate::sighting::{Novelty, Sightings};
use crate::site::Site;
use crate::threshold::{Threshold, Thresholds};
use crate::window::Fading;

/// HELO names of a customer that are told apart; more are "at least", and new each time.
pub const HELO_NAMES: u32 = 96;

/// Minutes in which the memory of odd names halves.
const HALF_LIFE: u32 = 12 * 60;

/// Messages that a mean oddity needs.
const MESSAGES: f32 = 10.0;

/// Oddity of a HELO name that is new together with the sender domain.
const CHANGES_WITH_SENDER: f32 = 1.0;

#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Helos {
    #[n(0)]
    names: Sightings,
    /// The last name and its oddity, so that the same name again is not looked at again.
    #[n(1)]
    last: u64,
    #[n(2)]
    last_oddity: f32,
    #[n(3)]
    oddity: Fading,
    #[n(4)]
    messages: Fading,
    /// Messages, of which every eighth is looked at for V2, and those since the settled name gave way.
    #[n(5)]
    looked: u32,
    #[n(6)]
    anew: u32,
}

/// Every so many messages it is looked whether another server has come.
const LOOK_EVERY: u32 = 8;

/// A HELO name of a message.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) number: u64,
    pub(crate) address: Option<IpAddr>,
    pub(crate) reverse: Option<&'a str>,
    /// Whether the message's sender domain is new for the customer.
    pub(crate) sender_is_new: bool,
}

impl Helos {
    pub(crate) fn see(
        &mut self,
        said: Said<'_>,
        now: Moment,
        site: &Site,
        thresholds: &Thresholds,
        told: &mut Vec<(Rule, Reading)>,
    ) {
        let novelty = self.names.see(said.number, now.hour, HELO_NAMES);
        if said.number != self.last {
            let form = Form::of(said.name, said.address, said.reverse, site);
            (self.last, self.last_oddity) = (said.number, form.oddity_of_customer());
        }
        let mut odd = self.last_oddity;
        if novelty == Novelty::New && said.sender_is_new && self.names.held() > 1 {
            odd = odd.max(CHANGES_WITH_SENDER);
        }
        let messages = self.messages.add(now.minute, HALF_LIFE, 1.0);
        let oddity = self.oddity.add(now.minute, HALF_LIFE, odd);
        if odd > 0.0 && messages >= MESSAGES {
            let reading = Reading::of(oddity / messages, thresholds.value(Threshold::HeloOddity));
            told.extend(reading.map(|reading| (Rule::HeloForm, reading)));
        }
        self.change(now, thresholds, told);
        let threshold = thresholds.value(Threshold::HeloNames);
        if novelty != Novelty::Known && self.names.held() as f32 >= threshold / 2.0 {
            let beyond = self.names.unsettled(now.hour, thresholds.value(Threshold::HeloDays) as u32);
            let reading = Reading::of(beyond as f32, threshold);
            told.extend(reading.map(|reading| (Rule::HeloGrowth, reading.at_least(self.names.is_full(now.hour)))));
        }
    }

    /// V2: the customer has another server than before.
    fn change(&mut self, now: Moment, thresholds: &Thresholds, told: &mut Vec<(Rule, Reading)>) {
        self.looked = (self.looked + 1) % LOOK_EVERY;
        if self.looked > 0 {
            return;
        }
        if !self.names.is_replaced(now.hour, thresholds.value(Threshold::HeloDays) as u32) {
            self.anew = 0;
            return;
        }
        self.anew = self.anew.saturating_add(LOOK_EVERY);
        let reading = Reading::of(self.anew as f32, thresholds.value(Threshold::NewHelo));
        told.extend(reading.map(|reading| (Rule::NewHelo, reading)));
    }

    /// HELO names of the last day.
    pub(crate) fn recent(&self, hour: u32) -> u32 {
        self.names.recent(hour)
    }

    pub(crate) fn tidy(&mut self, hour: u32) {
        self.names.expire(hour, crate::sighting::FORGOTTEN_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Key;

    fn see(helos: &mut Helos, name: &str, hour: u32, sender_is_new: bool) -> Vec<(Rule, Reading)> {
        let number = Key::new([1; 16]).name(name.as_bytes());
        let said = Said { name: name.as_bytes(), number, address: None, reverse: None, sender_is_new };
        let now = Moment { hour, minute: hour * 60, day: hour / 24, ..Moment::default() };
        let mut told = vec![];
        helos.see(said, now, &Site::default(), &Thresholds::default(), &mut told);
        told.retain(|(_, reading)| reading.holds());
        told
    }

    #[test]
    fn an_office_with_fifteen_names_is_quiet_when_they_are_settled_and_growth_is_told() {
        let mut office = Helos::default();
        for day in 0..3 {
            for computer in 0..15 {
                see(&mut office, &format!("PC-{computer}"), 240_000 + 24 * day, false);
            }
        }
        let hour = 240_000 + 24 * 3;
        for computer in 0..15 {
            assert_eq!(see(&mut office, &format!("PC-{computer}"), hour, false), []);
        }
        for new in 0..3 {
            assert_eq!(see(&mut office, &format!("x{new}.example"), hour, false), []);
        }
        assert_eq!(see(&mut office, "x3.example", hour, false)[0].0, Rule::HeloGrowth);
    }

    #[test]
    fn another_server_is_told_after_some_twenty_messages_of_a_customer_who_has_a_settled_one() {
        let told = |days: u32| {
            let mut firm = Helos::default();
            (0..days).for_each(|day| _ = see(&mut firm, "old.example", 240_000 + 24 * day, false));
            let told: Vec<_> =
                (0..32).flat_map(|_| see(&mut firm, "new.example", 240_000 + 24 * days, false)).collect();
            told.iter().any(|(rule, _)| *rule == Rule::NewHelo)
        };
        assert!(told(3) && !told(2));
    }

    #[test]
    fn names_that_change_with_the_sender_are_odd_and_names_of_people_are_not() {
        let mut virus = Helos::default();
        let told: Vec<_> =
            (0..12).flat_map(|number| see(&mut virus, &format!("h{number}.example"), 240_000, true)).collect();
        assert!(told.iter().any(|(rule, _)| *rule == Rule::HeloForm));
        let mut person = Helos::default();
        let told: Vec<_> = (0..50).flat_map(|_| see(&mut person, "LAPTOP", 240_000, true)).collect();
        assert_eq!(told, []);
    }
}
