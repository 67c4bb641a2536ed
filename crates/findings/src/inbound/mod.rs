//! What a remote machine does to us, and a customer as others see him: the rules I1 to I6, G1 and R1, and what I7 needs.
//!
//! There are many remote machines and most come once, so what is kept of one is small: counts since it was first seen that
//! day, and sets only from the second name on.

mod bounced;
mod shared;

use std::net::IpAddr;

use minicbor::{Decode, Encode};

pub use bounced::BOUNCED_MAILBOXES;
pub(crate) use bounced::Bounced;
pub(crate) use shared::SharedHelos;
pub use shared::{SHARED_NAMES, SHARED_NETWORKS};

use crate::helo::Form;
use crate::moment::Moment;
use crate::rule::{Reading, Rule};
use crate::sighting::Sightings;
use crate::site::Site;
use crate::threshold::{Threshold, Thresholds};
use crate::window::{Variety, share};

/// HELO names of a remote machine that are told apart; more are "at least".
pub const REMOTE_HELOS: u32 = 32;

/// Hours for which counts of a machine run, from its first visit on; then they begin anew.
const RUN: u32 = 24;

/// A remote machine.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Inbound {
    /// The first hour of this run.
    #[n(0)]
    since: u32,
    #[n(1)]
    pub(crate) run: Visits,
    /// Hash of the last HELO name, and its oddity.
    #[n(2)]
    helo: u64,
    #[n(3)]
    oddity: f32,
    /// Sum of oddities in this run, and how many names were heard.
    #[n(4)]
    oddities: (f32, u32),
    /// From the second name on.
    #[n(5)]
    helos: Sightings,
    /// Sender domains, one bit each by hash.
    #[n(6)]
    senders: u64,
    /// Unknown recipients, from the first on.
    #[n(7)]
    unknown: Option<Box<Variety>>,
    /// Failed logins: since which minute, how many, and of which accounts (one bit each).
    #[n(8)]
    guesses: (u32, u32, u64),
    /// The first hour in which it came at all; whether it came in another; how often in all.
    #[n(9)]
    first_hour: u32,
    #[n(10)]
    is_lasting: bool,
    #[n(11)]
    pub(crate) visits: u32,
    /// The HELO name used by unrelated networks, as far as it was told.
    #[n(12)]
    shared: u32,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Visits {
    #[n(0)]
    pub(crate) messages: u32,
    /// Recipients that are known to be real, and were accepted.
    #[n(1)]
    pub(crate) real: u32,
    /// Recipients that were accepted.
    #[n(2)]
    pub(crate) accepted: u32,
    /// Tries at recipients that do not exist.
    #[n(3)]
    pub(crate) unknown: u32,
    #[n(4)]
    pub(crate) refused: u32,
    #[n(5)]
    pub(crate) verdicts: u32,
    #[n(6)]
    pub(crate) breaches: u32,
    /// Connections that ended without mail or refusal.
    #[n(7)]
    pub(crate) empty: u32,
    #[n(8)]
    pub(crate) spams: u32,
    #[n(9)]
    pub(crate) viruses: u32,
    #[n(10)]
    pub(crate) relayed: u32,
}

impl Visits {
    /// All that it did.
    fn deeds(&self) -> u32 {
        self.messages.saturating_add(self.refused).saturating_add(self.empty)
    }
}

/// Who says HELO.
pub(crate) struct Caller<'a> {
    pub(crate) helo: &'a [u8],
    pub(crate) number: u64,
    pub(crate) address: Option<IpAddr>,
    pub(crate) reverse: Option<&'a str>,
}

/// What the rules need beside the machine's own counts.
pub(crate) struct Door<'a> {
    pub(crate) now: Moment,
    pub(crate) site: &'a Site,
    pub(crate) thresholds: &'a Thresholds,
    pub(crate) told: &'a mut Vec<(Rule, Reading)>,
}

impl Door<'_> {
    fn tell(&mut self, rule: Rule, number: f32, threshold: Threshold) {
        let reading = Reading::of(number, self.thresholds.value(threshold));
        self.told.extend(reading.map(|reading| (rule, reading)));
    }
}

