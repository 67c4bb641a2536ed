//! What a customer hands in: counters, what is usual, and the rules X1 to X11, V1 and S1 on them.
//!
//! It knows hashes and counts, no names: who it is and what to call it is decided elsewhere.

mod failures;
mod helos;
mod networks;
mod repeats;
mod senders;
mod volume;

use evidence::Country;
use minicbor::{Decode, Encode};

pub use helos::HELO_NAMES;
pub use networks::NETWORKS;
pub use repeats::REPEATED_KEYS;
pub use senders::SENDER_DOMAINS;

pub(crate) use failures::Borders;
pub(crate) use helos::Said;
pub(crate) use repeats::{Kind, Repeat};

use crate::acquaintance::Acquaintances;
use crate::baseline::{SiteUsual, Usual};
use crate::hash::both;
use crate::moment::Moment;
use crate::rule::{Reading, Rule};
use crate::sender::Mark;
use crate::sighting::Novelty;
use crate::site::Site;
use crate::subject::Machine;
use crate::threshold::Thresholds;
use crate::window::{Day, Variety, Volume};

use failures::Failures;
use helos::Helos;
use networks::Networks;
use repeats::Repeats;
use senders::{ONE_MESSAGE, Senders};

/// A customer's mail.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Outbound {
    #[n(0)]
    day: Day,
    /// Of the calendar day `on`, to learn from.
    #[n(1)]
    today: Volume,
    #[n(2)]
    on: u32,
    /// Since the customer is known.
    #[n(3)]
    ever: Volume,
    #[n(4)]
    usual: Usual,
    #[n(5)]
    failures: Failures,
    #[n(6)]
    senders: Senders,
    #[n(7)]
    helos: Helos,
    #[n(8)]
    networks: Networks,
    /// Kept from the eighth recipient of a day on.
    #[n(9)]
    details: Option<Box<Details>>,
    /// The share of replies that name a block list in the last mail.
    #[n(10)]
    listed_lately: f32,
}

/// What is kept of those who send more than a little.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
struct Details {
    #[n(0)]
    repeats: Repeats,
    /// Different recipients of this calendar day and the one before.
    #[n(1)]
    recipients: [Variety; 2],
    /// Plain senders with the marks of a list, one bit each by hash, of this calendar day and the one before.
    #[n(2)]
    lists: [u64; 2],
    /// Domains of failed recipients likewise: as many bits as domains, or fewer.
    #[n(3)]
    failed_domains: [u64; 2],
}

/// Recipients of a day from which on [`Details`] are kept.
const DETAILS_FROM: u32 = 8;

/// What rules need beside the customer's own counts.
pub(crate) struct Around<'a> {
    pub(crate) now: Moment,
    pub(crate) site: &'a Site,
    pub(crate) thresholds: &'a Thresholds,
    pub(crate) borders: &'a Borders,
    pub(crate) usual: &'a mut SiteUsual,
    pub(crate) pairs: &'a mut Acquaintances,
    /// What the rules read, in the order in which they do.
    pub(crate) told: &'a mut Vec<(Rule, Reading)>,
}

/// A message taken from a customer.
pub(crate) struct Taken<'a> {
    pub(crate) helo: Option<Said<'a>>,
    /// Hash of the sender domain; `None` for the null sender and where the sender is not known.
    pub(crate) domain: Option<u64>,
    /// Hash of the plain sender.
    pub(crate) sender: u64,
    pub(crate) mark: Mark,
    pub(crate) size: Option<u64>,
    /// For accounts: from where.
    pub(crate) from: Option<Machine>,
}

/// A first attempt at a recipient.
pub(crate) struct Tried {
    /// Hash of the customer.
    pub(crate) subject: u64,
    pub(crate) recipient: u64,
    /// Of attempts that failed, and of those of the null sender; 0 of others.
    pub(crate) recipient_domain: u64,
    /// Hash of the sender domain; `None` for the null sender and where it is not known.
    pub(crate) domain: Option<u64>,
    pub(crate) is_null: bool,
    pub(crate) exists: Option<bool>,
    pub(crate) is_listed: bool,
    pub(crate) is_loop: bool,
    pub(crate) message: Option<u64>,
    pub(crate) sender: u64,
    pub(crate) size: Option<u64>,
}

impl Outbound {
    /// The time goes on. `is_good` tells whether the days before may be learned from.
    pub(crate) fn begin(&mut self, now: Moment, is_good: bool, usual: &mut SiteUsual) {
        self.day.advance(now.hour);
        if now.day <= self.on {
            return;
        }
        let today = std::mem::take(&mut self.today);
        if today.recipients + today.messages > 0 && is_good {
            self.usual.learn(&today);
            usual.learn(&today);
        }
        if let Some(details) = &mut self.details {
            let is_next = now.day == self.on + 1;
            details.recipients = [Variety::default(), if is_next { details.recipients[0] } else { Variety::default() }];
            details.lists = [0, if is_next { details.lists[0] } else { 0 }];
            details.failed_domains = [0, if is_next { details.failed_domains[0] } else { 0 }];
        }
        self.on = now.day;
        let own = self.usual.failure_share().unwrap_or(0.0);
        self.failures.expect(own.max(usual.median()));
    }

