//! Abuse of each kind, on top of what a customer does anyway.

use std::time::Duration;

use evidence::Time;

use super::customer::{Customer, Sort};
use super::model::{Draft, after, from_outside, mail, to};
use super::ordinary::habits;
use super::plan::{Doing, Door, Fate, Kind, Mail, Place, Recipient, Session};
use super::rhythm::{HOUR, MINUTE};
use super::world::{self, DOMAIN};
use crate::chance::Chance;

/// The failures of the cleanest and of the dirtiest of dirty lists, and of the worst of clean ones.
pub(crate) const DIRTY: (f64, f64) = (0.05, 0.40);
pub(crate) const CLEAN: f64 = 0.02;

/// With so many lines `Received:` in front of its own, a server takes a message for one that goes round: Postfix refuses it,
/// Exim takes it and sends it back. This is what Postfix has by default.
pub(crate) const HOPS: usize = 50;

/// How often mail of other customers is refused because of the list that the provider got onto.
const COLLATERAL: f64 = 0.01;

/// One more of this kind, which is the one with the number `turn`.
///
/// # Panics
/// When the kind is no abuse.
pub(crate) fn add(draft: &mut Draft, kind: Kind, turn: usize) {
    let mut chance = draft.chance(kind);
    if kind == Kind::DictionaryAttack {
        return dictionary(draft, &mut chance);
    }
    let sort = match kind {
        Kind::MassMailer | Kind::OpenRelay | Kind::Loop | Kind::BackscatterSource => Sort::Firm,
        Kind::StolenAccount => Sort::Person,
        _ if turn.is_multiple_of(2) => Sort::Person,
        _ => Sort::Firm,
    };
    let (subject, customer) = draft.customer(kind, sort, &mut chance);
    habits(draft, (subject, &customer), &mut chance);
    let run = Run { draft, subject, customer, chance };
    match kind {
        Kind::DirtyListSpammer => run.dirty(turn),
        Kind::CleanListSpammer => run.clean(),
        Kind::StolenAccount => run.stolen(),
        Kind::MassMailer => run.virus(),
        Kind::OpenRelay => run.relay(),
        Kind::Loop => run.forwarded_forever(),
        Kind::BackscatterSource => run.backscatter(),
        Kind::BlockListed => run.listed(),
        other => unreachable!("{} is no abuse", other.name()),
    }
}

/// The abuse of one customer.
struct Run<'a> {
    draft: &'a mut Draft,
    subject: usize,
    customer: Customer,
    chance: Chance,
}

