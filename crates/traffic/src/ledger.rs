//! The days of a window together, and since when each host is known: what a restart must not lose, as bytes to save.
//!
//! The ledger has at most [`DAYS`] days; the oldest goes when a new one comes. Of who was a client it remembers more: the first
//! and the last day, for [`REMEMBERED`] days after the last.

use std::collections::VecDeque;
use std::iter::Peekable;

use crate::code::{Reader, put};
use crate::day::{Date, Missed};
use crate::host::Host;
use crate::kind::Kind;
use crate::outline::{self, Outline, Outlines};
use crate::sealed::{Brief, Row, Rows, Sealed, address};
use crate::spread::put_len;
use crate::totals::Totals;

/// Days that features are computed of; an older one goes.
pub const DAYS: usize = 7;

/// Days after which a host that was no client any more is forgotten: then it is new again.
pub const REMEMBERED: i32 = 90;

/// How saved state begins, with the version of its form.
const MAGIC: &[u8] = b"spamtrail-traffic-1\n";

/// Days, and who is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    days: VecDeque<Sealed>,
    known: Known,
}

/// Saved state that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    #[error("the saved state of traffic does not begin as one of this version")]
    Form,
    #[error("the saved state of traffic is cut or changed")]
    Content,
}

impl Ledger {
    /// Takes in a day. One of the date of another takes its place (for a part of a day: [`Self::add`]); one older than all that are kept, when there are enough, is
    /// left out.
    pub fn push(&mut self, day: Sealed) {
        self.known.meet(&day);
        let at = self.days.partition_point(|other| other.date < day.date);
        match self.days.get_mut(at) {
            Some(other) if other.date == day.date => *other = day,
            _ => self.days.insert(at, day),
        }
        while self.days.len() > DAYS || self.is_stale() {
            self.days.pop_front();
        }
    }

    /// What there is of a date.
    pub(crate) fn day(&self, date: Date) -> Option<&Sealed> {
        self.days.iter().find(|day| day.date == date)
    }

    /// Whether the oldest day is more than a window before the newest.
    fn is_stale(&self) -> bool {
        let (Some(first), Some(last)) = (self.days.front(), self.days.back()) else { return false };
        i64::from(last.date.0) - i64::from(first.date.0) >= DAYS as i64
    }

    /// The days that are there, oldest first.
    pub fn dates(&self) -> impl Iterator<Item = Date> {
        self.days.iter().map(|day| day.date)
    }

    /// The first day of which anything is known: a host that is older is not known to be.
    pub fn since(&self) -> Option<Date> {
        self.known.since
    }

    /// What was not counted by host, in all days.
    pub fn missed(&self) -> Missed {
        let mut missed = Missed::default();
        self.days.iter().for_each(|day| missed.merge(&day.missed));
        missed
    }

    /// The packets of all days.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.days.iter().for_each(|day| totals.merge(&day.totals));
        totals
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let known = self.known.clients.iter().map(|clients| clients.capacity() * size_of::<Tenure>()).sum::<usize>();
        self.days.iter().map(Sealed::bytes).sum::<usize>() + known
    }

    /// All hosts, by address, IPv4 first.
    pub fn hosts(&self) -> impl Iterator<Item = Host> {
        (0..2).flat_map(|family| {
            let days = self.days.iter().map(|day| (day.date, day.rows(family).peekable())).collect();
            Hosts { family, days, known: self.known.clients[family].iter().peekable(), since: self.known.since }
        })
    }

    /// The same in few words: several times as quick.
    pub(crate) fn outlines(&self) -> impl Iterator<Item = Outline> {
        (0..2).flat_map(|family| Outlines::of(self.days.iter(), family))
    }

    /// Everything, as bytes.
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put(&mut bytes, self.days.len() as u64);
        for day in &self.days {
            bytes.extend(day.date.0.to_be_bytes());
            for number in [day.missed.untracked, day.missed.unkept, day.missed.misdated, day.hosts[0], day.hosts[1]] {
                put(&mut bytes, number);
            }
            day.totals.put(&mut bytes);
            day.rows.iter().for_each(|rows| put_len(&mut bytes, rows));
        }
        self.known.put(&mut bytes);
        bytes
    }

    /// What [`Self::save`] wrote.
    pub fn restore(bytes: &[u8]) -> Result<Self, RestoreError> {
        let bytes = bytes.strip_prefix(MAGIC).ok_or(RestoreError::Form)?;
        Self::read(&mut Reader(bytes)).ok_or(RestoreError::Content)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut days = VecDeque::new();
        let count = reader.number().filter(|count| *count <= DAYS as u64)?;
        for _ in 0..count {
            let day = read_day(reader)?;
            if days.back().is_some_and(|before: &Sealed| before.date >= day.date) || !day.is_readable() {
                return None;
            }
            days.push_back(day);
        }
        let known = Known::read(reader)?;
        reader.0.is_empty().then_some(Self { days, known })
    }
}

