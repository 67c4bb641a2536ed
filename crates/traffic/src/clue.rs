//! What of a host's features speaks for one class and against another: each clue is so many yes of so many, so that few samples
//! weigh little and many weigh much.

use serde::Serialize;

use crate::features::Features;
use crate::host::Host;
use crate::kind::Kind;

/// What others in an AS do counts as so many sights at most: they are not this host.
const OTHERS: u64 = 20;

/// Packets below which a clue about their spread over the day is none.
const SPREAD_OVER_A_DAY: u64 = 10;

/// Hours of the day in which offices work.
const BUSINESS: std::ops::Range<usize> = 8..19;

/// Hours that go together.
const TOGETHER: f64 = 0.6;

/// A clue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Clue {
    /// Packets that went to a new destination, of those after the first: apart by how many packets there are, because whoever
    /// sends much meets the same again.
    FreshOfFew,
    FreshOfSome,
    FreshOfMany,
    FreshOfMost,
    /// SYNs among what it sent.
    Asks,
    /// Full packets among those in connections.
    Full,
    /// Resets among what came back.
    Refused,
    /// SYN/ACKs among SYNs and SYN/ACKs, where anything came back.
    Accepted,
    /// Its own answers among all that it sent.
    Answers,
    /// It looks like Windows and nothing else.
    Windows,
    /// Windows and something else behind one address.
    Mixed,
    /// Others in its AS that are clients only: many with households, few in data centres.
    Households,
    /// Packets in the night.
    Night,
    /// Packets in the busiest three hours of the day.
    Burst,
    /// Packets as a server in its busiest three hours.
    ServerBurst,
    /// It was not seen before.
    New,
    /// Days with a packet.
    Days,
    /// Hours inward and outward go together.
    Lag,
    /// Packets of messages, full or not, among those in connections.
    Body,
    /// Packets in business hours.
    Business,
}

impl Clue {
    pub const COUNT: usize = 20;

    pub const ALL: [Self; Self::COUNT] = [
        Self::FreshOfFew,
        Self::FreshOfSome,
        Self::FreshOfMany,
        Self::FreshOfMost,
        Self::Asks,
        Self::Full,
        Self::Refused,
        Self::Accepted,
        Self::Answers,
        Self::Windows,
        Self::Mixed,
        Self::Households,
        Self::Night,
        Self::Burst,
        Self::ServerBurst,
        Self::New,
        Self::Days,
        Self::Lag,
        Self::Body,
        Self::Business,
    ];

    /// How the clue is put to people.
    pub fn words(self, sight: Sight) -> String {
        let Sight { yes, all } = sight;
        match self {
            Self::FreshOfFew | Self::FreshOfSome | Self::FreshOfMany | Self::FreshOfMost => {
                format!("{yes} of {all} further packets were to or from a destination not met before")
            }
            Self::Asks => format!("{yes} of {all} packets that it sent asked for a connection"),
            Self::Full => format!("{yes} of {all} packets within connections were full"),
            Self::Refused => format!("{yes} of {all} packets that came back were resets"),
            Self::Accepted => format!("{yes} acceptances came for {} requests", all - yes),
            Self::Answers => format!("{yes} of {all} packets that it sent were answers from its own port 25"),
            Self::Windows if yes > 0 => "its packets look like Windows".to_owned(),
            Self::Windows => "its packets do not look like Windows".to_owned(),
            Self::Mixed if yes > 0 => "several systems send from the address".to_owned(),
            Self::Mixed => "one kind of system sends from the address".to_owned(),
            Self::Households => format!("of every {all} others in its AS {yes} are clients only"),
            Self::Night => format!("{yes} of {all} packets were sent between 0 and 6 h local time"),
            Self::Burst => format!("{yes} of {all} packets as a client were in the busiest three hours of the day"),
            Self::ServerBurst => {
                format!("{yes} of {all} packets as a server were in the busiest three hours of the day")
            }
            Self::New if yes > 0 => "it was not seen as a client before".to_owned(),
            Self::New => "it was seen as a client before".to_owned(),
            Self::Days => format!("it was active on {yes} of {all} days"),
            Self::Lag if yes > 0 => "it sends in the hours in which others send to it".to_owned(),
            Self::Lag => "the hours in which it sends are not those in which others send to it".to_owned(),
            Self::Body => format!("{yes} of {all} packets within connections were parts of messages"),
            Self::Business => format!("{yes} of {all} packets were sent between 8 and 19 h local time"),
        }
    }