impl Run<'_> {
    /// When it starts: after the first third, so that the customer is known by then, and before the last.
    fn start(&mut self) -> Time {
        let span = self.draft.plan.end.since(self.draft.plan.start);
        self.draft.plan.start + span.mul_f64(self.chance.between(0.35, 0.7))
    }

    fn send(&mut self, at: Time, mails: Vec<Mail>) {
        let who = (self.subject, &self.customer);
        self.draft.visit(at, who, mails, Doing::Abuse, &mut self.chance);
    }

    /// An address of a spammer's list, of which this share is wrong.
    fn listed_address(&mut self, wrong: f64) -> Recipient {
        let address = self.draft.world.somebody(&mut self.chance);
        let fate = match self.chance.unit() {
            unit if unit < wrong => Fate::Unknown,
            unit if unit > 0.97 => Fate::Deferred,
            unit if unit > 0.96 => Fate::Policy,
            _ => Fate::Delivered,
        };
        to(address, fate)
    }

    /// Spam to as many recipients as that, in several runs of a few hours with pauses of half a day.
    fn spam(&mut self, recipients: usize, wrong: f64, senders: usize) {
        let mut at = self.start();
        let senders: Vec<_> = (0..senders)
            .map(|_| format!("{}@{}", world::person(&mut self.chance), self.draft.world.any(&mut self.chance)))
            .chain(self.customer.senders.first().cloned())
            .collect();
        let size = self.chance.within(2000, 9000);
        let (mut sent, mut of_run) = (0, 0);
        while sent < recipients {
            let mut mails = Vec::new();
            for _ in 0..self.chance.within(1, 4) {
                let to: Vec<_> = (0..self.chance.within(1, 4)).map(|_| self.listed_address(wrong)).collect();
                sent += to.len();
                let sender = self.chance.pick(&senders).clone();
                let size = size + self.chance.below(400);
                mails.push(Mail { size, ..mail(&sender, to, &mut self.chance) });
            }
            of_run += mails.len();
            self.send(at, mails);
            let pause = if of_run > 250 { HOUR * 9 } else { Duration::from_secs(40) };
            of_run %= 251;
            at = after(at, pause, &mut self.chance);
        }
    }

    fn dirty(mut self, turn: usize) {
        let of = self.draft.model.abuse as f64;
        let part = (turn as f64 + self.chance.unit()) / of;
        let wrong = DIRTY.0 + (DIRTY.1 - DIRTY.0) * part;
        let senders = self.chance.within(0, 3);
        self.spam(1800, wrong, senders);
    }

    fn clean(mut self) {
        let wrong = self.chance.between(0.0, CLEAN);
        self.spam(2200, wrong, 0);
    }

    /// An account of which somebody has the password: slow, around the clock, from many networks.
    fn stolen(mut self) {
        let networks: Vec<_> = (0..self.chance.within(40, 90)).map(|_| world::elsewhere(&mut self.chance)).collect();
        let (mut at, wrong) = (self.start(), self.chance.between(0.02, 0.08));
        while at < self.draft.plan.end {
            let recipients = (0..self.chance.within(1, 3)).map(|_| self.listed_address(wrong)).collect();
            let sender = self.customer.senders[0].clone();
            let mails = vec![mail(&sender, recipients, &mut self.chance)];
            let source = *self.chance.pick(&networks);
            let helo = match self.chance.below(3) {
                0 => format!("[{source}]"),
                1 => world::word(&mut self.chance),
                _ => "localhost".to_owned(),
            };
            let account = self.customer.account().map(str::to_owned);
            let session = Session {
                account,
                door: Door::Submission,
                ..from_outside(at, source, &helo, mails, self.subject, Doing::Abuse)
            };
            self.draft.session(session);
            at = after(at, MINUTE * 5, &mut self.chance);
        }
    }

    /// A worm: each message with a name and a sender of its own, all of one size.
    fn virus(mut self) {
        let (mut at, size) = (self.start(), self.chance.within(18_000, 34_000));
        for _ in 0..self.chance.within(900, 1400) {
            let domain = self.draft.world.any(&mut self.chance).to_owned();
            let sender = format!("{}@{domain}", world::person(&mut self.chance));
            self.customer.helos = vec![match self.chance.below(4) {
                0 => world::word(&mut self.chance),
                1 => domain,
                2 => format!("mail.{domain}"),
                _ => self.chance.letters(8).to_uppercase(),
            }];
            let to = vec![self.listed_address(0.3)];
            let mails =
                vec![Mail { size: size + self.chance.below(size / 200), ..mail(&sender, to, &mut self.chance) }];
            self.send(at, mails);
            at = after(at, Duration::from_secs(60), &mut self.chance);
        }
    }

    /// A server that relays for everybody: one name, many senders, many recipients.
    fn relay(mut self) {
        let mut at = self.start();
        for _ in 0..self.chance.within(500, 700) {
            let sender = format!("{}@{}", world::person(&mut self.chance), self.draft.world.any(&mut self.chance));
            let to = (0..self.chance.within(2, 8)).map(|_| self.listed_address(0.15)).collect();
            let mails = vec![Mail { received: 1, ..mail(&sender, to, &mut self.chance) }];
            self.send(at, mails);
            at = after(at, Duration::from_secs(90), &mut self.chance);
        }
    }

    /// Messages that come back and are sent again, each time with three lines `Received:` more, until there are too many.
    fn forwarded_forever(mut self) {
        let mut start = self.start();
        let forwarded = self.draft.world.somebody(&mut self.chance);
        for _ in 0..self.chance.within(8, 14) {
            let sender = format!("{}@{}", world::person(&mut self.chance), self.draft.world.any(&mut self.chance));
            let first = mail(&sender, vec![to(forwarded.clone(), Fate::Delivered)], &mut self.chance);
            let mut at = start;
            for turn in 0..=17 {
                let received = 2 + turn * 3;
                let fate = if received < HOPS { Fate::Delivered } else { Fate::Refused };
                let size = first.size + turn * 180;
                self.send(
                    at,
                    vec![Mail { received, size, recipients: vec![to(forwarded.clone(), fate)], ..first.clone() }],
                );
                at = after(at, Duration::from_secs(25), &mut self.chance);
            }
            start = after(start, HOUR, &mut self.chance);
        }
    }

    /// A server that takes any recipient and bounces afterwards, to senders that are forged.
    fn backscatter(mut self) {
        let mut at = self.start();
        for _ in 0..self.chance.within(600, 900) {
            let address = format!("{}@{}", world::person(&mut self.chance), self.draft.world.any(&mut self.chance));
            let fate = if self.chance.happens(0.25) { Fate::Unknown } else { Fate::Delivered };
            let mails = vec![mail("", vec![to(address, fate)], &mut self.chance)];
            self.send(at, mails);
            at = after(at, Duration::from_secs(60), &mut self.chance);
        }
    }

    /// Spam for which the provider's server got onto a list: half of the world refuses it.
    fn listed(mut self) {
        let mut at = self.start();
        for _ in 0..self.chance.within(500, 700) {
            let mut recipient = self.listed_address(0.03);
            if self.chance.happens(0.5) {
                recipient.fate = Fate::Listed;
            }
            let sender = self.customer.senders[0].clone();
            let mails = vec![mail(&sender, vec![recipient], &mut self.chance)];
            self.send(at, mails);
            at = after(at, Duration::from_secs(70), &mut self.chance);
        }
    }
}

