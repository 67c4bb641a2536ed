//! An ideal observer: it knows how the population was made, and gives of each host the probability of being a bot by Bayes'
//! rule over what was sampled of it. Nobody who sees the same can find more bots with as few errors, but for what is put
//! simply here. It uses neither the clues nor the model of the crate, and judges nobody outside of the population.
//!
//! What is known of a host: its packets by kind, day and hour, how many destinations, whether it looks like Windows, whether its
//! AS is one of households, of companies or beyond, and that nobody sent to its port 25. Not known are which destinations, and
//! who else is in its /24: how addresses were made gives these away here, and that says nothing of others. Of each sort hosts are drawn as for the population; each
//! is a guess, and how likely the packets are under it is computed: days by a negative binomial, kinds by a multinomial,
//! destinations met again by a binomial about what is expected. Hours go by the rhythms of all hosts of the sort.

use std::collections::BTreeMap;
use std::net::IpAddr;

use traffic::{Host, Kind};

use crate::population::View;
use crate::population::chance::Chance;
use crate::population::distinct::Distinct;
use crate::population::host::{Model, Peers, Rhythm, Sort, zone_of};
use crate::population::people::{self, COMPANIES, PEOPLE, Strangers};
use crate::population::wire::{AT_HOME, BEYOND, DEAD, SENDERS};

/// Hosts that are drawn of a sort. More change the table by less than its seeds do.
const GUESSES: u32 = 2000;

/// Destinations below which no bot is that sent five packets: it is rare, and there are many clients to look at.
const FEWEST: f64 = 3.0;

/// What is so much less likely than the best guess, as a logarithm, adds nothing to it.
const NOTHING: f64 = 30.0;

/// How a host's days differ, as the shape of a negative binomial: as a log-normal of deviation 0.3 does.
const SHAPE: f64 = 10.6;

/// The mean of that log-normal.
const DAILY: f64 = 1.046;

/// What a sort that shows something never gets, so that no surprise is infinite.
const RARE: f64 = 1e-12;

/// Kinds in the order of a plan.
const KINDS: [Kind; 8] =
    [Kind::Syn, Kind::Ack, Kind::Command, Kind::Middle, Kind::Full, Kind::SynAck, Kind::Reset, Kind::Reply];

/// The error of a sketch of destinations.
const SKETCH: f64 = 0.065;

pub(crate) struct Observer {
    view: View,
    sorts: Vec<Known>,
    distinct: Distinct,
}

/// What is known of a sort.
struct Known {
    is_bot: bool,
    /// How many there are.
    count: f64,
    /// Shares by where they are, as [`place`] numbers it; of Windows alone, of several systems.
    places: [f64; 3],
    windows: f64,
    mixed: f64,
    hours: Hours,
    guesses: Vec<Guess>,
}

/// When it is active.
enum Hours {
    /// Shares of the hosts, and logarithms of the chances of local hours.
    Local(Vec<(f64, [f64; 24])>),
    Utc([f64; 24]),
}

/// One host that might be it.
struct Guess {
    /// Logarithms of the chances of kinds.
    kinds: [f64; 8],
    /// The first day on which it is up.
    since: usize,
    /// Logarithms of the chances of a day without packets, and of one with them: for the day, and for each packet.
    idle: f64,
    active: f64,
    each: f64,
    /// Whether its days are alike.
    is_steady: bool,
    to: To,
}

/// To whom it sends.
enum To {
    Few(f64),
    /// A share to providers, of the rest these many by a power law; the share of SYNs that go nowhere.
    Circle(f64, f64, f64),
    Anybody(f64, f64),
    /// The servers of the population, as those send.
    Population,
}

