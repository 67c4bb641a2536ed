//! The model of a provider: who its customers are, what each does in some days. Pure: the same arguments give the same
//! plan, and nothing else has a say.

use std::collections::HashSet;
use std::time::Duration;

use evidence::Time;

use super::customer::{Customer, Sort};
use super::plan::{Doing, Door, Fate, Kind, Mail, Place, Plan, Recipient, Session, Subject};
use super::rhythm::DAY;
use super::world::{self, DOMAIN, World};
use super::{abuse, hard, ordinary};
use crate::chance::Chance;

/// The arguments of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// How many customers there are, of all kinds.
    pub customers: usize,
    /// How many days are planned.
    pub days: u64,
    pub seed: u64,
    /// How many there are of each kind of abuse.
    pub abuse: usize,
    /// The first midnight.
    pub start: Time,
}

/// The most customers, days, and abused ones of a kind: the addresses of the model are as many as these need.
pub const MAX_CUSTOMERS: usize = 10_000;
pub const MAX_DAYS: u64 = 366;
pub const MAX_ABUSE: usize = 100;

/// One of each kind of customers that look abused comes with that many customers begun.
const HARD_FOR_EACH: usize = 240;
/// So many lists for that many customers begun.
const LISTS: usize = 3;

/// Monday, 2026-03-02.
const START: Time = Time::from_micros(1_772_409_600_000_000);

impl Default for Model {
    fn default() -> Self {
        Self { customers: 240, days: 7, seed: 1, abuse: 2, start: START }
    }
}

impl Model {
    /// The fewest customers that a model has: so many are of a kind of their own.
    pub fn fewest(&self) -> usize {
        self.of_hard_kinds(1) + LISTS + self.abuse * (Kind::ABUSE.len() - 1)
    }

    fn of_hard_kinds(&self, times: usize) -> usize {
        Kind::HARD.len() * times
    }

    /// What happens in these days. With fewer customers than [`Model::fewest`] there are as many as that; what is beyond the
    /// greatest of these numbers is as if it were that, and there is always a day.
    pub fn plan(&self) -> Plan {
        let model = Self {
            customers: self.customers.min(MAX_CUSTOMERS),
            days: self.days.clamp(1, MAX_DAYS),
            abuse: self.abuse.min(MAX_ABUSE),
            ..*self
        };
        model.planned()
    }

    fn planned(&self) -> Plan {
        let mut draft = Draft::new(*self);
        let blocks = self.customers.div_ceil(HARD_FOR_EACH).max(1);
        for kind in Kind::HARD {
            (0..blocks).for_each(|_| hard::add(&mut draft, kind));
        }
        (0..blocks * LISTS).for_each(|_| ordinary::list(&mut draft));
        for kind in Kind::ABUSE {
            (0..self.abuse).for_each(|turn| abuse::add(&mut draft, kind, turn));
        }
        while draft.customers < self.customers {
            ordinary::customer(&mut draft);
        }
        ordinary::correspondents(&mut draft);
        abuse::collateral(&mut draft);
        draft.finish()
    }
}

/// A plan in the making.
pub(crate) struct Draft {
    pub(crate) model: Model,
    pub(crate) world: World,
    pub(crate) customers: usize,
    pub(crate) plan: Plan,
    /// Addresses outside that are somebody's, so that nobody else gets them.
    taken: HashSet<std::net::IpAddr>,
}

impl Draft {
    fn new(model: Model) -> Self {
        let world = World::new(model.seed);
        let mut chance = Chance::of(model.seed, "mailboxes", 0);
        let mailboxes = (0..150).map(|number| format!("{}{number}@{DOMAIN}", world::person(&mut chance))).collect();
        let plan = Plan {
            start: model.start,
            end: model.start + DAY * model.days as u32,
            sessions: Vec::new(),
            subjects: Vec::new(),
            names: world.names(),
            mailboxes,
        };
        Self { model, world, customers: 0, plan, taken: HashSet::new() }
    }

    /// Midnights of the days planned.
    pub(crate) fn days(&self) -> Vec<Time> {
        (0..self.model.days as u32).map(|day| self.model.start + DAY * day).collect()
    }

    /// A sequence for the next customer.
    pub(crate) fn chance(&self, kind: Kind) -> Chance {
        Chance::of(self.model.seed, kind.name(), self.plan.subjects.len() as u64)
    }