impl Inbound {
    /// It came.
    pub(crate) fn begin(&mut self, now: Moment) {
        if self.visits == 0 {
            self.first_hour = now.hour;
        }
        self.is_lasting |= now.hour != self.first_hour;
        self.visits = self.visits.saturating_add(1);
        if now.hour.saturating_sub(self.since) >= RUN {
            (self.since, self.run, self.oddities, self.senders) = (now.hour, Visits::default(), (0.0, 0), 0);
            self.unknown = None;
            self.helos.expire(now.hour, RUN);
        }
    }

    /// I1 and I2. Whether the name is another than the last one.
    pub(crate) fn says(&mut self, caller: &Caller<'_>, door: &mut Door<'_>) -> bool {
        let is_other = caller.number != self.helo;
        if is_other {
            if self.helo != 0 {
                self.helos.see(self.helo, door.now.hour, REMOTE_HELOS);
                self.helos.see(caller.number, door.now.hour, REMOTE_HELOS);
                door.tell(Rule::RemoteHelos, self.helos.recent(door.now.hour) as f32, Threshold::RemoteHelos);
            }
            let form = Form::of(caller.helo, caller.address, caller.reverse, door.site);
            (self.helo, self.oddity) = (caller.number, form.oddity_of_server());
        }
        self.oddities = (self.oddities.0 + self.oddity, self.oddities.1.saturating_add(1));
        if self.oddity > 0.0 && self.oddities.1 >= 3 {
            let mean = self.oddities.0 / self.oddities.1 as f32;
            door.tell(Rule::RemoteHeloForm, mean, Threshold::RemoteOddity);
        }
        is_other
    }

    /// I8: so many unrelated networks use its HELO name.
    pub(crate) fn shares(&mut self, networks: u32, door: &mut Door<'_>) {
        if networks > self.shared {
            self.shared = networks;
            door.tell(Rule::SharedHelo, networks as f32, Threshold::SharedHelo);
        }
    }

    /// I3: a message was taken from it.
    pub(crate) fn message(&mut self, sender_domain: Option<u64>, door: &mut Door<'_>) {
        self.run.messages = self.run.messages.saturating_add(1);
        let Some(domain) = sender_domain else { return };
        let before = self.senders;
        self.senders |= 1 << (domain >> 58);
        if self.senders != before {
            door.tell(Rule::RemoteSenders, self.senders.count_ones() as f32, Threshold::RemoteSenders);
        }
    }

    /// A recipient of ours was accepted.
    pub(crate) fn accepted(&mut self, is_real: bool) {
        self.run.accepted = self.run.accepted.saturating_add(1);
        self.run.real = self.run.real.saturating_add(is_real.into());
    }

    /// I4: it tried a recipient that does not exist.
    pub(crate) fn unknown(&mut self, recipient: u64, door: &mut Door<'_>) {
        self.run.unknown = self.run.unknown.saturating_add(1);
        let unknown = self.unknown.get_or_insert_default();
        unknown.see(recipient);
        let threshold = door.thresholds.value(Threshold::UnknownRecipients);
        if (self.run.unknown as f32) * 2.0 < threshold {
            return;
        }
        let known = self.run.real;
        if (share(self.run.unknown, self.run.unknown + known) as f32) < door.thresholds.value(Threshold::UnknownShare) {
            return;
        }
        // As often as the count doubles it is estimated; else the tries are as good.
        let different =
            if self.run.unknown < 16 || self.run.unknown.is_multiple_of(16) { unknown.count() } else { 0.0 };
        door.tell(Rule::UnknownRecipients, different.round() as f32, Threshold::UnknownRecipients);
    }

    /// I5: SPF failed, or a block list has it.
    pub(crate) fn verdict(&mut self, door: &mut Door<'_>) {
        self.run.verdicts = self.run.verdicts.saturating_add(1);
        let deeds = self.run.deeds().max(self.run.verdicts);
        if share(self.run.verdicts, deeds) as f32 >= door.thresholds.value(Threshold::VerdictShare) {
            door.tell(Rule::Verdicts, self.run.verdicts as f32, Threshold::Verdicts);
        }
    }

