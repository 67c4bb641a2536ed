//! Sends on the tests that were decided on: in the collector, one after the other, and only where the configuration says
//! so. Without it nothing here runs and no connection is made.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use evidence::{Time, Window};
use lake::{Reader, Snapshot};
use release::{Audit, AuditError, Entry, Event, Letter, Outcome, Smarthost, State, Turned};
use statistics::TestMessage;
use tokio_util::sync::CancellationToken;

use crate::config::{ReleaseConfig, ReleaseMode};
use crate::data::Data;

/// How often the audit is looked at for decisions, and the lake for tests that the rule is about.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const RULE_EVERY: Duration = Duration::from_secs(10);

/// A decision that was not acted upon for so long is let go of: whoever decided does not expect it any more.
pub(crate) const DECISION_HOLDS: Duration = Duration::from_secs(600);

/// The rule is about tests of this time; older ones need a person.
const RULE_WITHIN: Duration = Duration::from_secs(86_400);

/// Tests that the rule looks at in one go; the newest of them.
const RULE_ROWS: usize = 1000;

/// Who acts when it is not a person.
const COLLECTOR: &str = "collector";

/// Sends what is decided on until told to stop.
pub(crate) async fn run(data: Data, config: ReleaseConfig, stop: CancellationToken) {
    let (true, Some(smarthost)) = (config.mode != ReleaseMode::Off, config.smarthost) else { return };
    let audit = Audit::new(&data.release());
    let mut releasing = Releasing { audit, data, config, smarthost, unsendable: HashSet::new() };
    tracing::info!(%smarthost, mode = ?releasing.config.mode, "tests may be sent on");
    if let Err(error) = releasing.settle() {
        tracing::error!(error = format!("{error:#}"), "nothing is sent on: the audit cannot be used");
        return;
    }
    let mut rule = tokio::time::interval(RULE_EVERY);
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        let done = tokio::select! {
            _ = rule.tick(), if releasing.config.mode == ReleaseMode::Rule => releasing.apply_rule().await,
            _ = look.tick() => releasing.send_decided().await,
            () = stop.cancelled() => return,
        };
        if let Err(error) = done {
            tracing::error!(error = format!("{error:#}"), "tests cannot be sent on now");
        }
    }
}

struct Releasing {
    audit: Audit,
    data: Data,
    config: ReleaseConfig,
    smarthost: SocketAddr,
    /// Tests that cannot be sent unchanged, so that the rule looks at each once.
    unsendable: HashSet<String>,
}

impl Releasing {
    /// What was being sent when the collector ended has no outcome, and will have none.
    fn settle(&self) -> Result<(), AuditError> {
        for entry in self.audit.read()?.in_state(State::Sending) {
            let words = "the collector ended meanwhile";
            self.audit.append(|_| Ok(entry.followed_by(Event::Unknown, sensor::now(), COLLECTOR, words)))?;
            tracing::warn!(message = entry.message, "nobody knows whether this test was sent; it is not sent again");
        }
        Ok(())
    }

    async fn send_decided(&self) -> anyhow::Result<()> {
        let decided: Vec<Entry> = self.audit.read()?.in_state(State::Decided).into_iter().cloned().collect();
        for entry in decided {
            self.send(&entry).await?;
        }
        Ok(())
    }

    /// Sends one message that was decided on. The order is what makes it at most once: *sending* is on disk before the
    /// connection is made.
    async fn send(&self, decided: &Entry) -> anyhow::Result<()> {
        let letter = match self.letter(decided).await {
            Ok(letter) => letter,
            Err(error) => return self.fail(decided, &format!("{error:#}")),
        };
        let caps = self.config.caps();
        let sending = self.audit.append(|ledger| {
            let now = sensor::now();
            ledger.may_send(decided, &caps, now)?;
            Ok(decided.followed_by(Event::Sending, now, COLLECTOR, &self.smarthost.to_string()))
        });
        let sending = match sending {
            Ok(sending) => sending,
            Err(AuditError::Turned(turned @ Turned::Cap { .. })) => return self.fail(decided, &turned.to_string()),
            Err(AuditError::Turned(_)) => return Ok(()), // decided otherwise meanwhile
            Err(error) => return Err(error.into()),
        };
        let (event, words) = match Smarthost(self.smarthost).send(&letter).await {
            Outcome::Sent(words) => (Event::Sent, words),
            Outcome::Failed(words) => (Event::Failed, words),
            Outcome::Unknown(words) => (Event::Unknown, words),
        };
        self.audit.append(|_| Ok(sending.followed_by(event, sensor::now(), COLLECTOR, &words)))?;
        tracing::info!(message = decided.message, outcome = event.name(), "a test was handed over");
        Ok(())
    }

