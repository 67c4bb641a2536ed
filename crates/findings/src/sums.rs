//! Sums over the mail of each party, by mail server and quarter of an hour, for the tables. They judge nobody.
//!
//! Sums are handed out as they are and begin anew: what is handed out for the same quarter adds up.

use std::collections::HashMap;

use evidence::{MailSums, Party as Name, PartyKind, Time};
use maillog::{Attempt, Client, Fate, Happening, Refusal, TaintKind, What};
use minicbor::{Decode, Encode};

use crate::hash::Key;
use crate::reply::{Reply, exists, meaning};
use crate::site::Site;
use crate::subject::Subject;

/// Sums that are held at most. Beyond them the caller is to take them; until it has, more are made.
pub const MOST_SUMS: usize = 500_000;

/// What parties did, not handed out yet.
#[derive(Debug)]
pub struct Sums {
    key: Key,
    rows: HashMap<(Time, u64, u64), Row>,
}

#[derive(Debug)]
struct Row {
    host: String,
    subject: Subject,
    sums: MailSums,
}

/// What a party did at a mail server in a quarter of an hour.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Sum {
    /// The start of the quarter.
    #[n(0)]
    pub at: Time,
    #[n(1)]
    pub host: String,
    #[n(2)]
    pub subject: Subject,
    #[n(3)]
    pub sums: MailSums,
}

impl Sums {
    /// `key` keeps peers from choosing names that collide.
    pub fn new(key: Key) -> Self {
        Self { key, rows: HashMap::new() }
    }

    /// Something happened at a site.
    pub fn hear(&mut self, site: &Site, happening: &Happening<'_>) {
        match &happening.what {
            What::Arrival(arrival) => self.add(site, happening, &arrival.mail.client, |sums| {
                sums.messages += 1;
                sums.bytes += arrival.mail.size.unwrap_or(0);
            }),
            What::Attempt(attempt) if attempt.first => {
                self.add(site, happening, &attempt.mail.client, |sums| count_attempt(sums, attempt));
            }
            What::Refusal(refusal) => {
                self.add(site, happening, &refusal.client, |sums| count_refusal(sums, refusal));
            }
            What::Taint(taint) => self.add(site, happening, &taint.mail.client, |sums| match taint.kind {
                TaintKind::Spam => sums.spams += 1,
                TaintKind::Virus => sums.viruses += 1,
                TaintKind::Clean | TaintKind::SpfFail | TaintKind::Listed => {}
            }),
            // A failed login is of the machine that tried, not of the account that it tried.
            What::LoginFailed(client) => {
                self.add(site, happening, &Client { account: None, ..*client }, |sums| sums.logins_failed += 1);
            }
            What::Attempt(_) | What::Loss(_) => {}
        }
    }

    /// Whether so much is held that it should be taken now.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= MOST_SUMS
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Hands out all sums, in the order of time, server and party.
    pub fn take(&mut self) -> Vec<Sum> {
        let row = |((at, ..), Row { host, subject, sums }): ((Time, u64, u64), Row)| Sum { at, host, subject, sums };
        let mut sums: Vec<_> = self.rows.drain().map(row).collect();
        sums.sort_by(|a, b| (a.at, &a.host, &a.subject).cmp(&(b.at, &b.host, &b.subject)));
        sums
    }

    fn add(&mut self, site: &Site, happening: &Happening<'_>, client: &Client<'_>, count: impl FnOnce(&mut MailSums)) {
        let Some(party) = site.party(client) else { return };
        let (at, host) = (happening.at.quarter(), self.key.name(happening.host.as_bytes()));
        let row = self.rows.entry((at, host, party.number(&self.key))).or_insert_with(|| Row {
            host: happening.host.to_owned(),
            subject: party.to_subject(),
            sums: MailSums::default(),
        });
        count(&mut row.sums);
    }
}

fn count_attempt(sums: &mut MailSums, attempt: &Attempt<'_>) {
    sums.recipients += 1;
    match attempt.fate {
        Fate::Delivered => sums.delivered += 1,
        Fate::Deferred => sums.deferred += 1,
        Fate::Failed | Fate::Expired => {
            sums.failed += 1;
            let said = meaning(attempt.stage, attempt.code, attempt.enhanced, attempt.text);
            sums.unknown += u64::from(exists(attempt.fate, attempt.stage, said) == Some(false));
        }
    }
}

fn count_refusal(sums: &mut MailSums, refusal: &Refusal<'_>) {
    sums.refused += 1;
    let said = meaning(refusal.stage, refusal.code, refusal.enhanced, refusal.text);
    sums.unknown += u64::from(refusal.recipient.is_some() && said == Reply::NoMailbox);
}

impl From<&Subject> for Name {
    fn from(subject: &Subject) -> Self {
        let (kind, address) = match subject {
            Subject::Account(_) => (PartyKind::Account, None),
            Subject::Customer(machine) => (PartyKind::Customer, Some(machine.address())),
            Subject::Remote(machine) => (PartyKind::Remote, Some(machine.address())),
            Subject::Server => return Self { kind: PartyKind::Server, name: String::new(), address: None },
        };
        Self { kind, name: subject.to_string(), address }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maillog::{Arrival, Mail, Stage};

    const AT: i64 = 1_700_000_000_000_000;

    fn happening(what: What<'_>) -> Happening<'_> {
        Happening { at: Time::from_micros(AT), host: "mx1", offset: 0, line: b"", what }
    }

    #[test]
    fn first_attempts_are_summed_up_for_each_party_and_handed_out_once() {
        let client = Client { address: Some("192.0.2.7".parse().unwrap()), ..Client::default() };
        let mail = Mail { client, size: Some(1000), ..Mail::default() };
        let attempt = |fate, first, enhanced| Attempt {
            mail,
            recipient: b"a@b.example",
            original: None,
            first,
            fate,
            stage: Stage::RcptTo,
            code: Some(550),
            enhanced,
            relay: None,
            text: b"550 5.1.1 no such user",
        };
        let mut sums = Sums::new(Key::new([1; 16]));
        let site = Site::new(&["192.0.2.0/24".parse().unwrap()], &[], Vec::new());
        for what in [
            What::Arrival(Arrival { mail, recipients: None }),
            What::Attempt(attempt(Fate::Deferred, true, None)),
            What::Attempt(attempt(Fate::Failed, false, Some([5, 1, 1]))),
            What::Attempt(attempt(Fate::Failed, true, Some([5, 1, 1]))),
            What::LoginFailed(Client { account: Some(b"ann"), ..client }),
        ] {
            sums.hear(&site, &happening(what));
        }
        let taken = sums.take();
        let [sum] = taken.as_slice() else { panic!("{taken:?}") };
        assert_eq!((sum.at, sum.host.as_str()), (Time::from_micros(AT).quarter(), "mx1"));
        assert_eq!(Name::from(&sum.subject).kind, PartyKind::Customer);
        let expected = MailSums {
            messages: 1,
            bytes: 1000,
            recipients: 2,
            deferred: 1,
            failed: 1,
            unknown: 1,
            logins_failed: 1,
            ..MailSums::default()
        };
        assert_eq!(sum.sums, expected);
        assert!(sums.is_empty() && sums.take().is_empty());
    }
}