/// Somebody outside who tries names of mailboxes: fifteen in each connection, hardly one of which exists.
fn dictionary(draft: &mut Draft, chance: &mut Chance) {
    let address = draft.stranger(chance);
    let subject = draft.subject(address.to_string(), Place::Outside, Kind::DictionaryAttack);
    let span = draft.plan.end.since(draft.plan.start);
    let mut at = draft.plan.start + span.mul_f64(chance.between(0.2, 0.8));
    for _ in 0..chance.within(60, 120) {
        let mut guesses: Vec<_> =
            (0..15).map(|_| to(format!("{}@{DOMAIN}", world::person(chance)), Fate::Refused)).collect();
        if chance.happens(0.3) {
            guesses[7] = to(draft.mailbox(chance), Fate::Delivered);
        }
        let sender = format!("{}@{}", world::person(chance), draft.world.any(chance));
        let helo = if chance.happens(0.5) { DOMAIN.to_owned() } else { world::word(chance) };
        let mails = vec![mail(&sender, guesses, chance)];
        draft.session(from_outside(at, address, &helo, mails, subject, Doing::Abuse));
        at = after(at, MINUTE * 2, chance);
    }
}

/// While the provider is on a list, some mail of others is refused for it as well.
pub(crate) fn collateral(draft: &mut Draft) {
    let of_listed = |session: &&Session| {
        session.doing == Doing::Abuse && draft.plan.subjects[session.subject].kind == Kind::BlockListed
    };
    let times: Vec<_> = draft.plan.sessions.iter().filter(of_listed).map(|session| session.at).collect();
    let (Some(first), Some(last)) = (times.iter().min().copied(), times.iter().max().copied()) else { return };
    let mut chance = Chance::of(draft.model.seed, "collateral", 0);
    let ordinary = |session: &&mut Session| session.doing == Doing::Ordinary && (first..=last).contains(&session.at);
    for session in draft.plan.sessions.iter_mut().filter(ordinary) {
        for recipient in session.mails.iter_mut().flat_map(|mail| &mut mail.recipients) {
            let elsewhere = !recipient.address.ends_with(DOMAIN);
            if elsewhere && recipient.fate == Fate::Delivered && chance.happens(COLLATERAL) {
                recipient.fate = Fate::Listed;
            }
        }
    }
}