    /// One more customer.
    pub(crate) fn customer(&mut self, kind: Kind, sort: Sort, chance: &mut Chance) -> (usize, Customer) {
        let number = self.customers;
        self.customers += 1;
        let customer = Customer::new(number, sort, &self.world, chance);
        if let Some(account) = customer.account() {
            self.plan.mailboxes.push(account.to_owned());
        }
        if sort == Sort::Firm {
            // The mailboxes of firms are elsewhere.
            let exchanger = world::exchanger((number % usize::from(world::EXCHANGERS)) as u8);
            let domain = customer.domain();
            self.plan.names.extend([(exchanger, domain.to_owned()), (exchanger, format!("news.{domain}"))]);
        }
        if sort == Sort::Firm && customer.helos[0].ends_with(&format!(".{}", customer.domain())) && chance.happens(0.7)
        {
            self.plan.names.push((world::line(number), customer.helos[0].clone()));
        } else {
            self.plan.names.push((world::line(number), format!("dsl-{number}.customers.{DOMAIN}")));
        }
        let subject = self.subject(customer.subject(), Place::Inside, kind);
        (subject, customer)
    }

    pub(crate) fn subject(&mut self, name: String, place: Place, kind: Kind) -> usize {
        self.plan.subjects.push(Subject { name, place, kind, abuse: None });
        self.plan.subjects.len() - 1
    }

    /// An address outside that nobody has.
    pub(crate) fn stranger(&mut self, chance: &mut Chance) -> std::net::IpAddr {
        loop {
            let address = world::elsewhere(chance);
            if self.taken.insert(address) {
                return address;
            }
        }
    }

    pub(crate) fn mailbox(&self, chance: &mut Chance) -> String {
        chance.pick(&self.plan.mailboxes).clone()
    }

    /// A connection of a customer as it always connects.
    pub(crate) fn visit(
        &mut self,
        at: Time,
        who: (usize, &Customer),
        mails: Vec<Mail>,
        doing: Doing,
        chance: &mut Chance,
    ) {
        let (subject, customer) = who;
        let session = Session {
            at,
            source: customer.source(chance),
            door: customer.door(),
            helo: customer.helo(chance).to_owned(),
            account: customer.account().map(str::to_owned),
            wrong_password: false,
            mails,
            subject,
            doing,
        };
        self.session(session);
    }

    pub(crate) fn session(&mut self, session: Session) {
        if session.at < self.plan.end {
            self.plan.sessions.push(session);
        }
    }

    fn finish(mut self) -> Plan {
        let plan = &mut self.plan;
        plan.sessions.sort_by_key(|session| session.at);
        let mailboxes: HashSet<_> = plan.mailboxes.iter().collect();
        let recipients =
            plan.sessions.iter_mut().flat_map(|session| &mut session.mails).flat_map(|mail| &mut mail.recipients);
        // A name that was guessed may be somebody's.
        for recipient in recipients.filter(|recipient| recipient.fate == Fate::Refused) {
            if mailboxes.contains(&recipient.address) {
                recipient.fate = Fate::Delivered;
            }
        }
        for session in plan.sessions.iter().filter(|session| session.doing == Doing::Abuse) {
            let abuse = &mut plan.subjects[session.subject].abuse;
            let first = abuse.map_or(session.at, |(first, _)| first);
            *abuse = Some((first, session.at));
        }
        self.plan
    }
}

/// A message with a size and an id such as programs make them. Whoever is a recipient twice is one: a server would see to it.
pub(crate) fn mail(sender: &str, mut recipients: Vec<Recipient>, chance: &mut Chance) -> Mail {
    let mut known = HashSet::new();
    recipients.retain(|recipient| known.insert(recipient.address.clone()));
    let host = sender.split_once('@').map_or(world::SERVER, |(_, domain)| domain);
    let message_id = format!("{}.{}@{host}", chance.hex(8), chance.digits(6));
    let size = chance.lognormal(3000.0, 0.9).clamp(600.0, 60_000.0) as usize;
    Mail { sender: sender.to_owned(), recipients, size, message_id, received: 0 }
}

pub(crate) fn to(address: String, fate: Fate) -> Recipient {
    Recipient { address, fate }
}

/// A time later, by about this much.
pub(crate) fn after(at: Time, about: Duration, chance: &mut Chance) -> Time {
    at + about.mul_f64(chance.between(0.3, 1.7))
}

/// A connection from outside.
pub(crate) fn from_outside(
    at: Time,
    source: std::net::IpAddr,
    helo: &str,
    mails: Vec<Mail>,
    who: usize,
    doing: Doing,
) -> Session {
    Session {
        at,
        source,
        door: Door::Mail,
        helo: helo.to_owned(),
        account: None,
        wrong_password: false,
        mails,
        subject: who,
        doing,
    }
}
