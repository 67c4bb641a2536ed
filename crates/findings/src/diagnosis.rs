//! What a subject's signs mean, in words: a combination of rules, with how likely abuse is.
//!
//! The likelihood is a sum: what is likely at all, what each rule says that holds, and what speaks for an innocent meaning.
//! A meaning is then chosen by what holds. What is innocent is named as well: a desk must not wonder twice about an office
//! behind NAT.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::outbound::Kind;
use crate::proof::Proof;
use crate::rule::Rule;
use crate::threshold::{Threshold, Thresholds};
use crate::window::{Volume, share};

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Diagnosis {
    #[n(0)]
    CompromisedAccount,
    #[n(1)]
    OpenRelay,
    #[n(2)]
    DirtyList,
    #[n(3)]
    CleanList,
    #[n(4)]
    MassMailer,
    #[n(5)]
    Loop,
    #[n(6)]
    Backscatter,
    #[n(7)]
    DictionaryAttack,
    #[n(8)]
    StaleList,
    #[n(9)]
    MailingList,
    #[n(10)]
    NatOffice,
    #[n(11)]
    Forwarder,
    #[n(12)]
    NotificationFlood,
    #[n(13)]
    Monitor,
    #[n(14)]
    AutoReplies,
    #[n(15)]
    ListedElsewhere,
    #[n(16)]
    RemoteSpam,
    #[n(17)]
    Guessing,
    #[n(18)]
    Unusual,
    #[n(19)]
    NewServer,
    #[n(20)]
    BackscatterVictim,
}

/// What a diagnosis asks of the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Somebody abuses, or is abused.
    Abuse,
    /// Something is out of order, without ill will.
    Trouble,
    /// It looks odd and is in order.
    Harmless,
    /// Odd, and not enough to say why.
    Watch,
}

impl Class {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Abuse, Self::Trouble, Self::Harmless, Self::Watch];

    pub fn name(self) -> &'static str {
        match self {
            Self::Abuse => "abuse",
            Self::Trouble => "trouble",
            Self::Harmless => "harmless",
            Self::Watch => "watch",
        }
    }
}

use Class::{Abuse, Harmless, Trouble, Watch};

/// Every diagnosis: name, class, and the sentence for the desk.
#[rustfmt::skip]
const DIAGNOSES: [(Diagnosis, &str, Class, &str); 21] = [
    (Diagnosis::CompromisedAccount, "compromised-account", Abuse, "Somebody else uses the account: change the password, end its sessions, look for forwarding rules."),
    (Diagnosis::OpenRelay, "open-relay", Abuse, "A server passes on mail of strangers for strangers."),
    (Diagnosis::DirtyList, "dirty-list-spammer", Abuse, "Mail goes to a list of which many addresses do not exist."),
    (Diagnosis::CleanList, "clean-list-spammer", Abuse, "Mail goes to many recipients who never had any from there."),
    (Diagnosis::MassMailer, "mass-mailer-virus", Abuse, "A program sends by itself, under changing names."),
    (Diagnosis::Loop, "loop", Trouble, "The same message comes again and again: two machines forward or answer to each other."),
    (Diagnosis::Backscatter, "backscatter", Trouble, "Error messages go to forged senders: the server should refuse during the dialogue."),
    (Diagnosis::DictionaryAttack, "dictionary-attack", Abuse, "Names of recipients are being guessed."),
    (Diagnosis::StaleList, "stale-mailing-list", Trouble, "A mailing list of one sender has many addresses that do not exist any more."),
    (Diagnosis::MailingList, "mailing-list", Harmless, "One sender writes to many, with the marks of a mailing list and few failures."),
    (Diagnosis::NatOffice, "nat-office", Harmless, "Many computers share one address; each sends what people send."),
    (Diagnosis::Forwarder, "forwarder", Harmless, "Mail from many senders goes on to few recipients."),
    (Diagnosis::NotificationFlood, "notification-flood", Trouble, "One program tells the same few recipients the same many times."),
    (Diagnosis::Monitor, "monitor", Harmless, "One message to the same recipient at even times: a program that watches mail."),
    (Diagnosis::AutoReplies, "auto-replies", Harmless, "Many replies with the null sender reach people: vacation notices and the like."),
    (Diagnosis::ListedElsewhere, "listed-elsewhere", Trouble, "Other servers refuse the mail because of a block list."),
    (Diagnosis::RemoteSpam, "remote-spam-source", Abuse, "A machine elsewhere behaves as spam programs do."),
    (Diagnosis::Guessing, "password-guessing", Abuse, "Passwords are being guessed."),
    (Diagnosis::Unusual, "unusual", Watch, "Something is unusual, and not enough to say what it means."),
    (Diagnosis::NewServer, "new-server", Harmless, "A customer's server has another name; its mail is what it was."),
    (Diagnosis::BackscatterVictim, "backscatter-victim", Harmless, "Many error messages reach one mailbox: its address is forged elsewhere."),
];

