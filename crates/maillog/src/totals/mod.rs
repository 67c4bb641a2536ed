//! Sums over a log: what pflogsumm and eximstats count, so that their figures and these can be compared one by one.
//!
//! They are sums over lines, not over messages: a message that a filter hands back is received twice, as there. What is counted
//! how, and where the two programs count otherwise, stands in docs/reference/mail-logs.md.

mod exim;
mod names;
mod postfix;
mod sendmail;

use std::collections::{BTreeMap, HashMap};

use evidence::Time;

use crate::entry::{Body, Entry};
use crate::hash::hash;
pub use names::{MAX_NAMES, Names};

/// A number of messages, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    pub messages: u64,
    pub bytes: u64,
}

impl Flow {
    fn add(&mut self, bytes: u64) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Of an hour of the day, or of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    pub received: u64,
    pub delivered: u64,
    /// Deferrals.
    pub deferred: u64,
    pub failed: u64,
    /// Rejections, warnings instead of them, what was held and what was thrown away.
    pub rejected: u64,
}

/// Sums over a log.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Messages taken, from clients and from users of the machine.
    pub received: Flow,
    /// Deliveries that went well: of recipients with Postfix and Sendmail, of transports with Exim.
    pub delivered: Flow,
    /// Recipients that got it.
    pub addresses: u64,
    /// Handed back to the queue for another address.
    pub forwarded: u64,
    /// Messages of which a recipient was deferred.
    pub deferred: u64,
    /// … and how often that was.
    pub deferrals: u64,
    /// Recipients that failed for good.
    pub failed: u64,
    /// Messages of which a recipient failed.
    pub failed_messages: u64,
    /// Commands, connections and messages that were refused.
    pub rejected: u64,
    /// Of these, for now.
    pub rejected_for_now: u64,
    /// Would have been refused, had a rule not only warned.
    pub warned: u64,
    pub held: u64,
    /// Taken, and thrown away.
    pub discarded: u64,
    /// By hour of the day in the zone of the machine.
    pub hours: [Period; 24],
    /// By day in the zone of the machine: days since 1970.
    pub days: BTreeMap<i64, Period>,
    /// Sender addresses of what was received.
    pub senders: Names,
    /// Their domains; for the null sender the domain of the client.
    pub sender_domains: Names,
    /// Recipients that got something.
    pub recipients: Names,
    pub recipient_domains: Names,
    /// Clients: the name in the DNS, else `(helo)`, else the address; `local` for the machine itself.
    pub clients: Names,
    /// Next hops, in the same way.
    pub hosts: Names,
    /// Delivery agents: Exim's transports, Sendmail's mailers, what is the relay in a line of Postfix and no other host.
    pub transports: Names,
    seed: u64,
    open: Open,
}

/// Days that have sums of their own; a further one is added to the last.
const MAX_DAYS: usize = 4000;

/// Messages whose size is known: beyond it those are forgotten of which nothing was heard for half as many others.
const MAX_OPEN: usize = 250_000;

/// Messages under way, in two halves: when the younger one is full it is the older one, and what was older is forgotten.
#[derive(Clone, Debug, Default)]
struct Open {
    young: HashMap<u64, Message>,
    old: HashMap<u64, Message>,
}

/// What is known of a message under way.
#[derive(Clone, Debug, Default)]
struct Message {
    size: Option<u64>,
    /// Received, and its bytes not yet counted: where it came from.
    from: Option<Box<[u8]>>,
    deferred: bool,
    failed: bool,
}

impl Open {
    fn get(&mut self, key: u64) -> &mut Message {
        if self.young.len() >= MAX_OPEN / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(key).or_insert_with(|| self.old.remove(&key).unwrap_or_default())
    }

    fn remove(&mut self, key: u64) {
        self.young.remove(&key);
        self.old.remove(&key);
    }
}

/// When a line was written, in the zone of the machine.
#[derive(Clone, Copy)]
struct When {
    day: i64,
    hour: usize,
}