    /// I6: it did not keep to the protocol.
    pub(crate) fn breach(&mut self, door: &mut Door<'_>) {
        self.run.breaches = self.run.breaches.saturating_add(1);
        door.tell(Rule::Manners, self.run.breaches as f32, Threshold::Manners);
    }

    /// It came and went without mail.
    pub(crate) fn empty(&mut self) {
        self.run.empty = self.run.empty.saturating_add(1);
    }

    pub(crate) fn refused(&mut self) {
        self.run.refused = self.run.refused.saturating_add(1);
    }

    /// S1, for a machine of others.
    pub(crate) fn tainted(&mut self, is_virus: bool, door: &mut Door<'_>) {
        let count = if is_virus { &mut self.run.viruses } else { &mut self.run.spams };
        *count = count.saturating_add(1);
        if is_virus {
            door.tell(Rule::Scanner, self.run.viruses as f32, Threshold::Viruses);
        } else if share(self.run.spams, self.run.messages.max(self.run.spams)) as f32
            >= door.thresholds.value(Threshold::SpamShare)
        {
            door.tell(Rule::Scanner, self.run.spams as f32, Threshold::Spams);
        }
    }

    /// R1: its mail went on to others.
    pub(crate) fn relayed(&mut self, door: &mut Door<'_>) {
        self.run.relayed = self.run.relayed.saturating_add(1);
        door.tell(Rule::Relayed, self.run.relayed as f32, Threshold::Relayed);
    }

    /// G1: a login failed. A customer's own program with an old password tries one account; that is no guessing.
    pub(crate) fn guess(&mut self, account: u64, is_ours: bool, door: &mut Door<'_>) {
        let since = door.now.minute.saturating_sub(self.guesses.0);
        if since >= 5 {
            let accounts = if since < 60 { self.guesses.2 } else { 0 };
            self.guesses = (door.now.minute, 0, accounts);
        }
        self.guesses.1 = self.guesses.1.saturating_add(1);
        self.guesses.2 |= 1 << (account >> 58);
        if !is_ours || self.guesses.2.count_ones() >= 3 {
            door.tell(Rule::Guesses, self.guesses.1 as f32, Threshold::Guesses);
        }
    }

    /// I7: all its visits were in one clock hour, and a day passed without another.
    pub(crate) fn burst(&self, now: Moment, thresholds: &Thresholds) -> Option<Reading> {
        if self.is_lasting || now.hour.saturating_sub(self.first_hour) <= RUN {
            return None;
        }
        Reading::of(self.visits as f32, thresholds.value(Threshold::Burst))
    }