impl Diagnosis {
    /// All of them, in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        DIAGNOSES.iter().map(|(diagnosis, ..)| *diagnosis)
    }

    pub fn name(self) -> &'static str {
        DIAGNOSES[self as usize].1
    }

    pub fn class(self) -> Class {
        DIAGNOSES[self as usize].2
    }

    /// What it means, and what to do where that is clear.
    pub fn sentence(self) -> &'static str {
        DIAGNOSES[self as usize].3
    }

    pub fn parse(name: &str) -> Option<Self> {
        DIAGNOSES.iter().find(|(_, known, ..)| *known == name).map(|(diagnosis, ..)| *diagnosis)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is known of a subject when it is judged.
pub(crate) struct Signs<'a> {
    pub(crate) proofs: &'a [Proof],
    pub(crate) thresholds: &'a Thresholds,
    /// How much is known of what is usual, in [0, 1]: at 0 everything is new.
    pub(crate) learned: f32,
    pub(crate) party: Kin,
}

/// Who it is, and what only such subjects have.
pub(crate) enum Kin {
    Customer(Customer),
    Remote(Remote),
}

pub(crate) struct Customer {
    pub(crate) has_account: bool,
    pub(crate) day: Volume,
    pub(crate) different_recipients: f64,
    /// Plain senders with the marks of a list.
    pub(crate) list_senders: u32,
    pub(crate) failed_domains: u32,
    pub(crate) helos: u32,
    pub(crate) repetition: Option<Kind>,
    /// Days that its usual day was learned from.
    pub(crate) usual_days: u32,
}

pub(crate) struct Remote {
    pub(crate) messages: u32,
    pub(crate) empty: u32,
    pub(crate) visits: u32,
}

/// What was made of the signs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opinion {
    pub(crate) diagnosis: Diagnosis,
    /// Logarithm of the odds of abuse.
    pub(crate) score: f32,
    /// What spoke against abuse.
    pub(crate) innocent: Vec<&'static str>,
}

/// One in a hundred of those of whom a rule holds at all is abused, before one looks which.
const PRIOR: f32 = -4.6;

/// What a rule says that is enough by itself.
const SURE: f32 = 5.5;

/// A sum of two rules' readings of the same thing would count it twice: of each pair the greater counts.
const ALIKE: [(Rule, Rule); 2] = [(Rule::Failures, Rule::FailureTest), (Rule::Growth, Rule::Spread)];

/// The share of failures from which on a list is called stale, also when no rule holds.
const STALE: f64 = 0.05;

/// Rules on what a mailing list does by nature: all those of [`ALIKE`], and strangers.
const OF_LISTS: [Rule; 5] = [Rule::Failures, Rule::FailureTest, Rule::Strangers, Rule::Spread, Rule::Growth];

/// Rules that speak of what is new. When the watching begins all is new, and they say half.
const OF_NOVELTY: [Rule; 4] = [Rule::SenderDomains, Rule::HeloGrowth, Rule::Strangers, Rule::Growth];

