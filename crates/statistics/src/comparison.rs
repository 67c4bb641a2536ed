//! The experiment of 2011 as a question: what came to listeners with a factor set, and to those without.

use std::time::Duration;

use evidence::{Factor, Window};
use lake::{Answer, Value};

use crate::StatisticsError;
use crate::asked::{Asked, complete};
use crate::page::Page;
use crate::question::Question;
use crate::reading::Reading;
use crate::records::RecordKind;
use crate::selection::{Dimension, Selection};
use crate::sheet::Sheet;

/// How long after the end of a window a sign of life still tells that a sensor listened up to that end: two minutes, since
/// there is one each minute.
const LATE: Duration = Duration::from_secs(120);

/// The least that each listener must have listened for numbers by the hour: a sign of life. With less they tell nothing.
const LEAST: Duration = Duration::from_secs(60);

/// Listeners with a factor beside those without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub factor: Factor,
    pub off: Side,
    pub on: Side,
}

/// What came to the listeners of one setting, and how much of them there was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Side {
    pub listeners: u64,
    /// Of all listeners together.
    pub listened: Duration,
    pub emails: u64,
    pub recipients: u64,
    pub bytes: u64,
    pub ips: u64,
    pub connections: u64,
    /// Connections that delivered nothing, and those of them that were refused.
    pub probes: u64,
    pub refused: u64,
}

/// One measure of both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    pub name: &'static str,
    pub off: f64,
    pub on: f64,
    /// The same for each hour of each listener; `None` where that has no meaning, or less was listened than
    /// tells.
    pub per_hour: [Option<f64>; 2],
}

impl Comparison {
    /// In the order of the tables.
    pub fn measures(&self) -> Vec<Measure> {
        let of = |name, of: fn(&Side) -> f64, per_hour: bool| {
            let hourly = |side: &Side| (per_hour && side.is_enough()).then(|| of(side) / side.hours());
            Measure { name, off: of(&self.off), on: of(&self.on), per_hour: [hourly(&self.off), hourly(&self.on)] }
        };
        vec![
            of("listeners", |side| side.listeners as f64, false),
            of("listener-hours", Side::hours, false),
            of("emails", |side| side.emails as f64, true),
            of("recipients", |side| side.recipients as f64, true),
            of("bytes", |side| side.bytes as f64, true),
            of("ips", |side| side.ips as f64, true),
            of("connections", |side| side.connections as f64, true),
            of("probes", |side| side.probes as f64, true),
            of("refused", |side| side.refused as f64, true),
        ]
    }

    /// Comparisons to be written, a row for each measure.
    pub fn sheet(comparisons: &[Self]) -> Sheet {
        let columns = ["factor", "measure", "off", "on", "ratio", "off_per_hour", "on_per_hour", "ratio_per_hour"];
        let rows = comparisons.iter().flat_map(|comparison| {
            let factor = comparison.factor.name();
            comparison.measures().into_iter().map(move |measure| measure.row(factor))
        });
        Sheet { kind: "comparison", columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
    }
}

impl Measure {
    /// On to off; `None` where off is nothing.
    pub fn ratio(&self) -> Option<f64> {
        (self.off > 0.0).then(|| self.on / self.off)
    }

    /// The same for each hour of each listener.
    pub fn ratio_per_hour(&self) -> Option<f64> {
        let [off, on] = self.per_hour;
        off.filter(|off| *off > 0.0).zip(on).map(|(off, on)| on / off)
    }

    fn row(&self, factor: &str) -> Vec<Value> {
        let number = |number: f64| match number.fract() == 0.0 {
            true => Value::Integer(number as i64),
            false => Value::Float(rounded(number)),
        };
        let perhaps = |number: Option<f64>| number.map_or(Value::Null, |number| Value::Float(rounded(number)));
        let [off_per_hour, on_per_hour] = self.per_hour;
        vec![
            Value::Text(factor.to_owned()),
            Value::Text(self.name.to_owned()),
            number(self.off),
            number(self.on),
            perhaps(self.ratio()),
            perhaps(off_per_hour),
            perhaps(on_per_hour),
            perhaps(self.ratio_per_hour()),
        ]
    }
}

impl Side {
    pub fn hours(&self) -> f64 {
        self.listened.as_secs_f64() / 3600.0
    }

