//! What nobody minds: customers who write to whom they know, lists that people asked for, mail that comes in.

use super::customer::{Customer, Sort};
use super::model::{Draft, after, from_outside, mail, to};
use super::plan::{Doing, Fate, Kind, Place};
use super::rhythm::{MINUTE, Rhythm};
use super::world::{self, DOMAIN};
use crate::chance::Chance;

/// One more normal customer.
pub(crate) fn customer(draft: &mut Draft) {
    let mut chance = draft.chance(Kind::Normal);
    let sort = if chance.happens(0.6) { Sort::Person } else { Sort::Firm };
    let (subject, customer) = draft.customer(Kind::Normal, sort, &mut chance);
    habits(draft, (subject, &customer), &mut chance);
}

/// The mail that a customer writes by habit, on all days.
pub(crate) fn habits(draft: &mut Draft, who: (usize, &Customer), chance: &mut Chance) {
    for day in draft.days() {
        for at in who.1.rhythm.times(day, who.1.per_day, chance) {
            letter(draft, at, who, chance);
        }
    }
}

fn letter(draft: &mut Draft, at: evidence::Time, who: (usize, &Customer), chance: &mut Chance) {
    let customer = who.1;
    if customer.account().is_some() && chance.happens(0.004) {
        return wrong_password(draft, at, who, chance);
    }
    let sender = customer.senders[chance.favourite(customer.senders.len())].clone();
    let mut recipients = customer.recipients(&draft.world, chance);
    if chance.happens(0.1) {
        recipients = vec![to(draft.mailbox(chance), Fate::Delivered)];
    }
    // A null sender now and then: receipts and automatic replies.
    let sender = if chance.happens(0.01) { "" } else { &sender };
    draft.visit(at, who, vec![mail(sender, recipients, chance)], Doing::Ordinary, chance);
}

fn wrong_password(draft: &mut Draft, at: evidence::Time, who: (usize, &Customer), chance: &mut Chance) {
    draft.visit(at, who, Vec::new(), Doing::Ordinary, chance);
    if let Some(session) = draft.plan.sessions.last_mut() {
        session.wrong_password = true;
    }
}

/// One more list that people asked for: it has one sender, or one for each recipient (VERP), and few wrong addresses.
pub(crate) fn list(draft: &mut Draft) {
    let mut chance = draft.chance(Kind::List);
    let (subject, mut customer) = draft.customer(Kind::List, Sort::Firm, &mut chance);
    customer.helos = vec![format!("lists.{}", customer.domain())];
    let members: Vec<_> = (0..chance.within(40, 160)).map(|_| draft.world.somebody(&mut chance)).collect();
    let dead = chance.below(members.len());
    let verp = chance.happens(0.6);
    for day in draft.days() {
        for at in Rhythm::OFFICE.times(day, 4.0, &mut chance) {
            let domain = customer.domain();
            let fate = |index| if index == dead { Fate::Unknown } else { Fate::Delivered };
            let mails = if verp {
                let one = |(index, member): (usize, &String)| {
                    let sender = format!("list-bounces+{}@{domain}", member.replace('@', "="));
                    mail(&sender, vec![to(member.clone(), fate(index))], &mut chance)
                };
                members.iter().enumerate().map(one).collect()
            } else {
                let all = |(index, member): (usize, &String)| to(member.clone(), fate(index));
                vec![mail(&format!("list-owner@{domain}"), members.iter().enumerate().map(all).collect(), &mut chance)]
            };
            draft.visit(at, (subject, &customer), mails, Doing::Ordinary, &mut chance);
        }
    }
}

/// Servers elsewhere, which bring mail for the customers: one for each ten of these.
pub(crate) fn correspondents(draft: &mut Draft) {
    for _ in 0..draft.customers.div_ceil(10) {
        let mut chance = draft.chance(Kind::Correspondent);
        let address = draft.stranger(&mut chance);
        let domain = draft.world.any(&mut chance).to_owned();
        let helo = format!("out{}.{domain}", chance.below(9));
        draft.plan.names.push((address, helo.clone()));
        let subject = draft.subject(address.to_string(), Place::Outside, Kind::Correspondent);
        for day in draft.days() {
            for at in Rhythm::OFFICE.times(day, 25.0, &mut chance) {
                let sender = format!("{}@{domain}", world::person(&mut chance));
                let known = !chance.happens(0.01);
                let recipient = if known {
                    to(draft.mailbox(&mut chance), Fate::Delivered)
                } else {
                    to(format!("{}{}@{DOMAIN}", world::person(&mut chance), chance.digits(5)), Fate::Refused)
                };
                let at = after(at, MINUTE, &mut chance);
                let mails = vec![mail(&sender, vec![recipient], &mut chance)];
                draft.session(from_outside(at, address, &helo, mails, subject, Doing::Ordinary));
            }
        }
    }
}