fn read_day(reader: &mut Reader<'_>) -> Option<Sealed> {
    let date = Date(i32::from_be_bytes(reader.bytes(4)?.try_into().ok()?));
    let missed = Missed { untracked: reader.number()?, unkept: reader.number()?, misdated: reader.number()? };
    let hosts = [reader.number()?, reader.number()?];
    let totals = Totals::read(reader)?;
    let mut rows = || {
        let length = usize::try_from(reader.number()?).ok()?;
        reader.bytes(length).map(<[u8]>::to_vec)
    };
    Some(Sealed { date, missed, totals, hosts, rows: [rows()?, rows()?] })
}

/// Since when a host is known as a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tenure {
    address: u128,
    first: i32,
    last: i32,
}

/// All that are known, by family and address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    since: Option<Date>,
    clients: [Vec<Tenure>; 2],
}

impl Known {
    fn meet(&mut self, day: &Sealed) {
        self.since = Some(self.since.map_or(day.date, |since| since.min(day.date)));
        for (family, clients) in self.clients.iter_mut().enumerate() {
            let has_sent = |row: &Brief| row.client.is_some_and(|(_, kinds)| outline::of(&kinds, &Kind::SENT) > 0);
            let seen = day.briefs(family).filter(has_sent);
            *clients = meet(std::mem::take(clients), seen.map(|row| row.address), day.date.0);
        }
    }

    fn put(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.since.is_some()));
        to.extend(self.since.unwrap_or_default().0.to_be_bytes());
        for clients in &self.clients {
            put(to, clients.len() as u64);
            let mut before = 0;
            for client in clients {
                let step = client.address - before;
                put(to, step as u64);
                put(to, (step >> 64) as u64);
                to.extend(client.first.to_be_bytes());
                put(to, client.last.abs_diff(client.first).into());
                before = client.address;
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let is_since = reader.byte()? != 0;
        let day = |reader: &mut Reader<'_>| Some(i32::from_be_bytes(reader.bytes(4)?.try_into().ok()?));
        let since = Date(day(reader)?);
        let mut clients = [Vec::new(), Vec::new()];
        for clients in &mut clients {
            let mut address = 0u128;
            for _ in 0..reader.number()? {
                let step = u128::from(reader.number()?) | u128::from(reader.number()?) << 64;
                address = address.checked_add(step)?;
                let first = day(reader)?;
                let last = first.checked_add(i32::try_from(reader.number()?).ok()?)?;
                clients.push(Tenure { address, first, last });
            }
        }
        Some(Self { since: is_since.then_some(since), clients })
    }
}

/// Both in order of address; those that are forgotten left out.
fn meet(known: Vec<Tenure>, seen: impl Iterator<Item = u128>, date: i32) -> Vec<Tenure> {
    let mut met = Vec::with_capacity(known.len());
    let mut known = known.into_iter().filter(|tenure| tenure.last >= date - REMEMBERED).peekable();
    for address in seen {
        while let Some(tenure) = known.next_if(|tenure| tenure.address < address) {
            met.push(tenure);
        }
        let before = known.next_if(|tenure| tenure.address == address);
        let (first, last) = before.map_or((date, date), |tenure| (tenure.first.min(date), tenure.last.max(date)));
        met.push(Tenure { address, first, last });
    }
    met.extend(known);
    met
}

/// The hosts of a family, from rows of all days in step.
struct Hosts<'a> {
    family: usize,
    days: Vec<(Date, Peekable<Rows<'a>>)>,
    known: Peekable<std::slice::Iter<'a, Tenure>>,
    since: Option<Date>,
}

impl Iterator for Hosts<'_> {
    type Item = Host;

    fn next(&mut self) -> Option<Host> {
        let first = self.days.iter_mut().filter_map(|(_, rows)| rows.peek().map(|row| row.address)).min()?;
        let mut host = Host::new(address(self.family, first), self.family, self.days.len());
        for (date, rows) in &mut self.days {
            let row: Option<Row> = rows.next_if(|row| row.address == first);
            if let Some(row) = row {
                host.add(*date, &row);
            }
        }
        while self.known.next_if(|tenure| tenure.address < first).is_some() {}
        if let Some(tenure) = self.known.next_if(|tenure| tenure.address == first) {
            host.first_seen = Some(Date(tenure.first));
        }
        host.known_since = self.since;
        host.finish();
        Some(host)
    }
}