    fn is_enough(&self) -> bool {
        let listeners = u32::try_from(self.listeners).unwrap_or(u32::MAX);
        self.listeners > 0 && self.listened >= LEAST.saturating_mul(listeners)
    }
}

/// To four places.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

impl Page {
    /// Compares this page's selection by a factor.
    pub async fn comparison(&self, factor: Factor) -> Result<Comparison, StatisticsError> {
        let mut comparison = Comparison { factor, off: Side::default(), on: Side::default() };
        for line in self.ask(Question::COMPARE, factor).await?.lines() {
            let side = comparison.side(line.boolean("is_set")?);
            side.emails = line.integer("emails")?;
            side.recipients = line.integer("recipients")?;
            side.bytes = line.integer("bytes")?;
            side.ips = line.integer("ips")?;
            side.connections = line.integer("connections")?;
        }
        // A connection that delivered nothing has no domain.
        if self.selection.filters.iter().all(|filter| RecordKind::Probes.has(filter.dimension)) {
            for line in self.ask(Question::COMPARE_PROBES, factor).await?.lines() {
                let side = comparison.side(line.boolean("is_set")?);
                (side.probes, side.refused) = (line.integer("probes")?, line.integer("refused")?);
            }
        }
        for line in self.ask(Question::EXPOSURE, factor).await?.lines() {
            let side = comparison.side(line.boolean("is_set")?);
            side.listeners = line.integer("listeners")?;
            side.listened = Duration::from_millis(line.integer("ms")?);
        }
        Ok(comparison)
    }

    async fn ask(&self, question: Question, factor: Factor) -> Result<Reading, StatisticsError> {
        let window = self.selection.window;
        let (query, parameters) = self.selection.comparing(question, factor);
        let window =
            Window { until: if question == Question::EXPOSURE { window.until + LATE } else { window.until }, ..window };
        let answer: Answer = self.snapshot.within(window).sql(&query, &parameters).await?;
        Ok(Reading::new(question, answer))
    }
}

impl Comparison {
    fn side(&mut self, is_set: bool) -> &mut Side {
        if is_set { &mut self.on } else { &mut self.off }
    }
}

impl Selection {
    /// The questions behind a comparison.
    pub fn asked_for_comparison(&self, factor: Factor) -> Vec<Asked> {
        [Question::COMPARE, Question::COMPARE_PROBES, Question::EXPOSURE]
            .map(|question| {
                let (query, parameters) = self.comparing(question, factor);
                Asked { question, sql: complete(&query, &parameters) }
            })
            .into_iter()
            .collect()
    }

    fn comparing(&self, question: Question, factor: Factor) -> (String, Vec<(&'static str, Value)>) {
        let applies: fn(Dimension) -> bool = match question {
            Question::COMPARE => |_| true,
            Question::COMPARE_PROBES => |dimension| RecordKind::Probes.has(dimension),
            // Heartbeats know no other.
            _ => |dimension| matches!(dimension, Dimension::Sensor | Dimension::Port),
        };
        let mut parameters = self.parameters(applies);
        parameters.push(("factor", Value::Text(factor.name().to_owned())));
        if question != Question::EXPOSURE {
            return (self.fill(question, applies), parameters);
        }
        parameters.push(("late", Value::Instant(self.window.until + LATE)));
        let sensor = self.conditions(|dimension| dimension == Dimension::Sensor);
        let port = self.conditions(|dimension| dimension == Dimension::Port);
        let ports = port.replace(" port ", " CAST(split_part(listener, ' ', 1) AS BIGINT) ");
        (question.fill(&[("filter", &sensor), ("ports", &ports)]), parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_told_where_they_mean_something() {
        let side = |listened, emails| Side {
            listeners: 2,
            listened: Duration::from_secs(listened),
            emails,
            ..Side::default()
        };
        let comparison = Comparison { factor: Factor::RelayOnly, off: side(7200, 10), on: side(3600, 20) };
        let emails = comparison.measures().into_iter().find(|measure| measure.name == "emails").unwrap();
        assert_eq!((emails.ratio(), emails.per_hour), (Some(2.0), [Some(5.0), Some(20.0)]));
        assert_eq!(emails.ratio_per_hour(), Some(4.0));
        let nobody = Comparison { off: side(119, 0), ..comparison };
        let emails = nobody.measures().into_iter().find(|measure| measure.name == "emails").unwrap();
        assert_eq!((emails.ratio(), emails.ratio_per_hour()), (None, None));
        assert_eq!(Comparison::sheet(&[nobody]).columns.len(), 8);
    }
}
