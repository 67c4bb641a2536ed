//! Captures as one stream in the order of their stamps: those that overlap are read together, the others one after the other.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use evidence::Time;
use indicatif::{ProgressBar, ProgressStyle};
use sflow::capture::{Capture, Datagram, Fault, Tally};
use sha2::{Digest, Sha256};
use tail::Taken;

/// Datagrams between two looks at how far reading is.
const LOOK: u32 = 4096;

/// A capture that is read.
struct Source {
    path: PathBuf,
    capture: Capture<Box<dyn Read + Send>>,
    taken: Taken,
    /// Bytes of it that the bar has.
    told: u64,
    /// Its next datagram, where several are read together.
    head: Option<Head>,
}

struct Head {
    at: Time,
    exporter: IpAddr,
    payload: Vec<u8>,
    is_short: bool,
}

/// What became of the captures.
#[derive(Default)]
pub(super) struct Outcome {
    /// Sums over what was in them.
    pub(super) tally: Tally,
    /// Those that were not read to their end, and why.
    pub(super) faults: Vec<(PathBuf, String)>,
}

/// Files with the stamp of their first datagram.
pub(super) struct Input {
    /// Not opened yet, the earliest last.
    waiting: Vec<(Time, PathBuf)>,
    open: Vec<Source>,
    port: Option<u16>,
    pub(super) outcome: Outcome,
    bar: ProgressBar,
    since: u32,
}

impl Input {
    /// Looks at the first stamp of each. A file that cannot be opened is an error; one that is no capture is told in the outcome.
    pub(super) fn open(files: &[PathBuf], port: u16) -> anyhow::Result<Self> {
        let port = Some(port).filter(|port| *port != 0);
        let mut input = Self {
            waiting: Vec::new(),
            open: Vec::new(),
            port,
            outcome: Outcome::default(),
            bar: ProgressBar::hidden(),
            since: 0,
        };
        let mut length = Some(0);
        for path in files {
            if path == Path::new("-") {
                length = None;
                // Its first stamp is known when it is read, so it is read from the beginning on.
                input.waiting.push((Time::from_micros(i64::MIN), path.clone()));
                continue;
            }
            let about = path.metadata().with_context(|| path.display().to_string())?;
            ensure!(!about.is_dir(), "{} is a folder", path.display());
            length = length.map(|length| length + about.len());
            let mut source = source(path, port)?;
            match source.capture.read() {
                Ok(first) => {
                    let at = first.map_or(Time::from_micros(i64::MAX), |datagram| datagram.at);
                    input.waiting.push((at, path.clone()));
                }
                Err(fault) => input.fault(path, &fault),
            }
        }
        // The earliest last; of equal ones as they were given.
        input.waiting.reverse();
        input.waiting.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        input.bar = progress(length);
        Ok(input)
    }