impl Observer {
    /// `inward` is how many packets a server beyond the population is sent and answers on a day in this view.
    pub(crate) fn new(view: View, hosts: &[Model], inward: f64) -> Self {
        let mut chance = Chance::new(0x0b5e);
        let mut sorts: Vec<Known> = PEOPLE
            .iter()
            .map(|(sort, count)| {
                let drawn: Vec<Model> = (0..GUESSES).map(|_| people::one(*sort, 0x0a00_0001, &mut chance)).collect();
                Known::of(*sort, f64::from(*count), &drawn, view, inward)
            })
            .collect();
        let strangers = Strangers::of(hosts, view);
        for (count, share, is_at_home, is_server) in STRANGERS {
            sorts.push(Known::stranger(&strangers, count, share, is_at_home, if is_server { inward } else { 0.0 }));
        }
        Self { view, sorts, distinct: Distinct::new(&strangers.weights) }
    }

    /// The probability that a host is a bot. Nobody sends to a bot's port 25.
    pub(crate) fn bot(&self, host: &Host) -> f64 {
        let IpAddr::V4(address) = host.address else { return 0.0 };
        if host.server.packets() > 0 || host.destinations.addresses < FEWEST {
            return 0.0;
        }
        let seen = Seen::of(host, address.to_bits(), self.view.days as usize);
        let scores: Vec<f64> = self.sorts.iter().map(|sort| sort.score(&seen, &self.distinct)).collect();
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - most).exp()).sum();
        let bots = self.sorts.iter().zip(&scores).filter(|(sort, _)| sort.is_bot);
        bots.map(|(_, score)| (score - most).exp()).sum::<f64>() / sum
    }
}

/// Senders beyond the population: how many, the share of the strangers' mail, whether with households, whether servers.
const STRANGERS: [(f64, f64, bool, bool); 3] = [
    (BEYOND as f64, 13.0 / 20.0, false, true),
    (SENDERS as f64, 5.0 / 20.0, false, false),
    (AT_HOME as f64, 2.0 / 20.0, true, false),
];

/// What was seen of a host.
struct Seen {
    kinds: [f64; 8],
    all: f64,
    sent: f64,
    days: Vec<f64>,
    /// For each day the sum of the logarithms that a negative binomial has and a Poisson distribution has not.
    shaped: f64,
    utc: [f64; 24],
    local: [f64; 24],
    destinations: f64,
    is_exact: bool,
    systems: Option<bool>,
    place: usize,
}

impl Seen {
    fn of(host: &Host, address: u32, days: usize) -> Self {
        let kinds = KINDS.map(|kind| host.client.of(&[kind]) as f64);
        let days: Vec<f64> =
            (0..days).map(|day| host.client.week[day * 24..day * 24 + 24].iter().sum::<u64>() as f64).collect();
        let shaped = days.iter().map(|day| (0..*day as u64).map(|one| (SHAPE + one as f64).ln()).sum::<f64>()).sum();
        let mut utc = [0.0; 24];
        for (hour, packets) in host.client.week.iter().enumerate() {
            utc[hour % 24] += *packets as f64;
        }
        let east = (zone_of(address) / 60).rem_euclid(24) as usize;
        let local = std::array::from_fn(|hour| utc[(hour + 24 - east) % 24]);
        Self {
            all: kinds.iter().sum(),
            sent: host.client.of(&Kind::SENT) as f64,
            kinds,
            days,
            shaped,
            utc,
            local,
            destinations: host.destinations.addresses,
            is_exact: host.destinations.is_exact || host.client.days == 1,
            systems: host.systems.is_windows(),
            place: place(address),
        }
    }
}

