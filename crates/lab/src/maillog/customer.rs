//! A customer of the provider and its habits: how it reaches the server, as whom it writes, to whom.

use std::net::IpAddr;

use super::plan::{Door, Fate, Recipient};
use super::rhythm::Rhythm;
use super::world::{self, DOMAIN, World};
use crate::chance::Chance;

/// How the provider knows a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Account(String),
    /// By the address of its line.
    Line(IpAddr),
    /// By its prefix of 64 bits, of which it uses any address.
    Prefix(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) access: Access,
    /// Where it sends from when it is at home.
    home: IpAddr,
    /// How often it sends from a mobile network instead; 0 for lines.
    roams: f64,
    pub(crate) helos: Vec<String>,
    pub(crate) senders: Vec<String>,
    book: Vec<String>,
    pub(crate) rhythm: Rhythm,
    /// Messages on a day of work.
    pub(crate) per_day: f64,
    /// How often a recipient is one it never wrote to, and how often such an address is wrong.
    new: f64,
    wrong: f64,
}

/// What customers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A person with an account.
    Person,
    /// A firm whose server or office sends by its line.
    Firm,
}

impl Customer {
    /// The customer with this number.
    pub(crate) fn new(number: usize, sort: Sort, world: &World, chance: &mut Chance) -> Self {
        match sort {
            Sort::Person => Self::person(number, world, chance),
            Sort::Firm => Self::firm(number, world, chance),
        }
    }

    fn person(number: usize, world: &World, chance: &mut Chance) -> Self {
        let account = format!("{}{number}@{DOMAIN}", world::person(chance));
        let device = match chance.below(5) {
            0 => format!("[192.168.{}.{}]", chance.below(3), chance.within(2, 120)),
            1 => format!("DESKTOP-{}", chance.hex(7)),
            2 => "smtpclient.apple".to_owned(),
            3 => format!("{}-PC", world::word(chance)),
            _ => format!("[10.0.0.{}]", chance.within(2, 90)),
        };
        let mut helos = vec![device];
        if chance.happens(0.35) {
            helos.push("[127.0.0.1]".to_owned());
        }
        let home = if chance.happens(0.15) { world::line_6(number, chance) } else { world::line(number) };
        let senders = vec![account.clone()];
        let roams = if chance.happens(0.3) { chance.between(0.05, 0.5) } else { 0.0 };
        let rhythm = if chance.happens(0.3) { Rhythm::office(chance) } else { Rhythm::private(chance) };
        Self { roams, ..Self::with(Access::Account(account), home, helos, senders, rhythm, 6.0, world, chance) }
    }

    fn firm(number: usize, world: &World, chance: &mut Chance) -> Self {
        let domain = format!("{}{number}.example", world::word(chance));
        let helo = match chance.below(4) {
            0 => format!("mail.{domain}"),
            1 => format!("srv01.{}.local", world::word(chance)),
            2 => format!("smtp.{domain}"),
            _ => domain.clone(),
        };
        let people = chance.within(1, 12);
        let senders = (0..people).map(|_| format!("{}@{domain}", world::person(chance))).collect();
        let six = chance.happens(0.15);
        let home = if six { world::line_6(number, chance) } else { world::line(number) };
        let access = if six { Access::Prefix(number) } else { Access::Line(home) };
        let rhythm = Rhythm::office(chance);
        Self::with(access, home, vec![helo], senders, rhythm, 10.0 + 3.0 * people as f64, world, chance)
    }

    #[expect(clippy::too_many_arguments, reason = "all that makes a customer")]
    fn with(
        access: Access,
        home: IpAddr,
        helos: Vec<String>,
        senders: Vec<String>,
        rhythm: Rhythm,
        per_day: f64,
        world: &World,
        chance: &mut Chance,
    ) -> Self {
        let book = (0..chance.within(15, 120)).map(|_| world.somebody(chance)).collect();
        let per_day = chance.lognormal(per_day, 0.8).clamp(0.5, 150.0);
        let (new, wrong) = (chance.between(0.02, 0.12), chance.between(0.02, 0.12));
        Self { access, home, roams: 0.0, helos, senders, book, rhythm, per_day, new, wrong }
    }

    /// Its name for a detector.
    pub(crate) fn subject(&self) -> String {
        match &self.access {
            Access::Account(account) => account.clone(),
            Access::Line(address) => address.to_string(),
            Access::Prefix(number) => format!("2001:db8:c000:{number:x}::/64"),
        }
    }

    pub(crate) fn account(&self) -> Option<&str> {
        if let Access::Account(account) = &self.access { Some(account) } else { None }
    }

    pub(crate) fn door(&self) -> Door {
        if self.account().is_some() { Door::Submission } else { Door::Mail }
    }

    /// The domain of its own, or that of the provider.
    pub(crate) fn domain(&self) -> &str {
        self.senders[0].split_once('@').map_or(DOMAIN, |(_, domain)| domain)
    }

    /// The address from which it sends this time.
    pub(crate) fn source(&self, chance: &mut Chance) -> IpAddr {
        match self.access {
            Access::Prefix(number) if chance.happens(0.3) => world::line_6(number, chance),
            _ if chance.happens(self.roams) => world::mobile(chance),
            _ => self.home,
        }
    }

    /// The name by which it greets this time; the first one nearly always.
    pub(crate) fn helo(&self, chance: &mut Chance) -> &str {
        let index = if chance.happens(0.2) { chance.below(self.helos.len()) } else { 0 };
        &self.helos[index]
    }

    /// To whom it writes this time: mostly to whom it has always written.
    pub(crate) fn recipients(&self, world: &World, chance: &mut Chance) -> Vec<Recipient> {
        let count = if chance.happens(0.82) { 1 } else { chance.within(2, 8) };
        let content = chance.happens(0.003);
        (0..count)
            .map(|_| {
                let known = !chance.happens(self.new);
                let address =
                    if known { self.book[chance.favourite(self.book.len())].clone() } else { world.somebody(chance) };
                let fate = match () {
                    () if content => Fate::Content,
                    () if !known && chance.happens(self.wrong) => Fate::Unknown,
                    () if chance.happens(if known { 0.01 } else { 0.3 }) => Fate::Deferred,
                    () if chance.happens(0.002) => Fate::Policy,
                    () => Fate::Delivered,
                };
                Recipient { address, fate }
            })
            .collect()
    }
}