    /// Forgets the windows: the time of the log went back.
    pub(crate) fn begin_anew(&mut self, now: Moment) {
        (self.day, self.today, self.on) = (Day::default(), Volume::default(), now.day);
        self.details = None;
    }

    fn count(&mut self, count: impl Fn(&mut Volume)) {
        count(&mut self.today);
        count(&mut self.ever);
        self.day.count(count);
    }

    pub(crate) fn arrival(&mut self, taken: Taken<'_>, country: impl Fn() -> Option<Country>, around: &mut Around<'_>) {
        let now = around.now;
        let novelty = taken.domain.map(|domain| self.senders.see(domain, now));
        let is_newcomer = matches!(novelty, Some(Novelty::New | Novelty::Fresh));
        let is_bulk = taken.mark == Mark::List;
        self.count(|volume| {
            volume.messages = volume.messages.saturating_add(1);
            volume.newcomers = volume.newcomers.saturating_add(is_newcomer.into());
            volume.bulk = volume.bulk.saturating_add(is_bulk.into());
        });
        if novelty == Some(Novelty::New) {
            self.senders.judge(now, self.day.total(), around.thresholds, around.told);
        }
        if let Some(mut said) = taken.helo {
            said.sender_is_new = novelty == Some(Novelty::New);
            self.helos.see(said, now, around.site, around.thresholds, around.told);
        }
        if let Some(machine) = taken.from {
            self.networks.see(machine, country, now, around.thresholds, around.told);
        }
        if let Some(details) = &mut self.details
            && let Some(domain) = taken.domain
        {
            details.lists[0] |= u64::from(is_bulk) << (taken.sender >> 58);
            if let Some(size) = taken.size {
                details.repeats.message(size, domain, now, around.thresholds, around.told);
            }
        }
    }

    pub(crate) fn attempt(&mut self, tried: &Tried, around: &mut Around<'_>) {
        let now = around.now;
        let is_stranger = self.is_stranger(tried, around);
        let is_far = tried.is_null && !around.pairs.meet(both(tried.subject, tried.recipient_domain), now.day);
        // The null sender is no person: its failures and strangers tell of other things.
        let (answered, failed) =
            (tried.exists.is_some() && !tried.is_null, tried.exists == Some(false) && !tried.is_null);
        self.count(|volume| {
            volume.recipients = volume.recipients.saturating_add(1);
            volume.strangers = volume.strangers.saturating_add(is_stranger.into());
            volume.answered = volume.answered.saturating_add(answered.into());
            volume.failed = volume.failed.saturating_add(failed.into());
            volume.nulls = volume.nulls.saturating_add(tried.is_null.into());
            volume.null_failed =
                volume.null_failed.saturating_add((tried.is_null && tried.exists == Some(false)).into());
            volume.null_strangers = volume.null_strangers.saturating_add(is_far.into());
            volume.listed = volume.listed.saturating_add(tried.is_listed.into());
        });
        around.usual.recipient(tried.is_listed);
        if failed {
            let failed = (tried.recipient, tried.recipient_domain);
            self.failures.failed(failed, now, around.borders, around.thresholds, around.told);
        } else if answered {
            self.failures.delivered(around.borders);
        }
        self.listed_lately += ONE_MESSAGE * (f32::from(u8::from(tried.is_listed)) - self.listed_lately);
        self.repeated(tried, failed, around);
        self.volume(is_stranger, is_far, tried.is_listed, around);
    }

    /// Whether neither the customer nor anybody of the sender's domain ever wrote to the recipient. The domain counts, so
    /// that a customer who moves to another address or account takes his acquaintances with him.
    fn is_stranger(&self, tried: &Tried, around: &mut Around<'_>) -> bool {
        if around.pairs.meet(both(tried.subject, tried.recipient), around.now.day) {
            return false;
        }
        let of_domain = tried.domain.map(|domain| both(domain, tried.recipient));
        let known = of_domain.is_some_and(|pair| around.pairs.meet(pair, around.now.day));
        !known && !tried.is_null
    }

