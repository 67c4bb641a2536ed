//! The command `flow`: sFlow in, who sends mail, who serves it and who is abused out; once from captures, or live.

mod arguments;
mod count;
mod gauge;
mod input;
mod joined;
mod keep;
mod listen;
mod report;
mod share;
mod socket;
mod store;
mod view;
mod zone;

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, bail, ensure};
use evidence::{Origin, Time, Window};
use fingerprint::Catalogue;
use origin::Atlas;
use sflow::{Decoder, MAX_PORTS, Ports};
use spamtrail_sensor::log;
use traffic::{Histogram, Ledger, Report, Survey};

use crate::Outcome;
use crate::data::Data;
use crate::output::{block_on, runtime, stdout};
use crate::signatures;
use crate::tables::Tables;

pub(crate) use arguments::Flow;
use count::{Clock, Days, FOREVER, Form, Meter};
use gauge::Received;
use input::Input;
use keep::Keeper;
use report::{Judged, Told};
use store::Store;

pub(crate) fn flow(arguments: Flow) -> anyhow::Result<Outcome> {
    let ports = ports(&arguments)?;
    if arguments.joined {
        return block_on(joined::joined(&arguments));
    }
    if !arguments.listen.is_empty() {
        log();
        return spamtrail_sensor::block_on(async move { listen::listen(&arguments, ports).await })
            .map(|()| Outcome::Done);
    }
    if arguments.files.is_empty() {
        bail!("no capture is named; `-` reads standard input, --listen receives");
    }
    read(&arguments, ports)
}

fn ports(arguments: &Flow) -> anyhow::Result<Ports> {
    let ports = Ports::new(&arguments.ports).with_context(|| format!("--ports takes 1 to {MAX_PORTS} ports"))?;
    ensure!(ports.contains(traffic::SMTP), "--ports has no 25, which is what is reported on");
    Ok(ports)
}

/// Reads captures to their ends and tells what was in them.
fn read(arguments: &Flow, ports: Ports) -> anyhow::Result<Outcome> {
    match &arguments.data {
        None => read_once(arguments, ports),
        Some(data) => read_into(arguments, ports, &Data(data.clone())),
    }
}

fn read_once(arguments: &Flow, ports: Ports) -> anyhow::Result<Outcome> {
    let atlas = Tables::open(Path::new(""))?.atlas();
    let form = Form::new(seed(), Catalogue::embedded());
    let mut input = Input::open(&arguments.files, arguments.port)?;
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    let (decoders, clock, days) = share::read(&mut input, threads, &form, ports)?;
    let decoders: Vec<_> = decoders.iter().collect();
    end(arguments, &decoders, clock.window(), &days.ledger, &days.ledger, &atlas, &input)
}

/// Threads that decode and count captures, beside the one that reads them.
const THREADS: usize = 2;

/// The same, with rows for the lake. The report is of these captures; what hosts are told to be, of all days that are known.
fn read_into(arguments: &Flow, ports: Ports, data: &Data) -> anyhow::Result<Outcome> {
    let runtime = runtime()?;
    let atlas = Tables::open(&data.origin())?.atlas();
    let mut store = runtime.block_on(Store::open(data, seed(), arguments.keep()))?;
    store.begin(&arguments.files)?;
    let form = Form::new(store.seed(), signatures::catalogue(&data.signatures())?);
    let mut keeper = Keeper::new(store, Arc::clone(&atlas))?;
    keeper.days.run = Some(Ledger::default());
    let (mut meter, mut clock) = (Meter::new(form, ports, true), Clock::default());
    let mut input = Input::open(&arguments.files, arguments.port)?;
    input.read(|datagram| {
        let before = clock.window().map(|window| window.until);
        let begins = clock.saw(datagram.at);
        if begins.five_minutes {
            turn(&mut keeper, &mut meter, before, datagram.at);
            if keeper.store.is_full() {
                runtime.block_on(keeper.store.flush(sensor::now()))?;
            }
        }
        if begins.day {
            keeper.take_days(meter.begin_day(datagram.at));
        }
        meter.read(datagram);
        Ok(())
    })?;
    if let Some(window) = clock.window() {
        turn(&mut keeper, &mut meter, Some(window.until), FOREVER);
        keeper.take_days(meter.take_day());
        keeper.end_day(window.until);
    }
    runtime.block_on(keeper.keep())?;
    let Days { ledger, run, .. } = &keeper.days;
    end(arguments, &[&meter.decoder], clock.window(), run.as_ref().unwrap_or(ledger), ledger, &atlas, &input)
}

