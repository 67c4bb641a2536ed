//! Following logs as they grow: what is found goes to the lake every minute, with how far the logs were read.

use std::time::Duration;

use anyhow::Context;
use spamtrail_sensor::stopped;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Store;
use super::following::Sources;
use super::listen::Listening;
use super::memory::{Counted, Read};
use super::site::Settings;
use super::watch::Watch;
use crate::arguments::MaillogRead;
use crate::data::Data;

/// How often logs are looked at when they had nothing new.
const LOOK: Duration = Duration::from_millis(500);

/// How often what was found goes to the lake.
const KEEP_EVERY: Duration = Duration::from_secs(60);

/// After the stop logs are read on until they have nothing new, and no longer than this: the next run reads the rest.
const READ_ON: Duration = Duration::from_secs(10);

/// Follows logs until it is stopped; then everything read is kept.
pub(super) async fn follow(arguments: MaillogRead) -> anyhow::Result<()> {
    let data = arguments.data.clone().context("--follow keeps what it finds: name a data folder with --data")?;
    let data = Data(data);
    let stop = stopped()?;
    let mut store = Store::open(data.clone()).await?;
    let watch = store.watch(Settings::read(&arguments)?).await?;
    let sources = Sources::new(&arguments.files, store.memory.logs(), &watch)?;
    let listening = Listening::open(&arguments, &data)?;
    let mut follower = Follower { store, watch, sources, listening };
    let followed = follower.run(&stop).await;
    if let Some(listening) = follower.listening {
        // It failed: what came is in the logs, for the next run.
        listening.close().await;
    }
    followed
}

struct Follower {
    store: Store,
    watch: Watch,
    sources: Sources,
    listening: Option<Listening>,
}

impl Follower {
    async fn run(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        let (mut kept_at, mut unkept) = (Instant::now(), false);
        let (mut stopped_at, mut last) = (None, None);
        self.take_in_logs()?;
        self.release();
        loop {
            if stop.is_cancelled() && stopped_at.is_none() {
                stopped_at = Some(Instant::now());
                last = match self.listening.take() {
                    Some(listening) => Some(listening.close().await),
                    None => None,
                };
            }
            self.take_in_logs()?;
            let said = self.store.hear(&mut self.watch)?;
            let news = self.sources.read(&mut self.watch);
            let is_pressed = self.listening.as_ref().is_some_and(Listening::is_pressed);
            unkept |= news || said || last.is_some();
            let ends = stopped_at.is_some_and(|at| !news || at.elapsed() >= READ_ON);
            if ends || said || is_pressed || self.watch.is_full() || kept_at.elapsed() >= KEEP_EVERY {
                let now = self.listening.as_mut().map(Listening::status);
                unkept |= now.is_some_and(|(_, changed)| changed);
                if unkept {
                    let inlet =
                        last.or(now.map(|(status, _)| status)).map(|status| Counted::new(&status, sensor::now()));
                    let read = Read { files: Vec::new(), logs: self.sources.followed(), inlet };
                    self.store.keep(&mut self.watch, read).await?;
                    self.release();
                }
                (kept_at, unkept) = (Instant::now(), false);
            }
            if ends {
                return Ok(());
            }
            if !news {
                tokio::select! {
                    () = sleep(LOOK) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
    }

    /// Follows the logs of peers that were not heard of before.
    fn take_in_logs(&mut self) -> anyhow::Result<()> {
        let Some(listening) = &self.listening else { return Ok(()) };
        for log in listening.logs()? {
            self.sources.add_inlet(log, self.store.memory.logs(), &self.watch)?;
        }
        Ok(())
    }

    /// Lets go of what is kept now.
    fn release(&self) {
        if let Some(listening) = &self.listening {
            self.sources.reached().for_each(|(log, number)| listening.release(log, number));
        }
    }
}
