//! The command `logins`: what clients tried, and for the operator who has the key, with which passwords.
//!
//! Nothing is opened without a line in the data folder that says so, written and synced before.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, ensure};
use evidence::{Credential, Time, shown};
use lake::{Answer, Reader, Value};
use serde_json::json;
use spool::SealKey;
use statistics::Question;

use crate::Outcome;
use crate::arguments::Logins;
use crate::data::Data;
use crate::output::{block_on, stdout, write_line};

/// Most stars that stand for a password.
const MAX_MASK: usize = 16;

/// One login, as the lake has it.
struct Offer {
    at: Time,
    source: String,
    sensor: String,
    protocol: String,
    mechanism: String,
    user: String,
    answer: String,
    length: Option<usize>,
    sealed: Vec<u8>,
}

/// What is told of a password.
enum Told {
    /// Only its length, if that is known.
    Masked(Option<usize>),
    Open(Box<Credential>),
    /// Another key opens it.
    OtherSeal,
}

pub(crate) fn logins(arguments: &Logins) -> anyhow::Result<Outcome> {
    let data = Data(arguments.data.clone());
    let now = sensor::now();
    let since = Time::parse(&arguments.since, now).context("--since")?;
    let key = arguments.reveal.as_deref().map(SealKey::read).transpose().context("--reveal")?;
    let offers = block_on(offered(&data, since, now))?;
    let mut told: Vec<_> = offers.iter().map(|offer| Told::Masked(offer.length)).collect();
    if let (Some(key), Some(path)) = (&key, &arguments.reveal) {
        told = reveal(&offers, key, path)?;
        note(&data, now, path, since, &told)?;
    }
    let mut out = stdout();
    if !arguments.json && !offers.is_empty() {
        let head = ["at", "source", "sensor", "protocol", "mechanism", "user", "secret", "answer"];
        write_line(&mut out, &head.map(str::to_owned))?;
    }
    for (offer, told) in offers.iter().zip(&told) {
        match arguments.json {
            true => writeln!(out, "{}", offer.json(told))?,
            false => write_line(&mut out, &offer.cells(told))?,
        }
    }
    out.flush()?;
    Ok(if offers.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

/// The logins of a time, from the lake.
async fn offered(data: &Data, from: Time, until: Time) -> anyhow::Result<Vec<Offer>> {
    let snapshot = Reader::open(&data.lake()).await?.snapshot().await?;
    let parameters = [("from", Value::Instant(from)), ("until", Value::Instant(until))];
    let answer = snapshot.sql(Question::LOGINS.sql(), &parameters).await.context("the logins")?;
    answer.rows.iter().map(|row| Offer::read(&answer, row).context("the logins of the lake cannot be read")).collect()
}

/// Opens what the key opens. A key that opens nothing is an error.
fn reveal(offers: &[Offer], key: &SealKey, path: &Path) -> anyhow::Result<Vec<Told>> {
    let open = |offer: &Offer| match key.open(&offer.sealed).map(|open| Credential::decode(&open)) {
        _ if offer.sealed.is_empty() => Told::Masked(offer.length),
        Some(Ok(credential)) => Told::Open(Box::new(credential)),
        _ => Told::OtherSeal,
    };
    let told: Vec<_> = offers.iter().map(open).collect();
    let (opened, others) = (count(&told, |told| matches!(told, Told::Open(_))), count(&told, Told::is_other));
    ensure!(
        opened > 0 || others == 0,
        "{} is the key of another seal: it opens none of the {others} sealed passwords",
        path.display()
    );
    Ok(told)
}

fn count(told: &[Told], is: impl Fn(&Told) -> bool) -> usize {
    told.iter().filter(|told| is(told)).count()
}

/// Says on stderr, and in the data folder for good, that passwords are opened.
fn note(data: &Data, now: Time, key: &Path, since: Time, told: &[Told]) -> anyhow::Result<()> {
    let (opened, others) = (count(told, |told| matches!(told, Told::Open(_))), count(told, Told::is_other));
    let user = rustix::process::getuid().as_raw();
    let line = json!({
        "at": now.to_string(), "user_id": user, "key": key.display().to_string(), "since": since.to_string(),
        "opened": opened,
    });
    let path = data.reveals();
    let written = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| {
        writeln!(file, "{line}")?;
        file.sync_all()
    });
    written.with_context(|| format!("{}: nothing is opened without a note of it", path.display()))?;
    eprintln!("{opened} passwords of third parties are opened; {} has a note of it", path.display());
    if others > 0 {
        eprintln!("{others} more are sealed to another key");
    }
    Ok(())
}

impl Offer {
    fn read(answer: &Answer, row: &[Value]) -> Option<Self> {
        let value = |name: &str| row.get(answer.column(name)?);
        let text = |name: &str| match value(name)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        let integer = |name: &str| match value(name)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        };
        Some(Self {
            at: Time::from_micros(integer("at")?),
            source: text("source_ip")?,
            sensor: text("sensor")?,
            protocol: text("protocol")?,
            mechanism: text("mechanism")?,
            user: text("login")?,
            answer: text("answer")?,
            length: usize::try_from(integer("length")?).ok(),
            sealed: bytes(&text("sealed")?)?,
        })
    }

    fn cells(&self, told: &Told) -> Vec<String> {
        let secret = match told {
            Told::Masked(None | Some(0)) => "-".to_owned(),
            Told::Masked(Some(length)) => "*".repeat((*length).min(MAX_MASK)),
            Told::Open(credential) => shown(&credential.secret),
            Told::OtherSeal => "(sealed to another key)".to_owned(),
        };
        let [source, sensor, protocol, mechanism, user, answer] =
            [&self.source, &self.sensor, &self.protocol, &self.mechanism, &self.user, &self.answer].map(Clone::clone);
        vec![self.at.to_string(), source, sensor, protocol, mechanism, user, secret, answer]
    }

    fn json(&self, told: &Told) -> serde_json::Value {
        let mut line = json!({
            "type": "login", "at": self.at.to_string(), "source": self.source, "sensor": self.sensor,
            "protocol": self.protocol, "mechanism": self.mechanism, "user": self.user, "answer": self.answer,
            "secret_length": self.length,
        });
        if let Told::Open(credential) = told {
            line["secret"] = shown(&credential.secret).into();
            line["challenge"] = credential.challenge.as_ref().map(|challenge| shown(challenge)).into();
        }
        line
    }
}

impl Told {
    fn is_other(&self) -> bool {
        matches!(self, Self::OtherSeal)
    }
}

/// Bytes from hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect()
}
