//! The command `maillog`: mail logs in, customers who send spam out; and a person's word on what was found.

mod allow;
mod follow;
mod following;
mod listen;
mod memory;
mod pending;
mod report;
mod reports;
mod rows;
mod side_by_side;
mod site;
mod status;
mod totals;
mod watch;
mod words;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use evidence::Time;
use findings::Word;
use indicatif::{ProgressBar, ProgressStyle};
use lake::MailLake;
use maillog::{Reader, Source};
use sha2::{Digest, Sha256};
use spamtrail_sensor::log;

use crate::Outcome;
use crate::arguments::{Maillog, MaillogCommand, MaillogRead, MaillogSay};
use crate::data::Data;
use crate::output::{block_on, stdout};
use crate::tables::Tables;

pub(crate) use memory::write_whole;
use memory::{InUse, Memory, Read, trial};
use report::Report;
use site::Settings;
use watch::Watch;
use words::Said;

/// How often old data is let go of, in a run that goes on.
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);

/// Threads that read a file: one puts lines together and finds, what a second can do is to read ahead.
const THREADS: usize = 2;

pub(crate) fn maillog(arguments: Maillog) -> anyhow::Result<Outcome> {
    match arguments.command {
        Some(MaillogCommand::Say(say)) => block_on(say_word(say)),
        Some(MaillogCommand::Allow(allow)) => block_on(allow::allow(allow)),
        Some(MaillogCommand::Status(status)) => status::status(&status),
        Some(MaillogCommand::Complaints(complaints)) => block_on(reports::read(complaints)),
        None => {
            let read = arguments.read;
            listen::check(&read)?;
            if !read.follow && read.listen.is_empty() && read.policy.is_empty() {
                return block_on(read_files(read));
            }
            log();
            spamtrail_sensor::block_on(follow::follow(read)).map(|()| Outcome::Done)
        }
    }
}

/// Reads files to their end and tells what was found; with a data folder, what was found stays there.
async fn read_files(arguments: MaillogRead) -> anyhow::Result<Outcome> {
    let settings = Settings::read(&arguments)?;
    let (mut store, mut watch) = match arguments.data.clone() {
        Some(data) => {
            let mut store = Store::open(Data(data)).await?;
            let watch = store.watch(settings).await?;
            (Some(store), watch)
        }
        None => (None, Watch::new(settings, Tables::open(Path::new(""))?.atlas())),
    };
    let (mut report, mut files) = (Report::default(), Vec::new());
    for path in &arguments.files {
        let digest = read_file(path, &arguments, &mut watch, &mut report)
            .with_context(|| format!("{}; nothing of this run is kept", path.display()))?;
        files.push((path.clone(), digest));
    }
    if let Some(store) = &mut store {
        store.memory.refuse_known(&files)?;
        store.keep(&mut watch, Read { files, ..Read::default() }).await?;
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
    /// How long rows are kept; `None`: for ever.
    keep: Option<Duration>,
    /// When old data was let go of last.
    expired_at: Option<Instant>,
}

impl Store {
    async fn open(data: Data) -> anyhow::Result<Self> {
        let memory = Memory::open(&data)?;
        let lake = MailLake::open(&data.lake()).await?;
        Ok(Self { data, lake, memory, keep: None, expired_at: None })
    }

    async fn watch(&mut self, settings: Settings) -> anyhow::Result<Watch> {
        self.keep = settings.keep;
        let atlas = Tables::open(&self.data.origin())?.atlas();
        let mut watch = self.memory.watch(settings, atlas, &self.lake, sensor::now()).await?;
        self.hear(&mut watch)?;
        Ok(watch)
    }

    /// Hears what was said since; whether anything was.
    fn hear(&mut self, watch: &mut Watch) -> anyhow::Result<bool> {
        let before = self.memory.words;
        self.memory.words = words::take(&self.data, before, watch)?;
        Ok(self.memory.words > before)
    }

    async fn keep(&mut self, watch: &mut Watch, read: Read) -> anyhow::Result<()> {
        let now = sensor::now();
        self.memory.keep(watch, read, &self.lake, now).await?;
        words::remove(&self.data, self.memory.words)?;
        self.lake.compact(now).await?;
        if self.expired_at.is_none_or(|at| at.elapsed() >= EXPIRE_EVERY) {
            self.lake.expire(self.keep, now).await?;
            self.expired_at = Some(Instant::now());
        }
        Ok(())
    }
}

/// Reads one file, or standard input, and tells its digest.
fn read_file(path: &Path, arguments: &MaillogRead, watch: &mut Watch, report: &mut Report) -> anyhow::Result<[u8; 32]> {
    let (input, length, near): (Box<dyn io::Read + Send>, _, _) = if path == Path::new("-") {
        (Box::new(io::stdin()), None, sensor::now())
    } else {
        let about = path.metadata()?;
        ensure!(about.is_file(), "this is no file");
        let opened = tail::open(path)?;
        // Of a packed file the length tells little.
        (opened.bytes, (!opened.packed).then_some(about.len()), written(&about))
    };
    let near = match &arguments.until {
        Some(until) => Time::parse(until, sensor::now()).context("--until")?,
        None => near,
    };
    let source = Source { zone: watch.settings().zone.clone(), ..Source::new(near, watch.settings().seed) };
    let (mut reader, bar, mut digest) = (Reader::new(&source), progress(length), Sha256::new());
    if arguments.totals {
        reader.sum_up(&source);
    }
    let see = |piece: &[u8]| {
        digest.update(piece);
        bar.inc(piece.len() as u64);
    };
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(THREADS));
    side_by_side::read(input, threads, &mut reader, see, |happening| watch.hear(happening))?;
    reader.finish(|happening| watch.hear(happening));
    bar.finish_and_clear();
    report.add(path, &reader);
    Ok(digest.finalize().into())
}

/// A person's word on a finding.
async fn say_word(say: MaillogSay) -> anyhow::Result<Outcome> {
    let word = match say.word.as_str() {
        "right" => Word::Right,
        "wrong" => Word::Wrong,
        "informed" => Word::Informed,
        "fixed" => Word::Fixed,
        other => bail!("`{other}` is none of right, wrong, informed and fixed"),
    };
    let said = Said::Word(say.finding, word, speaker(say.by.as_ref()), sensor::now());
    hand_in(Data(say.data), vec![said]).await
}

/// Has what a person says heard: now, or by the run that reads into the data folder.
async fn hand_in(data: Data, said: Vec<Said>) -> anyhow::Result<Outcome> {
    let mut store = match Store::open(data.clone()).await {
        Ok(store) => store,
        Err(error) if error.is::<InUse>() => {
            let atlas = Tables::open(Path::new(""))?.atlas();
            let (mut watch, taken) = trial(&data, Settings::default(), atlas)?.context(error)?;
            said.iter().try_for_each(|said| said.clone().hear(&mut watch))?;
            words::put(&data, &said, sensor::now(), taken)?;
            return Ok(Outcome::Done);
        }
        Err(error) => return Err(error),
    };
    let mut watch = store.watch(Settings::default()).await?;
    said.into_iter().try_for_each(|said| said.hear(&mut watch))?;
    store.keep(&mut watch, Read::default()).await?;
    Ok(Outcome::Done)
}

/// Who says something: the one who is named, else the user.
fn speaker(by: Option<&String>) -> String {
    by.cloned().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "unknown".to_owned())
}

/// When a file was last written.
fn written(about: &std::fs::Metadata) -> Time {
    let since = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_micros()).ok()).map_or_else(sensor::now, Time::from_micros)
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
