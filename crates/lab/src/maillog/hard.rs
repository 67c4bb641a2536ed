//! Customers that look abused and are not.

use std::time::Duration;

use super::customer::{Customer, Sort};
use super::model::{Draft, after, from_outside, mail, to};
use super::ordinary::habits;
use super::plan::{Doing, Fate, Kind, Mail, Place};
use super::rhythm::{DAY, HOUR, MINUTE, Rhythm, is_weekend};
use super::world::{self, DOMAIN};
use crate::chance::Chance;

/// The share of a stale newsletter's addresses that are no longer there.
pub(crate) const STALE: f64 = 0.08;
/// How many machines with names of their own are behind the one address of an office.
pub(crate) const MACHINES: usize = 15;

/// One more of this kind.
///
/// # Panics
/// When the kind is none of these.
pub(crate) fn add(draft: &mut Draft, kind: Kind) {
    let mut chance = draft.chance(kind);
    let sort = match kind {
        Kind::VacationStorm | Kind::BackscatterVictim => Sort::Person,
        _ => Sort::Firm,
    };
    let (subject, mut customer) = draft.customer(kind, sort, &mut chance);
    let chance = &mut chance;
    match kind {
        Kind::StaleNewsletter => newsletter(draft, subject, &customer, chance),
        Kind::NatOffice => office(draft, subject, &mut customer, chance),
        Kind::ForwardingDomain => forwarding(draft, subject, &customer, chance),
        Kind::VacationStorm => vacation(draft, subject, &customer, chance),
        Kind::NotificationFlood => notifications(draft, subject, &customer, chance),
        Kind::UptimeMonitor => monitor(draft, subject, &customer, chance),
        Kind::MigratedServer => migration(draft, subject, &mut customer, chance),
        Kind::BackscatterVictim => victim(draft, subject, &customer, chance),
        other => unreachable!("{} is no hard kind", other.name()),
    }
}

/// A newsletter to an old list: one sender with VERP, sent on two days, by connections of twenty messages.
fn newsletter(draft: &mut Draft, subject: usize, customer: &Customer, chance: &mut Chance) {
    habits(draft, (subject, customer), chance);
    let domain = format!("news.{}", customer.domain());
    let readers: Vec<_> = (0..chance.within(700, 900))
        .map(|_| {
            let address = draft.world.somebody(chance);
            to(address, if chance.happens(STALE) { Fate::Unknown } else { Fate::Delivered })
        })
        .collect();
    let days: Vec<_> = draft.days().into_iter().filter(|day| !is_weekend(*day)).collect();
    let issues = [days.get(1).or(days.first()), days.get(3)];
    for day in issues.into_iter().flatten() {
        let (mut at, size) = (*day + HOUR * 10 + MINUTE * chance.below(60) as u32, chance.within(9000, 14_000));
        for part in readers.chunks(20) {
            let mails = part.iter().map(|reader| {
                let sender = format!("bounces+{}@{domain}", reader.address.replace('@', "="));
                Mail { size: size + chance.below(60), ..mail(&sender, vec![reader.clone()], chance) }
            });
            let mails = mails.collect();
            draft.visit(at, (subject, customer), mails, Doing::Hard, chance);
            at = after(at, MINUTE, chance);
        }
    }
}

/// An office whose machines share an address: as many names, on all days of work.
fn office(draft: &mut Draft, subject: usize, customer: &mut Customer, chance: &mut Chance) {
    let domain = customer.domain().to_owned();
    for day in draft.days() {
        for machine in 0..MACHINES {
            let helo = format!("PC-{:02}.{}", machine + 1, domain.replace(".example", ".local"));
            customer.helos = vec![helo];
            for at in Rhythm::OFFICE.times(day, 6.0, chance) {
                let sender = &customer.senders[machine % customer.senders.len()];
                let mails = vec![mail(sender, customer.recipients(&draft.world, chance), chance)];
                draft.visit(at, (subject, customer), mails, Doing::Hard, chance);
            }
        }
    }
}

/// A domain whose mail is passed on to a mailbox elsewhere, with the senders that it had: also spam, which is refused there.
fn forwarding(draft: &mut Draft, subject: usize, customer: &Customer, chance: &mut Chance) {
    let boxes: Vec<_> = (0..4).map(|_| draft.world.somebody(chance)).collect();
    for day in draft.days() {
        for at in Rhythm::private(chance).times(day, 130.0, chance) {
            let spam = chance.happens(0.12);
            let sender = format!("{}@{}", world::person(chance), draft.world.any(chance));
            let fate = if spam && chance.happens(0.5) { Fate::Content } else { Fate::Delivered };
            let mails =
                vec![Mail { received: 2, ..mail(&sender, vec![to(chance.pick(&boxes).clone(), fate)], chance) }];
            draft.visit(at, (subject, customer), mails, Doing::Hard, chance);
        }
    }
}