/// Five minutes have ended with the stamp before; `at` is that of what follows.
fn turn(keeper: &mut Keeper, meter: &mut Meter, before: Option<Time>, at: Time) {
    let (Some(rows), Some(before)) = (&mut meter.rows, before) else { return };
    let atlas = Arc::clone(&keeper.atlas);
    let lookup = |address| atlas.lookup(address, before);
    let slots = if at == FOREVER { rows.end(before, lookup) } else { rows.ended(at, lookup) };
    keeper.take_slots(slots);
    let received = Received { told: meter.told, drops: 0 };
    keeper.cover(before.five_minutes(), &[&meter.decoder], received);
}

/// Tells what was in the captures (`run`), and of hosts what is known of them over the days of the window.
fn end(
    arguments: &Flow,
    decoders: &[&Decoder],
    window: Option<Window>,
    run: &Ledger,
    ledger: &Ledger,
    atlas: &Atlas,
    input: &Input,
) -> anyhow::Result<Outcome> {
    if let Some(window) = window {
        tell(arguments, window, decoders, run, ledger, atlas)?;
    }
    whole(&input.outcome, arguments.files.len())?;
    Ok(if run.totals().smtp.samples == 0 { Outcome::NothingFound } else { Outcome::Done })
}

/// Says which captures were not read to their ends; then that is an error.
fn whole(outcome: &input::Outcome, files: usize) -> anyhow::Result<()> {
    for (path, words) in &outcome.faults {
        eprintln!("spamtrail: {}: {words}", path.display());
    }
    let broken = outcome.faults.len();
    ensure!(broken == 0, "{broken} of {files} captures were not read to their ends; what stood before is told");
    Ok(())
}

/// Prints what was asked for.
fn tell(
    arguments: &Flow,
    window: Window,
    decoders: &[&Decoder],
    run: &Ledger,
    ledger: &Ledger,
    atlas: &Atlas,
) -> anyhow::Result<()> {
    let lookup = |address| atlas.lookup(address, window.until);
    let mut out = stdout();
    if let Some(address) = arguments.host {
        tell_host(arguments, ledger, address, &lookup, &mut out)?;
        return Ok(out.flush()?);
    }
    let mut report = Report::of(run, lookup);
    report::cut(&mut report.ases, arguments.top);
    let window = within(window, run);
    let coverage = report::coverage(decoders, &arguments.without);
    let told = Told { report: &report, window, coverage: &coverage, decoders };
    if arguments.json {
        told.json(&mut out)?
    } else {
        told.text(&mut out)?
    }
    if arguments.suspects {
        let mut suspects: Vec<_> = judged(ledger, &lookup).filter(Judged::is_suspect).collect();
        let all = suspects.len();
        suspects.sort_by(|a, b| {
            b.verdict.probability.total_cmp(&a.verdict.probability).then(b.features.sent.cmp(&a.features.sent))
        });
        suspects.truncate(arguments.top);
        report::suspects(&suspects, all, arguments.json, &mut out)?;
    }
    Ok(out.flush()?)
}

/// The part of a window that is remembered: of more days than [`traffic::DAYS`] it is the last ones.
fn within(window: Window, run: &Ledger) -> Window {
    let Some(oldest) = run.dates().next() else { return window };
    let from = window.from.max(oldest.start());
    if from > window.from {
        eprintln!("spamtrail: the report begins at {from}: {} days are remembered", traffic::DAYS);
    }
    Window { from, ..window }
}

fn tell_host(
    arguments: &Flow,
    ledger: &Ledger,
    address: IpAddr,
    lookup: &impl Fn(IpAddr) -> Origin,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let address = address.to_canonical();
    let Some(judged) = judged(ledger, lookup).find(|judged| judged.host.address == address) else {
        bail!("no packet of mail from or to {address} was sampled");
    };
    if let Some(path) = &arguments.svg {
        let hours = judged.features.hours.day;
        let svg = Histogram { hours }.svg(&format!("{address}: samples as a client by hour of the day"));
        fs::write(path, svg).with_context(|| path.display().to_string())?;
    }
    match arguments.json {
        true => report::host_json("host", &judged, out)?,
        false => report::host(&judged, out)?,
    }
    Ok(())
}

/// All hosts of a ledger with what was found of them.
fn judged<'a>(ledger: &'a Ledger, lookup: &'a impl Fn(IpAddr) -> Origin) -> impl Iterator<Item = Judged> + 'a {
    let survey = Survey::of(ledger, lookup);
    ledger.hosts().map(move |host| {
        let origin = lookup(host.address);
        let (features, verdict) = survey.judge(&host, &origin, zone::of(origin.country));
        Judged { host, origin, features, verdict }
    })
}

/// Against chosen collisions in tables.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
