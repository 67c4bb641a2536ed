//! The command `maillog`: mail logs in, customers who send spam out; and a person's word on what was found.

mod memory;
mod report;
mod rows;
mod site;
mod watch;

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use evidence::Time;
use findings::Word;
use indicatif::{ProgressBar, ProgressStyle};
use lake::MailLake;
use maillog::{Reader, Source};
use sha2::{Digest, Sha256};

use crate::Outcome;
use crate::arguments::{Maillog, MaillogCommand, MaillogRead, MaillogSay};
use crate::data::Data;
use crate::output::{block_on, stdout};
use crate::tables::Tables;

use memory::Memory;
use report::Report;
use site::Settings;
use watch::Watch;

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

pub(crate) fn maillog(arguments: Maillog) -> anyhow::Result<Outcome> {
    match arguments.command {
        Some(MaillogCommand::Say(say)) => say_word(say),
        None => read(arguments.read),
    }
}

/// Reads files to their end and tells what was found; with a data folder, what was found stays there.
fn read(arguments: MaillogRead) -> anyhow::Result<Outcome> {
    ensure!(!arguments.files.is_empty(), "no log is named; `-` reads standard input");
    let settings = Settings::read(&arguments)?;
    let mut store = arguments.data.clone().map(|data| Store::open(Data(data))).transpose()?;
    let mut watch = match &mut store {
        Some(store) => store.watch(settings)?,
        None => Watch::new(settings, Tables::open(Path::new(""))?.atlas()),
    };
    let mut report = Report::default();
    let mut digests = Vec::new();
    for path in &arguments.files {
        let digest = read_file(path, &arguments, &mut watch, &mut report)
            .with_context(|| format!("{}; nothing of this run is kept", path.display()))?;
        digests.push((path.clone(), digest));
    }
    if let Some(store) = &mut store {
        store.keep(&mut watch, &digests)?;
    }
    let mut out = stdout();
    report.write(&mut out, &watch, &arguments)?;
    out.flush()?;
    Ok(if watch.desk().queue().is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

/// Where what was found and learned is kept.
struct Store {
    data: Data,
    lake: MailLake,
    memory: Memory,
}

impl Store {
    fn open(data: Data) -> anyhow::Result<Self> {
        let memory = Memory::open(&data)?;
        let lake = block_on(async { Ok(MailLake::open(&data.lake()).await?) })?;
        Ok(Self { data, lake, memory })
    }

    fn watch(&mut self, settings: Settings) -> anyhow::Result<Watch> {
        let atlas = Tables::open(&self.data.origin())?.atlas();
        let taken = block_on(async { Ok(self.lake.taken().await?) })?;
        self.memory.watch(settings, atlas, taken)
    }

    /// Puts into the lake what was found, each run once.
    fn keep(&mut self, watch: &mut Watch, digests: &[(PathBuf, [u8; 32])]) -> anyhow::Result<()> {
        let now = sensor::now();
        block_on(async {
            let run = self.memory.begin(watch, digests, self.lake.taken().await?)?;
            self.lake.append(watch.take_rows(now), run, now).await?;
            self.lake.compact(now).await?;
            self.memory.end(run)
        })
    }
}

/// Reads one file, or standard input, and tells its digest.
fn read_file(path: &Path, arguments: &MaillogRead, watch: &mut Watch, report: &mut Report) -> anyhow::Result<[u8; 32]> {
    let (mut input, length, near): (Box<dyn Read>, _, _) = if path == Path::new("-") {
        (Box::new(std::io::stdin()), None, sensor::now())
    } else {
        let file = File::open(path)?;
        let about = file.metadata()?;
        ensure!(about.is_file(), "this is no file");
        let written = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let near = written.map_or_else(sensor::now, |since| Time::from_micros(since.as_micros() as i64));
        (Box::new(file), Some(about.len()), near)
    };
    let near = match &arguments.until {
        Some(until) => Time::parse(until, sensor::now()).context("--until")?,
        None => near,
    };
    let source = Source { zone: watch.settings().zone.clone(), ..Source::new(near, watch.settings().seed) };
    let (mut reader, bar, mut digest) = (Reader::new(&source), progress(length), Sha256::new());
    let mut piece = vec![0; PIECE];
    loop {
        let length = match input.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        digest.update(&piece[..length]);
        reader.feed(&piece[..length], |happening| watch.hear(happening));
        bar.inc(length as u64);
    }
    reader.finish(|happening| watch.hear(happening));
    bar.finish_and_clear();
    report.add(path, reader.tally(), reader.counts());
    Ok(digest.finalize().into())
}

/// A person's word on a finding.
fn say_word(say: MaillogSay) -> anyhow::Result<Outcome> {
    let mut store = Store::open(Data(say.data.clone()))?;
    let mut watch = store.watch(Settings::default())?;
    let word = match say.word.as_str() {
        "right" => Word::Right,
        "wrong" => Word::Wrong,
        "informed" => Word::Informed,
        "fixed" => Word::Fixed,
        other => bail!("`{other}` is none of right, wrong, informed and fixed"),
    };
    let who = say.by.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "unknown".to_owned());
    if !watch.say(findings::FindingId(say.finding), word, &who, sensor::now()) {
        bail!("no finding has the number {}", say.finding);
    }
    store.keep(&mut watch, &[])?;
    Ok(Outcome::Done)
}

/// How far reading is, on a terminal.
fn progress(length: Option<u64>) -> ProgressBar {
    let Some(length) = length.filter(|_| std::io::stderr().is_terminal()) else { return ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}");
    let bar = ProgressBar::new(length);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