    /// What there is of it; `None` where nothing can be said.
    pub fn sight(self, host: &Host, features: &Features) -> Option<Sight> {
        let packets = host.client.packets();
        let of = |yes: u64, all: u64| (all > 0).then_some(Sight { yes, all });
        let flag = |is: bool| Some(Sight { yes: u64::from(is), all: 1 });
        let fresh = |range: std::ops::Range<u64>| {
            let again = packets.saturating_sub(1);
            let met = (features.destinations.addresses.round() as u64).saturating_sub(1).min(again);
            if range.contains(&packets) { of(met, again) } else { None }
        };
        let burst = |hours: &crate::hours::Hours| {
            let all: u64 = hours.day.iter().sum();
            let yes = (hours.busiest_three * all as f64).round() as u64;
            if all >= SPREAD_OVER_A_DAY { of(yes, all) } else { None }
        };
        let received = host.client.of(&Kind::RECEIVED);
        let answers = host.client.of(&[Kind::SynAck]);
        match self {
            Self::FreshOfFew => fresh(2..16),
            Self::FreshOfSome => fresh(16..64),
            Self::FreshOfMany => fresh(64..512),
            Self::FreshOfMost => fresh(512..u64::MAX),
            Self::Asks => of(features.syn, features.sent),
            Self::Full => of(features.lengths.full, features.established),
            Self::Refused => of(host.client.of(&[Kind::Reset]), received),
            Self::Accepted if received > 0 => of(answers, answers + features.syn),
            Self::Accepted => None,
            Self::Answers => of(features.answered, features.answered + features.sent),
            Self::Windows => features.systems.is_windows().and_then(flag),
            Self::Mixed if features.sent >= 3 => flag(features.systems.is_mixed()),
            Self::Mixed => None,
            Self::Households => {
                let (clients, hosts) = (features.place.as_clients, features.place.as_hosts);
                let counted = hosts.min(OTHERS);
                of((clients * counted + hosts / 2).checked_div(hosts).unwrap_or(0), counted)
            }
            Self::Night => of(features.hours.night, packets),
            Self::Burst => burst(&features.hours),
            Self::ServerBurst => features.server_hours.as_ref().and_then(burst),
            Self::New => features.is_new.and_then(flag),
            Self::Days if features.window_days >= 3 => of(features.active_days.into(), features.window_days.into()),
            Self::Days => None,
            Self::Lag => features.lag_correlation.and_then(|correlation| flag(correlation >= TOGETHER)),
            Self::Body => of(features.lengths.middle + features.lengths.full, features.established),
            Self::Business => of(features.hours.day[BUSINESS].iter().sum(), packets),
        }
    }
}

/// So many yes of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sight {
    pub yes: u64,
    pub all: u64,
}

/// How shares are spread over the hosts of a class: as in a beta distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    pub mean: f64,
    /// The higher, the more the hosts of the class are alike.
    pub alike: f64,
}

impl Share {
    /// The logarithm of the chance of a sight, up to what is the same in all classes. The sum over the hosts of a class is what
    /// a sequential test adds up, with the shares of hosts integrated out.
    pub fn weight(self, sight: Sight) -> f64 {
        let (a, b) = (self.mean * self.alike, (1.0 - self.mean) * self.alike);
        let (yes, no) = (sight.yes as f64, (sight.all - sight.yes) as f64);
        ln_beta(a + yes, b + no) - ln_beta(a, b)
    }
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// The logarithm of the gamma function for positive numbers: Stirling's series, after moving up to where it is exact to ten
/// digits.
fn ln_gamma(mut x: f64) -> f64 {
    let mut below = 1.0;
    while x < 8.0 {
        below *= x;
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - below.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gamma_function_is_that_of_the_tables() {
        for (x, expected) in
            [(1.0, 0.0), (0.5, 0.572_364_942_924_700_1), (5.0, 24f64.ln()), (100.0, 359.134_205_369_575_4)]
        {
            assert!((ln_gamma(x) - expected).abs() < 1e-9, "{x}: {}", ln_gamma(x));
        }
    }

    #[test]
    fn all_sights_of_so_many_together_are_certain() {
        let share = Share { mean: 0.2, alike: 5.0 };
        let choose =
            |all: u64, yes: u64| (0..yes).map(|index| (all - index) as f64 / (index + 1) as f64).product::<f64>();
        let sum: f64 = (0..=10).map(|yes| choose(10, yes) * share.weight(Sight { yes, all: 10 }).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