impl Signs<'_> {
    fn holds(&self, rule: Rule) -> bool {
        self.proofs.iter().any(|proof| proof.rule == rule && proof.held.is_some())
    }

    fn any(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| self.holds(*rule))
    }

    fn weight(&self, rule: Rule) -> f32 {
        let Some(proof) = self.proofs.iter().find(|proof| proof.rule == rule && proof.held.is_some()) else {
            return 0.0;
        };
        let mut weight = proof.reading.weight(rule.definition().weight);
        if rule == Rule::Networks {
            weight = self.of_networks(proof.reading.number, weight);
        }
        if OF_NOVELTY.contains(&rule) { weight * (1.0 + self.learned) / 2.0 } else { weight }
    }

    /// X9 has two thresholds: what is suspect at the lower one is sure ([`SURE`]) at the higher one, in even steps of the
    /// logarithm between.
    fn of_networks(&self, number: f32, weight: f32) -> f32 {
        let value = |threshold| self.thresholds.value(threshold);
        let (few, many) = (value(Threshold::Networks), value(Threshold::NetworksSure));
        let part = (number / few).ln() / (many / few).max(1.01).ln();
        let least = Rule::Networks.definition().weight;
        if part.is_finite() { least + (SURE - least) * part.clamp(0.0, 1.0) } else { weight }
    }

    pub(crate) fn judge(&self) -> Opinion {
        let mut score = PRIOR + self.proofs.iter().map(|proof| self.weight(proof.rule)).sum::<f32>();
        score -= self.twice();
        let mut innocent = vec![];
        if let Kin::Customer(customer) = &self.party {
            if self.is_list(customer) {
                score -= OF_LISTS.iter().map(|rule| self.weight(*rule)).sum::<f32>() - self.twice();
                innocent.push("one sender with the marks of a mailing list: many and stale recipients are no sign");
            }
            for (speaks, weight, why) in self.pleas(customer) {
                if speaks {
                    score += weight;
                    innocent.push(why);
                }
            }
        }
        let is_abuse = probability(score) >= self.thresholds.value(Threshold::Abuse);
        let diagnosis = match &self.party {
            Kin::Customer(customer) => self.of_customer(customer, is_abuse),
            Kin::Remote(remote) => self.of_remote(remote, is_abuse),
        };
        Opinion { diagnosis, score, innocent }
    }

    /// What two rules say of the same thing counts once.
    fn twice(&self) -> f32 {
        ALIKE.iter().map(|(one, other)| self.weight(*one).min(self.weight(*other))).sum()
    }

    /// What speaks for an innocent meaning: whether it does, how much, and in which words.
    fn pleas(&self, customer: &Customer) -> [(bool, f32, &'static str); 5] {
        let day = &customer.day;
        let failures = day.failure_share();
        [
            (share(day.nulls, day.recipients) >= 0.5, -5.0, "most of it has the null sender"),
            (customer.has_few_recipients(), -5.0, "it goes to few recipients"),
            (
                self.holds(Rule::SenderDomains) && day.strangers * 10 <= day.recipients && failures < 0.1,
                -3.0,
                "its recipients are known, only the senders are not",
            ),
            (self.is_loop(customer), -6.0, "it is the same message again and again"),
            (
                self.holds(Rule::HeloGrowth) && day.newcomers * 4 < day.messages && failures < 0.1,
                -1.5,
                "its HELO names are many and its senders are its own",
            ),
        ]
    }

    /// A list has the marks, one sender or few, and not more failures than a neglected list has.
    fn is_list(&self, customer: &Customer) -> bool {
        let day = &customer.day;
        day.bulk * 2 >= day.messages && day.bulk > 0 && customer.list_senders <= 3 && day.failure_share() < 0.2
    }

    /// At least a third of what is sent are repetitions of the same messages.
    fn is_loop(&self, customer: &Customer) -> bool {
        self.holds(Rule::Repetition)
            && customer.repetition == Some(Kind::Loop)
            && customer.day.looped * 3 >= customer.day.recipients
    }

    fn of_customer(&self, customer: &Customer, is_abuse: bool) -> Diagnosis {
        if is_abuse {
            return self.abuse_of(customer);
        }
        let day = &customer.day;
        if self.is_loop(customer) {
            return Diagnosis::Loop;
        }
        if self.holds(Rule::NullSender) {
            // Replies go to those who wrote, and arrive; backscatter goes to forged senders, of whom many do not exist.
            return if day.null_failed < 3 || day.null_failed * 8 < day.nulls {
                Diagnosis::AutoReplies
            } else {
                Diagnosis::Backscatter
            };
        }
        let fails = self.any(&[Rule::Failures, Rule::FailureTest]);
        if self.is_list(customer) {
            let is_stale = fails || (day.answered >= 100 && day.failure_share() >= STALE);
            return if is_stale { Diagnosis::StaleList } else { Diagnosis::MailingList };
        }
        if self.holds(Rule::SenderDomains) && day.strangers * 10 <= day.recipients.max(10) {
            return Diagnosis::Forwarder;
        }
        if self.holds(Rule::Repetition) {
            return match customer.repetition {
                Some(Kind::Loop) => Diagnosis::Loop,
                Some(Kind::Regular) => Diagnosis::Monitor,
                _ => Diagnosis::NotificationFlood,
            };
        }
        if self.holds(Rule::HeloGrowth) && !fails {
            return Diagnosis::NatOffice;
        }
        if self.holds(Rule::NewHelo) && !fails {
            return Diagnosis::NewServer;
        }
        if self.holds(Rule::Bounced) {
            return Diagnosis::BackscatterVictim;
        }
        if self.holds(Rule::Listed) { Diagnosis::ListedElsewhere } else { Diagnosis::Unusual }
    }

    fn abuse_of(&self, customer: &Customer) -> Diagnosis {
        let is_forged = self.any(&[Rule::SenderDomains, Rule::OneSize]);
        let fails = self.any(&[Rule::Failures, Rule::FailureTest]);
        let virus = self.holds(Rule::Scanner) && customer.day.viruses > 0;
        if virus || (is_forged && (customer.helos > 3 || self.any(&[Rule::HeloGrowth, Rule::HeloForm]))) {
            return Diagnosis::MassMailer;
        }
        if customer.has_account && (self.holds(Rule::Networks) || customer.usual_days > 0) {
            return Diagnosis::CompromisedAccount;
        }
        if is_forged {
            return if customer.has_account { Diagnosis::CompromisedAccount } else { Diagnosis::OpenRelay };
        }
        if fails
            && customer.failed_domains == 1
            && customer.day.failed >= 10
            && customer.day.failed * 5 >= customer.day.answered * 4
        {
            return Diagnosis::DictionaryAttack;
        }
        if self.holds(Rule::Guesses) {
            return Diagnosis::Guessing;
        }
        if fails { Diagnosis::DirtyList } else { Diagnosis::CleanList }
    }

    fn of_remote(&self, remote: &Remote, is_abuse: bool) -> Diagnosis {
        if self.holds(Rule::Bounced) {
            return Diagnosis::BackscatterVictim;
        }
        if self.holds(Rule::Relayed) {
            return Diagnosis::OpenRelay;
        }
        if is_abuse {
            return if self.holds(Rule::UnknownRecipients) {
                Diagnosis::DictionaryAttack
            } else if self.holds(Rule::Guesses) {
                Diagnosis::Guessing
            } else {
                Diagnosis::RemoteSpam
            };
        }
        let is_empty = remote.messages == 0 && remote.empty * 10 >= remote.visits * 9;
        if is_empty && !self.any(&[Rule::Manners, Rule::Verdicts]) { Diagnosis::Monitor } else { Diagnosis::Unusual }
    }
}

impl Customer {
    /// Three, or one in twenty: what is said of many recipients does not hold then.
    fn has_few_recipients(&self) -> bool {
        self.day.recipients >= 10 && self.different_recipients <= 3.5f64.max(f64::from(self.day.recipients) / 20.0)
    }
}

/// The probability that belongs to a logarithm of odds.
pub(crate) fn probability(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}
