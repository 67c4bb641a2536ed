//! A day's counts as they are kept for the days that follow: rows by address in as few bytes as they need, made and read in
//! order. Nothing in it can be changed.

use std::net::IpAddr;

use crate::code::{Reader, put, put_sparse};
use crate::day::{Date, Day, Family, Missed};
use crate::key::Key;
use crate::outline::Kinds;
use crate::spread::Kept;
use crate::table::{Entry, OCCUPIED, Table};
use crate::totals::Totals;

/// A day that has ended, or a day so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub(crate) date: Date,
    pub(crate) missed: Missed,
    pub(crate) totals: Totals,
    /// Hosts of IPv4 and of IPv6.
    pub(crate) hosts: [u64; 2],
    pub(crate) rows: [Vec<u8>; 2],
}

/// What a host did in one role on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) asn: u32,
    pub(crate) peers: u32,
    pub(crate) marks: u8,
    pub(crate) kinds: Kinds,
    pub(crate) hours: [u64; 24],
}

/// A host on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) address: u128,
    pub(crate) client: Option<(Part, Kept)>,
    pub(crate) server: Option<Part>,
}

const CLIENT: u64 = 1;
const SERVER: u64 = 2;

impl Sealed {
    /// What a day has counted so far. The day goes on.
    pub fn of(day: &mut Day) -> Self {
        day.settle();
        let (four, six) = (seal(&day.four), seal(&day.six));
        let (date, missed, totals) = (day.date(), day.missed(), day.totals());
        Self { date, missed, totals, hosts: [four.0, six.0], rows: [four.1, six.1] }
    }

    pub fn date(&self) -> Date {
        self.date
    }

    /// Hosts, whatever they did.
    pub fn hosts(&self) -> u64 {
        self.hosts.iter().sum()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(Vec::capacity).sum()
    }

    pub(crate) fn rows(&self, family: usize) -> Rows<'_> {
        Rows { reader: Reader(&self.rows[family]), address: 0 }
    }

    /// The same without hours and destinations.
    pub(crate) fn briefs(&self, family: usize) -> Briefs<'_> {
        Briefs(self.rows(family))
    }

    pub(crate) fn is_readable(&self) -> bool {
        (0..2).all(|family| {
            let mut rows = self.rows(family);
            let count = rows.by_ref().count() as u64;
            count == self.hosts[family] && rows.reader.0.is_empty()
        })
    }
}

/// The rows of a family, by address. Ends at what cannot be read.
pub(crate) struct Rows<'a> {
    reader: Reader<'a>,
    address: u128,
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let start = self.reader.0;
        let row = self.row();
        if row.is_none() {
            self.reader.0 = start;
        }
        row
    }
}

impl Rows<'_> {
    fn row(&mut self) -> Option<Row> {
        let (address, client, server) = self.read(|reader| Some((part(reader)?, Kept::read(reader)?)), part)?;
        Some(Row { address, client, server })
    }

    /// The address, and of each role what its reader makes of it.
    #[inline]
    fn read<C, S>(
        &mut self,
        client: impl Fn(&mut Reader<'_>) -> Option<C>,
        server: impl Fn(&mut Reader<'_>) -> Option<S>,
    ) -> Option<(u128, Option<C>, Option<S>)> {
        let head = self.reader.number()?;
        let low = u128::from(head >> 2);
        let high = u128::from(self.reader.number()?) << 62;
        let address = self.address.checked_add(low | high)?;
        let reader = &mut self.reader;
        let client = if head & CLIENT == 0 { None } else { Some(client(reader)?) };
        let server = if head & SERVER == 0 { None } else { Some(server(reader)?) };
        self.address = address;
        Some((address, client, server))
    }
}

/// Of a host on one day the AS and the packets in each role.
pub(crate) struct Brief {
    pub(crate) address: u128,
    pub(crate) client: Option<(u32, Kinds)>,
    pub(crate) server: Option<(u32, Kinds)>,
}

/// The rows of a family in few words, by address. Ends at what cannot be read.
pub(crate) struct Briefs<'a>(Rows<'a>);

impl Iterator for Briefs<'_> {
    type Item = Brief;

    fn next(&mut self) -> Option<Brief> {
        let client = |reader: &mut Reader<'_>| {
            let brief = brief(reader)?;
            Kept::pass(reader)?;
            Some(brief)
        };
        let (address, client, server) = self.0.read(client, brief)?;
        Some(Brief { address, client, server })
    }
}

fn brief(reader: &mut Reader<'_>) -> Option<(u32, Kinds)> {
    let asn = u32::try_from(reader.number()?).ok()?;
    reader.number()?;
    reader.byte()?;
    let kinds = reader.sparse()?;
    for _ in 0..reader.number()?.count_ones() {
        reader.number()?;
    }
    Some((asn, kinds))
}