    fn repeated(&mut self, tried: &Tried, failed: bool, around: &mut Around<'_>) {
        if self.details.is_none() && self.day.total().recipients >= DETAILS_FROM {
            self.details = Some(Box::default());
        }
        let Some(details) = &mut self.details else { return };
        details.recipients[0].see(tried.recipient);
        if failed {
            details.failed_domains[0] |= 1 << (tried.recipient_domain >> 58);
        }
        let keys = (tried.message, tried.sender, tried.recipient);
        // Notices of failure to one sender are alike by nature.
        let size = tried.size.filter(|_| !tried.is_null);
        let again = details.repeats.attempt(keys, size, around.now, around.thresholds, around.told);
        if tried.is_loop {
            details.repeats.spoken(around.now, around.thresholds, around.told);
        }
        if tried.is_loop || again >= 3 {
            self.count(|volume| volume.looped = volume.looped.saturating_add(1));
        }
    }

    fn volume(&mut self, is_stranger: bool, is_far: bool, is_listed: bool, around: &mut Around<'_>) {
        let day = *self.day.total();
        let thresholds = around.thresholds;
        if is_stranger {
            let reading = volume::strangers(&day, &self.usual, thresholds);
            around.told.extend(reading.map(|reading| (Rule::Strangers, reading)));
        }
        if is_far {
            around.told.extend(volume::nulls(&day, &self.usual, thresholds).map(|reading| (Rule::NullSender, reading)));
        }
        if is_listed {
            let reading = volume::listed(&day, self.listed_lately, around.usual.listed_share(), thresholds);
            around.told.extend(reading.map(|reading| (Rule::Listed, reading)));
        }
        // These change slowly; every sixteenth recipient is soon enough, and costs a sixteenth.
        if day.recipients.is_multiple_of(16) {
            around.told.extend(volume::growth(&day, &self.usual, thresholds).map(|reading| (Rule::Growth, reading)));
            let reading = volume::spread(&day, self.different_recipients(), thresholds);
            around.told.extend(reading.map(|reading| (Rule::Spread, reading)));
        }
    }

    /// A scanner's word on a message.
    pub(crate) fn tainted(&mut self, is_virus: bool, around: &mut Around<'_>) {
        self.count(|volume| match is_virus {
            true => volume.viruses = volume.viruses.saturating_add(1),
            false => volume.spams = volume.spams.saturating_add(1),
        });
        around.told.extend(volume::scanner(self.day.total(), around.thresholds));
    }

    /// About how many different recipients there were today and yesterday.
    pub(crate) fn different_recipients(&self) -> f64 {
        let merged = self.details.as_ref().map(|details| details.recipients[0].merged(&details.recipients[1]).count());
        merged.unwrap_or_else(|| f64::from(self.day.total().recipients.min(DETAILS_FROM)))
    }

    /// Plain senders with the marks of a list of today and yesterday, up to some forty; 0 where nothing is known.
    pub(crate) fn list_senders(&self) -> u32 {
        self.details.as_ref().map_or(0, |details| (details.lists[0] | details.lists[1]).count_ones())
    }

    /// Domains of failed recipients of today and yesterday, up to some forty.
    pub(crate) fn failed_domains(&self) -> u32 {
        self.details.as_ref().map_or(0, |details| (details.failed_domains[0] | details.failed_domains[1]).count_ones())
    }

    pub(crate) fn day(&self) -> &Volume {
        self.day.total()
    }

    pub(crate) fn ever(&self) -> &Volume {
        &self.ever
    }

    pub(crate) fn usual(&self) -> &Usual {
        &self.usual
    }

    pub(crate) fn repetition(&self) -> Option<Kind> {
        self.details.as_ref().and_then(|details| details.repeats.kind())
    }

    /// HELO names of the last day.
    pub(crate) fn helos(&self, hour: u32) -> u32 {
        self.helos.recent(hour)
    }

    /// Counts failures, repetitions and the day anew: the cause of a finding is gone.
    pub(crate) fn forgive(&mut self) {
        self.failures.forgive();
        self.day.clear();
        self.details = None;
    }

    /// Counts failures anew: a finding ended by itself.
    pub(crate) fn acquit(&mut self) {
        self.failures.forgive();
    }

    /// Lets go of what a customer who is idle for a day does not need.
    pub(crate) fn tidy(&mut self, now: Moment) {
        self.details = None;
        self.failures.tidy(now.minute);
        self.senders.tidy(now.hour);
        self.helos.tidy(now.hour);
        self.networks.tidy(now.hour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_takes_no_more_room_than_is_said() {
        let fixed = size_of::<Outbound>() + size_of::<Details>();
        assert!((1024..2048 + 512).contains(&fixed), "{fixed}");
        // Open tables are filled to three quarters.
        let names = (SENDER_DOMAINS + HELO_NAMES + NETWORKS) as usize * 4 / 3 * size_of::<crate::sighting::Sighting>();
        let lines = 10 * 3 * (crate::proof::LONGEST_LINE + crate::proof::LONGEST_HOST + 64);
        assert!(fixed + names + lines < 30 * 1024, "{fixed} {names} {lines}");
    }
}
