//! What every role's process does: its log, its signals, and its word that it is ready.

use std::io::{IsTerminal, Write};
use std::num::NonZero;

use anyhow::Context;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Set for children of `spamtrail up`: they say when they are ready, and stop when it dies.
const SUPERVISED: &str = "SPAMTRAIL_SUPERVISED";

/// The level of the log: `error`, `warn`, `info` (the default), `debug` or `trace`.
const LEVEL: &str = "SPAMTRAIL_LOG";

/// Crates whose log is told at the level asked for. What libraries say is told from `warn` on.
const OURS: [&str; 9] =
    ["spamtrail", "spamtrail_sensor", "decoy", "lake", "origin", "portal", "sensor", "spool", "statistics"];

/// Starts the log on stderr: lines for people on a terminal, JSON elsewhere.
pub fn log() {
    let level = std::env::var(LEVEL).ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let targets =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(OURS.map(|name| (name, level)));
    let terminal = std::io::stderr().is_terminal();
    let people = terminal || std::env::var_os(SUPERVISED).is_some();
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = match people {
        true => layer.with_target(false).with_ansi(terminal).boxed(),
        false => layer.json().boxed(),
    };
    // Logging twice in one process is a mistake of tests only; the first log stays.
    _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

/// Runs a role on a runtime of its own.
pub fn block_on(role: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    block_on_threads(processors(), role)
}

/// The same, by a process that may no longer read how many processors it may use.
pub(crate) fn block_on_threads(
    threads: NonZero<usize>,
    role: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut runtime = match threads.get() {
        // Nothing has to be handed from thread to thread.
        1 => Builder::new_current_thread(),
        more => {
            let mut runtime = Builder::new_multi_thread();
            runtime.worker_threads(more);
            runtime
        }
    };
    runtime.enable_all().build().context("no runtime")?.block_on(role)
}

/// How many processors this process may use, by its affinity and the quota of its group.
fn processors() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// How many threads serve connections: one processor is left to the thread that writes what they bring, and to the kernel's
/// share of the network. On two processors more threads take longer for the same, since each wakes the other.
pub(crate) fn serving_threads() -> NonZero<usize> {
    NonZero::new(processors().get() - 1).unwrap_or(NonZero::<usize>::MIN)
}

/// A token that is cancelled by SIGINT or SIGTERM.
pub fn stopped() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let cancel = stop.clone();
    let supervised = std::env::var_os(SUPERVISED).is_some();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // A terminal sends SIGINT to the whole group; the supervisor stops its children in their order.
                _ = interrupt.recv() => if !supervised { break },
                _ = terminate.recv() => break,
            }
        }
        cancel.cancel();
    });
    Ok(stop)
}

/// Asks the kernel to stop this process when its parent dies, if it is a child of `spamtrail up`.
pub fn stop_with_parent() {
    if std::env::var_os(SUPERVISED).is_some() {
        let asked = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
        if let Err(error) = asked {
            tracing::warn!(%error, "this process will not notice when its supervisor dies");
        }
    }
}

/// Tells the supervisor, if there is one, that this role serves.
#[allow(clippy::print_stdout, reason = "the supervisor reads it there")]
pub fn announce_ready() {
    if std::env::var_os(SUPERVISED).is_some() {
        println!("ready");
        _ = std::io::stdout().flush();
    }
}