impl Known {
    fn of(sort: Sort, count: f64, drawn: &[Model], view: View, inward: f64) -> Self {
        let share = |of: fn(&Model) -> bool| drawn.iter().filter(|model| of(model)).count() as f64 / drawn.len() as f64;
        let mut rhythms: BTreeMap<Rhythm, f64> = BTreeMap::new();
        for model in drawn {
            *rhythms.entry(model.rhythm).or_default() += 1.0 / drawn.len() as f64;
        }
        let hours = rhythms.into_iter().map(|(rhythm, share)| {
            let weights: [f64; 24] = std::array::from_fn(|hour| rhythm.weight(hour as u32));
            (share, logarithms(&weights))
        });
        Self {
            is_bot: sort == Sort::Bot,
            count,
            places: [people::at_home(sort), 1.0 - people::at_home(sort), 0.0],
            windows: share(|model| model.is_windows && !model.is_mixed),
            mixed: share(|model| model.is_mixed),
            hours: Hours::Local(hours.collect()),
            guesses: drawn.iter().map(|model| Guess::of(model, view, inward)).collect(),
        }
    }

    fn stranger(strangers: &Strangers, count: f64, share: f64, is_at_home: bool, inward: f64) -> Self {
        let daily = strangers.kinds.iter().sum::<f64>() * share / count;
        let kinds = logarithms(&strangers.kinds);
        let guess = Guess::new(kinds, daily, true, To::Population).on(1.0, 0, inward);
        Self {
            is_bot: false,
            count,
            places: if is_at_home { [1.0, 0.0, 0.0] } else { [0.0, 0.0, 1.0] },
            windows: 1.0 / 7.0,
            mixed: 0.0,
            hours: Hours::Utc(logarithms(&strangers.hours)),
            guesses: vec![guess],
        }
    }

    /// The logarithm of how likely what was seen is, times how many there are.
    fn score(&self, seen: &Seen, distinct: &Distinct) -> f64 {
        // Of several systems one alone is seen when each packet happens to come from it.
        let alone = self.mixed * 0.5f64.powf(seen.sent);
        let systems = match seen.systems {
            Some(true) => self.windows + alone,
            Some(false) => 1.0 - self.windows - self.mixed + alone,
            None => self.mixed - 2.0 * alone,
        };
        let hours =
            |hours: &[f64; 24], counts: &[f64; 24]| hours.iter().zip(counts).map(|(ln, count)| ln * count).sum();
        let hours = match &self.hours {
            Hours::Utc(chances) => hours(chances, &seen.utc),
            Hours::Local(rhythms) => {
                sum_of_logarithms(rhythms.iter().map(|(share, chances)| share.ln() + hours(chances, &seen.local)))
            }
        };
        let mut best = f64::NEG_INFINITY;
        let guesses = sum_of_logarithms(self.guesses.iter().map(|guess| {
            let score = guess.score(seen, distinct, best - NOTHING);
            best = best.max(score);
            score
        }));
        let known = self.count.ln() + self.places[seen.place].max(RARE).ln() + systems.max(RARE).ln();
        known + hours + guesses - (self.guesses.len() as f64).ln()
    }
}

impl Guess {
    fn of(model: &Model, view: View, inward: f64) -> Self {
        let plan = model
            .plan(model.messages)
            .map(|(exchange, packets)| if exchange.is_hidden(model, view) { 0.0 } else { packets * view.thinned() });
        let to = match &model.peers {
            Peers::Few(peers) => To::Few(peers.len() as f64),
            Peers::Circle { providers, size, .. } => To::Circle(*providers, *size as f64, model.dead()),
            Peers::Anybody { providers } => To::Anybody(*providers, model.dead()),
        };
        let daily = plan.iter().sum::<f64>() * DAILY;
        let inward = people::inward_of(model, view, inward);
        Self::new(logarithms(&plan), daily, false, to).on(model.days, model.up.0 as usize, inward)
    }

    /// Of so many packets that are expected to be seen on a day on which it does anything.
    fn new(kinds: [f64; 8], daily: f64, is_steady: bool, to: To) -> Self {
        let (active, each) = if is_steady {
            (-daily, daily.ln())
        } else {
            (SHAPE * (SHAPE / (SHAPE + daily)).ln(), (daily / (SHAPE + daily)).ln())
        };
        Self { kinds, since: 0, idle: 0.0, active, each, is_steady, to }
    }

