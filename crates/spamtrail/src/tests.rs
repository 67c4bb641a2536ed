//! The command `tests`: the messages by which abusers tried the sensors, the drop-boxes they went to, and the decision to
//! send one on.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use evidence::{Shown, Time, Window, shown};
use lake::{Reader, Snapshot, Value};
use release::{Audit, Event, Ledger, State};
use statistics::{Sheet, TestMessage, dropboxes, test_message, test_messages};

use crate::Outcome;
use crate::arguments::{Decide, Format, ListTests, Tests, TestsCommand};
use crate::config::{CollectConfig, ReleaseMode};
use crate::data::Data;
use crate::output::{block_on, stdout};
use crate::release::{DECISION_HOLDS, entry, letter, releasable};

/// How long `release` waits for the collector to send the message.
const SENT_WITHIN: Duration = Duration::from_secs(30);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) fn tests(arguments: Tests) -> anyhow::Result<Outcome> {
    match arguments.command {
        TestsCommand::List(list) => block_on(list_tests(list)),
        TestsCommand::Dropboxes(list) => block_on(list_dropboxes(list)),
        TestsCommand::Show { id, data } => block_on(show(&id, &Data(data.data))),
        TestsCommand::Release(decide) => block_on(release(decide)),
        TestsCommand::Deny(decide) => block_on(deny(decide)),
    }
}

async fn list_tests(arguments: ListTests) -> anyhow::Result<Outcome> {
    let (data, window) = (Data(arguments.data.clone()), window(&arguments)?);
    let tests = test_messages(&snapshot(&data).await?, window, arguments.top).await?;
    let ledger = Audit::new(&data.release()).read()?;
    let columns = ["accepted_at", "id", "sensor", "port", "source", "sign", "place", "strength", "drop-box", "state"];
    let rows = tests.iter().map(|test| row(test, &ledger)).collect();
    write(&Sheet::new("test", &columns, rows), &arguments)
}

fn row(test: &TestMessage, ledger: &Ledger) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let recipients: Vec<_> = test.recipients.iter().map(|recipient| shown(recipient)).collect();
    vec![
        Value::Instant(test.at),
        text(&test.id),
        text(test.sensor.as_str()),
        Value::Integer(i64::try_from(test.port).unwrap_or(0)),
        text(&test.source),
        text(&test.sign),
        text(&test.place),
        text(if test.is_strong { "strong" } else { "weak" }),
        text(&recipients.join(" ")),
        text(ledger.state(&test.id).name()),
    ]
}

async fn list_dropboxes(arguments: ListTests) -> anyhow::Result<Outcome> {
    let snapshot = snapshot(&Data(arguments.data.clone())).await?;
    let sheet = dropboxes(&snapshot, window(&arguments)?, arguments.top).await?;
    write(&sheet, &arguments)
}

fn window(arguments: &ListTests) -> anyhow::Result<Window> {
    let until = Time::parse(&arguments.at, sensor::now()).context("--at")?;
    Ok(Window::ending(until, arguments.window))
}

