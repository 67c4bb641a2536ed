//! The command `replay`: plays a corpus into a sensor as abusers would, for demonstrations and measurements.
//!
//! It sends to loopback only: what it plays is spam.

mod client;
mod corpus;
mod sources;

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::Mutex;

use self::client::{Client, Envelope, Refused, Route};
use self::corpus::{Corpus, Mail};
use self::sources::Sources;
use crate::Outcome;
use crate::arguments::{Replay, Via};
use crate::output::{block_on, stdout};

pub(crate) fn replay(arguments: Replay) -> anyhow::Result<Outcome> {
    ensure!(arguments.to.ip().is_loopback(), "--to {}: a replay goes to loopback only", arguments.to);
    let corpus = Corpus::open(&arguments.corpus).with_context(|| arguments.corpus.display().to_string())?;
    let sources = match (&arguments.sources, arguments.from_received) {
        (Some(file), _) => Sources::read(file)?,
        (None, true) => Sources::FromReceived,
        (None, false) => Sources::Ours,
    };
    let (host, port) = arguments.target.rsplit_once(':').context("--target: write HOST:PORT")?;
    let route = Route { to: arguments.to, host: host.to_owned(), port: port.parse().context("--target")? };
    let player = Arc::new(Player {
        mails: Mutex::new(Mails { corpus, left: arguments.limit.unwrap_or(u64::MAX) }),
        sources,
        route,
        arguments,
        turn: AtomicUsize::new(0),
        tally: Tally::default(),
    });
    block_on(play(player))
}

/// What became of the messages.
#[derive(Default)]
struct Tally {
    /// Answered 250.
    accepted: AtomicU64,
    /// Answered otherwise.
    refused: AtomicU64,
    /// Not answered.
    failed: AtomicU64,
    connections: AtomicU64,
    bytes: AtomicU64,
}

struct Mails {
    corpus: Corpus,
    left: u64,
}

struct Player {
    mails: Mutex<Mails>,
    sources: Sources,
    route: Route,
    arguments: Replay,
    turn: AtomicUsize,
    tally: Tally,
}

async fn play(player: Arc<Player>) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let bar = progress(player.arguments.limit);
    let players: Vec<_> = (0..player.arguments.parallel)
        .map(|_| {
            let (player, bar) = (Arc::clone(&player), bar.clone());
            tokio::spawn(async move { player.run(&bar).await })
        })
        .collect();
    for one in players {
        one.await??;
    }
    bar.finish_and_clear();
    let skipped = player.mails.lock().await.corpus.skipped();
    report(&player, began.elapsed().as_secs_f64(), skipped)
}

fn progress(limit: Option<u64>) -> ProgressBar {
    let bar = limit.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template("{elapsed} {pos} messages sent, {per_sec} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

fn report(player: &Player, seconds: f64, skipped: u64) -> anyhow::Result<Outcome> {
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let Tally { accepted, refused, failed, connections, bytes } = &player.tally;
    let (accepted, refused, failed) = (of(accepted), of(refused), of(failed));
    let mut out = stdout();
    if player.arguments.json {
        let line = json!({
            "type": "replay", "accepted": accepted, "refused": refused, "failed": failed,
            "connections": of(connections), "bytes": of(bytes), "seconds": seconds, "skipped_files": skipped,
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{accepted} messages accepted, {refused} refused, {failed} failed")?;
        let rate = accepted as f64 / seconds.max(1e-9);
        writeln!(out, "{} connections, {} bytes, {seconds:.1} s, {rate:.0} messages/s", of(connections), of(bytes))?;
        if skipped > 0 {
            writeln!(out, "{skipped} files are no messages and were left out")?;
        }
    }
    out.flush()?;
    Ok(if refused + failed == 0 && accepted > 0 { Outcome::Done } else { Outcome::NothingFound })
}

impl Player {
    async fn next(&self) -> anyhow::Result<Option<Mail>> {
        let mut mails = self.mails.lock().await;
        if mails.left == 0 {
            return Ok(None);
        }
        let mail = mails.corpus.next_mail()?;
        mails.left -= u64::from(mail.is_some());
        Ok(mail)
    }

    /// Plays connection after connection until the corpus ends.
    async fn run(&self, bar: &ProgressBar) -> anyhow::Result<()> {
        let mut pending = self.next().await?;
        while let Some(mail) = pending.take() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let via = self.arguments.via[turn % self.arguments.via.len()];
            let source = self.sources.of(&mail, turn);
            pending = self.connection(mail, via, source, bar).await?;
        }
        Ok(())
    }

    /// Sends mails over one connection, as long as they have its source: the next one, which has not.
    async fn connection(
        &self,
        first: Mail,
        via: Via,
        source: Option<IpAddr>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Option<Mail>> {
        let presented = self.sources.presents().then_some(source);
        let mut client = match Client::connect(&self.route, via, presented).await {
            Ok(client) => client,
            Err(error) => {
                tracing::debug!(%error, "no connection");
                self.tally.failed.fetch_add(1, Ordering::Relaxed);
                bar.set_message(error.to_string());
                // A sensor that is being restarted is given a moment.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                return self.next().await;
            }
        };
        self.tally.connections.fetch_add(1, Ordering::Relaxed);
        let envelope = Envelope { sender: &self.arguments.sender, recipients: &self.arguments.recipients };
        let mut mail = first;
        for sent in 1.. {
            let outcome = client.send(&envelope, &mail.content).await;
            bar.inc(1);
            match outcome {
                Ok(()) => {
                    self.tally.accepted.fetch_add(1, Ordering::Relaxed);
                    self.tally.bytes.fetch_add(mail.content.len() as u64, Ordering::Relaxed);
                }
                Err(Refused::Answer(answer)) => {
                    self.tally.refused.fetch_add(1, Ordering::Relaxed);
                    bar.set_message(answer);
                }
                Err(Refused::Gone(error)) => {
                    self.tally.failed.fetch_add(1, Ordering::Relaxed);
                    bar.set_message(error.to_string());
                    return self.next().await;
                }
            }
            let next = self.next().await?;
            match next {
                Some(next) if sent < self.arguments.per_connection && self.keeps_source(&next, source) => mail = next,
                other => {
                    client.quit().await;
                    return Ok(other);
                }
            }
        }
        Ok(None)
    }

    fn keeps_source(&self, mail: &Mail, source: Option<IpAddr>) -> bool {
        !matches!(self.sources, Sources::FromReceived) || self.sources.of(mail, 0) == source
    }
}
