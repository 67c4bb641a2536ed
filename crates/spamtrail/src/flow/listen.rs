//! Live: a thread for each socket counts; one task takes what was counted to the lake, and tells how it goes.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use evidence::{FIVE_MINUTES, Origin, Time};
use sflow::Ports;
use sflow::capture::Datagram;
use spamtrail_sensor::stopped;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use traffic::{Day, LATE, Rows, Slot, Totals};

use super::arguments::Flow;
use super::count::{Clock, FOREVER, Form, Meter};
use super::gauge::Received;
use super::keep::Keeper;
use super::seed;
use super::socket::Receiver;
use super::store::Store;
use super::view::View;
use crate::data::Data;
use crate::signatures;
use crate::tables::Tables;

/// How long a socket is left alone when it had less than a batch: many datagrams cost less together, and the buffer of the
/// kernel holds far more than come in this time.
const PAUSE: Duration = Duration::from_millis(1);

/// How often the line of a terminal is drawn, and the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a socket's thread counts.
pub(super) struct Shared {
    pub(super) meter: Meter,
    clock: Clock,
    /// Days that have ended and were not taken.
    ended: Vec<Day>,
    /// Datagrams that the kernel dropped here, and its own count of them.
    pub(super) drops: u64,
    dropped: u32,
    pub(super) datagrams: u64,
}

impl Shared {
    /// The packets that were not taken.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.meter.totals();
        self.ended.iter().for_each(|day| totals.merge(&day.totals()));
        totals
    }
}

pub(super) type Sharing = Arc<Mutex<Shared>>;

pub(super) fn lock(shared: &Sharing) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Receives until it is stopped; then everything that was counted is kept.
pub(super) async fn listen(arguments: &Flow, ports: Ports) -> anyhow::Result<()> {
    let data = Data(arguments.data.clone().context("--listen keeps what it counts: name a data folder with --data")?);
    let stop = stopped()?;
    let tables = Tables::open(&data.origin())?;
    let mut store = Store::open(&data, seed(), arguments.keep()).await?;
    store.begin_live().await?;
    let form = Form::new(store.seed(), signatures::catalogue(&data.signatures())?);
    let mut keeper = Keeper::new(store, tables.atlas())?;
    let (sharings, threads) = receive(arguments, ports, &form, &stop)?;
    let turns = sensor::now().five_minutes() + FIVE_MINUTES;
    let mut live = Live { sharings, turns, due: FOREVER, totals: Totals::default() };
    let mut view = View::new(arguments);
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => break,
        }
        let now = sensor::now();
        // A clock that was set back begins anew.
        if now >= live.turns || live.turns > now + 2 * FIVE_MINUTES {
            live.turn(now, &mut keeper);
        }
        if now >= live.due {
            live.keep(now, &mut keeper).await?;
            // Tables that were imported meanwhile are those of the next five minutes.
            match tables.refresh() {
                Ok(_) => keeper.atlas = tables.atlas(),
                Err(error) => {
                    tracing::warn!(%error, "the tables of origins cannot be read; the former ones stay in use")
                }
            }
        }
        view.show(&live.sharings, &live.totals, &keeper)?;
    }
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a receiving thread failed"))?.context("receiving")?;
    }
    live.end(&mut keeper).await?;
    view.end(&live.sharings, &live.totals, &keeper)
}

type Threads = Vec<JoinHandle<io::Result<()>>>;

/// Binds all sockets, then starts their threads.
fn receive(
    arguments: &Flow,
    ports: Ports,
    form: &Form,
    stop: &CancellationToken,
) -> anyhow::Result<(Vec<Sharing>, Threads)> {
    let asked = arguments.buffer_mib as usize * 1024 * 1024;
    let mut receivers = Vec::<Receiver>::new();
    for listen in &arguments.listen {
        let mut at = listen.0;
        for _ in 0..arguments.sockets {
            let (receiver, granted) = Receiver::bind(at, arguments.sockets > 1, asked)?;
            // All of an address have the port that the first was given.
            at = receiver.address().context("the address of a socket")?;
            tracing::info!(listen = %at, buffer_asked = asked, buffer_granted = granted, "receives sFlow");
            if granted < asked {
                tracing::warn!("the receive buffer is smaller than asked for: net.core.rmem_max limits it");
            }
            receivers.push(receiver);
        }
    }
    let (mut sharings, mut threads) = (Vec::new(), Vec::new());
    for receiver in receivers {
        let meter = Meter::new(form.clone(), ports, true);
        let shared = Arc::new(Mutex::new(Shared {
            meter,
            clock: Clock::default(),
            ended: Vec::new(),
            drops: 0,
            dropped: 0,
            datagrams: 0,
        }));
        sharings.push(Arc::clone(&shared));
        let stop = stop.clone();
        threads.push(thread::spawn(move || run(receiver, &shared, &stop).inspect_err(|_| stop.cancel())));
    }
    Ok((sharings, threads))
}