impl Totals {
    pub(crate) fn new(seed: u64) -> Self {
        let names = Names::new(seed);
        Self {
            received: Flow::default(),
            delivered: Flow::default(),
            addresses: 0,
            forwarded: 0,
            deferred: 0,
            deferrals: 0,
            failed: 0,
            failed_messages: 0,
            rejected: 0,
            rejected_for_now: 0,
            warned: 0,
            held: 0,
            discarded: 0,
            hours: [Period::default(); 24],
            days: BTreeMap::new(),
            senders: names.clone(),
            sender_domains: names.clone(),
            recipients: names.clone(),
            recipient_domains: names.clone(),
            clients: names.clone(),
            hosts: names.clone(),
            transports: names,
            seed,
            open: Open::default(),
        }
    }

    /// Takes a line; `local` is its instant as a clock in the machine's zone shows it.
    pub(crate) fn take(&mut self, entry: &Entry<'_>, local: Time) {
        const HOUR: i64 = 3_600_000_000;
        let hours = local.micros().div_euclid(HOUR);
        let when = When { day: hours.div_euclid(24), hour: hours.rem_euclid(24) as usize };
        let place = hash(hash(self.seed, entry.host.as_bytes()), entry.instance);
        match &entry.body {
            Body::Postfix(line) => self.postfix(place, when, line),
            Body::Exim(line) => self.exim(place, when, line),
            Body::Sendmail(line) => self.sendmail(place, when, line),
            _ => {}
        }
    }

    fn period(&mut self, when: When, count: impl Fn(&mut Period)) {
        count(&mut self.hours[when.hour]);
        let last = self.days.last_key_value().map_or(when.day, |(day, _)| *day);
        let has_room = self.days.len() < MAX_DAYS || self.days.contains_key(&when.day);
        count(self.days.entry(if has_room { when.day } else { last }).or_default());
    }

    fn reject(&mut self, when: When, for_now: bool) {
        self.rejected += 1;
        self.rejected_for_now += u64::from(for_now);
        self.period(when, |period| period.rejected += 1);
    }

    fn receive(&mut self, when: When) {
        self.received.messages += 1;
        self.period(when, |period| period.received += 1);
    }

    /// A received message whose size and sender are known; `client` stands for the domain of the null sender.
    fn sent_by(&mut self, sender: &[u8], client: &[u8], size: u64) {
        self.received.bytes = self.received.bytes.saturating_add(size);
        self.sender_domains.add(domain(sender).unwrap_or(client), size);
        self.senders.add(sender, size);
    }

    fn deliver(&mut self, when: When, recipient: &[u8], size: u64) {
        self.delivered.add(size);
        self.period(when, |period| period.delivered += 1);
        self.reach(recipient, size);
    }

    fn reach(&mut self, recipient: &[u8], size: u64) {
        self.addresses += 1;
        let address = lowered(recipient);
        self.recipient_domains.add(domain(&address).unwrap_or(&address), size);
        self.recipients.add(&address, size);
    }

    fn defer(&mut self, when: When, key: u64) {
        self.deferrals += 1;
        let before = std::mem::replace(&mut self.open.get(key).deferred, true);
        self.deferred += u64::from(!before);
        self.period(when, |period| period.deferred += 1);
    }

    fn fail(&mut self, when: When, key: u64) {
        self.failed += 1;
        let before = std::mem::replace(&mut self.open.get(key).failed, true);
        self.failed_messages += u64::from(!before);
        self.period(when, |period| period.failed += 1);
    }

    fn size(&mut self, key: u64) -> u64 {
        self.open.get(key).size.unwrap_or(0)
    }
}

/// An address with its domain in small letters.
fn lowered(address: &[u8]) -> Vec<u8> {
    let mut address = address.to_vec();
    let at = memchr::memchr(b'@', &address).unwrap_or(address.len());
    address[at..].make_ascii_lowercase();
    address
}

/// What stands behind the first `@`, when something stands before it.
fn domain(address: &[u8]) -> Option<&[u8]> {
    let at = memchr::memchr(b'@', address).filter(|at| *at > 0)?;
    Some(&address[at + 1..])
}

/// A name in the DNS, else `(helo)`, else the address; `local` for neither.
fn host(name: &[u8], helo: Option<&[u8]>, address: &[u8]) -> Vec<u8> {
    match helo {
        _ if !name.is_empty() && name != b"unknown" => name.to_vec(),
        Some(helo) => [b"(", helo, b")"].concat(),
        None if !address.is_empty() => [b"[", address, b"]"].concat(),
        None => b"local".to_vec(),
    }
}