fn write(sheet: &Sheet, arguments: &ListTests) -> anyhow::Result<Outcome> {
    let mut out = stdout();
    match if arguments.json { Format::Json } else { arguments.format } {
        Format::Text => sheet.write_text(&mut out)?,
        Format::Csv => sheet.write_csv(&mut out)?,
        Format::Json => sheet.write_json(&mut out)?,
    }
    out.flush()?;
    Ok(if sheet.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

async fn show(id: &str, data: &Data) -> anyhow::Result<Outcome> {
    let snapshot = snapshot(data).await?;
    let test = find(&snapshot, id).await?;
    let ledger = Audit::new(&data.release()).read()?;
    let mut out = stdout();
    writeln!(out, "id          {}", test.id)?;
    writeln!(out, "accepted    {}, by {} on port {}, from {}", test.at, test.sensor, test.port, test.source)?;
    writeln!(out, "why         {} ({})", test.reason, if test.is_strong { "strong" } else { "weak" })?;
    if let Some(index) = &test.index {
        writeln!(out, "index       {index}")?;
    }
    writeln!(out, "MAIL FROM   {}", Shown(&test.sender))?;
    for recipient in &test.recipients {
        writeln!(out, "RCPT TO     {}", Shown(recipient))?;
    }
    writeln!(out, "content     {} bytes, {}", test.size, test.sha256)?;
    for entry in ledger.entries.iter().filter(|entry| entry.message == test.id) {
        writeln!(out, "{:11} {} by {} {}", entry.event.name(), entry.at, entry.by, entry.words)?;
    }
    writeln!(out)?;
    match statistics::content(&snapshot, &test.sha256).await? {
        Some(content) => {
            let lines = content.split_inclusive(|byte| *byte == b'\n');
            lines.map(<[u8]>::trim_ascii_end).try_for_each(|line| writeln!(out, "  {}", Shown(line)))?;
        }
        None => writeln!(out, "  (the content is not kept any more)")?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// Writes the decision, then waits for the collector, which alone sends.
async fn release(arguments: Decide) -> anyhow::Result<Outcome> {
    let config = CollectConfig::read(&arguments.config)?;
    let data = Data(config.data.clone());
    if config.release.mode == ReleaseMode::Off {
        bail!("release is off in {}: nothing is sent", arguments.config.display());
    }
    let snapshot = snapshot(&data).await?;
    let test = find(&snapshot, &arguments.id).await?;
    let audit = Audit::new(&data.release());
    releasable(&test, &config.release)?;
    letter(&snapshot, &test, &config.release).await?;
    let now = sensor::now();
    let entry = entry(&test, Event::Approved, &person(), now);
    let caps = config.release.caps();
    audit.append(|ledger| ledger.may_decide(&entry, Some(&caps), now).map(|()| entry.clone()))?;
    wait(&audit, &test.id).await
}

async fn wait(audit: &Audit, id: &str) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    while began.elapsed() < SENT_WITHIN {
        let ledger = audit.read()?;
        let words = ledger.last(id).map(|entry| entry.words.clone()).unwrap_or_default();
        match ledger.state(id) {
            State::Sent => {
                eprintln!("sent: {words}");
                return Ok(Outcome::Done);
            }
            State::Decided | State::Sending => tokio::time::sleep(LOOK_EVERY).await,
            other => {
                eprintln!("{}: {words}", other.name());
                return Ok(Outcome::NothingFound);
            }
        }
    }
    let holds = DECISION_HOLDS.as_secs();
    eprintln!("approved; no collector has sent it so far. One that starts within {holds} s with release on will.");
    Ok(Outcome::NothingFound)
}

async fn deny(arguments: Decide) -> anyhow::Result<Outcome> {
    let config = CollectConfig::read(&arguments.config)?;
    let data = Data(config.data.clone());
    let test = find(&snapshot(&data).await?, &arguments.id).await?;
    let now = sensor::now();
    let entry = entry(&test, Event::Denied, &person(), now);
    Audit::new(&data.release()).append(|ledger| ledger.may_decide(&entry, None, now).map(|()| entry.clone()))?;
    eprintln!("{} will not be sent", test.id);
    Ok(Outcome::Done)
}

async fn find(snapshot: &Snapshot, id: &str) -> anyhow::Result<TestMessage> {
    test_message(snapshot, id).await?.with_context(|| format!("there is no test `{}`", shown(id.as_bytes())))
}

async fn snapshot(data: &Data) -> anyhow::Result<Snapshot> {
    Ok(Reader::open(&data.lake()).await?.snapshot().await?)
}

/// Who decides, as far as this machine knows.
fn person() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let user = rustix::process::getuid().as_raw();
    name.map_or(format!("user {user}"), |name| format!("{} (user {user})", shown(name.as_bytes())))
}
