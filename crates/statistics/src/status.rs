//! How the sensors are: their last sign of life and what they counted, drops first.

use std::time::Duration;

use evidence::{Counter, SensorName, Time, Window};
use lake::{Snapshot, Value};

use crate::StatisticsError;
use crate::page::KNOWN_FOR;
use crate::question::Question;
use crate::reading::{Line, Reading};
use crate::sheet::Sheet;

/// A sensor that has said nothing for so long is down: it says something every minute.
const SILENT_AFTER: Duration = Duration::from_secs(180);

/// A sensor's last sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorStatus {
    pub sensor: SensorName,
    pub health: Health,
    /// When the sensor wrote it, by its own clock.
    pub at: Time,
    /// When the collector had it.
    pub received_at: Time,
    pub started_at: Time,
    pub version: String,
    /// Connections open at that moment.
    pub open: u64,
    /// What waited on the sensor's disk, and the most that may.
    pub spool_segments: u64,
    pub spool_bytes: u64,
    pub spool_limit: u64,
    pub clock_offset_us: i64,
    /// `None` when the clock is not synchronised.
    pub clock_uncertainty_us: Option<u64>,
    /// In the order of [`Counter::ALL`], since the start of its program.
    pub counters: Vec<u64>,
}

/// Whether a sensor works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Up,
    /// It stopped in good order.
    Stopped,
    /// It has said nothing for some minutes.
    Silent,
}

impl Health {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Stopped => "stopped",
            Self::Silent => "silent",
        }
    }
}

/// The status of each sensor that said anything in the seven days before `now`.
pub async fn status(snapshot: &Snapshot, now: Time) -> Result<Vec<SensorStatus>, StatisticsError> {
    let week = Window { from: now - KNOWN_FOR, until: now };
    let parameters = [("from", Value::Instant(week.from)), ("until", Value::Instant(week.until))];
    let answer = snapshot.within(week).sql(Question::STATUS.sql(), &parameters).await?;
    Reading::new(Question::STATUS, answer).lines().map(|line| SensorStatus::read(&line, now)).collect()
}

/// The status of sensors, to be written.
pub fn status_sheet(sensors: &[SensorStatus]) -> Sheet {
    let columns = ["sensor", "state", "at", "received_at", "started_at", "version", "open"];
    let columns = columns.into_iter().chain(["spool_segments", "spool_bytes", "spool_limit", "clock_offset_us"]);
    let columns = columns.chain(["clock_uncertainty_us"]).chain(Counter::ALL.map(Counter::name));
    let rows = sensors.iter().map(SensorStatus::values).collect();
    Sheet { kind: "status", columns: columns.map(str::to_owned).collect(), rows }
}

impl SensorStatus {
    /// How late its last sign of life arrived.
    pub fn lag(&self) -> Duration {
        self.received_at.since(self.at)
    }

    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters.get(counter as usize).copied().unwrap_or(0)
    }

    fn read(line: &Line<'_>, now: Time) -> Result<Self, StatisticsError> {
        let instant = |column| line.instant(column).map(Option::unwrap_or_default);
        let at = instant("at")?;
        let health = match line.boolean("last")? {
            true => Health::Stopped,
            false if now.since(at) > SILENT_AFTER => Health::Silent,
            false => Health::Up,
        };
        Ok(Self {
            sensor: line.sensor()?,
            health,
            at,
            received_at: instant("received_at")?,
            started_at: instant("started_at")?,
            version: line.text("version")?.unwrap_or_default(),
            open: line.integer("open")?,
            spool_segments: line.integer("spool_segments")?,
            spool_bytes: line.integer("spool_bytes")?,
            spool_limit: line.integer("spool_limit")?,
            clock_offset_us: line.signed("clock_offset_us")?.unwrap_or(0),
            clock_uncertainty_us: line.signed("clock_uncertainty_us")?.and_then(|us| us.try_into().ok()),
            counters: Counter::ALL.into_iter().map(|counter| line.integer(counter.name())).collect::<Result<_, _>>()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        let count = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let mut values = vec![
            Value::Text(self.sensor.to_string()),
            Value::Text(self.health.name().to_owned()),
            Value::Instant(self.at),
            Value::Instant(self.received_at),
            Value::Instant(self.started_at),
            Value::Text(self.version.clone()),
            count(self.open),
            count(self.spool_segments),
            count(self.spool_bytes),
            count(self.spool_limit),
            Value::Integer(self.clock_offset_us),
            self.clock_uncertainty_us.map_or(Value::Null, count),
        ];
        values.extend(self.counters.iter().map(|number| count(*number)));
        values
    }
}