/// Automatic replies to everybody who wrote, with the null sender, from some day on.
fn vacation(draft: &mut Draft, subject: usize, customer: &Customer, chance: &mut Chance) {
    habits(draft, (subject, customer), chance);
    let days = draft.days();
    for day in days.iter().skip(days.len() / 3).take(4) {
        for at in Rhythm::OFFICE.times(*day, 90.0, chance) {
            let address = format!("{}@{}", world::person(chance), draft.world.any(chance));
            let fate = if chance.happens(0.05) { Fate::Unknown } else { Fate::Delivered };
            let mails = vec![Mail { size: 900 + chance.below(40), ..mail("", vec![to(address, fate)], chance) }];
            draft.visit(at, (subject, customer), mails, Doing::Hard, chance);
        }
    }
}

/// A program that reports the same fault over and over: one sender, one recipient, one size, for a night.
fn notifications(draft: &mut Draft, subject: usize, customer: &Customer, chance: &mut Chance) {
    habits(draft, (subject, customer), chance);
    let (sender, admin) = (format!("alerts@{}", customer.domain()), draft.world.somebody(chance));
    let days = draft.days();
    let mut at = days[days.len() / 2] + HOUR * 2;
    for _ in 0..chance.within(900, 1300) {
        let mails = vec![Mail {
            size: 1500 + chance.below(12),
            ..mail(&sender, vec![to(admin.clone(), Fate::Delivered)], chance)
        }];
        draft.visit(at, (subject, customer), mails, Doing::Hard, chance);
        at = after(at, Duration::from_secs(20), chance);
    }
}

/// A watcher that connects every five minutes, and sends a test message to one mailbox every half hour.
fn monitor(draft: &mut Draft, subject: usize, customer: &Customer, chance: &mut Chance) {
    let (sender, mailbox) = (format!("probe@{}", customer.domain()), draft.world.somebody(chance));
    let mut at = draft.plan.start + Duration::from_secs(chance.below(300) as u64);
    let mut turn = 0;
    while at < draft.plan.end {
        let mut mails = Vec::new();
        if turn % 6 == 0 {
            mails.push(Mail { size: 700, ..mail(&sender, vec![to(mailbox.clone(), Fate::Delivered)], chance) });
        }
        draft.visit(at, (subject, customer), mails, Doing::Hard, chance);
        at = at + MINUTE * 5;
        turn += 1;
    }
}

/// A firm that moves to another server half way: another name, another program, all mail through it from then on.
fn migration(draft: &mut Draft, subject: usize, customer: &mut Customer, chance: &mut Chance) {
    customer.per_day = customer.per_day.max(60.0);
    let days = draft.days();
    let moved = days.len() / 2;
    for (index, day) in days.iter().enumerate() {
        if index == moved {
            customer.helos = vec![format!("exchange01.{}", customer.domain()), format!("edge.{}", customer.domain())];
        }
        for at in customer.rhythm.times(*day, customer.per_day, chance) {
            let sender = chance.pick(&customer.senders).clone();
            let mails = vec![mail(&sender, customer.recipients(&draft.world, chance), chance)];
            draft.visit(at, (subject, customer), mails, Doing::Hard, chance);
        }
    }
}

/// Somebody whose address is forged elsewhere: bounces come in from many servers for mail that it never sent.
fn victim(draft: &mut Draft, subject: usize, customer: &Customer, chance: &mut Chance) {
    habits(draft, (subject, customer), chance);
    let address = customer.account().map_or_else(|| format!("info@{DOMAIN}"), str::to_owned);
    let servers: Vec<_> = (0..60)
        .map(|_| {
            let (server, domain) = (draft.stranger(chance), draft.world.any(chance).to_owned());
            let helo = format!("mx.{domain}");
            draft.plan.names.push((server, helo.clone()));
            let who = draft.subject(server.to_string(), Place::Outside, Kind::Correspondent);
            (server, helo, who)
        })
        .collect();
    let start = draft.plan.start + DAY.mul_f64(draft.model.days as f64 * 0.4);
    for _ in 0..chance.within(500, 800) {
        let at = start + HOUR.mul_f64(chance.between(0.0, 30.0));
        let (server, helo, who) = chance.pick(&servers).clone();
        let mails = vec![mail("", vec![to(address.clone(), Fate::Delivered)], chance)];
        draft.session(from_outside(at, server, &helo, mails, who, Doing::Hard));
    }
}