    /// Has each datagram seen, in the order of stamps, until it says stop.
    pub(super) fn read(&mut self, mut see: impl FnMut(Datagram<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        loop {
            if self.open.is_empty() && !self.open_next()? {
                break;
            }
            if self.open.len() == 1 && self.run_of_one(&mut see)? {
                continue;
            }
            self.one_of_several(&mut see)?;
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    /// Reads the only open capture, up to where another begins; `false` when it is to be read together with others.
    fn run_of_one(&mut self, see: &mut impl FnMut(Datagram<'_>) -> anyhow::Result<()>) -> anyhow::Result<bool> {
        let next = self.waiting.last().map(|(at, _)| *at);
        let Some(source) = self.open.first_mut() else { return Ok(true) };
        if let Some(mut head) = source.head.take() {
            if next.is_some_and(|next| next <= head.at) {
                source.head = Some(head);
                return Ok(false);
            }
            see(head.datagram())?;
        }
        let end = loop {
            self.since += 1;
            if self.since == LOOK {
                self.since = 0;
                tell(&self.bar, source);
            }
            match source.capture.read() {
                Ok(Some(datagram)) if next.is_some_and(|next| next <= datagram.at) => {
                    source.head = Some(Head::of(datagram));
                    return Ok(false);
                }
                Ok(Some(datagram)) => see(datagram)?,
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
        };
        self.close(0, end.as_ref());
        Ok(true)
    }

    /// Reads the earliest datagram of those at the heads of the open captures.
    fn one_of_several(&mut self, see: &mut impl FnMut(Datagram<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut place = 0;
        while place < self.open.len() {
            let source = &mut self.open[place];
            if source.head.is_none() {
                match source.capture.read() {
                    Ok(Some(datagram)) => source.head = Some(Head::of(datagram)),
                    Ok(None) => {
                        self.close(place, None);
                        continue;
                    }
                    Err(fault) => {
                        self.close(place, Some(&fault));
                        continue;
                    }
                }
            }
            place += 1;
        }
        let stamp = |source: &Source| source.head.as_ref().map_or(Time::from_micros(i64::MAX), |head| head.at);
        let earliest = self.open.iter().map(stamp).min();
        if let Some((next, _)) = self.waiting.last()
            && earliest.is_none_or(|earliest| *next <= earliest)
        {
            self.open_next()?;
            return Ok(());
        }
        let Some(source) = self.open.iter_mut().min_by_key(|source| stamp(source)) else { return Ok(()) };
        self.since += 1;
        if self.since == LOOK {
            self.since = 0;
            tell(&self.bar, source);
        }
        match source.head.take() {
            Some(mut head) => see(head.datagram()),
            None => Ok(()),
        }
    }

    /// Opens the next capture; `false` when there is none.
    fn open_next(&mut self) -> anyhow::Result<bool> {
        let Some((_, path)) = self.waiting.pop() else { return Ok(false) };
        self.open.push(source(&path, self.port)?);
        Ok(true)
    }

    fn close(&mut self, place: usize, fault: Option<&Fault>) {
        let mut source = self.open.remove(place);
        tell(&self.bar, &mut source);
        let (sum, tally) = (&mut self.outcome.tally, source.capture.tally());
        for (sum, more) in [
            (&mut sum.packets, tally.packets),
            (&mut sum.datagrams, tally.datagrams),
            (&mut sum.others, tally.others),
            (&mut sum.fragments, tally.fragments),
            (&mut sum.links, tally.links),
            (&mut sum.timeless, tally.timeless),
            (&mut sum.interfaces, tally.interfaces),
        ] {
            *sum += more;
        }
        if let Some(fault) = fault {
            self.fault(&source.path, fault);
        }
    }

    fn fault(&mut self, path: &Path, fault: &Fault) {
        let mut words = fault.to_string();
        if let Some(cause) = std::error::Error::source(fault) {
            words = format!("{words}: {cause}");
        }
        self.outcome.faults.push((path.to_owned(), words));
    }
}

impl Head {
    fn of(datagram: Datagram<'_>) -> Self {
        let Datagram { at, exporter, payload, is_short } = datagram;
        Self { at, exporter, payload: payload.to_vec(), is_short }
    }

    fn datagram(&mut self) -> Datagram<'_> {
        Datagram { at: self.at, exporter: self.exporter, payload: &mut self.payload, is_short: self.is_short }
    }
}

fn source(path: &Path, port: Option<u16>) -> anyhow::Result<Source> {
    let (bytes, taken): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
        (Box::new(io::stdin()), Taken::default())
    } else {
        let opened = tail::open(path).with_context(|| path.display().to_string())?;
        (opened.bytes, opened.taken)
    };
    Ok(Source { path: path.to_owned(), capture: Capture::new(bytes, port), taken, told: 0, head: None })
}

/// The digest of a file as it stands on the disk.
pub(super) fn digest(path: &Path) -> anyhow::Result<[u8; 32]> {
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    let (mut digest, mut piece) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece).with_context(|| path.display().to_string())? {
            0 => return Ok(digest.finalize().into()),
            length => digest.update(&piece[..length]),
        }
    }
}

fn tell(bar: &ProgressBar, source: &mut Source) {
    let taken = source.taken.bytes();
    bar.inc(taken - source.told);
    source.told = taken;
}

/// How far reading is, on a terminal.
fn progress(length: Option<u64>) -> ProgressBar {
    let Some(length) = length.filter(|_| io::stderr().is_terminal()) else { return ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}");
    let bar = ProgressBar::new(length);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
