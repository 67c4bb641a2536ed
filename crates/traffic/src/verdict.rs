//! What a host most likely is, how likely, and why. From headers alone: traffic shows that something is unusual, not whether
//! it was permitted or meant, and nothing here says what was in the mail.
//!
//! The test is sequential: a host's samples are added up class by class, and nothing is said until one class is far enough
//! ahead of all others. How the classes differ is in [`model`](crate::model), which was fitted to a simulated population.

use serde::Serialize;

use crate::clue::{Clue, Sight};
use crate::features::Features;
use crate::host::Host;
use crate::model::Footing;

/// What a host may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Class {
    /// It takes mail and sends it.
    MailServer,
    /// It sends for many and takes nothing.
    Gateway,
    /// It sends to many at certain hours, as lists and newsletters do.
    ListSender,
    /// It hands all its mail to one server.
    SingleSmarthost,
    /// Several clients behind one address, with a few servers.
    Office,
    /// It sends to many, is refused by many, and is no server.
    LikelyBot,
    /// It takes mail from strangers and passes it on in the same hours.
    OpenRelay,
    /// It asks servers whether they are there.
    Monitor,
}

impl Class {
    pub const COUNT: usize = 8;

    pub const ALL: [Self; Self::COUNT] = [
        Self::MailServer,
        Self::Gateway,
        Self::ListSender,
        Self::SingleSmarthost,
        Self::Office,
        Self::LikelyBot,
        Self::OpenRelay,
        Self::Monitor,
    ];

    /// As rows have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::MailServer => "mail-server",
            Self::Gateway => "gateway",
            Self::ListSender => "list-sender",
            Self::SingleSmarthost => "single-smarthost",
            Self::Office => "office",
            Self::LikelyBot => "likely-bot",
            Self::OpenRelay => "open-relay",
            Self::Monitor => "monitor",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::MailServer => "mail server",
            Self::Gateway => "outbound gateway",
            Self::ListSender => "list sender",
            Self::SingleSmarthost => "single-smarthost client",
            Self::Office => "office",
            Self::LikelyBot => "likely bot",
            Self::OpenRelay => "open server or relay",
            Self::Monitor => "monitor",
        }
    }
}

/// Samples without which nothing is said of a client.
pub const SAMPLES: u64 = 5;

/// Destinations without which nobody is called a bot.
pub const BOT_DESTINATIONS: f64 = 3.0;

/// A class is named when so little remains for all others together; for those that somebody may act upon, less. In a short window
/// ([`Footing::LONG`]) what surrounds a host with fewer than [`WELL_SEEN`] samples says most of it: less again. Where sampling is
/// [`COARSE`] as well, little is seen of what surrounds it, and of who answers: least.
pub const DOUBT: f64 = 0.2;
pub const DOUBT_OF_ABUSE: f64 = 0.1;
pub const DOUBT_OF_FEW: f64 = 0.03;
pub const DOUBT_OF_COARSE: f64 = 0.01;

/// Samples after which a host's own packets say more than what surrounds it.
pub const WELL_SEEN: u64 = 20;

/// Packets behind a sample from which on sampling is coarse.
pub const COARSE: f64 = 3000.0;

/// Pieces of evidence that are told.
const TOLD: usize = 6;

/// Evidence that moves the odds by less is not told.
const WORTH_TELLING: f64 = 0.4;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// `None` is undecided.
    pub class: Option<Class>,
    /// That of the class, or of the likeliest when it is undecided.
    pub probability: f64,
    pub likeliest: Class,
    /// By class, in the order of [`Class::ALL`].
    pub probabilities: [f64; Class::COUNT],
    /// Why, the weightiest first.
    pub evidence: Vec<Evidence>,
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    pub clue: Clue,
    pub words: String,
    /// By what factor it moves the odds between the class and its nearest rival, as a logarithm: below zero it speaks against.
    pub weight: f64,
}

impl Verdict {
    /// Of a host's packets so far. `None` for a host that was no client and answered nobody.
    pub fn of(host: &Host, features: &Features) -> Self {
        let sights: Vec<(Clue, Sight)> =
            Clue::ALL.iter().filter_map(|clue| Some((*clue, clue.sight(host, features)?))).collect();
        let footing = Footing::of(features);
        let scores = footing.scores(&sights);
        let probabilities = shares(scores);
        let order = |class: &Class| scores[*class as usize];
        let likeliest =
            Class::ALL.into_iter().max_by(|a, b| order(a).total_cmp(&order(b))).unwrap_or(Class::MailServer);
        let rival =
            Class::ALL.into_iter().filter(|class| *class != likeliest).max_by(|a, b| order(a).total_cmp(&order(b)));
        let probability = probabilities[likeliest as usize];
        let class = is_said(likeliest, probability, features, footing).then_some(likeliest);
        let evidence = evidence(&sights, likeliest, rival.unwrap_or(likeliest), footing);
        Self { class, probability, likeliest, probabilities, evidence }
    }

    /// `likely bot (98 %)`, `undecided (mail server 61 %)`.
    pub fn words(&self) -> String {
        let percent = (100.0 * self.probability).floor();
        match self.class {
            Some(class) => format!("{} ({percent} %)", class.words()),
            None => format!("undecided ({} {percent} %)", self.likeliest.words()),
        }
    }
}

/// Whether the class may be named.
fn is_said(class: Class, probability: f64, features: &Features, footing: Footing) -> bool {
    let is_seen = features.sent + features.answered >= SAMPLES;
    match class {
        // One forged packet accuses nobody: connections must have stood, to several destinations.
        Class::LikelyBot => {
            let is_proven = features.established > 0 && features.destinations.addresses >= BOT_DESTINATIONS;
            let doubt = doubt_of_abuse(features, footing);
            is_proven && features.sent >= SAMPLES && features.answered == 0 && probability >= 1.0 - doubt
        }
        Class::OpenRelay => is_seen && features.answered > 0 && probability >= 1.0 - DOUBT_OF_ABUSE,
        Class::MailServer => features.answered > 0 && probability >= 1.0 - DOUBT,
        _ => is_seen && probability >= 1.0 - DOUBT,
    }
}

fn doubt_of_abuse(features: &Features, footing: Footing) -> f64 {
    if footing.is_long {
        DOUBT_OF_ABUSE
    } else if features.place.behind_a_sample >= COARSE {
        DOUBT_OF_COARSE
    } else if features.sent < WELL_SEEN {
        DOUBT_OF_FEW
    } else {
        DOUBT_OF_ABUSE
    }
}

fn shares(scores: [f64; Class::COUNT]) -> [f64; Class::COUNT] {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts = scores.map(|score| (score - most).exp());
    let sum: f64 = parts.iter().sum();
    parts.map(|part| part / sum)
}

fn evidence(sights: &[(Clue, Sight)], class: Class, rival: Class, footing: Footing) -> Vec<Evidence> {
    let mut evidence: Vec<Evidence> = sights
        .iter()
        .map(|(clue, sight)| {
            let weight = footing.weight(class, *clue, *sight) - footing.weight(rival, *clue, *sight);
            Evidence { clue: *clue, words: clue.words(*sight), weight }
        })
        .filter(|evidence| evidence.weight.abs() >= WORTH_TELLING)
        .collect();
    evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    evidence.truncate(TOLD);
    evidence
}