fn part(reader: &mut Reader<'_>) -> Option<Part> {
    Some(Part {
        asn: u32::try_from(reader.number()?).ok()?,
        peers: u32::try_from(reader.number()?).ok()?,
        marks: reader.byte()?,
        kinds: reader.sparse()?,
        hours: reader.sparse()?,
    })
}

/// Appends a row; `before` is the address of the row before it.
pub(crate) fn put_row(to: &mut Vec<u8>, before: u128, row: &Row) {
    let step = row.address - before;
    let roles = if row.client.is_some() { CLIENT } else { 0 } | if row.server.is_some() { SERVER } else { 0 };
    put(to, (step as u64 & (u64::MAX >> 2)) << 2 | roles);
    put(to, (step >> 62) as u64);
    let part = |to: &mut Vec<u8>, part: &Part| {
        put(to, part.asn.into());
        put(to, part.peers.into());
        to.push(part.marks);
        put_sparse(to, &part.kinds);
        put_sparse(to, &part.hours);
    };
    if let Some((client, kept)) = &row.client {
        part(to, client);
        kept.put(to);
    }
    if let Some(server) = &row.server {
        part(to, server);
    }
}

/// Entries that are called for before they are read: in order of address they are anywhere in the tables.
const AHEAD: usize = 16;

/// The number of hosts, and their rows.
fn seal<K: Key + Into<u128>>(family: &Family<K>) -> (u64, Vec<u8>) {
    let pairs = family.pairs.sorted();
    let mut places: Vec<(K, u32, bool)> = Vec::with_capacity(family.clients.len() + family.servers.len());
    // A table has less than 2³² places: its bound is a number of hosts that memory holds.
    places.extend(family.clients.hosts().map(|(place, entry)| (entry.key, place as u32, false)));
    places.extend(family.servers.hosts().map(|(place, entry)| (entry.key, place as u32, true)));
    places.sort_unstable();
    let (mut rows, mut count, mut before) = (Vec::new(), 0, 0);
    let (mut marks, mut met) = (Vec::new(), 0);
    let mut ahead = places.iter().skip(AHEAD);
    for host in places.chunk_by(|a, b| a.0 == b.0) {
        for (_, place, is_server) in ahead.by_ref().take(host.len()) {
            let table = if *is_server { &family.servers } else { &family.clients };
            table.call(*place as usize);
        }
        let address: u128 = host[0].0.into();
        let place =
            |server| host.iter().find(|(_, _, is_server)| *is_server == server).map(|(_, place, _)| *place as usize);
        let (client, server) = (place(false), place(true));
        let step = address - before;
        let roles = if client.is_some() { CLIENT } else { 0 } | if server.is_some() { SERVER } else { 0 };
        put(&mut rows, (step as u64 & (u64::MAX >> 2)) << 2 | roles);
        put(&mut rows, (step >> 62) as u64);
        if let Some(place) = client {
            put_part(&mut rows, &family.clients, family.clients.at(place));
            met = destinations::<K>(&pairs, met, host[0].0.owner(family.seed), &mut marks);
            Kept::of(&marks, K::NETWORK).put(&mut rows);
        }
        if let Some(place) = server {
            put_part(&mut rows, &family.servers, family.servers.at(place));
        }
        (count, before) = (count + 1, address);
    }
    rows.shrink_to_fit();
    (count, rows)
}

fn put_part<K: Key>(to: &mut Vec<u8>, table: &Table<K>, entry: &Entry<K>) {
    put(to, entry.asn.into());
    put(to, entry.peers.into());
    to.push(entry.marks & !OCCUPIED);
    let (kinds, hours) = table.counts(entry);
    put_sparse(to, &kinds);
    put_sparse(to, &hours);
}

/// The marks of a client's destinations, from pairs in order. Gives where the pairs of the next client begin, which in IPv4 is
/// the next host mostly; then they need not be searched for.
fn destinations<K: Key>(pairs: &[K::Pair], next: usize, owner: u64, marks: &mut Vec<u64>) -> usize {
    let is_next = pairs.get(next).is_some_and(|pair| K::parts(*pair).0 == owner);
    let from = if is_next { next } else { pairs.partition_point(|pair| K::parts(*pair).0 < owner) };
    let own = pairs[from..].iter().map(|pair| K::parts(*pair)).take_while(|(of, _)| *of == owner);
    marks.clear();
    marks.extend(own.map(|(_, mark)| mark));
    from + marks.len()
}

/// The address that a row is of.
pub(crate) fn address(family: usize, number: u128) -> IpAddr {
    if family == 0 { (number as u32).ip() } else { number.ip() }
}