    fn fail(&self, decided: &Entry, why: &str) -> anyhow::Result<()> {
        let failed = self.audit.append(|ledger| match ledger.state(&decided.message) {
            State::Decided => Ok(decided.followed_by(Event::Failed, sensor::now(), COLLECTOR, why)),
            other => Err(Turned::NotDecided(other)),
        });
        tracing::warn!(message = decided.message, why, "a test is not sent");
        match failed {
            Ok(_) | Err(AuditError::Turned(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What is to be handed over, if it still may be: everything is looked at again, whoever decided.
    async fn letter(&self, decided: &Entry) -> anyhow::Result<Letter> {
        let held = decided.time().is_some_and(|at| sensor::now().since(at) <= DECISION_HOLDS);
        anyhow::ensure!(held, "the decision is older than {} s", DECISION_HOLDS.as_secs());
        let snapshot = self.snapshot().await?;
        let message = statistics::test_message(&snapshot, &decided.message).await?;
        let message = message.context("the lake has no such test")?;
        releasable(&message, &self.config)?;
        let recipient = &message.recipients[0];
        anyhow::ensure!(Entry::digest_of(recipient) == decided.dropbox, "the decision was about another drop-box");
        anyhow::ensure!(message.sha256 == decided.content, "the decision was about another content");
        letter(&snapshot, &message, &self.config).await
    }

    /// Decides, by rule, on the tests of the last day: of each drop-box the first with a strong sign, as far as caps allow.
    async fn apply_rule(&mut self) -> anyhow::Result<()> {
        let now = sensor::now();
        let window = Window { from: now - RULE_WITHIN, until: now };
        let (snapshot, caps) = (self.snapshot().await?, self.config.caps());
        let ledger = self.audit.read()?;
        let mut tests = statistics::test_messages(&snapshot, window, RULE_ROWS).await?;
        tests.reverse(); // the oldest first
        if self.unsendable.len() > RULE_ROWS {
            self.unsendable.clear();
        }
        for test in tests.iter().filter(|test| releasable(test, &self.config).is_ok()) {
            let entry = entry(test, Event::ByRule, COLLECTOR, now);
            if self.unsendable.contains(&test.id) || ledger.may_decide(&entry, Some(&caps), now).is_err() {
                continue;
            }
            // What certainly failed is for a person to decide on again.
            if ledger.state(&test.id) != State::Open {
                continue;
            }
            if letter(&snapshot, test, &self.config).await.is_err() {
                self.unsendable.insert(test.id.clone());
                continue;
            }
            match self.audit.append(|ledger| ledger.may_decide(&entry, Some(&caps), now).map(|()| entry.clone())) {
                Ok(_) | Err(AuditError::Turned(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        Ok(Reader::open(&self.data.lake()).await?.snapshot().await?)
    }
}

/// Whether a test is of the kind that may ever be sent on: never what might be spam after all.
pub(crate) fn releasable(message: &TestMessage, config: &ReleaseConfig) -> anyhow::Result<()> {
    let is_listed = config.sensors.iter().any(|sensor| *sensor == message.sensor.as_str());
    anyhow::ensure!(is_listed, "tests of the sensor {} are not released", message.sensor);
    anyhow::ensure!(
        message.is_marked,
        "the listener on port {} of {} had no `release_tests`: its tests are not released",
        message.port,
        message.sensor
    );
    anyhow::ensure!(
        message.is_strong,
        "its sign is weak ({}); only tests with a strong sign are released",
        message.reason
    );
    anyhow::ensure!(message.recipients.len() == 1, "it has {} recipients, not one", message.recipients.len());
    let most = u64::from(config.most_kib) * 1024;
    anyhow::ensure!(message.size <= most, "it has {} bytes, more than {most}", message.size);
    Ok(())
}

/// The letter of a test, when its content is still kept and can be sent unchanged.
pub(crate) async fn letter(
    snapshot: &Snapshot,
    message: &TestMessage,
    config: &ReleaseConfig,
) -> anyhow::Result<Letter> {
    let content = statistics::content(snapshot, &message.sha256).await?.context("its content is not kept any more")?;
    let sender = match config.envelope_sender.as_deref() {
        None => message.sender.as_slice(),
        Some("<>") => b"",
        Some(other) => other.as_bytes(),
    };
    let recipient = message.recipients.first().ok_or_else(|| anyhow!("it has no recipient"))?;
    Ok(Letter::new(sender, recipient, &content, config.most_kib as usize * 1024)?)
}

/// A line about a test.
pub(crate) fn entry(message: &TestMessage, event: Event, by: &str, now: Time) -> Entry {
    Entry {
        at: now.to_string(),
        message: message.id.clone(),
        event,
        by: by.to_owned(),
        sensor: message.sensor.to_string(),
        dropbox: message.recipients.first().map(|recipient| Entry::digest_of(recipient)).unwrap_or_default(),
        content: message.sha256.clone(),
        words: String::new(),
    }
}
