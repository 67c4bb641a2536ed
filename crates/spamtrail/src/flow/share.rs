//! Captures counted by several threads: one reads, the others decode and count. An agent is always with the same one, so gaps are
//! seen as by one thread, and days end for all at the same datagram: what comes out is the same, bit for bit.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use evidence::Time;
use sflow::capture::Datagram;
use sflow::{Decoder, MAX_AGENTS, Ports};
use traffic::{Date, Day, Ledger};

use super::count::{Clock, Days, Form, Meter};
use super::input::Input;

/// Bytes of datagrams that are handed over at once.
const BATCH: usize = 256 * 1024;

/// Batches on their way to a thread; the reader waits with further ones.
const AHEAD: usize = 4;

/// Where in a datagram the agent's address is, with its type; of a short one as much as there is.
const AGENT: std::ops::Range<usize> = 4..12;

/// Datagrams on their way.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    heads: Vec<Head>,
}

struct Head {
    at: Time,
    exporter: std::net::IpAddr,
    length: usize,
    is_short: bool,
}

enum Sent {
    Datagrams(Batch),
    /// A day begins with this stamp.
    Day(Time),
}

/// A thread that counts.
struct Counting<'scope> {
    to: SyncSender<Sent>,
    /// Batches that it has done with.
    back: Receiver<Batch>,
    thread: ScopedJoinHandle<'scope, Decoder>,
    batch: Batch,
    /// Datagrams of its agents.
    load: u64,
}

/// Reads all captures with so many threads that count. Their decoders, the clock, and days that have all ended.
pub(super) fn read(
    input: &mut Input,
    threads: usize,
    form: &Form,
    ports: Ports,
) -> anyhow::Result<(Vec<Decoder>, Clock, Days)> {
    let (ended, days) = channel::<Day>();
    let mut parts = Parts { threads, waiting: BTreeMap::new(), days: Days::new(Ledger::default()) };
    let mut clock = Clock::default();
    let decoders = thread::scope(|scope| {
        let mut counting: Vec<_> = (0..threads)
            .map(|_| {
                let (to, from) = sync_channel::<Sent>(AHEAD);
                let (done, back) = sync_channel::<Batch>(AHEAD + 2);
                let (meter, ended) = (Meter::new(form.clone(), ports, false), ended.clone());
                let thread = scope.spawn(move || count(meter, &from, &done, &ended));
                Counting { to, back, thread, batch: Batch::default(), load: 0 }
            })
            .collect();
        let mut agents = HashMap::<[u8; 8], usize>::new();
        let result = input.read(|datagram| {
            if clock.saw(datagram.at).day {
                counting.iter_mut().for_each(|counting| counting.begin_day(datagram.at));
                days.try_iter().for_each(|day| parts.add(day));
            }
            let place = place(&datagram, &mut agents, &counting);
            counting[place].add(&datagram);
            Ok(())
        });
        let decoders = counting.into_iter().map(Counting::end).collect::<anyhow::Result<Vec<_>>>()?;
        result.map(|()| decoders)
    })?;
    drop(ended);
    days.iter().for_each(|day| parts.add(day));
    Ok((decoders, clock, parts.days))
}

/// Days of which some threads have told their part.
struct Parts {
    threads: usize,
    waiting: BTreeMap<Date, (usize, Day)>,
    days: Days,
}

impl Parts {
    fn add(&mut self, day: Day) {
        let date = day.date();
        let (told, day) = match self.waiting.remove(&date) {
            None => (1, day),
            Some((told, mut before)) => {
                before.merge(day);
                (told + 1, before)
            }
        };
        if told < self.threads {
            self.waiting.insert(date, (told, day));
            return;
        }
        self.days.add(day);
        self.days.end();
    }
}

/// The thread of a datagram's agent. A new agent goes to the one that has least to do; beyond the bound of agents all go to the
/// first, whose decoder counts them as untracked.
fn place(datagram: &Datagram<'_>, agents: &mut HashMap<[u8; 8], usize>, counting: &[Counting<'_>]) -> usize {
    let mut agent = [0; 8];
    let there = datagram.payload.get(AGENT.start..).unwrap_or_default();
    let length = there.len().min(agent.len());
    agent[..length].copy_from_slice(&there[..length]);
    if let Some(place) = agents.get(&agent) {
        return *place;
    }
    if agents.len() >= MAX_AGENTS {
        return 0;
    }
    let least = (0..counting.len()).min_by_key(|place| counting[*place].load).unwrap_or(0);
    agents.insert(agent, least);
    least
}

impl Counting<'_> {
    fn add(&mut self, datagram: &Datagram<'_>) {
        let Datagram { at, exporter, payload, is_short } = datagram;
        self.load += 1;
        let batch = &mut self.batch;
        batch.bytes.extend_from_slice(payload);
        batch.heads.push(Head { at: *at, exporter: *exporter, length: payload.len(), is_short: *is_short });
        if batch.bytes.len() >= BATCH {
            self.send();
        }
    }

    fn send(&mut self) {
        let empty = self.back.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, empty);
        // It ends only when it is told, or with a panic, which is heard of at the end.
        _ = self.to.send(Sent::Datagrams(full));
    }

    fn begin_day(&mut self, at: Time) {
        self.send();
        _ = self.to.send(Sent::Day(at));
    }

    fn end(mut self) -> anyhow::Result<Decoder> {
        self.send();
        drop(self.to);
        self.thread.join().map_err(|_| anyhow::anyhow!("a counting thread failed"))
    }
}

fn count(mut meter: Meter, from: &Receiver<Sent>, done: &SyncSender<Batch>, ended: &Sender<Day>) -> Decoder {
    for sent in from {
        let mut batch = match sent {
            Sent::Datagrams(batch) => batch,
            Sent::Day(at) => {
                tell(meter.begin_day(at), ended);
                continue;
            }
        };
        let mut rest = &mut batch.bytes[..];
        for Head { at, exporter, length, is_short } in batch.heads.drain(..) {
            let (payload, behind) = rest.split_at_mut(length);
            meter.read(Datagram { at, exporter, payload, is_short });
            rest = behind;
        }
        batch.bytes.clear();
        // The reader may have ended already.
        _ = done.try_send(batch);
    }
    let (decoder, day) = meter.end();
    tell(day, ended);
    decoder
}

fn tell(day: Option<Day>, ended: &Sender<Day>) {
    if let Some(mut day) = day {
        day.settle();
        // The reader ends after this.
        _ = ended.send(day);
    }
}