    /// Of the share of days on which it does anything, the first, and the packets to and from its own port 25 on such a day,
    /// of which none was seen.
    fn on(self, days: f64, since: usize, inward: f64) -> Self {
        let active = self.active - inward;
        Self { since, idle: (1.0 - days + days * active.exp()).ln(), active: days.ln() + active, ..self }
    }

    /// The logarithm of how likely what was seen is; of one below `least`, no more than that it is below.
    fn score(&self, seen: &Seen, distinct: &Distinct, least: f64) -> f64 {
        let kinds: f64 = self.kinds.iter().zip(&seen.kinds).map(|(ln, count)| ln * count).sum();
        let mut score = kinds - if self.is_steady { seen.shaped } else { 0.0 };
        for (day, packets) in seen.days.iter().enumerate() {
            score += match (day < self.since, *packets > 0.0) {
                (true, true) => return f64::NEG_INFINITY,
                (true, false) => 0.0,
                (false, true) => self.active + packets * self.each,
                (false, false) => self.idle,
            };
        }
        if score < least { f64::NEG_INFINITY } else { score + self.destinations(seen, distinct) }
    }

    /// The logarithm of how likely so many destinations are: never above zero.
    fn destinations(&self, seen: &Seen, distinct: &Distinct) -> f64 {
        let towards = |providers: f64, dead: f64| {
            let nowhere = seen.kinds[0] * dead;
            let others = seen.all - nowhere;
            (distinct.providers(providers * others), (1.0 - providers) * others, distinct.alike(DEAD as f64, nowhere))
        };
        let expected = match self.to {
            To::Few(peers) => distinct.alike(peers, seen.all),
            To::Population => distinct.population(seen.all),
            To::Anybody(providers, dead) => {
                let (known, others, nowhere) = towards(providers, dead);
                known + distinct.alike(distinct.anybody, others) + nowhere
            }
            To::Circle(providers, size, dead) => {
                let (known, others, nowhere) = towards(providers, dead);
                known + distinct.circle(size, others) + nowhere
            }
        };
        let again = ((seen.all - expected) / (seen.all - 1.0)).clamp(1e-4, 1.0 - 1e-4);
        let (met, fresh) = ((seen.all - seen.destinations).max(0.0), (seen.destinations - 1.0).max(0.0));
        if seen.is_exact {
            return met * again.ln() + fresh * (1.0 - again).ln();
        }
        let variance = seen.all * again * (1.0 - again) + (SKETCH * seen.destinations).powi(2);
        -0.5 * (seen.destinations - expected).powi(2) / variance - 0.5 * variance.ln()
    }
}

/// How many bots can be found when as many hosts are called as this precision allows, the surest first, and the truth is at
/// hand to choose where to stop. Of each host the probability, and whether it is a bot.
pub(crate) fn bound(observed: &[(f64, bool)], precision: f64) -> u64 {
    let mut observed = observed.to_vec();
    observed.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut most) = (0u64, 0);
    for (before, (_, is_bot)) in observed.iter().enumerate() {
        right += u64::from(*is_bot);
        if right as f64 >= precision * (before + 1) as f64 {
            most = right;
        }
    }
    most
}

/// Where an address is: with households, in companies and data centres of the population, beyond it.
fn place(address: u32) -> usize {
    let network = address >> 16 & 0xff;
    usize::from(network >= COMPANIES.0) + usize::from(network >= COMPANIES.0 + COMPANIES.1)
}

/// Logarithms of shares.
fn logarithms<const N: usize>(weights: &[f64; N]) -> [f64; N] {
    let all: f64 = weights.iter().sum();
    weights.map(|weight| (weight / all).max(RARE).ln())
}

fn sum_of_logarithms(logarithms: impl Iterator<Item = f64>) -> f64 {
    let logarithms: Vec<f64> = logarithms.collect();
    let most = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + logarithms.iter().map(|logarithm| (logarithm - most).exp()).sum::<f64>().ln()
}