/// One socket's thread.
fn run(mut receiver: Receiver, shared: &Sharing, stop: &CancellationToken) -> io::Result<()> {
    while !stop.is_cancelled() {
        let batch = receiver.receive()?;
        let mut shared = lock(shared);
        for (head, payload) in batch {
            shared.datagrams += 1;
            if let Some(dropped) = head.dropped {
                shared.drops += u64::from(dropped.wrapping_sub(shared.dropped));
                shared.dropped = dropped;
            }
            let at = head.at.unwrap_or_else(sensor::now);
            if shared.clock.saw(at).day {
                let ended = shared.meter.begin_day(at);
                shared.ended.extend(ended);
            }
            shared.meter.read(Datagram { at, exporter: head.exporter, payload, is_short: false });
        }
        drop(shared);
        if !receiver.is_busy() {
            thread::sleep(PAUSE);
        }
    }
    Ok(())
}

struct Live {
    sharings: Vec<Sharing>,
    /// When the five minutes of now end.
    turns: Time,
    /// When the rows of those before are over.
    due: Time,
    /// Of what was taken from the threads.
    totals: Totals,
}

impl Live {
    /// Five minutes have ended: how complete they were, and days.
    fn turn(&mut self, now: Time, keeper: &mut Keeper) {
        let end = std::mem::replace(&mut self.turns, now.five_minutes() + FIVE_MINUTES);
        self.due = end + LATE;
        self.take(end - FIVE_MINUTES, keeper);
        // At the end of a day all is told anyway.
        if end.micros() % HOUR == 0 && end != end.day() {
            keeper.tell_changes(end - Duration::from_micros(1));
        }
    }

    /// Rows that are over go to the lake.
    async fn keep(&mut self, now: Time, keeper: &mut Keeper) -> anyhow::Result<()> {
        self.due = FOREVER;
        let slots = self.slots(|rows, lookup| rows.ended(now, lookup), now, keeper);
        keeper.take_slots(slots);
        keeper.keep().await
    }

    async fn end(&mut self, keeper: &mut Keeper) -> anyhow::Result<()> {
        let now = sensor::now();
        self.take(self.turns - FIVE_MINUTES, keeper);
        keeper.tell_changes(now);
        let slots = self.slots(|rows, lookup| rows.end(now, lookup), now, keeper);
        keeper.take_slots(slots);
        keeper.keep().await
    }

    /// Takes what the threads counted of days.
    fn take(&mut self, at: Time, keeper: &mut Keeper) {
        let (mut decoders, mut received, mut days) = (Vec::new(), Received::default(), Vec::new());
        for shared in &self.sharings {
            let mut shared = lock(shared);
            received.drops += shared.drops;
            received.told += shared.meter.told;
            decoders.push(shared.meter.decoder.clone());
            days.append(&mut shared.ended);
            days.extend(shared.meter.take_day());
        }
        days.retain(|day| day.totals() != Totals::default());
        days.sort_by_key(Day::date);
        days.iter().for_each(|day| self.totals.merge(&day.totals()));
        keeper.cover(at, &decoders.iter().collect::<Vec<_>>(), received);
        keeper.take_days(days);
    }

    fn slots(
        &self,
        over: impl Fn(&mut Rows, &dyn Fn(IpAddr) -> Origin) -> Vec<Slot>,
        at: Time,
        keeper: &Keeper,
    ) -> Vec<Slot> {
        let lookup = |address| keeper.atlas.lookup(address, at);
        let of = |shared: &Sharing| lock(shared).meter.rows.as_mut().map_or(Vec::new(), |rows| over(rows, &lookup));
        self.sharings.iter().flat_map(of).collect()
    }
}

const HOUR: i64 = 3_600_000_000;

// Rows that are handed out with the next five minutes are not too late for them.
const _: () = assert!(LATE.as_secs() < FIVE_MINUTES.as_secs());