    /// It is idle for a day: I7, and what it did not come back for is let go of.
    pub(crate) fn ended(&mut self, now: Moment, thresholds: &Thresholds) -> Option<Reading> {
        (self.unknown, self.helos) = (None, Sightings::default());
        self.burst(now, thresholds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Key;

    struct Host {
        inbound: Inbound,
        minute: u32,
        told: Vec<(Rule, Reading)>,
        thresholds: Thresholds,
        site: Site,
    }

    impl Host {
        fn new() -> Self {
            let site = Site::new(&[], &[], vec!["isp.example".parse().unwrap()]);
            Self {
                inbound: Inbound::default(),
                minute: 1_440_000,
                told: vec![],
                thresholds: Thresholds::default(),
                site,
            }
        }

        fn does(&mut self, what: impl Fn(&mut Inbound, &mut Door<'_>)) {
            let now =
                Moment { minute: self.minute, hour: self.minute / 60, day: self.minute / 1440, ..Moment::default() };
            self.told.clear();
            self.inbound.begin(now);
            let mut door = Door { now, site: &self.site, thresholds: &self.thresholds, told: &mut self.told };
            what(&mut self.inbound, &mut door);
        }

        fn holds(&self, rule: Rule) -> bool {
            self.told.iter().any(|(told, reading)| *told == rule && reading.holds())
        }

        fn says(&mut self, helo: &str) {
            let caller = Caller { helo: helo.as_bytes(), number: number(helo), address: None, reverse: None };
            self.does(|inbound, door| _ = inbound.says(&caller, door));
        }
    }

    fn number(name: &str) -> u64 {
        Key::new([1; 16]).name(name.as_bytes())
    }

    #[test]
    fn four_helo_names_in_a_day_hold_and_in_a_week_do_not() {
        let mut host = Host::new();
        for helo in ["a.example", "b.example", "c.example"] {
            host.says(helo);
            assert!(!host.holds(Rule::RemoteHelos));
        }
        host.says("d.example");
        assert!(host.holds(Rule::RemoteHelos));
        let mut slow = Host::new();
        for helo in ["a.example", "b.example", "c.example", "d.example", "e.example"] {
            slow.says(helo);
            slow.minute += 1500;
            assert!(!slow.holds(Rule::RemoteHelos));
        }
    }

    #[test]
    fn a_name_of_ours_three_times_is_odd() {
        let mut host = Host::new();
        (0..3).for_each(|_| host.says("mail.isp.example"));
        assert!(host.holds(Rule::RemoteHeloForm));
        let mut plain = Host::new();
        (0..30).for_each(|_| plain.says("mx.example.com"));
        assert!(!plain.holds(Rule::RemoteHeloForm));
    }

    #[test]
    fn ten_unknown_recipients_hold_unless_as_many_real_ones_were_written_to() {
        let attack = |real: u32| {
            let mut host = Host::new();
            (0..real).for_each(|_| host.does(|inbound, _| inbound.accepted(true)));
            (0..12).for_each(|recipient| {
                host.does(|inbound, door| inbound.unknown(number(&format!("u{recipient}")), door));
            });
            host.holds(Rule::UnknownRecipients)
        };
        assert!(attack(0));
        assert!(!attack(40));
        let mut again = Host::new();
        (0..40).for_each(|_| again.does(|inbound, door| inbound.unknown(number("u"), door)));
        assert!(!again.holds(Rule::UnknownRecipients), "the same unknown recipient");
    }

    #[test]
    fn verdicts_breaches_guesses_relaying_and_scanners_words_are_counted() {
        let mut host = Host::new();
        (0..3).for_each(|_| host.does(|inbound, door| inbound.verdict(door)));
        assert!(host.holds(Rule::Verdicts));
        (0..3).for_each(|_| host.does(|inbound, door| inbound.breach(door)));
        assert!(host.holds(Rule::Manners));
        (0..5).for_each(|_| host.does(|inbound, door| inbound.relayed(door)));
        assert!(host.holds(Rule::Relayed));
        (0..2).for_each(|_| host.does(|inbound, door| inbound.tainted(true, door)));
        assert!(host.holds(Rule::Scanner));
        (0..7).for_each(|_| host.does(|inbound, door| inbound.guess(1 << 58, false, door)));
        assert!(host.holds(Rule::Guesses));
        let mut own = Host::new();
        (0..20).for_each(|_| own.does(|inbound, door| inbound.guess(1 << 58, true, door)));
        assert!(!own.holds(Rule::Guesses), "an old password");
    }

    #[test]
    fn a_burst_is_one_hour_of_visits_and_a_day_of_none() {
        let mut host = Host::new();
        (0..10).for_each(|_| host.does(|inbound, _| inbound.empty()));
        let later = |hours: u32| Moment { hour: 24_000 + hours, ..Moment::default() };
        assert_eq!(host.inbound.burst(later(24), &host.thresholds), None);
        assert!(host.inbound.burst(later(25), &host.thresholds).unwrap().holds());
        host.minute += 60;
        host.does(|inbound, _| inbound.empty());
        assert_eq!(host.inbound.burst(later(25), &host.thresholds), None);
    }

    #[test]
    fn thirty_sender_domains_hold() {
        let mut host = Host::new();
        let mut held = false;
        for domain in 0..200 {
            host.does(|inbound, door| inbound.message(Some(number(&format!("d{domain}.example"))), door));
            held |= host.holds(Rule::RemoteSenders);
        }
        assert!(held && host.inbound.senders.count_ones() > 40);
    }
}
