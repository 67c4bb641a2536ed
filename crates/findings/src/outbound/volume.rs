//! X7, X8, X10, X11, V1 and S1: rules on what the day's volume tells: strangers, recipients for each message, null senders,
//! block lists, growth against the customer's own past, and a scanner's words.

use crate::baseline::Usual;
use crate::rule::{Reading, Rule};
use crate::threshold::{Threshold, Thresholds};
use crate::window::{Volume, share};

/// Recipients of a usual day when nothing is known: few, since a customer who never sent has no usual day.
const FEW: f32 = 12.5;

/// X7: recipients to whom the customer never wrote. Not only many: many for this customer.
pub(crate) fn strangers(day: &Volume, usual: &Usual, thresholds: &Thresholds) -> Option<Reading> {
    let threshold = thresholds.value(Threshold::Strangers);
    let own = usual.most_strangers() * thresholds.value(Threshold::StrangersUsual);
    Reading::of(day.strangers as f32, threshold.max(own))
}

/// V1: recipients against the usual day.
pub(crate) fn growth(day: &Volume, usual: &Usual, thresholds: &Thresholds) -> Option<Reading> {
    if (day.recipients as f32) < thresholds.value(Threshold::GrowthRecipients) {
        return None;
    }
    Reading::of(day.recipients as f32 / usual.recipients().max(FEW), thresholds.value(Threshold::Growth))
}

/// Recipients of a day from which on X8 looks at their number for each message.
const SPREAD_FROM: u32 = 100;

/// X8: different recipients for each message.
pub(crate) fn spread(day: &Volume, different: f64, thresholds: &Thresholds) -> Option<Reading> {
    if day.recipients < SPREAD_FROM || day.messages == 0 {
        return None;
    }
    Reading::of((different / f64::from(day.messages)) as f32, thresholds.value(Threshold::Spread))
}

/// X10: null senders to domains never written to. Every mail server has some; many are many for this one.
pub(crate) fn nulls(day: &Volume, usual: &Usual, thresholds: &Thresholds) -> Option<Reading> {
    let own = usual.most_null_strangers() * thresholds.value(Threshold::StrangersUsual);
    Reading::of(day.null_strangers as f32, thresholds.value(Threshold::NullStrangers).max(own))
}

/// How much greater than the site's a customer's share of listings must be: when our own server is listed, all meet it.
const MORE_THAN_SITE: f64 = 3.0;

/// X11: replies that name a block list. `lately` is the share of them in the customer's last mail, `site` that in all mail.
pub(crate) fn listed(day: &Volume, lately: f32, site: f64, thresholds: &Thresholds) -> Option<Reading> {
    let own = share(day.listed, day.recipients).max(f64::from(lately));
    if own < MORE_THAN_SITE * site || (own as f32) < thresholds.value(Threshold::ListedShare) {
        return None;
    }
    Reading::of(day.listed as f32, thresholds.value(Threshold::Listed))
}

/// S1: what scanners say of the day's mail.
pub(crate) fn scanner(day: &Volume, thresholds: &Thresholds) -> Option<(Rule, Reading)> {
    let viruses = Reading::of(day.viruses as f32, thresholds.value(Threshold::Viruses));
    let is_most = share(day.spams, day.messages.max(day.spams)) as f32 >= thresholds.value(Threshold::SpamShare);
    let spams = Reading::of(day.spams as f32, thresholds.value(Threshold::Spams)).filter(|_| is_most);
    viruses.filter(Reading::holds).or(spams).map(|reading| (Rule::Scanner, reading))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(reading: Option<Reading>) -> bool {
        reading.is_some_and(|reading| reading.holds())
    }

    #[test]
    fn many_strangers_are_many_for_this_customer() {
        let thresholds = Thresholds::default();
        let day = |strangers| Volume { strangers, recipients: strangers, ..Volume::default() };
        let mut list = Usual::default();
        list.learn(&day(1000));
        assert!(holds(strangers(&day(200), &Usual::default(), &thresholds)));
        assert!(!holds(strangers(&day(199), &Usual::default(), &thresholds)));
        assert!(!holds(strangers(&day(2999), &list, &thresholds)));
        assert!(holds(strangers(&day(3000), &list, &thresholds)));
        assert!(holds(growth(&day(8000), &list, &thresholds)) && !holds(growth(&day(7999), &list, &thresholds)));
        assert!(holds(growth(&day(100), &Usual::default(), &thresholds)));
        assert!(!holds(growth(&day(99), &Usual::default(), &thresholds)));
    }

    #[test]
    fn spread_needs_a_hundred_recipients() {
        let day = |recipients, messages| Volume { recipients, messages, ..Volume::default() };
        assert!(holds(spread(&day(120, 100), 120.0, &Thresholds::default())));
        assert!(!holds(spread(&day(120, 101), 120.0, &Thresholds::default())));
        assert!(!holds(spread(&day(90, 1), 90.0, &Thresholds::default())));
    }

    #[test]
    fn when_all_customers_meet_a_block_list_it_is_not_one_of_them() {
        let day = Volume { recipients: 100, listed: 10, null_strangers: 20, ..Volume::default() };
        assert!(holds(listed(&day, 0.0, 0.01, &Thresholds::default())));
        assert!(!holds(listed(&day, 0.0, 0.05, &Thresholds::default())));
        let busy = Volume { recipients: 1000, ..day };
        assert!(!holds(listed(&busy, 0.0, 0.01, &Thresholds::default())), "one in a hundred");
        assert!(holds(listed(&busy, 0.2, 0.01, &Thresholds::default())), "but lately one in five");
        assert!(holds(nulls(&day, &Usual::default(), &Thresholds::default())));
    }

    #[test]
    fn two_viruses_or_a_third_of_spam_are_enough() {
        let day = |messages, spams, viruses| Volume { messages, spams, viruses, ..Volume::default() };
        let told = |day: &Volume| holds(scanner(day, &Thresholds::default()).map(|(_, reading)| reading));
        assert!(told(&day(1000, 0, 2)));
        assert!(told(&day(30, 10, 0)));
        assert!(!told(&day(100, 10, 1)));
    }
}
