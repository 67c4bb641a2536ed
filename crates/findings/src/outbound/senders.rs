//! X2: sender domains that are new for the customer. People write in their own name; spam and viruses forge.
//!
//! Senders are made plain before ([`crate::sender`]): lists, forwarders and tags are one sender each. The null sender is
//! left out.

use minicbor::{Decode, Encode};

use crate::moment::Moment;
use crate::rule::{Reading, Rule};
use crate::sighting::{Novelty, Sightings};
use crate::threshold::{Threshold, Thresholds};
use crate::window::{Volume, share};

/// Sender domains of a customer that are told apart; more are "at least", and new each time.
pub const SENDER_DOMAINS: u32 = 384;

#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Senders {
    #[n(0)]
    domains: Sightings,
    /// The share of new domains in the last messages.
    #[n(1)]
    lately: f32,
}

/// What one message weighs in the share of the last ones: half of them are new after eleven new ones in a row.
pub(crate) const ONE_MESSAGE: f32 = 1.0 / 16.0;

impl Senders {
    /// A message of this sender domain (a hash); how new that is.
    pub(crate) fn see(&mut self, domain: u64, now: Moment) -> Novelty {
        let novelty = self.domains.see(domain, now.hour, SENDER_DOMAINS);
        self.lately += ONE_MESSAGE * (f32::from(u8::from(novelty != Novelty::Known)) - self.lately);
        novelty
    }

    /// After [`Senders::see`] called one new, and the day's volume counts the message.
    pub(crate) fn judge(&self, now: Moment, day: &Volume, thresholds: &Thresholds, told: &mut Vec<(Rule, Reading)>) {
        let threshold = thresholds.value(Threshold::SenderDomains);
        let named = day.messages.saturating_sub(day.nulls.min(day.messages));
        let least = thresholds.value(Threshold::SenderShare);
        let of_day = share(day.newcomers, named.max(day.newcomers)) as f32;
        if of_day.max(self.lately) < least || (self.domains.held() as f32) < threshold / 2.0 {
            return;
        }
        let reading = Reading::of(self.domains.fresh(now.hour) as f32, threshold);
        told.extend(reading.map(|reading| (Rule::SenderDomains, reading.at_least(self.domains.is_full(now.hour)))));
    }

    pub(crate) fn tidy(&mut self, hour: u32) {
        self.domains.expire(hour, crate::sighting::FORGOTTEN_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(usual: u32, new: u64) -> Vec<(Rule, Reading)> {
        let mut senders = Senders::default();
        let now = Moment { hour: 10_000, ..Moment::default() };
        let day = Volume { messages: usual + new as u32, newcomers: new as u32, ..Volume::default() };
        for domain in 0..new {
            senders.see((domain + 1) << 32, now);
        }
        let mut told = vec![];
        senders.judge(now, &day, &Thresholds::default(), &mut told);
        told
    }

    #[test]
    fn eight_new_domains_hold_when_they_are_half_of_the_mail() {
        assert!(told(8, 8)[0].1.holds());
        assert!(told(9, 8).is_empty(), "few of the day, and few lately");
        assert!(!told(0, 7)[0].1.holds());
        assert!(told(0, 3).is_empty());
    }

    #[test]
    fn more_domains_than_are_told_apart_are_at_least() {
        let reading = told(0, 1000)[0].1;
        assert!(reading.at_least && reading.number >= SENDER_DOMAINS as f32);
    }
}
